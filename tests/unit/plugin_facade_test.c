/* SPDX-License-Identifier: Apache-2.0
 *
 * What the facades make of plugins that are right, wrong and worse. tests/abi/actor.c does what its evidence says.
 */
#include "core/plugin/plugin.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdlib.h>

#include "core/log/log.h"
#include "lib/signature/signature.h"

#define BAD TEST_BUILD "/tests/abi"
#define SHIPPED TEST_BUILD "/plugins"

static struct arena arena, scratch, secret;
static struct plugins *plugins;
static struct trustee_request req;
static struct record record;
static char error[1024];

static void setup(void)
{
    static const uint8_t id[16];
    cr_assert(!FAILED(arena_map(&arena, (size_t)4 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(arena_map(&scratch, (size_t)4 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(arena_map(&secret, (size_t)1 << 20, ARENA_SECRET)));
    log_set_level(LOG_ERROR);
    record_begin(&record, &scratch, "attestation", id);
    request_begin(&req, &scratch, &secret, &record, 0);
}

static void teardown(void)
{
    request_end(&req);
    plugins_free(plugins);
    arena_unmap(&arena);
    arena_unmap(&scratch);
    arena_unmap(&secret);
}

TestSuite(plugin_facade, .init = setup, .fini = teardown);

static void load(const char *directory, const char *text)
{
    static struct ini ini;
    struct plugin_settings settings = {slice_text(directory), true, false};
    cr_assert(!FAILED(ini_parse(&arena, S("t.ini"), slice_text(text), &ini, error, sizeof error)), "%s", error);
    cr_assert(!FAILED(plugins_load(&ini, &settings, &plugins, error, sizeof error)), "%s", error);
}

/* --- verifiers --- */

static const char expected_48[] = "0123456789abcdef0123456789abcdef0123456789abcdef";
static const char digest_32[] = "DIGEST--digest--DIGEST--digest--";

struct play {
    const char *tee, *what;
    slice report_data, init_data; /* what the evidence carries; init_data may be empty */
    slice expected_init;          /* empty: the request has no init-data */
    uint64_t collateral_count;
};

static slice padded(const char *text, size_t length, size_t width)
{
    uint8_t *room = arena_alloc(&arena, width, 1);
    memset(room, 0, width);
    memcpy(room, text, length);
    return slice_of(room, width);
}

static const json *evidence_of(const struct play *p)
{
    const json *v;
    struct text t = text_begin(&arena);
    text_lit(&t, "{\"do\":");
    text_json(&t, slice_text(p->what));
    text_lit(&t, ",\"report_data\":\"");
    text_base64(&t, p->report_data);
    text_lit(&t, "\"");
    if (p->init_data.len) {
        text_lit(&t, ",\"init_data\":\"");
        text_base64(&t, p->init_data);
        text_lit(&t, "\"");
    }
    text_lit(&t, "}");
    slice text = text_end(&t);
    cr_assert(!FAILED(json_parse(&arena, text, &v)));
    return v;
}

static result verify(const struct play *p, struct verified *out)
{
    static const trustee_collateral collateral[1];
    if (!plugins)
        load(BAD, "[plugin actor]\n");
    const struct verifier *v = plugins_verifier(plugins, slice_text(p->tee));
    trustee_verify_in in = {.evidence = evidence_of(p),
                            .report_data = slice_of(expected_48, 48),
                            .init_data = p->expected_init,
                            .collateral = collateral,
                            .collateral_count = p->collateral_count,
                            .now = 1000};
    return verifier_verify(v, &req, &in, out);
}

static struct play playing(const char *what)
{
    return (struct play){.tee = "actor", .what = what, .report_data = padded(expected_48, 48, 64)};
}

static void refuses(const char *what, enum reason why, const char *recorded, const char *text)
{
    struct play p = playing(what);
    struct verified out;
    cr_assert_eq(verify(&p, &out).reason, why, "%s: %.*s", what, SLICE_ARG(record.reason));
    cr_assert_eq(out.claims.count, 0);
    cr_assert(slice_equal(record.reason, slice_text(recorded)), "%s: %.*s", what, SLICE_ARG(record.reason));
    cr_assert(strstr((const char *)arena_printf(&arena, "%.*s", SLICE_ARG(record.text)).ptr, text), "%s: %.*s", what,
              SLICE_ARG(record.text));
}

static void binds(const struct play *p, bool checked)
{
    struct verified out;
    cr_assert_eq(verify(p, &out).reason, REASON_OK, "%.*s", SLICE_ARG(record.text));
    cr_assert_eq(out.init_data_checked, checked);
}

static void does_not_bind(const struct play *p, enum reason why)
{
    struct verified out;
    cr_assert_eq(verify(p, &out).reason, why);
    cr_assert(slice_equal(record.reason, slice_text(reason_id(why))), "%.*s", SLICE_ARG(record.reason));
    cr_assert_eq(out.claims.count, 0);
    cr_assert_not(out.init_data_checked);
}

Test(plugin_facade, genuine_evidence_gives_claims)
{
    struct play p = playing("genuine");
    struct verified out;
    cr_assert_eq(verify(&p, &out).reason, REASON_OK);
    cr_assert(slice_equal(node_text(tree_at(out.claims, S("/tee"))), S("actor")));
    cr_assert_eq(record.reason.len, 0);
    cr_assert(slice_equal(record.checks->name, S("binding.report_data")));
    cr_assert(record.checks->passed);
}

Test(plugin_facade, no_verdict_denies)
{
    refuses("no_verdict", ATTEST_REFUSED, "attest.refused", "no verdict");
}

Test(plugin_facade, a_verdict_that_the_abi_does_not_have_denies)
{
    refuses("odd_verdict", ATTEST_REFUSED, "attest.refused", "no verdict");
}

Test(plugin_facade, a_status_that_the_abi_does_not_have_is_a_fault)
{
    refuses("odd_status", PLUGIN_FAULT, "plugin.fault", "a status that the ABI does not have");
}

Test(plugin_facade, a_fault_denies_whatever_the_verdict)
{
    refuses("faulty", PLUGIN_FAULT, "plugin.fault", "verify of plugin actor answered E_INTERNAL (-7)");
}

Test(plugin_facade, memory_that_ran_out_is_told_apart)
{
    refuses("out_of_memory", NO_MEMORY, "memory.exhausted", "E_NOMEM");
}

Test(plugin_facade, the_first_rejection_counts_with_the_plugins_own_reason_and_remedy)
{
    refuses("rejects", ATTEST_REFUSED, "actor.bad", "the first");
    cr_assert(slice_equal(record.remedy, S("make it good")));
    cr_assert_eq(record.class, CLASS_EVIDENCE);
}

Test(plugin_facade, a_silent_rejection_has_the_services_reason)
{
    refuses("rejects_silently", ATTEST_REFUSED, "attest.refused", "gave no reason");
}

Test(plugin_facade, a_reason_of_another_plugin_is_not_taken)
{
    refuses("rejects_as_another", ATTEST_REFUSED, "attest.refused", "not my reason");
}

Test(plugin_facade, who_rejects_cannot_accept_afterwards)
{
    refuses("rejects_then_accepts", ATTEST_REFUSED, "actor.bad", "no");
}

Test(plugin_facade, report_data_is_compared_whatever_the_verifier_says)
{
    refuses("lies", ATTEST_REPORT_DATA, "attest.report_data", "");
}

Test(plugin_facade, a_slice_of_null_with_a_length_is_not_followed)
{
    refuses("dangles", ATTEST_REPORT_DATA, "attest.report_data", "");
}

Test(plugin_facade, claims_with_a_key_twice_are_refused)
{
    refuses("duplicate_key", ATTEST_CLAIMS, "attest.claims", "");
}

Test(plugin_facade, claims_left_open_are_refused)
{
    refuses("unclosed", ATTEST_CLAIMS, "attest.claims", "");
}

Test(plugin_facade, claims_whose_root_is_closed_are_refused)
{
    refuses("closes_the_root", ATTEST_CLAIMS, "attest.claims", "");
}

Test(plugin_facade, claims_that_are_not_utf8_are_refused)
{
    refuses("not_utf8", ATTEST_CLAIMS, "attest.claims", "");
}

Test(plugin_facade, claims_that_are_nested_too_deeply_are_refused)
{
    refuses("too_deep", ATTEST_CLAIMS, "attest.claims", "");
}

Test(plugin_facade, claims_without_end_exhaust_the_requests_memory_only)
{
    refuses("too_much", NO_MEMORY, "memory.exhausted", "");
}

Test(plugin_facade, a_claim_text_that_is_not_utf8_is_refused)
{
    refuses("claim_not_utf8", ATTEST_CLAIMS, "attest.claims", "not UTF-8");
}

Test(plugin_facade, a_verdict_that_has_expired_denies)
{
    refuses("expired", ATTEST_REFUSED, "attest.refused", "expired");
}

Test(plugin_facade, need_gives_the_list_leaves_the_record_alone_and_can_be_answered)
{
    struct play p = playing("needs");
    struct verified out;
    cr_assert_eq(verify(&p, &out).reason, ATTEST_COLLATERAL);
    cr_assert_eq(out.need_count, 1);
    cr_assert(slice_equal(out.needs[0].kind, S("intel/tcb-info")));
    cr_assert_eq(record.reason.len, 0);
    cr_assert_eq(record.check_count, 0);
    cr_assert_null(record.checks);
    p.collateral_count = 1;
    cr_assert_eq(verify(&p, &out).reason, REASON_OK);
    cr_assert(slice_equal(record.checks->name, S("actor.before")));
}

Test(plugin_facade, a_need_of_nothing_is_a_fault)
{
    refuses("needs_nothing", PLUGIN_FAULT, "plugin.fault", "broke its contract");
}

Test(plugin_facade, a_need_of_too_much_is_a_fault)
{
    refuses("needs_too_much", PLUGIN_FAULT, "plugin.fault", "broke its contract");
}

Test(plugin_facade, a_need_without_a_name_is_a_fault)
{
    refuses("needs_nameless", PLUGIN_FAULT, "plugin.fault", "broke its contract");
}

/* --- collateral --- */

static trustee_collateral_facts facts;

static result judged(const char *kind, const char *bytes)
{
    trustee_collateral item = {slice_text(kind), S("tdx/00806f050000"), slice_text(bytes), NO_SLICE};
    if (!plugins)
        load(BAD, "[plugin actor]\n");
    return verifier_judge_collateral(plugins_verifier(plugins, S("actor")), &req, &item, 1000, &facts);
}

Test(plugin_facade, collateral_that_its_verifier_finds_genuine_comes_with_its_facts)
{
    cr_assert_eq(judged("intel/tcb-info", "{\"genuine\":1}").reason, REASON_OK);
    cr_assert(facts.issued == 990 && facts.not_after == 1010 && facts.number == 7);
    cr_assert(plugins_take_collateral(plugins));
}

Test(plugin_facade, collateral_that_its_verifier_rejects_is_refused_with_its_reason)
{
    cr_assert_eq(judged("intel/tcb-info", "forged").reason, ATTEST_REFUSED);
    cr_assert(slice_equal(record.reason, S("actor.bad")));
    cr_assert(facts.issued == 0 && facts.not_after == 0 && facts.number == 0);
}

Test(plugin_facade, collateral_that_its_verifier_rejects_in_silence_is_refused)
{
    cr_assert_eq(judged("intel/tcb-info", "silent").reason, ATTEST_REFUSED);
}

Test(plugin_facade, collateral_that_is_rejected_and_then_called_genuine_is_refused)
{
    cr_assert_eq(judged("intel/tcb-info", "both").reason, ATTEST_REFUSED);
}

Test(plugin_facade, collateral_of_the_future_is_refused_whatever_its_verifier_says)
{
    cr_assert_eq(judged("intel/tcb-info", "future").reason, ATTEST_REFUSED);
}

Test(plugin_facade, facts_that_make_no_sense_are_a_fault)
{
    cr_assert_eq(judged("intel/tcb-info", "backwards").reason, PLUGIN_FAULT);
}

Test(plugin_facade, a_fault_while_judging_is_no_verdict)
{
    cr_assert_eq(judged("intel/tcb-info", "faulty").reason, PLUGIN_FAULT);
}

Test(plugin_facade, a_kind_that_no_verifier_takes_is_not_judged)
{
    trustee_collateral item = {S("amd/crl"), S("Milan/vcek"), S("x"), NO_SLICE};
    cr_assert_eq(judged("amd/crl", "{\"genuine\":1}").reason, PLUGIN_NOT_SUPPORTED);
    cr_assert_eq(plugins_judge_collateral(plugins, &req, &item, 1000, &facts).reason, PLUGIN_NOT_SUPPORTED);
}

/* --- bindings --- */

Test(plugin_facade, padding_must_be_zero_and_the_width_exact)
{
    struct play p = playing("genuine");
    uint8_t dirty[64] = {0};
    memcpy(dirty, expected_48, 48);
    dirty[63] = 1;
    p.report_data = slice_of(dirty, 64);
    does_not_bind(&p, ATTEST_REPORT_DATA);
    p.report_data = padded(expected_48, 48, 65);
    does_not_bind(&p, ATTEST_REPORT_DATA);
    p.report_data = slice_of(expected_48, 48);
    does_not_bind(&p, ATTEST_REPORT_DATA);
}

Test(plugin_facade, exact_fields_take_no_padding)
{
    struct play p = {.tee = "actor-exact", .what = "genuine", .report_data = slice_of(expected_48, 48)};
    binds(&p, false);
    p.report_data = padded(expected_48, 48, 64);
    does_not_bind(&p, ATTEST_REPORT_DATA);
}

Test(plugin_facade, a_truncating_field_binds_its_32_bytes_and_no_other_length)
{
    struct play p = {.tee = "actor-pcr", .what = "genuine", .report_data = slice_of(expected_48, 32)};
    binds(&p, false);
    p.report_data = slice_of(expected_48, 48);
    does_not_bind(&p, ATTEST_REPORT_DATA);
}

Test(plugin_facade, init_data_is_compared_where_the_request_carries_it)
{
    struct play p = playing("genuine");
    p.expected_init = slice_of(digest_32, 32);
    p.init_data = padded(digest_32, 32, 48);
    binds(&p, true);
    p.init_data = padded(expected_48, 32, 48);
    does_not_bind(&p, ATTEST_INIT_DATA);
}

Test(plugin_facade, init_data_that_a_padding_field_lacks_is_refused)
{
    struct play p = playing("genuine");
    p.expected_init = slice_of(digest_32, 32);
    does_not_bind(&p, ATTEST_INIT_DATA);
}

Test(plugin_facade, init_data_of_the_evidence_alone_is_not_compared)
{
    struct play p = playing("genuine");
    p.init_data = padded(digest_32, 32, 48);
    binds(&p, false);
}

Test(plugin_facade, a_pcr_binds_the_digest_it_was_extended_with)
{
    uint8_t material[64] = {0}, pcr[32];
    memcpy(material + 32, digest_32, 32);
    cr_assert(!FAILED(sha256(slice_of(material, 64), pcr)));
    struct play p = {.tee = "actor-pcr", .what = "genuine", .report_data = slice_of(expected_48, 32)};
    p.expected_init = slice_of(digest_32, 32);
    p.init_data = slice_of(pcr, 32);
    binds(&p, true);
    pcr[31] ^= 1;
    does_not_bind(&p, ATTEST_INIT_DATA);
}

Test(plugin_facade, a_pcr_takes_no_digest_of_another_length)
{
    struct play p = {.tee = "actor-pcr", .what = "genuine", .report_data = slice_of(expected_48, 32)};
    /* The PCR as it would be, had the digest been cut to 32 bytes. */
    uint8_t material[64] = {0}, pcr[32];
    memcpy(material + 32, expected_48, 32);
    cr_assert(!FAILED(sha256(slice_of(material, 64), pcr)));
    p.expected_init = slice_of(expected_48, 48);
    p.init_data = slice_of(pcr, 32);
    does_not_bind(&p, ATTEST_INIT_DATA);
    cr_assert_not(record.last_check->passed);
    cr_assert(slice_equal(record.text, S("this TEE binds a SHA-256 digest of the init-data only")));
}

Test(plugin_facade, a_pcr_that_was_not_quoted_leaves_init_data_unchecked)
{
    struct play p = {.tee = "actor-pcr", .what = "genuine", .report_data = slice_of(expected_48, 32)};
    p.expected_init = slice_of(digest_32, 32);
    binds(&p, false);
}

Test(plugin_facade, a_tee_that_cannot_carry_init_data_leaves_it_unchecked)
{
    struct play p = {.tee = "actor-none", .what = "genuine", .report_data = slice_of(expected_48, 48)};
    p.expected_init = slice_of(digest_32, 32);
    binds(&p, false);
}

Test(plugin_facade, an_echoing_tee_gets_the_expected_digest_as_its_claim)
{
    struct play p = {.tee = "actor-echo", .what = "genuine", .report_data = slice_of(expected_48, 48)};
    struct verified out;
    p.expected_init = slice_of(digest_32, 32);
    cr_assert_eq(verify(&p, &out).reason, REASON_OK);
    cr_assert_not(out.init_data_checked);
    cr_assert(slice_equal(out.init_data_claim, S("RElHRVNULS1kaWdlc3QtLURJR0VTVC0tZGlnZXN0LS0=")));
}

Test(plugin_facade, fewer_than_32_expected_bytes_never_bind)
{
    load(BAD, "[plugin actor]\n");
    struct play p = {.tee = "actor-exact", .what = "genuine", .report_data = slice_of(expected_48, 31)};
    struct verified out;
    trustee_verify_in in = {.evidence = evidence_of(&p), .report_data = slice_of(expected_48, 31), .now = 1};
    cr_assert_eq(verifier_verify(plugins_verifier(plugins, S("actor-exact")), &req, &in, &out).reason,
                 ATTEST_REPORT_DATA);
}

Test(plugin_facade, a_request_with_no_memory_left_is_refused)
{
    struct play p = playing("genuine");
    struct verified out;
    load(BAD, "[plugin actor]\n");
    const json *evidence = evidence_of(&p);
    cr_assert(arena_alloc(&scratch, scratch.size - scratch.used - 64, 1));
    trustee_verify_in in = {.evidence = evidence, .report_data = slice_of(expected_48, 48), .now = 1};
    cr_assert_eq(verifier_verify(plugins_verifier(plugins, S("actor")), &req, &in, &out).reason, NO_MEMORY);
}

Test(plugin_facade, verifying_takes_nothing_from_the_heap)
{
    struct play p = playing("genuine");
    struct verified out;
    load(BAD, "[plugin actor]\n");
    trustee_verify_in in = {.evidence = evidence_of(&p), .report_data = slice_of(expected_48, 48), .now = 1};
    const struct verifier *v = plugins_verifier(plugins, S("actor"));
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 8; i++)
        cr_assert_eq(verifier_verify(v, &req, &in, &out).reason, REASON_OK);
    cr_assert_eq(mallinfo2().uordblks, before);
}

/* --- the sample verifier --- */

static result verify_sample(const char *tee, slice evidence, slice init_data, struct verified *out)
{
    const json *v;
    if (!plugins)
        load(SHIPPED, "[plugin sample]\n");
    cr_assert(!FAILED(json_parse(&arena, evidence, &v)));
    trustee_verify_in in = {.evidence = v, .report_data = slice_of(expected_48, 48), .init_data = init_data, .now = 1};
    return verifier_verify(plugins_verifier(plugins, slice_text(tee)), &req, &in, out);
}

static slice json_of(tree t)
{
    struct text text = text_begin(&arena);
    tree_json(&text, t, tree_root(t), true);
    return text_end(&text);
}

#define SAMPLE "{\"svn\":\"1\",\"report_data\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm\"}"

Test(plugin_facade, sample_evidence_gives_upstreams_claims)
{
    struct verified out;
    cr_assert_eq(verify_sample("sample", S(SAMPLE), slice_of(digest_32, 32), &out).reason, REASON_OK);
    cr_assert(slice_equal(json_of(out.claims), S("{\"debug\":false,\"launch_digest\":\"abcde\",\"platform_version\":{"
                                                 "\"major\":1,\"minor\":4},\"svn\":\"1\"}")));
    cr_assert(
        slice_equal(out.report_data_claim, S("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm")));
    cr_assert(slice_equal(out.init_data_claim, S("RElHRVNULS1kaWdlc3QtLURJR0VTVC0tZGlnZXN0LS0=")));
    cr_assert_not(out.init_data_checked);
}

Test(plugin_facade, sampledevice_evidence_gives_its_svn_alone)
{
    struct verified out;
    cr_assert_eq(verify_sample("sampledevice", S(SAMPLE), slice_of(digest_32, 32), &out).reason, REASON_OK);
    cr_assert(slice_equal(json_of(out.claims), S("{\"svn\":\"1\"}")));
    cr_assert_eq(out.init_data_claim.len, 0);
}

Test(plugin_facade, sample_evidence_for_another_challenge_is_refused)
{
    struct verified out;
    cr_assert_eq(verify_sample("sample", S("{\"svn\":\"1\",\"report_data\":\"AAAA\"}"), NO_SLICE, &out).reason,
                 ATTEST_REFUSED);
    cr_assert(slice_equal(record.reason, S("sample.report_data")));
}

Test(plugin_facade, sample_evidence_of_another_shape_is_refused)
{
    static const char *const bad[] = {"{}",
                                      "[]",
                                      "null",
                                      "{\"svn\":1,\"report_data\":\"AAAA\"}",
                                      "{\"svn\":\"1\",\"report_data\":7}",
                                      "{\"svn\":\"1\",\"report_data\":\"A\"}"};
    struct verified out;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(verify_sample("sample", slice_text(bad[i]), NO_SLICE, &out).reason, ATTEST_REFUSED, "%s", bad[i]);
    cr_assert(slice_equal(record.reason, S("sample.evidence")));
}

/* --- policy engines --- */

static const struct engine *oracle(void)
{
    if (!plugins)
        load(BAD, "[plugin oracle]\n");
    const struct engine *e = plugins_engine(plugins, S("words"));
    cr_assert(e);
    return e;
}

static void *compiled(const char *text)
{
    trustee_policy_info info;
    struct policy_error where;
    void *policy;
    result r = engine_compile(oracle(), S("p"), slice_text(text), &policy, &info, &where);
    cr_assert_eq(r.reason, REASON_OK);
    cr_assert_eq(info.flags, TRUSTEE_POLICY_IMPURE);
    return policy;
}

static result evaluate(const char *text, tree *out)
{
    const slice rules[] = {S("allow")};
    trustee_policy_in in = {.rules = rules, .rule_count = 1};
    return engine_evaluate(oracle(), &req, compiled(text), &in, out);
}

Test(plugin_facade, an_engine_is_found_by_its_language)
{
    cr_assert(slice_equal(engine_suffix(oracle()), S(".words")));
    cr_assert_null(plugins_engine(plugins, S("rego")));
}

Test(plugin_facade, a_policy_compiles_evaluates_and_is_released)
{
    tree answer;
    cr_assert_eq(evaluate("true", &answer).reason, REASON_OK);
    cr_assert(slice_equal(json_of(answer), S("{\"allow\":true}")));
    engine_release(oracle(), compiled("true"));
    engine_release(oracle(), NULL);
}

Test(plugin_facade, a_bad_policy_is_refused_with_its_position_on_one_line)
{
    trustee_policy_info info;
    struct policy_error where;
    void *policy;
    cr_assert_eq(engine_compile(oracle(), S("p"), S("nonsense"), &policy, &info, &where).reason, POLICY_REFUSED);
    cr_assert_eq(where.line, 3);
    cr_assert_eq(where.column, 7);
    cr_assert_str_eq(where.text, "rule is not closed ");
    cr_assert_null(policy);
}

Test(plugin_facade, a_policy_over_the_limits_and_one_without_a_handle_are_refused)
{
    trustee_policy_info info;
    struct policy_error where;
    void *policy;
    cr_assert_eq(engine_compile(oracle(), S("p"), S("endless"), &policy, &info, &where).reason, POLICY_LIMIT);
    cr_assert_eq(engine_compile(oracle(), S("p"), S("null"), &policy, &info, &where).reason, POLICY_FAULT);
}

Test(plugin_facade, answers_that_are_malformed_or_unasked_are_refused)
{
    tree answer;
    cr_assert_eq(evaluate("double", &answer).reason, POLICY_FAULT);
    cr_assert_eq(answer.count, 0);
    cr_assert_eq(evaluate("unclosed", &answer).reason, POLICY_FAULT);
    cr_assert_eq(evaluate("unasked", &answer).reason, POLICY_FAULT);
    cr_assert_eq(answer.count, 0);
}

Test(plugin_facade, an_evaluation_that_fails_or_takes_too_long_gives_no_answer)
{
    tree answer;
    cr_assert_eq(evaluate("slow", &answer).reason, POLICY_LIMIT);
    cr_assert_eq(evaluate("faulty", &answer).reason, POLICY_FAULT);
    cr_assert_eq(evaluate("odd", &answer).reason, POLICY_FAULT);
    cr_assert_eq(answer.count, 0);
}

/* --- storages --- */

static const struct store *shelf(void)
{
    if (!plugins)
        load(BAD, "[plugin shelf]\n");
    return plugins_store(plugins, S("shelf"));
}

static result get(slice key, slice *value)
{
    return store_get(shelf(), &req, S("repository"), key, &secret, 1024, value);
}

Test(plugin_facade, a_value_arrives_in_the_arena_that_was_given)
{
    slice value;
    cr_assert_eq(get(S("four"), &value).reason, REASON_OK);
    cr_assert(slice_equal(value, S("xxxx")));
    cr_assert(value.ptr >= secret.base && value.ptr < secret.base + secret.used);
    cr_assert_eq(get(S("shorter"), &value).reason, REASON_OK);
    cr_assert_eq(value.len, 2);
}

Test(plugin_facade, what_a_storage_gets_wrong_gives_no_value)
{
    slice value;
    cr_assert_eq(get(S("uncommitted"), &value).reason, PLUGIN_FAULT);
    cr_assert_null(value.ptr);
    cr_assert_eq(get(S("more-than-reserved"), &value).reason, PLUGIN_FAULT);
    cr_assert_eq(get(S("odd"), &value).reason, PLUGIN_FAULT);
    cr_assert_eq(get(S("large"), &value).reason, HTTP_BODY_TOO_LARGE);
    cr_assert_eq(get(S("away"), &value).reason, STORAGE);
    cr_assert_eq(get(S("absent"), &value).reason, RELEASE_NOT_FOUND);
    cr_assert_eq(get(S("twice"), &value).reason, REASON_OK);
}

Test(plugin_facade, keys_that_are_none_never_reach_the_storage)
{
    static const char *const bad[] = {"",
                                      "/",
                                      "a/",
                                      "/a",
                                      "a//b",
                                      ".",
                                      "..",
                                      "a/../b",
                                      "a/.b",
                                      "a b",
                                      "a\nb",
                                      "ä",
                                      "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"};
    slice value;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(get(slice_text(bad[i]), &value).reason, RELEASE_PATH, "%s", bad[i]);
    char long_one[257];
    memset(long_one, 'a', sizeof long_one);
    cr_assert_eq(get(slice_of(long_one, 256), &value).reason, RELEASE_PATH);
    cr_assert_eq(get(slice_of(long_one, 255), &value).reason, RELEASE_NOT_FOUND);
    cr_assert_eq(store_get(shelf(), &req, S("../etc"), S("a"), &secret, 1, &value).reason, RELEASE_PATH);
    cr_assert_eq(store_put(shelf(), &req, S("repository"), S(".."), S("x")).reason, RELEASE_PATH);
    cr_assert_eq(store_delete(shelf(), &req, S("repository"), S("a/..")).reason, RELEASE_PATH);
    cr_assert_eq(get(S("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"), &value).reason, RELEASE_NOT_FOUND);
}

Test(plugin_facade, writing_and_deleting_have_their_reasons)
{
    cr_assert_eq(store_put(shelf(), &req, S("repository"), S("a"), S("x")).reason, REASON_OK);
    cr_assert_eq(store_put(shelf(), &req, S("repository"), S("conflict"), S("x")).reason, RESOURCE_CONFLICT);
    cr_assert_eq(store_put(shelf(), &req, S("repository"), S("large"), S("x")).reason, HTTP_BODY_TOO_LARGE);
    cr_assert_eq(store_delete(shelf(), &req, S("repository"), S("four")).reason, REASON_OK);
    cr_assert_eq(store_delete(shelf(), &req, S("repository"), S("absent")).reason, RELEASE_NOT_FOUND);
}

static char listed[256];

static void collect(void *user, slice name, uint64_t size)
{
    (void)user;
    size_t at = strlen(listed);
    snprintf(listed + at, sizeof listed - at, "%.*s:%u ", SLICE_ARG(name), (unsigned)size);
}

Test(plugin_facade, a_listing_lets_keys_with_the_prefix_through_and_nothing_else)
{
    *listed = 0;
    cr_assert_eq(store_list(shelf(), &req, S("repository"), S("a/"), collect, NULL).reason, REASON_OK);
    cr_assert_str_eq(listed, "a/one:1 ");
    *listed = 0;
    cr_assert_eq(store_list(shelf(), &req, S("repository"), NO_SLICE, collect, NULL).reason, REASON_OK);
    cr_assert_str_eq(listed, "a/one:1 b/three:3 ");
    cr_assert_eq(store_list(shelf(), &req, S("repository"), S("a b"), collect, NULL).reason, RELEASE_PATH);
}

Test(plugin_facade, a_storage_that_is_not_ready_says_why)
{
    char why[64], little[5];
    cr_assert_eq(store_ready(shelf(), why, sizeof why).reason, STORAGE);
    cr_assert_str_eq(why, "the disk is away");
    cr_assert_eq(store_ready(shelf(), little, sizeof little).reason, STORAGE);
    cr_assert_str_eq(little, "the ");
}
