/* SPDX-License-Identifier: Apache-2.0
 *
 * Which attestation tokens are believed.
 */
#include "core/token/trust.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW INT64_C(1800000000)
#define GENERATION S("0123456789abcdef")
#define KEY                                                                                                         \
    "\"submods\":{\"cpu0\":{\"ear.veraison.annotated-evidence\":{\"runtime_data_claims\":{\"tee-pubkey\":{\"kty\":" \
    "\"EC\"}}}}}"

static struct arena arena;
static struct jws_signer *own, *other;
static struct token_trust *trust;
static struct trust_settings settings;
static char error[512];

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)64 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(jws_signer_generate(&own)));
    cr_assert(!FAILED(jws_signer_generate(&other)));
    settings = (struct trust_settings){.own = own, .own_issuer = "us", .own_profile = "tag:us", .leeway = 60};
}

static void teardown(void)
{
    token_trust_free(trust);
    jws_signer_free(own);
    jws_signer_free(other);
    arena_unmap(&arena);
}

TestSuite(trust, .init = setup, .fini = teardown);

static void open_trust(void)
{
    token_trust_free(trust);
    cr_assert(!FAILED(token_trust_new(&settings, &trust, error, sizeof error)), "%s", error);
}

static slice jwk_of(const struct jws_signer *s)
{
    slice jwk;
    cr_assert(!FAILED(jws_signer_jwk(s, &arena, &jwk)));
    return jwk;
}

static slice signed_by(const struct jws_signer *s, slice header, slice payload)
{
    slice token;
    cr_assert(!FAILED(jws_sign(s, &arena, header, payload, &token)));
    return token;
}

static slice header_with_jwk(const struct jws_signer *s)
{
    return arena_printf(&arena, "{\"typ\":\"JWT\",\"alg\":\"ES256\",\"jwk\":%.*s}", SLICE_ARG(jwk_of(s)));
}

/* The claims of a token of our own but for what `more` says. */
static slice own_payload(const char *issuer, const char *profile, int64_t exp, const char *generation)
{
    return arena_printf(
        &arena,
        "{\"iss\":\"%s\",\"eat_profile\":\"%s\",\"iat\":%lld,\"exp\":%lld,\"trustee.generation\":\"%s\"," KEY "}",
        issuer, profile, (long long)NOW, (long long)exp, generation);
}

static slice own_token(void)
{
    return signed_by(own, header_with_jwk(own), own_payload("us", "tag:us", NOW + 300, "0123456789abcdef"));
}

static enum reason judged(slice token, int64_t now)
{
    struct token t;
    if (!trust)
        open_trust();
    return token_judge(trust, token, now, GENERATION, &arena, &t).reason;
}

/* --- our own --- */

Test(trust, a_token_of_our_own_is_believed_and_gives_its_key)
{
    struct token t;
    open_trust();
    cr_assert_eq(token_judge(trust, own_token(), NOW, GENERATION, &arena, &t).reason, REASON_OK);
    cr_assert(t.own);
    cr_assert(slice_equal(json_text(json_get(t.key, S("kty"))), S("EC")));
}

Test(trust, every_altered_character_of_a_token_is_refused)
{
    slice token = own_token();
    for (size_t i = 0; i < token.len; i++) {
        size_t mark = arena.used;
        slice copy = arena_copy(&arena, token);
        uint8_t *byte = arena.base + (copy.ptr - arena.base) + i;
        *byte = *byte == 'A' ? 'B' : 'A';
        cr_assert_neq(judged(copy, NOW), REASON_OK, "%zu", i);
        arena.used = mark;
    }
}

Test(trust, another_issuer_with_our_key_is_refused)
{
    slice token = signed_by(own, header_with_jwk(own), own_payload("them", "tag:us", NOW + 300, "0123456789abcdef"));
    cr_assert_eq(judged(token, NOW), TOKEN_CLAIMS);
}

Test(trust, another_profile_with_our_key_is_refused)
{
    slice token = signed_by(own, header_with_jwk(own), own_payload("us", "tag:them", NOW + 300, "0123456789abcdef"));
    cr_assert_eq(judged(token, NOW), TOKEN_CLAIMS);
}

