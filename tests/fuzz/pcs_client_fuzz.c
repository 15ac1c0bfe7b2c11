/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of any of the offline forms of collateral: JSON of Intel's tools, one quote's collateral, our export,
 * certificates and revocation lists.
 */
#include <stdlib.h>

#include "core/collateral/offline_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena a;
    if (!a.base)
        must(!FAILED(arena_map(&a, (size_t)64 << 20, ARENA_PLAIN)));
    if (size == 0)
        return 0;
    struct offline_items items = {.arena = &a};
    bool alone = data[0] & 1;
    result r = offline_read_file(&items, slice_of(data + 1, size - 1), alone);
    if (!FAILED(r))
        items_lend_chains(&items);
    for (size_t i = 0; i < items.count; i++) {
        const struct offline_item *x = &items.at[i];
        must(x->item.bytes.len > 0 && x->item.bytes.len <= COLLATERAL_BYTES_MAX);
        must(x->nameless || collateral_is_name(x->item.kind, x->item.key));
        must(alone || !x->for_any_key);
    }
    arena_reset(&a, 1 << 20);
    return 0;
}
