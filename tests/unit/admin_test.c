/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is an administrator, and what a role may do.
 */
#include "core/admin/admin.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define NOW INT64_C(1800000000)

static struct arena arena, secret;
static struct jws_signer *alice, *mallory;
static struct admins *admins;
static struct admin_key_settings key;
static struct admin_settings settings;
static char error[512];

static void setup(void)
{
    slice pem;
    cr_assert(!FAILED(arena_map(&arena, (size_t)16 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(arena_map(&secret, (size_t)1 << 20, ARENA_SECRET)));
    cr_assert(!FAILED(jws_signer_generate(&alice)));
    cr_assert(!FAILED(jws_signer_generate(&mallory)));
    cr_assert(!FAILED(jws_signer_public_pem(alice, &arena, &pem)));
    key = (struct admin_key_settings){.name = S("alice"), .public_key_pem = pem};
    settings = (struct admin_settings){.keys = &key, .key_count = 1};
}

static void teardown(void)
{
    admins_free(admins);
    jws_signer_free(alice);
    jws_signer_free(mallory);
    arena_unmap(&arena);
    arena_unmap(&secret);
}

TestSuite(admin, .init = setup, .fini = teardown);

static void open_admins(void)
{
    admins_free(admins);
    cr_assert(!FAILED(admins_new(&settings, &admins, error, sizeof error)), "%s", error);
}

static slice bearer(const struct jws_signer *s, slice payload)
{
    slice token;
    cr_assert(!FAILED(jws_sign(s, &arena, S("{\"alg\":\"ES256\",\"typ\":\"JWT\"}"), payload, &token)));
    return arena_printf(&arena, "Bearer %.*s", SLICE_ARG(token));
}

static struct admin_who who;

static enum reason judged(slice authorization, const char *method, const char *path)
{
    if (!admins)
        open_admins();
    return admin_judge(admins, authorization, method, slice_text(path), NOW, &arena, &who).reason;
}

static enum reason with_claims(const char *claims)
{
    return judged(bearer(alice, slice_text(claims)), "POST", "/kbs/v0/resource-policy");
}

#define GOOD "\"exp\":1800000300,\"role\":\"admin\""

/* --- the token --- */

Test(admin, a_token_of_a_configured_key_with_the_role_admin_may_do_everything)
{
    cr_assert_eq(with_claims("{" GOOD ",\"sub\":\"Alice\"}"), REASON_OK);
    cr_assert(slice_equal(who.role, S("admin")));
    cr_assert(slice_equal(who.subject, S("Alice")));
    cr_assert(slice_equal(who.key_name, S("alice")));
}

Test(admin, no_authorization_is_refused_as_missing)
{
    cr_assert_eq(judged(NO_SLICE, "POST", "/kbs/v0/resource-policy"), ADMIN_MISSING);
    cr_assert_eq(judged(S("Basic YTpi"), "POST", "/kbs/v0/resource-policy"), ADMIN_MISSING);
    cr_assert_eq(judged(S(""), "POST", "/kbs/v0/resource-policy"), ADMIN_MISSING);
}

Test(admin, garbage_is_no_token)
{
    cr_assert_eq(judged(S("Bearer x"), "POST", "/"), ADMIN_TOKEN);
    cr_assert_eq(judged(S("Bearer a.b.c"), "POST", "/"), ADMIN_TOKEN);
    cr_assert_eq(judged(S("Bearer a.b.c.d.e"), "POST", "/"), ADMIN_TOKEN);
    uint8_t *dots = arena_alloc(&arena, 1 << 20, 1);
    memset(dots, '.', 1 << 20);
    memcpy(dots, "Bearer ", 7);
    cr_assert_eq(judged(slice_of(dots, 1 << 20), "POST", "/"), ADMIN_TOKEN);
}

Test(admin, a_token_of_another_key_is_refused)
{
    cr_assert_eq(judged(bearer(mallory, S("{" GOOD "}")), "GET", "/"), ADMIN_TOKEN);
}

Test(admin, an_attestation_token_is_no_administrators)
{
    slice jwk, token;
    cr_assert(!FAILED(jws_signer_jwk(mallory, &arena, &jwk)));
    slice header = arena_printf(&arena, "{\"typ\":\"JWT\",\"alg\":\"ES256\",\"jwk\":%.*s}", SLICE_ARG(jwk));
    cr_assert(!FAILED(jws_sign(mallory, &arena, header, S("{" GOOD "}"), &token)));
    cr_assert_eq(judged(arena_printf(&arena, "Bearer %.*s", SLICE_ARG(token)), "GET", "/"), ADMIN_TOKEN);
}

Test(admin, unsigned_tokens_are_refused)
{
    /* {"alg":"none"}, {"alg":"HS256"} */
    cr_assert_eq(judged(S("Bearer eyJhbGciOiJub25lIn0.eyJyb2xlIjoiYWRtaW4ifQ."), "GET", "/"), ADMIN_TOKEN);
    cr_assert_eq(judged(S("Bearer eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYWRtaW4ifQ.AA"), "GET", "/"), ADMIN_TOKEN);
}

Test(admin, every_altered_character_is_refused)
{
    slice good = bearer(alice, S("{" GOOD "}"));
    for (size_t i = 7; i < good.len; i++) {
        size_t mark = arena.used;
        slice copy = arena_copy(&arena, good);
        uint8_t *byte = arena.base + (copy.ptr - arena.base) + i;
        *byte = *byte == 'A' ? 'B' : 'A';
        cr_assert_eq(judged(copy, "GET", "/"), ADMIN_TOKEN, "%zu", i);
        arena.used = mark;
    }
}

Test(admin, a_token_without_an_integer_expiry_in_the_future_is_refused)
{
    cr_assert_eq(with_claims("{\"role\":\"admin\"}"), ADMIN_TOKEN);
    cr_assert_eq(with_claims("{\"role\":\"admin\",\"exp\":1800000000}"), ADMIN_TOKEN);
    cr_assert_eq(with_claims("{\"role\":\"admin\",\"exp\":\"1800000300\"}"), ADMIN_TOKEN);
    cr_assert_eq(with_claims("{\"role\":\"admin\",\"exp\":1e308}"), ADMIN_TOKEN);
    cr_assert_eq(with_claims("{\"role\":\"admin\",\"exp\":1800000001}"), REASON_OK);
}

Test(admin, a_token_of_the_future_is_refused)
{
    cr_assert_eq(with_claims("{" GOOD ",\"nbf\":1800000061}"), ADMIN_TOKEN);
    cr_assert_eq(with_claims("{" GOOD ",\"nbf\":1800000060}"), REASON_OK);
    cr_assert_eq(with_claims("{" GOOD ",\"iat\":1800000061}"), ADMIN_TOKEN);
    cr_assert_eq(with_claims("{" GOOD ",\"nbf\":\"x\"}"), ADMIN_TOKEN);
    cr_assert_eq(with_claims("{" GOOD ",\"iat\":null}"), ADMIN_TOKEN);
}

Test(admin, the_issuer_must_be_the_configured_one)
{
    key.issuer = S("https://idp");
    cr_assert_eq(with_claims("{" GOOD ",\"iss\":\"https://idp\"}"), REASON_OK);
    cr_assert_eq(with_claims("{" GOOD ",\"iss\":\"https://idp2\"}"), ADMIN_TOKEN);
    cr_assert_eq(with_claims("{" GOOD ",\"iss\":[\"https://idp\"]}"), ADMIN_TOKEN);
    cr_assert_eq(with_claims("{" GOOD "}"), ADMIN_TOKEN);
}

Test(admin, the_audience_must_be_or_hold_the_configured_one)
{
    key.audience = S("kbs");
    cr_assert_eq(with_claims("{" GOOD ",\"aud\":\"kbs\"}"), REASON_OK);
    cr_assert_eq(with_claims("{" GOOD ",\"aud\":[\"x\",\"kbs\"]}"), REASON_OK);
    cr_assert_eq(with_claims("{" GOOD ",\"aud\":\"kb\"}"), ADMIN_TOKEN);
    cr_assert_eq(with_claims("{" GOOD ",\"aud\":\"kbs2\"}"), ADMIN_TOKEN);
    cr_assert_eq(with_claims("{" GOOD ",\"aud\":[]}"), ADMIN_TOKEN);
    cr_assert_eq(with_claims("{" GOOD ",\"aud\":{\"kbs\":\"kbs\"}}"), ADMIN_TOKEN);
    cr_assert_eq(with_claims("{" GOOD ",\"aud\":1}"), ADMIN_TOKEN);
    cr_assert_eq(with_claims("{" GOOD "}"), ADMIN_TOKEN);
}

Test(admin, a_role_is_one_text)
{
    cr_assert_eq(with_claims("{\"exp\":1800000300}"), ADMIN_ROLE);
    cr_assert_eq(with_claims("{\"exp\":1800000300,\"role\":[\"admin\"]}"), ADMIN_ROLE);
    cr_assert_eq(with_claims("{\"exp\":1800000300,\"role\":\"\"}"), ADMIN_ROLE);
    cr_assert_eq(with_claims("{\"exp\":1800000300,\"role\":null}"), ADMIN_ROLE);
}

Test(admin, a_claim_that_stands_twice_is_refused)
{
    cr_assert_eq(with_claims("{" GOOD ",\"role\":\"admin\"}"), ADMIN_TOKEN);
}

/* --- what roles may do --- */

static enum reason as(const char *role, const char *method, const char *path)
{
    slice payload = arena_printf(&arena, "{\"exp\":1800000300,\"role\":\"%s\"}", role);
    return judged(bearer(alice, payload), method, path);
}

Test(admin, without_rules_an_auditor_reads_and_nobody_else_does_anything)
{
    cr_assert_eq(as("auditor", "GET", "/admin/v1/decisions"), REASON_OK);
    cr_assert_eq(as("auditor", "DELETE", "/admin/v1/reference-values/x"), ADMIN_DENIED);
    cr_assert_eq(as("auditor", "GET", "/kbs/v0/resource-policy"), ADMIN_DENIED);
    cr_assert_eq(as("Admin", "GET", "/admin/v1/decisions"), ADMIN_DENIED);
    cr_assert_eq(as("user", "GET", "/admin/v1/decisions"), ADMIN_DENIED);
}

static void with_rule(const char *method, const char *pattern)
{
    static struct admin_rule rule;
    rule = (struct admin_rule){S("team"), slice_text(method), slice_text(pattern)};
    settings.rules = &rule;
    settings.rule_count = 1;
    open_admins();
}

Test(admin, a_rule_is_for_its_role_and_method)
{
    with_rule("POST", "/kbs/v0/resource/team-a/*/*");
    cr_assert_eq(as("team", "POST", "/kbs/v0/resource/team-a/key/1"), REASON_OK);
    cr_assert_eq(as("team", "DELETE", "/kbs/v0/resource/team-a/key/1"), ADMIN_DENIED);
    cr_assert_eq(as("other", "POST", "/kbs/v0/resource/team-a/key/1"), ADMIN_DENIED);
    with_rule("*", "/kbs/v0/resource/team-a/*/*");
    cr_assert_eq(as("team", "DELETE", "/kbs/v0/resource/team-a/key/1"), REASON_OK);
}

Test(admin, with_rules_no_role_is_special)
{
    with_rule("POST", "/kbs/v0/resource/team-a/*/*");
    cr_assert_eq(as("admin", "POST", "/kbs/v0/resource-policy"), ADMIN_DENIED);
    cr_assert_eq(as("auditor", "GET", "/admin/v1/decisions"), ADMIN_DENIED);
}

Test(admin, patterns_are_anchored_at_both_ends)
{
    with_rule("*", "/kbs/v0/resource/*/*/public");
    cr_assert_eq(as("team", "POST", "/kbs/v0/resource/a/b/public"), REASON_OK);
    cr_assert_eq(as("team", "POST", "/kbs/v0/resource/a/b/public/x"), ADMIN_DENIED);
    cr_assert_eq(as("team", "POST", "/kbs/v0/resource/a/b/publicly"), ADMIN_DENIED);
    cr_assert_eq(as("team", "POST", "/kbs/v0/resource/a/b/secret?x=/public"), ADMIN_DENIED);
    cr_assert_eq(as("team", "POST", "/x/kbs/v0/resource/a/b/public"), ADMIN_DENIED);
    cr_assert_eq(as("team", "POST", "kbs/v0/resource/a/b/public"), ADMIN_DENIED);
}

Test(admin, a_star_is_one_segment)
{
    with_rule("*", "/kbs/v0/resource/*/key");
    cr_assert_eq(as("team", "POST", "/kbs/v0/resource/a/key"), REASON_OK);
    cr_assert_eq(as("team", "POST", "/kbs/v0/resource/a/b/key"), ADMIN_DENIED);
    cr_assert_eq(as("team", "POST", "/kbs/v0/resource/key"), ADMIN_DENIED);
}

Test(admin, two_stars_are_the_rest_and_at_least_one_segment)
{
    with_rule("*", "/kbs/v0/resource/team-a/**");
    cr_assert_eq(as("team", "POST", "/kbs/v0/resource/team-a/b"), REASON_OK);
    cr_assert_eq(as("team", "POST", "/kbs/v0/resource/team-a/b/c/d"), REASON_OK);
    cr_assert_eq(as("team", "POST", "/kbs/v0/resource/team-a"), ADMIN_DENIED);
    cr_assert_eq(as("team", "POST", "/kbs/v0/resource/team-ab/c"), ADMIN_DENIED);
}

static void rule_stops_the_start(const char *method, const char *pattern)
{
    struct admin_rule rule = {S("team"), slice_text(method), slice_text(pattern)};
    settings.rules = &rule;
    settings.rule_count = 1;
    cr_assert_eq(admins_new(&settings, &admins, error, sizeof error).reason, CONFIG_VALUE, "%s %s", method, pattern);
    cr_assert(strstr(error, "[role team]"), "%s", error);
    admins_free(admins);
    admins = NULL;
}

Test(admin, a_rule_that_is_no_pattern_stops_the_start)
{
    rule_stops_the_start("*", "^/kbs/a|.*$");
    rule_stops_the_start("*", "");
    rule_stops_the_start("*", "kbs/v0");
    rule_stops_the_start("*", "/kbs/**/x");
    rule_stops_the_start("*", "/kbs/a*");
    rule_stops_the_start("*", "/kbs/.*");
    rule_stops_the_start("*", "/kbs/***");
}

Test(admin, a_rule_for_no_method_stops_the_start)
{
    rule_stops_the_start("get", "/kbs/**");
    rule_stops_the_start("PATCH", "/kbs/**");
    rule_stops_the_start("", "/kbs/**");
}

Test(admin, a_key_that_is_none_stops_the_start)
{
    slice pem;
    key.public_key_pem = S("ssh-ed25519 AAAA");
    cr_assert_eq(admins_new(&settings, &admins, error, sizeof error).reason, CONFIG_VALUE);
    cr_assert(strstr(error, "[admin-key alice]"), "%s", error);
    admins_free(admins);
    cr_assert(!FAILED(jws_signer_private_pem(alice, &secret, &pem)));
    key.public_key_pem = pem;
    cr_assert_eq(admins_new(&settings, &admins, error, sizeof error).reason, CONFIG_VALUE);
    admins_free(admins);
    admins = NULL;
}

Test(admin, more_than_32_keys_stop_the_start)
{
    struct admin_key_settings many[33];
    for (int i = 0; i < 33; i++)
        many[i] = key;
    settings.keys = many;
    settings.key_count = 33;
    cr_assert_eq(admins_new(&settings, &admins, error, sizeof error).reason, CONFIG_VALUE);
    admins_free(admins);
    admins = NULL;
}

Test(admin, one_key_may_stand_with_several_issuers)
{
    struct admin_key_settings two[] = {key, key};
    two[0].issuer = S("one");
    two[1].issuer = S("two");
    two[1].name = S("second");
    settings.keys = two;
    settings.key_count = 2;
    cr_assert_eq(with_claims("{" GOOD ",\"iss\":\"two\"}"), REASON_OK);
    cr_assert(slice_equal(who.key_name, S("second")));
    cr_assert_eq(with_claims("{" GOOD ",\"iss\":\"three\"}"), ADMIN_TOKEN);
}

Test(admin, without_keys_nobody_is_an_administrator)
{
    settings.key_count = 0;
    cr_assert_eq(with_claims("{" GOOD "}"), ADMIN_TOKEN);
}

Test(admin, with_the_switch_anybody_is)
{
    settings.allow_unauthenticated = true;
    cr_assert_eq(judged(NO_SLICE, "DELETE", "/anything"), REASON_OK);
    cr_assert(slice_equal(who.role, S("anybody")));
    cr_assert_eq(who.key_name.len, 0);
}

Test(admin, the_keys_can_be_compared_with_others)
{
    struct jws_key *public;
    open_admins();
    cr_assert_eq(admins_key_count(admins), 1);
    cr_assert(!FAILED(jws_signer_public(alice, &public)));
    cr_assert(jws_key_equal(admins_key(admins, 0), public));
    cr_assert(slice_equal(admins_key_name(admins, 0), S("alice")));
    jws_key_free(public);
}