Test(trust, our_own_tokens_have_no_leeway)
{
    slice token = own_token();
    cr_assert_eq(judged(token, NOW + 299), REASON_OK);
    cr_assert_eq(judged(token, NOW + 300), TOKEN_EXPIRED);
}

Test(trust, a_token_of_another_generation_is_refused)
{
    slice token = signed_by(own, header_with_jwk(own), own_payload("us", "tag:us", NOW + 300, "fedcba9876543210"));
    cr_assert_eq(judged(token, NOW), TOKEN_GENERATION);
    token = signed_by(own, header_with_jwk(own), own_payload("us", "tag:us", NOW + 300, ""));
    cr_assert_eq(judged(token, NOW), TOKEN_GENERATION);
}

Test(trust, our_own_tokens_hold_the_key_in_one_place_only)
{
    slice payload =
        S("{\"iss\":\"us\",\"eat_profile\":\"tag:us\",\"iat\":1800000000,\"exp\":1800000300,\"trustee.generation\":"
          "\"0123456789abcdef\",\"tee-pubkey\":{\"kty\":\"EC\"},\"submods\":{\"gpu0\":{}}}");
    cr_assert_eq(judged(signed_by(own, header_with_jwk(own), payload), NOW), TOKEN_KEY);
}

Test(trust, a_token_of_the_future_is_refused)
{
    slice token = signed_by(own, header_with_jwk(own),
                            arena_printf(&arena, "{\"exp\":1900000000,\"iat\":%lld," KEY "}", (long long)NOW + 61));
    cr_assert_eq(judged(token, NOW), TOKEN_NOT_YET);
    token = signed_by(own, header_with_jwk(own),
                      arena_printf(&arena, "{\"exp\":1900000000,\"nbf\":%lld," KEY "}", (long long)NOW + 1));
    cr_assert_eq(judged(token, NOW), TOKEN_NOT_YET);
}

