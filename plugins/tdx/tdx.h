/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifier for quotes of Intel TDX, versions 4 and 5 of DCAP.
 *
 * What it proves: a genuine platform of Intel's, in the state that the claims name, runs a TD with these measurements,
 * and this TD asked for the quote for this challenge. Where an event log comes with it: that the log's digests are
 * those that the TD's registers were extended with.
 */
#ifndef PLUGIN_TDX_H
#define PLUGIN_TDX_H

#include "lib/dcap/verify.h"

#define TDX_TEE "tdx"

enum tdx_check {
    TDX_CHECK_BEFORE = DCAP_CHECK_COUNT - 1,
#define TDX_REASON(symbol, id, text, remedy) TDX_CHECK_##symbol,
#include "plugins/tdx/reasons.def"
#undef TDX_REASON
    TDX_CHECK_COUNT
};
extern const trustee_reason tdx_reasons[TDX_CHECK_COUNT];
extern const trustee_tee tdx_tee;

/* Attributes of a TD ("Intel TDX Module Base Architecture Specification", ATTRIBUTES) */
#define TD_DEBUG UINT64_C(1)
#define TD_SEPT_VE_DISABLE (UINT64_C(1) << 28)
#define TD_PROTECTION_KEYS (UINT64_C(1) << 30)
#define TD_KEY_LOCKER (UINT64_C(1) << 31)
#define TD_PERFMON (UINT64_C(1) << 63)

/* One instance; immutable after init. */
struct tdx {
    struct dcap_verifier dcap;
    uint64_t further_attributes; /* beside the five above */
    bool require_sept_ve_disable;
    bool allow_service_td;
};

/* trustee_verifier.verify and .judge_collateral */
trustee_status tdx_verify(void *instance, trustee_request *req, const trustee_verify_in *in, trustee_verify_out *out);
trustee_status tdx_judge_collateral(void *instance, trustee_request *req, const trustee_collateral *item, int64_t now,
                                    trustee_collateral_facts *out);

/* The quote and the TD's attributes as claims. */
void tdx_put_quote(const trustee_host *host, trustee_writer *w, const struct dcap_quote *q);

/* The event log: whether it is one and leads to the registers; its events as claims. An absent or empty log is none. */
struct tdx_eventlog {
    slice bytes; /* decoded; empty: none */
};
bool tdx_eventlog_check(struct dcap_appraisal *a, struct tdx_eventlog *out);
bool tdx_eventlog_claims(struct dcap_appraisal *a, const struct tdx_eventlog *log, trustee_writer *w);

/* trustee_plugin.self_test: a recorded quote of a test platform holds, and does not with one bit changed. */
trustee_status tdx_self_test(void *instance);

#endif
