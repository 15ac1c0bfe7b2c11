/* SPDX-License-Identifier: Apache-2.0
 *
 * The evidence's JSON: every shape that attesters have sent, and what is not of that shape. The bytes that were signed
 * must come out of it, which the signature proves.
 */
#include "plugins/snp/snp.h"

#include <stdio.h>

#include "tests/support/snp_world.h"

TestSuite(snp_evidence, .init = snp_begin, .fini = snp_end, .timeout = 300);

/* --- shapes --------------------------------------------------------------------------------------------------------
 */

Test(snp_evidence, every_shape_of_the_crate_gives_the_signed_bytes)
{
    const struct forge_amd *amds[] = {&w.milan, &w.genoa, &w.turin};
    for (size_t i = 0; i < 3; i++)
        for (uint32_t version = 2; version <= 5; version++) {
            snp_platform(amds[i], version);
            w.table.shape = FORGE_SHAPE_7;
            snp_accepts();
            w.report.launch_mitigations = w.report.current_mitigations = 0; /* older crates do not know them */
            w.table.shape = FORGE_SHAPE_6;
            snp_accepts();
        }
    for (size_t i = 0; i < 2; i++) {
        snp_platform(amds[i], 2); /* nor processors and Turin */
        w.report.key_info = 1;
        w.table.shape = FORGE_SHAPE_4;
        snp_accepts();
        w.table.shape = FORGE_SHAPE_3;
        snp_accepts();
        snp_claims_are("/author_key_enabled", "true");
    }
}

Test(snp_evidence, a_shape_that_lost_signed_bytes_does_not_verify)
{
    snp_platform(&w.turin, 5);
    w.table.shape = FORGE_SHAPE_6;
    snp_refuses("snp.signature");
    snp_platform(&w.milan, 3);
    w.table.shape = FORGE_SHAPE_4;
    snp_refuses("snp.report.member");
}

Test(snp_evidence, all_bits_of_64_bit_numbers_are_kept)
{
    snp_platform(&w.turin, 5);
    w.report.platform_info = UINT64_C(0xfedcba9876543211);
    w.report.launch_mitigations = UINT64_MAX;
    w.report.current_mitigations = UINT64_C(0x8000000000000001);
    snp_accepts();
    snp_claims_are("/launch_mitigation_vector", "ffffffffffffffff");
    snp_claims_are("/current_mitigation_vector", "8000000000000001");
    snp_claims_are("/platform_info", "fedcba9876543211");
}

/* --- certificates --------------------------------------------------------------------------------------------------
 */

Test(snp_evidence, certificates_may_be_named_by_identifier_and_be_base64)
{
    w.table = (struct forge_table){.vcek = snp_vek(), .ask = w.milan.ask_der, .ark = w.milan.ark_der, .guids = true};
    snp_accepts();
    w.table.shape = FORGE_SHAPE_RAW;
    snp_accepts();
}

Test(snp_evidence, entries_that_nobody_knows_are_not_looked_at)
{
    w.table = (struct forge_table){.vcek = snp_vek(), .other = S("the host's"), .fill = 14};
    snp_accepts();
}

Test(snp_evidence, a_table_with_a_thousand_entries_is_refused)
{
    w.table = (struct forge_table){.vcek = snp_vek(), .fill = 16};
    snp_refuses("snp.chain.length");
    w.table.fill = 1000;
    snp_refuses("snp.chain.length");
}

static slice with_chain(const char *chain)
{
    slice vcek = snp_vek();
    w.table = (struct forge_table){.vcek = vcek};
    slice json = forge_snp_evidence(&w.arena, forge_report_sign(&w.arena, &w.report, w.key), &w.table);
    size_t at = json.len - 1;
    while (!slice_starts(slice_sub(json, at, json.len), S("\"cert_chain\":")))
        at--;
    slice text = forge_join(&w.arena, slice_sub(json, 0, at), S("\"cert_chain\":"));
    text = forge_join(&w.arena, forge_join(&w.arena, text, slice_text(chain)), S("}"));
    return text;
}

