/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/crypto/jose.h"

static struct arena arena, secret;

static void try_encryption(const json *v)
{
    struct jwe_key *k;
    uint8_t digest[32];
    slice out;
    if (FAILED(jwe_key_from_jwk(v, true, &k)))
        return;
    if (FAILED(jwk_thumbprint(v, &arena, digest)))
        abort();
    (void)jwe_encrypt(k, S("x"), &secret, &arena, &out).reason;
    jwe_key_free(k);
}

static void try_signature(const json *v)
{
    struct jws_key *k;
    struct jws j = {.alg = S("ES256"), .signed_part = S("a.b"), .signature = slice_of((uint8_t[64]){1}, 64)};
    if (FAILED(jws_key_from_jwk(v, &k)))
        return;
    if (!FAILED(jws_verify(&j, k)))
        abort();
    jws_key_free(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const json *v;
    if (!arena.base &&
        (FAILED(arena_map(&arena, 64 << 20, ARENA_PLAIN)) || FAILED(arena_map(&secret, 65536, ARENA_SECRET))))
        abort();
    arena_reset(&arena, 1 << 20);
    if (FAILED(json_parse(&arena, slice_of(data, size), &v)))
        return 0;
    try_encryption(v);
    try_signature(v);
    return 0;
}