Test(trust, times_of_another_form_are_refused)
{
    static const char *const bad[] = {"",
                                      "\"exp\":\"1900000000\",",
                                      "\"exp\":1e308,",
                                      "\"exp\":1900000000.5,",
                                      "\"exp\":null,",
                                      "\"exp\":9223372036854775807,",
                                      "\"exp\":1900000000,\"nbf\":\"x\",",
                                      "\"exp\":1900000000,\"iat\":[],"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(judged(signed_by(own, header_with_jwk(own), arena_printf(&arena, "{%s" KEY "}", bad[i])), NOW),
                     TOKEN_CLAIMS, "%s", bad[i]);
}

Test(trust, without_a_signer_our_own_key_is_nobodys)
{
    settings.own = NULL;
    cr_assert_eq(judged(own_token(), NOW), TOKEN_UNTRUSTED);
}

Test(trust, unsigned_tokens_are_refused)
{
    cr_assert_eq(judged(S("eyJhbGciOiJub25lIn0.e30."), NOW), TOKEN_MALFORMED); /* {"alg":"none"} */
    cr_assert_eq(judged(S("eyJhbGciOiJub25lIn0.e30.AA"), NOW), TOKEN_ALGORITHM);
    cr_assert_eq(judged(S("eyJhbGciOiJIUzI1NiJ9.e30.AA"), NOW), TOKEN_ALGORITHM); /* {"alg":"HS256"} */
    cr_assert_eq(judged(S(""), NOW), TOKEN_MALFORMED);
    cr_assert_eq(judged(S("a.b"), NOW), TOKEN_MALFORMED);
}

/* --- what is remembered --- */

Test(trust, a_remembered_signature_still_expires)
{
    slice token = own_token();
    cr_assert_eq(judged(token, NOW), REASON_OK);
    cr_assert_eq(judged(token, NOW), REASON_OK);
    cr_assert_eq(judged(token, NOW + 300), TOKEN_EXPIRED);
}

Test(trust, a_remembered_signature_still_has_its_generation)
{
    struct token t;
    slice token = own_token();
    cr_assert_eq(judged(token, NOW), REASON_OK);
    cr_assert_eq(token_judge(trust, token, NOW, S("fedcba9876543210"), &arena, &t).reason, TOKEN_GENERATION);
}

Test(trust, a_remembered_signature_is_of_that_token_alone)
{
    slice token = own_token();
    cr_assert_eq(judged(token, NOW), REASON_OK);
    slice longer = own_payload("us", "tag:us", NOW + 9999, "0123456789abcdef");
    struct jws j;
    cr_assert(!FAILED(jws_parse(&arena, token, &j)));
    /* The head and the signature of the believed one around other claims. */
    struct text t = text_begin(&arena);
    text_base64url(&t, j.header_text);
    text_lit(&t, ".");
    text_base64url(&t, longer);
    text_lit(&t, ".");
    text_base64url(&t, j.signature);
    cr_assert_eq(judged(text_end(&t), NOW), TOKEN_SIGNATURE);
}

Test(trust, a_token_that_we_just_signed_is_judged_like_any)
{
    slice token = own_token();
    open_trust();
    token_issued(trust, token);
    cr_assert_eq(judged(token, NOW), REASON_OK);
    cr_assert_eq(judged(token, NOW + 300), TOKEN_EXPIRED);
    token = signed_by(own, header_with_jwk(own), own_payload("us", "tag:us", NOW + 300, "fedcba9876543210"));
    token_issued(trust, token);
    cr_assert_eq(judged(token, NOW), TOKEN_GENERATION);
}

Test(trust, thousands_of_remembered_signatures_push_each_other_out_and_nothing_else)
{
    slice tokens[300];
    open_trust();
    for (int i = 0; i < 300; i++)
        tokens[i] =
            signed_by(own, header_with_jwk(own), own_payload("us", "tag:us", NOW + 300 + i, "0123456789abcdef"));
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 300; i++) {
            size_t mark = arena.used;
            cr_assert_eq(judged(tokens[i], NOW), REASON_OK);
            cr_assert_eq(judged(tokens[i], NOW + 300 + i), TOKEN_EXPIRED);
            arena.used = mark;
        }
}

/* --- others, by key set --- */

static struct trust_issuer issuers[2];

static void believe(struct trust_issuer one)
{
    issuers[0] = one;
    settings.issuers = issuers;
    settings.issuer_count = 1;
}

/* Believes the issuer "them" with this key. */
static void trust_key(const struct jws_signer *s, const char *kid)
{
    slice *sets = arena_array(&arena, slice, 1);
    slice jwk = jwk_of(s);
    sets[0] = arena_printf(&arena, "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"mac\",\"k\":\"AA\"},{\"kid\":\"%s\",%.*s]}",
                           kid, (int)jwk.len - 1, (const char *)jwk.ptr + 1);
    believe((struct trust_issuer){.issuer = S("them"), .jwks = sets, .jwks_count = 1});
}

static slice by_issuer(const char *issuer, const char *kid, const char *claims)
{
    return signed_by(other, arena_printf(&arena, "{\"alg\":\"ES256\",\"kid\":\"%s\"}", kid),
                     arena_printf(&arena, "{\"iss\":%s,%s\"tee-pubkey\":{\"kty\":\"RSA\"}}", issuer, claims));
}

static slice foreign(const char *kid, const char *claims)
{
    return by_issuer("\"them\"", kid, claims);
}

Test(trust, a_token_of_a_key_set_is_believed_by_its_kid)
{
    struct token t;
    trust_key(other, "k1");
    open_trust();
    cr_assert_eq(token_judge(trust, foreign("k1", "\"exp\":1800000300,"), NOW, GENERATION, &arena, &t).reason,
                 REASON_OK);
    cr_assert_not(t.own);
    cr_assert(slice_equal(json_text(json_get(t.key, S("kty"))), S("RSA")));
}

