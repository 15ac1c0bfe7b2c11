/* SPDX-License-Identifier: Apache-2.0
 *
 * forge snp: see forge.c.
 */
#include <stdio.h>

#include "tests/support/forge_command.h"
#include "tests/support/forge_snp.h"

#define DAY INT64_C(86400)
#define RSA_BITS 2048
#define POLICY_MIGRATION (UINT64_C(1) << 18)
#define POLICY_DEBUG (UINT64_C(1) << 19)
#define ASK_SERIAL 0x10001

struct snp_platform {
    struct forge_amd amd;
    EVP_PKEY *key, *stranger; /* of the chip; of anybody else */
    slice vcek;
};

/* Everything that a case may change. */
struct snp_parts {
    struct forge_report report;
    struct forge_vek vek;
    struct forge_amd_crl crl;
    bool signed_by_stranger, issued_by_stranger, without_vcek;
};

static void debug(struct snp_parts *p)
{
    p->report.policy |= POLICY_DEBUG;
}

static void migration(struct snp_parts *p)
{
    p->report.policy |= POLICY_MIGRATION;
}

static void vmpl_1(struct snp_parts *p)
{
    p->report.vmpl = 1;
}

static void signed_by_stranger(struct snp_parts *p)
{
    p->signed_by_stranger = true;
}

static void reported_above_committed(struct snp_parts *p)
{
    p->report.committed.snp--;
}

static void vcek_of_another_tcb(struct snp_parts *p)
{
    p->vek.levels.microcode--;
}

static void vcek_of_another_chip(struct snp_parts *p)
{
    p->vek.chip_id[0] ^= 1;
}

static void vcek_bad_signature(struct snp_parts *p)
{
    p->vek.bad_signature = true;
}

static void vcek_expired(struct snp_parts *p)
{
    p->vek.not_after = p->crl.this_update;
}

static void vcek_of_stranger(struct snp_parts *p)
{
    p->issued_by_stranger = true;
}

static void without_vcek(struct snp_parts *p)
{
    p->without_vcek = true;
}

static void ask_revoked(struct snp_parts *p)
{
    p->crl.revoked[0] = ASK_SERIAL;
    p->crl.revoked_count = 1;
}

static void crl_expired(struct snp_parts *p)
{
    p->crl.next_update = p->crl.this_update + 1;
}

static const struct snp_case {
    const char *name;
    void (*apply)(struct snp_parts *p);
} cases[] = {
    {"good", NULL},
    {"debug", debug},
    {"migration", migration},
    {"vmpl_1", vmpl_1},
    {"signed_by_stranger", signed_by_stranger},
    {"reported_above_committed", reported_above_committed},
    {"vcek_of_another_tcb", vcek_of_another_tcb},
    {"vcek_of_another_chip", vcek_of_another_chip},
    {"vcek_bad_signature", vcek_bad_signature},
    {"vcek_expired", vcek_expired},
    {"vcek_of_stranger", vcek_of_stranger},
    {"without_vcek", without_vcek},
    {"ask_revoked", ask_revoked},
    {"crl_expired", crl_expired},
};

static int list_cases(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        printf("%s\n", cases[i].name);
    return 0;
}

static const struct snp_case *find_case(const char *name)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, name) == 0)
            return &cases[i];
    return NULL;
}

static void take_field(struct forge_command *c, const char *name, uint8_t *field, size_t width)
{
    slice value = command_bytes(c, name);
    forge_must(value.len <= width, name);
    if (value.len)
        memcpy(field, value.ptr, value.len);
}

