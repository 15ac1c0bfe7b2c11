/* SPDX-License-Identifier: Apache-2.0
 *
 * Reports of a pretended AMD: what is accepted, and each refusal with its reason. Certificates and collateral are in
 * snp_chain_test.c, the evidence's JSON in snp_evidence_test.c.
 */
#include "plugins/snp/snp.h"

#include "tests/support/snp_world.h"

const trustee_plugin *trustee_plugin_describe_v1(void);

TestSuite(snp, .init = snp_begin, .fini = snp_end, .timeout = 300);

/* --- what is accepted ----------------------------------------------------------------------------------------------
 */

Test(snp, reports_of_every_version_and_generation_are_genuine)
{
    const struct forge_amd *amds[] = {&w.milan, &w.genoa, &w.turin};
    for (size_t i = 0; i < 3; i++)
        for (uint32_t version = 2; version <= 5; version++) {
            snp_platform(amds[i], version);
            snp_accepts();
            snp_claims_are("/generation", amds[i]->generation);
            w.table.shape = FORGE_SHAPE_RAW;
            snp_accepts();
        }
}

Test(snp, claims_have_upstreams_names_and_forms)
{
    char hex[129] = {0};
    w.report.policy = 0x130102 | SNP_POLICY_SMT;
    snp_accepts();
    snp_claims_are("/policy_abi_major", "1");
    snp_claims_are("/policy_abi_minor", "2");
    snp_claims_are("/policy_smt_allowed", "true");
    snp_claims_are("/policy_migrate_ma", "false");
    snp_claims_are("/policy_debug_allowed", "false");
    snp_claims_are("/policy_single_socket", "true");
    snp_claims_are("/reported_tcb_bootloader", "4");
    snp_claims_are("/reported_tcb_tee", "1");
    snp_claims_are("/reported_tcb_snp", "22");
    snp_claims_are("/reported_tcb_microcode", "213");
    snp_claims_are("/platform_tsme_enabled", "false");
    snp_claims_are("/platform_smt_enabled", "true");
    hex_encode((uint8_t *)hex, slice_of(w.report.measurement, 48));
    snp_claims_are("/measurement", hex);
    hex_encode((uint8_t *)hex, slice_of(w.report.chip_id, 64));
    snp_claims_are("/chip_id", hex);
    hex_encode((uint8_t *)hex, slice_of(w.report.report_data, 64));
    cr_expect(slice_equal(w.host.out.report_data_claim, slice_text(hex)));
    memset(hex, 0, sizeof hex);
    hex_encode((uint8_t *)hex, slice_of(w.report.host_data, 32));
    cr_expect(slice_equal(w.host.out.init_data_claim, slice_text(hex)));
}

Test(snp, signed_fields_are_handed_back_as_they_were_signed)
{
    snp_accepts();
    cr_expect(slice_equal(w.host.out.report_data, slice_of(w.report.report_data, 64)));
    cr_expect(slice_equal(w.host.out.init_data, slice_of(w.report.host_data, 32)));
    cr_expect(w.host.out.not_after == TEST_NOW + 300 * TEST_DAY);
}

Test(snp, what_upstream_lacks_is_beside_its_claims)
{
    snp_platform(&w.turin, 5);
    w.report.committed.microcode = 214;
    w.report.current.microcode = 215;
    w.report.launch.fmc = 1;
    w.report.current_version[2] = 41;
    w.report.policy |= SNP_POLICY_CXL | SNP_POLICY_AES_256_XTS | SNP_POLICY_RAPL_DISABLED |
                       SNP_POLICY_CIPHERTEXT_HIDING | SNP_POLICY_PAGE_SWAP_DISABLED;
    w.report.platform_info = 0xbf;
    w.report.key_info = 1;
    snp_accepts();
    snp_claims_are("/reported_tcb_fmc", "2");
    snp_claims_are("/committed_tcb/microcode", "214");
    snp_claims_are("/current_tcb/microcode", "215");
    snp_claims_are("/launch_tcb/fmc", "1");
    snp_claims_are("/committed_version", "1.55.40");
    snp_claims_are("/current_version", "1.55.41");
    snp_claims_are("/launch_mitigation_vector", "0000000000000003");
    snp_claims_are("/current_mitigation_vector", "0000000000000007");
    snp_claims_are("/policy_cxl_allowed", "true");
    snp_claims_are("/policy_page_swap_disabled", "true");
    snp_claims_are("/platform_ecc_enabled", "true");
    snp_claims_are("/platform_alias_check_complete", "true");
    snp_claims_are("/platform_tio_enabled", "true");
    snp_claims_are("/author_key_enabled", "true");
    snp_claims_are("/report_version", "5");
    snp_claims_are("/vmpl", "0");
    snp_claims_are("/generation", "Turin");
    snp_claims_are("/cpuid_family", "26");
    snp_claims_are("/chip_id_masked", "false");
    snp_claims_are("/endorsement_key", "vcek");
    snp_claims_are("/crl_checked", "false");
}

