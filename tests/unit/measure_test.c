/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference values computed from a guest's parts. What is expected of the images of tests/support/forge_firmware.c
 * comes from other implementations, run over the same bytes: sev-snp-measure 0.0.13 (PyPI) for SNP, tdx-measure 0.1.0
 * (github.com/tinfoilsh/tdx-measure) for TDX.
 */
#include "lib/measure/firmware.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "lib/measure/kernel.h"
#include "lib/measure/snp.h"
#include "lib/measure/tdx.h"
#include "lib/measure/vmsa.h"
#include "tests/support/forge_firmware.h"

static uint8_t image[FORGE_IMAGE_SIZE], kernel[FORGE_KERNEL_SIZE + 0x100];

static void begin(void)
{
    forge_firmware(image, FORGE_ENTRY_ALL);
    forge_kernel(kernel);
}

TestSuite(measure, .init = begin, .timeout = 300);

static slice firmware(void)
{
    return slice_of(image, sizeof image);
}

static const char *hex(const uint8_t *bytes)
{
    static char text[97];
    hex_encode((uint8_t *)text, slice_of(bytes, 48));
    return text;
}

#define is(r, why)                                                                                           \
    do {                                                                                                     \
        result r_ = (r);                                                                                     \
        cr_expect(r_.reason == (why), "%s, expected %s", reason_id((enum reason)r_.reason), reason_id(why)); \
    } while (0)

/* --- SEV-SNP --- */

static struct snp_guest milan(void)
{
    struct snp_guest g = {.firmware = firmware(), .processors = 1, .features = 1};
    cr_assert(snp_signature_of(S("EPYC-Milan"), &g.signature));
    return g;
}

static void launches(const struct snp_guest *g, const char *expected)
{
    uint8_t digest[SNP_DIGEST_SIZE];
    is(snp_launch_digest(g, digest), REASON_OK);
    cr_expect_str_eq(hex(digest), expected);
}

static void no_launch(const struct snp_guest *g, enum reason why)
{
    uint8_t digest[SNP_DIGEST_SIZE];
    is(snp_launch_digest(g, digest), why);
}

Test(measure, a_launch_digest_is_that_of_another_implementation)
{
    struct snp_guest g = milan();
    launches(&g, "549dfac12bf1b249bd0f54f14a6b181908facd1fdf4be5c1656d43ce4aa02470"
                 "b8b0658714d28aa7a26cde31422510db");
}

Test(measure, a_launch_digest_depends_on_processors_model_and_features)
{
    struct snp_guest g = milan();
    g.processors = 3;
    g.features = 0x21;
    cr_assert(snp_signature_of(S("EPYC-Genoa"), &g.signature));
    launches(&g, "7ade08db8d72dd960bcded8a97d78d2c0a50dbdc423ab3944464ab13594abb21"
                 "7c4c753b34e232e3b5b41ecbb3fd8e85");
}

Test(measure, a_launch_digest_has_the_hashes_of_a_kernel_that_qemu_boots)
{
    struct snp_guest g = milan();
    g.direct = true;
    g.kernel = slice_of(kernel, FORGE_KERNEL_SIZE);
    launches(&g, "8da7bb53c5d9cbc3a98f29d3fc50b9ef5f55c5c48a4510718de176ad1ee3bf52"
                 "a8ca1ade978032a665eae57e4eb0fb15");
    g.initrd = S("initrd");
    g.command_line = S("console=ttyS0");
    launches(&g, "eb5ba6e30c6276735628466d7a428ecec38c55ca096c5b8ccfdf39b591eddb05"
                 "8b2354b2681dc59dfe333bedf0d15a32");
}

Test(measure, every_bit_of_the_image_is_in_the_launch_digest)
{
    uint8_t honest[SNP_DIGEST_SIZE], other[SNP_DIGEST_SIZE];
    struct snp_guest g = milan();
    is(snp_launch_digest(&g, honest), REASON_OK);
    for (size_t at = 0; at < FORGE_SEV; at += 61) {
        image[at] ^= 1;
        is(snp_launch_digest(&g, other), REASON_OK);
        cr_expect(memcmp(honest, other, sizeof honest) != 0);
        image[at] ^= 1;
    }
}

