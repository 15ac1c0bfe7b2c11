/* SPDX-License-Identifier: Apache-2.0
 *
 * Encrypting to a TEE: RFC 7516 with the flattened JSON serialisation.
 */
#include "core/crypto/jwe_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <stddef.h>
#include <stdlib.h>

/* --- keys
 * ---------------------------------------------------------------------------------------------------------------- */

static result key_alg(const struct jwk *parts, bool allow_rsa1_5, const char **out)
{
    bool rsa = parts->kind == KEY_RSA, ec = parts->kind == KEY_P256 || parts->kind == KEY_P521;
    if (rsa && slice_equal(parts->alg, S(OAEP_ALG)))
        *out = OAEP_ALG;
    else if (rsa && allow_rsa1_5 && slice_equal(parts->alg, S(PKCS1_ALG)))
        *out = PKCS1_ALG;
    else if (ec && slice_equal(parts->alg, S(ECDH_ALG)))
        *out = ECDH_ALG;
    else
        return FAIL(RELEASE_JWE);
    return OK;
}

static result key_open(const json *v, bool allow_rsa1_5, struct jwe_key *k)
{
    struct jwk parts;
    *k = (struct jwe_key){.kind = KEY_NONE};
    ENSURE(jwk_read(v, &parts), RELEASE_JWE);
    TRY(key_alg(&parts, allow_rsa1_5, &k->alg));
    k->kind = parts.kind;
    if (parts.kind == KEY_RSA)
        k->pkey = jwk_pkey(&parts);
    else
        k->point = ec_point(parts.kind, slice_of(parts.point, parts.point_size));
    if (!k->pkey && !k->point)
        ERR_clear_error();
    ENSURE(k->pkey || k->point, RELEASE_JWE);
    return OK;
}

static void key_close(struct jwe_key *k)
{
    EC_POINT_free(k->point);
    EVP_PKEY_free(k->pkey);
}

result jwe_key_from_jwk(const json *v, bool allow_rsa1_5, struct jwe_key **out)
{
    struct jwe_key *k = calloc(1, sizeof *k);
    *out = NULL;
    ENSURE(k, NO_MEMORY);
    result r = key_open(v, allow_rsa1_5, k);
    if (FAILED(r)) {
        jwe_key_free(k);
        return r;
    }
    *out = k;
    return OK;
}

void jwe_key_free(struct jwe_key *k)
{
    if (!k)
        return;
    key_close(k);
    free(k);
}

result jwk_thumbprint(const json *v, struct arena *scratch, uint8_t out[32])
{
    struct jwk parts;
    (void)scratch;
    ENSURE(jwk_read(v, &parts), RELEASE_JWE);
    jwk_digest(&parts, out);
    return OK;
}

/* --- agreeing on the content key
 * ------------------------------------------------------------------------------------------- */

/* The library reads parameters, but its interface has no const. */
static OSSL_PARAM text_param(const char *name, const char *value)
{
    return OSSL_PARAM_construct_utf8_string(name, (char *)(uintptr_t)value, 0);
}

void jwe_rsa_padding(const char *alg, OSSL_PARAM parameters[4])
{
    bool oaep = strcmp(alg, OAEP_ALG) == 0;
    parameters[0] = text_param(OSSL_ASYM_CIPHER_PARAM_PAD_MODE,
                               oaep ? OSSL_PKEY_RSA_PAD_MODE_OAEP : OSSL_PKEY_RSA_PAD_MODE_PKCSV15);
    parameters[1] = oaep ? text_param(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, "SHA256") : OSSL_PARAM_construct_end();
    parameters[2] = oaep ? text_param(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, "SHA256") : OSSL_PARAM_construct_end();
    parameters[3] = OSSL_PARAM_construct_end();
}

void jwe_ecdh_kek(enum key_kind kind, const uint8_t *shared, uint8_t kek[32])
{
    struct concat_info info = {S(ECDH_ALG), NO_SLICE, NO_SLICE};
    concat_kdf(slice_of(shared, jwk_field_size(kind)), &info, kek, 32);
}

/* The content key as it travels, and what the header must say of it. */
struct wrapped {
    uint8_t bytes[RSA_BITS_MAX / 8];
    size_t size;
    struct jwk epk;
};

/* All that must not outlive the call; in the SECRET arena. */
struct secrets {
    uint8_t cek[CEK_SIZE];
    uint8_t iv[GCM_IV]; /* behind the key: one draw makes both */
    uint8_t kek[32];
    uint8_t shared[EC_BYTES_MAX];
};

