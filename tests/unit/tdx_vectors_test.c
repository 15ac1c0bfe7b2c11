/* SPDX-License-Identifier: Apache-2.0
 *
 * Recorded quotes of real platforms, and the cases of another verifier's suite. Not part of this repository:
 * TRUSTEE_VECTORS names the folder; without it the tests are skipped.
 */
#include "plugins/tdx/tdx.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "lib/json/json.h"
#include "tests/support/dcap_fixture.h"

const trustee_plugin *trustee_plugin_describe_v1(void);

#define AT_2023_07_01 INT64_C(1688169600)
#define AT_2025_06_20 INT64_C(1750377600)
#define AT_2026_03_01 INT64_C(1772323200)
#define AT_2026_11_24 INT64_C(1795478400)

static struct dcap_fixture f;

static void begin(void)
{
    dcap_fixture_begin(&f, "tdx", trustee_plugin_describe_v1());
    f.host.quiet = true;
}

static void end(void)
{
    dcap_fixture_end(&f);
}

TestSuite(tdx_vectors, .init = begin, .fini = end, .timeout = 120);

static slice file(const char *name)
{
    slice content = vector_file(&f.arena, name);
    if (!content.ptr)
        cr_skip_test("TRUSTEE_VECTORS is not set, or has no such file");
    return content;
}

static void expect(const char *name, const char *said, const char *reason)
{
    said = said ? said : "genuine";
    reason = reason ? reason : "genuine";
    cr_expect(strcmp(said, reason) == 0, "%s: %s, expected %s", name, said, reason);
}

static void judged(const char *quote, const char *reason)
{
    expect(quote, dcap_fixture_judge(&f, file(quote)), reason);
}

static void claim_is(const char *pointer, const char *expected)
{
    slice actual = fake_claim(&f.host, pointer);
    cr_expect(slice_equal(actual, slice_text(expected)), "%s: %.*s, expected %s", pointer, SLICE_ARG(actual), expected);
}

Test(tdx_vectors, a_quote_of_2025_is_up_to_date_inside_its_collaterals_window)
{
    cr_assert(dcap_fixture_collateral(&f, file("tdx/tdx_quote_collateral.json")));
    f.in.now = AT_2025_06_20;
    judged("tdx/tdx_quote", NULL);
    claim_is("/tcb_status", "UpToDate");
    claim_is("/collateral_expiration_status", "0");
    claim_is("/quote/header/tee_type", "81000000");
    claim_is("/root_key_id",
             "46e403bd34f05a3f2817ab9badcaacc7ffc98e0f261008cd30dae936cace18d5dcf58eef31463613de1570d516200993");
    claim_is("/earliest_issue_date", "2018-05-21T10:45:10Z");
    cr_expect(f.host.out.not_after > AT_2025_06_20 && f.host.out.not_after < AT_2025_06_20 + 31 * 86400);
}

Test(tdx_vectors, the_same_quote_is_refused_when_its_collateral_has_expired)
{
    cr_assert(dcap_fixture_collateral(&f, file("tdx/tdx_quote_collateral.json")));
    f.in.now = AT_2026_11_24;
    judged("tdx/tdx_quote", "tdx.tcb_info.expired");
    f.in.now = AT_2023_07_01;
    judged("tdx/tdx_quote", "tdx.tcb_info.issued");
}

Test(tdx_vectors, expired_collateral_is_a_claim_where_an_option_says_so)
{
    fake_option(&f.host, "expired_collateral", "claim");
    cr_assert(dcap_fixture_collateral(&f, file("tdx/tdx_quote_collateral.json")));
    f.in.now = AT_2026_11_24;
    judged("tdx/tdx_quote", NULL);
    claim_is("/collateral_expiration_status", "1");
    claim_is("/tcb_status", "UpToDate");
    f.in.now = AT_2023_07_01;
    judged("tdx/tdx_quote", "tdx.tcb_info.issued");
}

Test(tdx_vectors, quotes_of_version_5_are_judged_as_a_peer_does)
{
    cr_assert(dcap_fixture_collateral(&f, file("tdx/tdx_quote_outdated_collateral.json")));
    f.in.now = AT_2026_03_01;
    judged("tdx/quote_v5_sample.dat", NULL);
    claim_is("/tcb_status", "UpToDate");
    claim_is("/tcb_status_current", "UpToDate");
    claim_is("/quote/header/version", "0500");
    claim_is("/quote/type", "0300");
    claim_is("/quote/size", "88020000");
    judged("tdx/tdx_quote_outdated", "tdx.tcb.no_level");
    judged("tdx/tdx_quote_5.dat", "tdx.tcb.no_level");
}