Test(snp_evidence, a_table_that_is_no_table_is_refused)
{
    static const char *const bad[][2] = {
        {"{}", "snp.chain.form"},
        {"\"\"", "snp.chain.form"},
        {"1", "snp.chain.form"},
        {"[1]", "snp.chain.form"},
        {"[null]", "snp.chain.form"},
        {"[{}]", "snp.chain.form"},
        {"[{\"cert_type\":1,\"data\":[1]}]", "snp.chain.form"},
        {"[{\"cert_type\":\"VCEK\"}]", "snp.chain.form"},
        {"[{\"cert_type\":\"VCEK\",\"data\":null}]", "snp.chain.form"},
        {"[{\"cert_type\":\"VCEK\",\"data\":[256]}]", "snp.chain.form"},
        {"[{\"cert_type\":\"VCEK\",\"data\":[-1]}]", "snp.chain.form"},
        {"[{\"cert_type\":\"VCEK\",\"data\":[1.5]}]", "snp.chain.form"},
        {"[{\"cert_type\":\"VCEK\",\"data\":[\"1\"]}]", "snp.chain.form"},
        {"[{\"cert_type\":\"VCEK\",\"data\":\"*\"}]", "snp.chain.form"},
        {"[{\"cert_type\":\"VCEK\",\"data\":[]}]", "snp.chain.size"},
        {"[{\"cert_type\":\"VCEK\",\"data\":\"\"}]", "snp.chain.size"},
        {"[{\"cert_type\":\"VCEK\",\"data\":[48]}]", "snp.vek.form"},
        {"[{\"cert_type\":\"VCEK\",\"data\":\"LS0tLS1CRUdJTg==\"}]", "snp.chain.form"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        snp_judges(with_chain(bad[i][0]), bad[i][1]);
}

Test(snp_evidence, a_certificate_that_is_too_large_is_refused)
{
    struct text t = text_begin(&w.arena);
    text_lit(&t, "[{\"cert_type\":\"VCEK\",\"data\":[200");
    for (int i = 0; i < 8192; i++)
        text_lit(&t, ",200");
    text_lit(&t, "]}]");
    *text_room(&t, 1) = 0;
    slice chain = text_end(&t);
    snp_judges(with_chain((const char *)chain.ptr), "snp.chain.size");
}

Test(snp_evidence, no_table_and_an_empty_one_ask_for_the_certificate)
{
    static const char *const none[] = {"null", "[]", "[{\"cert_type\":\"Empty\",\"data\":[]}]",
                                       "[{\"cert_type\":\"CRL\",\"data\":[1,2]}]",
                                       "[{\"cert_type\":\"ARK2\",\"data\":1}]"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        snp_needs(with_chain(none[i]), "amd/vcek", forge_vcek_key(&w.arena, "Milan", &w.report));
}

/* --- members -------------------------------------------------------------------------------------------------------
 */

Test(snp_evidence, evidence_without_one_report_is_refused)
{
    static const char *const bad[] = {"[]",
                                      "null",
                                      "1",
                                      "\"x\"",
                                      "{}",
                                      "{\"attestation_report\":null}",
                                      "{\"attestation_report\":[]}",
                                      "{\"attestation_report\":\"AAAA\"}",
                                      "{\"attestation_report\":{},\"attestation_report_raw\":\"AAAA\"}",
                                      "{\"report\":\"AAAA\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        snp_judges(slice_text(bad[i]), "snp.evidence.form");
    snp_judges(S("{\"attestation_report_raw\":1}"), "snp.report.raw");
    snp_judges(S("{\"attestation_report_raw\":\"A\"}"), "snp.report.raw");
    snp_judges(S("{\"attestation_report_raw\":\"\"}"), "snp.report.size");
}

static slice replaced(slice json, const char *from, const char *to)
{
    return forge_replace(&w.arena, json, from, to);
}

Test(snp_evidence, a_member_that_is_missing_is_refused)
{
    static const char *const names[] = {
        "version",     "guest_svn",     "policy",       "family_id",     "image_id",
        "vmpl",        "sig_algo",      "current_tcb",  "plat_info",     "key_info",
        "report_data", "measurement",   "host_data",    "id_key_digest", "author_key_digest",
        "report_id",   "report_id_ma",  "reported_tcb", "cpuid_fam_id",  "cpuid_mod_id",
        "chip_id",     "committed_tcb", "current",      "committed",     "launch_tcb",
        "signature"};
    snp_platform(&w.turin, 5);
    slice json = snp_evidence();
    snp_judges(json, NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char from[64], to[64];
        snprintf(from, sizeof from, "\"%s\":", names[i]);
        snprintf(to, sizeof to, "\"%s_\":", names[i]);
        snp_judges(replaced(json, from, to), "snp.report.member");
    }
    const char *const levels[] = {"bootloader", "tee", "snp", "microcode"};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        char from[64];
        snprintf(from, sizeof from, "\"%s\":", levels[i]);
        snp_judges(replaced(json, from, "\"x\":"), "snp.report.member");
    }
}

Test(snp_evidence, members_of_another_type_or_size_are_refused)
{
    static const char *const bad[][2] = {
        {"\"vmpl\":0", "\"vmpl\":null"},
        {"\"vmpl\":0", "\"vmpl\":\"0\""},
        {"\"vmpl\":0", "\"vmpl\":-1"},
        {"\"vmpl\":0", "\"vmpl\":0.0"},
        {"\"vmpl\":0", "\"vmpl\":4294967296"},
        {"\"vmpl\":0", "\"vmpl\":[0]"},
        {"\"guest_svn\":0", "\"guest_svn\":false"},
        {"\"policy\":196663", "\"policy\":18446744073709551616"},
        {"\"cpuid_step\":1", "\"cpuid_step\":256"},
        {"\"cpuid_fam_id\":26", "\"cpuid_fam_id\":256"},
        {"\"cpuid_fam_id\":26", "\"cpuid_fam_id\":null"},
        {"\"launch_mit_vector\":3", "\"launch_mit_vector\":\"3\""},
        {"\"family_id\":[0,", "\"family_id\":["},
        {"\"family_id\":[0,", "\"family_id\":[0,0,"},
        {"\"family_id\":[0,", "\"family_id\":[256,"},
        {"\"family_id\":[0,", "\"family_id\":[null,"},
        {"\"current\":{", "\"current\":[{"},
        {"\"build\":40", "\"build\":400"},
        {"\"tee\":1", "\"tee\":256"},
        {"\"signature\":{\"r\"", "\"signature\":{\"R\""},
    };
    snp_platform(&w.turin, 5);
    slice json = snp_evidence();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        slice text = replaced(json, bad[i][0], bad[i][1]);
        if (i == 16)
            text = replaced(text, "\"major\":1}", "\"major\":1}]");
        snp_judges(text, "snp.report.member");
    }
}

Test(snp_evidence, turin_has_an_fmc_and_others_have_none)
{
    snp_platform(&w.turin, 5);
    slice json = snp_evidence();
    snp_judges(replaced(json, "\"fmc\":2", "\"fmc\":null"), "snp.tcb.form");
    snp_judges(replaced(json, "\"fmc\":2", "\"x\":2"), "snp.tcb.form");
    snp_judges(replaced(json, "\"fmc\":2", "\"fmc\":256"), "snp.report.member");
    snp_platform(&w.milan, 3);
    json = replaced(snp_evidence(), "\"fmc\":null,", ""); /* optional there, and of no effect */
    snp_judges(json, NULL);
    snp_judges(replaced(json, "\"fmc\":null", "\"fmc\":77"), NULL);
    cr_expect_null(fake_claim(&w.host, "/reported_tcb_fmc").ptr);
}

Test(snp_evidence, optional_members_may_be_absent)
{
    slice json = snp_evidence();
    json = replaced(json, "\"launch_mit_vector\":null,", "");
    json = replaced(json, "\"current_mit_vector\":null,", "");
    snp_judges(json, NULL);
    snp_judges(replaced(json, "\"version\"", "\"a_member_of_tomorrow\":{\"x\":[]},\"version\""), NULL);
    snp_platform(&w.milan, 2);
    json = replaced(snp_evidence(), "\"cpuid_fam_id\":null", "\"cpuid_fam_id\":25"); /* not part of version 2 */
    snp_judges(json, NULL);
}

Test(snp_evidence, two_names_for_the_same_bytes_are_refused)
{
    slice json = snp_evidence();
    snp_judges(replaced(json, "\"key_info\":0", "\"key_info\":0,\"_author_key_en\":0"), "snp.report.member");
    snp_judges(replaced(json, "\"launch_tcb\"", "\"current_build\":40,\"launch_tcb\""), "snp.report.member");
}