static result wrap_rsa(const struct jwe_key *k, const struct secrets *s, struct wrapped *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
    OSSL_PARAM parameters[4];
    out->size = sizeof out->bytes;
    jwe_rsa_padding(k->alg, parameters);
    bool good = ctx && EVP_PKEY_encrypt_init_ex(ctx, parameters) == 1 &&
                EVP_PKEY_encrypt(ctx, out->bytes, &out->size, s->cek, CEK_SIZE) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!good)
        ERR_clear_error();
    ENSURE(good, CRYPTO);
    return OK;
}

static result wrap_ecdh(const struct jwe_key *k, struct secrets *s, struct wrapped *out)
{
    out->epk.kind = k->kind;
    out->epk.point_size = 1 + 2 * jwk_field_size(k->kind);
    out->size = CEK_SIZE + KW_OVERHEAD;
    TRY(ec_ephemeral(k->kind, k->point, out->epk.point, s->shared));
    jwe_ecdh_kek(k->kind, s->shared, s->kek);
    return key_wrap(slice_of(s->kek, 32), slice_of(s->cek, CEK_SIZE), out->bytes);
}

/* --- the text
 * ---------------------------------------------------------------------------------------------------------------- */

/* Clients do not hash the header that they got but one that they write themselves from its members, so there is only
 * this order and only this spacing. */
static slice protected_header(const struct jwe_key *k, const struct jwk *epk, struct arena *a)
{
    struct text t = text_begin(a);
    text_lit(&t, "{\"alg\":\"");
    text_add(&t, slice_text(k->alg));
    text_lit(&t, "\",\"enc\":\"" JWE_ENC "\"");
    if (k->kind != KEY_RSA) {
        text_lit(&t, ",\"epk\":{");
        jwk_members(&t, epk);
        text_lit(&t, "}");
    }
    text_lit(&t, "}");
    return text_end(&t);
}

static slice base64url_text(slice bytes, struct arena *a)
{
    struct text t = text_begin(a);
    text_base64url(&t, bytes);
    return text_end(&t);
}

static result write_jwe(struct gcm *g, const struct wrapped *w, slice plaintext, struct arena *a, slice *out)
{
    uint8_t tag[GCM_TAG];
    struct text t = text_begin(a);
    text_lit(&t, "{\"protected\":\"");
    text_add(&t, g->aad);
    text_lit(&t, "\",\"encrypted_key\":\"");
    text_base64url(&t, slice_of(w->bytes, w->size));
    text_lit(&t, "\",\"iv\":\"");
    text_base64url(&t, g->iv);
    text_lit(&t, "\",\"ciphertext\":\"");
    TRY(gcm_seal_text(g, plaintext, &t, tag));
    text_lit(&t, "\",\"tag\":\"");
    text_base64url(&t, slice_of(tag, GCM_TAG));
    text_lit(&t, "\"}");
    *out = text_end(&t);
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}

static result encrypt(const struct jwe_key *k, slice plaintext, struct secrets *s, struct arena *a, slice *out)
{
    struct wrapped w;
    TRY(random_bytes(s, offsetof(struct secrets, kek)));
    TRY(k->kind == KEY_RSA ? wrap_rsa(k, s, &w) : wrap_ecdh(k, s, &w));
    slice header = protected_header(k, &w.epk, a), aad = header.ptr ? base64url_text(header, a) : NO_SLICE;
    ENSURE(aad.ptr, NO_MEMORY);
    struct gcm g = {slice_of(s->cek, CEK_SIZE), slice_of(s->iv, GCM_IV), aad};
    return write_jwe(&g, &w, plaintext, a, out);
}

result jwe_encrypt(const struct jwe_key *k, slice plaintext, struct arena *secret, struct arena *a, slice *out)
{
    size_t used = secret->used;
    struct secrets *s = arena_new(secret, struct secrets);
    *out = NO_SLICE;
    ENSURE(s, NO_MEMORY);
    result r = encrypt(k, plaintext, s, a, out);
    secret_wipe(s, sizeof *s);
    secret->used = used;
    return r;
}

result jwe_encrypt_to(const json *jwk, bool allow_rsa1_5, slice plaintext, struct arena *secret, struct arena *a,
                      slice *out)
{
    struct jwe_key key;
    *out = NO_SLICE;
    TRY(key_open(jwk, allow_rsa1_5, &key));
    result r = jwe_encrypt(&key, plaintext, secret, a, out);
    key_close(&key);
    return r;
}
