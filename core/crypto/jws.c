/* SPDX-License-Identifier: Apache-2.0
 *
 * Compact JWS: taking one apart and verifying it. One form only, so that no two parsers can read one text differently.
 */
#include "core/crypto/jws_key.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>


/* --- taking apart
 * ------------------------------------------------------------------------------------------------------- */

static bool decode_part(struct arena *a, slice part, slice *out)
{
    size_t room = BASE64_DECODED_MAX(part.len), length;
    uint8_t *bytes = arena_alloc(a, room, 1);
    if (!bytes || !part.len || !base64url_decode(bytes, room, part, &length))
        return false;
    *out = slice_of(bytes, length);
    return true;
}

static bool decode_object(struct arena *a, slice part, slice *text, const json **object)
{
    return decode_part(a, part, text) && !FAILED(json_parse(a, *text, object)) &&
           json_type(*object) == TRUSTEE_NODE_OBJECT;
}

static result check_header(struct jws *j)
{
    const json *kid = json_get(j->header, S("kid"));
    const char *const unsupported[] = {"crit", "b64", "zip"};
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++)
        ENSURE(!json_get(j->header, slice_text(unsupported[i])), TOKEN_MALFORMED);
    j->alg = json_text(json_get(j->header, S("alg")));
    j->kid = json_text(kid);
    j->jwk = json_get(j->header, S("jwk"));
    ENSURE(j->alg.ptr && (!kid || j->kid.ptr), TOKEN_MALFORMED);
    ENSURE(!j->jwk || json_type(j->jwk) == TRUSTEE_NODE_OBJECT, TOKEN_MALFORMED);
    ENSURE(jws_alg_named(j->alg) != JWS_NONE, TOKEN_ALGORITHM);
    return OK;
}

result jws_parse(struct arena *a, slice compact, struct jws *out)
{
    *out = (struct jws){0};
    ENSURE(compact.len && compact.len <= JWS_SIZE_MAX, TOKEN_MALFORMED);
    size_t first = slice_find(compact, '.');
    slice rest = slice_sub(compact, first + 1, compact.len);
    size_t second = slice_find(rest, '.');
    slice signature = slice_sub(rest, second + 1, rest.len);
    ENSURE(signature.len && slice_find(signature, '.') == signature.len, TOKEN_MALFORMED);
    out->signed_part = slice_sub(compact, 0, first + 1 + second);
    ENSURE(decode_object(a, slice_sub(compact, 0, first), &out->header_text, &out->header), TOKEN_MALFORMED);
    TRY(check_header(out));
    ENSURE(decode_object(a, slice_sub(rest, 0, second), &out->payload_text, &out->payload), TOKEN_MALFORMED);
    ENSURE(decode_part(a, signature, &out->signature), TOKEN_MALFORMED);
    return OK;
}

/* --- verifying
 * ---------------------------------------------------------------------------------------------------------- */

/* r || s as the library's DER, which `der` has room for. 0 on failure; r and s are range-checked by the verification.
 */
static size_t ecdsa_der(slice raw, uint8_t *der)
{
    int half = (int)raw.len / 2, size = 0;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw.ptr, half, NULL), *s = BN_bin2bn(raw.ptr + half, half, NULL);
    if (signature && r && s && ECDSA_SIG_set0(signature, r, s) == 1) {
        r = s = NULL;
        size = i2d_ECDSA_SIG(signature, &der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(signature);
    return size > 0 ? (size_t)size : 0;
}

static EVP_PKEY_CTX *ec_context(struct jws_key *k)
{
    EVP_PKEY_CTX *ctx = pool_take(&k->contexts);
    if (ctx)
        return ctx;
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
    if (ctx && EVP_PKEY_verify_init(ctx) == 1)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static bool verify_ec(struct jws_key *k, slice signature, slice digest)
{
    uint8_t der[160];
    size_t der_size = ecdsa_der(signature, der);
    EVP_PKEY_CTX *ctx = der_size ? ec_context(k) : NULL;
    if (!ctx)
        return false;
    bool good = EVP_PKEY_verify(ctx, der, der_size, digest.ptr, digest.len) == 1;
    if (!pool_give(&k->contexts, ctx))
        EVP_PKEY_CTX_free(ctx);
    return good;
}

static bool rsa_parameters(EVP_PKEY_CTX *ctx, const struct jws_algorithm *alg)
{
    const EVP_MD *md = jws_md(alg->digest_size);
    int padding = alg->pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
    if (EVP_PKEY_verify_init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_padding(ctx, padding) != 1 ||
        EVP_PKEY_CTX_set_signature_md(ctx, md) != 1)
        return false;
    return !alg->pss || (EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1 &&
                         EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1);
}

static bool verify_rsa(const struct jws_key *k, const struct jws_algorithm *alg, slice signature, slice digest)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
    bool good = ctx && rsa_parameters(ctx, alg) &&
                EVP_PKEY_verify(ctx, signature.ptr, signature.len, digest.ptr, digest.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

static bool verify_ed25519(const struct jws_key *k, slice signature, slice message)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, k->pkey, NULL) == 1 &&
                EVP_DigestVerify(ctx, signature.ptr, signature.len, message.ptr, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

static bool signature_holds(const struct jws *j, struct jws_key *k, const struct jws_algorithm *alg)
{
    uint8_t digest[64];
    if (alg->kind == KEY_ED25519)
        return verify_ed25519(k, j->signature, j->signed_part);
    hash_parts(jws_md(alg->digest_size), &j->signed_part, 1, digest);
    slice hashed = slice_of(digest, alg->digest_size);
    return alg->kind == KEY_RSA ? verify_rsa(k, alg, j->signature, hashed) : verify_ec(k, j->signature, hashed);
}

result jws_verify(const struct jws *j, const struct jws_key *k)
{
    enum jws_alg name = jws_alg_named(j->alg);
    const struct jws_algorithm *alg = jws_algorithm(name);
    ENSURE(name != JWS_NONE && k && (k->allowed >> name & 1), TOKEN_ALGORITHM);
    size_t expected = alg->signature_size ? alg->signature_size : (size_t)EVP_PKEY_get_size(k->pkey);
    ENSURE(j->signature.len == expected, TOKEN_SIGNATURE);
    /* The pool of contexts inside is the one thing that changes, and it is made for several threads. */
    if (signature_holds(j, (struct jws_key *)(uintptr_t)k, alg))
        return OK;
    ERR_clear_error();
    return FAIL(TOKEN_SIGNATURE);
}
