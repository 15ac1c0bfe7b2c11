/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and signatures.
 */
#include "core/crypto/jose.h"

#include <criterion/criterion.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct arena arena, secret;

static void begin(void)
{
    cr_assert(!FAILED(arena_map(&arena, 64 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(arena_map(&secret, 8 << 20, ARENA_SECRET)));
}

static void end(void)
{
    arena_unmap(&arena);
    arena_unmap(&secret);
}

TestSuite(jose, .init = begin, .fini = end, .timeout = 60);

static void expect_reason(result r, enum reason why, const char *what)
{
    cr_expect(r.reason == why, "%s: %s, expected %s", what, reason_id((enum reason)r.reason), reason_id(why));
}

static const json *parsed(slice text)
{
    const json *v;
    cr_assert(!FAILED(json_parse(&arena, text, &v)), "%.*s", SLICE_ARG(text));
    return v;
}

static slice b64url(slice bytes)
{
    struct text t = text_begin(&arena);
    text_base64url(&t, bytes);
    return text_end(&t);
}

/* header.payload.signature of texts that are not encoded yet. */
static slice compact(const char *header, const char *payload, slice signature)
{
    slice h = b64url(slice_text(header)), p = b64url(slice_text(payload)), s = b64url(signature);
    return arena_printf(&arena, "%.*s.%.*s.%.*s", SLICE_ARG(h), SLICE_ARG(p), SLICE_ARG(s));
}

static void parse_refuses(slice text, enum reason why)
{
    struct jws j;
    expect_reason(jws_parse(&arena, text, &j), why,
                  (const char *)arena_printf(&arena, "%.*s", SLICE_ARG(slice_sub(text, 0, 80))).ptr);
}

static struct jws parsed_jws(slice text)
{
    struct jws j;
    result r = jws_parse(&arena, text, &j);
    cr_assert(!FAILED(r), "%s", reason_id((enum reason)r.reason));
    return j;
}

static struct jws_key *key_of(const char *jwk)
{
    struct jws_key *k;
    result r = jws_key_from_jwk(parsed(slice_text(jwk)), &k);
    cr_assert(!FAILED(r), "%s: %s", jwk, reason_id((enum reason)r.reason));
    return k;
}

/* --- RFC vectors
 * ---------------------------------------------------------------------------------------------------------- */

/* RFC 7515 appendix A.2 and A.3, RFC 8037 appendix A. */
#define RFC7515_PAYLOAD "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define A2_JWK                                                                                                         \
    "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-"                   \
    "4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-"                  \
    "bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxX" \
    "FvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}"
#define A2_JWS                                                                    \
    "eyJhbGciOiJSUzI1NiJ9." RFC7515_PAYLOAD                                       \
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-" \
    "0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"        \
    "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07"                              \
    "Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"                                 \
    "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5"    \
    "AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define A3_JWK                                                                                                        \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_" \
    "tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define A3_JWS                              \
    "eyJhbGciOiJFUzI1NiJ9." RFC7515_PAYLOAD \
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define ED_JWK "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"

static void rfc_example_holds(const char *jwk, slice text)
{
    struct jws_key *k = key_of(jwk);
    struct jws j = parsed_jws(text);
    expect_reason(jws_verify(&j, k), REASON_OK, "the example");
    uint8_t changed[256];
    cr_assert(j.signature.len <= sizeof changed);
    memcpy(changed, j.signature.ptr, j.signature.len);
    j.signature.ptr = changed;
    for (size_t i = 0; i < j.signature.len; i++) {
        changed[i] ^= 1;
        expect_reason(jws_verify(&j, k), TOKEN_SIGNATURE, "a changed signature");
        changed[i] ^= 1;
    }
    for (size_t size = 0; size < j.signature.len; size++) {
        struct jws cut = j;
        cut.signature.len = size;
        expect_reason(jws_verify(&cut, k), TOKEN_SIGNATURE, "a short signature");
    }
    j.signed_part.len--;
    expect_reason(jws_verify(&j, k), TOKEN_SIGNATURE, "another text");
    jws_key_free(k);
}

Test(jose, the_rs256_example_of_rfc_7515_verifies)
{
    rfc_example_holds(A2_JWK, S(A2_JWS));
}

Test(jose, the_es256_example_of_rfc_7515_verifies)
{
    rfc_example_holds(A3_JWK, S(A3_JWS));
}

/* RFC 8037 appendix A.4; its payload is no JSON, so the parts are put together by hand. */
Test(jose, the_eddsa_example_of_rfc_8037_verifies)
{
    uint8_t signature[64];
    size_t length;
    slice encoded = S("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
    cr_assert(base64url_decode(signature, sizeof signature, encoded, &length) && length == 64);
    struct jws j = {.alg = S("EdDSA"),
                    .signed_part = S("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"),
                    .signature = slice_of(signature, 64)};
    struct jws_key *k = key_of(ED_JWK);
    expect_reason(jws_verify(&j, k), REASON_OK, "the example");
    signature[7] ^= 4;
    expect_reason(jws_verify(&j, k), TOKEN_SIGNATURE, "a changed signature");
    jws_key_free(k);
}

static void thumbprint_is(const char *jwk, slice expected)
{
    uint8_t digest[32], other[32];
    struct jws_key *k = key_of(jwk);
    cr_assert(!FAILED(jws_key_thumbprint(k, digest)));
    cr_assert(!FAILED(jwk_thumbprint(parsed(slice_text(jwk)), &arena, other)));
    cr_expect(memcmp(digest, other, 32) == 0);
    slice got = b64url(slice_of(digest, 32));
    cr_expect(slice_equal(got, expected), "%.*s", SLICE_ARG(got));
    jws_key_free(k);
}

/* RFC 7638 section 3.1, RFC 8037 appendix A.3. */
Test(jose, thumbprints_are_those_of_the_rfcs)
{
    thumbprint_is("{\"kty\":\"RSA\",\"n\":"
                  "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
                  "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
                  "FDW2QvzqY368QQMicAtaSqzs8KJ"
                  "ZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
                  "xBniIqbw0Ls1jF44-csF"
                  "Cur-kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}",
                  S("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    thumbprint_is(ED_JWK, S("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
}

/* --- taking apart
 * ---------------------------------------------------------------------------------------------------------- */

#define SIG S("0123456789012345678901234567890123456789012345678901234567890123")

Test(jose, a_jws_is_taken_apart)
{
    struct jws j = parsed_jws(
        compact("{\"typ\":\"JWT\",\"alg\":\"ES256\",\"kid\":\"k\",\"jwk\":{\"kty\":\"EC\"}}", "{\"a\":1}", SIG));
    cr_expect(slice_equal(j.alg, S("ES256")) && slice_equal(j.kid, S("k")));
    cr_expect(json_get(j.jwk, S("kty")) && json_get(j.payload, S("a")));
    cr_expect(slice_equal(j.payload_text, S("{\"a\":1}")));
    cr_expect(slice_equal(j.signature, SIG));
}

Test(jose, algorithms_that_are_none_of_ours_are_refused)
{
    const char *names[] = {"none",  "None",   "nOnE",  "",    "HS256",  "HS384",  "HS512",
                           "ES512", "ES256K", "es256", "RS1", "ES256 ", "A128KW", "dir"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        parse_refuses(compact((const char *)arena_printf(&arena, "{\"alg\":\"%s\"}", names[i]).ptr, "{}", SIG),
                      TOKEN_ALGORITHM);
    parse_refuses(compact("{}", "{}", SIG), TOKEN_MALFORMED);
    parse_refuses(compact("{\"alg\":null}", "{}", SIG), TOKEN_MALFORMED);
    parse_refuses(compact("{\"alg\":[\"ES256\"]}", "{}", SIG), TOKEN_MALFORMED);
    parse_refuses(compact("{\"alg\":1}", "{}", SIG), TOKEN_MALFORMED);
    parse_refuses(compact("{\"alg\":\"ES256\\u0000\"}", "{}", SIG), TOKEN_ALGORITHM);
}

Test(jose, extensions_that_change_the_meaning_are_refused)
{
    const char *members[] = {"\"crit\":[\"x\"]",
                             "\"crit\":[]",
                             "\"crit\":null",
                             "\"b64\":false",
                             "\"b64\":true",
                             "\"zip\":\"DEF\"",
                             "\"\\u0063rit\":[\"exp\"]",
                             "\"jwk\":\"x\"",
                             "\"jwk\":null",
                             "\"kid\":7",
                             "\"kid\":null",
                             "\"alg\":\"ES256\""};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        parse_refuses(compact((const char *)arena_printf(&arena, "{\"alg\":\"ES256\",%s}", members[i]).ptr, "{}", SIG),
                      TOKEN_MALFORMED);
}

Test(jose, texts_of_another_form_are_refused)
{
    slice good = compact("{\"alg\":\"ES256\"}", "{}", SIG);
    parsed_jws(good);
    parse_refuses(S(""), TOKEN_MALFORMED);
    parse_refuses(S("."), TOKEN_MALFORMED);
    parse_refuses(S(".."), TOKEN_MALFORMED);
    parse_refuses(S("..."), TOKEN_MALFORMED);
    parse_refuses(S("a.b"), TOKEN_MALFORMED);
    parse_refuses(slice_sub(good, 0, slice_find(good, '.')), TOKEN_MALFORMED);
    parse_refuses(arena_printf(&arena, "%.*s.", SLICE_ARG(good)), TOKEN_MALFORMED);
    parse_refuses(arena_printf(&arena, "%.*s.AAAA", SLICE_ARG(good)), TOKEN_MALFORMED);
    parse_refuses(arena_printf(&arena, "%.*s.AAAA.AAAA", SLICE_ARG(good)), TOKEN_MALFORMED);
    parse_refuses(arena_printf(&arena, " %.*s", SLICE_ARG(good)), TOKEN_MALFORMED);
    parse_refuses(arena_printf(&arena, "%.*s ", SLICE_ARG(good)), TOKEN_MALFORMED);
    parse_refuses(arena_printf(&arena, "%.*s\n", SLICE_ARG(good)), TOKEN_MALFORMED);
    parse_refuses(arena_printf(&arena, "%.*s==", SLICE_ARG(good)), TOKEN_MALFORMED);
    parse_refuses(
        arena_printf(&arena, "{\"payload\":\"e30\",\"protected\":\"%.*s\",\"signature\":\"x\"}", 20, good.ptr),
        TOKEN_MALFORMED);
    parse_refuses(arena_printf(&arena, "\"%.*s\"", SLICE_ARG(good)), TOKEN_MALFORMED);
    slice dot = slice_sub(good, 0, slice_find(good, '.'));
    parse_refuses(arena_printf(&arena, "%.*s..%.*s", SLICE_ARG(dot), SLICE_ARG(b64url(SIG))), TOKEN_MALFORMED);
    parse_refuses(arena_printf(&arena, "%.*s.e30.", SLICE_ARG(dot)), TOKEN_MALFORMED);
}

Test(jose, bits_that_carry_nothing_must_be_zero)
{
    slice head = b64url(S("{\"alg\":\"ES256\"}")), signature = b64url(SIG);
    parsed_jws(arena_printf(&arena, "%.*s.e30.%.*s", SLICE_ARG(head), SLICE_ARG(signature)));
    parse_refuses(arena_printf(&arena, "%.*s.e31.%.*s", SLICE_ARG(head), SLICE_ARG(signature)), TOKEN_MALFORMED);
    parse_refuses(arena_printf(&arena, "%.*s.e30=.%.*s", SLICE_ARG(head), SLICE_ARG(signature)), TOKEN_MALFORMED);
    parse_refuses(arena_printf(&arena, "%.*s.e3 0.%.*s", SLICE_ARG(head), SLICE_ARG(signature)), TOKEN_MALFORMED);
    parse_refuses(arena_printf(&arena, "%.*s.e30.%.*s", SLICE_ARG(head), (int)signature.len - 1, signature.ptr),
                  TOKEN_MALFORMED);
}

Test(jose, payloads_that_are_no_object_or_say_things_twice_are_refused)
{
    const char *payloads[] = {
        "", "[]", "1", "null", "\"x\"", "{", "{\"exp\":1,\"exp\":2}", "{\"exp\":1,\"\\u0065xp\":2}", "{}x"};
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
        parse_refuses(compact("{\"alg\":\"ES256\"}", payloads[i], SIG), TOKEN_MALFORMED);
    parse_refuses(compact("[]", "{}", SIG), TOKEN_MALFORMED);
}

static double milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

Test(jose, a_megabyte_of_dots_is_refused_at_once)
{
    uint8_t *dots = arena_alloc(&arena, 1 << 20, 1);
    memset(dots, '.', 1 << 20);
    double start = milliseconds();
    parse_refuses(slice_of(dots, 1 << 20), TOKEN_MALFORMED);
    parse_refuses(slice_of(dots, JWS_SIZE_MAX), TOKEN_MALFORMED);
    cr_expect(milliseconds() - start < 10);
}

/* --- keys
 * -------------------------------------------------------------------------------------------------------------------
 */

static void key_refuses(const char *jwk)
{
    struct jws_key *k;
    expect_reason(jws_key_from_jwk(parsed(slice_text(jwk)), &k), TOKEN_KEY, jwk);
    cr_expect(!k);
}

#define X "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\""
#define Y "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""

Test(jose, keys_that_do_not_fit_are_refused)
{
    key_refuses("{}");
    key_refuses("[]");
    key_refuses("{\"kty\":\"oct\",\"k\":\"AAAA\"}");
    key_refuses("{\"kty\":\"EC\",\"crv\":\"P-256\"," X "}");
    key_refuses("{\"kty\":\"EC\",\"crv\":\"P-384\"," X "," Y "}");
    key_refuses("{\"kty\":\"EC\",\"crv\":\"P-521\"," X "," Y "}");
    key_refuses("{\"kty\":\"EC\",\"crv\":\"secp256k1\"," X "," Y "}");
    key_refuses("{\"kty\":\"EC\"," X "," Y "}");
    key_refuses("{\"kty\":\"RSA\",\"crv\":\"P-256\"," X "," Y "}");
    key_refuses("{\"kty\":\"EC\",\"crv\":\"P-256\"," X ",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4\"}");
    key_refuses("{\"kty\":\"EC\",\"crv\":\"P-256\"," X ",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1\"}");
    key_refuses("{\"kty\":\"EC\",\"crv\":\"P-256\"," X ",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5Q\"}");
    key_refuses("{\"kty\":\"EC\",\"crv\":\"P-256\"," X "," Y ",\"alg\":\"ES384\"}");
    key_refuses("{\"kty\":\"EC\",\"crv\":\"P-256\"," X "," Y ",\"alg\":\"HS256\"}");
    key_refuses("{\"kty\":\"EC\",\"crv\":\"P-256\"," X "," Y ",\"alg\":null}");
    key_refuses("{\"kty\":\"EC\",\"crv\":\"P-256\"," X "," Y ",\"use\":\"enc\"}");
    key_refuses("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}");
    key_refuses("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ\"}");
    struct jws_key *k = key_of("{\"kty\":\"EC\",\"crv\":\"P-256\"," X "," Y ",\"alg\":\"ES256\",\"use\":\"sig\"}");
    jws_key_free(k);
}

/* An RSA JWK whose modulus has so many bytes, first and last as given. */
static const char *rsa_jwk(size_t bytes, uint8_t first, uint8_t last, const char *e)
{
    uint8_t *modulus = arena_alloc(&arena, bytes, 1);
    memset(modulus, 0xa5, bytes);
    modulus[0] = first;
    modulus[bytes - 1] = last;
    slice n = b64url(slice_of(modulus, bytes));
    return (const char *)arena_printf(&arena, "{\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"%s\"}", SLICE_ARG(n), e).ptr;
}

Test(jose, rsa_keys_that_are_weak_or_huge_are_refused)
{
    key_refuses(rsa_jwk(64, 0xff, 1, "AQAB"));
    key_refuses(rsa_jwk(128, 0xff, 1, "AQAB"));
    key_refuses(rsa_jwk(256, 0x7f, 1, "AQAB"));
    key_refuses(rsa_jwk(256, 0xff, 2, "AQAB"));
    key_refuses(rsa_jwk(256, 0xff, 1, "AQ"));
    key_refuses(rsa_jwk(256, 0xff, 1, "Aw"));
    key_refuses(rsa_jwk(256, 0xff, 1, "AQAA"));
    key_refuses(rsa_jwk(256, 0xff, 1, "AQAAAAE"));
    key_refuses(rsa_jwk(256, 0xff, 1, ""));
    key_refuses(rsa_jwk(2048, 0xff, 1, "AQAB"));
    double start = milliseconds();
    key_refuses(rsa_jwk(100000, 0xff, 1, "AQAB"));
    cr_expect(milliseconds() - start < 20);
    jws_key_free(key_of(rsa_jwk(256, 0x80, 1, "AQAB")));
}

Test(jose, a_key_takes_only_its_own_algorithms)
{
    struct jws_key *ec = key_of(A3_JWK), *rsa = key_of(A2_JWK);
    const char *names[] = {"ES384", "RS256", "PS256", "EdDSA", "HS256", "none", ""};
    struct jws j = parsed_jws(S(A3_JWS));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        j.alg = slice_text(names[i]);
        expect_reason(jws_verify(&j, ec), TOKEN_ALGORITHM, names[i]);
    }
    j.alg = S("ES256");
    expect_reason(jws_verify(&j, rsa), TOKEN_ALGORITHM, "an RSA key");
    jws_key_free(ec);
    jws_key_free(rsa);
}

Test(jose, a_keys_own_alg_narrows_it)
{
    const char *jwk = (const char *)arena_printf(&arena, "{\"alg\":\"PS256\",%s", &A2_JWK[1]).ptr;
    struct jws_key *k = key_of(jwk);
    struct jws j = parsed_jws(S(A2_JWS));
    expect_reason(jws_verify(&j, k), TOKEN_ALGORITHM, "RS256 with a key for PS256");
    jws_key_free(k);
}

Test(jose, ecdsa_values_out_of_range_are_refused)
{
    struct jws_key *k = key_of(A3_JWK);
    struct jws j = parsed_jws(S(A3_JWS));
    uint8_t signature[64] = {0}, order[32];
    size_t length;
    cr_assert(hex_decode(order, 32, S("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"), &length));
    slice good = j.signature;
    j.signature = slice_of(signature, 64);
    expect_reason(jws_verify(&j, k), TOKEN_SIGNATURE, "r = s = 0");
    memcpy(signature, order, 32);
    memcpy(signature + 32, order, 32);
    expect_reason(jws_verify(&j, k), TOKEN_SIGNATURE, "r = s = n");
    memcpy(signature, good.ptr, 32);
    expect_reason(jws_verify(&j, k), TOKEN_SIGNATURE, "s = n");
    memset(signature + 32, 0, 32);
    expect_reason(jws_verify(&j, k), TOKEN_SIGNATURE, "s = 0");
    memset(signature, 0xff, 64);
    expect_reason(jws_verify(&j, k), TOKEN_SIGNATURE, "all ones");
    jws_key_free(k);
}

/* --- signing
 * ---------------------------------------------------------------------------------------------------------------- */

static slice private_pem(const char *type)
{
    EVP_PKEY *pkey = strcmp(type, "RSA") == 0       ? EVP_RSA_gen(2048)
                     : strcmp(type, "ED25519") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                                    : EVP_EC_gen(type);
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());
    cr_assert(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1);
    long size = BIO_get_mem_data(bio, &text);
    slice pem = arena_copy(&arena, slice_of(text, (size_t)size));
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return pem;
}

Test(jose, what_was_signed_verifies_with_the_public_key)
{
    const char *types[] = {"P-256", "P-384", "RSA", "ED25519"}, *algs[] = {"ES256", "ES384", "RS384", "EdDSA"};
    for (size_t i = 0; i < 4; i++) {
        struct jws_signer *s;
        struct jws_key *direct, *from_jwk, *from_pem;
        slice jwk, pem, text;
        cr_assert(!FAILED(jws_signer_from_pem(private_pem(types[i]), &s)), "%s", types[i]);
        cr_expect(strcmp(jws_signer_alg(s), algs[i]) == 0);
        slice header = arena_printf(&arena, "{\"alg\":\"%s\"}", algs[i]);
        cr_assert(!FAILED(jws_signer_public(s, &direct)));
        cr_assert(!FAILED(jws_signer_jwk(s, &arena, &jwk)));
        cr_assert(!FAILED(jws_signer_public_pem(s, &arena, &pem)));
        cr_assert(!FAILED(jws_key_from_jwk(parsed(jwk), &from_jwk)));
        cr_assert(!FAILED(jws_key_from_pem(pem, &from_pem)));
        cr_expect(slice_starts(jwk, arena_printf(&arena, "{\"alg\":\"%s\",\"kty\":\"", algs[i])));
        for (int repeat = 0; repeat < 20; repeat++) {
            cr_assert(!FAILED(jws_sign(s, &arena, header, S("{\"a\":1}"), &text)));
            struct jws j = parsed_jws(text);
            expect_reason(jws_verify(&j, direct), REASON_OK, "direct");
            expect_reason(jws_verify(&j, from_jwk), REASON_OK, "jwk");
            expect_reason(jws_verify(&j, from_pem), REASON_OK, "pem");
        }
        cr_expect(jws_key_equal(direct, from_jwk) && jws_key_equal(direct, from_pem));
        cr_expect(!jws_key_equal(direct, NULL));
        jws_key_free(direct);
        jws_key_free(from_jwk);
        jws_key_free(from_pem);
        jws_signer_free(s);
    }
}

Test(jose, a_generated_signer_survives_its_pem)
{
    struct jws_signer *s, *again;
    slice pem, one, two;
    cr_assert(!FAILED(jws_signer_generate(&s)));
    cr_assert(!FAILED(jws_signer_private_pem(s, &secret, &pem)));
    cr_expect(slice_starts(pem, S("-----BEGIN PRIVATE KEY-----\n")));
    cr_assert(!FAILED(jws_signer_from_pem(pem, &again)));
    cr_assert(!FAILED(jws_signer_jwk(s, &arena, &one)) && !FAILED(jws_signer_jwk(again, &arena, &two)));
    cr_expect(slice_equal(one, two));
    cr_expect(slice_starts(one, S("{\"alg\":\"ES256\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"")));
    jws_signer_free(s);
    jws_signer_free(again);
}

Test(jose, signers_of_other_kinds_are_refused)
{
    struct jws_signer *s;
    expect_reason(jws_signer_from_pem(S(""), &s), TOKEN_KEY, "nothing");
    expect_reason(jws_signer_from_pem(S("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), &s),
                  TOKEN_KEY, "noise");
    expect_reason(jws_signer_from_pem(private_pem("P-521"), &s), TOKEN_KEY, "P-521");
    cr_expect(!s);
}

Test(jose, a_signature_that_does_not_fit_is_a_matter_of_memory)
{
    struct jws_signer *s;
    struct arena small;
    slice out;
    cr_assert(!FAILED(jws_signer_generate(&s)));
    cr_assert(!FAILED(arena_map(&small, 4096, ARENA_PLAIN)));
    for (size_t room = 0; room < 128; room++) {
        small.used = small.size - room;
        result r = jws_sign(s, &small, S("{\"alg\":\"ES256\"}"), S("{}"), &out);
        cr_expect(FAILED(r) ? r.reason == NO_MEMORY && !out.ptr : out.len <= room);
    }
    arena_unmap(&small);
    jws_signer_free(s);
}

/* --- chains
 * ----------------------------------------------------------------------------------------------------------------- */

static slice file_text(const char *folder, const char *name)
{
    FILE *f = fopen((const char *)arena_printf(&arena, "%s/%s", folder, name).ptr, "rb");
    cr_assert(f, "%s/%s", folder, name);
    uint8_t *room = arena_alloc(&arena, 65536, 1);
    size_t size = fread(room, 1, 65536, f);
    fclose(f);
    return slice_of(room, size);
}

#define IN_2027 1798761600

static struct trust_anchors *anchors_of(const char *folder, const char *name)
{
    struct trust_anchors *t;
    cr_assert(!FAILED(trust_anchors_from_pem(file_text(folder, name), &t)));
    return t;
}

Test(jose, the_seven_scenarios_of_header_keys_come_out)
{
    static const bool trusted[] = {true, false, false, false, true, true, true};
    const char *vectors = getenv("TRUSTEE_VECTORS");
    if (!vectors)
        cr_skip_test("TRUSTEE_VECTORS is not set");
    const char *folder = (const char *)arena_printf(&arena, "%s/tokens", vectors).ptr;
    for (int i = 1; i <= 7; i++) {
        struct jws_key *k;
        const json *jwk = parsed(file_text(folder, (const char *)arena_printf(&arena, "scenario0%d-jwk.json", i).ptr));
        struct trust_anchors *t =
            anchors_of(folder, (const char *)arena_printf(&arena, "scenario0%d-trust.pem", i).ptr);
        result r = jws_key_from_x5c(jwk, t, IN_2027, &k);
        cr_expect(r.reason == (trusted[i - 1] ? REASON_OK : TOKEN_UNTRUSTED), "scenario %d: %s", i,
                  reason_id((enum reason)r.reason));
        jws_key_free(k);
        expect_reason(jws_key_from_x5c(jwk, t, IN_2027 + 3600LL * 24 * 365 * 20, &k), TOKEN_UNTRUSTED, "long after");
        expect_reason(jws_key_from_x5c(jwk, t, 0, &k), TOKEN_UNTRUSTED, "long before");
        expect_reason(jws_key_from_x5c(jwk, NULL, IN_2027, &k), TOKEN_UNTRUSTED, "no anchors");
        trust_anchors_free(t);
    }
}

Test(jose, a_leaf_that_is_itself_an_anchor_is_refused)
{
    const char *vectors = getenv("TRUSTEE_VECTORS");
    if (!vectors)
        cr_skip_test("TRUSTEE_VECTORS is not set");
    const char *folder = (const char *)arena_printf(&arena, "%s/tokens", vectors).ptr;
    const json *jwk = parsed(file_text(folder, "scenario01-jwk.json"));
    slice leaf = json_text(json_at(jwk, S("/x5c/0")));
    slice pem = arena_printf(&arena, "-----BEGIN CERTIFICATE-----\n%.*s\n-----END CERTIFICATE-----\n%.*s",
                             SLICE_ARG(leaf), SLICE_ARG(file_text(folder, "scenario01-trust.pem")));
    struct trust_anchors *t;
    struct jws_key *k;
    cr_assert(!FAILED(trust_anchors_from_pem(pem, &t)));
    expect_reason(jws_key_from_x5c(jwk, t, IN_2027, &k), TOKEN_UNTRUSTED, "leaf as anchor");
    trust_anchors_free(t);
}

Test(jose, anchors_that_cannot_be_read_are_refused)
{
    struct trust_anchors *t;
    expect_reason(trust_anchors_from_pem(S(""), &t), TOKEN_UNTRUSTED, "nothing");
    expect_reason(trust_anchors_from_pem(S("no certificate"), &t), TOKEN_UNTRUSTED, "no certificate");
    expect_reason(trust_anchors_from_pem(S("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), &t),
                  TOKEN_UNTRUSTED, "noise");
}

/* FIPS 180-2 appendix B, GB/T 32905 appendix A. */
Test(jose, named_hashes_are_those_of_their_standards)
{
    uint8_t out[64];
    const char *names[] = {"sha256", "sm3"},
               *expected[] = {"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                              "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"};
    for (int i = 0; i < 2; i++) {
        cr_assert(hash_named(slice_text(names[i]), S("abc"), out) == 32);
        uint8_t hex[64];
        hex_encode(hex, slice_of(out, 32));
        cr_expect(slice_equal(slice_of(hex, 64), slice_text(expected[i])), "%s", names[i]);
    }
    cr_expect(hash_named(S("sha384"), S("abc"), out) == 48);
    cr_expect(hash_named(S("sha512"), S("abc"), out) == 64);
    cr_expect(hash_named(S("md5"), S("abc"), out) == 0);
    cr_expect(hash_named(S("SHA256"), S("abc"), out) == 0);
    cr_expect(hash_named(S(""), S("abc"), out) == 0);
}
