/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates of signing keys, CAs, revocation lists, and what the service fetches: of a pretended AMD.
 */
#include "plugins/snp/snp.h"

#include "tests/support/snp_world.h"

const trustee_plugin *trustee_plugin_describe_v1(void);

TestSuite(snp_chain, .init = snp_begin, .fini = snp_end, .timeout = 300);

static void refuses_vek(const struct forge_vek *v, const char *reason)
{
    slice der = forge_vek_issue(&w.arena, w.amd, v, w.key);
    w.table.vcek = v->vlek ? NO_SLICE : der;
    w.table.vlek = v->vlek ? der : NO_SLICE;
    snp_refuses(reason);
    w.table.vcek = w.table.vlek = NO_SLICE;
}

/* --- certificates of keys ------------------------------------------------------------------------------------------
 */

Test(snp_chain, amd_s_way_of_signing_is_accepted)
{
    struct forge_amd rsa;
    forge_amd(&w.arena, &rsa, "Genoa", 2048, NULL);
    fake_option_bytes(&w.host, "trust_anchor", rsa.pem);
    cr_assert(fake_load(&w.host, trustee_plugin_describe_v1()) == TRUSTEE_OK);
    snp_platform(&rsa, 3);
    snp_accepts();
    struct forge_vek v = forge_vek(&rsa, &w.report);
    v.bad_signature = true;
    refuses_vek(&v, "snp.chain.signature");
    forge_amd_free(&rsa);
}

Test(snp_chain, a_provider_s_key_is_accepted_below_its_own_issuer)
{
    w.report.key_info = 1 << 2;
    memset(w.report.chip_id, 0, sizeof w.report.chip_id);
    snp_accepts();
    snp_claims_are("/endorsement_key", "vlek");
    snp_claims_are("/endorsement_provider", "CN=cloud.example");
    snp_claims_are("/chip_id_masked", "true");
    w.report.key_info |= 1 << 1; /* MASK_CHIP_KEY: the chip's own key is not used */
    snp_accepts();
}

Test(snp_chain, a_provider_s_key_is_no_chip_s_key)
{
    w.report.key_info = 1 << 2;
    struct forge_vek vlek = forge_vek(w.amd, &w.report);
    slice der = forge_vek_issue(&w.arena, w.amd, &vlek, w.key);
    w.table.vcek = der; /* named as the other kind */
    snp_refuses("snp.vek.kind");
    w.report.key_info = 0; /* the report says so too */
    snp_refuses("snp.vek.kind");
    w.table = (struct forge_table){.vlek = der};
    snp_refuses("snp.vek.kind");
}

Test(snp_chain, a_chip_s_key_is_no_provider_s_key)
{
    slice vcek = snp_vek();
    w.report.key_info = 1 << 2;
    w.table.vlek = vcek;
    snp_refuses("snp.vek.kind");
    w.table = (struct forge_table){.vcek = vcek};
    snp_refuses("snp.vek.kind");
}

Test(snp_chain, each_kind_has_its_own_issuer)
{
    struct forge_vek v = forge_vek(w.amd, &w.report);
    v.issuer = "SEV-VLEK-Milan";
    v.issuer_key = w.amd->asvk;
    refuses_vek(&v, "snp.vek.form");
    w.report.key_info = 1 << 2;
    v = forge_vek(w.amd, &w.report);
    v.issuer = "SEV-Milan";
    v.issuer_key = w.amd->ask;
    refuses_vek(&v, "snp.vek.form");
    v.issuer = "ARK-Milan";
    v.issuer_key = w.amd->ark;
    refuses_vek(&v, "snp.vek.form");
}

Test(snp_chain, both_kinds_may_be_sent_and_the_one_that_signed_counts)
{
    w.table.vcek = snp_vek();
    w.report.key_info = 1 << 2;
    struct forge_vek vlek = forge_vek(w.amd, &w.report);
    w.table.vlek = forge_vek_issue(&w.arena, w.amd, &vlek, w.other);
    snp_judges(forge_snp_evidence(&w.arena, forge_report_sign(&w.arena, &w.report, w.other), &w.table), NULL);
    snp_refuses("snp.signature");
}

