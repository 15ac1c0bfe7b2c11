/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifier for attestation reports of AMD SEV-SNP, as guests with their own report device send them.
 *
 * What it proves: AMD's firmware on a genuine processor of a known generation, of the versions that the claims name,
 * runs a guest with this measurement, and this guest asked for the report for this challenge.
 */
#ifndef PLUGIN_SNP_H
#define PLUGIN_SNP_H

#include <trustee/verifier.h>

#include "lib/base/arena.h"
#include "lib/snp/vek.h"

#define SNP_TEE "snp"
#define SNP_VMPL_MAX 3
#define SNP_CERTIFICATES_MAX 16 /* entries of cert_chain */

enum snp_reason {
#define SNP_REASON(symbol, id, text, remedy) REFUSED_##symbol,
#include "plugins/snp/reasons.def"
#undef SNP_REASON
    SNP_REASON_COUNT
};
extern const trustee_reason snp_reasons[SNP_REASON_COUNT];

enum snp_crl_use {
    SNP_CRL_USED, /* where one is supplied */
    SNP_CRL_REQUIRED,
    SNP_CRL_OFF,
};

/* One instance; immutable after init. */
struct snp {
    const trustee_host *host;
    struct snp_anchors *anchors;
    struct snp_generations generations;
    enum snp_crl_use crl;
    unsigned vmpls; /* bit n: level n is accepted */
    unsigned kinds; /* bit n: enum snp_vek_kind n is accepted */
    uint32_t minimum_version;
    uint64_t launch_mitigations, current_mitigations; /* bits that must be set */
    bool allow_debug, allow_migration, allow_masked_chip_id, require_alias_check, require_committed_firmware;
};

/* --- one appraisal -------------------------------------------------------------------------------------------------
 */

/* Versions of the firmware in one report, read by the layout of its generation. */
struct snp_tcbs {
    struct snp_tcb reported, committed, current, launch;
};

/* Certificates that came with the evidence; DER. */
struct snp_sent {
    slice vcek, vlek;
    slice asks[SNP_CERTIFICATES_MAX], arks[SNP_CERTIFICATES_MAX];
    size_t ask_count, ark_count;
};

struct appraisal {
    const struct snp *snp;
    const trustee_host *host;
    trustee_request *req;
    const trustee_verify_in *in;
    trustee_verify_out *out;
    trustee_status status;
    struct arena arena; /* for texts; part of the request's */

    slice bytes; /* the report as it was signed */
    struct snp_sent sent;
    struct snp_report report;
    const struct snp_generation *generation; /* NULL until it is known: version 2 does not name it */
    struct snp_tcbs tcbs;                    /* once the generation is known */

    slice vek_der, issuer_der; /* issuer: absent where a trusted one is meant */
    uint8_t vek_digest[32];    /* of both */
    const struct snp_vek *vek; /* the cache's, or fresh */
    struct snp_vek *fresh;     /* ours until the cache takes it */
    struct snp_vek_facts seen; /* of a certificate that is not proven yet */
    const struct snp_vek_facts *facts;
    const struct crl *crl; /* the cache's, or fresh; NULL: none was looked at */
    struct crl *fresh_crl;
};

/* Every step answers true, or leaves in a->status why not. */

/* plugins/snp/record.c: what goes into the record. */
bool snp_fault(struct appraisal *a, trustee_status status);
/* Records a check, and refuses when it failed. */
bool snp_check(struct appraisal *a, enum snp_reason name, bool passed, slice expected, slice actual);
/* What is not the evidence's fault is a fault of ours, whatever step it happened in. */
bool snp_is_fault(result r);
bool snp_library_fault(struct appraisal *a, result r);
slice snp_hex(struct appraisal *a, slice bytes);
slice snp_decimal(struct appraisal *a, uint64_t number);
slice snp_hex64(struct appraisal *a, uint64_t number);
slice snp_tcb_text(struct appraisal *a, const struct snp_tcb *tcb);       /* "3.0.8.115", FMC first */
slice snp_version_text(struct appraisal *a, const struct snp_version *v); /* "1.55.40" */

/* plugins/snp/evidence.c: the JSON; sets bytes and sent. */
bool snp_read_evidence(struct appraisal *a);

/* plugins/snp/collateral.c */
/* The VCEK's certificate from what the service handed over; else asks for it (status TRUSTEE_NEED). */
bool snp_find_vcek(struct appraisal *a);
/* The revocation list, as the option has it; else asks for it. Sets crl. */
bool snp_find_crl(struct appraisal *a);
/* An ASK or ASVK from what the service handed over; absent where there is none. */
slice snp_find_issuer(struct appraisal *a, slice generation, enum snp_vek_kind kind);
/* Asks for it where of this generation only the ARK is trusted and none was handed over; else leaves the status alone.
 */
bool snp_ask_for_issuer(struct appraisal *a);
/* trustee_verifier.judge_collateral */
trustee_status snp_judge_collateral(void *instance, trustee_request *req, const trustee_collateral *item, int64_t now,
                                    trustee_collateral_facts *out);

/* plugins/snp/claims.c */
void snp_put_claims(struct appraisal *a, trustee_writer *w);

/* plugins/snp/verify.c: trustee_verifier.verify */
trustee_status snp_verify(void *instance, trustee_request *req, const trustee_verify_in *in, trustee_verify_out *out);

/* plugins/snp/selftest.c: trustee_plugin.self_test */
trustee_status snp_self_test(void *instance);

#endif