Test(snp, a_report_before_version_5_has_no_mitigation_vectors_among_its_claims)
{
    snp_platform(&w.milan, 4);
    snp_accepts();
    cr_expect_null(fake_claim(&w.host, "/launch_mitigation_vector").ptr);
    cr_expect_null(fake_claim(&w.host, "/reported_tcb_fmc").ptr);
}

Test(snp, the_record_names_every_check_that_passed)
{
    static const char *const names[] = {"snp.report.size",
                                        "snp.report.version",
                                        "snp.signature.algorithm",
                                        "snp.report.reserved",
                                        "snp.signing_key",
                                        "snp.processor",
                                        "snp.report_data",
                                        "snp.init_data",
                                        "snp.policy.debug",
                                        "snp.policy.migration",
                                        "snp.vmpl",
                                        "snp.tcb.order",
                                        "snp.vek.product",
                                        "snp.vek.tcb",
                                        "snp.vek.chip_id",
                                        "snp.chain",
                                        "snp.chain.validity",
                                        "snp.signature"};
    snp_accepts();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_expect(fake_check(&w.host, names[i]) == 1, "%s", names[i]);
}

/* --- the report ----------------------------------------------------------------------------------------------------
 */

Test(snp, other_versions_are_refused)
{
    const uint32_t versions[] = {0, 1, 6, 7, 0x03000000, UINT32_MAX};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        w.report = forge_report("Milan", versions[i]);
        w.table = (struct forge_table){.shape = FORGE_SHAPE_RAW};
        snp_refuses("snp.report.version");
    }
}

Test(snp, a_minimum_version_refuses_older_reports)
{
    fake_option(&w.host, "minimum_report_version", "3");
    snp_accepts();
    snp_platform(&w.milan, 2);
    snp_refuses("snp.report.version");
}

Test(snp, a_report_of_another_length_is_refused)
{
    struct forge_table raw = {.shape = FORGE_SHAPE_RAW, .vcek = snp_vek()};
    slice report = forge_report_sign(&w.arena, &w.report, w.key);
    for (size_t length = 0; length < report.len; length += 37)
        snp_judges(forge_snp_evidence(&w.arena, slice_sub(report, 0, length), &raw), "snp.report.size");
    snp_judges(forge_snp_evidence(&w.arena, slice_sub(report, 0, 1183), &raw), "snp.report.size");
    snp_judges(forge_snp_evidence(&w.arena, forge_join(&w.arena, report, S("\0")), &raw), "snp.report.size");
}

/* Signed, so that nothing but the reserved byte can refuse. */
static void refuses_byte(int offset, const char *reason)
{
    w.report.poke = offset;
    w.report.poked = 1;
    w.table.shape = FORGE_SHAPE_RAW;
    w.table.vcek = snp_vek();
    snp_refuses(reason);
    cr_expect(fake_check(&w.host, reason) == 0, "offset %d", offset);
}

Test(snp, every_reserved_byte_must_be_zero)
{
    for (int at = 0x4c; at < 0x50; at++)
        refuses_byte(at, "snp.report.reserved");
    for (int at = 0x18b; at < 0x1a0; at++)
        refuses_byte(at, "snp.report.reserved");
    refuses_byte(0x1eb, "snp.report.reserved");
    refuses_byte(0x1ef, "snp.report.reserved");
    for (int at = 0x1f8; at < 0x2a0; at++)
        refuses_byte(at, "snp.report.reserved");
}

