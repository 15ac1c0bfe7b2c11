/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/signature/signature.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "lib/signature/key.h"

#define SCALAR_MAX 48 /* bytes of the order of P-384 */
#define DER_MAX (2 + 2 * (2 + 1 + SCALAR_MAX))

bool signature_fits(const struct public_key *key, enum signature_scheme scheme)
{
    return (key->type == KEY_RSA) == (scheme == SIGNATURE_RSASSA || scheme == SIGNATURE_RSAPSS);
}

/* One digest-and-verify. `salt` is OpenSSL's PSS salt length; it matters to PSS alone. */
static result verify_with(const struct public_key *key, const struct raw_signature *signature, slice der, slice message,
                          int salt)
{
    EVP_PKEY_CTX *options = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ENSURE(ctx, NO_MEMORY);
    bool ready =
        EVP_DigestVerifyInit_ex(ctx, &options, hash_name(signature->hash), NULL, NULL, key->pkey, NULL) == 1 &&
        (signature->scheme != SIGNATURE_RSAPSS || (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
                                                   EVP_PKEY_CTX_set_rsa_pss_saltlen(options, salt) == 1));
    bool holds = ready && EVP_DigestVerify(ctx, der.ptr, der.len, message.ptr, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    ENSURE(ready, CRYPTO);
    ENSURE(holds, SIGNATURE_INVALID);
    return OK;
}

static result verify_rsa(const struct public_key *key, const struct raw_signature *signature, slice message)
{
    ENSURE(signature->bytes.len == (key->bits + 7) / 8, SIGNATURE_INVALID);
    result first = verify_with(key, signature, signature->bytes, message, RSA_PSS_SALTLEN_DIGEST);
    if (signature->scheme != SIGNATURE_RSAPSS || first.reason != SIGNATURE_INVALID)
        return first;
    return verify_with(key, signature, signature->bytes, message, RSA_PSS_SALTLEN_MAX);
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
static result verify_ecdsa(const struct public_key *key, const struct raw_signature *signature, slice message)
{
    uint8_t der[DER_MAX] = {0x30, 0};
    size_t used = 2, most = key->type == KEY_P256 ? 32 : SCALAR_MAX;
    ENSURE(add_integer(der, &used, signature->r, most), SIGNATURE_INVALID);
    ENSURE(add_integer(der, &used, signature->s, most), SIGNATURE_INVALID);
    der[1] = (uint8_t)(used - 2);
    return verify_with(key, signature, slice_of(der, used), message, 0);
}

result signature_verify(const struct public_key *key, const struct raw_signature *signature, slice message)
{
    ENSURE(signature_fits(key, signature->scheme), SIGNATURE_SCHEME);
    return key->type == KEY_RSA ? verify_rsa(key, signature, message) : verify_ecdsa(key, signature, message);
}

/* --- a key that is met once */

/* SubjectPublicKeyInfo up to the point (RFC 5480, 2). */
static const uint8_t P256_PREFIX[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
static const uint8_t P384_PREFIX[] = {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                                      0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04};

result ecdsa_verify_point(enum key_type curve, slice point, const struct raw_signature *signature, slice message)
{
    uint8_t spki[sizeof P384_PREFIX + 2 * SCALAR_MAX];
    slice prefix =
        curve == KEY_P256 ? slice_of(P256_PREFIX, sizeof P256_PREFIX) : slice_of(P384_PREFIX, sizeof P384_PREFIX);
    struct public_key *key;
    ENSURE(curve != KEY_RSA && point.len == (curve == KEY_P256 ? 64 : 96), SIGNATURE_KEY);
    memcpy(spki, prefix.ptr, prefix.len);
    memcpy(spki + prefix.len, point.ptr, point.len);
    TRY(public_key_new(slice_of(spki, prefix.len + point.len), &key));
    result verified = signature_verify(key, signature, message);
    public_key_free(key);
    return verified;
}
