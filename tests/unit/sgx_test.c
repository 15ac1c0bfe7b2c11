/* SPDX-License-Identifier: Apache-2.0
 *
 * What the verifier for SGX has of its own. What it shares with TDX is in tdx_test.c, bad quotes and collateral in
 * sgx_forged_test.c, recorded ones in sgx_vectors_test.c.
 */
#include "plugins/sgx/sgx.h"

#include <criterion/criterion.h>

#include "tests/support/judge_dcap.h"

const trustee_plugin *trustee_plugin_describe_v1(void);

static struct judge j;

static void begin(void)
{
    judge_begin(&j, trustee_plugin_describe_v1(), "sgx");
    judge_default(&j, 3, FORGE_SGX);
}

static void end(void)
{
    judge_end(&j);
}

TestSuite(sgx, .init = begin, .fini = end, .timeout = 120);

static void accepted(void)
{
    cr_assert(judge_all(&j), "%.*s", SLICE_ARG(j.host.reason));
}

static void refused(const char *reason)
{
    cr_expect(!judge_all(&j));
    cr_expect(slice_equal(judge_reason(&j), slice_text(reason)), "%.*s, expected %s", SLICE_ARG(j.host.reason), reason);
}

static void claim_is(const char *pointer, slice expected)
{
    slice actual = fake_claim(&j.host, pointer);
    cr_expect(slice_equal(actual, expected), "%s: %.*s, expected %.*s", pointer, SLICE_ARG(actual),
              SLICE_ARG(expected));
}

Test(sgx, every_reason_has_an_id_of_its_own_with_text_and_remedy)
{
    for (size_t i = 0; i < SGX_CHECK_COUNT; i++) {
        cr_expect(slice_starts(sgx_reasons[i].id, S("sgx.")) && sgx_reasons[i].text.len && sgx_reasons[i].remedy.len);
        for (size_t n = 0; n < i; n++)
            cr_expect(!slice_equal(sgx_reasons[i].id, sgx_reasons[n].id), "%.*s", SLICE_ARG(sgx_reasons[i].id));
    }
}

Test(sgx, a_good_quote_has_upstreams_claims)
{
    static const struct {
        const char *pointer;
        size_t from, size;
    } fields[] = {
        {"/body/cpu_svn", FORGE_SGX_CPU_SVN, 16},
        {"/body/misc_select", FORGE_SGX_MISC_SELECT, 4},
        {"/body/reserved1", FORGE_SGX_RESERVED1, 12},
        {"/body/isv_ext_prod_id", FORGE_SGX_EXT_PROD_ID, 16},
        {"/body/attributes.flags", FORGE_SGX_ATTRIBUTES, 8},
        {"/body/attributes.xfrm", FORGE_SGX_XFRM, 8},
        {"/body/mr_enclave", FORGE_SGX_MRENCLAVE, 32},
        {"/body/reserved2", FORGE_SGX_RESERVED2, 32},
        {"/body/mr_signer", FORGE_SGX_MRSIGNER, 32},
        {"/body/reserved3", FORGE_SGX_RESERVED3, 32},
        {"/body/config_id", FORGE_SGX_CONFIG_ID, 64},
        {"/body/isv_prod_id", FORGE_SGX_PROD_ID, 2},
        {"/body/isv_svn", FORGE_SGX_SVN, 2},
        {"/body/config_svn", FORGE_SGX_CONFIG_SVN, 2},
        {"/body/reserved4", FORGE_SGX_RESERVED4, 42},
        {"/body/isv_family_id", FORGE_SGX_FAMILY_ID, 16},
        {"/body/report_data", FORGE_SGX_REPORT_DATA, 64},
    };
    for (size_t i = FORGE_SGX_MRENCLAVE; i < FORGE_SGX_CONFIG_ID; i++)
        j.k.body[i] = (uint8_t)i;
    j.k.body[FORGE_SGX_PROD_ID] = 0x12;
    j.k.body[FORGE_SGX_SVN + 1] = 0x34;
    accepted();
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        claim_is(fields[i].pointer, forge_hex(&j.arena, slice_of(j.k.body + fields[i].from, fields[i].size), false));
    claim_is("/header/version", S("0300"));
    claim_is("/header/att_key_type", S("0200"));
    claim_is("/header/att_key_data_0", S("00000000"));
    claim_is("/header/qe_svn", forge_hex(&j.arena, slice_of(j.k.header + 8, 2), false));
    claim_is("/header/pce_svn", forge_hex(&j.arena, slice_of(j.k.header + 10, 2), false));
    claim_is("/header/vendor_id", S("939a7233f79c4ca9940a0db3957f0607"));
    claim_is("/tcb_status", S("UpToDate"));
    claim_is("/collateral_expiration_status", S("0"));
    cr_expect(slice_equal(j.host.out.report_data, slice_of(j.k.body + FORGE_SGX_REPORT_DATA, 64)));
    cr_expect(slice_equal(j.host.out.init_data, slice_of(j.k.body + FORGE_SGX_CONFIG_ID, 64)));
}

Test(sgx, init_data_of_sha_512_fill_the_config_id)
{
    uint8_t digest[64];
    memset(digest, 0x5a, sizeof digest);
    forge_dcap_init_data(&j.k, slice_of(digest, sizeof digest));
    j.init_data = slice_of(digest, sizeof digest);
    accepted();
    j.init_data = slice_of(digest, 48);
    cr_expect(!judge_quote(&j, j.out.quote) && slice_equal(judge_reason(&j), S("init_data")));
}

Test(sgx, only_version_3_is_accepted_by_default)
{
    for (uint32_t i = 0; i < j.plugin->option_count; i++)
        if (slice_equal(j.plugin->options[i].name, S("later_versions")))
            cr_expect(slice_equal(j.plugin->options[i].fallback, S("no")));
}

Test(sgx, later_versions_are_accepted_only_where_an_option_says_so)
{
    for (int version = 4; version <= 5; version++) {
        judge_default(&j, version, FORGE_SGX);
        judge_option(&j, "later_versions", "no"); /* as it is where nothing is said */
        refused("quote.version");
        judge_default(&j, version, FORGE_SGX);
        judge_option(&j, "later_versions", "yes");
        accepted();
        claim_is("/header/version", version == 4 ? S("0400") : S("0500"));
    }
}