Test(snp, version_2_has_no_processor_and_version_5_has_mitigations)
{
    snp_platform(&w.milan, 2);
    for (int at = 0x188; at < 0x18b; at++)
        refuses_byte(at, "snp.report.reserved");
    snp_platform(&w.milan, 5);
    for (int at = 0x208; at < 0x2a0; at++)
        refuses_byte(at, "snp.report.reserved");
}

Test(snp, bytes_after_the_signature_must_be_zero)
{
    w.table = (struct forge_table){.shape = FORGE_SHAPE_RAW, .vcek = snp_vek()};
    for (size_t at = 672 + 144; at < 1184; at++) {
        slice report = forge_report_sign(&w.arena, &w.report, w.key);
        ((uint8_t *)(uintptr_t)report.ptr)[at] = 0x80;
        snp_judges(forge_snp_evidence(&w.arena, report, &w.table), "snp.report.reserved");
    }
}

Test(snp, reserved_bits_of_policy_and_key_information_are_refused)
{
    w.report.policy &= ~SNP_POLICY_RESERVED_ONE;
    snp_refuses("snp.report.reserved");
    w.report.policy |= SNP_POLICY_RESERVED_ONE;
    for (unsigned bit = 26; bit < 64; bit++) {
        w.report.policy |= UINT64_C(1) << bit;
        snp_refuses("snp.report.reserved");
        w.report.policy &= ~(UINT64_C(1) << bit);
    }
    for (unsigned bit = 5; bit < 32; bit++) {
        w.report.key_info = 1u << bit;
        snp_refuses("snp.report.reserved");
    }
    for (unsigned key = 2; key < 7; key++) {
        w.report.key_info = key << 2;
        snp_refuses("snp.report.reserved");
    }
}

Test(snp, a_bit_of_the_platform_that_nobody_knows_yet_is_not_refused)
{
    w.report.platform_info = UINT64_C(0x8000000000000140);
    snp_accepts();
    snp_claims_are("/platform_info", "8000000000000140");
}

Test(snp, other_algorithms_are_refused)
{
    const uint32_t algorithms[] = {0, 2, 0x100, UINT32_MAX};
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        w.report.algorithm = algorithms[i];
        snp_refuses("snp.signature.algorithm");
    }
}

Test(snp, numbers_of_the_signature_larger_than_the_curve_are_refused)
{
    w.table = (struct forge_table){.shape = FORGE_SHAPE_RAW, .vcek = snp_vek()};
    for (size_t at = 48; at < 72; at++)
        for (size_t part = 0; part < 144; part += 72) {
            slice report = forge_report_sign(&w.arena, &w.report, w.key);
            ((uint8_t *)(uintptr_t)report.ptr)[672 + part + at] = 1;
            snp_judges(forge_snp_evidence(&w.arena, report, &w.table), "snp.signature.size");
        }
}

Test(snp, an_unsigned_report_is_refused)
{
    w.table.vcek = snp_vek();
    slice report = forge_report_sign(&w.arena, &w.report, NULL);
    snp_judges(forge_snp_evidence(&w.arena, report, &w.table), "snp.signature.size");
    w.report.key_info = 7 << 2;
    snp_refuses("snp.signing_key");
}

Test(snp, every_changed_bit_of_the_signed_region_and_the_signature_is_refused)
{
    w.table = (struct forge_table){.shape = FORGE_SHAPE_RAW, .vcek = snp_vek()};
    slice report = forge_report_sign(&w.arena, &w.report, w.key);
    uint8_t *bytes = (uint8_t *)(uintptr_t)report.ptr;
    snp_load();
    for (size_t at = 0; at < 672 + 144; at++)
        for (unsigned bit = at < 672 ? 0 : 7; bit < 8; bit++) {
            struct arena before = w.arena;
            bytes[at] ^= (uint8_t)(1u << bit);
            slice evidence = forge_snp_evidence(&w.arena, report, &w.table);
            cr_expect(!fake_verify(&w.host, S("snp"), evidence, &w.in), "byte %zu, bit %u", at, bit);
            cr_expect(w.host.status == TRUSTEE_REJECT && w.host.reason.len > 0);
            bytes[at] ^= (uint8_t)(1u << bit);
            w.arena = before;
        }
}