Test(measure, models_have_their_signatures)
{
    static const struct {
        const char *name;
        uint32_t signature;
    } models[] = {{"EPYC", 0x800f12},       {"EPYC-v4", 0x800f12},       {"EPYC-IBPB", 0x800f12},
                  {"EPYC-Rome", 0x830f10},  {"EPYC-Milan", 0xa00f11},    {"EPYC-Milan-v2", 0xa00f11},
                  {"EPYC-Genoa", 0xa10f10}, {"EPYC-Genoa-v1", 0xa10f10}, {"EPYC-Turin", 0xb00f00}};
    uint32_t signature;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        cr_expect(snp_signature_of(slice_text(models[i].name), &signature));
        cr_expect(signature == models[i].signature, "%s: %x", models[i].name, signature);
    }
    const char *const strangers[] = {"", "EPYC-", "EPYC-v", "EPYC-Milano", "epyc-milan", "-v1", "EPYC-Milan-v2-v2x"};
    for (size_t i = 0; i < 7; i++)
        cr_expect(!snp_signature_of(slice_text(strangers[i]), &signature), "%s", strangers[i]);
    cr_expect(snp_signature(6, 0x55, 7) == 0x50657);
}

Test(measure, a_guest_without_processors_or_with_too_many_is_refused)
{
    struct snp_guest g = milan();
    g.processors = 0;
    no_launch(&g, CONFIG_VALUE);
    g.processors = SNP_PROCESSORS_MAX + 1;
    no_launch(&g, CONFIG_VALUE);
}

Test(measure, other_processors_take_a_reset_vector)
{
    struct snp_guest g = milan();
    forge_firmware(image, FORGE_ENTRY_ALL & ~(unsigned)FORGE_ENTRY_RESET);
    uint8_t digest[SNP_DIGEST_SIZE];
    is(snp_launch_digest(&g, digest), REASON_OK);
    g.processors = 2;
    no_launch(&g, MEASURE_METADATA);
}

Test(measure, a_kernel_takes_a_page_for_its_hashes)
{
    struct snp_guest g = milan();
    g.direct = true;
    g.kernel = slice_of(kernel, FORGE_KERNEL_SIZE);
    forge_firmware(image, FORGE_ENTRY_ALL & ~(unsigned)FORGE_ENTRY_HASHES);
    no_launch(&g, MEASURE_HASHES);
    forge_firmware(image, FORGE_ENTRY_ALL);
    forge_put(image + FORGE_SEV + 12, 4, 4);
    no_launch(&g, MEASURE_HASHES);
    forge_firmware(image, FORGE_ENTRY_ALL);
    forge_put(image + FORGE_SEV + 16 + 48 + 4, 0x2000, 4);
    no_launch(&g, MEASURE_HASHES);
    forge_firmware(image, FORGE_ENTRY_ALL);
    forge_put(image + FORGE_SEV + 16 + 48, 0x811000, 4);
    no_launch(&g, MEASURE_HASHES);
    forge_put(image + FORGE_SEV + 16 + 48, 0x80f000, 4);
    no_launch(&g, MEASURE_HASHES);
}

Test(measure, sections_of_an_unknown_kind_or_of_parts_of_pages_are_refused)
{
    struct snp_guest g = milan();
    static const struct {
        size_t at;
        uint32_t number;
    } bad[] = {{16 + 8, 5}, {16 + 8, 0}, {16, 0x800001}, {16 + 4, 0x9001}, {16 + 4, 0x10000000}};
    for (size_t i = 0; i < 5; i++) {
        forge_firmware(image, FORGE_ENTRY_ALL);
        forge_put(image + FORGE_SEV + bad[i].at, bad[i].number, 4);
        no_launch(&g, MEASURE_METADATA);
    }
}

