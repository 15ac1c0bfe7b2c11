/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/signature/signature.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "lib/signature/key.h"

bool signature_fits(const struct public_key *key, enum signature_scheme scheme)
{
    return (key->type == KEY_RSA) == (scheme == SIGNATURE_RSASSA || scheme == SIGNATURE_RSAPSS);
}

/* One digest-and-verify. `salt` is OpenSSL's PSS salt length; it matters to PSS alone. */
static result verify_with(const struct public_key *key, const struct raw_signature *signature, slice message, int salt)
{
    EVP_PKEY_CTX *options = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ENSURE(ctx, NO_MEMORY);
    bool ready =
        EVP_DigestVerifyInit_ex(ctx, &options, hash_name(signature->hash), NULL, NULL, key->rsa, NULL) == 1 &&
        (signature->scheme != SIGNATURE_RSAPSS || (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
                                                   EVP_PKEY_CTX_set_rsa_pss_saltlen(options, salt) == 1));
    bool holds =
        ready && EVP_DigestVerify(ctx, signature->bytes.ptr, signature->bytes.len, message.ptr, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    ENSURE(ready, CRYPTO);
    ENSURE(holds, SIGNATURE_INVALID);
    return OK;
}

static result verify_rsa(const struct public_key *key, const struct raw_signature *signature, slice message)
{
    ENSURE(signature->bytes.len == (key->bits + 7) / 8, SIGNATURE_INVALID);
    result first = verify_with(key, signature, message, RSA_PSS_SALTLEN_DIGEST);
    if (signature->scheme != SIGNATURE_RSAPSS || first.reason != SIGNATURE_INVALID)
        return first;
    return verify_with(key, signature, message, RSA_PSS_SALTLEN_MAX);
}

static result verify_ecdsa(const struct public_key *key, const struct raw_signature *signature, slice message)
{
    uint8_t digest[HASH_SIZE_MAX];
    TRY(hash_bytes(signature->hash, message, digest));
    return ec_verify(key->ec, signature, slice_of(digest, hash_size(signature->hash)));
}

result signature_verify(const struct public_key *key, const struct raw_signature *signature, slice message)
{
    ENSURE(signature_fits(key, signature->scheme), SIGNATURE_SCHEME);
    return key->type == KEY_RSA ? verify_rsa(key, signature, message) : verify_ecdsa(key, signature, message);
}

result ecdsa_verify_point(enum key_type curve, slice point, const struct raw_signature *signature, slice message)
{
    uint8_t digest[HASH_SIZE_MAX];
    ENSURE(curve != KEY_RSA && signature->scheme == SIGNATURE_ECDSA, SIGNATURE_SCHEME);
    TRY(hash_bytes(signature->hash, message, digest));
    return ec_verify_point(curve, point, signature, slice_of(digest, hash_size(signature->hash)));
}