Test(trust, an_unknown_missing_or_strange_kid_is_refused)
{
    trust_key(other, "k1");
    cr_assert_eq(judged(foreign("k2", "\"exp\":1800000300,"), NOW), TOKEN_UNTRUSTED);
    cr_assert_eq(judged(foreign("", "\"exp\":1800000300,"), NOW), TOKEN_UNTRUSTED);
    cr_assert_eq(judged(foreign("../../dev/null", "\"exp\":1800000300,"), NOW), TOKEN_UNTRUSTED);
    cr_assert_eq(judged(foreign("' or 1", "\"exp\":1800000300,"), NOW), TOKEN_UNTRUSTED);
    cr_assert_eq(judged(foreign("mac", "\"exp\":1800000300,"), NOW), TOKEN_UNTRUSTED);
    slice none = signed_by(other, S("{\"alg\":\"ES256\"}"), S("{\"exp\":1800000300}"));
    cr_assert_eq(judged(none, NOW), TOKEN_UNTRUSTED);
}

Test(trust, a_kid_does_not_lend_its_name_to_another_key)
{
    trust_key(own, "k1");
    cr_assert_eq(judged(foreign("k1", "\"exp\":1800000300,"), NOW), TOKEN_SIGNATURE);
}

Test(trust, tokens_of_others_have_their_leeway)
{
    trust_key(other, "k1");
    slice token = foreign("k1", "\"exp\":1800000000,");
    cr_assert_eq(judged(token, NOW + 59), REASON_OK);
    cr_assert_eq(judged(token, NOW + 60), TOKEN_EXPIRED);
    cr_assert_eq(judged(foreign("k1", "\"exp\":1900000000,\"nbf\":1800000060,"), NOW), REASON_OK);
    cr_assert_eq(judged(foreign("k1", "\"exp\":1900000000,\"nbf\":1800000061,"), NOW), TOKEN_NOT_YET);
}

Test(trust, an_issuer_that_is_not_configured_is_refused_whoever_signed)
{
    trust_key(other, "k1");
    cr_assert_eq(judged(by_issuer("\"them\"", "k1", "\"exp\":1800000300,"), NOW), REASON_OK);
    cr_assert_eq(judged(by_issuer("\"they\"", "k1", "\"exp\":1800000300,"), NOW), TOKEN_UNTRUSTED);
    cr_assert_eq(judged(by_issuer("[\"them\"]", "k1", "\"exp\":1800000300,"), NOW), TOKEN_UNTRUSTED);
    cr_assert_eq(judged(by_issuer("null", "k1", "\"exp\":1800000300,"), NOW), TOKEN_UNTRUSTED);
    cr_assert_eq(judged(own_token(), NOW), REASON_OK);
}

Test(trust, an_issuers_key_does_not_vouch_for_another_issuer)
{
    trust_key(own, "k1");
    issuers[1] = issuers[0];
    issuers[1].issuer = S("partner");
    trust_key(other, "k1");
    settings.issuer_count = 2;
    cr_assert_eq(judged(by_issuer("\"them\"", "k1", "\"exp\":1800000300,"), NOW), REASON_OK);
    cr_assert_eq(judged(by_issuer("\"partner\"", "k1", "\"exp\":1800000300,"), NOW), TOKEN_SIGNATURE);
}

Test(trust, an_issuers_profile_and_audience_are_demanded_where_they_are_configured)
{
    trust_key(other, "k1");
    issuers[0].profile = S("tag:them");
    issuers[0].audience = S("kbs");
    cr_assert_eq(judged(foreign("k1", "\"exp\":1800000300,\"eat_profile\":\"tag:them\",\"aud\":\"kbs\","), NOW),
                 REASON_OK);
    cr_assert_eq(judged(foreign("k1", "\"exp\":1800000300,\"eat_profile\":\"tag:them\",\"aud\":[\"x\",\"kbs\"],"), NOW),
                 REASON_OK);
    static const char *const refused[] = {
        "\"eat_profile\":\"tag:us\",\"aud\":\"kbs\",",       "\"aud\":\"kbs\",",
        "\"eat_profile\":\"tag:them\",\"aud\":\"kb\",",      "\"eat_profile\":\"tag:them\",\"aud\":[\"kb\",1],",
        "\"eat_profile\":\"tag:them\",\"aud\":{\"kbs\":1},", "\"eat_profile\":\"tag:them\",",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        slice claims = arena_printf(&arena, "\"exp\":1800000300,%s", refused[i]);
        cr_assert_eq(judged(foreign("k1", (const char *)claims.ptr), NOW), TOKEN_CLAIMS, "%s", refused[i]);
    }
}

