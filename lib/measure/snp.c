/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/measure/snp.h"

#include "lib/measure/firmware.h"
#include "lib/measure/vmsa.h"
#include "lib/signature/digest.h"

#define PAGE_INFO_SIZE 0x70
#define VMSA_ADDRESS UINT64_C(0xfffffffff000)

enum page_type {
    PAGE_NORMAL = 1,
    PAGE_VMSA = 2,
    PAGE_ZERO = 3,
    PAGE_SECRETS = 5,
    PAGE_CPUID = 6,
};

struct launch {
    const struct snp_guest *guest;
    struct firmware firmware;
    struct digester digester;
    uint8_t digest[SNP_DIGEST_SIZE];
    bool hashes_measured;
};

static size_t put_number(uint8_t *out, uint64_t number, size_t width)
{
    for (size_t i = 0; i < width; i++, number >>= 8)
        out[i] = (uint8_t)number;
    return width;
}

static size_t put_slice(uint8_t *out, slice s)
{
    memcpy(out, s.ptr, s.len);
    return s.len;
}

/* PAGE_INFO: digest so far, digest of the content, length, type, migration and VMPL permissions (none), address */
static result add_page(struct launch *l, enum page_type type, uint64_t address, slice content)
{
    uint8_t info[PAGE_INFO_SIZE] = {0};
    put_slice(info, slice_of(l->digest, SNP_DIGEST_SIZE));
    if (content.ptr)
        TRY(digester_of(&l->digester, content, NO_SLICE, info + SNP_DIGEST_SIZE));
    put_number(info + 0x60, PAGE_INFO_SIZE, 2);
    put_number(info + 0x62, type, 1);
    put_number(info + 0x68, address, 8);
    return digester_of(&l->digester, slice_of(info, sizeof info), NO_SLICE, l->digest);
}

static result add_image(struct launch *l)
{
    uint64_t base = firmware_base(&l->firmware);
    for (size_t at = 0; at < l->firmware.image.len; at += PAGE_SIZE_4K)
        TRY(add_page(l, PAGE_NORMAL, base + at, slice_sub(l->firmware.image, at, PAGE_SIZE_4K)));
    return OK;
}

/* --- hashes of what QEMU boots --- */

#define GUID_SIZE 16
#define HASH_ENTRY_SIZE (GUID_SIZE + 2 + 32)
#define HASH_TABLE_SIZE (GUID_SIZE + 2 + 3 * HASH_ENTRY_SIZE)

/* 9438d606-4f22-4cc9-b479-a793d411fd21 */
static const slice TABLE = TRUSTEE_TEXT("\x06\xd6\x38\x94\x22\x4f\xc9\x4c\xb4\x79\xa7\x93\xd4\x11\xfd\x21");
/* 97d02dd8-bd20-4c94-aa78-e7714d36ab2a */
static const slice COMMAND_LINE = TRUSTEE_TEXT("\xd8\x2d\xd0\x97\x20\xbd\x94\x4c\xaa\x78\xe7\x71\x4d\x36\xab\x2a");
/* 44baf731-3a2f-4bd7-9af1-41e29169781d */
static const slice INITRD = TRUSTEE_TEXT("\x31\xf7\xba\x44\x2f\x3a\xd7\x4b\x9a\xf1\x41\xe2\x91\x69\x78\x1d");
/* 4de79437-abd2-427f-b835-d5b172d2045b */
static const slice KERNEL = TRUSTEE_TEXT("\x37\x94\xe7\x4d\xd2\xab\x7f\x42\xb8\x35\xd5\xb1\x72\xd2\x04\x5b");

static size_t put_entry(uint8_t *out, slice guid, size_t size)
{
    size_t n = put_slice(out, guid);
    return n + put_number(out + n, size, 2);
}

/* The command line is hashed with its NUL. */
static result fill_hashes(const struct snp_guest *guest, uint8_t *out)
{
    struct digester sha256;
    size_t n = put_entry(out, TABLE, HASH_TABLE_SIZE);
    result r = digester_begin(&sha256, DIGEST_SHA256);
    n += put_entry(out + n, COMMAND_LINE, HASH_ENTRY_SIZE);
    if (!FAILED(r))
        r = digester_of(&sha256, guest->command_line, S("\0"), out + n);
    n += put_entry(out + n + 32, INITRD, HASH_ENTRY_SIZE) + 32;
    if (!FAILED(r))
        r = digester_of(&sha256, guest->initrd, NO_SLICE, out + n);
    n += put_entry(out + n + 32, KERNEL, HASH_ENTRY_SIZE) + 32;
    if (!FAILED(r))
        r = digester_of(&sha256, guest->kernel, NO_SLICE, out + n);
    digester_end(&sha256);
    return r;
}

static result add_pages(struct launch *l, enum page_type type, const struct sev_section *s)
{
    for (uint32_t at = 0; at < s->size; at += PAGE_SIZE_4K)
        TRY(add_page(l, type, (uint64_t)s->address + at, NO_SLICE));
    return OK;
}

