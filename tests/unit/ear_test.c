/* SPDX-License-Identifier: Apache-2.0
 *
 * From a policy's answer to the token.
 */
#include "core/token/ear.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW INT64_C(1800000000)

static struct arena arena;
static struct jws_signer *signer;
static struct ear_issuer *issuer;

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)8 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(jws_signer_generate(&signer)));
}

static void teardown(void)
{
    ear_issuer_free(issuer);
    jws_signer_free(signer);
    arena_unmap(&arena);
}

TestSuite(ear, .init = setup, .fini = teardown);

static tree tree_of(const char *text)
{
    const json *v;
    struct trustee_writer w;
    slice key;
    tree t;
    cr_assert(!FAILED(json_parse(&arena, slice_text(text), &v)), "%s", text);
    cr_assert(!FAILED(claims_begin(&w, &arena, 256)));
    for (const json *m = json_next(v, NULL, &key); m; m = json_next(v, m, &key))
        claims_json(&w, key, m);
    cr_assert(!FAILED(claims_end(&w, &t)));
    return t;
}

static struct ear_appraisal appraised(const char *answer)
{
    struct ear_appraisal a;
    cr_assert_eq(ear_appraisal_from(tree_of(answer), &a).reason, REASON_OK, "%s", answer);
    return a;
}

static void refuses(const char *answer)
{
    struct ear_appraisal a;
    cr_assert_eq(ear_appraisal_from(tree_of(answer), &a).reason, APPRAISAL_VECTOR, "%s", answer);
}

static void vector_is(const char *answer, const char *expected)
{
    struct ear_appraisal a = appraised(answer);
    struct text t = text_begin(&arena);
    ear_vector_json(&t, &a);
    slice s = text_end(&t);
    cr_assert(slice_equal(s, slice_text(expected)), "%.*s", SLICE_ARG(s));
}

/* The table of draft-ietf-rats-ar4si: none -1..1, affirming 2..31 and -32..-2, warning 32..95 and -96..-33. */
Test(ear, every_value_has_the_tier_of_the_table)
{
    static const struct {
        int from, to;
        enum ear_tier tier;
    } table[] = {
        {-128, -97, EAR_CONTRAINDICATED}, {-96, -33, EAR_WARNING}, {-32, -2, EAR_AFFIRMING},      {-1, 1, EAR_NONE},
        {2, 31, EAR_AFFIRMING},           {32, 95, EAR_WARNING},   {96, 127, EAR_CONTRAINDICATED}};
    int seen = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (int v = table[i].from; v <= table[i].to; v++, seen++)
            cr_assert_eq(ear_tier_of(v), table[i].tier, "%d", v);
    cr_assert_eq(seen, 256);
}

Test(ear, tiers_have_upstreams_names)
{
    cr_assert_str_eq(ear_tier_name(EAR_NONE), "none");
    cr_assert_str_eq(ear_tier_name(EAR_AFFIRMING), "affirming");
    cr_assert_str_eq(ear_tier_name(EAR_WARNING), "warning");
    cr_assert_str_eq(ear_tier_name(EAR_CONTRAINDICATED), "contraindicated");
}

Test(ear, the_status_is_the_worst_tier_of_what_is_set)
{
    struct ear_appraisal a = appraised("{\"trust_claims\":{}}");
    cr_assert_eq(ear_status(&a), EAR_NONE);
    a = appraised("{\"trust_claims\":{\"hardware\":2,\"executables\":0}}");
    cr_assert_eq(ear_status(&a), EAR_AFFIRMING);
    a = appraised("{\"trust_claims\":{\"hardware\":2,\"executables\":33}}");
    cr_assert_eq(ear_status(&a), EAR_WARNING);
    a = appraised("{\"trust_claims\":{\"hardware\":97,\"executables\":33,\"configuration\":2}}");
    cr_assert_eq(ear_status(&a), EAR_CONTRAINDICATED);
}

Test(ear, the_vector_stands_in_the_standard_order)
{
    vector_is("{\"trust_claims\":{\"sourced-data\":8,\"storage-opaque\":7,\"runtime-opaque\":6,\"hardware\":5,"
              "\"file-system\":4,\"executables\":3,\"configuration\":2,\"instance-identity\":-128}}",
              "{\"instance-identity\":-128,\"configuration\":2,\"executables\":3,\"file-system\":4,\"hardware\":5,"
              "\"runtime-opaque\":6,\"storage-opaque\":7,\"sourced-data\":8}");
}