/* AMD64 Architecture Programmer's Manual, volume 2, table B-4 */
Test(measure, a_processor_begins_where_its_vector_says)
{
    uint8_t page[VMSA_SIZE];
    vmsa_fill(page, 0x80b004, 0xa00f11, 0x21);
    cr_expect(page[0x10] == 0 && page[0x11] == 0xf0, "the selector of CS");
    cr_expect(page[0x18] == 0 && page[0x1a] == 0x80, "the base of CS");
    cr_expect(page[0x178] == 0x04 && page[0x179] == 0xb0, "RIP");
    cr_expect(page[0x310] == 0x11 && page[0x312] == 0xa0, "RDX");
    cr_expect(page[0x3b0] == 0x21, "SEV_FEATURES");
}

/* --- the image --- */

static enum reason opens(size_t size)
{
    struct firmware f;
    return (enum reason)firmware_open(slice_of(image + sizeof image - size, size), &f).reason;
}

Test(measure, an_image_has_whole_pages_and_a_table_at_its_end)
{
    cr_expect(opens(sizeof image) == REASON_OK && opens(4096) == REASON_OK);
    cr_expect(opens(0) == MEASURE_FIRMWARE && opens(4095) == MEASURE_FIRMWARE && opens(48) == MEASURE_FIRMWARE);
    image[forge_firmware_table() + 2] ^= 1;
    cr_expect(opens(sizeof image) == MEASURE_FIRMWARE);
}

Test(measure, entries_fill_the_table_exactly)
{
    size_t at = forge_firmware_table();
    const uint16_t bad[] = {0, 1, 17, 19, 30, 0xffff};
    for (size_t i = 0; i < 6; i++) {
        forge_put(image + at, bad[i], 2);
        cr_expect(opens(sizeof image) == MEASURE_FIRMWARE, "%u", bad[i]);
    }
    forge_put(image + at, 18, 2);
    cr_expect(opens(sizeof image) == REASON_OK);
    forge_firmware(image, FORGE_ENTRY_ALL);
    forge_put(image + at - 18, 17, 2);
    cr_expect(opens(sizeof image) == MEASURE_FIRMWARE);
    forge_put(image + at - 18, 0, 2);
    cr_expect(opens(sizeof image) == MEASURE_FIRMWARE);
}

/* QEMU takes the first one that it meets from the top. */
Test(measure, of_two_entries_the_topmost_counts)
{
    struct firmware f;
    uint32_t vector;
    is(firmware_open(firmware(), &f), REASON_OK);
    is(firmware_reset_vector(&f, &vector), REASON_OK);
    cr_expect(vector == 0x80b004);
    /* The entry of hashes becomes a second one. */
    memcpy(image + forge_firmware_table() - 22 - 16, image + forge_firmware_table() - 16, 16);
    is(firmware_open(firmware(), &f), REASON_OK);
    is(firmware_reset_vector(&f, &vector), REASON_OK);
    cr_expect(vector == 0x80b004);
    is(firmware_hash_table(&f, &vector), MEASURE_HASHES);
}

Test(measure, metadata_outside_the_image_or_of_another_form_is_refused)
{
    static const struct {
        size_t at;
        uint32_t number;
    } bad[] = {{0, 0x12345678}, {8, 0}, {8, 2}, {12, 0}, {12, 0x10000000}, {12, 0xffffffff}, {12, 100000}};
    struct firmware f;
    struct reader r;
    is(firmware_open(firmware(), &f), REASON_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        forge_firmware(image, FORGE_ENTRY_ALL);
        forge_put(image + FORGE_SEV + bad[i].at, bad[i].number, 4);
        is(firmware_sev_sections(&f, &r), MEASURE_METADATA);
        forge_put(image + FORGE_TDVF + bad[i].at, bad[i].number, 4);
        is(firmware_tdvf_sections(&f, &r), MEASURE_METADATA);
    }
    forge_firmware(image, 0);
    is(firmware_open(firmware(), &f), REASON_OK);
    is(firmware_sev_sections(&f, &r), MEASURE_METADATA);
    is(firmware_tdvf_sections(&f, &r), MEASURE_METADATA);
}