Test(tdx_vectors, a_quote_of_sgx_is_refused_under_this_name)
{
    judged("sgx/sgx_quote", "tdx.quote.tee_type");
    judged("sgx/occlum_quote.dat", "tdx.quote.tee_type");
}

Test(tdx_vectors, text_after_a_quote_is_refused)
{
    judged("tdx/tdx_prod_quote_SPR_E4.dat", "tdx.quote.trailing");
}

Test(tdx_vectors, without_collateral_every_quote_holds_as_far_as_its_chain)
{
    static const char *const quotes[] = {"tdx/tdx_quote",       "tdx/tdx_quote_outdated", "tdx/quote_v5_sample.dat",
                                         "tdx/tdx_quote_4.dat", "tdx/tdx_quote_5.dat",    "tdx/tdx_quote_6.dat"};
    f.in.now = AT_2026_03_01;
    for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++) {
        judged(quotes[i], "need intel/tcb-info");
        cr_expect(f.host.out.need_count == 4);
        cr_expect(fake_check(&f.host, "tdx.qe.report_data") == 1, "%s", quotes[i]);
    }
}

/* --- platforms that some collateral is missing of: as far as it goes
 * -------------------------------------------------- */

struct judged_platform {
    struct dcap_call call;
    struct dcap_quote quote;
    const struct dcap_platform *platform;
    struct tcb_info *info;
    struct qe_identity *identity;
    struct tcb_verdict tcb;
    struct platform_verdict levels;
};

static result judge_levels(struct judged_platform *p)
{
    struct tcb_verdict qe;
    TRY(tcb_info_judge(p->info, &p->platform->pck, &p->quote.td, &p->levels));
    TRY(qe_identity_judge(p->identity, &p->quote.qe, &qe));
    tcb_merge(&p->levels, &qe, &p->tcb);
    return OK;
}

static struct arena *scratch(void)
{
    static struct arena a;
    a = (struct arena){.base = arena_alloc(&f.arena, 4u << 20, 64), .size = 4u << 20};
    return &a;
}

/* Signatures and chain hold; times are not looked at, for the signer's certificate of that year is not recorded. */
static void statements(struct judged_platform *p, slice quote, const char *tcb, const char *qe)
{
    const json *o;
    const struct tdx *tdx;
    uint8_t digest[32];
    if (!f.loaded)
        cr_assert_eq(fake_load(&f.host, trustee_plugin_describe_v1()), TRUSTEE_OK);
    f.loaded = true;
    tdx = f.host.instance;
    cr_assert(!FAILED(json_parse(&f.arena, file("tdx/tdx_quote_collateral.json"), &o)));
    slice chain = json_text(json_get(o, S("tcb_info_issuer_chain")));
    fake_request(&f.host);
    *p = (struct judged_platform){.call = dcap_call_begin(&tdx->dcap, fake_handle(&f.host), 0)};
    cr_assert(!FAILED(dcap_quote_read(quote, &p->quote)));
    cr_assert(dcap_platform_find(&p->call, (slice[]){p->quote.certification_data, NO_SLICE}, digest, &p->platform));
    cr_assert(!FAILED(tcb_info_new(tdx->dcap.trust.x509, file(tcb), chain, scratch(), &p->info)));
    cr_assert(!FAILED(qe_identity_new(tdx->dcap.trust.x509, file(qe), chain, scratch(), &p->identity)));
}

static void release(struct judged_platform *p)
{
    tcb_info_free(p->info);
    qe_identity_free(p->identity);
    dcap_call_end(&p->call);
}

#define TCB_2023 "tdx/collateral-50806f-2023/sample_tcbInfo_response"
#define QE_2023 "tdx/collateral-50806f-2023/sample_qeIdentity_response"

Test(tdx_vectors, a_debug_td_on_a_platform_of_2023_is_up_to_date_all_the_same)
{
    struct judged_platform p;
    statements(&p, file("tdx/tdx_quote_4.dat"), TCB_2023, QE_2023);
    cr_expect(!FAILED(judge_levels(&p)) && p.tcb.status == TCB_UP_TO_DATE);
    release(&p);
}

