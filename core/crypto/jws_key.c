/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/jws_key.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define PEM_MAX 65536

static const struct jws_algorithm ALGORITHMS[JWS_ALGS] = {
    [JWS_NONE] = {"", KEY_NONE, 0, false, 0},     [ES256] = {"ES256", KEY_P256, 32, false, 64},
    [ES384] = {"ES384", KEY_P384, 48, false, 96}, [RS256] = {"RS256", KEY_RSA, 32, false, 0},
    [RS384] = {"RS384", KEY_RSA, 48, false, 0},   [RS512] = {"RS512", KEY_RSA, 64, false, 0},
    [PS256] = {"PS256", KEY_RSA, 32, true, 0},    [PS384] = {"PS384", KEY_RSA, 48, true, 0},
    [PS512] = {"PS512", KEY_RSA, 64, true, 0},    [EDDSA] = {"EdDSA", KEY_ED25519, 0, false, 64},
};

const struct jws_algorithm *jws_algorithm(enum jws_alg alg)
{
    return &ALGORITHMS[alg];
}

enum jws_alg jws_alg_named(slice name)
{
    for (enum jws_alg alg = ES256; alg < JWS_ALGS; alg++)
        if (slice_equal(name, slice_text(ALGORITHMS[alg].name)))
            return alg;
    return JWS_NONE;
}

const EVP_MD *jws_md(size_t digest_size)
{
    const struct algorithms *a = algorithms();
    return digest_size == 32 ? a->sha256 : digest_size == 48 ? a->sha384 : a->sha512;
}

static uint32_t algorithms_of(enum key_kind kind, slice narrowed_to)
{
    uint32_t allowed = 0;
    for (enum jws_alg alg = ES256; alg < JWS_ALGS; alg++)
        if (ALGORITHMS[alg].kind == kind &&
            (!narrowed_to.len || slice_equal(narrowed_to, slice_text(ALGORITHMS[alg].name))))
            allowed |= 1u << alg;
    return allowed;
}

result jws_key_make(EVP_PKEY *pkey, const struct jwk *parts, struct jws_key **out)
{
    uint32_t allowed = algorithms_of(parts->kind, parts->alg);
    struct jws_key *k = pkey && allowed ? calloc(1, sizeof *k) : NULL;
    *out = k;
    if (!k) {
        EVP_PKEY_free(pkey);
        ERR_clear_error();
        return FAIL(TOKEN_KEY);
    }
    k->pkey = pkey;
    k->kind = parts->kind;
    k->allowed = allowed;
    jwk_digest(parts, k->thumbprint);
    return OK;
}

void jws_key_free(struct jws_key *k)
{
    if (!k)
        return;
    for (EVP_PKEY_CTX *ctx; (ctx = pool_take(&k->contexts));)
        EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(k->pkey);
    free(k);
}

result jws_key_from_jwk(const json *v, struct jws_key **out)
{
    struct jwk parts;
    const json *use = json_get(v, S("use"));
    *out = NULL;
    ENSURE(!use || slice_equal(json_text(use), S("sig")), TOKEN_KEY);
    ENSURE(jwk_read(v, &parts), TOKEN_KEY);
    ENSURE(algorithms_of(parts.kind, parts.alg), TOKEN_KEY);
    return jws_key_make(jwk_pkey(&parts), &parts, out);
}

/* The key of the first PUBLIC KEY or CERTIFICATE block. */
static EVP_PKEY *pkey_of_pem(slice pem)
{
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long size = 0;
    EVP_PKEY *pkey = NULL;
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    while (!pkey && bio && PEM_read_bio(bio, &name, &header, &der, &size) == 1) {
        const unsigned char *at = der;
        if (strcmp(name, PEM_STRING_PUBLIC) == 0) {
            pkey = d2i_PUBKEY(NULL, &at, size);
        } else if (strcmp(name, PEM_STRING_X509) == 0) {
            X509 *certificate = d2i_X509(NULL, &at, size);
            pkey = certificate ? X509_get_pubkey(certificate) : NULL;
            X509_free(certificate);
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
        name = header = NULL, der = NULL;
    }
    BIO_free(bio);
    ERR_clear_error();
    return pkey;
}

result jws_key_from_pem(slice pem, struct jws_key **out)
{
    struct jwk parts;
    *out = NULL;
    ENSURE(pem.len && pem.len <= PEM_MAX, TOKEN_KEY);
    EVP_PKEY *pkey = pkey_of_pem(pem);
    ENSURE(pkey, TOKEN_KEY);
    if (!jwk_of(pkey, &parts)) {
        EVP_PKEY_free(pkey);
        return FAIL(TOKEN_KEY);
    }
    return jws_key_make(pkey, &parts, out);
}

result jws_key_thumbprint(const struct jws_key *k, uint8_t out[32])
{
    memcpy(out, k->thumbprint, 32);
    return OK;
}

bool jws_key_equal(const struct jws_key *a, const struct jws_key *b)
{
    return a && b && memcmp(a->thumbprint, b->thumbprint, 32) == 0;
}