Test(snp_chain, names_are_amd_s)
{
    const char *const subjects[] = {"SEV-VCEK2", "VCEK", "sev-vcek", "SEV-Milan", "ARK-Milan", "SEV-"};
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        struct forge_vek v = forge_vek(w.amd, &w.report);
        v.subject = subjects[i];
        refuses_vek(&v, "snp.vek.form");
    }
}

Test(snp_chain, another_generation_s_certificate_is_refused)
{
    const struct forge_amd *milan = w.amd;
    w.amd = &w.genoa;
    w.table.vcek = snp_vek();
    snp_refuses("snp.vek.product");
    w.report.cpu[1] = 0x11; /* Genoa, with Milan's certificate */
    w.amd = milan;
    w.table.vcek = snp_vek();
    snp_refuses("snp.vek.product");
}

Test(snp_chain, the_product_is_of_the_issuer_s_generation)
{
    struct forge_vek v = forge_vek(w.amd, &w.report);
    const char *const good[] = {"Milan", "Milan-B0", "Milan-B1"}, *const bad[] = {"Genoa", "Milano", "Mila", "-Milan"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        v.product = good[i];
        refuses_vek(&v, NULL);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        v.product = bad[i];
        refuses_vek(&v, "snp.vek.form");
    }
}

Test(snp_chain, a_generation_that_is_not_known_is_refused)
{
    struct forge_amd venice;
    forge_amd(&w.arena, &venice, "Venice", 0, NULL);
    fake_option_bytes(&w.host, "trust_anchor", venice.pem);
    snp_platform(&venice, 2);
    snp_refuses("snp.vek.product");
    forge_amd_free(&venice);
}

Test(snp_chain, the_certificate_s_version_is_the_reported_one_in_each_component)
{
    snp_platform(&w.turin, 3);
    for (int change = -1; change <= 1; change += 2)
        for (size_t i = 0; i < 5; i++) {
            struct forge_vek v = forge_vek(w.amd, &w.report);
            uint8_t *levels[] = {&v.levels.bootloader, &v.levels.tee, &v.levels.snp, &v.levels.microcode};
            if (i < 4)
                *levels[i] = (uint8_t)(*levels[i] + change);
            else
                v.levels.fmc += change;
            refuses_vek(&v, "snp.vek.tcb");
        }
    struct forge_vek v = forge_vek(w.amd, &w.report);
    v.levels.fmc = -1; /* Turin without FMC */
    refuses_vek(&v, "snp.vek.tcb");
    w.report.reported.fmc = w.report.committed.fmc = w.report.current.fmc = 0;
    refuses_vek(&v, "snp.vek.tcb");
}

Test(snp_chain, extensions_that_are_missing_or_not_understood_are_refused)
{
    static const char *const oids[] = {"1.3.6.1.4.1.3704.1.2", "1.3.6.1.4.1.3704.1.3.1", "1.3.6.1.4.1.3704.1.3.2",
                                       "1.3.6.1.4.1.3704.1.3.3", "1.3.6.1.4.1.3704.1.3.8"};
    static const char *const reserved[] = {"1.3.6.1.4.1.3704.1.3.4", "1.3.6.1.4.1.3704.1.3.5", "1.3.6.1.4.1.3704.1.3.6",
                                           "1.3.6.1.4.1.3704.1.3.7"};
    for (size_t i = 0; i < sizeof oids / sizeof *oids; i++) {
        struct forge_vek v = forge_vek(w.amd, &w.report);
        v.omit = oids[i];
        refuses_vek(&v, "snp.vek.form");
    }
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        struct forge_vek v = forge_vek(w.amd, &w.report);
        v.omit = NULL;
        v.reserved = reserved[i];
        refuses_vek(&v, "snp.vek.form");
        v.reserved = NULL;
        v.omit = reserved[i]; /* nothing is lost without them */
        refuses_vek(&v, NULL);
    }
    struct forge_vek v = forge_vek(w.amd, &w.report);
    v.chip_id_size = 0;
    refuses_vek(&v, "snp.vek.form");
    v.chip_id_size = 32;
    refuses_vek(&v, "snp.vek.form");
    v = forge_vek(w.amd, &w.report);
    v.provider = "CN=cloud.example"; /* of the other kind */
    refuses_vek(&v, "snp.vek.form");
    v.provider = NULL;
    v.critical = "1.2.3.4";
    refuses_vek(&v, "snp.chain");
}

