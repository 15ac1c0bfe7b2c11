/* SPDX-License-Identifier: Apache-2.0
 *
 * Times as RFC 3339 writes them, years 1970 to 9999, to the second.
 */
#ifndef CORE_REFVAL_RFC3339_H
#define CORE_REFVAL_RFC3339_H

#include "lib/base/bytes.h"

#define RFC3339_SIZE 20

/* Any offset; fractions of a second are cut off; a leap second counts as the second after it. */
bool rfc3339_parse(slice text, int64_t *unix_seconds);
/* "2027-11-23T21:24:53Z". False for a time out of range. */
bool rfc3339_format(int64_t unix_seconds, uint8_t out[RFC3339_SIZE]);
/* The same time of the same day in so many years; of February 29, where that year has none, February 28. */
int64_t rfc3339_years_later(int64_t unix_seconds, int years);

#endif
