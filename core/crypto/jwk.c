/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/jwk.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/crypto/jose.h"

/* --- reading
 * ----------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *crv;
    size_t bytes;
} CURVES[] = {[KEY_NONE] = {"", 0},       [KEY_P256] = {"P-256", 32}, [KEY_P384] = {"P-384", 48},
              [KEY_P521] = {"P-521", 66}, [KEY_RSA] = {NULL, 0},      [KEY_ED25519] = {"Ed25519", 32}};

const char *jwk_curve_name(enum key_kind kind)
{
    return CURVES[kind].crv;
}

size_t jwk_field_size(enum key_kind kind)
{
    return CURVES[kind].bytes;
}

/* Decodes a member of exactly `size` bytes. */
static bool read_exact(const json *v, slice name, uint8_t *out, size_t size)
{
    size_t length;
    slice text = json_text(json_get(v, name));
    return text.len == BASE64URL_SIZE(size) && base64url_decode(out, size, text, &length) && length == size;
}

static bool read_ec(const json *v, slice crv, struct jwk *out)
{
    for (enum key_kind kind = KEY_P256; kind <= KEY_P521; kind++)
        if (slice_equal(crv, slice_text(CURVES[kind].crv)))
            out->kind = kind;
    size_t size = CURVES[out->kind].bytes;
    out->point[0] = POINT_CONVERSION_UNCOMPRESSED;
    out->point_size = 1 + 2 * size;
    return size && read_exact(v, S("x"), out->point + 1, size) && read_exact(v, S("y"), out->point + 1 + size, size);
}

static bool read_okp(const json *v, slice crv, struct jwk *out)
{
    out->kind = KEY_ED25519;
    out->point_size = CURVES[KEY_ED25519].bytes;
    return slice_equal(crv, S("Ed25519")) && read_exact(v, S("x"), out->point, out->point_size);
}

static size_t bits_of(slice number)
{
    size_t bits = number.len * 8;
    for (uint8_t mask = 0x80; number.len && mask && !(*number.ptr & mask); mask >>= 1)
        bits--;
    return bits;
}

/* Takes a big-endian modulus; leading zeros are dropped. */
static bool set_modulus(struct jwk *out, slice bytes)
{
    while (bytes.len && *bytes.ptr == 0)
        bytes = slice_of(bytes.ptr + 1, bytes.len - 1);
    size_t bits = bits_of(bytes);
    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || bytes.ptr[bytes.len - 1] % 2 == 0)
        return false;
    memmove(out->modulus, bytes.ptr, bytes.len);
    out->modulus_size = bytes.len;
    return true;
}

static bool set_exponent(struct jwk *out, slice bytes)
{
    uint64_t exponent = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        exponent = exponent << 8 | bytes.ptr[i];
        if (exponent > UINT32_MAX)
            return false;
    }
    out->exponent = (uint32_t)exponent;
    return exponent >= 65537 && exponent % 2;
}

static bool read_rsa(const json *v, struct jwk *out)
{
    uint8_t modulus[RSA_BITS_MAX / 8 + 1], exponent[8];
    size_t modulus_size, exponent_size;
    slice n = json_text(json_get(v, S("n"))), e = json_text(json_get(v, S("e")));
    out->kind = KEY_RSA;
    return base64url_decode(modulus, sizeof modulus, n, &modulus_size) &&
           base64url_decode(exponent, sizeof exponent, e, &exponent_size) &&
           set_modulus(out, slice_of(modulus, modulus_size)) && set_exponent(out, slice_of(exponent, exponent_size));
}

bool jwk_read(const json *v, struct jwk *out)
{
    out->kind = KEY_NONE;
    const json *alg = json_get(v, S("alg"));
    slice kty = json_text(json_get(v, S("kty"))), crv = json_text(json_get(v, S("crv")));
    out->alg = alg ? json_text(alg) : NO_SLICE;
    if (alg && !out->alg.len)
        return false;
    if (slice_equal(kty, S("EC")))
        return read_ec(v, crv, out);
    if (slice_equal(kty, S("RSA")))
        return read_rsa(v, out);
    return slice_equal(kty, S("OKP")) && read_okp(v, crv, out);
}

