/* SPDX-License-Identifier: Apache-2.0
 *
 * Public keys from any bytes. One that is taken has the digest of those very bytes, and no signature made of junk.
 */
#include <stdlib.h>

#include "lib/signature/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void refuses_junk(const struct public_key *key)
{
    static const uint8_t ones[512] = {1};
    size_t modulus = (public_key_bits(key) + 7) / 8;
    struct raw_signature s = {.scheme = public_key_type(key) == KEY_RSA ? SIGNATURE_RSAPSS : SIGNATURE_ECDSA,
                              .hash = HASH_SHA256,
                              .bytes = slice_of(ones, modulus),
                              .r = slice_of(ones, 1),
                              .s = slice_of(ones, 1)};
    if (!FAILED(signature_verify(key, &s, S("junk"))))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct public_key *key;
    uint8_t digest[32];
    if (FAILED(public_key_new(slice_of(data, size), &key)))
        return 0;
    if (FAILED(sha256(slice_of(data, size), digest)) || !slice_equal(public_key_digest(key), slice_of(digest, 32)))
        abort();
    refuses_junk(key);
    public_key_free(key);
    return 0;
}
