/* SPDX-License-Identifier: Apache-2.0
 *
 * The second opinion is upstream's own evidence of a Genoa guest (vectors), from which the report is put together here
 * by offsets of the firmware ABI, and must come back as it was.
 */
#include "guest/attester/snp_report.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "guest/file.h"
#include "lib/json/json.h"

static struct arena arena;
static uint8_t report[SNP_REPORT_SIZE];

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)64 << 20, ARENA_PLAIN)));
    memset(report, 0, sizeof report);
}

static void teardown(void)
{
    arena_unmap(&arena);
}

TestSuite(snp_report, .init = setup, .fini = teardown);

static void put(size_t at, size_t width, uint64_t n)
{
    for (size_t i = 0; i < width; i++)
        report[at + i] = (uint8_t)(n >> 8 * i);
}

static slice vector(const char *name)
{
    const char *folder = getenv("TRUSTEE_VECTORS");
    slice out;
    if (!folder)
        cr_skip("TRUSTEE_VECTORS is not set");
    slice path = arena_printf(&arena, "%s/snp/%s", folder, name);
    cr_assert(!FAILED(file_read((const char *)path.ptr, 1 << 20, &arena, &out)), "%s", (const char *)path.ptr);
    return out;
}

static uint64_t number(const json *object, slice name)
{
    uint64_t n = 0;
    cr_assert(json_u64(json_get(object, name), &n), "%.*s", SLICE_ARG(name));
    return n;
}

static void put_number(const json *object, slice name, size_t at, size_t width)
{
    put(at, width, number(object, name));
}

static void put_bytes(const json *object, slice name, size_t at, size_t length)
{
    const json *list = json_get(object, name);
    cr_assert_eq(json_count(list), length, "%.*s", SLICE_ARG(name));
    uint64_t byte;
    for (const json *v = json_next(list, NULL, NULL); v; v = json_next(list, v, NULL)) {
        cr_assert(json_u64(v, &byte));
        report[at++] = (uint8_t)byte;
    }
}

static void put_legacy_tcb(const json *object, slice name, size_t at)
{
    const json *tcb = json_get(object, name);
    cr_assert(json_is_null(json_get(tcb, S("fmc"))));
    put_number(tcb, S("bootloader"), at, 1);
    put_number(tcb, S("tee"), at + 1, 1);
    put_number(tcb, S("snp"), at + 6, 1);
    put_number(tcb, S("microcode"), at + 7, 1);
}

static void put_version(const json *object, slice name, size_t at)
{
    const json *version = json_get(object, name);
    put_number(version, S("build"), at, 1);
    put_number(version, S("minor"), at + 1, 1);
    put_number(version, S("major"), at + 2, 1);
}

static void put_report(const json *r)
{
    put_number(r, S("version"), 0x00, 4);
    put_number(r, S("guest_svn"), 0x04, 4);
    put_number(r, S("policy"), 0x08, 8);
    put_bytes(r, S("family_id"), 0x10, 16);
    put_bytes(r, S("image_id"), 0x20, 16);
    put_number(r, S("vmpl"), 0x30, 4);
    put_number(r, S("sig_algo"), 0x34, 4);
    put_legacy_tcb(r, S("current_tcb"), 0x38);
    put_number(r, S("plat_info"), 0x40, 8);
    put_number(r, S("key_info"), 0x48, 4);
    put_bytes(r, S("report_data"), 0x50, 64);
    put_bytes(r, S("measurement"), 0x90, 48);
    put_bytes(r, S("host_data"), 0xc0, 32);
    put_bytes(r, S("id_key_digest"), 0xe0, 48);
    put_bytes(r, S("author_key_digest"), 0x110, 48);
    put_bytes(r, S("report_id"), 0x140, 32);
    put_bytes(r, S("report_id_ma"), 0x160, 32);
    put_legacy_tcb(r, S("reported_tcb"), 0x180);
    put_number(r, S("cpuid_fam_id"), 0x188, 1);
    put_number(r, S("cpuid_mod_id"), 0x189, 1);
    put_number(r, S("cpuid_step"), 0x18a, 1);
    put_bytes(r, S("chip_id"), 0x1a0, 64);
    put_legacy_tcb(r, S("committed_tcb"), 0x1e0);
    put_version(r, S("current"), 0x1e8);
    put_version(r, S("committed"), 0x1ec);
    put_legacy_tcb(r, S("launch_tcb"), 0x1f0);
    put_bytes(json_get(r, S("signature")), S("r"), 0x2a0, 72);
    put_bytes(json_get(r, S("signature")), S("s"), 0x2e8, 72);
}

