/* SPDX-License-Identifier: Apache-2.0
 *
 * Nothing decrypts that was not encrypted to the key.
 */
#include <stdlib.h>

#include "core/crypto/jose.h"

static struct arena arena, secret;
static struct jwe_private *keys[2];

static void prepare(void)
{
    if (arena.base)
        return;
    if (FAILED(arena_map(&arena, 64 << 20, ARENA_PLAIN)) || FAILED(arena_map(&secret, 8 << 20, ARENA_SECRET)) ||
        FAILED(jwe_private_generate(S("ECDH-ES+A256KW-P256"), &keys[0])) ||
        FAILED(jwe_private_generate(S("RSA-OAEP-256"), &keys[1])))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice plaintext;
    prepare();
    for (size_t i = 0; i < 2; i++) {
        arena_reset(&arena, 1 << 20);
        arena_reset(&secret, 65536);
        if (!FAILED(jwe_decrypt(keys[i], slice_of(data, size), &arena, &secret, &plaintext)))
            abort();
    }
    return 0;
}