Test(ear, members_that_are_not_set_are_left_out)
{
    vector_is("{\"trust_claims\":{\"hardware\":127,\"executables\":0}}", "{\"executables\":0,\"hardware\":127}");
    vector_is("{\"trust_claims\":{}}", "{}");
}

Test(ear, an_undefined_rule_leaves_all_eight_at_zero)
{
    vector_is("{}", "{\"instance-identity\":0,\"configuration\":0,\"executables\":0,\"file-system\":0,\"hardware\":0,"
                    "\"runtime-opaque\":0,\"storage-opaque\":0,\"sourced-data\":0}");
}

Test(ear, a_value_outside_a_signed_byte_is_refused_and_not_wrapped)
{
    refuses("{\"trust_claims\":{\"hardware\":258}}");
    refuses("{\"trust_claims\":{\"hardware\":128}}");
    refuses("{\"trust_claims\":{\"hardware\":-129}}");
    refuses("{\"trust_claims\":{\"hardware\":9223372036854775807}}");
    refuses("{\"trust_claims\":{\"hardware\":1e300}}");
}

Test(ear, anything_but_an_integer_is_refused)
{
    refuses("{\"trust_claims\":{\"hardware\":\"2\"}}");
    refuses("{\"trust_claims\":{\"hardware\":1.5}}");
    refuses("{\"trust_claims\":{\"hardware\":true}}");
    refuses("{\"trust_claims\":{\"hardware\":null}}");
    refuses("{\"trust_claims\":{\"hardware\":[2]}}");
    refuses("{\"trust_claims\":{\"hardware\":{}}}");
}

Test(ear, an_unknown_claim_is_refused)
{
    refuses("{\"trust_claims\":{\"hardwares\":2}}");
    refuses("{\"trust_claims\":{\"Hardware\":2}}");
    refuses("{\"trust_claims\":{\"\":2}}");
}

Test(ear, claims_that_are_no_object_are_refused)
{
    refuses("{\"trust_claims\":[2]}");
    refuses("{\"trust_claims\":2}");
    refuses("{\"trust_claims\":null}");
}

Test(ear, extensions_of_another_shape_are_refused)
{
    refuses("{\"extensions\":{}}");
    refuses("{\"extensions\":[1]}");
    refuses("{\"extensions\":[{\"key\":1,\"value\":2}]}");
    refuses("{\"extensions\":[{\"name\":1,\"key\":1,\"value\":2}]}");
    refuses("{\"extensions\":[{\"name\":\"x\",\"key\":1}]}");
}

Test(ear, no_extension_writes_over_a_member_of_the_submodule)
{
    refuses("{\"extensions\":[{\"name\":\"ear.status\",\"key\":1,\"value\":\"affirming\"}]}");
    refuses("{\"extensions\":[{\"name\":\"ear.trustworthiness-vector\",\"key\":1,\"value\":{}}]}");
    refuses("{\"extensions\":[{\"name\":\"ear.appraisal-policy-id\",\"key\":1,\"value\":\"x\"}]}");
    refuses("{\"extensions\":[{\"name\":\"ear.veraison.annotated-evidence\",\"key\":1,\"value\":{}}]}");
}

Test(ear, an_extension_stands_once)
{
    refuses("{\"extensions\":[{\"name\":\"x\",\"key\":1,\"value\":1},{\"name\":\"x\",\"key\":2,\"value\":2}]}");
}

/* --- the token --- */

static struct ear_settings settings_of(bool verbose)
{
    return (struct ear_settings){.profile = "tag:test",
                                 .issuer = "issuer",
                                 .developer = "dev",
                                 .build = "build",
                                 .policy_id = "default",
                                 .life = 300,
                                 .verbose = verbose};
}

static const char *const EVIDENCE =
    "{\"sample\":{\"svn\":\"1\"},\"init_data\":\"00\",\"init_data_claims\":{\"a\":\"b\"},\"report_data\":\"ff\","
    "\"runtime_data_claims\":{\"tee-pubkey\":{\"kty\":\"EC\"},\"nonce\":\"n\",\"additional-evidence\":\"{}\"}}";

static slice issue(const struct ear_settings *settings, const char *answer)
{
    slice token;
    struct ear_appraisal a = appraised(answer);
    struct ear_submod submods[] = {{S("cpu0"), &a, tree_of(EVIDENCE)}, {S("gpu0"), &a, tree_of("{\"nvidia\":{}}")}};
    struct ear_subject subject = {submods, 2, S("0123456789abcdef"), S("00112233445566778899aabbccddeeff")};
    ear_issuer_free(issuer);
    cr_assert(!FAILED(ear_issuer_new(signer, settings, &issuer)));
    cr_assert(!FAILED(ear_issue(issuer, &subject, NOW, &arena, &token)));
    return token;
}