static result add_hashes(struct launch *l, const struct sev_section *s)
{
    uint8_t page[PAGE_SIZE_4K] = {0};
    uint32_t table;
    if (!l->guest->direct)
        return add_pages(l, PAGE_ZERO, s);
    TRY(firmware_hash_table(&l->firmware, &table));
    ENSURE(s->size == PAGE_SIZE_4K && table >= s->address, MEASURE_HASHES);
    ENSURE(table - s->address <= PAGE_SIZE_4K - HASH_TABLE_SIZE, MEASURE_HASHES);
    TRY(fill_hashes(l->guest, page + (table - s->address)));
    l->hashes_measured = true;
    return add_page(l, PAGE_NORMAL, s->address, slice_of(page, sizeof page));
}

/* --- pages of the metadata --- */

static result add_section(struct launch *l, const struct sev_section *s)
{
    /* What a guest begins with lies below its firmware. */
    ENSURE(s->size <= FIRMWARE_SIZE_MAX, MEASURE_METADATA);
    switch (s->kind) {
    case SEV_SECTION_MEMORY:
    case SEV_SECTION_SVSM_CALLING:
        return add_pages(l, PAGE_ZERO, s);
    case SEV_SECTION_SECRETS:
        return add_pages(l, PAGE_SECRETS, s);
    case SEV_SECTION_CPUID:
        return add_pages(l, PAGE_CPUID, s);
    case SEV_SECTION_HASHES:
        return add_hashes(l, s);
    default:
        return FAIL(MEASURE_METADATA);
    }
}

static result add_sections(struct launch *l)
{
    struct reader sections;
    struct sev_section s;
    TRY(firmware_sev_sections(&l->firmware, &sections));
    for (bool end = false;;) {
        TRY(sev_section_next(&sections, &s, &end));
        if (end)
            break;
        TRY(add_section(l, &s));
    }
    ENSURE(!l->guest->direct || l->hashes_measured, MEASURE_HASHES);
    return OK;
}

static result add_processors(struct launch *l)
{
    uint8_t page[VMSA_SIZE];
    uint32_t vector;
    vmsa_fill(page, VMSA_FIRST_PROCESSOR, l->guest->signature, l->guest->features);
    TRY(add_page(l, PAGE_VMSA, VMSA_ADDRESS, slice_of(page, sizeof page)));
    if (l->guest->processors == 1)
        return OK;
    TRY(firmware_reset_vector(&l->firmware, &vector));
    vmsa_fill(page, vector, l->guest->signature, l->guest->features);
    for (uint32_t i = 1; i < l->guest->processors; i++)
        TRY(add_page(l, PAGE_VMSA, VMSA_ADDRESS, slice_of(page, sizeof page)));
    return OK;
}

static result launch(struct launch *l)
{
    TRY(add_image(l));
    TRY(add_sections(l));
    return add_processors(l);
}

result snp_launch_digest(const struct snp_guest *guest, uint8_t out[SNP_DIGEST_SIZE])
{
    struct launch l = {.guest = guest};
    ENSURE(guest->processors > 0 && guest->processors <= SNP_PROCESSORS_MAX, CONFIG_VALUE);
    TRY(firmware_open(guest->firmware, &l.firmware));
    result r = digester_begin(&l.digester, DIGEST_SHA384);
    if (!FAILED(r))
        r = launch(&l);
    digester_end(&l.digester);
    memcpy(out, l.digest, SNP_DIGEST_SIZE);
    return r;
}

/* --- models --- */

uint32_t snp_signature(uint32_t family, uint32_t model, uint32_t stepping)
{
    uint32_t low = family > 15 ? 15 : family;
    return (family - low) << 20 | (model >> 4 & 15) << 16 | low << 8 | (model & 15) << 4 | (stepping & 15);
}

static const struct {
    slice name;
    uint8_t family, model, stepping;
} MODELS[] = {
    {TRUSTEE_TEXT("EPYC"), 23, 1, 2},        {TRUSTEE_TEXT("EPYC-IBPB"), 23, 1, 2},
    {TRUSTEE_TEXT("EPYC-Rome"), 23, 49, 0},  {TRUSTEE_TEXT("EPYC-Milan"), 25, 1, 1},
    {TRUSTEE_TEXT("EPYC-Genoa"), 25, 17, 0}, {TRUSTEE_TEXT("EPYC-Turin"), 26, 0, 0},
};

static slice without_version(slice model)
{
    size_t n = model.len;
    while (n && model.ptr[n - 1] >= '0' && model.ptr[n - 1] <= '9')
        n--;
    bool versioned = n < model.len && n > 2 && memcmp(model.ptr + n - 2, "-v", 2) == 0;
    return versioned ? slice_of(model.ptr, n - 2) : model;
}

bool snp_signature_of(slice model, uint32_t *out)
{
    slice name = without_version(model);
    for (size_t i = 0; i < sizeof MODELS / sizeof *MODELS; i++)
        if (slice_equal(MODELS[i].name, name)) {
            *out = snp_signature(MODELS[i].family, MODELS[i].model, MODELS[i].stepping);
            return true;
        }
    return false;
}
