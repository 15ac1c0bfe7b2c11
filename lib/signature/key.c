/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/signature/key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "lib/x509/der.h" /* reads bytes alone: no circle */

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096
#define RSA_EXPONENT_MIN 65537

/* AlgorithmIdentifier of RSA, not of keys restricted to PSS: RFC 8017 A.1. */
static const uint8_t RSA_ALGORITHM[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                        0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
/* SubjectPublicKeyInfo of a curve up to the coordinates, which are the rest: RFC 5480 2.1, uncompressed, so that there
 * is no other encoding of the same key. */
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

struct rsa_numbers {
    slice modulus, exponent; /* big-endian, without leading zeros */
};

static bool read_rsa(slice spki, struct rsa_numbers *out)
{
    struct reader outer = reader_of(spki);
    slice content, algorithm, key, numbers;
    if (!der_read(&outer, DER_SEQUENCE, &content) || !read_done(&outer))
        return false;
    struct reader r = reader_of(content);
    if (!read_bytes(&r, sizeof RSA_ALGORITHM, &algorithm) ||
        !slice_equal(algorithm, slice_of(RSA_ALGORITHM, sizeof RSA_ALGORITHM)) || !der_read_bits(&r, &key) ||
        !read_done(&r))
        return false;
    struct reader k = reader_of(key);
    if (!der_read(&k, DER_SEQUENCE, &numbers) || !read_done(&k))
        return false;
    struct reader n = reader_of(numbers);
    return der_read_unsigned(&n, &out->modulus) && der_read_unsigned(&n, &out->exponent) && read_done(&n);
}

static unsigned bits_of(slice number)
{
    unsigned top = 0;
    while (number.ptr[0] >> top)
        top++;
    return (unsigned)(number.len - 1) * 8 + top;
}

/* Even moduli and tiny or huge exponents are not what any key generator makes, and make verification slow or weak. */
static bool rsa_is_sound(const struct rsa_numbers *key, uint32_t *exponent)
{
    slice n = key->modulus, e = key->exponent;
    unsigned bits = bits_of(n);
    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || e.len > sizeof *exponent)
        return false;
    *exponent = 0;
    for (size_t i = 0; i < e.len; i++)
        *exponent = *exponent << 8 | e.ptr[i];
    return (n.ptr[n.len - 1] & 1) && (*exponent & 1) && *exponent >= RSA_EXPONENT_MIN;
}

/* OpenSSL takes numbers in the machine's order of bytes. */
static void to_native(slice number, uint8_t *out)
{
    for (size_t i = 0; i < number.len; i++)
        out[i] = number.ptr[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? number.len - 1 - i : i];
}

static EVP_PKEY *rsa_make(slice modulus, uint32_t exponent)
{
    uint8_t n[RSA_BITS_MAX / 8];
    EVP_PKEY *pkey = NULL;
    to_native(modulus, n);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, modulus.len),
        OSSL_PARAM_construct_uint32(OSSL_PKEY_PARAM_RSA_E, &exponent),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (ctx && EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return pkey;
}

static result rsa_new(const struct rsa_numbers *numbers, struct public_key *key)
{
    uint32_t exponent;
    ENSURE(rsa_is_sound(numbers, &exponent), SIGNATURE_KEY);
    key->type = KEY_RSA;
    key->bits = bits_of(numbers->modulus);
    key->rsa = rsa_make(numbers->modulus, exponent);
    ENSURE(key->rsa, CRYPTO);
    return OK;
}

static result curve_new(enum key_type curve, slice point, struct public_key *key)
{
    key->type = curve;
    key->bits = (unsigned)ec_field_size(curve) * 8;
    return ec_key_new(curve, point, &key->ec);
}

static result fill(slice spki, struct public_key *key)
{
    struct rsa_numbers numbers;
    slice point;
    ENSURE(spki.len <= SPKI_SIZE_MAX, SIGNATURE_KEY);
    TRY(sha256(spki, key->digest));
    if (cut_prefix(spki, slice_of(P256_PREFIX, sizeof P256_PREFIX), KEY_P256, &point))
        return curve_new(KEY_P256, point, key);
    if (cut_prefix(spki, slice_of(P384_PREFIX, sizeof P384_PREFIX), KEY_P384, &point))
        return curve_new(KEY_P384, point, key);
    ENSURE(read_rsa(spki, &numbers), SIGNATURE_KEY);
    return rsa_new(&numbers, key);
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