Test(measure, metadata_that_lies_before_the_image_is_refused)
{
    size_t tdvf = forge_firmware_table() - 22 - 26 - 22 - 22;
    uint8_t digest[TDX_DIGEST_SIZE];
    const uint32_t bad[] = {FORGE_IMAGE_SIZE + 1, 0xffffffff, 0, 15, 16};
    is(tdx_mrtd(firmware(), false, digest), REASON_OK);
    for (size_t i = 0; i < 5; i++) {
        forge_put(image + tdvf, bad[i], 4);
        is(tdx_mrtd(firmware(), false, digest), MEASURE_METADATA);
    }
}

/* --- TDX --- */

Test(measure, an_mrtd_is_that_of_another_implementation_in_both_orders)
{
    uint8_t mrtd[TDX_DIGEST_SIZE];
    is(tdx_mrtd(firmware(), false, mrtd), REASON_OK);
    cr_expect_str_eq(hex(mrtd), "caf522b5fdc75c1547c418f651143ead4007a7fc67f5bd686802155bbd6d5500"
                                "5179c91b9724734008deefd57d9d12a3");
    is(tdx_mrtd(firmware(), true, mrtd), REASON_OK);
    cr_expect_str_eq(hex(mrtd), "371d2d3284483913efc99f353bb8a1e707b3d35c7043ad89c84b0c63cbed346c"
                                "228e71fdd3aeeb68c590d2a19a3c96c3");
}

/* The content of a section that is shorter than its memory is followed by zeros: the same as a longer one of zeros. */
Test(measure, memory_behind_a_sections_content_is_measured_as_zeros)
{
    uint8_t whole[TDX_DIGEST_SIZE], shorter[TDX_DIGEST_SIZE];
    uint8_t *second = image + FORGE_TDVF + 16 + 32;
    memset(image + 0x3000 + 100, 0, 0x400);
    forge_put(second, 0x3000, 4);
    forge_put(second + 4, 100 + 0x400, 4);
    forge_put(second + 28, 1, 4);
    is(tdx_mrtd(firmware(), false, whole), REASON_OK);
    forge_put(image + FORGE_TDVF + 16 + 28, 0, 4); /* the image itself, which has these numbers in it, is left out */
    is(tdx_mrtd(firmware(), false, whole), REASON_OK);
    forge_put(second + 4, 100, 4);
    is(tdx_mrtd(firmware(), false, shorter), REASON_OK);
    cr_expect(memcmp(whole, shorter, sizeof whole) == 0);
}

Test(measure, sections_of_a_td_are_pages_in_the_image_and_below_four_gigabytes)
{
    static const struct {
        size_t at, width;
        uint64_t number;
    } bad[] = {
        {0, 4, 1},                           /* the content ends behind the image */
        {0, 4, 0xffffffff},                  /* it begins there */
        {4, 4, 0x3fff000},                   /* longer than the memory */
        {8, 8, 0xffffc001},                  /* no page */
        {16, 8, 0x4001},                     /* not of pages */
        {8, 8, UINT64_C(0x100000000)},       /* above */
        {16, 8, UINT64_C(0x10000000000000)}, /* too much */
        {8, 8, UINT64_C(0xfffffffffffff000)},
    };
    uint8_t mrtd[TDX_DIGEST_SIZE];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        forge_firmware(image, FORGE_ENTRY_ALL);
        forge_put(image + FORGE_TDVF + 16 + bad[i].at, bad[i].number, bad[i].width);
        is(tdx_mrtd(firmware(), false, mrtd), MEASURE_METADATA);
    }
    forge_firmware(image, FORGE_ENTRY_ALL);
    forge_put(image + FORGE_TDVF + 16 + 64 + 8, 0, 8);
    forge_put(image + FORGE_TDVF + 16 + 64 + 16, UINT64_C(0x100000000), 8);
    is(tdx_mrtd(firmware(), false, mrtd), MEASURE_METADATA);
}

static struct tdx_boot boot(size_t initrd, uint64_t memory)
{
    is(kernel_patch(kernel, S("console=hvc0"), initrd, memory), REASON_OK);
    return (struct tdx_boot){
        .kernel = slice_of(kernel, FORGE_KERNEL_SIZE), .initrd = S("initrd"), .command_line = S("console=hvc0")};
}