Test(snp, another_key_s_signature_is_refused)
{
    w.table.vcek = snp_vek();
    slice report = forge_report_sign(&w.arena, &w.report, w.other);
    snp_judges(forge_snp_evidence(&w.arena, report, &w.table), "snp.signature");
}

Test(snp, unknown_processors_are_refused)
{
    const uint8_t processors[][2] = {{0x00, 0x00}, {0x17, 0x31}, {0x19, 0x20}, {0x19, 0x50}, {0x19, 0xb0},
                                     {0x1a, 0x12}, {0x1a, 0x50}, {0x1b, 0x00}, {0xff, 0xff}};
    w.table.vcek = snp_vek();
    for (size_t i = 0; i < sizeof processors / sizeof *processors; i++) {
        memcpy(w.report.cpu, processors[i], 2);
        w.table.shape = FORGE_SHAPE_RAW;
        snp_refuses("snp.processor");
        w.table.shape = FORGE_SHAPE_7;
        snp_refuses("snp.processor");
    }
}

Test(snp, every_model_of_a_generation_is_known)
{
    const struct {
        const struct forge_amd *amd;
        uint8_t family, first, last;
    } ranges[] = {{&w.milan, 0x19, 0x00, 0x0f},
                  {&w.genoa, 0x19, 0x10, 0x1f},
                  {&w.genoa, 0x19, 0xa0, 0xaf},
                  {&w.turin, 0x1a, 0x00, 0x11}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        for (unsigned model = ranges[i].first; model <= ranges[i].last; model += 15) {
            snp_platform(ranges[i].amd, 3);
            w.report.cpu[0] = ranges[i].family;
            w.report.cpu[1] = (uint8_t)model;
            w.table.shape = FORGE_SHAPE_RAW;
            snp_accepts();
        }
}

/* --- what the guest and its host chose -----------------------------------------------------------------------------
 */

Test(snp, report_data_of_another_challenge_is_refused)
{
    w.report.report_data[0] ^= 1;
    snp_refuses("snp.report_data");
    w.report.report_data[0] ^= 1;
    w.report.report_data[47] ^= 0x80;
    snp_refuses("snp.report_data");
}

Test(snp, report_data_is_padded_with_zeros_and_nothing_else)
{
    for (size_t at = 48; at < 64; at++) {
        w.report.report_data[at] = 1;
        snp_refuses("snp.report_data");
        w.report.report_data[at] = 0;
    }
    w.in.report_data = slice_of(w.report_data, 31);
    memset(w.report.report_data + 31, 0, 33);
    snp_refuses("snp.report_data");
    w.in.report_data = slice_of(w.report_data, 32);
    w.report.report_data[31] = w.report_data[31];
    snp_accepts();
}

Test(snp, host_data_is_the_digest_of_the_init_data)
{
    uint8_t longer[48];
    w.report.host_data[31] ^= 1;
    snp_refuses("snp.init_data");
    w.in.init_data = NO_SLICE;
    snp_accepts();
    w.report.host_data[31] ^= 1;
    memset(longer, 0x77, sizeof longer);
    memcpy(longer, w.init_data, 32);
    w.in.init_data = slice_of(longer, sizeof longer);
    snp_accepts();
}

Test(snp, a_guest_that_may_be_debugged_is_refused_unless_allowed)
{
    w.report.policy |= SNP_POLICY_DEBUG;
    snp_refuses("snp.policy.debug");
    snp_restart();
    fake_option(&w.host, "allow_debug", "yes");
    snp_accepts();
    snp_claims_are("/policy_debug_allowed", "true");
}

Test(snp, a_guest_that_may_be_migrated_is_refused_unless_allowed)
{
    w.report.policy |= SNP_POLICY_MIGRATE_MA;
    snp_refuses("snp.policy.migration");
    snp_restart();
    fake_option(&w.host, "allow_migration", "yes");
    snp_accepts();
    snp_claims_are("/policy_migrate_ma", "true");
}

Test(snp, other_privilege_levels_are_refused_unless_listed)
{
    const uint32_t levels[] = {1, 2, 3, 4, 32, 0x100, UINT32_MAX};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        w.report.vmpl = levels[i];
        snp_refuses("snp.vmpl");
    }
    snp_restart();
    fake_option(&w.host, "vmpl", "0, 2");
    w.report.vmpl = 2;
    snp_accepts();
    snp_claims_are("/vmpl", "2");
    w.report.vmpl = 1;
    snp_refuses("snp.vmpl");
}