static slice canonical(const json *v)
{
    struct text t = text_begin(&arena);
    cr_assert(!FAILED(json_canonical(&t, v)));
    return text_end(&t);
}

static const json *encode(slice certificates)
{
    slice text;
    const json *out;
    result r = snp_evidence_json(slice_of(report, sizeof report), certificates, &arena, &text);
    cr_assert(!FAILED(r), "%s", reason_id(r.reason));
    cr_assert(!FAILED(json_parse(&arena, text, &out)));
    return out;
}

/* The kernel's table: GUID, offset, length; a GUID of zeros ends it. */
static slice certificate_table(const uint8_t guid[16], slice der)
{
    uint8_t *table = arena_alloc(&arena, 48 + der.len, 1);
    memset(table, 0, 48);
    memcpy(table, guid, 16);
    table[16] = 48;
    for (size_t i = 0; i < 4; i++)
        table[20 + i] = (uint8_t)(der.len >> 8 * i);
    if (der.len)
        memcpy(table + 48, der.ptr, der.len);
    return slice_of(table, 48 + der.len);
}

static const uint8_t VCEK_GUID[16] = {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64,
                                      0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd};

Test(snp_report, a_genoa_report_of_version_3_comes_out_as_upstream_writes_it)
{
    const json *theirs, *member;
    slice key;
    cr_assert(!FAILED(json_parse(&arena, vector("genoa-v3-evidence.json"), &theirs)));
    put_report(json_get(theirs, S("attestation_report")));
    const json *certificate = json_next(json_get(theirs, S("cert_chain")), NULL, NULL);
    size_t length = json_count(json_get(certificate, S("data"))), at = 0;
    uint8_t *der = arena_alloc(&arena, length, 1);
    const json *data = json_get(certificate, S("data"));
    for (member = json_next(data, NULL, NULL); member; member = json_next(data, member, NULL)) {
        uint64_t byte;
        cr_assert(json_u64(member, &byte));
        der[at++] = (uint8_t)byte;
    }
    const json *ours = encode(certificate_table(VCEK_GUID, slice_of(der, length)));
    cr_assert(slice_equal(canonical(json_get(ours, S("cert_chain"))), canonical(json_get(theirs, S("cert_chain")))));
    const json *expected = json_get(theirs, S("attestation_report"));
    for (member = json_next(expected, NULL, &key); member; member = json_next(expected, member, &key)) {
        slice got = canonical(json_get(json_get(ours, S("attestation_report")), key));
        cr_assert(slice_equal(got, canonical(member)), "%.*s: %.*s", SLICE_ARG(key), SLICE_ARG(got));
    }
    cr_assert(json_is_null(json_at(ours, S("/attestation_report/launch_mit_vector"))));
}

Test(snp_report, a_milan_report_of_version_2_has_no_cpuid)
{
    slice raw = vector("milan-v2-goog.bin");
    memcpy(report, raw.ptr, raw.len < sizeof report ? raw.len : sizeof report);
    const json *ours = encode(NO_SLICE);
    cr_assert(json_is_null(json_get(ours, S("cert_chain"))));
    cr_assert(json_is_null(json_at(ours, S("/attestation_report/cpuid_fam_id"))));
    /* MANIFEST: report data 01 02 03 04 05 00…, TCB bl2 snp5 ucode68 */
    const json *tcb = json_at(ours, S("/attestation_report/reported_tcb"));
    cr_assert_eq(number(tcb, S("bootloader")), 2);
    cr_assert_eq(number(tcb, S("snp")), 5);
    cr_assert_eq(number(tcb, S("microcode")), 68);
    cr_assert(slice_starts(snp_report_data(raw), S("\1\2\3\4\5\0")));
}