static void boots_to(const struct tdx_boot *b, const char *rtmr_1, const char *rtmr_2)
{
    struct tdx_measurement m;
    is(tdx_measure_boot(b, &m), REASON_OK);
    cr_expect_str_eq(hex(m.rtmr_1), rtmr_1);
    cr_expect_str_eq(hex(m.rtmr_2), rtmr_2);
}

#define RTMR_1 "5e949a8f4a365b0379ebae097d3ca2e52e87b5941c65a9a059438a4fe9abf56ec2038b20caa4af63e6f160b2be363729"
#define RTMR_2 "8af42a291e94c4715c91075fd046d5e4361636cfdcdbb1e672e5bdc7798e2cac38a4b0feb292c5a6b719d83edb05c651"

Test(measure, registers_of_a_direct_boot_are_those_of_another_implementation)
{
    struct tdx_boot b = boot(6, UINT64_C(2) << 30);
    boots_to(&b, RTMR_1, RTMR_2);
}

Test(measure, an_initrd_lies_where_an_older_kernel_wants_it)
{
    forge_put(kernel + 0x236, 0, 2);
    forge_put(kernel + 0x22c, 0x37ffffff, 4);
    struct tdx_boot b = boot(6, UINT64_C(2) << 30);
    boots_to(&b, "2d7e754965274c1615c374aeabdf39355d4c26fb2c8fa7affbd16107ecc053ad43b1b21a7ce2f2d08cbc3c7b83ebfb5d",
             RTMR_2);
}

Test(measure, certificates_and_the_checksum_of_a_kernel_are_not_measured)
{
    memset(kernel + FORGE_KERNEL_SIZE, 0x5a, 0x100);
    forge_put(kernel + FORGE_PE + 4 + 20 + 112 + 32, FORGE_KERNEL_SIZE, 4);
    forge_put(kernel + FORGE_PE + 4 + 20 + 112 + 36, 0x100, 4);
    forge_put(kernel + FORGE_PE + 4 + 20 + 64, 0x87654321, 4);
    struct tdx_boot b = boot(6, UINT64_C(2) << 30);
    b.kernel.len = sizeof kernel;
    boots_to(&b, RTMR_1, RTMR_2);
}

Test(measure, what_stands_behind_the_last_section_of_a_kernel_is_measured)
{
    uint8_t without[PE_DIGEST_SIZE], with[PE_DIGEST_SIZE];
    memset(kernel + FORGE_KERNEL_SIZE, 0x5a, 0x100);
    is(pe_digest(slice_of(kernel, FORGE_KERNEL_SIZE), without), REASON_OK);
    is(pe_digest(slice_of(kernel, sizeof kernel), with), REASON_OK);
    cr_expect(memcmp(without, with, sizeof with) != 0);
}

/* RTMR 1 of a log of QEMU 7 and an OVMF of that time: kernel, action, end of the services, with no separator. */
Test(measure, a_separator_is_in_the_other_register_with_older_firmware)
{
    struct tdx_boot b = boot(6, UINT64_C(2) << 30);
    struct tdx_measurement newer, older;
    is(tdx_measure_boot(&b, &newer), REASON_OK);
    b.separator_before = true;
    is(tdx_measure_boot(&b, &older), REASON_OK);
    cr_expect(memcmp(newer.rtmr_1, older.rtmr_1, 48) != 0 && memcmp(newer.rtmr_2, older.rtmr_2, 48) == 0);
    cr_expect(memcmp(newer.kernel, older.kernel, 48) == 0);
}