Test(snp, the_check_for_aliased_memory_is_a_claim_and_can_be_required)
{
    w.report.platform_info = 0x05;
    snp_accepts();
    snp_claims_are("/platform_alias_check_complete", "false");
    snp_restart();
    fake_option(&w.host, "require_alias_check", "yes");
    snp_refuses("snp.platform.alias_check");
    w.report.platform_info = 0x25;
    snp_accepts();
}

Test(snp, mitigations_can_be_required)
{
    fake_option(&w.host, "required_launch_mitigations", "0x2");
    fake_option(&w.host, "required_current_mitigations", "0x0000000000000006");
    snp_platform(&w.turin, 5);
    snp_accepts();
    w.report.launch_mitigations = 1;
    snp_refuses("snp.mitigations");
    w.report.launch_mitigations = 2;
    w.report.current_mitigations = 2;
    snp_refuses("snp.mitigations");
    snp_platform(&w.turin, 4);
    snp_refuses("snp.mitigations");
}

/* --- versions of the firmware --------------------------------------------------------------------------------------
 */

Test(snp, reported_above_committed_is_refused_in_each_component)
{
    snp_platform(&w.turin, 5);
    uint8_t *components[] = {&w.report.committed.bootloader, &w.report.committed.tee, &w.report.committed.snp,
                             &w.report.committed.microcode};
    for (size_t i = 0; i < sizeof components / sizeof *components; i++) {
        (*components[i])--;
        snp_refuses("snp.tcb.order");
        (*components[i])++;
    }
    w.report.committed.fmc--;
    snp_refuses("snp.tcb.order");
    w.report.committed.fmc++;
    snp_accepts();
}

Test(snp, committed_above_current_is_refused_in_each_component)
{
    uint8_t *components[] = {&w.report.current.bootloader, &w.report.current.tee, &w.report.current.snp,
                             &w.report.current.microcode};
    for (size_t i = 0; i < sizeof components / sizeof *components; i++) {
        (*components[i])--;
        snp_refuses("snp.tcb.order");
        (*components[i])++;
    }
    for (size_t i = 0; i < 3; i++) {
        w.report.current_version[i]--;
        snp_refuses("snp.tcb.order");
        w.report.current_version[i]++;
    }
    snp_accepts();
}

Test(snp, reported_below_committed_below_current_is_usual)
{
    w.report.committed.microcode = 219;
    w.report.current.microcode = 220;
    snp_accepts();
    w.report.launch.microcode = 250;
    snp_accepts();
    snp_restart();
    fake_option(&w.host, "require_committed_firmware", "yes");
    snp_refuses("snp.tcb.committed");
    w.report.current.microcode = 219;
    snp_accepts();
    w.report.current_version[2]++;
    snp_refuses("snp.tcb.committed");
}

Test(snp, a_minimum_is_of_the_reported_version_and_of_its_generation_alone)
{
    fake_option(&w.host, "minimum_tcb_milan", "4.1.22.213");
    fake_option(&w.host, "minimum_tcb_turin", "3.0.0.0.0");
    snp_accepts();
    w.report.reported.snp = 21;
    snp_refuses("snp.tcb.minimum");
    w.report.reported.snp = 23;
    snp_refuses("snp.tcb.order");
    w.report.reported.snp = 22;
    w.report.reported.bootloader = 3;
    snp_refuses("snp.tcb.minimum");
    snp_platform(&w.genoa, 3);
    snp_accepts();
    snp_platform(&w.turin, 3);
    snp_refuses("snp.tcb.minimum");
    snp_platform(&w.milan, 2);
    w.report.reported.snp = 21;
    snp_refuses("snp.tcb.minimum");
}

