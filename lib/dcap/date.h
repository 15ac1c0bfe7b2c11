/* SPDX-License-Identifier: Apache-2.0
 *
 * Dates as options and claims have them (RFC 3339, UTC).
 */
#ifndef LIB_DCAP_DATE_H
#define LIB_DCAP_DATE_H

#include "lib/base/bytes.h"

#define DCAP_DATE_SIZE 20 /* "2025-09-23T15:02:05Z" */

/* The date into `out`, without a NUL; false beyond the years 0 to 9999. */
bool dcap_date_format(int64_t unix_seconds, uint8_t out[DCAP_DATE_SIZE]);
/* "2024-03-13", or with "T00:00:00Z"; false for anything else. */
bool dcap_date_parse(slice text, int64_t *unix_seconds);

#endif
