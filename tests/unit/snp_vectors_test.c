/* SPDX-License-Identifier: Apache-2.0
 *
 * Recorded evidence of real platforms, against AMD's own roots. Not part of this repository: TRUSTEE_VECTORS names the
 * folder; without it the tests are skipped.
 */
#include "plugins/snp/snp.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/snp/roots.h"
#include "tests/support/fake_host.h"
#include "tests/support/forge_snp.h"

const trustee_plugin *trustee_plugin_describe_v1(void);

#define AT_2025_06 INT64_C(1750000000)
#define AT_2026_11 INT64_C(1795000000)

static struct fake_host host;
static struct arena arena;
static trustee_verify_in in;

static void begin(void)
{
    cr_assert(!FAILED(arena_map(&arena, 64 << 20, ARENA_PLAIN)));
    fake_host_begin(&host);
    in = (trustee_verify_in){.now = AT_2026_11};
}

static void end(void)
{
    fake_host_end(&host);
    arena_unmap(&arena);
}

TestSuite(snp_vectors, .init = begin, .fini = end, .timeout = 120);

static slice vector(const char *name)
{
    char path[4096];
    const char *folder = getenv("TRUSTEE_VECTORS");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "../shared/vectors", name);
    FILE *file = fopen(path, "rb");
    if (!file)
        cr_skip_test("no recorded evidence: set TRUSTEE_VECTORS");
    uint8_t *bytes = arena_alloc(&arena, 1 << 18, 1);
    cr_assert(bytes);
    size_t length = fread(bytes, 1, 1 << 18, file);
    fclose(file);
    return slice_of(bytes, length);
}

static void load(void)
{
    cr_assert(fake_load(&host, trustee_plugin_describe_v1()) == TRUSTEE_OK);
}

static void judges(slice evidence, const char *reason)
{
    bool genuine = fake_verify(&host, S("snp"), evidence, &in);
    cr_expect(genuine == (reason == NULL));
    cr_expect(slice_equal(host.reason, slice_text(reason)), "\"%.*s\", expected \"%s\"", SLICE_ARG(host.reason),
              reason ? reason : "");
}

/* A raw report with its certificate; whatever report data it has is expected. */
static slice raw(slice report, slice vcek, slice vlek)
{
    in.report_data = slice_sub(report, 0x50, 64);
    return forge_snp_evidence(&arena, report,
                              &(struct forge_table){.shape = FORGE_SHAPE_RAW, .vcek = vcek, .vlek = vlek});
}

static slice changed(slice bytes, size_t at)
{
    slice copy = arena_copy(&arena, bytes);
    ((uint8_t *)(uintptr_t)copy.ptr)[at]++;
    return copy;
}

Test(snp_vectors, evidence_of_a_genoa_as_upstream_s_attester_sends_it_is_genuine)
{
    slice evidence = vector("snp/genoa-v3-evidence.json");
    uint8_t data[64];
    size_t length;
    load();
    hex_decode(
        data, sizeof data,
        S("7e7320889600c7ac133aea7b896c51f41026002982292a7369559796999c1bf929eef3ff23c46e858f0b1982f9a92b17c51b578d9"
          "58cde6b0c92978f150cf9b0"),
        &length);
    in.report_data = slice_of(data, length);
    judges(evidence, NULL);
    cr_expect(slice_equal(fake_claim(&host, "/generation"), S("Genoa")));
    cr_expect(slice_equal(fake_claim(&host, "/reported_tcb_microcode"), S("25")));
    data[0]++;
    judges(evidence, "snp.report_data");
    data[0]--;
    in.now = INT64_C(1748368622); /* the certificate was made a second later */
    judges(evidence, "snp.chain.validity");
}

Test(snp_vectors, a_milan_s_report_and_the_changes_that_upstream_tests)
{
    slice report = vector("snp/test-report.bin"), vcek = vector("snp/test-vcek.der");
    load();
    judges(raw(report, vcek, NO_SLICE), NULL);
    cr_expect(slice_equal(fake_claim(&host, "/current_tcb/microcode"), S("206"))); /* above the committed 115 */
    judges(raw(changed(report, 42), vcek, NO_SLICE), "snp.signature");
    judges(raw(changed(report, 384), vcek, NO_SLICE), "snp.tcb.order"); /* reported above committed */
    judges(raw(report, changed(vcek, 42), NO_SLICE), "snp.vek.form");
    judges(raw(report, changed(vcek, vcek.len - 1), NO_SLICE), "snp.chain.signature");
    judges(raw(report, vector("snp/milan-v2-goog-vcek.der"), NO_SLICE), "snp.vek.tcb");
}

