/* SPDX-License-Identifier: Apache-2.0
 *
 * Nothing opens that was not sealed; everything that was sealed opens.
 */
#include "core/crypto/seal.h"

#include <stdlib.h>

#include "core/crypto/jose.h"

static struct arena arena;
static struct sealer *sealer;

static void prepare(void)
{
    uint8_t key[32];
    if (arena.base)
        return;
    if (FAILED(arena_map(&arena, 1 << 20, ARENA_PLAIN)) || FAILED(random_bytes(key, sizeof key)) ||
        FAILED(sealer_new(slice_of(key, sizeof key), NO_SLICE, &sealer)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice text, opened, input = slice_of(data, size);
    prepare();
    arena_reset(&arena, 1 << 20);
    if (!FAILED(unseal(sealer, S("cookie"), input, &arena, &opened)))
        abort();
    if (FAILED(seal(sealer, S("cookie"), input, &arena, &text)))
        return 0;
    if (FAILED(unseal(sealer, S("cookie"), text, &arena, &opened)) || !slice_equal(opened, input))
        abort();
    return 0;
}
