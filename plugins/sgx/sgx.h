/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifier for quotes of Intel SGX, version 3 of DCAP, and 4 and 5 where an option says so.
 *
 * What it proves: a genuine platform of Intel's, in the state that the claims name, runs an enclave of this measurement
 * and signer, and this enclave asked for the quote for this challenge.
 */
#ifndef PLUGIN_SGX_H
#define PLUGIN_SGX_H

#include "lib/dcap/verify.h"

#define SGX_TEE "sgx"

enum sgx_check {
    SGX_CHECK_BEFORE = DCAP_CHECK_COUNT - 1,
#define SGX_REASON(symbol, id, text, remedy) SGX_CHECK_##symbol,
#include "plugins/sgx/reasons.def"
#undef SGX_REASON
    SGX_CHECK_COUNT
};
extern const trustee_reason sgx_reasons[SGX_CHECK_COUNT];
extern const trustee_tee sgx_tee;

/* One instance; immutable after init. */
struct sgx {
    struct dcap_verifier dcap;
    bool later_versions;
};

/* trustee_verifier.verify and .judge_collateral */
trustee_status sgx_verify(void *instance, trustee_request *req, const trustee_verify_in *in, trustee_verify_out *out);
trustee_status sgx_judge_collateral(void *instance, trustee_request *req, const trustee_collateral *item, int64_t now,
                                    trustee_collateral_facts *out);

/* The quote as claims. */
void sgx_put_quote(const trustee_host *host, trustee_writer *w, const struct dcap_quote *q);

/* trustee_plugin.self_test: a recorded quote of a test platform holds, and does not with one bit changed. */
trustee_status sgx_self_test(void *instance);

#endif
