/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/signature/key.h"

static const struct {
    const char *name;
    size_t size;
} HASHES[HASH_COUNT] = {
    [HASH_SHA256] = {"SHA256", 32},
    [HASH_SHA384] = {"SHA384", 48},
    [HASH_SHA512] = {"SHA512", 64},
};

const char *hash_name(enum hash h)
{
    return HASHES[h].name;
}

size_t hash_size(enum hash h)
{
    return HASHES[h].size;
}

result hash_bytes(enum hash h, slice bytes, uint8_t *out)
{
    size_t length = 0;
    ENSURE(EVP_Q_digest(NULL, HASHES[h].name, NULL, bytes.ptr, bytes.len, out, &length) == 1, CRYPTO);
    ENSURE(length == HASHES[h].size, CRYPTO);
    return OK;
}

result sha256(slice bytes, uint8_t out[32])
{
    return hash_bytes(HASH_SHA256, bytes, out);
}
