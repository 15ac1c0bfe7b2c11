/* SPDX-License-Identifier: Apache-2.0
 *
 * lib/snp by itself: the report's layout, firmware versions, generations, names. Values are those of the specification
 * or of the forge, which shares no code with it.
 */
#include "lib/snp/vek.h"

#include <criterion/criterion.h>

#include "lib/snp/name.h"
#include "lib/snp/roots.h"
#include "tests/support/forge_snp.h"
#include "tests/support/test_pki.h"

static struct arena arena;

static void begin(void)
{
    cr_assert(!FAILED(arena_map(&arena, 16 << 20, ARENA_PLAIN)));
}

static void end(void)
{
    arena_unmap(&arena);
}

TestSuite(snpreport, .init = begin, .fini = end, .timeout = 60);

Test(snpreport, every_field_is_read_from_its_place)
{
    EVP_PKEY *key = test_ec("P-384");
    struct forge_report f = forge_report("Milan", 5);
    struct snp_report r;
    f.guest_svn = 0x01020304;
    f.vmpl = 0x05060708;
    f.key_info = 5;
    memset(f.family_id, 0x11, 16);
    memset(f.image_id, 0x22, 16);
    memset(f.id_key_digest, 0x33, 48);
    memset(f.author_key_digest, 0x44, 48);
    f.launch_mitigations = UINT64_C(0x1122334455667788);
    f.current_version[0] = 7;
    f.current_version[1] = 8;
    f.current_version[2] = 9;
    cr_assert(!FAILED(snp_report_read(forge_report_sign(&arena, &f, key), &r)));
    cr_expect(r.version == 5 && r.guest_svn == 0x01020304 && r.vmpl == 0x05060708 && r.key_info == 5);
    cr_expect(r.policy == f.policy && r.platform_info == f.platform_info);
    cr_expect(slice_equal(r.family_id, slice_of(f.family_id, 16)));
    cr_expect(slice_equal(r.image_id, slice_of(f.image_id, 16)));
    cr_expect(slice_equal(r.report_data, slice_of(f.report_data, 64)));
    cr_expect(slice_equal(r.measurement, slice_of(f.measurement, 48)));
    cr_expect(slice_equal(r.host_data, slice_of(f.host_data, 32)));
    cr_expect(slice_equal(r.id_key_digest, slice_of(f.id_key_digest, 48)));
    cr_expect(slice_equal(r.author_key_digest, slice_of(f.author_key_digest, 48)));
    cr_expect(slice_equal(r.report_id, slice_of(f.report_id, 32)));
    cr_expect(slice_equal(r.report_id_ma, slice_of(f.report_id_ma, 32)));
    cr_expect(slice_equal(r.chip_id, slice_of(f.chip_id, 64)));
    cr_expect(r.cpu_family == 0x19 && r.cpu_model == 1 && r.cpu_stepping == 1 && r.has_cpuid);
    cr_expect(r.current.major == 7 && r.current.minor == 8 && r.current.build == 9);
    cr_expect(r.committed.major == 1 && r.committed.minor == 55 && r.committed.build == 40);
    cr_expect(r.has_mitigations && r.launch_mitigations == f.launch_mitigations && r.current_mitigations == 7);
    cr_expect(snp_signing_key(&r) == SNP_SIGNED_BY_VLEK && snp_author_key_enabled(&r));
    EVP_PKEY_free(key);
}

Test(snpreport, no_shorter_or_longer_text_is_a_report)
{
    uint8_t bytes[SNP_REPORT_SIZE + 1] = {2};
    struct snp_report r;
    for (size_t length = 0; length <= sizeof bytes; length++)
        if (length != SNP_REPORT_SIZE)
            cr_expect(snp_report_read(slice_of(bytes, length), &r).reason == AMD_REPORT_SIZE);
    cr_expect(snp_report_read(NO_SLICE, &r).reason == AMD_REPORT_SIZE);
}

Test(snpreport, a_signature_takes_a_key_of_its_own_curve)
{
    EVP_PKEY *signer = test_ec("P-384"), *p256 = test_ec("P-256");
    struct forge_report f = forge_report("Genoa", 3);
    struct public_key *good, *bad;
    struct snp_report r;
    cr_assert(!FAILED(public_key_new(test_spki(&arena, signer), &good)));
    cr_assert(!FAILED(public_key_new(test_spki(&arena, p256), &bad)));
    cr_assert(!FAILED(snp_report_read(forge_report_sign(&arena, &f, signer), &r)));
    cr_expect(!FAILED(snp_report_verify(&r, good)));
    cr_expect(snp_report_verify(&r, bad).reason == SIGNATURE_SCHEME);
    public_key_free(good);
    public_key_free(bad);
    EVP_PKEY_free(signer);
    EVP_PKEY_free(p256);
}

