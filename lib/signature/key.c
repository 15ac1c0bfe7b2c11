/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/signature/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096
#define RSA_EXPONENT_MIN 65537

/* What a SubjectPublicKeyInfo of RSA must hold right behind its outer header, so that OpenSSL's decoder never sees
 * algorithms that nobody asked for, or keys restricted to PSS. RFC 8017 A.1. */
static const uint8_t RSA_ALGORITHM[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                        0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
/* That of a curve up to the coordinates, which are the rest: RFC 5480 2.1, uncompressed, so that there is no other
 * encoding of the same key. */
static const uint8_t P256_PREFIX[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
static const uint8_t P384_PREFIX[] = {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                                      0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04};

static bool cut_prefix(slice spki, slice prefix, enum key_type curve, slice *point)
{
    *point = slice_sub(spki, prefix.len, spki.len);
    return slice_starts(spki, prefix) && point->len == 2 * ec_field_size(curve);
}

/* *point is for the curves. */
static bool recognise(slice spki, enum key_type *type, slice *point)
{
    bool long_form = spki.len > 2 && (spki.ptr[1] & 0x80);
    slice body = slice_sub(spki, long_form ? 4 : 2, SPKI_SIZE_MAX);
    if (slice_starts(body, slice_of(RSA_ALGORITHM, sizeof RSA_ALGORITHM)))
        *type = KEY_RSA;
    else if (cut_prefix(spki, slice_of(P256_PREFIX, sizeof P256_PREFIX), KEY_P256, point))
        *type = KEY_P256;
    else if (cut_prefix(spki, slice_of(P384_PREFIX, sizeof P384_PREFIX), KEY_P384, point))
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

static result rsa_new(slice spki, struct public_key *key)
{
    const uint8_t *at = spki.ptr;
    key->rsa = d2i_PUBKEY(NULL, &at, (long)spki.len);
    bool sound = key->rsa && is_canonical(key->rsa, spki) && rsa_is_sound(key->rsa);
    ERR_clear_error();
    ENSURE(sound, SIGNATURE_KEY);
    key->bits = (unsigned)EVP_PKEY_get_bits(key->rsa);
    return OK;
}

static result fill(slice spki, struct public_key *key)
{
    slice point = NO_SLICE;
    ENSURE(spki.len <= SPKI_SIZE_MAX && recognise(spki, &key->type, &point), SIGNATURE_KEY);
    TRY(sha256(spki, key->digest));
    if (key->type == KEY_RSA)
        return rsa_new(spki, key);
    key->bits = (unsigned)ec_field_size(key->type) * 8;
    return ec_key_new(key->type, point, &key->ec);
}

result public_key_new(slice spki, struct public_key **out)
{
    *out = NULL;
    struct public_key *key = calloc(1, sizeof *key);
    ENSURE(key, NO_MEMORY);
    result filled = fill(spki, key);
    if (FAILED(filled)) {
        public_key_free(key);
        return filled;
    }
    *out = key;
    return OK;
}

void public_key_free(struct public_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->rsa);
    ec_key_free(key->ec);
    free(key);
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
