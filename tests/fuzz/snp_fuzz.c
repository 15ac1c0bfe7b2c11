/* SPDX-License-Identifier: Apache-2.0
 *
 * The plugin's verify() and judge_collateral() through the fake host, below a pretended AMD. An input that begins with
 * '{' is the evidence; any other gives the bytes of a VCEK, after two bytes of length, of a revocation list, likewise,
 * and of a report; the first byte of its own says how they are handed over, and whether the report is signed here and a
 * certificate made for it, so that what lies behind the signatures is reached.
 */
#include <stdlib.h>

#include "tests/support/fake_host.h"
#include "tests/support/forge_snp.h"
#include "tests/support/test_pki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const trustee_plugin *trustee_plugin_describe_v1(void);

static struct fake_host host;
static struct arena arena;
static size_t arena_start;
static struct forge_amd amd;
static EVP_PKEY *key;

static void begin(void)
{
    if (FAILED(arena_map(&arena, 16u << 20, ARENA_PLAIN)))
        abort();
    forge_amd(&arena, &amd, "Milan", 0, NULL);
    fake_host_begin(&host);
    fake_option_bytes(&host, "trust_anchor", amd.pem);
    fake_option(&host, "allow_masked_chip_id", "yes");
    fake_option(&host, "generation", "Venice 0x1a 0x50-0x5f turin");
    if (fake_load(&host, trustee_plugin_describe_v1()) != TRUSTEE_OK)
        abort();
    key = forge_ec_key(NULL, "vcek", "P-384");
    arena_start = arena.used;
}

static slice cut(struct reader *r)
{
    uint16_t length;
    slice part = NO_SLICE;
    if (read_u16be(r, &length) && !read_bytes(r, length, &part))
        part = NO_SLICE;
    return part;
}

static void judge_evidence(slice evidence, const trustee_collateral *items, size_t count, slice report_data)
{
    trustee_verify_in in = {
        .report_data = report_data, .collateral = items, .collateral_count = count, .now = TEST_NOW};
    bool genuine = fake_verify(&host, S("snp"), evidence, &in);
    if (host.claims_failed || (genuine && host.reason.len) || (host.status == TRUSTEE_REJECT && !host.reason.len))
        abort();
    if (host.status != TRUSTEE_OK && host.out.verdict != TRUSTEE_VERDICT_NONE)
        abort();
    if ((host.status == TRUSTEE_NEED) != (host.out.need_count > 0) || host.status < 0)
        if (host.status != TRUSTEE_E_INVAL && host.status != TRUSTEE_E_NOMEM)
            abort();
}

static void judge_item(const trustee_collateral *item)
{
    trustee_collateral_facts facts = {.size = sizeof facts};
    const trustee_verifier *verifier = host.plugin->interfaces[0].vtable;
    fake_request(&host);
    trustee_status status = verifier->judge_collateral(host.instance, fake_handle(&host), item, TEST_NOW, &facts);
    if (status != TRUSTEE_OK && (status != TRUSTEE_REJECT || !host.reason.len))
        abort();
}

/* Milan's layout of the firmware's version. */
static slice certificate_for(slice report)
{
    const uint8_t *b = report.ptr;
    struct forge_report r = forge_report("Milan", 3);
    memcpy(r.chip_id, b + 0x1a0, sizeof r.chip_id);
    r.key_info = b[0x48];
    r.reported = (struct forge_levels){-1, b[0x180], b[0x181], b[0x186], b[0x187]};
    struct forge_vek v = forge_vek(&amd, &r);
    return forge_vek_issue(&arena, &amd, &v, key);
}

static void judge_parts(slice input)
{
    struct reader r = reader_of(input);
    uint8_t how = 0;
    read_u8(&r, &how);
    slice vek = cut(&r), crl = cut(&r), report = r.left;
    trustee_collateral items[] = {
        {.kind = S("amd/crl"), .key = how & 1 ? S("Milan/vlek") : S("Milan/vcek"), .bytes = crl},
        {.kind = S("amd/ca-chain"), .key = S("Milan/vcek"), .bytes = crl},
        {.kind = S("amd/vcek"), .key = S("Milan/00/1-2-3-4"), .bytes = vek}};
    for (size_t i = 0; i < 3; i++)
        judge_item(&items[i]);
    struct forge_table table = {.shape = how & 2 || report.len != 1184 ? FORGE_SHAPE_RAW : FORGE_SHAPE_7,
                                .vcek = how & 4 ? vek : NO_SLICE,
                                .vlek = how & 8 ? vek : NO_SLICE,
                                .ask = how & 16 ? crl : NO_SLICE,
                                .ark = how & 32 ? crl : NO_SLICE};
    if (how & 64 && report.len == 1184) {
        report = forge_report_resign(&arena, report, key);
        *(report.ptr[0x48] & 4 ? &table.vlek : &table.vcek) = certificate_for(report);
    }
    judge_evidence(forge_snp_evidence(&arena, report, &table), items, 2, slice_sub(report, 0x50, 64));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t zeros[48];
    slice input = slice_of(data, size);
    if (!arena.base)
        begin();
    if (size > 64 * 1024)
        return 0;
    arena.used = arena_start;
    if (slice_starts(input, S("{")))
        judge_evidence(input, NULL, 0, slice_of(zeros, sizeof zeros));
    else
        judge_parts(input);
    return 0;
}
