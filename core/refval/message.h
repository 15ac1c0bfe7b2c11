/* SPDX-License-Identifier: Apache-2.0
 *
 * A message that registers reference values, taken apart.
 */
#ifndef CORE_REFVAL_MESSAGE_H
#define CORE_REFVAL_MESSAGE_H

#include "core/refval/entry.h"

struct refval_batch {
    struct refval_entry **entries; /* in the order of names, each name once */
    size_t count;
};

/* See refval_register. `scratch` is used for one value at a time. On failure the batch is empty. */
MUST_CHECK result refval_message_read(struct arena *scratch, slice message, int64_t now, struct refval_batch *out,
                                      struct refval_error *error);
void refval_batch_free(struct refval_batch *b);

#endif
