/* SPDX-License-Identifier: Apache-2.0
 *
 * One appraisal: the quote as every DCAP quote, then what is an enclave's own.
 */
#include "plugins/sgx/sgx.h"

/* Intel's specification has SGX bodies in versions 4 and 5 too; nobody makes such quotes, and upstream refuses them. */
static bool check_version(struct dcap_appraisal *a, const struct sgx *sgx)
{
    bool accepted = a->quote.version == 3 || sgx->later_versions;
    return dcap_check(&a->call, DCAP_CHECK_QUOTE_VERSION, accepted, S("3"), dcap_decimal(&a->call, a->quote.version));
}

static bool check_debug(struct dcap_appraisal *a, const struct sgx *sgx)
{
    bool debug = (a->quote.enclave.flags & ENCLAVE_FLAG_DEBUG) != 0;
    return dcap_check(&a->call, SGX_CHECK_ENCLAVE_DEBUG, !debug || sgx->dcap.options.allow_debug, S("no debug enclave"),
                      dcap_hex(&a->call, slice_sub(a->quote.enclave.attributes, 0, 8)));
}

static bool answer(struct dcap_appraisal *a, trustee_verify_out *out)
{
    const struct enclave_report *enclave = &a->quote.enclave;
    out->report_data = enclave->report_data;
    out->init_data = enclave->config_id;
    out->report_data_claim = dcap_hex(&a->call, enclave->report_data);
    out->init_data_claim = dcap_hex(&a->call, enclave->config_id);
    if (!out->report_data_claim.ptr || !out->init_data_claim.ptr)
        return dcap_fault(&a->call, TRUSTEE_E_NOMEM);
    sgx_put_quote(a->call.host, out->claims, &a->quote);
    dcap_put_claims(a, out->claims);
    out->verdict = TRUSTEE_VERDICT_GENUINE;
    return true;
}

trustee_status sgx_verify(void *instance, trustee_request *req, const trustee_verify_in *in, trustee_verify_out *out)
{
    const struct sgx *sgx = instance;
    slice bytes;
    struct dcap_appraisal a = dcap_begin(&sgx->dcap, req, in);
    bool good = dcap_evidence_quote(&a, &bytes) && dcap_read_quote(&a, bytes) && check_version(&a, sgx) &&
                dcap_bound(&a, a.quote.enclave.report_data, a.quote.enclave.config_id, &sgx_tee) &&
                dcap_appraise(&a, out) && check_debug(&a, sgx) && answer(&a, out);
    dcap_end(&a);
    return good ? TRUSTEE_OK : a.call.status;
}

trustee_status sgx_judge_collateral(void *instance, trustee_request *req, const trustee_collateral *item, int64_t now,
                                    trustee_collateral_facts *out)
{
    const struct sgx *sgx = instance;
    return dcap_judge_collateral(&sgx->dcap, req, item, now, out);
}
