/* SPDX-License-Identifier: Apache-2.0
 *
 * Recorded quotes of real platforms, and the cases of another verifier's suite. Not part of this repository:
 * TRUSTEE_VECTORS names the folder; without it the tests are skipped.
 */
#include "plugins/sgx/sgx.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "lib/claims/claims.h"
#include "tests/support/dcap_fixture.h"

const trustee_plugin *trustee_plugin_describe_v1(void);

#define AT_2023_07_01 INT64_C(1688169600)
#define AT_2025_06_20 INT64_C(1750377600)
#define AT_2026_03_01 INT64_C(1772323200)
#define AT_2026_11_24 INT64_C(1795478400)

static struct dcap_fixture f;

static void begin(void)
{
    dcap_fixture_begin(&f, "sgx", trustee_plugin_describe_v1());
    f.host.quiet = true;
}

static void end(void)
{
    dcap_fixture_end(&f);
}

TestSuite(sgx_vectors, .init = begin, .fini = end, .timeout = 120);

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

Test(sgx_vectors, a_quote_of_2025_is_accepted_with_its_advisories)
{
    cr_assert(dcap_fixture_collateral(&f, file("sgx/sgx_quote_collateral.json")));
    f.in.now = AT_2025_06_20;
    judged("sgx/sgx_quote", NULL);
    claim_is("/tcb_status", "ConfigurationAndSWHardeningNeeded");
    claim_is("/advisory_ids/0", "INTEL-SA-00289");
    claim_is("/advisory_ids/1", "INTEL-SA-00615");
    claim_is("/advisory_ids/2", "");
}

Test(sgx_vectors, a_quote_of_tdx_is_refused_under_this_name)
{
    judged("tdx/tdx_quote", "sgx.quote.tee_type");
    judged("tdx/tdx_quote_5.dat", "sgx.quote.tee_type");
}

Test(sgx_vectors, statuses_that_are_not_accepted_are_refused_by_their_name)
{
    fake_option(&f.host, "accepted_tcb", "UpToDate, SWHardeningNeeded");
    cr_assert(dcap_fixture_collateral(&f, file("sgx/sgx_quote_collateral.json")));
    f.in.now = AT_2025_06_20;
    judged("sgx/sgx_quote", "sgx.tcb.configuration_and_sw_hardening_needed");
}

Test(sgx_vectors, an_enclave_of_2023_holds_as_far_as_its_chain_and_has_upstreams_claims)
{
    struct dcap_quote q;
    struct trustee_writer w;
    f.in.now = AT_2025_06_20;
    judged("sgx/occlum_quote.dat", "need intel/tcb-info");
    cr_assert(!FAILED(dcap_quote_read(file("sgx/occlum_quote.dat"), &q)));
    cr_assert(!FAILED(claims_begin(&w, &f.arena, 1000)));
    sgx_put_quote(&f.host.table, &w, &q);
    cr_assert(!FAILED(claims_end(&w, &f.host.claims)));
    claim_is("/header/version", "0300");
    claim_is("/header/att_key_data_0", "00000000");
    claim_is("/header/qe_svn", "0800");
    claim_is("/header/pce_svn", "0d00");
    claim_is("/header/user_data", "dccde9b31ce8860548173bb4a2a57a1600000000");
    claim_is("/body/cpu_svn", "06060c0cffff00000000000000000000");
    claim_is("/body/misc_select", "01000000");
    claim_is("/body/attributes.flags", "0700000000000000");
    claim_is("/body/attributes.xfrm", "e700000000000000");
    claim_is("/body/mr_enclave", "8f173e4613ff05c52aaf04162d234edae8c9977eae47eb2299ae16a553011c68");
    claim_is("/body/mr_signer", "83d719e77deaca1470f6baf62a4d774303c899db69020f9c70ee1dfc08c7ce9e");
    claim_is("/body/isv_svn", "0000");
    claim_is("/body/reserved4", "000000000000000000000000000000000000000000000000000000000000000000000000000000000000");
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
    {"cert_type_3_without_pck_chain", "need intel/pck"},
    {"ca_used_as_end_entity_tcb", "sgx.tcb_info.chain"},
    {"cert_type_3_with_pck_chain", NULL},
    {"debug_sgx_v3", "sgx.attributes.debug"},
    {"invalid_cert_format", "sgx.tcb_info.chain"},
    {"invalid_qe_identity_json", "sgx.qe_identity.form"},
    {"invalid_qe_identity_signature", "sgx.qe_identity.signature"},
    {"invalid_quote_format", "sgx.quote.version"},
    {"invalid_quote_signature", "sgx.quote.signature"},
    {"invalid_quote_v5", "sgx.quote.version"},
    {"invalid_sgx_v4", "sgx.quote.version"},
    {"invalid_tcb_json", "sgx.tcb_info.form"},
    {"qe_debug_enabled", "sgx.qe.attributes"},
    {"qe_identity_expired", "sgx.qe_identity.expired"},
    {"qe_isvprodid_mismatch", "sgx.qe.product"},
    {"qe_miscselect_mismatch", "sgx.qe.miscselect"},
    {"qe_mrsigner_mismatch", "sgx.qe.mrsigner"},
    {"revoked_platform_tcb", "sgx.tcb.revoked"},
    {"sgx_component_svn_mismatch", "sgx.tcb.no_level"},
    {"short_tcb_chain", "sgx.tcb_info.chain"},
    {"tcb_issue_date_future", "sgx.tcb_info.issued"},
    {"truncated_quote", "sgx.quote.truncated"},
    {"unknown_tcb_status", "sgx.tcb_info.form"},
    {"unsupported_key_type_0", "sgx.quote.key_type"},
    {"unsupported_key_type_1", "sgx.quote.key_type"},
    {"unsupported_key_type_3", "sgx.quote.key_type"},
    {"unsupported_version_1", "sgx.quote.version"},
    {"unsupported_version_2", "sgx.quote.version"},
    {"unsupported_version_6", "sgx.quote.version"},
    {"valid_sgx_v3", NULL},
    {"valid_tdx_v4", "sgx.quote.tee_type"},
};

Test(sgx_vectors, the_cases_of_the_other_suite_are_judged_as_it_does)
{
    dcap_fixture_anchor(&f, file("dcap-cases/root_ca.der"));
    f.in.now = AT_2026_11_24;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        cr_assert(dcap_fixture_collateral(&f, case_file(CASES[i].name, "collateral.json")));
        expect(CASES[i].name, dcap_fixture_judge(&f, case_file(CASES[i].name, "quote.bin")), CASES[i].reason);
    }
}
