/* SPDX-License-Identifier: Apache-2.0
 *
 * The guest's side: an ephemeral key pair, and decrypting what was released to it.
 */
#include "core/crypto/jwe_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "core/crypto/pem.h"

struct jwe_private {
    EVP_PKEY *pkey;
    BIGNUM *secret; /* EC: the private number */
    const char *alg;
    struct jwk parts;
};

/* --- keys
 * ---------------------------------------------------------------------------------------------------------------- */

static EVP_PKEY *generate(slice alg, const char **name)
{
    *name = ECDH_ALG;
    if (slice_equal(alg, S(ECDH_ALG "-P256")))
        return EVP_EC_gen("P-256");
    if (slice_equal(alg, S(ECDH_ALG "-P521")))
        return EVP_EC_gen("P-521");
    *name = OAEP_ALG;
    return slice_equal(alg, S(OAEP_ALG)) ? EVP_RSA_gen(2048) : NULL;
}

result jwe_private_generate(slice alg, struct jwe_private **out)
{
    *out = NULL;
    struct jwe_private *k = calloc(1, sizeof *k);
    ENSURE(k, NO_MEMORY);
    k->pkey = generate(alg, &k->alg);
    bool good = k->pkey && jwk_of(k->pkey, &k->parts) &&
                (k->parts.kind == KEY_RSA || EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_PRIV_KEY, &k->secret) == 1);
    if (!good) {
        bool unknown = !k->pkey;
        jwe_private_free(k);
        return FAIL(unknown ? RELEASE_JWE : CRYPTO);
    }
    if (k->secret)
        BN_set_flags(k->secret, BN_FLG_CONSTTIME);
    *out = k;
    return OK;
}

void jwe_private_free(struct jwe_private *k)
{
    if (!k)
        return;
    BN_clear_free(k->secret);
    EVP_PKEY_free(k->pkey);
    free(k);
}

result jwe_private_jwk(const struct jwe_private *k, struct arena *a, slice *out)
{
    return jwk_write(a, &k->parts, k->alg, out);
}

result jwe_private_pem(const struct jwe_private *k, struct arena *secret, slice *out)
{
    return pem_write_private(k->pkey, secret, out);
}

/* --- decrypting
 * ------------------------------------------------------------------------------------------------------------ */

struct received {
    slice protected, header_text, encrypted_key, iv, ciphertext, tag;
    const json *header;
};

static bool decoded(const json *v, const char *name, struct arena *a, slice *out)
{
    slice text = json_text(json_get(v, slice_text(name)));
    size_t room = BASE64_DECODED_MAX(text.len), length;
    uint8_t *bytes = text.ptr ? arena_alloc(a, room, 1) : NULL;
    if (!bytes || !base64url_decode(bytes, room, text, &length))
        return false;
    *out = slice_of(bytes, length);
    return true;
}

static result receive(const struct jwe_private *k, slice text, struct arena *a, struct received *r)
{
    const json *v;
    TRY(json_parse(a, text, &v));
    r->protected = json_text(json_get(v, S("protected")));
    ENSURE(decoded(v, "protected", a, &r->header_text) && decoded(v, "encrypted_key", a, &r->encrypted_key) &&
               decoded(v, "iv", a, &r->iv) && decoded(v, "ciphertext", a, &r->ciphertext) &&
               decoded(v, "tag", a, &r->tag),
           RELEASE_JWE);
    ENSURE(r->iv.len == GCM_IV && r->tag.len == GCM_TAG && !json_get(v, S("aad")), RELEASE_JWE);
    TRY(json_parse(a, r->header_text, &r->header));
    ENSURE(slice_equal(json_text(json_get(r->header, S("alg"))), slice_text(k->alg)), RELEASE_JWE);
    ENSURE(slice_equal(json_text(json_get(r->header, S("enc"))), S(JWE_ENC)), RELEASE_JWE);
    const char *const unsupported[] = {"crit", "zip", "apu", "apv"};
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++)
        ENSURE(!json_get(r->header, slice_text(unsupported[i])), RELEASE_JWE);
    return OK;
}

static result unwrap_rsa(const struct jwe_private *k, slice wrapped, uint8_t *cek)
{
    uint8_t bytes[RSA_BITS_MAX / 8];
    size_t size = sizeof bytes;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
    OSSL_PARAM parameters[4];
    jwe_rsa_padding(k->alg, parameters);
    bool good = ctx && EVP_PKEY_decrypt_init_ex(ctx, parameters) == 1 &&
                EVP_PKEY_decrypt(ctx, bytes, &size, wrapped.ptr, wrapped.len) == 1 && size == CEK_SIZE;
    EVP_PKEY_CTX_free(ctx);
    if (good)
        memcpy(cek, bytes, CEK_SIZE);
    secret_wipe(bytes, sizeof bytes);
    ERR_clear_error();
    ENSURE(good, RELEASE_JWE);
    return OK;
}

static result unwrap_ecdh(const struct jwe_private *k, const struct received *r, uint8_t *cek)
{
    struct jwk epk;
    uint8_t shared[EC_BYTES_MAX], kek[32];
    ENSURE(jwk_read(json_get(r->header, S("epk")), &epk) && epk.kind == k->parts.kind, RELEASE_JWE);
    ENSURE(r->encrypted_key.len == CEK_SIZE + KW_OVERHEAD, RELEASE_JWE);
    EC_POINT *point = ec_point(epk.kind, slice_of(epk.point, epk.point_size));
    result done = point ? ec_shared(epk.kind, k->secret, point, shared) : FAIL(RELEASE_JWE);
    EC_POINT_free(point);
    if (!FAILED(done)) {
        jwe_ecdh_kek(epk.kind, shared, kek);
        done = key_unwrap(slice_of(kek, 32), r->encrypted_key, cek);
    }
    secret_wipe(shared, sizeof shared);
    secret_wipe(kek, sizeof kek);
    ERR_clear_error();
    return done;
}

static result decrypt(const struct jwe_private *k, const struct received *r, uint8_t *cek, struct arena *secret,
                      slice *plaintext)
{
    TRY(k->parts.kind == KEY_RSA ? unwrap_rsa(k, r->encrypted_key, cek) : unwrap_ecdh(k, r, cek));
    uint8_t *room = arena_alloc(secret, r->ciphertext.len, 1);
    ENSURE(room, NO_MEMORY);
    struct gcm g = {slice_of(cek, CEK_SIZE), r->iv, r->protected};
    ENSURE(gcm_open(&g, r->ciphertext, r->tag, room), RELEASE_JWE);
    *plaintext = slice_of(room, r->ciphertext.len);
    return OK;
}

result jwe_decrypt(const struct jwe_private *k, slice flattened_json, struct arena *a, struct arena *secret,
                   slice *plaintext)
{
    struct received r = {0};
    uint8_t cek[CEK_SIZE] = {0};
    *plaintext = NO_SLICE;
    TRY(receive(k, flattened_json, a, &r));
    result done = decrypt(k, &r, cek, secret, plaintext);
    secret_wipe(cek, sizeof cek);
    return done;
}