Test(snp_chain, a_provider_s_key_has_no_chip)
{
    w.report.key_info = 1 << 2;
    struct forge_vek v = forge_vek(w.amd, &w.report);
    v.chip_id_size = 64;
    refuses_vek(&v, "snp.vek.form");
    v.chip_id_size = 0;
    v.provider = NULL;
    refuses_vek(&v, NULL);
}

Test(snp_chain, another_chip_s_certificate_is_refused)
{
    for (size_t at = 0; at < 64; at++) {
        struct forge_vek v = forge_vek(w.amd, &w.report);
        v.chip_id[at] ^= 1;
        refuses_vek(&v, "snp.vek.chip_id");
    }
}

Test(snp_chain, a_chip_id_has_two_encodings_and_two_lengths)
{
    struct forge_vek v = forge_vek(w.amd, &w.report);
    v.chip_id_wrapped = true;
    refuses_vek(&v, NULL);
    v.chip_id_size = 8; /* the beginning is not all of it */
    refuses_vek(&v, "snp.vek.chip_id");
    snp_platform(&w.turin, 3);
    v = forge_vek(w.amd, &w.report);
    v.chip_id_wrapped = true;
    refuses_vek(&v, NULL);
    v.chip_id_size = 64;
    refuses_vek(&v, NULL);
    w.report.chip_id[63] = 1;
    v.chip_id_size = 8;
    refuses_vek(&v, "snp.vek.chip_id");
}

Test(snp_chain, a_masked_chip_is_refused_unless_allowed)
{
    w.table.vcek = snp_vek();
    memset(w.report.chip_id, 0, sizeof w.report.chip_id);
    snp_refuses("snp.chip_id.masked");
    snp_restart();
    fake_option(&w.host, "allow_masked_chip_id", "yes");
    snp_accepts();
    snp_claims_are("/chip_id_masked", "true");
    w.table = (struct forge_table){.empty = true}; /* nobody can fetch it */
    snp_judges(forge_snp_evidence(&w.arena, forge_report_sign(&w.arena, &w.report, w.key), &w.table),
               "snp.vek.missing");
}

Test(snp_chain, certificates_are_judged_by_the_time_given)
{
    struct forge_vek v = forge_vek(w.amd, &w.report);
    w.table.vcek = forge_vek_issue(&w.arena, w.amd, &v, w.key);
    const int64_t good[] = {v.not_before, TEST_NOW, v.not_after};
    const int64_t bad[] = {v.not_before - 1, v.not_after + 1, w.amd->not_after + 1, 0, INT64_MAX};
    for (int cached = 0; cached < 2; cached++) {
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
            w.in.now = good[i];
            snp_accepts();
        }
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            w.in.now = bad[i];
            snp_refuses("snp.chain.validity");
        }
    }
}

Test(snp_chain, a_key_on_another_curve_is_refused)
{
    EVP_PKEY *p256 = test_ec("P-256");
    struct forge_vek v = forge_vek(w.amd, &w.report);
    w.table.vcek = forge_vek_issue(&w.arena, w.amd, &v, p256);
    snp_refuses("snp.chain");
    EVP_PKEY_free(p256);
}

Test(snp_chain, a_certificate_that_may_issue_others_is_no_signing_key)
{
    struct forge_vek v = forge_vek(w.amd, &w.report);
    v.constraints = "critical,CA:TRUE";
    refuses_vek(&v, "snp.chain");
}

Test(snp_chain, every_changed_byte_of_a_certificate_is_refused)
{
    slice vcek = snp_vek(), report = forge_report_sign(&w.arena, &w.report, w.key);
    uint8_t *bytes = (uint8_t *)(uintptr_t)vcek.ptr;
    snp_load();
    for (size_t at = 0; at < vcek.len; at++) {
        struct arena before = w.arena;
        bytes[at] ^= 1;
        slice evidence = forge_snp_evidence(&w.arena, report, &(struct forge_table){.vcek = vcek});
        cr_expect(!fake_verify(&w.host, S("snp"), evidence, &w.in), "byte %zu", at);
        cr_expect(w.host.status == TRUSTEE_REJECT && w.host.reason.len > 0);
        bytes[at] ^= 1;
        w.arena = before;
    }
}

