/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/snp_world.h"

const trustee_plugin *trustee_plugin_describe_v1(void);

struct snp_world w;

void snp_begin(void)
{
    cr_assert(!FAILED(arena_map(&w.arena, 256 << 20, ARENA_PLAIN)));
    fake_host_begin(&w.host);
    forge_amd(&w.arena, &w.milan, "Milan", 0, NULL);
    forge_amd(&w.arena, &w.genoa, "Genoa", 0, NULL);
    forge_amd(&w.arena, &w.turin, "Turin", 0, NULL);
    w.key = test_ec("P-384");
    w.other = test_ec("P-384");
    for (size_t i = 0; i < sizeof w.report_data; i++)
        w.report_data[i] = (uint8_t)(0xa0 + i);
    for (size_t i = 0; i < sizeof w.init_data; i++)
        w.init_data[i] = (uint8_t)(0x40 + i);
    w.in = (trustee_verify_in){.report_data = slice_of(w.report_data, sizeof w.report_data),
                               .init_data = slice_of(w.init_data, sizeof w.init_data),
                               .collateral = w.collateral,
                               .now = TEST_NOW};
    snp_platform(&w.milan, 3);
}

void snp_end(void)
{
    fake_host_end(&w.host);
    forge_amd_free(&w.milan);
    forge_amd_free(&w.genoa);
    forge_amd_free(&w.turin);
    EVP_PKEY_free(w.key);
    EVP_PKEY_free(w.other);
    arena_unmap(&w.arena);
}

void snp_restart(void)
{
    fake_host_end(&w.host);
    fake_host_begin(&w.host);
}

void snp_platform(const struct forge_amd *amd, uint32_t version)
{
    w.amd = amd;
    w.table = (struct forge_table){0};
    w.report = forge_report(amd->generation, version);
    memcpy(w.report.report_data, w.report_data, sizeof w.report_data);
    memcpy(w.report.host_data, w.init_data, sizeof w.init_data);
}

void snp_load(void)
{
    fake_option_bytes(&w.host, "trust_anchor", w.milan.pem);
    fake_option_bytes(&w.host, "trust_anchor", w.genoa.pem);
    fake_option_bytes(&w.host, "trust_anchor", w.turin.pem);
    cr_assert(fake_load(&w.host, trustee_plugin_describe_v1()) == TRUSTEE_OK);
}

slice snp_vek(void)
{
    struct forge_vek v = forge_vek(w.amd, &w.report);
    return forge_vek_issue(&w.arena, w.amd, &v, w.key);
}

slice snp_evidence(void)
{
    struct forge_table table = w.table;
    slice report = forge_report_sign(&w.arena, &w.report, w.key);
    if (!table.vcek.len && !table.vlek.len) {
        bool vlek = (w.report.key_info >> 2 & 7) == 1;
        *(vlek ? &table.vlek : &table.vcek) = snp_vek();
    }
    return forge_snp_evidence(&w.arena, report, &table);
}

void snp_give(const char *kind, slice key, slice bytes)
{
    w.collateral[w.in.collateral_count++] = (trustee_collateral){.kind = slice_text(kind), .key = key, .bytes = bytes};
}

void snp_judges(slice evidence, const char *reason)
{
    if (!w.host.instance)
        snp_load();
    bool genuine = fake_verify(&w.host, S("snp"), evidence, &w.in);
    cr_expect(genuine == (reason == NULL), "genuine: %d, status %d", genuine, w.host.status);
    cr_expect(slice_equal(w.host.reason, slice_text(reason)), "\"%.*s\", expected \"%s\"", SLICE_ARG(w.host.reason),
              reason ? reason : "");
    cr_expect(genuine || w.host.out.verdict == TRUSTEE_VERDICT_NONE);
    cr_expect(genuine || w.host.status == TRUSTEE_REJECT, "status %d", w.host.status);
    cr_expect(!reason || fake_check(&w.host, reason) == 0, "no failed check is named %s", reason);
}

void snp_accepts(void)
{
    snp_judges(snp_evidence(), NULL);
}

void snp_refuses(const char *reason)
{
    snp_judges(snp_evidence(), reason);
}

void snp_needs(slice evidence, const char *kind, slice key)
{
    if (!w.host.instance)
        snp_load();
    cr_expect(!fake_verify(&w.host, S("snp"), evidence, &w.in));
    cr_expect(w.host.status == TRUSTEE_NEED, "status %d, reason %.*s", w.host.status, SLICE_ARG(w.host.reason));
    bool found = false;
    for (uint64_t i = 0; i < w.host.out.need_count; i++)
        found = found || (slice_equal(w.host.needs[i].kind, slice_text(kind)) && slice_equal(w.host.needs[i].key, key));
    cr_expect(found, "%s %.*s is not asked for", kind, SLICE_ARG(key));
}

void snp_claims_are(const char *pointer, const char *text)
{
    slice claim = fake_claim(&w.host, pointer);
    cr_expect(slice_equal(claim, slice_text(text)), "%s is \"%.*s\", expected \"%s\"", pointer, SLICE_ARG(claim), text);
}