Test(trust, an_issuer_stands_once_and_has_keys)
{
    trust_key(other, "k1");
    issuers[1] = issuers[0];
    settings.issuer_count = 2;
    cr_assert_eq(token_trust_new(&settings, &trust, error, sizeof error).reason, TOKEN_UNTRUSTED);
    cr_assert(strstr(error, "twice"), "%s", error);
    issuers[1] = (struct trust_issuer){.issuer = S("partner")};
    cr_assert_eq(token_trust_new(&settings, &trust, error, sizeof error).reason, TOKEN_UNTRUSTED);
    cr_assert(strstr(error, "no keys"), "%s", error);
}

Test(trust, a_token_without_a_tee_key_is_refused)
{
    trust_key(other, "k1");
    slice token = signed_by(other, S("{\"alg\":\"ES256\",\"kid\":\"k1\"}"),
                            S("{\"iss\":\"them\",\"exp\":1800000300,\"tee-pubkey\":\"x\"}"));
    cr_assert_eq(judged(token, NOW), TOKEN_KEY);
}

Test(trust, the_tee_key_is_looked_for_in_upstreams_order)
{
    static const slice own_pointers[] = {TRUSTEE_TEXT("/mine/key")};
    struct token t;
    trust_key(other, "k1");
    issuers[0].key_pointers = own_pointers;
    issuers[0].key_pointer_count = 1;
    open_trust();
    const char *both = "\"exp\":1800000300,\"tdx\":{\"attester_user_data\":{\"tee-pubkey\":{\"kty\":\"tdx\"}}},";
    cr_assert(!FAILED(token_judge(trust, foreign("k1", both), NOW, GENERATION, &arena, &t)));
    cr_assert(slice_equal(json_text(json_get(t.key, S("kty"))), S("tdx")));
    both = "\"exp\":1800000300,\"mine\":{\"key\":{\"kty\":\"mine\"}},\"tdx\":{\"attester_user_data\":{\"tee-pubkey\":{}"
           "}},";
    cr_assert(!FAILED(token_judge(trust, foreign("k1", both), NOW, GENERATION, &arena, &t)));
    cr_assert(slice_equal(json_text(json_get(t.key, S("kty"))), S("mine")));
}

Test(trust, the_keys_that_are_believed_are_known)
{
    struct jws_key *key;
    trust_key(other, "k1");
    open_trust();
    cr_assert(!FAILED(jws_signer_public(other, &key)));
    cr_assert(token_trust_has_key(trust, key));
    jws_key_free(key);
    cr_assert(!FAILED(jws_signer_public(own, &key)));
    cr_assert(token_trust_has_key(trust, key));
    settings.issuer_count = 0;
    settings.own = NULL;
    open_trust();
    cr_assert_not(token_trust_has_key(trust, key));
    jws_key_free(key);
}

static void does_not_open(const char *set)
{
    slice text = slice_text(set);
    believe((struct trust_issuer){.issuer = S("them"), .jwks = &text, .jwks_count = 1});
    cr_assert_eq(token_trust_new(&settings, &trust, error, sizeof error).reason, TOKEN_UNTRUSTED, "%s", set);
    cr_assert(strstr(error, "jwks 1"), "%s", error);
    trust = NULL;
}

Test(trust, a_text_that_is_no_key_set_stops_the_start)
{
    does_not_open("");
    does_not_open("{}");
    does_not_open("[]");
    does_not_open("{\"keys\":[]}");
    does_not_open("{\"keys\":{\"kty\":\"EC\"}}");
    does_not_open("{\"keys\":[{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"AAAA\"}]}");
}