static struct snp_parts parts_of(struct forge_command *c, const struct snp_platform *platform)
{
    int64_t now = command_number(c, "at", INT64_C(1800000000));
    struct snp_parts p = {
        .report = forge_report(platform->amd.generation, (uint32_t)command_number(c, "report-version", 3)),
        .crl = {.this_update = now - DAY, .next_update = now + 29 * DAY, .number = 5},
    };
    p.report.policy = (uint64_t)command_number(c, "policy", (int64_t)p.report.policy);
    p.report.vmpl = (uint32_t)command_number(c, "vmpl", p.report.vmpl);
    take_field(c, "report-data", p.report.report_data, sizeof p.report.report_data);
    take_field(c, "init-data", p.report.host_data, sizeof p.report.host_data);
    take_field(c, "measurement", p.report.measurement, sizeof p.report.measurement);
    p.vek = forge_vek(&platform->amd, &p.report);
    p.vek.not_before = now - 30 * DAY;
    p.vek.not_after = now + 300 * DAY;
    const struct snp_case *wanted = find_case(command_text(c, "case", "good"));
    forge_must(wanted, "a case of this name");
    if (wanted->apply)
        wanted->apply(&p);
    return p;
}

static slice report_of(struct forge_command *c, const struct snp_platform *platform, const struct snp_parts *p)
{
    return forge_report_sign(&c->arena, &p->report, p->signed_by_stranger ? platform->stranger : platform->key);
}

static slice evidence_of(struct forge_command *c, const struct snp_parts *p, slice report, slice vcek)
{
    struct forge_table table = {.vcek = p->without_vcek ? NO_SLICE : vcek};
    if (command_text(c, "raw", NULL))
        table = (struct forge_table){.shape = FORGE_SHAPE_RAW};
    return forge_snp_evidence(&c->arena, report, &table);
}

/* Of the same chip: its certificate stays, whatever the line says. */
static slice serve(struct forge_command *c, void *user)
{
    const struct snp_platform *platform = user;
    struct snp_parts p = parts_of(c, platform);
    return evidence_of(c, &p, report_of(c, platform, &p), platform->vcek);
}

static slice tcb_query(struct forge_command *c, const struct forge_levels *l)
{
    slice four = arena_printf(&c->arena, "blSPL=%u&teeSPL=%u&snpSPL=%u&ucodeSPL=%u", l->bootloader, l->tee, l->snp,
                              l->microcode);
    return l->fmc < 0 ? four : arena_printf(&c->arena, "%.*s&fmcSPL=%d", SLICE_ARG(four), l->fmc);
}

static void write_all(struct forge_command *c, struct snp_platform *platform, const struct snp_parts *p)
{
    struct forge_vek vek = p->vek;
    slice report = report_of(c, platform, p);
    if (p->issued_by_stranger)
        vek.issuer_key = platform->stranger;
    platform->vcek = forge_vek_issue(&c->arena, &platform->amd, &vek, platform->key);
    command_write(c, "root.pem", platform->amd.pem);
    command_write(c, "ark.der", platform->amd.ark_der);
    command_write(c, "report.bin", report);
    command_write(c, "evidence.json", evidence_of(c, p, report, platform->vcek));
    command_write(c, "vcek.der", platform->vcek);
    command_write(c, "chain.pem", platform->amd.vcek_chain);
    command_write(c, "crl.der", forge_amd_revoke(&c->arena, &platform->amd, &p->crl));
    command_write(c, "product", slice_text(platform->amd.generation));
    slice chip = slice_of(p->report.chip_id, p->report.turin ? 8 : 64);
    command_write(c, "chip_id", forge_hex(&c->arena, chip, false));
    command_write(c, "tcb", tcb_query(c, &p->report.reported));
}

int forge_command_snp(struct forge_command *c)
{
    struct snp_platform platform = {0};
    const char *folder = command_text(c, "keys", NULL);
    if (command_text(c, "list-cases", NULL))
        return list_cases();
    forge_amd(&c->arena, &platform.amd, command_text(c, "generation", "Milan"), RSA_BITS, folder);
    platform.key = forge_ec_key(folder, "vcek", "P-384");
    platform.stranger = forge_ec_key(folder, "stranger", "P-384");
    struct snp_parts p = parts_of(c, &platform);
    write_all(c, &platform, &p);
    if (command_text(c, "serve", NULL))
        command_serve(c, serve, &platform);
    EVP_PKEY_free(platform.key);
    EVP_PKEY_free(platform.stranger);
    forge_amd_free(&platform.amd);
    return 0;
}