/* --- firmware versions --- */

Test(snpreport, a_version_is_read_by_its_generation_s_layout_and_written_back)
{
    const uint8_t milan[] = {1, 2, 0, 0, 0, 0, 3, 4}, turin[] = {1, 2, 3, 4, 0, 0, 0, 5};
    uint8_t back[8];
    struct snp_tcb t;
    cr_assert(!FAILED(snp_tcb_read(slice_of(milan, 8), SNP_TCB_MILAN, &t)));
    cr_expect(!t.has_fmc && t.bootloader == 1 && t.tee == 2 && t.snp == 3 && t.microcode == 4);
    snp_tcb_write(&t, SNP_TCB_MILAN, back);
    cr_expect(memcmp(back, milan, 8) == 0);
    cr_expect(snp_tcb_read(slice_of(milan, 8), SNP_TCB_TURIN, &t).reason == AMD_REPORT_RESERVED);
    cr_assert(!FAILED(snp_tcb_read(slice_of(turin, 8), SNP_TCB_TURIN, &t)));
    cr_expect(t.has_fmc && t.fmc == 1 && t.bootloader == 2 && t.tee == 3 && t.snp == 4 && t.microcode == 5);
    snp_tcb_write(&t, SNP_TCB_TURIN, back);
    cr_expect(memcmp(back, turin, 8) == 0);
    cr_expect(snp_tcb_read(slice_of(turin, 8), SNP_TCB_MILAN, &t).reason == AMD_REPORT_RESERVED);
    cr_expect(snp_tcb_read(slice_of(turin, 7), SNP_TCB_MILAN, &t).reason == AMD_REPORT_SIZE);
}

Test(snpreport, versions_are_ordered_by_every_component)
{
    struct snp_tcb a, b;
    cr_assert(snp_tcb_parse(S("1.2.3.4.5"), &a) && snp_tcb_parse(S("1.2.3.4.5"), &b));
    cr_expect(snp_tcb_equal(&a, &b) && snp_tcb_at_most(&a, &b));
    cr_assert(snp_tcb_parse(S("9.9.9.9.4"), &b));
    cr_expect(!snp_tcb_at_most(&a, &b) && !snp_tcb_at_most(&b, &a) && !snp_tcb_equal(&a, &b));
    cr_expect(snp_version_at_most(&(struct snp_version){1, 55, 255}, &(struct snp_version){1, 56, 0}));
    cr_expect(!snp_version_at_most(&(struct snp_version){2, 0, 0}, &(struct snp_version){1, 255, 255}));
}

Test(snpreport, only_four_or_five_numbers_are_a_version)
{
    static const char *const bad[] = {"",         "1",         "1.2.3",   "1.2.3.4.5.6", "1.2.3.",
                                      ".1.2.3",   "1.2.3.256", "1.2.3.x", "1.2.3.-4",    "1.2.03.4",
                                      "1.2.3.4.", " 1.2.3.4",  "1..2.3"};
    struct snp_tcb t;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(!snp_tcb_parse(slice_text(bad[i]), &t), "%s", bad[i]);
    cr_expect(snp_tcb_parse(S("1.2.3.255"), &t) && !t.has_fmc && t.microcode == 255);
}

/* --- names and roots --- */

static slice subject_of(slice der)
{
    struct certificate c;
    cr_assert(!FAILED(certificate_read(der, &c)));
    return c.subject;
}

Test(snpreport, amd_s_names_tell_role_and_generation)
{
    struct snp_name n = snp_name_read(subject_of(snp_turin_roots.asvk));
    cr_expect(n.role == SNP_ROLE_ASVK && slice_equal(n.generation, S("Turin")));
    n = snp_name_read(subject_of(snp_genoa_roots.ark));
    cr_expect(n.role == SNP_ROLE_ARK && slice_equal(n.generation, S("Genoa")));
    n = snp_name_read(subject_of(snp_milan_roots.ask));
    cr_expect(n.role == SNP_ROLE_ASK && slice_equal(n.generation, S("Milan")));
}

