/* SPDX-License-Identifier: Apache-2.0
 *
 * The verification of one DCAP quote, as DESIGN.md "What a quote must satisfy" has it; used by every verifier whose
 * evidence holds one. Order: structure; PCK chain; the quoting enclave's report; collateral; time, revocation and TCB;
 * the quote's own signature. What bytes prove is remembered; time, revocation and TCB are judged every time.
 *
 *     struct dcap_appraisal a = dcap_begin(&verifier, req, in);
 *     bool good = dcap_read_quote(&a, bytes) && dcap_bound(&a, …) && dcap_appraise(&a, out) && …;
 *     dcap_end(&a);
 *     return good ? TRUSTEE_OK : a.call.status;
 *
 * Each step answers true, or leaves in call.status why not.
 */
#ifndef LIB_DCAP_VERIFY_H
#define LIB_DCAP_VERIFY_H

#include "lib/dcap/items.h"
#include "lib/dcap/platform.h"

/* The dates of all that was relied on. Unix seconds. */
struct dcap_dates {
    int64_t earliest_issued, latest_issued;
    int64_t earliest_expiration;
    int64_t reliable_until; /* the earliest expiration that is not past; 0: none */
    bool expired;           /* something was, which only expired_collateral = claim lets pass */
};

struct dcap_appraisal {
    struct dcap_call call;
    const trustee_verify_in *in;
    struct dcap_quote quote;

    /* proved */
    uint8_t chain_digest[32];
    const struct dcap_platform *platform;
    const struct tcb_info *tcb_info;
    const struct qe_identity *qe_identity;
    const struct crl *root_crl, *pck_crl;

    /* judged */
    struct dcap_dates dates;
    struct platform_verdict levels;
    struct tcb_verdict qe_level;
    struct tcb_verdict tcb; /* platform, module and QE merged */
};

struct dcap_appraisal dcap_begin(const struct dcap_verifier *v, trustee_request *req, const trustee_verify_in *in);
void dcap_end(struct dcap_appraisal *a);

/* The member `quote` of the evidence, which must be an object: base64, once. */
bool dcap_evidence_quote(struct dcap_appraisal *a, slice *bytes);
/* Structure, kind of TEE, vendor. The quote's views live as long as `bytes`. */
bool dcap_read_quote(struct dcap_appraisal *a, slice bytes);
/* Report data and init-data as far as they are expected, by the TEE's rules (interface.md 1.5): 64 bytes padded, and
 * `width` bytes of init-data by `rule`. */
bool dcap_bound(struct dcap_appraisal *a, slice report_data, slice init_data, const trustee_tee *tee);
/* All the rest. With TRUSTEE_NEED out->needs is filled. Sets out->not_after. */
bool dcap_appraise(struct dcap_appraisal *a, trustee_verify_out *out);

/* Time, revocation and TCB: the part of dcap_appraise() that nothing is remembered of. */
bool dcap_judge(struct dcap_appraisal *a);
/* The claims of interface.md 1.13 that all DCAP evidence has, into the open object. False: no memory. */
bool dcap_put_claims(struct dcap_appraisal *a, trustee_writer *w);

/* trustee_verifier.judge_collateral for the kinds intel/… */
trustee_status dcap_judge_collateral(const struct dcap_verifier *v, trustee_request *req,
                                     const trustee_collateral *item, int64_t now, trustee_collateral_facts *out);

#endif