/* --- from the library's keys
 * --------------------------------------------------------------------------------------------- */

static bool of_rsa(const EVP_PKEY *pkey, struct jwk *out)
{
    uint8_t modulus[RSA_BITS_MAX / 8], exponent[8];
    BIGNUM *n = NULL, *e = NULL;
    int bits = EVP_PKEY_get_bits(pkey);
    bool good = bits <= RSA_BITS_MAX && EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
                EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_num_bytes(e) <= 8;
    out->kind = KEY_RSA;
    good = good && set_modulus(out, slice_of(modulus, (size_t)BN_bn2bin(n, modulus))) &&
           set_exponent(out, slice_of(exponent, (size_t)BN_bn2bin(e, exponent)));
    BN_free(n);
    BN_free(e);
    return good;
}

static bool of_ec(const EVP_PKEY *pkey, struct jwk *out)
{
    static const char *const groups[] = {[KEY_P256] = "prime256v1", [KEY_P384] = "secp384r1", [KEY_P521] = "secp521r1"};
    char name[32];
    size_t name_size, size;
    BIGNUM *x = NULL, *y = NULL;
    if (EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, &name_size) != 1)
        return false;
    for (enum key_kind kind = KEY_P256; kind <= KEY_P521; kind++)
        if (strcmp(name, groups[kind]) == 0)
            out->kind = kind;
    size = CURVES[out->kind].bytes;
    out->point[0] = POINT_CONVERSION_UNCOMPRESSED;
    out->point_size = 1 + 2 * size;
    bool good = size && EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
                EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
                BN_bn2binpad(x, out->point + 1, (int)size) == (int)size &&
                BN_bn2binpad(y, out->point + 1 + size, (int)size) == (int)size;
    BN_free(x);
    BN_free(y);
    return good;
}

bool jwk_of(const EVP_PKEY *pkey, struct jwk *out)
{
    out->kind = KEY_NONE;
    out->alg = NO_SLICE;
    if (EVP_PKEY_is_a(pkey, "RSA"))
        return of_rsa(pkey, out);
    if (EVP_PKEY_is_a(pkey, "EC"))
        return of_ec(pkey, out);
    out->kind = KEY_ED25519;
    out->point_size = sizeof out->point;
    return EVP_PKEY_is_a(pkey, "ED25519") && EVP_PKEY_get_raw_public_key(pkey, out->point, &out->point_size) == 1;
}

/* --- to the library's keys
 * ------------------------------------------------------------------------------------------------- */

/* Parameters of each curve to copy the group from: building it anew takes four times as long. */
static EVP_PKEY *templates[KEY_P521 + 1];

static EVP_PKEY *parameters_of(const char *curve)
{
    EVP_PKEY *made = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (!ctx || EVP_PKEY_paramgen_init(ctx) != 1 || EVP_PKEY_CTX_set_group_name(ctx, curve) != 1 ||
        EVP_PKEY_paramgen(ctx, &made) != 1)
        made = NULL;
    EVP_PKEY_CTX_free(ctx);
    return made;
}

static void make_templates(void)
{
    for (enum key_kind kind = KEY_P256; kind <= KEY_P521; kind++) {
        templates[kind] = parameters_of(CURVES[kind].crv);
        if (!templates[kind])
            abort();
    }
}

static EVP_PKEY *pkey_ec(const struct jwk *k)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_templates);
    EVP_PKEY *pkey = EVP_PKEY_new();
    if (pkey && EVP_PKEY_copy_parameters(pkey, templates[k->kind]) == 1 &&
        EVP_PKEY_set1_encoded_public_key(pkey, k->point, k->point_size) == 1)
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