Test(snp_chain, a_truncated_or_extended_certificate_is_refused)
{
    slice vcek = snp_vek();
    for (size_t length = 1; length < vcek.len; length += 13) {
        w.table.vcek = slice_sub(vcek, 0, length);
        snp_refuses("snp.vek.form");
    }
    w.table.vcek = forge_join(&w.arena, vcek, S("\0"));
    snp_refuses("snp.vek.form");
}

/* --- CAs -----------------------------------------------------------------------------------------------------------
 */

Test(snp_chain, an_attacker_s_amd_is_refused)
{
    struct forge_amd forged;
    forge_amd(&w.arena, &forged, "Milan", 0, NULL);
    w.amd = &forged;
    snp_refuses("snp.chain.signature"); /* by AMD's ASK of that name */
    w.table.ask = forged.ask_der;
    snp_refuses("snp.chain.signature");
    w.table.ark = forged.ark_der;
    snp_refuses("snp.chain.ark");
    w.amd = &w.milan; /* a genuine certificate between them */
    snp_refuses("snp.chain.ark");
    w.table.ark = NO_SLICE;
    snp_refuses("snp.chain.ask");
    forge_amd_free(&forged);
}

Test(snp_chain, amd_s_own_generation_does_not_trust_a_stranger)
{
    cr_assert(fake_load(&w.host, trustee_plugin_describe_v1()) == TRUSTEE_OK); /* without trust_anchor */
    snp_refuses("snp.chain");                                                  /* ECDSA by a key that is RSA */
    w.amd = &w.turin;
    snp_platform(&w.turin, 5);
    w.table.ask = w.turin.ask_der;
    w.table.ark = w.turin.ark_der;
    snp_refuses("snp.chain.ark");
}

Test(snp_chain, certificates_of_the_ca_may_come_along)
{
    w.table.ask = w.milan.ask_der;
    w.table.ark = w.milan.ark_der;
    snp_accepts();
    w.table.ask = forge_pem(&w.arena, w.milan.ask_der);
    w.table.vcek = forge_pem(&w.arena, snp_vek());
    snp_accepts();
    w.table.ask = w.genoa.ask_der;
    snp_refuses("snp.chain.ask");
    w.table.ask = w.milan.asvk_der;
    snp_refuses("snp.chain.ask");
    w.table.ask = S("no certificate");
    snp_refuses("snp.chain.ask");
}

/* AMD replaces an ASK: the new one is below the same ARK. */
static slice second_ask(EVP_PKEY *key, const char *constraints, int64_t not_after)
{
    struct forge_ca c = {.subject = "SEV-Milan",
                         .issuer = "ARK-Milan",
                         .serial = 0x10002,
                         .not_before = w.milan.not_before,
                         .not_after = not_after,
                         .constraints = constraints};
    return forge_ca_issue(&w.arena, &c, key, w.milan.ark);
}

static slice vcek_of(EVP_PKEY *issuer_key)
{
    struct forge_vek v = forge_vek(&w.milan, &w.report);
    v.issuer_key = issuer_key;
    return forge_vek_issue(&w.arena, &w.milan, &v, w.key);
}

Test(snp_chain, a_new_ask_below_the_trusted_ark_is_accepted)
{
    EVP_PKEY *key = test_ec("P-384");
    w.table.vcek = vcek_of(key);
    snp_refuses("snp.chain.signature");
    w.table.ask = second_ask(key, NULL, w.milan.not_after);
    snp_accepts();
    size_t hits = w.host.cache_hits;
    snp_accepts(); /* known now */
    cr_expect(w.host.cache_hits > hits);
    w.table.ask = second_ask(key, NULL, TEST_NOW - 1);
    snp_refuses("snp.chain.validity");
    w.table.ask = second_ask(key, "critical,CA:FALSE", w.milan.not_after);
    snp_refuses("snp.chain");
    EVP_PKEY_free(key);
}