Test(snpreport, a_name_without_one_common_name_is_none)
{
    const slice bad[] = {NO_SLICE,
                         S("\x30\x00"),
                         S("\x31\x00"),
                         S("\x30\x02\x05\x00"),
                         S("\x30\x7f"),
                         S("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x41"),
                         S("\x30\x18\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x41\x31\x0a\x30\x08\x06\x03\x55\x04"
                           "\x03\x0c\x01\x41")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(snp_name_read(bad[i]).role == SNP_ROLE_NONE, "%zu", i);
}

Test(snpreport, the_pinned_roots_verify_each_other)
{
    struct snp_anchors *anchors;
    cr_assert(!FAILED(snp_anchors_new(true, &anchors)));
    cr_expect(snp_anchors_has_ark(anchors, snp_milan_roots.ark));
    cr_expect(snp_anchors_has_ark(anchors, snp_genoa_roots.ark));
    cr_expect(snp_anchors_has_ark(anchors, snp_turin_roots.ark));
    cr_expect(!snp_anchors_has_ark(anchors, snp_milan_roots.ask));
    cr_expect(!snp_anchors_has_ark(anchors, NO_SLICE));
    snp_anchors_free(anchors);
}

Test(snpreport, generations_are_known_by_processor_and_by_name)
{
    struct snp_generations g;
    snp_generations_known(&g);
    cr_expect(slice_equal(snp_generation_name(snp_generation_of_processor(&g, 0x19, 0xa0)), S("Genoa")));
    cr_expect_null(snp_generation_of_processor(&g, 0x19, 0x20));
    cr_expect_null(snp_generation_of_name(&g, S("genoa")));
    cr_expect(snp_generations_add(&g, S("Venice 0x1a 0x50-0x5f turin")));
    cr_expect(!snp_generations_add(&g, S("Verano 0x1a 0x5f-0x6f turin")));
    cr_expect(slice_equal(snp_generation_name(snp_generation_of_processor(&g, 0x1a, 0x5f)), S("Venice")));
    for (unsigned i = 0; i < 20; i++) {
        slice text = arena_printf(&arena, "G%u 0x20 0x%x-0x%x turin", i, i, i);
        cr_expect(snp_generations_add(&g, text) == (i < SNP_GENERATIONS_MAX - 4));
    }
}

/* --- CA chains as the service keeps them --- */

Test(snpreport, a_ca_chain_is_of_its_generation_and_kind_below_a_trusted_ark)
{
    struct forge_amd milan, stranger;
    struct snp_anchors *anchors;
    uint8_t room[X509_CERTIFICATE_MAX];
    struct certificate c;
    slice issuer;
    forge_amd(&arena, &milan, "Milan", 0, NULL);
    forge_amd(&arena, &stranger, "Milan", 0, NULL);
    cr_assert(!FAILED(snp_anchors_new(false, &anchors)));
    cr_assert(!FAILED(snp_anchors_add_pem(anchors, forge_pem(&arena, milan.ark_der))));
#define READ(generation, kind, pem) snp_ca_chain_read(anchors, S(generation), kind, pem, room, &issuer, &c).reason
    cr_expect(READ("Milan", SNP_VCEK, milan.vcek_chain) == REASON_OK && slice_equal(issuer, milan.ask_der));
    cr_expect(READ("Milan", SNP_VLEK, milan.vlek_chain) == REASON_OK && slice_equal(c.der, milan.asvk_der));
    cr_expect(READ("Milan", SNP_VLEK, milan.vcek_chain) == AMD_VEK_NAME);
    cr_expect(READ("Genoa", SNP_VCEK, milan.vcek_chain) == AMD_VEK_NAME);
    cr_expect(READ("Milan", SNP_VCEK, stranger.vcek_chain) == X509_UNTRUSTED);
    slice mixed = forge_join(&arena, forge_pem(&arena, stranger.ask_der), forge_pem(&arena, milan.ark_der));
    cr_expect(READ("Milan", SNP_VCEK, mixed) == X509_SIGNATURE);
    cr_expect(READ("Milan", SNP_VCEK, S("<html>")) == AMD_VEK_NAME);
#undef READ
    snp_anchors_free(anchors);
    forge_amd_free(&milan);
    forge_amd_free(&stranger);
}
