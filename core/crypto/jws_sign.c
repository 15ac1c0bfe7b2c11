/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/jws_key.h"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "core/crypto/pem.h"

#define SIGNATURE_MAX (RSA_BITS_MAX / 8)

struct jws_signer {
    EVP_PKEY *pkey;
    struct jwk parts;
    enum jws_alg alg;
    struct ctx_pool contexts; /* EVP_PKEY_CTX ready to sign; not for Ed25519 */
};

/* --- keys
 * ---------------------------------------------------------------------------------------------------------------- */

static result signer_make(EVP_PKEY *pkey, struct jws_signer **out)
{
    static const enum jws_alg of_kind[] = {
        [KEY_P256] = ES256, [KEY_P384] = ES384, [KEY_P521] = JWS_NONE, [KEY_RSA] = RS384, [KEY_ED25519] = EDDSA};
    struct jws_signer *s = calloc(1, sizeof *s);
    *out = s;
    if (!s || !pkey || !jwk_of(pkey, &s->parts) || of_kind[s->parts.kind] == JWS_NONE) {
        EVP_PKEY_free(pkey);
        free(s);
        *out = NULL;
        return FAIL(TOKEN_KEY);
    }
    s->pkey = pkey;
    s->alg = of_kind[s->parts.kind];
    return OK;
}

result jws_signer_from_pem(slice pem, struct jws_signer **out)
{
    *out = NULL;
    EVP_PKEY *pkey = pem_private(pem);
    ENSURE(pkey, TOKEN_KEY);
    return signer_make(pkey, out);
}

result jws_signer_generate(struct jws_signer **out)
{
    *out = NULL;
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    ENSURE(pkey, CRYPTO);
    return signer_make(pkey, out);
}

void jws_signer_free(struct jws_signer *s)
{
    if (!s)
        return;
    for (EVP_PKEY_CTX *ctx; (ctx = pool_take(&s->contexts));)
        EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(s->pkey);
    free(s);
}

const char *jws_signer_alg(const struct jws_signer *s)
{
    return jws_algorithm(s->alg)->name;
}

result jws_signer_jwk(const struct jws_signer *s, struct arena *a, slice *out)
{
    return jwk_write(a, &s->parts, jws_signer_alg(s), out);
}

result jws_signer_public(const struct jws_signer *s, struct jws_key **out)
{
    struct jwk parts = s->parts;
    parts.alg = slice_text(jws_signer_alg(s));
    return jws_key_make(jwk_pkey(&parts), &parts, out);
}

result jws_signer_private_pem(const struct jws_signer *s, struct arena *secret, slice *out)
{
    return pem_write_private(s->pkey, secret, out);
}

result jws_signer_public_pem(const struct jws_signer *s, struct arena *a, slice *out)
{
    return pem_write_public(s->pkey, a, out);
}

/* --- signing
 * ------------------------------------------------------------------------------------------------------------- */

static EVP_PKEY_CTX *new_context(const struct jws_signer *s)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, s->pkey, NULL);
    bool good = ctx && EVP_PKEY_sign_init(ctx) == 1;
    if (good && s->parts.kind == KEY_RSA)
        good = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
               EVP_PKEY_CTX_set_signature_md(ctx, jws_md(jws_algorithm(s->alg)->digest_size)) == 1;
    if (good)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static bool sign_digest(struct jws_signer *s, slice digest, uint8_t *out, size_t *size)
{
    EVP_PKEY_CTX *ctx = pool_take(&s->contexts);
    if (!ctx)
        ctx = new_context(s);
    if (!ctx)
        return false;
    bool good = EVP_PKEY_sign(ctx, out, size, digest.ptr, digest.len) == 1;
    if (!pool_give(&s->contexts, ctx))
        EVP_PKEY_CTX_free(ctx);
    return good;
}

/* The library's DER as r || s, in place. */
static bool ecdsa_raw(uint8_t *signature, size_t *size, size_t raw_size)
{
    int half = (int)raw_size / 2;
    const unsigned char *at = signature;
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &at, (long)*size);
    bool good = parsed && BN_bn2binpad(ECDSA_SIG_get0_r(parsed), signature, half) == half &&
                BN_bn2binpad(ECDSA_SIG_get0_s(parsed), signature + half, half) == half;
    ECDSA_SIG_free(parsed);
    *size = raw_size;
    return good;
}

static bool sign_ed25519(const struct jws_signer *s, slice message, uint8_t *out, size_t *size)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, s->pkey, NULL) == 1 &&
                EVP_DigestSign(ctx, out, size, message.ptr, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

static bool sign_message(struct jws_signer *s, slice message, uint8_t *out, size_t *size)
{
    uint8_t digest[64];
    const struct jws_algorithm *alg = jws_algorithm(s->alg);
    if (alg->kind == KEY_ED25519)
        return sign_ed25519(s, message, out, size);
    hash_parts(jws_md(alg->digest_size), &message, 1, digest);
    return sign_digest(s, slice_of(digest, alg->digest_size), out, size) &&
           (alg->kind == KEY_RSA || ecdsa_raw(out, size, alg->signature_size));
}

result jws_sign(const struct jws_signer *s, struct arena *a, slice header, slice payload, slice *out)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t size = sizeof signature;
    *out = NO_SLICE;
    struct text t = text_begin(a);
    text_base64url(&t, header);
    text_lit(&t, ".");
    text_base64url(&t, payload);
    slice message = text_end(&t);
    ENSURE(message.ptr, NO_MEMORY);
    /* The pool of contexts inside is the one thing that changes, and it is made for several threads. */
    ENSURE(sign_message((struct jws_signer *)(uintptr_t)s, message, signature, &size), CRYPTO);
    text_lit(&t, ".");
    text_base64url(&t, slice_of(signature, size));
    *out = text_end(&t);
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}
