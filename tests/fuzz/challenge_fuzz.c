/* SPDX-License-Identifier: Apache-2.0
 *
 * Cookies: nothing opens that we did not seal; whatever we seal opens as it was, or is refused for its time.
 */
#include <stdlib.h>

#include "core/session/challenge.h"

static struct arena arena;
static struct sealer *sealer;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[32] = {1};
    struct challenge c;
    slice cookie;
    if (!arena.base &&
        (FAILED(arena_map(&arena, 1 << 20, ARENA_PLAIN)) || FAILED(sealer_new(slice_of(key, 32), NO_SLICE, &sealer))))
        abort();
    arena_reset(&arena, 1 << 16);
    if (!FAILED(challenge_open(slice_of(data, size), sealer, 1000, &arena, &c)))
        abort();
    /* The same bytes as the plaintext, sealed with the right key: the reader behind the seal. */
    if (!FAILED(seal(sealer, S(COOKIE_NAME " challenge v2"), slice_of(data, size % 400), &arena, &cookie)) &&
        !FAILED(challenge_open(cookie, sealer, 1000, &arena, &c)) &&
        (c.issued > 1000 + CHALLENGE_SKEW || c.expiry + CHALLENGE_SKEW <= 1000))
        abort();
    return 0;
}
