/* SPDX-License-Identifier: Apache-2.0
 *
 * What the verifier for TDX asks for, binds, claims and remembers. Bad quotes and collateral are in tdx_forged_test.c,
 * recorded ones in tdx_vectors_test.c.
 */
#include "plugins/tdx/tdx.h"

#include <criterion/criterion.h>

#include "tests/support/forge_eventlog.h"
#include "tests/support/judge_dcap.h"

const trustee_plugin *trustee_plugin_describe_v1(void);

static struct judge j;

static void begin(void)
{
    judge_begin(&j, trustee_plugin_describe_v1(), "tdx");
    judge_default(&j, 5, FORGE_TDX15);
}

static void end(void)
{
    judge_end(&j);
}

TestSuite(tdx, .init = begin, .fini = end, .timeout = 120);

static void accepted(void)
{
    cr_assert(judge_all(&j), "%.*s", SLICE_ARG(j.host.reason));
}

static void refused(const char *reason)
{
    cr_expect(!judge_all(&j));
    cr_expect(slice_equal(judge_reason(&j), slice_text(reason)), "%.*s, expected %s", SLICE_ARG(j.host.reason), reason);
}

static void claim_is(const char *pointer, const char *expected)
{
    slice actual = fake_claim(&j.host, pointer);
    cr_expect(slice_equal(actual, slice_text(expected)), "%s: %.*s, expected %s", pointer, SLICE_ARG(actual), expected);
}

static bool has_claim(const char *pointer)
{
    return tree_at(j.host.claims, slice_text(pointer)) != NULL;
}

/* --- the table of reasons, and options
 * --------------------------------------------------------------------------------- */

Test(tdx, every_reason_has_an_id_of_its_own_with_text_and_remedy)
{
    for (size_t i = 0; i < TDX_CHECK_COUNT; i++) {
        cr_expect(slice_starts(tdx_reasons[i].id, S("tdx.")) && tdx_reasons[i].text.len && tdx_reasons[i].remedy.len);
        for (size_t n = 0; n < i; n++)
            cr_expect(!slice_equal(tdx_reasons[i].id, tdx_reasons[n].id), "%.*s", SLICE_ARG(tdx_reasons[i].id));
    }
}

static trustee_status loads(const char *name, const char *value)
{
    struct fake_host h;
    fake_host_begin(&h);
    h.quiet = true;
    fake_option(&h, name, value);
    trustee_status status = fake_load(&h, trustee_plugin_describe_v1());
    cr_expect(status == TRUSTEE_OK || h.logged > 0, "%s = %s: not a word why", name, value);
    fake_host_end(&h);
    return status;
}