static void turin(uint32_t version)
{
    put(0, 4, version);
    put(0x188, 2, 0x021a);
    for (uint8_t i = 0; i < 8; i++)
        report[0x180 + i] = (uint8_t)(i + 1);
    put(0x1f8, 8, UINT64_MAX);
    put(0x200, 8, 7);
}

Test(snp_report, a_turin_tcb_begins_with_fmc)
{
    turin(3);
    const json *tcb = json_at(encode(NO_SLICE), S("/attestation_report/reported_tcb"));
    cr_assert_eq(number(tcb, S("fmc")), 1);
    cr_assert_eq(number(tcb, S("bootloader")), 2);
    cr_assert_eq(number(tcb, S("tee")), 3);
    cr_assert_eq(number(tcb, S("snp")), 4);
    cr_assert_eq(number(tcb, S("microcode")), 8);
}

Test(snp_report, version_5_brings_mitigation_vectors)
{
    turin(5);
    slice text;
    cr_assert(!FAILED(snp_evidence_json(slice_of(report, sizeof report), NO_SLICE, &arena, &text)));
    cr_assert_not_null(memmem(text.ptr, text.len, "\"launch_mit_vector\":18446744073709551615,", 41));
    cr_assert_not_null(memmem(text.ptr, text.len, "\"current_mit_vector\":7,", 23));
}

static void refuses(slice raw, slice certificates)
{
    slice text;
    result r = snp_evidence_json(raw, certificates, &arena, &text);
    cr_assert_eq(r.reason, AGENT_EVIDENCE);
    cr_assert_null(text.ptr);
}

Test(snp_report, a_report_of_another_size_version_or_processor_is_refused)
{
    turin(3);
    slice whole = slice_of(report, sizeof report);
    refuses(slice_sub(whole, 0, sizeof report - 1), NO_SLICE);
    refuses(NO_SLICE, NO_SLICE);
    put(0, 4, 1);
    refuses(whole, NO_SLICE);
    put(0, 4, 3);
    put(0x188, 2, 0x2119);
    refuses(whole, NO_SLICE);
    put(0x188, 2, 0x121a);
    refuses(whole, NO_SLICE);
}

Test(snp_report, a_certificate_table_that_points_outside_of_itself_is_refused)
{
    turin(3);
    slice whole = slice_of(report, sizeof report), table = certificate_table(VCEK_GUID, S("der"));
    refuses(whole, slice_sub(table, 0, table.len - 1));
    refuses(whole, slice_sub(table, 0, 20));
    refuses(whole, slice_sub(table, 0, 24));
    ((uint8_t *)(uintptr_t)table.ptr)[19] = 0xff;
    refuses(whole, table);
}

Test(snp_report, a_certificate_of_an_unknown_kind_keeps_its_guid)
{
    turin(3);
    uint8_t guid[16];
    for (uint8_t i = 0; i < 16; i++)
        guid[i] = (uint8_t)(0x10 + i);
    const json *ours = encode(certificate_table(guid, S("ab")));
    slice text = canonical(json_get(ours, S("cert_chain")));
    cr_assert(slice_equal(
        text, S("[{\"cert_type\":{\"OTHER\":\"10111213-1415-1617-1819-1a1b1c1d1e1f\"},\"data\":[97,98]}]")));
}

Test(snp_report, an_arena_that_is_full_is_said_so)
{
    struct arena small;
    slice text;
    turin(3);
    cr_assert(!FAILED(arena_map(&small, 2048, ARENA_PLAIN)));
    cr_assert_eq(snp_evidence_json(slice_of(report, sizeof report), NO_SLICE, &small, &text).reason, OK.reason);
    (void)arena_alloc(&small, 1000, 1);
    cr_assert_eq(snp_evidence_json(slice_of(report, sizeof report), NO_SLICE, &small, &text).reason, NO_MEMORY);
    arena_unmap(&small);
}
