/* SPDX-License-Identifier: Apache-2.0
 *
 * No text verifies that our key did not sign; texts are tried as they are and with a signer's parts around them.
 */
#include <stdlib.h>

#include "core/crypto/jose.h"

static struct arena arena;
static struct jws_signer *signer;
static struct jws_key *key;

static void prepare(void)
{
    if (arena.base)
        return;
    if (FAILED(arena_map(&arena, 64 << 20, ARENA_PLAIN)) || FAILED(jws_signer_generate(&signer)) ||
        FAILED(jws_signer_public(signer, &key)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jws j;
    slice text;
    prepare();
    arena_reset(&arena, 1 << 20);
    if (!FAILED(jws_parse(&arena, slice_of(data, size), &j)) && !FAILED(jws_verify(&j, key)))
        abort();
    if (size > 65536 || FAILED(jws_sign(signer, &arena, slice_of(data, size), S("{}"), &text)))
        return 0;
    if (!FAILED(jws_parse(&arena, text, &j)) && FAILED(jws_verify(&j, key)) && slice_equal(j.alg, S("ES256")))
        abort();
    return 0;
}
