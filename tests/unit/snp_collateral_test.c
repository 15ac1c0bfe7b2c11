/* SPDX-License-Identifier: Apache-2.0
 *
 * What the service asks before it keeps anything that came from outside.
 */
#include "plugins/snp/snp.h"

#include "tests/support/snp_world.h"

TestSuite(snp_collateral, .init = snp_begin, .fini = snp_end, .timeout = 120);

static trustee_collateral_facts facts;

/* reason NULL: genuine. */
static void judges_item(const char *kind, slice key, slice bytes, const char *reason)
{
    const trustee_collateral item = {.kind = slice_text(kind), .key = key, .bytes = bytes};
    if (!w.host.instance)
        snp_load();
    fake_request(&w.host);
    facts = (trustee_collateral_facts){.size = sizeof facts};
    trustee_status status = snp_judge_collateral(w.host.instance, fake_handle(&w.host), &item, w.in.now, &facts);
    cr_expect(status == (reason ? TRUSTEE_REJECT : TRUSTEE_OK), "status %d", status);
    cr_expect(slice_equal(w.host.reason, slice_text(reason)), "\"%.*s\", expected \"%s\"", SLICE_ARG(w.host.reason),
              reason ? reason : "");
}

static slice key_of(const struct forge_amd *amd)
{
    return forge_vcek_key(&w.arena, amd->generation, &w.report);
}

Test(snp_collateral, a_chip_s_certificate_is_genuine_under_its_own_key)
{
    const struct forge_amd *amds[] = {&w.milan, &w.genoa, &w.turin};
    for (size_t i = 0; i < 3; i++) {
        snp_platform(amds[i], 3);
        judges_item("amd/vcek", key_of(amds[i]), snp_vek(), NULL);
        cr_expect(facts.issued == TEST_NOW - 30 * TEST_DAY);
        cr_expect(facts.not_after == TEST_NOW + 300 * TEST_DAY);
        cr_expect(facts.number == 0);
    }
}

Test(snp_collateral, a_chip_s_certificate_is_not_kept_under_another_key)
{
    slice vcek = snp_vek(), key = key_of(&w.milan);
    const char *const bad[] = {"/4-1-22-212", "/4-1-22-0213", "/4-1-22", "/4-1-22-213-0", ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        slice other = forge_join(&w.arena, slice_sub(key, 0, strlen("Milan/") + 128), slice_text(bad[i]));
        judges_item("amd/vcek", other, vcek, "snp.collateral");
    }
    slice chip = arena_copy(&w.arena, key);
    ((uint8_t *)(uintptr_t)chip.ptr)[6] ^= 1;
    judges_item("amd/vcek", chip, vcek, "snp.collateral");
    w.report.cpu[1] = 0x11;
    judges_item("amd/vcek", key_of(&w.genoa), vcek, "snp.collateral");
    judges_item("amd/vcek", S("Venice/00/1-2-3-4"), vcek, "snp.collateral.key");
    judges_item("amd/vcek", S("Milan"), vcek, "snp.collateral");
    judges_item("amd/vcek", S(""), vcek, "snp.collateral.key");
}

Test(snp_collateral, what_is_no_genuine_certificate_of_a_chip_is_not_kept)
{
    struct forge_vek v = forge_vek(w.amd, &w.report);
    v.bad_signature = true;
    judges_item("amd/vcek", key_of(&w.milan), forge_vek_issue(&w.arena, w.amd, &v, w.key), "snp.collateral");
    judges_item("amd/vcek", key_of(&w.milan), S("<html>Too Many Requests</html>"), "snp.collateral");
    judges_item("amd/vcek", key_of(&w.milan), NO_SLICE, "snp.collateral");
    judges_item("amd/vcek", key_of(&w.milan), w.milan.ask_der, "snp.collateral");
    w.report.key_info = 1 << 2;
    slice vlek = snp_vek();
    judges_item("amd/vcek", key_of(&w.milan), vlek, "snp.collateral");
}

Test(snp_collateral, nothing_from_the_future_is_genuine_and_what_is_stale_may_be_kept)
{
    slice vcek = snp_vek();
    w.in.now = TEST_NOW - 31 * TEST_DAY;
    judges_item("amd/vcek", key_of(&w.milan), vcek, "snp.collateral.future");
    w.in.now = TEST_NOW + 301 * TEST_DAY;
    judges_item("amd/vcek", key_of(&w.milan), vcek, NULL);
}

Test(snp_collateral, a_ca_chain_is_of_its_key_s_generation_and_kind)
{
    judges_item("amd/ca-chain", S("Milan/vcek"), w.milan.vcek_chain, NULL);
    cr_expect(facts.issued == w.milan.not_before && facts.not_after == w.milan.not_after);
    judges_item("amd/ca-chain", S("Milan/vlek"), w.milan.vlek_chain, NULL);
    judges_item("amd/ca-chain", S("Milan/vlek"), w.milan.vcek_chain, "snp.collateral");
    judges_item("amd/ca-chain", S("Genoa/vcek"), w.milan.vcek_chain, "snp.collateral");
    judges_item("amd/ca-chain", S("Milan/ask"), w.milan.vcek_chain, "snp.collateral.key");
    judges_item("amd/ca-chain", S("Milan/vcek/"), w.milan.vcek_chain, "snp.collateral.key");
    judges_item("amd/ca-chain", S("Milan/vcek"), w.milan.ask_der, "snp.collateral");
}

Test(snp_collateral, a_list_is_of_its_key_s_generation)
{
    struct forge_amd_crl c = {.this_update = TEST_NOW - 5, .next_update = TEST_NOW + 5, .number = 12};
    slice list = forge_amd_revoke(&w.arena, &w.milan, &c);
    judges_item("amd/crl", S("Milan/vcek"), list, NULL);
    cr_expect(facts.issued == c.this_update && facts.not_after == c.next_update && facts.number == 12);
    judges_item("amd/crl", S("Milan/vlek"), list, NULL);
    judges_item("amd/crl", S("Genoa/vcek"), list, "snp.collateral");
    judges_item("amd/crl", S("Milan"), list, "snp.collateral.key");
    w.in.now = c.this_update - 1;
    judges_item("amd/crl", S("Milan/vcek"), list, "snp.collateral.future");
    w.in.now = TEST_NOW;
    c.bad_signature = true;
    judges_item("amd/crl", S("Milan/vcek"), forge_amd_revoke(&w.arena, &w.milan, &c), "snp.collateral");
}

Test(snp_collateral, other_vendors_collateral_is_not_judged)
{
    const trustee_collateral item = {.kind = S("intel/pck-crl"), .key = S("platform"), .bytes = S("x")};
    snp_load();
    cr_expect(snp_judge_collateral(w.host.instance, fake_handle(&w.host), &item, TEST_NOW, &facts) == TRUSTEE_E_NOTSUP);
}