static struct jws taken_apart(slice token)
{
    struct jws j;
    cr_assert(!FAILED(jws_parse(&arena, token, &j)));
    return j;
}

#define ANSWER                                                                                                        \
    "{\"trust_claims\":{\"hardware\":2},\"extensions\":[{\"name\":\"ear.trustee.identifiers\",\"key\":-18,\"value\":" \
    "{\"validated\":{\"container_images\":[\"b\",\"a\"]}}}]}"

static void text_is(const struct jws *j, const char *pointer, const char *expected)
{
    slice s = json_text(json_at(j->payload, slice_text(pointer)));
    cr_assert(s.ptr && slice_equal(s, slice_text(expected)), "%s: %.*s", pointer, SLICE_ARG(s));
}

Test(ear, a_token_verifies_with_the_public_key_and_no_other)
{
    struct ear_settings settings = settings_of(true);
    struct jws j = taken_apart(issue(&settings, ANSWER));
    struct jws_key *key, *other;
    struct jws_signer *stranger;
    cr_assert(!FAILED(jws_signer_public(signer, &key)));
    cr_assert(!FAILED(jws_verify(&j, key)));
    cr_assert(!FAILED(jws_signer_generate(&stranger)));
    cr_assert(!FAILED(jws_signer_public(stranger, &other)));
    cr_assert_eq(jws_verify(&j, other).reason, TOKEN_SIGNATURE);
    jws_key_free(key);
    jws_key_free(other);
    jws_signer_free(stranger);
}

Test(ear, the_header_has_typ_alg_and_jwk_in_that_order)
{
    struct ear_settings settings = settings_of(true);
    struct jws j = taken_apart(issue(&settings, ANSWER));
    cr_assert(
        slice_starts(j.header_text, S("{\"typ\":\"JWT\",\"alg\":\"ES256\",\"jwk\":{\"alg\":\"ES256\",\"kty\":\"EC\","
                                      "\"crv\":\"P-256\",\"x\":\"")));
    cr_assert_eq(json_count(j.header), 3);
    cr_assert_eq(json_count(json_get(j.header, S("jwk"))), 5);
}

Test(ear, a_chain_and_its_url_stand_in_the_jwk)
{
    struct ear_settings settings = settings_of(true);
    settings.certificates = S("[\"AA==\",\"AQ==\"]");
    settings.certificate_url = S("https://example.org/\"chain\"");
    struct jws j = taken_apart(issue(&settings, ANSWER));
    cr_assert_eq(json_count(json_at(j.header, S("/jwk/x5c"))), 2);
    cr_assert(slice_equal(json_text(json_at(j.header, S("/jwk/x5u"))), S("https://example.org/\"chain\"")));
}

Test(ear, the_claims_are_upstreams_and_two_of_our_own)
{
    struct ear_settings settings = settings_of(true);
    struct jws j = taken_apart(issue(&settings, ANSWER));
    int64_t n;
    cr_assert(json_i64(json_get(j.payload, S("iat")), &n) && n == NOW);
    cr_assert(json_i64(json_get(j.payload, S("exp")), &n) && n == NOW + 300);
    text_is(&j, "/iss", "issuer");
    text_is(&j, "/eat_profile", "tag:test");
    text_is(&j, "/ear.verifier-id/developer", "dev");
    text_is(&j, "/ear.verifier-id/build", "build");
    text_is(&j, "/" EAR_GENERATION_CLAIM, "0123456789abcdef");
    text_is(&j, "/" EAR_DECISION_CLAIM, "00112233445566778899aabbccddeeff");
    cr_assert_eq(json_count(j.payload), 8);
    text_is(&j, "/submods/cpu0/ear.status", "affirming");
    text_is(&j, "/submods/gpu0/ear.status", "affirming");
    text_is(&j, "/submods/cpu0/ear.appraisal-policy-id", "default");
    cr_assert(json_i64(json_at(j.payload, S("/submods/cpu0/ear.trustworthiness-vector/hardware")), &n) && n == 2);
}

Test(ear, the_identifiers_extension_is_a_member_of_the_submodule)
{
    struct ear_settings settings = settings_of(true);
    struct jws j = taken_apart(issue(&settings, ANSWER));
    text_is(&j, "/submods/cpu0/ear.trustee.identifiers/validated/container_images/0", "b");
    cr_assert_eq(json_count(json_at(j.payload, S("/submods/cpu0"))), 5);
}