Test(tdx_vectors, a_platform_below_every_level_has_none)
{
    struct judged_platform p;
    slice quote = file("tdx/tdx_prod_quote_SPR_E4.dat");
    statements(&p, slice_sub(quote, 0, 4935), TCB_2023, QE_2023);
    cr_expect(judge_levels(&p).reason == DCAP_TCB_NO_LEVEL);
    release(&p);
}

Test(tdx_vectors, a_platform_of_2018_is_out_of_date_and_its_module_is_not)
{
    struct judged_platform p;
    statements(&p, file("tdx/tdx_quote_6.dat"), "tdx/tcbInfo.json", "tdx/enclaveIdentity.json");
    cr_expect(!FAILED(judge_levels(&p)) && p.tcb.status == TCB_OUT_OF_DATE && p.tcb.tcb_date == 1515024000);
    cr_expect(p.levels.has_module && p.levels.module.status == TCB_UP_TO_DATE);
    release(&p);
}

/* --- upstream's claims
 * ------------------------------------------------------------------------------------------------ */

static void same(const json *expected, const node *actual, const char *name)
{
    struct text t = text_begin(&f.arena), u;
    json_write(&t, expected);
    slice theirs = text_end(&t);
    u = text_begin(&f.arena);
    tree_json(&u, f.host.claims, actual, true);
    slice ours = text_end(&u);
    cr_expect(slice_equal(theirs, ours), "%s: %.*s, expected %.*s", name, SLICE_ARG(ours), SLICE_ARG(theirs));
}

/* Written straight from the quote: no collateral of its time is there to let it pass the whole way. */
Test(tdx_vectors, the_claims_of_a_quote_equal_upstreams)
{
    static const char *const names[] = {"quote", "td_attributes"};
    struct dcap_quote q;
    struct trustee_writer w;
    const json *expected;
    cr_assert(!FAILED(json_parse(&f.arena, file("tdx/tdx_quote_4.claims.json"), &expected)));
    cr_assert(!FAILED(dcap_quote_read(file("tdx/tdx_quote_4.dat"), &q)));
    cr_assert(!FAILED(claims_begin(&w, &f.arena, 1000)));
    tdx_put_quote(&f.host.table, &w, &q);
    cr_assert(!FAILED(claims_end(&w, &f.host.claims)));
    for (size_t i = 0; i < 2; i++)
        same(json_get(expected, slice_text(names[i])),
             tree_get(f.host.claims, tree_root(f.host.claims), slice_text(names[i])), names[i]);
    uint8_t hex[128];
    hex_encode(hex, q.td.report_data);
    cr_expect(slice_equal(json_text(json_get(expected, S("report_data"))), slice_of(hex, 128)));
    hex_encode(hex, q.td.mr_config_id);
    cr_expect(slice_equal(json_text(json_get(expected, S("init_data"))), slice_of(hex, 96)));
}

static slice case_file(const char *name, const char *part)
{
    slice path = arena_printf(&f.arena, "dcap-cases/%s/%s", name, part);
    return file((const char *)path.ptr);
}

/* The suite's own words are not ours; what matters is that it is this that is wrong. */
static const struct {
    const char *name, *reason; /* NULL: accepted */
} CASES[] = {
    {"invalid_quote_format", "tdx.quote.version"},
    {"tdx_debug_enabled", "tdx.attributes.debug"},
    {"tdx_kl_enabled", NULL},
    {"tdx_missing_components", "tdx.tcb_info.form"},
    {"tdx_qe_identity_id_mismatch", "tdx.qe_identity.id"},
    {"tdx_sept_ve_disabled", "tdx.attributes.sept_ve_disable"},
    {"truncated_quote", "tdx.quote.truncated"},
    {"valid_sgx_v3", "tdx.quote.tee_type"},
    {"valid_tdx_v4", NULL},
};

Test(tdx_vectors, the_cases_of_the_other_suite_are_judged_as_it_does)
{
    dcap_fixture_anchor(&f, file("dcap-cases/root_ca.der"));
    f.in.now = AT_2026_11_24;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        cr_assert(dcap_fixture_collateral(&f, case_file(CASES[i].name, "collateral.json")));
        expect(CASES[i].name, dcap_fixture_judge(&f, case_file(CASES[i].name, "quote.bin")), CASES[i].reason);
    }
}
