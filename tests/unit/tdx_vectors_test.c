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