Test(tdx, an_options_value_that_cannot_work_stops_the_start)
{
    static const char *const bad[][2] = {
        {"accepted_tcb", ""},
        {"accepted_tcb", "Revoked"},
        {"accepted_tcb", "UpToDate, Revoked"},
        {"accepted_tcb", "uptodate"},
        {"accepted_tcb", "UpToDate,,OutOfDate"},
        {"expired_collateral", "accept"},
        {"minimum_tcb_date", "2024-02-30"},
        {"minimum_tcb_date", "2024-3-13"},
        {"minimum_tcb_date", "yesterday"},
        {"minimum_tcb_date", "2024-03-13T12:00:00Z"},
        {"trust_anchor", "no certificate"},
        {"trust_anchor", ""},
        {"further_td_attributes", "8000000"},
        {"further_td_attributes", "000000000800000g"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_eq(loads(bad[i][0], bad[i][1]), TRUSTEE_E_CONFIG, "%s = %s", bad[i][0], bad[i][1]);
    cr_expect_eq(loads("minimum_tcb_date", "2024-02-29"), TRUSTEE_OK);
    cr_expect_eq(loads("minimum_tcb_date", "2024-03-13T00:00:00Z"), TRUSTEE_OK);
    cr_expect_eq(loads("accepted_tcb", "UpToDate"), TRUSTEE_OK);
    cr_expect_eq(loads("further_td_attributes", "0000000008000000"), TRUSTEE_OK);
}

Test(tdx, a_certificate_that_is_no_ca_is_no_anchor)
{
    struct fake_host h;
    accepted();
    fake_host_begin(&h);
    h.quiet = true;
    fake_option_bytes(&h, "trust_anchor", j.out.tcb_signer);
    cr_expect_eq(fake_load(&h, trustee_plugin_describe_v1()), TRUSTEE_E_CONFIG);
    fake_host_end(&h);
}

Test(tdx, an_anchor_may_be_given_in_der)
{
    forge_dcap_make(&j.arena, &j.keys, &j.k, &j.out);
    j.anchor = j.out.root;
    accepted();
}

Test(tdx, attributes_that_an_option_names_are_accepted)
{
    j.k.body[FORGE_TD_ATTRIBUTES + 3] |= 1u << 3; /* LASS, bit 27 */
    refused("attributes.reserved");
    judge_default(&j, 5, FORGE_TDX15);
    j.k.body[FORGE_TD_ATTRIBUTES + 3] |= 1u << 3;
    judge_option(&j, "further_td_attributes", "0000000008000000");
    accepted();
    claim_is("/td_attributes/septve_disable", "true");
}

Test(tdx, a_tcb_date_before_the_minimum_is_refused)
{
    judge_option(&j, "minimum_tcb_date", "2027-01-01");
    refused("tcb.date");
}

/* --- collateral
 * ----------------------------------------------------------------------------------------------------- */

static void first_round(void)
{
    trustee_verify_in in = {.report_data = slice_of(j.report_data, sizeof j.report_data), .now = j.k.now};
    accepted();
    struct text t = text_begin(&j.arena);
    text_lit(&t, "{\"quote\":\"");
    text_base64(&t, j.out.quote);
    text_lit(&t, "\"}");
    cr_expect(!fake_verify(&j.host, S("tdx"), text_end(&t), &in) && j.host.status == TRUSTEE_NEED);
}

static void need_is(size_t n, const char *kind, slice key)
{
    cr_assert(n < j.host.out.need_count);
    cr_expect(slice_equal(j.host.needs[n].kind, slice_text(kind)) && slice_equal(j.host.needs[n].key, key), "%.*s %.*s",
              SLICE_ARG(j.host.needs[n].kind), SLICE_ARG(j.host.needs[n].key));
}

Test(tdx, all_that_is_missing_is_asked_for_at_once_by_typed_keys)
{
    first_round();
    slice fmspc = forge_hex(&j.arena, slice_of(j.k.platform.fmspc, 6), false);
    cr_expect(j.host.out.need_count == 4);
    need_is(0, "intel/tcb-info", forge_join(&j.arena, S("tdx/"), fmspc));
    need_is(1, "intel/qe-identity", S("tdx"));
    need_is(2, "intel/pck-crl", S("platform"));
    need_is(3, "intel/root-crl", S("root"));
    cr_expect(j.host.out.verdict == TRUSTEE_VERDICT_NONE);
}

Test(tdx, a_platform_that_tells_its_ids_alone_needs_its_pck_by_them)
{
    slice ids, key;
    j.k.certification_type = 3;
    first_round();
    struct dcap_quote q;
    cr_assert(!FAILED(dcap_quote_read(j.out.quote, &q)));
    ids = forge_hex(&j.arena, q.certification_data, false);
    cr_assert(ids.len == 2 * 404);
    key = arena_printf(&j.arena, "%.*s/%.*s/%.*s/%.*s/%.*s",
                       SLICE_ARG(slice_sub(forge_hex(&j.arena, q.user_data, false), 0, 32)),
                       SLICE_ARG(slice_sub(ids, 768, 32)), SLICE_ARG(slice_sub(ids, 800, 4)),
                       SLICE_ARG(slice_sub(ids, 804, 4)), SLICE_ARG(slice_sub(ids, 0, 768)));
    cr_expect(j.host.out.need_count == 1);
    need_is(0, "intel/pck", key);
}

/* --- what binds
 * ----------------------------------------------------------------------------------------------------- */

static const uint8_t DIGEST[64] = {0xd1, 0x9e, 0x57, 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13,
                                   14,   15,   16,   17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
                                   30,   31,   32,   33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45,
                                   46,   47,   48,   49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61};

Test(tdx, init_data_of_any_usual_digest_bind)
{
    static const size_t sizes[] = {32, 48, 64};
    for (size_t i = 0; i < 3; i++) {
        judge_default(&j, 5, FORGE_TDX15);
        forge_dcap_init_data(&j.k, slice_of(DIGEST, sizes[i] < 48 ? sizes[i] : 48));
        j.init_data = slice_of(DIGEST, sizes[i]);
        accepted();
        cr_expect(j.host.out.init_data.len == 48 &&
                  memcmp(j.host.out.init_data.ptr, DIGEST, sizes[i] < 48 ? 32 : 48) == 0);
    }
}

Test(tdx, a_digest_below_32_bytes_never_binds)
{
    forge_dcap_init_data(&j.k, slice_of(DIGEST, 31));
    j.init_data = slice_of(DIGEST, 31);
    refused("init_data");
}

Test(tdx, a_short_digest_is_followed_by_zeros)
{
    forge_dcap_init_data(&j.k, slice_of(DIGEST, 48));
    j.init_data = slice_of(DIGEST, 32);
    refused("init_data");
}

Test(tdx, the_signed_fields_are_handed_over_whole)
{
    accepted();
    cr_expect(slice_equal(j.host.out.report_data, slice_of(j.k.body + FORGE_TD_REPORT_DATA, 64)));
    cr_expect(slice_equal(j.host.out.init_data, slice_of(j.k.body + FORGE_TD_MRCONFIGID, 48)));
    cr_expect(slice_equal(j.host.out.report_data_claim, forge_hex(&j.arena, j.host.out.report_data, false)));
    cr_expect(slice_equal(j.host.out.init_data_claim, forge_hex(&j.arena, j.host.out.init_data, false)));
}

/* --- claims
 * --------------------------------------------------------------------------------------------------------- */

Test(tdx, every_claim_of_dcap_is_there)
{
    struct forge_pck *p = &j.k.platform;
    for (size_t i = 0; i < 16; i++)
        p->instance[i] = (uint8_t)i;
    p->sgx_type = 1;
    p->dynamic_platform = p->cached_keys = true;
    p->smt_enabled = false;
    j.k.pck_crl.number = 77;
    j.k.root_crl.number = 78;
    j.k.tcb_info.evaluation_number = 18;
    j.k.qe_identity.evaluation_number = 17;
    accepted();
    claim_is("/tcb_status", "UpToDate");
    claim_is("/tcb_status_current", "UpToDate");
    claim_is("/collateral_expiration_status", "0");
    claim_is("/pck_crl_num", "77");
    claim_is("/root_ca_crl_num", "78");
    claim_is("/tcb_eval_num", "17");
    claim_is("/sgx_type", "Scalable");
    claim_is("/is_dynamic_platform", "true");
    claim_is("/is_cached_keys", "true");
    claim_is("/is_smt_enabled", "false");
    claim_is("/platform_instance_id", "0f0e0d0c0b0a09080706050403020100");
    slice ppid = forge_hex(&j.arena, slice_of(p->ppid, 16), false);
    cr_expect(slice_equal(fake_claim(&j.host, "/platform_provider_id"), ppid));
    cr_expect(fake_claim(&j.host, "/root_key_id").len == 96);
    cr_expect(tree_at(j.host.claims, S("/advisory_ids"))->type == TRUSTEE_NODE_ARRAY &&
              has_claim("/advisory_ids_current"));
    cr_expect(!has_claim("/report_data") && !has_claim("/init_data"), "the service puts these where upstream has them");
}

Test(tdx, dates_are_the_earliest_and_latest_of_all_that_was_relied_on)
{
    struct forge_dcap *k = &j.k;
    k->root.c.not_before = k->chain_root.c.not_before = INT64_C(1526899510);
    k->tcb_info.issued = k->now - 7200;
    k->qe_identity.issued = k->now - 3600;
    k->tcb_info.next_update = k->now + 86400;
    k->pck_crl.next_update = k->now + 7200;
    accepted();
    claim_is("/earliest_issue_date", "2018-05-21T10:45:10Z");
    claim_is("/latest_issue_date", "2027-01-15T07:00:00Z");
    claim_is("/earliest_expiration_date", "2027-01-15T10:00:00Z");
    cr_expect(j.host.out.not_after == k->now + 7200);
}

Test(tdx, a_standard_platform_has_no_flags)
{
    j.k.platform.sgx_type = 0;
    accepted();
    claim_is("/sgx_type", "Standard");
    cr_expect(!has_claim("/is_dynamic_platform") && !has_claim("/is_cached_keys") && !has_claim("/is_smt_enabled"));
}

Test(tdx, the_attributes_that_are_accepted_are_claims)
{
    j.k.body[FORGE_TD_ATTRIBUTES + 3] |= 0xc0;
    j.k.body[FORGE_TD_ATTRIBUTES + 7] |= 0x80;
    accepted();
    claim_is("/td_attributes/debug", "false");
    claim_is("/td_attributes/septve_disable", "true");
    claim_is("/td_attributes/protection_keys", "true");
    claim_is("/td_attributes/key_locker", "true");
    claim_is("/td_attributes/perfmon", "true");
}

/* --- event logs
 * ----------------------------------------------------------------------------------------------------- */

static bool judge_text(const char *member)
{
    trustee_verify_in in = {.report_data = slice_of(j.report_data, sizeof j.report_data),
                            .collateral = j.items,
                            .collateral_count = j.item_count,
                            .now = j.k.now};
    struct text t = text_begin(&j.arena);
    text_lit(&t, "{\"quote\":\"");
    text_base64(&t, j.out.quote);
    text_lit(&t, "\"");
    text_add(&t, slice_text(member));
    text_lit(&t, "}");
    return fake_verify(&j.host, S("tdx"), text_end(&t), &in);
}

Test(tdx, no_log_is_no_claim)
{
    static const char *const none[] = {"", ",\"cc_eventlog\":null", ",\"cc_eventlog\":\"\""};
    accepted();
    for (size_t i = 0; i < 3; i++) {
        cr_expect(judge_text(none[i]), "%s", none[i]);
        cr_expect(!has_claim("/uefi_event_logs"));
    }
}

Test(tdx, a_log_that_is_no_base64_text_is_refused)
{
    static const char *const bad[] = {",\"cc_eventlog\":5", ",\"cc_eventlog\":\"####\"", ",\"cc_eventlog\":{}"};
    accepted();
    for (size_t i = 0; i < 3; i++) {
        cr_expect(!judge_text(bad[i]), "%s", bad[i]);
        cr_expect(slice_equal(j.host.reason, S("tdx.eventlog.form")));
    }
}

Test(tdx, evidence_that_is_no_object_or_has_no_quote_is_refused)
{
    static const struct {
        const char *evidence, *reason;
    } bad[] = {{"[]", "tdx.evidence.form"},
               {"null", "tdx.evidence.form"},
               {"{}", "tdx.quote.form"},
               {"{\"quote\":5}", "tdx.quote.form"},
               {"{\"quote\":\"\"}", "tdx.quote.form"},
               {"{\"quote\":\"*\"}", "tdx.quote.form"}};
    trustee_verify_in in = {.now = FORGE_NOW};
    accepted();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect(!fake_verify(&j.host, S("tdx"), slice_text(bad[i].evidence), &in));
        cr_expect(slice_equal(j.host.reason, slice_text(bad[i].reason)), "%s", bad[i].evidence);
    }
}

/* --- what is remembered
 * --------------------------------------------------------------------------------------------- */

Test(tdx, a_cache_that_takes_nothing_changes_no_verdict)
{
    accepted();
    j.host.cache_refuses = true;
    cr_expect(judge_quote(&j, j.out.quote));
    struct forge_dcap other = j.k;
    other.quote_signer = FORGE_KEY_STRANGER;
    forge_dcap_quote(&j.arena, &j.keys, &other, &j.out);
    cr_expect(!judge_quote(&j, j.out.quote));
}

Test(tdx, a_platform_that_is_known_adds_nothing_to_the_cache)
{
    accepted();
    size_t puts = j.host.cache_puts, hits = j.host.cache_hits;
    cr_expect(judge_quote(&j, j.out.quote));
    cr_expect(j.host.cache_puts == puts && j.host.cache_hits - hits == 10, "%zu put, %zu hit", j.host.cache_puts - puts,
              j.host.cache_hits - hits);
}

Test(tdx, a_known_platform_with_a_fresh_key_adds_that_key_alone)
{
    accepted();
    size_t puts = j.host.cache_puts;
    EVP_PKEY *key = j.keys.key[FORGE_KEY_ATTESTATION];
    j.keys.key[FORGE_KEY_ATTESTATION] = forge_ec_key(NULL, "fresh", "P-256");
    forge_dcap_quote(&j.arena, &j.keys, &j.k, &j.out);
    cr_expect(judge_quote(&j, j.out.quote));
    cr_expect(j.host.cache_puts == puts + 1);
    EVP_PKEY_free(j.keys.key[FORGE_KEY_ATTESTATION]);
    j.keys.key[FORGE_KEY_ATTESTATION] = key;
}

/* A chain that is written otherwise is another chain; whoever has none of the keys could write as many as he likes. */
Test(tdx, who_is_refused_leaves_nothing_in_the_cache)
{
    accepted();
    size_t puts = j.host.cache_puts;
    const slice chain = j.out.pck_chain;
    j.out.pck_chain = forge_join(&j.arena, chain, S("\n\n"));
    j.k.quote_signer = FORGE_KEY_STRANGER;
    forge_dcap_quote(&j.arena, &j.keys, &j.k, &j.out);
    cr_expect(!judge_quote(&j, j.out.quote));
    cr_expect_eq(j.host.cache_puts, puts);
    j.k.quote_signer = FORGE_KEY_ATTESTATION;
    forge_dcap_quote(&j.arena, &j.keys, &j.k, &j.out);
    cr_expect(judge_quote(&j, j.out.quote), "%.*s", SLICE_ARG(j.host.reason));
    cr_expect_eq(j.host.cache_puts, puts + 2);
}

/* --- whether collateral is genuine
 * ---------------------------------------------------------------------------------- */

static const char *genuine(const char *kind, slice key, slice bytes, slice chain)
{
    static char text[128];
    static trustee_collateral_facts facts;
    trustee_collateral item = {slice_text(kind), key, bytes, chain};
    fake_request(&j.host);
    trustee_status status = tdx_judge_collateral(j.host.instance, fake_handle(&j.host), &item, j.k.now, &facts);
    if (status == TRUSTEE_OK)
        snprintf(text, sizeof text, "%lld %lld %llu", (long long)facts.issued, (long long)facts.not_after,
                 (unsigned long long)facts.number);
    else if (status == TRUSTEE_REJECT)
        snprintf(text, sizeof text, "%.*s", SLICE_ARG(j.host.reason));
    else
        snprintf(text, sizeof text, "status %d", status);
    return text;
}

static void says(const char *said, const char *expected)
{
    cr_expect_str_eq(said, expected);
}

static const char *facts_text(int64_t issued, int64_t not_after, uint64_t number)
{
    return (const char *)arena_printf(&j.arena, "%lld %lld %llu", (long long)issued, (long long)not_after,
                                      (unsigned long long)number)
        .ptr;
}

static slice tcb_key(const char *tee)
{
    return forge_join(&j.arena, slice_text(tee), forge_hex(&j.arena, slice_of(j.k.platform.fmspc, 6), false));
}

Test(tdx, genuine_collateral_is_told_with_its_facts)
{
    const struct forge_dcap *k = &j.k;
    const struct forge_dcap_out *o = &j.out;
    accepted();
    says(genuine("intel/tcb-info", tcb_key("tdx/"), o->tcb_answer, o->tcb_chain),
         facts_text(k->tcb_info.issued, k->tcb_info.next_update, k->tcb_info.evaluation_number));
    says(genuine("intel/qe-identity", S("tdx"), o->qe_answer, o->tcb_chain),
         facts_text(k->qe_identity.issued, k->qe_identity.next_update, k->qe_identity.evaluation_number));
    says(genuine("intel/pck-crl", S("platform"), o->pck_crl, o->pck_crl_chain),
         facts_text(k->pck_crl.this_update, k->pck_crl.next_update, k->pck_crl.number));
    says(genuine("intel/root-crl", S("root"), o->root_crl, NO_SLICE),
         facts_text(k->root_crl.this_update, k->root_crl.next_update, k->root_crl.number));
    cr_expect(genuine("intel/pck", S("00/00/00/00/-"), forge_pem(&j.arena, o->pck), o->pck_crl_chain)[0] != 't');
}

Test(tdx, collateral_under_another_key_than_its_own_is_not_genuine)
{
    const struct forge_dcap_out *o = &j.out;
    accepted();
    says(genuine("intel/tcb-info", S("tdx/000000000000"), o->tcb_answer, o->tcb_chain), "tdx.tcb_info.fmspc");
    says(genuine("intel/tcb-info", tcb_key("sgx/"), o->tcb_answer, o->tcb_chain), "tdx.tcb_info.id");
    says(genuine("intel/qe-identity", S("sgx"), o->qe_answer, o->tcb_chain), "tdx.qe_identity.id");
    says(genuine("intel/pck-crl", S("processor"), o->pck_crl, o->pck_crl_chain), "tdx.collateral.kind");
    says(genuine("intel/root-crl", S("other"), o->root_crl, NO_SLICE), "tdx.collateral.kind");
    says(genuine("amd/crl", S("Milan/vcek"), o->root_crl, NO_SLICE), "status -4");
}

Test(tdx, collateral_that_nobody_trusted_has_signed_is_not_genuine)
{
    const struct forge_dcap_out *o = &j.out;
    accepted();
    slice tampered = forge_replace(&j.arena, o->tcb_answer, "UpToDate", "UpToDato");
    says(genuine("intel/tcb-info", tcb_key("tdx/"), tampered, o->tcb_chain), "tdx.tcb_info.signature");
    tampered = forge_replace(&j.arena, o->tcb_answer, "OutOfDate", "UpToDate ");
    says(genuine("intel/tcb-info", tcb_key("tdx/"), tampered, o->tcb_chain), "tdx.tcb_info.signature");
    says(genuine("intel/tcb-info", tcb_key("tdx/"), o->tcb_answer, o->pck_crl_chain), "tdx.tcb_info.chain");
    says(genuine("intel/pck-crl", S("platform"), o->root_crl, o->pck_crl_chain), "tdx.pck_crl.issuer");
    says(genuine("intel/pck-crl", S("platform"), o->pck_crl, NO_SLICE), "tdx.pck_crl.issuer");
    says(genuine("intel/pck-crl", S("platform"), o->pck_crl, o->tcb_chain), "tdx.pck_crl.issuer");
    says(genuine("intel/root-crl", S("root"), o->pck_crl, NO_SLICE), "tdx.root_crl.issuer");
    says(genuine("intel/root-crl", S("root"), S("x"), NO_SLICE), "tdx.root_crl.form");
}

Test(tdx, what_is_issued_in_the_future_is_not_genuine_and_what_is_stale_is)
{
    j.k.now -= 2 * 86400;
    j.k.tcb_info.issued = j.k.now + 86400;
    j.k.pck_crl.next_update = j.k.now - 3600;
    j.k.pck_crl.this_update = j.k.now - 7200;
    cr_expect(!judge_all(&j));
    const struct forge_dcap_out *o = &j.out;
    says(genuine("intel/tcb-info", tcb_key("tdx/"), o->tcb_answer, o->tcb_chain), "tdx.tcb_info.issued");
    says(genuine("intel/pck-crl", S("platform"), o->pck_crl, o->pck_crl_chain),
         facts_text(j.k.pck_crl.this_update, j.k.pck_crl.next_update, j.k.pck_crl.number));
}