static EVP_PKEY *pkey_rsa(const struct jwk *k)
{
    uint8_t modulus[RSA_BITS_MAX / 8];
    uint32_t exponent = k->exponent;
    EVP_PKEY *pkey = NULL;
    /* Parameters hold numbers in the machine's order, which is little-endian wherever we run. */
    for (size_t i = 0; i < k->modulus_size; i++)
        modulus[i] = k->modulus[k->modulus_size - 1 - i];
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, modulus, k->modulus_size),
                               OSSL_PARAM_construct_uint32(OSSL_PKEY_PARAM_RSA_E, &exponent),
                               OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "RSA parameters are handed over in little-endian order");

EVP_PKEY *jwk_pkey(const struct jwk *k)
{
    if (k->kind == KEY_RSA)
        return pkey_rsa(k);
    if (k->kind == KEY_ED25519)
        return EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, k->point, k->point_size);
    return k->kind == KEY_NONE ? NULL : pkey_ec(k);
}

/* --- writing
 * ----------------------------------------------------------------------------------------------------------- */

static slice coordinate(const struct jwk *k, int n)
{
    size_t size = CURVES[k->kind].bytes;
    return slice_of(k->point + 1 + (size_t)n * size, size);
}

static slice exponent_bytes(const struct jwk *k, uint8_t bytes[4])
{
    size_t n = 0;
    for (int shift = 24; shift >= 0; shift -= 8)
        if (n || k->exponent >> shift)
            bytes[n++] = (uint8_t)(k->exponent >> shift);
    return slice_of(bytes, n);
}

static void member_bytes(struct text *t, const char *before, slice bytes)
{
    text_add(t, slice_text(before));
    text_base64url(t, bytes);
    text_lit(t, "\"");
}

static void member_text(struct text *t, const char *before, const char *value)
{
    text_add(t, slice_text(before));
    text_add(t, slice_text(value));
    text_lit(t, "\"");
}

static void coordinates(struct text *t, const struct jwk *k)
{
    if (k->kind == KEY_ED25519) {
        member_bytes(t, ",\"x\":\"", slice_of(k->point, k->point_size));
        return;
    }
    member_bytes(t, ",\"x\":\"", coordinate(k, 0));
    member_bytes(t, ",\"y\":\"", coordinate(k, 1));
}

static const char *kty_of(const struct jwk *k)
{
    return k->kind == KEY_RSA ? "RSA" : k->kind == KEY_ED25519 ? "OKP" : "EC";
}

void jwk_members(struct text *t, const struct jwk *k)
{
    uint8_t exponent[4];
    if (k->kind == KEY_RSA) {
        member_bytes(t, "\"e\":\"", exponent_bytes(k, exponent));
        member_bytes(t, ",\"kty\":\"RSA\",\"n\":\"", slice_of(k->modulus, k->modulus_size));
        return;
    }
    member_text(t, "\"crv\":\"", CURVES[k->kind].crv);
    member_text(t, ",\"kty\":\"", kty_of(k));
    coordinates(t, k);
}

result jwk_write(struct arena *a, const struct jwk *k, const char *alg, slice *out)
{
    uint8_t exponent[4];
    struct text t = text_begin(a);
    member_text(&t, "{\"alg\":\"", alg);
    member_text(&t, ",\"kty\":\"", kty_of(k));
    if (k->kind == KEY_RSA) {
        member_bytes(&t, ",\"n\":\"", slice_of(k->modulus, k->modulus_size));
        member_bytes(&t, ",\"e\":\"", exponent_bytes(k, exponent));
    } else {
        member_text(&t, ",\"crv\":\"", CURVES[k->kind].crv);
        coordinates(&t, k);
    }
    text_lit(&t, "}");
    *out = text_end(&t);
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}

/* Room for the longest text that is hashed: an RSA key of 8192 bits. */
#define DIGEST_TEXT 2048

void jwk_digest(const struct jwk *k, uint8_t out[32])
{
    uint8_t room[DIGEST_TEXT];
    struct arena a = {.base = room, .size = sizeof room};
    struct text t = text_begin(&a);
    text_lit(&t, "{");
    jwk_members(&t, k);
    text_lit(&t, "}");
    hash_sha256(text_end(&t), out);
}
