/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/snp/snp.h"

struct flag {
    slice name;
    uint64_t bit;
};

static void put_flags(struct appraisal *a, trustee_writer *w, const struct flag *flags, size_t count, uint64_t value)
{
    for (size_t i = 0; i < count; i++)
        a->host->put_bool(w, flags[i].name, (value & flags[i].bit) != 0);
}

/* To the letter as upstream has them, so that its policies read them. */
static void put_upstreams(struct appraisal *a, trustee_writer *w)
{
    static const struct flag policy[] = {
        {TRUSTEE_TEXT("policy_smt_allowed"), SNP_POLICY_SMT},
        {TRUSTEE_TEXT("policy_migrate_ma"), SNP_POLICY_MIGRATE_MA},
        {TRUSTEE_TEXT("policy_debug_allowed"), SNP_POLICY_DEBUG},
        {TRUSTEE_TEXT("policy_single_socket"), SNP_POLICY_SINGLE_SOCKET},
    };
    static const struct flag platform[] = {
        {TRUSTEE_TEXT("platform_tsme_enabled"), SNP_PLATFORM_TSME},
        {TRUSTEE_TEXT("platform_smt_enabled"), SNP_PLATFORM_SMT},
    };
    const struct snp_report *r = &a->report;
    const struct snp_tcb *tcb = &a->tcbs.reported;
    a->host->put_i64(w, S("policy_abi_major"), (int64_t)(r->policy >> 8 & 0xff));
    a->host->put_i64(w, S("policy_abi_minor"), (int64_t)(r->policy & 0xff));
    put_flags(a, w, policy, sizeof policy / sizeof *policy, r->policy);
    a->host->put_i64(w, S("reported_tcb_bootloader"), tcb->bootloader);
    a->host->put_i64(w, S("reported_tcb_tee"), tcb->tee);
    a->host->put_i64(w, S("reported_tcb_snp"), tcb->snp);
    a->host->put_i64(w, S("reported_tcb_microcode"), tcb->microcode);
    put_flags(a, w, platform, sizeof platform / sizeof *platform, r->platform_info);
    a->host->put_hex(w, S("measurement"), r->measurement);
    a->host->put_hex(w, S("chip_id"), r->chip_id);
}

static void put_tcb(struct appraisal *a, trustee_writer *w, slice name, const struct snp_tcb *tcb)
{
    a->host->put_object(w, name);
    if (tcb->has_fmc)
        a->host->put_i64(w, S("fmc"), tcb->fmc);
    a->host->put_i64(w, S("bootloader"), tcb->bootloader);
    a->host->put_i64(w, S("tee"), tcb->tee);
    a->host->put_i64(w, S("snp"), tcb->snp);
    a->host->put_i64(w, S("microcode"), tcb->microcode);
    a->host->put_end(w);
}

static void put_firmware(struct appraisal *a, trustee_writer *w)
{
    const struct snp_report *r = &a->report;
    if (a->tcbs.reported.has_fmc)
        a->host->put_i64(w, S("reported_tcb_fmc"), a->tcbs.reported.fmc);
    put_tcb(a, w, S("committed_tcb"), &a->tcbs.committed);
    put_tcb(a, w, S("current_tcb"), &a->tcbs.current);
    put_tcb(a, w, S("launch_tcb"), &a->tcbs.launch);
    a->host->put_text(w, S("committed_version"), snp_version_text(a, &r->committed));
    a->host->put_text(w, S("current_version"), snp_version_text(a, &r->current));
    if (!r->has_mitigations)
        return;
    a->host->put_text(w, S("launch_mitigation_vector"), snp_hex64(a, r->launch_mitigations));
    a->host->put_text(w, S("current_mitigation_vector"), snp_hex64(a, r->current_mitigations));
}

