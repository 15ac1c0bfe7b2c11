/* SPDX-License-Identifier: Apache-2.0
 *
 * One reference value in memory: one block, never changed, shared by the snapshots that hold it.
 */
#ifndef CORE_REFVAL_ENTRY_H
#define CORE_REFVAL_ENTRY_H

#include <stdatomic.h>

#include "core/refval/refval.h"

struct refval_entry {
    atomic_uint holders;
    int64_t expiration;
    size_t size; /* bytes of the block */
    slice name;
    slice text; /* compact JSON of the value */
    tree value;
};

bool refval_name_valid(slice name);
/* Copies name and value; held once. `scratch` is used up. REFERENCE_REQUEST for a value that is nested too deeply or
 * larger than REFVAL_VALUE_MAX; NO_MEMORY. */
MUST_CHECK result refval_entry_new(struct arena *scratch, slice name, int64_t expiration, const json *value,
                                   struct refval_entry **out);
void refval_entry_hold(struct refval_entry *e);
void refval_entry_drop(struct refval_entry *e);
/* By name, then by length: the order of a snapshot. */
int refval_name_compare(slice a, slice b);

/* The stored document of an entry, in `scratch`. NO_MEMORY. */
MUST_CHECK result refval_document(struct arena *scratch, const struct refval_entry *e, slice *out);
/* The entry of a stored document. REFERENCE_REQUEST when it is none; NO_MEMORY. */
MUST_CHECK result refval_document_read(struct arena *scratch, slice document, struct refval_entry **out);

#endif