Test(snp, reserved_bytes_of_a_version_must_be_zero)
{
    static const int tcbs[] = {0x38, 0x180, 0x1e0, 0x1f0};
    for (size_t i = 0; i < sizeof tcbs / sizeof *tcbs; i++) {
        snp_platform(&w.milan, 3);
        for (int at = 2; at < 6; at++)
            refuses_byte(tcbs[i] + at, "snp.tcb.form");
        snp_platform(&w.turin, 3);
        for (int at = 4; at < 7; at++)
            refuses_byte(tcbs[i] + at, "snp.tcb.form");
        snp_platform(&w.milan, 2);
        refuses_byte(tcbs[i] + 2, "snp.tcb.form");
    }
}

/* --- options -------------------------------------------------------------------------------------------------------
 */

Test(snp, options_that_cannot_work_are_refused_at_start)
{
    static const char *const bad[][2] = {
        {"vmpl", ""},
        {"vmpl", "4"},
        {"vmpl", "0,,1"},
        {"keys", "vcek, ask"},
        {"keys", ""},
        {"crl", "yes"},
        {"minimum_tcb_milan", "1.2.3"},
        {"minimum_tcb_milan", "1.2.3.256"},
        {"minimum_tcb_milan", "1.2.3.4.5"},
        {"minimum_tcb_turin", "1.2.3.4"},
        {"required_launch_mitigations", "3"},
        {"required_current_mitigations", "0x"},
        {"required_current_mitigations", "0x00000000000000001"},
        {"required_current_mitigations", "0xg"},
        {"minimum_report_version", "6"},
        {"generation", "Venice"},
        {"generation", "Venice 0x1a 0x50-0x5f"},
        {"generation", "Venice 0x1a 0x50-0x5f venice"},
        {"generation", "Venice 0x1a 0x5f-0x50 turin"},
        {"generation", "Venice 0x1a 0x10-0x5f turin"},
        {"generation", "Venice 26 80-95 turin"},
        {"generation", "Ven/ice 0x1a 0x50-0x5f turin"},
        {"generation", "Venice 0x1a 0x50-0x5f turin 1.2.3"},
        {"generation", "Milan 0x1a 0x50-0x5f turin"},
        {"trust_anchor", "nothing"},
    };
    w.host.quiet = true;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snp_restart();
        w.host.quiet = true;
        fake_option(&w.host, bad[i][0], bad[i][1]);
        cr_expect(fake_load(&w.host, trustee_plugin_describe_v1()) == TRUSTEE_E_CONFIG, "%s = %s", bad[i][0],
                  bad[i][1]);
        cr_expect(w.host.logged > 0);
    }
}

Test(snp, a_later_generation_is_added_by_option)
{
    struct forge_amd venice;
    forge_amd(&w.arena, &venice, "Venice", 0, NULL);
    fake_option(&w.host, "generation", "Venice 0x1a 0x50-0x5f turin 1.0.0.22.213");
    fake_option_bytes(&w.host, "trust_anchor", venice.pem);
    w.report = forge_report("Turin", 5);
    memcpy(w.report.report_data, w.report_data, sizeof w.report_data);
    memcpy(w.report.host_data, w.init_data, sizeof w.init_data);
    w.report.cpu[1] = 0x51;
    w.amd = &venice;
    w.table.shape = FORGE_SHAPE_RAW;
    snp_accepts();
    snp_claims_are("/generation", "Venice");
    w.report.reported.snp = 21;
    snp_refuses("snp.tcb.minimum");
    w.report.cpu[1] = 0x02;
    snp_refuses("snp.vek.product");
    forge_amd_free(&venice);
}

Test(snp, further_models_of_a_known_generation_are_added_by_option)
{
    fake_option(&w.host, "generation", "Turin 0x1a 0x20-0x2f turin");
    snp_platform(&w.turin, 3);
    w.report.cpu[1] = 0x2f;
    w.table.shape = FORGE_SHAPE_RAW;
    snp_accepts();
}

Test(snp, kinds_of_keys_can_be_narrowed)
{
    fake_option(&w.host, "keys", "vlek");
    snp_refuses("snp.signing_key");
    w.report.key_info = 1 << 2;
    snp_accepts();
}
