/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/signature/ec.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define SCALAR_MAX 48 /* bytes of the order of P-384 */
#define DER_MAX (2 + 2 * (2 + 1 + SCALAR_MAX))
#define UNCOMPRESSED 0x04

static EVP_PKEY *make(const char *group, slice octets)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)octets.ptr, octets.len),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx && EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return pkey;
}

static EVP_PKEY *key_of(enum key_type curve, slice point)
{
    uint8_t octets[1 + 2 * SCALAR_MAX] = {UNCOMPRESSED};
    if (point.len != 2 * ec_field_size(curve))
        return NULL;
    memcpy(octets + 1, point.ptr, point.len);
    return make(curve == KEY_P256 ? "P-256" : "P-384", slice_of(octets, 1 + point.len));
}

/* Appends a non-negative INTEGER (X.690 8.3); false for zero and for more than `most` bytes. */
static bool add_integer(uint8_t *der, size_t *used, slice number, size_t most)
{
    if (number.len > most)
        return false;
    while (number.len && number.ptr[0] == 0)
        number = slice_of(number.ptr + 1, number.len - 1);
    if (number.len == 0)
        return false;
    bool sign = number.ptr[0] & 0x80;
    der[(*used)++] = 0x02;
    der[(*used)++] = (uint8_t)(number.len + sign);
    if (sign)
        der[(*used)++] = 0;
    memcpy(der + *used, number.ptr, number.len);
    *used += number.len;
    return true;
}

/* OpenSSL takes ECDSA signatures as DER alone (RFC 3279, 2.2.3). */
static result verify(EVP_PKEY *pkey, size_t most, const struct raw_signature *signature, slice digest)
{
    uint8_t der[DER_MAX] = {0x30, 0};
    size_t used = 2;
    ENSURE(add_integer(der, &used, signature->r, most), SIGNATURE_INVALID);
    ENSURE(add_integer(der, &used, signature->s, most), SIGNATURE_INVALID);
    der[1] = (uint8_t)(used - 2);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    ENSURE(ctx, NO_MEMORY);
    bool ready = EVP_PKEY_verify_init(ctx) == 1;
    bool holds = ready && EVP_PKEY_verify(ctx, der, used, digest.ptr, digest.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    ENSURE(ready, CRYPTO);
    ENSURE(holds, SIGNATURE_INVALID);
    return OK;
}

result ec_openssl_verify_point(enum key_type curve, slice point, const struct raw_signature *signature, slice digest)
{
    EVP_PKEY *pkey = key_of(curve, point);
    ENSURE(pkey, SIGNATURE_KEY);
    result verified = verify(pkey, ec_field_size(curve), signature, digest);
    EVP_PKEY_free(pkey);
    return verified;
}

#ifndef TRUSTEE_EC_S2N

struct ec_key {
    EVP_PKEY *pkey;
    enum key_type type;
};

result ec_key_new(enum key_type curve, slice point, struct ec_key **out)
{
    *out = NULL;
    EVP_PKEY *pkey = key_of(curve, point);
    ENSURE(pkey, SIGNATURE_KEY);
    struct ec_key *key = malloc(sizeof *key);
    if (!key) {
        EVP_PKEY_free(pkey);
        return FAIL(NO_MEMORY);
    }
    *key = (struct ec_key){pkey, curve};
    *out = key;
    return OK;
}

void ec_key_free(struct ec_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

result ec_verify(const struct ec_key *key, const struct raw_signature *signature, slice digest)
{
    return verify(key->pkey, ec_field_size(key->type), signature, digest);
}

result ec_verify_point(enum key_type curve, slice point, const struct raw_signature *signature, slice digest)
{
    return ec_openssl_verify_point(curve, point, signature, digest);
}

#endif
