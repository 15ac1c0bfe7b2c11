/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/signature/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096
#define RSA_EXPONENT_MIN 65537

/* What a SubjectPublicKeyInfo must hold right behind its outer header, so that OpenSSL's decoder never sees explicit
 * curve parameters, algorithms that nobody asked for, or keys restricted to PSS. RFC 8017 A.1, RFC 5480 2.1. */
static const uint8_t RSA_ALGORITHM[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                        0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
static const uint8_t P256_ALGORITHM[] = {0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                         0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t P384_ALGORITHM[] = {0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                         0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

/* OpenSSL also takes compressed and hybrid points, which would be other encodings of the same key. */
#define UNCOMPRESSED 0x04

static bool is_uncompressed(slice spki, size_t coordinate)
{
    size_t point = 1 + 2 * coordinate;
    return spki.len > point && spki.ptr[spki.len - point] == UNCOMPRESSED;
}

static bool recognise(slice spki, enum key_type *type)
{
    bool long_form = spki.len > 2 && (spki.ptr[1] & 0x80);
    slice body = slice_sub(spki, long_form ? 4 : 2, SPKI_SIZE_MAX);
    if (slice_starts(body, slice_of(RSA_ALGORITHM, sizeof RSA_ALGORITHM)))
        *type = KEY_RSA;
    else if (is_uncompressed(spki, 32) && slice_starts(body, slice_of(P256_ALGORITHM, sizeof P256_ALGORITHM)))
        *type = KEY_P256;
    else if (is_uncompressed(spki, 48) && slice_starts(body, slice_of(P384_ALGORITHM, sizeof P384_ALGORITHM)))
        *type = KEY_P384;
    else
        return false;
    return true;
}

/* Even moduli and tiny or huge exponents are not what any key generator makes, and make verification slow or weak. */
static bool rsa_is_sound(EVP_PKEY *pkey)
{
    BIGNUM *n = NULL, *e = NULL;
    bool sound = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
                 EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_odd(n) && BN_is_odd(e) &&
                 BN_num_bits(e) <= 32 && BN_get_word(e) >= RSA_EXPONENT_MIN;
    BN_free(n);
    BN_free(e);
    return sound && EVP_PKEY_get_bits(pkey) >= RSA_BITS_MIN && EVP_PKEY_get_bits(pkey) <= RSA_BITS_MAX;
}

static bool is_canonical(EVP_PKEY *pkey, slice spki)
{
    uint8_t *der = NULL;
    int length = i2d_PUBKEY(pkey, &der);
    bool same = length > 0 && slice_equal(slice_of(der, (size_t)length), spki);
    OPENSSL_free(der);
    return same;
}

static EVP_PKEY *decode(slice spki, enum key_type type)
{
    const uint8_t *at = spki.ptr;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)spki.len);
    if (pkey && is_canonical(pkey, spki) && (type != KEY_RSA || rsa_is_sound(pkey)))
        return pkey;
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return NULL;
}

result public_key_new(slice spki, struct public_key **out)
{
    enum key_type type;
    uint8_t digest[32];
    *out = NULL;
    ENSURE(spki.len <= SPKI_SIZE_MAX && recognise(spki, &type), SIGNATURE_KEY);
    TRY(sha256(spki, digest));
    EVP_PKEY *pkey = decode(spki, type);
    ENSURE(pkey, SIGNATURE_KEY);
    struct public_key *key = OPENSSL_zalloc(sizeof *key);
    if (!key) {
        EVP_PKEY_free(pkey);
        return FAIL(NO_MEMORY);
    }
    *key = (struct public_key){.pkey = pkey, .type = type, .bits = (unsigned)EVP_PKEY_get_bits(pkey)};
    memcpy(key->digest, digest, sizeof digest);
    *out = key;
    return OK;
}

void public_key_free(struct public_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    OPENSSL_free(key);
}

enum key_type public_key_type(const struct public_key *key)
{
    return key->type;
}

unsigned public_key_bits(const struct public_key *key)
{
    return key->bits;
}

slice public_key_digest(const struct public_key *key)
{
    return slice_of(key->digest, sizeof key->digest);
}

bool public_key_equal(const struct public_key *a, const struct public_key *b)
{
    return slice_equal(public_key_digest(a), public_key_digest(b));
}