Test(measure, a_boot_without_initrd_measures_the_command_line_alone)
{
    struct tdx_boot b = boot(0, UINT64_C(2) << 30);
    struct tdx_measurement m;
    b.initrd = NO_SLICE;
    is(tdx_measure_boot(&b, &m), REASON_OK);
    /* Python's hashlib: SHA-384("console=hvc0" as UTF-16LE with its NUL), and 48 zeros extended with that */
    cr_expect_str_eq(hex(m.parameters), "40da365fc988de16b05482a7f3fea6946d4bca8f1aa11039c6bef8f3ad748efb"
                                        "0913a2f2e6f6ccf6383bd2c738fc8c38");
    cr_expect_str_eq(hex(m.rtmr_2), "2392480552c81c55a64283523191f66aa2ef465545ffb29dc4486a4b9f8a7c4e"
                                    "5cb6795fbddad865defe6bd88c7aedb3");
}

Test(measure, a_command_line_is_ascii_and_without_vga)
{
    struct tdx_boot b = boot(0, UINT64_C(2) << 30);
    struct tdx_measurement m;
    const slice bad[] = {S("caf\xc3\xa9"), S("a\nb"), S("a\0b"), S("\x7f")};
    for (size_t i = 0; i < 4; i++) {
        b.command_line = bad[i];
        is(tdx_measure_boot(&b, &m), MEASURE_COMMAND_LINE);
    }
    is(kernel_patch(kernel, S("quiet vga=791"), 0, 1 << 30), MEASURE_COMMAND_LINE);
}

Test(measure, an_initrd_that_does_not_fit_is_refused)
{
    is(kernel_patch(kernel, S(""), 1, 0x28000), MEASURE_INITRD);
    is(kernel_patch(kernel, S(""), (1 << 20) - 0x28000, 1 << 20), MEASURE_INITRD);
    is(kernel_patch(kernel, S(""), (1 << 20) - 0x28000 - 2, 1 << 20), REASON_OK);
    is(kernel_patch(kernel, S(""), SIZE_MAX, UINT64_C(1) << 40), MEASURE_INITRD);
}

Test(measure, a_kernel_that_is_no_bzimage_is_not_patched)
{
    static const struct {
        size_t at;
        uint32_t number;
        size_t width;
    } bad[] = {{0x202, 0, 4}, {0x206, 0x202, 2}, {0x211, 0, 1}};
    for (size_t i = 0; i < 3; i++) {
        forge_kernel(kernel);
        forge_put(kernel + bad[i].at, bad[i].number, bad[i].width);
        is(kernel_patch(kernel, S(""), 0, 1 << 30), MEASURE_KERNEL);
    }
}

Test(measure, a_kernel_that_is_no_pe_image_is_not_measured)
{
    static const struct {
        size_t at;
        uint32_t number;
        size_t width;
    } bad[] = {
        {0, 0, 2},
        {0x3c, FORGE_KERNEL_SIZE, 4},
        {0x3c, 0xffffffff, 4},
        {FORGE_PE, 0, 4},
        {FORGE_PE + 4 + 2, 97, 2},      /* sections */
        {FORGE_PE + 4 + 20, 0x10c, 2},  /* magic */
        {FORGE_PE + 4 + 20 + 60, 0, 4}, /* size of headers */
        {FORGE_PE + 4 + 20 + 60, 0xb0, 4},
        {FORGE_PE + 4 + 20 + 60, FORGE_KERNEL_SIZE + 1, 4},
        {FORGE_PE + 4 + 20 + 160 + 16, 0x2001, 4},     /* a section's size */
        {FORGE_PE + 4 + 20 + 160 + 20, 0xffffffff, 4}, /* where it is */
        {FORGE_PE + 4 + 16, 0xffff, 2},                /* size of the optional header */
    };
    uint8_t digest[PE_DIGEST_SIZE];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        forge_kernel(kernel);
        forge_put(kernel + bad[i].at, bad[i].number, bad[i].width);
        is(pe_digest(slice_of(kernel, FORGE_KERNEL_SIZE), digest), MEASURE_KERNEL);
    }
    forge_kernel(kernel);
    forge_put(kernel + FORGE_PE + 4 + 20 + 112 + 36, 0x101, 4);
    is(pe_digest(slice_of(kernel, sizeof kernel), digest), MEASURE_KERNEL);
    for (size_t size = 0; size < FORGE_KERNEL_SIZE; size += 31)
        is(pe_digest(slice_of(kernel, size), digest), MEASURE_KERNEL);
}
