/* SPDX-License-Identifier: Apache-2.0
 *
 * The CC event log that firmware leaves in ACPI: a TCG2 log in an area that is larger than the log.
 */
#ifndef GUEST_CCEL_H
#define GUEST_CCEL_H

#include "lib/base/bytes.h"

/* The log without the unused rest of its area; ptr NULL when the text is not a log that ends with a mark. */
slice ccel_trim(slice area);

#endif
