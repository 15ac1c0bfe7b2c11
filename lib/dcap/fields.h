/* SPDX-License-Identifier: Apache-2.0
 *
 * Members of Intel's JSON, for this folder alone. Each function is false where the member is absent, of another type or
 * out of range.
 */
#ifndef LIB_DCAP_FIELDS_H
#define LIB_DCAP_FIELDS_H

#include "lib/json/json.h"

/* Exactly `size` bytes in hex, of either case. */
bool field_hex(const json *object, slice name, uint8_t *out, size_t size);
bool field_number(const json *object, slice name, uint64_t max, uint64_t *out);
/* "2025-06-19T09:01:02Z", the one form that Intel's service has, to Unix seconds; no leap second. */
bool field_date(const json *object, slice name, int64_t *out);
bool field_is(const json *object, slice name, slice text);
/* Whether the member is there at all, of whatever type. */
bool field_exists(const json *object, slice name);
/* A list of 1 to `max` entries; NULL where it is none. */
const json *field_list(const json *object, slice name, size_t max);

#endif