Test(snp_chain, a_new_ask_may_come_from_the_service)
{
    EVP_PKEY *key = test_ec("P-384");
    slice pem = forge_join(&w.arena, forge_pem(&w.arena, second_ask(key, NULL, w.milan.not_after)),
                           forge_pem(&w.arena, w.milan.ark_der));
    w.table.vcek = vcek_of(key);
    snp_give("amd/ca-chain", S("Milan/vcek"), pem);
    snp_accepts();
    w.collateral[0].key = S("Milan/vlek");
    snp_refuses("snp.chain.signature");
    EVP_PKEY_free(key);
}

Test(snp_chain, a_trusted_ark_alone_takes_the_ask_from_the_evidence_or_asks_the_service_for_it)
{
    struct forge_amd venice;
    forge_amd(&w.arena, &venice, "Venice", 0, NULL);
    fake_option(&w.host, "generation", "Venice 0x1a 0x50-0x5f turin");
    fake_option_bytes(&w.host, "trust_anchor", forge_pem(&w.arena, venice.ark_der));
    snp_platform(&w.turin, 3);
    w.amd = &venice;
    w.report.cpu[1] = 0x50;
    w.table.shape = FORGE_SHAPE_RAW;
    w.table.ask = venice.ask_der;
    snp_accepts();
    w.table.ask = NO_SLICE;
    snp_needs(snp_evidence(), "amd/ca-chain", S("Venice/vcek"));
    cr_expect(w.host.out.need_count == 1);
    snp_give("amd/ca-chain", S("Venice/vcek"), venice.vcek_chain);
    snp_accepts();
    w.collateral[0].bytes = w.milan.vcek_chain;
    snp_refuses("snp.chain.untrusted");
    forge_amd_free(&venice);
}

Test(snp_chain, nothing_is_asked_for_where_no_ark_is_trusted)
{
    struct forge_amd venice;
    forge_amd(&w.arena, &venice, "Venice", 0, NULL);
    fake_option(&w.host, "generation", "Venice 0x1a 0x50-0x5f turin");
    snp_platform(&w.turin, 3);
    w.amd = &venice;
    w.report.cpu[1] = 0x50;
    w.table.shape = FORGE_SHAPE_RAW;
    snp_refuses("snp.chain.untrusted");
    forge_amd_free(&venice);
}