Test(snp_vectors, every_changed_byte_of_a_real_report_is_refused)
{
    slice report = vector("snp/test-report.bin"), vcek = vector("snp/test-vcek.der");
    load();
    judges(raw(report, vcek, NO_SLICE), NULL);
    for (size_t at = 0; at < report.len; at++) {
        struct arena before = arena;
        slice evidence = raw(changed(report, at), vcek, NO_SLICE);
        cr_expect(!fake_verify(&host, S("snp"), evidence, &in), "byte %zu", at);
        cr_expect(host.status == TRUSTEE_REJECT);
        arena = before;
    }
}

Test(snp_vectors, a_provider_s_key_is_genuine_in_its_time)
{
    slice report = vector("snp/test-vlek-report.bin"), vlek = vector("snp/test-vlek.der");
    load();
    in.now = AT_2025_06;
    judges(raw(report, NO_SLICE, vlek), "snp.vmpl");
    fake_host_end(&host);
    fake_host_begin(&host);
    fake_option(&host, "vmpl", "0,1");
    load();
    judges(raw(report, NO_SLICE, vlek), NULL);
    cr_expect(slice_equal(fake_claim(&host, "/endorsement_provider"), S("CN=cc-us-east-2.amazonaws.com")));
    judges(raw(report, vlek, NO_SLICE), "snp.vek.kind");
    in.now = AT_2026_11; /* it expired on 2025-12-10 */
    judges(raw(report, NO_SLICE, vlek), "snp.chain.validity");
}

Test(snp_vectors, a_guest_that_may_be_debugged_is_genuine_only_where_that_is_allowed)
{
    slice report = vector("snp/milan-v2-goog.bin"), vcek = vector("snp/milan-v2-goog-vcek.der");
    load();
    judges(raw(report, vcek, NO_SLICE), "snp.policy.debug");
    fake_host_end(&host);
    fake_host_begin(&host);
    fake_option(&host, "allow_debug", "yes");
    load();
    judges(raw(report, vcek, NO_SLICE), NULL);
    cr_expect(slice_equal(fake_claim(&host, "/generation"), S("Milan")));
}

Test(snp_vectors, both_encodings_of_extensions_are_read)
{
    static const char *const names[] = {"snp/test-vcek-invalid-legacy.der", "snp/test-vcek-invalid-new.der"};
    for (size_t i = 0; i < 2; i++) {
        struct certificate c;
        struct snp_vek_facts facts;
        cr_assert(!FAILED(certificate_read(vector(names[i]), &c)));
        cr_assert(!FAILED(snp_vek_read(&c, &facts)));
        cr_expect(facts.chip_id.len == 64 && facts.chip_id.ptr[0] == 0 && facts.chip_id.ptr[63] == 63);
    }
}

Test(snp_vectors, the_roots_are_amd_s)
{
    const struct {
        const char *name;
        const struct snp_roots *roots;
    } sets[] = {{"snp/milan_ask_ark_asvk.pem", &snp_milan_roots},
                {"snp/genoa_ask_ark_asvk.pem", &snp_genoa_roots},
                {"snp/turin_ask_ark_asvk.pem", &snp_turin_roots}};
    for (size_t i = 0; i < 3; i++) {
        const slice ours[] = {sets[i].roots->ask, sets[i].roots->ark, sets[i].roots->asvk};
        slice pem = vector(sets[i].name);
        for (size_t n = 0; n < 3; n++) {
            uint8_t room[X509_CERTIFICATE_MAX];
            slice der;
            cr_assert(!FAILED(pem_next_certificate(&pem, room, sizeof room, &der)));
            cr_expect(slice_equal(der, ours[n]));
        }
    }
}

/* What the report that Azure's paravisor fetched at boot says is for az-snp-vtpm to judge; here it is only a report. */
Test(snp_vectors, the_report_inside_azure_s_is_read_and_holds)
{
    slice hcl = vector("az-snp-vtpm/hcl-report.bin"), pem = vector("az-snp-vtpm/vcek.pem");
    uint8_t room[X509_CERTIFICATE_MAX];
    slice vcek;
    load();
    cr_assert(!FAILED(pem_next_certificate(&pem, room, sizeof room, &vcek)));
    judges(raw(slice_sub(hcl, 32, SNP_REPORT_SIZE), vcek, NO_SLICE), NULL);
}
