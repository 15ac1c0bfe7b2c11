/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys that a certificate chain in the token's own header vouches for.
 */
#include "core/crypto/jws_key.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define CHAIN_MAX 8
#define CERTIFICATE_MAX 16384
#define ANCHORS_TEXT_MAX ((size_t)1 << 20)
/* 112 bits: RSA 2048, SHA-256; SHA-1 signatures do not count. */
#define SECURITY_LEVEL 2

struct trust_anchors {
    X509_STORE *store;
    STACK_OF(X509) * certificates;
};

void trust_anchors_free(struct trust_anchors *t)
{
    if (!t)
        return;
    X509_STORE_free(t->store);
    sk_X509_pop_free(t->certificates, X509_free);
    free(t);
}

static bool add_anchor(struct trust_anchors *t, X509 *certificate)
{
    if (X509_STORE_add_cert(t->store, certificate) == 1 && sk_X509_push(t->certificates, certificate) > 0)
        return true;
    X509_free(certificate);
    return false;
}

static bool read_anchors(struct trust_anchors *t, slice pem)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    bool good = t->store && t->certificates && bio;
    for (X509 *x; good && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL));)
        good = add_anchor(t, x);
    /* The loop ends well only where there is no further block; anything else is a certificate that cannot be read. */
    good = good && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(bio);
    return good && sk_X509_num(t->certificates) > 0;
}

result trust_anchors_from_pem(slice pem, struct trust_anchors **out)
{
    *out = NULL;
    ENSURE(pem.len && pem.len <= ANCHORS_TEXT_MAX, TOKEN_UNTRUSTED);
    struct trust_anchors *t = calloc(1, sizeof *t);
    ENSURE(t, NO_MEMORY);
    t->store = X509_STORE_new();
    t->certificates = sk_X509_new_null();
    if (!read_anchors(t, pem)) {
        trust_anchors_free(t);
        return FAIL(TOKEN_UNTRUSTED);
    }
    *out = t;
    return OK;
}

static X509 *certificate_of(slice base64)
{
    uint8_t der[CERTIFICATE_MAX];
    size_t length;
    if (!base64_decode(der, sizeof der, base64, &length))
        return NULL;
    const unsigned char *at = der;
    X509 *x = d2i_X509(NULL, &at, (long)length);
    if (x && at == der + length)
        return x;
    X509_free(x);
    return NULL;
}

/* The leaf and, in *others, the rest. False where anything is not a certificate. */
static bool read_chain(const json *x5c, X509 **leaf, STACK_OF(X509) * others)
{
    size_t count = json_count(x5c);
    if (json_type(x5c) != TRUSTEE_NODE_ARRAY || count == 0 || count > CHAIN_MAX)
        return false;
    for (const json *item = json_next(x5c, NULL, NULL); item; item = json_next(x5c, item, NULL)) {
        X509 *x = certificate_of(json_text(item));
        if (!x)
            return false;
        if (!*leaf) {
            *leaf = x;
        } else if (sk_X509_push(others, x) <= 0) {
            X509_free(x);
            return false;
        }
    }
    return true;
}

static bool is_anchor(const struct trust_anchors *t, const X509 *x)
{
    for (int i = 0; i < sk_X509_num(t->certificates); i++)
        if (X509_cmp(sk_X509_value(t->certificates, i), x) == 0)
            return true;
    return false;
}

/* The library takes an old certificate without extensions for a CA; here only an anchor may be one. */
static bool issuers_are_cas(const struct trust_anchors *t, X509_STORE_CTX *ctx)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    for (int i = 1; i < sk_X509_num(chain); i++) {
        X509 *x = sk_X509_value(chain, i);
        if (X509_check_ca(x) != 1 && !is_anchor(t, x))
            return false;
    }
    return sk_X509_num(chain) > 1;
}

static bool chain_holds(const struct trust_anchors *t, X509 *leaf, STACK_OF(X509) * others, int64_t now)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (!ctx || X509_STORE_CTX_init(ctx, t->store, leaf, others) != 1) {
        X509_STORE_CTX_free(ctx);
        return false;
    }
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, now);
    X509_VERIFY_PARAM_set_depth(param, CHAIN_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    bool good = X509_verify_cert(ctx) == 1 && issuers_are_cas(t, ctx);
    X509_STORE_CTX_free(ctx);
    return good;
}

static bool vouched_for(const json *jwk, const struct trust_anchors *t, int64_t now, const struct jws_key *k)
{
    X509 *leaf = NULL;
    STACK_OF(X509) *others = sk_X509_new_null();
    bool good = others && read_chain(json_get(jwk, S("x5c")), &leaf, others) && !is_anchor(t, leaf) &&
                X509_get0_pubkey(leaf) && EVP_PKEY_eq(X509_get0_pubkey(leaf), k->pkey) == 1 &&
                chain_holds(t, leaf, others, now);
    X509_free(leaf);
    sk_X509_pop_free(others, X509_free);
    return good;
}

result jws_key_from_x5c(const json *jwk, const struct trust_anchors *t, int64_t now, struct jws_key **out)
{
    *out = NULL;
    ENSURE(t && json_get(jwk, S("x5c")), TOKEN_UNTRUSTED);
    struct jws_key *k;
    ENSURE(!FAILED(jws_key_from_jwk(jwk, &k)), TOKEN_UNTRUSTED);
    if (vouched_for(jwk, t, now, k)) {
        *out = k;
        return OK;
    }
    ERR_clear_error();
    jws_key_free(k);
    return FAIL(TOKEN_UNTRUSTED);
}
