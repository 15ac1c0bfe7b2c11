/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/signature/digest.h"

#include <openssl/evp.h>

static const struct {
    const char *name;
    size_t size;
} DIGESTS[DIGEST_COUNT] = {
    [DIGEST_SHA1] = {"SHA1", 20},     [DIGEST_SHA256] = {"SHA256", 32}, [DIGEST_SHA384] = {"SHA384", 48},
    [DIGEST_SHA512] = {"SHA512", 64}, [DIGEST_SM3] = {"SM3", 32},
};

size_t digest_size(enum digest d)
{
    return DIGESTS[d].size;
}

result digester_begin(struct digester *d, enum digest algorithm)
{
    *d = (struct digester){.size = DIGESTS[algorithm].size};
    d->algorithm = EVP_MD_fetch(NULL, DIGESTS[algorithm].name, NULL);
    ENSURE(d->algorithm && (size_t)EVP_MD_get_size(d->algorithm) == d->size, CRYPTO);
    d->context = EVP_MD_CTX_new();
    ENSURE(d->context, NO_MEMORY);
    return OK;
}

void digester_end(struct digester *d)
{
    EVP_MD_CTX_free(d->context);
    EVP_MD_free(d->algorithm);
    *d = (struct digester){0};
}

result digester_start(struct digester *d)
{
    return EVP_DigestInit_ex2(d->context, d->algorithm, NULL) == 1 ? OK : FAIL(CRYPTO);
}

result digester_add(struct digester *d, slice part)
{
    return part.len == 0 || EVP_DigestUpdate(d->context, part.ptr, part.len) == 1 ? OK : FAIL(CRYPTO);
}

result digester_finish(struct digester *d, uint8_t *out)
{
    return EVP_DigestFinal_ex(d->context, out, NULL) == 1 ? OK : FAIL(CRYPTO);
}

result digester_of(struct digester *d, slice a, slice b, uint8_t *out)
{
    TRY(digester_start(d));
    TRY(digester_add(d, a));
    TRY(digester_add(d, b));
    return digester_finish(d, out);
}