Test(snp_chain, anchors_that_are_no_chain_are_refused_at_start)
{
    slice ark = forge_pem(&w.arena, w.milan.ark_der), ask = forge_pem(&w.arena, w.milan.ask_der),
          asvk = forge_pem(&w.arena, w.milan.asvk_der), vcek = forge_pem(&w.arena, snp_vek()),
          other = forge_pem(&w.arena, w.genoa.ask_der);
    const slice bad[] = {
        ask,
        forge_join(&w.arena, ask, asvk),
        forge_join(&w.arena, ark, ark),
        forge_join(&w.arena, ark, other),
        forge_join(&w.arena, ark, vcek),
        forge_join(&w.arena, forge_join(&w.arena, ask, ask), ark),
        forge_join(&w.arena, ark, S("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snp_restart();
        w.host.quiet = true;
        fake_option_bytes(&w.host, "trust_anchor", bad[i]);
        cr_expect(fake_load(&w.host, trustee_plugin_describe_v1()) == TRUSTEE_E_CONFIG, "%zu", i);
    }
}

/* --- the cache -----------------------------------------------------------------------------------------------------
 */

Test(snp_chain, a_known_certificate_is_not_proven_again)
{
    w.table.vcek = snp_vek();
    snp_accepts();
    size_t hits = w.host.cache_hits;
    cr_expect(w.host.cache_puts == 1);
    snp_accepts();
    cr_expect(w.host.cache_puts == 1 && w.host.cache_hits > hits);
    w.report.reported.snp--; /* known or not, it is for one version */
    snp_refuses("snp.vek.tcb");
}

/* That a certificate's chain holds stays true, whoever sends it. */
Test(snp_chain, of_what_was_refused_nothing_is_remembered_but_proven_chains)
{
    w.amd = &w.genoa;
    w.table.vcek = snp_vek();
    snp_refuses("snp.vek.product");
    cr_expect(w.host.cache_puts == 0);
    w.amd = &w.milan;
    w.table.vcek = snp_vek();
    snp_judges(forge_snp_evidence(&w.arena, forge_report_sign(&w.arena, &w.report, w.other), &w.table),
               "snp.signature");
    snp_judges(forge_snp_evidence(&w.arena, forge_report_sign(&w.arena, &w.report, w.other), &w.table),
               "snp.signature");
    cr_expect(w.host.cache_puts == 1);
}

Test(snp_chain, a_full_cache_costs_time_only)
{
    w.host.cache_refuses = true;
    w.table.vcek = snp_vek();
    snp_accepts();
    snp_accepts();
}

/* --- what the service fetches --------------------------------------------------------------------------------------
 */

static slice bare(void)
{
    return forge_snp_evidence(&w.arena, forge_report_sign(&w.arena, &w.report, w.key), &w.table);
}

Test(snp_chain, a_chip_s_certificate_is_asked_for_by_its_key_and_used)
{
    const struct forge_amd *amds[] = {&w.milan, &w.genoa, &w.turin};
    for (size_t i = 0; i < 3; i++) {
        snp_platform(amds[i], 4);
        w.in.collateral_count = 0;
        slice key = forge_vcek_key(&w.arena, amds[i]->generation, &w.report);
        snp_needs(bare(), "amd/vcek", key);
        cr_expect(w.host.out.need_count == 1);
        snp_give("amd/vcek", key, snp_vek());
        snp_judges(bare(), NULL);
    }
}

Test(snp_chain, what_does_not_go_with_the_report_is_not_used_whatever_its_key_says)
{
    slice key = forge_vcek_key(&w.arena, "Milan", &w.report);
    struct forge_vek v = forge_vek(w.amd, &w.report);
    v.chip_id[0] ^= 1;
    snp_give("amd/vcek", key, forge_vek_issue(&w.arena, w.amd, &v, w.key));
    snp_judges(bare(), "snp.vek.chip_id");
    w.collateral[0].bytes = S("<html>429</html>");
    snp_judges(bare(), "snp.vek.form");
    w.collateral[0].key = S("Milan/00/1-2-3-4");
    snp_needs(bare(), "amd/vcek", key);
}

Test(snp_chain, version_2_asks_for_every_generation_that_it_may_be)
{
    snp_platform(&w.genoa, 2);
    slice genoa = forge_vcek_key(&w.arena, "Genoa", &w.report);
    snp_needs(bare(), "amd/vcek", genoa);
    snp_needs(bare(), "amd/vcek", forge_vcek_key(&w.arena, "Milan", &w.report));
    cr_expect(w.host.out.need_count == 2);
    snp_give("amd/vcek", genoa, snp_vek());
    snp_judges(bare(), NULL);
    w.in.collateral_count = 0;
    snp_platform(&w.turin, 2);
    snp_needs(bare(), "amd/vcek", forge_vcek_key(&w.arena, "Turin", &w.report));
    cr_expect(w.host.out.need_count == 1);
}

Test(snp_chain, nothing_is_fetched_for_a_report_that_is_refused_anyway)
{
    w.report.policy |= SNP_POLICY_DEBUG;
    snp_judges(bare(), "snp.policy.debug");
    w.report.policy &= ~SNP_POLICY_DEBUG;
    w.report.report_data[0] ^= 1;
    snp_judges(bare(), "snp.report_data");
    w.report.report_data[0] ^= 1;
    w.report.reported.snp++;
    snp_judges(bare(), "snp.tcb.order");
}

Test(snp_chain, a_provider_s_key_cannot_be_fetched)
{
    w.report.key_info = 1 << 2;
    snp_judges(bare(), "snp.vek.missing");
    w.report.key_info = 0;
    w.table.other = S("something of the host's");
    snp_needs(bare(), "amd/vcek", forge_vcek_key(&w.arena, "Milan", &w.report));
}

/* --- revocation ----------------------------------------------------------------------------------------------------
 */

static struct forge_amd_crl good_crl(void)
{
    return (struct forge_amd_crl){.this_update = TEST_NOW - TEST_DAY,
                                  .next_update = TEST_NOW + TEST_DAY,
                                  .number = 7,
                                  .revoked = {0x999},
                                  .revoked_count = 1};
}

static void judges_crl(const struct forge_amd_crl *c, const char *reason)
{
    w.in.collateral_count = 0;
    snp_give("amd/crl", S("Milan/vcek"), forge_amd_revoke(&w.arena, &w.milan, c));
    snp_judges(snp_evidence(), reason);
}

Test(snp_chain, a_list_that_is_at_hand_is_used)
{
    struct forge_amd_crl c = good_crl();
    judges_crl(&c, NULL);
    snp_claims_are("/crl_checked", "true");
    snp_claims_are("/crl_number", "7");
    cr_expect(w.host.out.not_after == c.next_update);
    c.revoked[0] = 0x10001; /* the ASK */
    judges_crl(&c, "snp.crl.revoked");
    c.revoked[0] = 0x10101; /* the ASVK */
    judges_crl(&c, NULL);
}

Test(snp_chain, a_list_is_judged_by_the_time_given_also_when_it_is_known)
{
    struct forge_amd_crl c = good_crl();
    slice list = forge_amd_revoke(&w.arena, &w.milan, &c);
    snp_give("amd/crl", S("Milan/vcek"), list);
    const int64_t times[] = {TEST_NOW, c.this_update, c.next_update};
    for (size_t i = 0; i < 3; i++) {
        w.in.now = times[i];
        snp_accepts();
    }
    w.in.now = c.next_update + 1;
    snp_refuses("snp.crl.validity");
    w.in.now = c.this_update - 1;
    snp_refuses("snp.crl.validity");
    w.in.now = TEST_NOW;
    c.next_update = 0;
    judges_crl(&c, "snp.crl.validity");
}

Test(snp_chain, a_list_of_somebody_else_is_refused)
{
    struct forge_amd_crl c = good_crl();
    c.bad_signature = true;
    judges_crl(&c, "snp.crl");
    c = good_crl();
    c.issuer_key = w.milan.ask;
    judges_crl(&c, "snp.crl");
    c.issuer = "SEV-Milan";
    judges_crl(&c, "snp.crl");
    c = good_crl();
    c.issuer = "ARK-Genoa";
    c.issuer_key = w.genoa.ark;
    judges_crl(&c, "snp.crl");
    w.collateral[0].bytes = S("no list");
    snp_refuses("snp.crl");
}

Test(snp_chain, a_provider_s_key_is_judged_by_its_own_list)
{
    struct forge_amd_crl c = good_crl();
    c.revoked[0] = 0x10101;
    w.report.key_info = 1 << 2;
    judges_crl(&c, NULL); /* the list of the other kind is not its */
    snp_claims_are("/crl_checked", "false");
    w.collateral[0].key = S("Milan/vlek");
    snp_refuses("snp.crl.revoked");
}

Test(snp_chain, a_required_list_is_asked_for_and_nothing_accepted_without)
{
    fake_option(&w.host, "crl", "required");
    snp_needs(snp_evidence(), "amd/crl", S("Milan/vcek"));
    struct forge_amd_crl c = good_crl();
    judges_crl(&c, NULL);
    w.in.collateral_count = 0;
    snp_needs(bare(), "amd/crl", S("Milan/vcek")); /* at once with the certificate */
    cr_expect(w.host.out.need_count == 2);
}

Test(snp_chain, lists_can_be_ignored)
{
    struct forge_amd_crl c = good_crl();
    c.revoked[0] = 0x10001;
    fake_option(&w.host, "crl", "off");
    judges_crl(&c, NULL);
    snp_claims_are("/crl_checked", "false");
}

Test(snp_chain, a_new_ask_is_judged_by_the_list_too)
{
    EVP_PKEY *key = test_ec("P-384");
    struct forge_amd_crl c = good_crl();
    w.table.vcek = vcek_of(key);
    w.table.ask = second_ask(key, NULL, w.milan.not_after);
    judges_crl(&c, NULL);
    c.revoked[0] = 0x10002;
    judges_crl(&c, "snp.crl.revoked");
    EVP_PKEY_free(key);
}