Test(trust, certificates_that_are_none_stop_the_start)
{
    believe((struct trust_issuer){.issuer = S("them"),
                                  .anchors_pem = S("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")});
    cr_assert_eq(token_trust_new(&settings, &trust, error, sizeof error).reason, TOKEN_UNTRUSTED);
    cr_assert(strstr(error, "certificate"));
    trust = NULL;
}

/* --- others, by the key in their header --- */

static slice self_made(void)
{
    return signed_by(other, header_with_jwk(other), S("{\"exp\":1800000300,\"tee-pubkey\":{}}"));
}

Test(trust, a_self_made_key_in_the_header_is_refused)
{
    cr_assert_eq(judged(self_made(), NOW), TOKEN_UNTRUSTED);
}

Test(trust, a_self_made_key_is_believed_where_the_operator_says_so)
{
    settings.insecure_header_jwk = true;
    cr_assert_eq(judged(self_made(), NOW), REASON_OK);
}

Test(trust, our_own_key_stays_ours_even_where_any_key_is_believed)
{
    settings.insecure_header_jwk = true;
    slice token = signed_by(own, header_with_jwk(own), own_payload("us", "tag:us", NOW + 300, "fedcba9876543210"));
    cr_assert_eq(judged(token, NOW), TOKEN_GENERATION);
}

Test(trust, a_header_key_that_is_none_is_refused)
{
    settings.insecure_header_jwk = true;
    slice token =
        signed_by(other, S("{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}"), S("{\"exp\":1800000300}"));
    cr_assert_eq(judged(token, NOW), TOKEN_UNTRUSTED);
    token = signed_by(other, header_with_jwk(own), S("{\"exp\":1800000300}"));
    cr_assert_eq(judged(token, NOW), TOKEN_SIGNATURE);
}

/* --- certificate chains: recorded keys, whose private halves nobody has --- */

static slice file_text(const char *name)
{
    const char *vectors = getenv("TRUSTEE_VECTORS");
    slice path = arena_printf(&arena, "%s/tokens/%s", vectors ? vectors : "/nonexistent", name);
    FILE *f = fopen((const char *)path.ptr, "rb");
    if (!f)
        cr_skip_test("tokens/scenario*.json of TRUSTEE_VECTORS is not there");
    uint8_t *room = arena_alloc(&arena, 1 << 20, 1);
    size_t n = fread(room, 1, 1 << 20, f);
    fclose(f);
    return slice_of(room, n);
}

/* A trusted key gets as far as its signature, which cannot hold. */
static void scenario(int number, enum reason why)
{
    char name[64];
    snprintf(name, sizeof name, "scenario%02d-jwk.json", number);
    slice jwk = file_text(name);
    snprintf(name, sizeof name, "scenario%02d-trust.pem", number);
    believe((struct trust_issuer){.issuer = S("them"), .anchors_pem = file_text(name)});
    open_trust();
    slice header = arena_printf(&arena, "{\"alg\":\"RS256\",\"jwk\":%.*s}", SLICE_ARG(jwk));
    uint8_t signature[256] = {1};
    struct text t = text_begin(&arena);
    text_base64url(&t, header);
    text_lit(&t, ".");
    text_base64url(&t, S("{\"iss\":\"them\",\"exp\":1900000000,\"tee-pubkey\":{}}"));
    text_lit(&t, ".");
    text_base64url(&t, slice_of(signature, sizeof signature));
    cr_assert_eq(judged(text_end(&t), NOW), why, "scenario %d", number);
}

Test(trust, a_chain_to_a_configured_certificate_is_trusted_and_then_its_signature_counts)
{
    scenario(1, TOKEN_SIGNATURE);
    scenario(5, TOKEN_SIGNATURE);
    scenario(6, TOKEN_SIGNATURE);
    scenario(7, TOKEN_SIGNATURE);
}

Test(trust, a_leaf_of_another_key_no_chain_and_another_anchor_are_refused)
{
    scenario(2, TOKEN_UNTRUSTED);
    scenario(3, TOKEN_UNTRUSTED);
    scenario(4, TOKEN_UNTRUSTED);
}