Test(ear, a_terse_token_lacks_additional_evidence_only)
{
    struct ear_settings settings = settings_of(false);
    struct jws terse = taken_apart(issue(&settings, ANSWER));
    const json *claims = json_at(terse.payload, S("/submods/cpu0/ear.veraison.annotated-evidence"));
    cr_assert_null(json_at(claims, S("/runtime_data_claims/additional-evidence")));
    text_is(&terse, "/submods/cpu0/ear.veraison.annotated-evidence/runtime_data_claims/nonce", "n");
    text_is(&terse, "/submods/cpu0/ear.veraison.annotated-evidence/runtime_data_claims/tee-pubkey/kty", "EC");
    cr_assert_eq(json_count(claims), 5);
    settings.verbose = true;
    struct jws verbose = taken_apart(issue(&settings, ANSWER));
    text_is(&verbose, "/submods/cpu0/ear.veraison.annotated-evidence/runtime_data_claims/additional-evidence", "{}");
}

Test(ear, settings_with_quotes_make_no_other_json)
{
    struct ear_settings settings = settings_of(true);
    settings.issuer = "a\",\"exp\":9999999999,\"x\":\"";
    struct jws j = taken_apart(issue(&settings, ANSWER));
    text_is(&j, "/iss", "a\",\"exp\":9999999999,\"x\":\"");
    cr_assert_eq(json_count(j.payload), 8);
}

/* --- against a token that upstream made --- */

static bool has_all_names(const json *ours, const json *theirs)
{
    slice key;
    for (const json *m = json_next(theirs, NULL, &key); m; m = json_next(theirs, m, &key)) {
        const json *own = json_get(ours, key);
        cr_expect(own && json_type(own) == json_type(m), "%.*s", SLICE_ARG(key));
        if (!own)
            return false;
    }
    return true;
}

static slice file_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NO_SLICE;
    uint8_t *room = arena_alloc(&arena, 1 << 20, 1);
    size_t n = fread(room, 1, 1 << 20, f);
    fclose(f);
    return slice_of(room, n);
}

/* The largest token that is issued can be read again, and no larger one is issued. */
Test(ear, no_token_is_issued_that_would_be_refused_for_its_size)
{
    struct ear_settings settings = settings_of(true);
    struct ear_appraisal a = appraised(ANSWER);
    char *evidence = malloc(JWS_SIZE_MAX);
    slice token;
    cr_assert(!FAILED(ear_issuer_new(signer, &settings, &issuer)));
    enum reason last = REASON_OK;
    size_t largest = 0;
    for (size_t size = JWS_SIZE_MAX / 4 * 3 - 4096; size < JWS_SIZE_MAX / 4 * 3 + 64; size += 61) {
        size_t mark = arena.used;
        memset(evidence, 'x', size);
        struct ear_submod submod = {S("cpu0"), &a, tree_of("{}")};
        struct ear_subject subject = {&submod, 1, slice_of(evidence, size), S("id")};
        last = ear_issue(issuer, &subject, NOW, &arena, &token).reason;
        if (last == REASON_OK) {
            struct jws j;
            largest = token.len;
            cr_assert(!FAILED(jws_parse(&arena, token, &j)), "%zu", token.len);
        }
        arena.used = mark;
    }
    free(evidence);
    cr_assert_eq(last, TOKEN_SIZE);
    cr_assert_gt(largest, JWS_SIZE_MAX - 200);
}

Test(ear, the_claim_names_are_those_of_a_recorded_token)
{
    const char *vectors = getenv("TRUSTEE_VECTORS");
    const json *recorded;
    if (!vectors)
        cr_skip_test("TRUSTEE_VECTORS is not set");
    slice path = arena_printf(&arena, "%s/../upstream/wire/tokens/011-attest-ec-p256.json", vectors);
    slice text = file_text((const char *)path.ptr);
    if (!text.ptr)
        cr_skip_test("no recorded token beside TRUSTEE_VECTORS");
    cr_assert(!FAILED(json_parse(&arena, text, &recorded)));
    const json *payload = json_get(recorded, S("payload")), *header = json_get(recorded, S("header"));
    payload = payload ? payload : json_get(recorded, S("claims"));
    cr_assert(payload && header);
    struct ear_settings settings = settings_of(true);
    settings.certificates = S("[\"AA==\"]");
    struct jws j = taken_apart(issue(&settings, ANSWER));
    cr_assert(has_all_names(j.payload, payload));
    cr_assert(has_all_names(j.header, header));
    cr_assert(has_all_names(json_get(j.header, S("jwk")), json_get(header, S("jwk"))));
    cr_assert(has_all_names(json_at(j.payload, S("/submods/cpu0")), json_at(payload, S("/submods/cpu0"))));
}