static void put_guest(struct appraisal *a, trustee_writer *w)
{
    static const struct flag policy[] = {
        {TRUSTEE_TEXT("policy_cxl_allowed"), SNP_POLICY_CXL},
        {TRUSTEE_TEXT("policy_mem_aes_256_xts"), SNP_POLICY_AES_256_XTS},
        {TRUSTEE_TEXT("policy_rapl_disabled"), SNP_POLICY_RAPL_DISABLED},
        {TRUSTEE_TEXT("policy_ciphertext_hiding"), SNP_POLICY_CIPHERTEXT_HIDING},
        {TRUSTEE_TEXT("policy_page_swap_disabled"), SNP_POLICY_PAGE_SWAP_DISABLED},
    };
    const struct snp_report *r = &a->report;
    a->host->put_i64(w, S("report_version"), r->version);
    a->host->put_i64(w, S("vmpl"), r->vmpl);
    a->host->put_i64(w, S("guest_svn"), r->guest_svn);
    a->host->put_text(w, S("policy"), snp_hex64(a, r->policy));
    put_flags(a, w, policy, sizeof policy / sizeof *policy, r->policy);
    a->host->put_hex(w, S("family_id"), r->family_id);
    a->host->put_hex(w, S("image_id"), r->image_id);
    a->host->put_hex(w, S("id_key_digest"), r->id_key_digest);
    a->host->put_hex(w, S("author_key_digest"), r->author_key_digest);
    a->host->put_bool(w, S("author_key_enabled"), snp_author_key_enabled(r));
    a->host->put_hex(w, S("report_id"), r->report_id);
    a->host->put_hex(w, S("report_id_ma"), r->report_id_ma);
}

static void put_platform(struct appraisal *a, trustee_writer *w)
{
    static const struct flag platform[] = {
        {TRUSTEE_TEXT("platform_ecc_enabled"), SNP_PLATFORM_ECC},
        {TRUSTEE_TEXT("platform_rapl_disabled"), SNP_PLATFORM_RAPL_DISABLED},
        {TRUSTEE_TEXT("platform_ciphertext_hiding_enabled"), SNP_PLATFORM_CIPHERTEXT_HIDING},
        {TRUSTEE_TEXT("platform_alias_check_complete"), SNP_PLATFORM_ALIAS_CHECK},
        {TRUSTEE_TEXT("platform_tio_enabled"), SNP_PLATFORM_TIO},
    };
    const struct snp_report *r = &a->report;
    a->host->put_text(w, S("platform_info"), snp_hex64(a, r->platform_info));
    put_flags(a, w, platform, sizeof platform / sizeof *platform, r->platform_info);
    a->host->put_text(w, S("generation"), snp_generation_name(a->generation));
    if (r->has_cpuid) {
        a->host->put_i64(w, S("cpuid_family"), r->cpu_family);
        a->host->put_i64(w, S("cpuid_model"), r->cpu_model);
        a->host->put_i64(w, S("cpuid_stepping"), r->cpu_stepping);
    }
    a->host->put_bool(w, S("chip_id_masked"), snp_chip_id_is_masked(r));
}

static void put_key(struct appraisal *a, trustee_writer *w)
{
    a->host->put_text(w, S("endorsement_key"), snp_vek_kind_name(a->facts->kind));
    a->host->put_text(w, S("endorsement_product"), a->facts->product);
    if (a->facts->provider.len)
        a->host->put_text(w, S("endorsement_provider"), a->facts->provider);
    a->host->put_i64(w, S("endorsement_not_after"), x509_path_not_after(snp_vek_path(a->vek)));
    a->host->put_bool(w, S("crl_checked"), a->crl != NULL);
    if (a->crl)
        a->host->put_number(w, S("crl_number"), snp_decimal(a, crl_number(a->crl)));
}

void snp_put_claims(struct appraisal *a, trustee_writer *w)
{
    put_upstreams(a, w);
    put_firmware(a, w);
    put_guest(a, w);
    put_platform(a, w);
    put_key(a, w);
}
