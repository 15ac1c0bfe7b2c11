/* SPDX-License-Identifier: Apache-2.0
 *
 * One appraisal: the quote as every DCAP quote, then what is a TD's own.
 */
#include "plugins/tdx/tdx.h"

#define KNOWN_ATTRIBUTES (TD_DEBUG | TD_SEPT_VE_DISABLE | TD_PROTECTION_KEYS | TD_KEY_LOCKER | TD_PERFMON)

/* --- the TD
 * --------------------------------------------------------------------------------------------------------- */

static bool check_attributes(struct dcap_appraisal *a, const struct tdx *tdx)
{
    struct dcap_call *c = &a->call;
    uint64_t attributes = a->quote.td.attributes;
    slice actual = dcap_hex(c, a->quote.td.td_attributes);
    bool debug = (attributes & TD_DEBUG) != 0, disabled = (attributes & TD_SEPT_VE_DISABLE) != 0;
    if (!dcap_check(c, TDX_CHECK_TD_RESERVED, !(attributes & ~(KNOWN_ATTRIBUTES | tdx->further_attributes)),
                    S("known attributes alone"), actual))
        return false;
    if (!dcap_check(c, TDX_CHECK_TD_DEBUG, !debug || tdx->dcap.options.allow_debug, S("no debugging"), actual))
        return false;
    return dcap_check(c, TDX_CHECK_TD_SEPT_VE, disabled || !tdx->require_sept_ve_disable, S("SEPT_VE_DISABLE"), actual);
}

static bool is_zero(slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] != 0)
            return false;
    return true;
}

static bool check_service_td(struct dcap_appraisal *a, const struct tdx *tdx)
{
    slice service = a->quote.td.mr_servicetd;
    if (tdx->allow_service_td || service.len == 0)
        return true;
    return dcap_check(&a->call, TDX_CHECK_SERVICE_TD, is_zero(service), S("zeros"), dcap_hex(&a->call, service));
}

/* --- the result
 * --------------------------------------------------------------------------------------------------------- */

static bool answer(struct dcap_appraisal *a, const struct tdx_eventlog *log, trustee_verify_out *out)
{
    const struct td_report *td = &a->quote.td;
    out->report_data = td->report_data;
    out->init_data = td->mr_config_id;
    out->report_data_claim = dcap_hex(&a->call, td->report_data);
    out->init_data_claim = dcap_hex(&a->call, td->mr_config_id);
    if (!out->report_data_claim.ptr || !out->init_data_claim.ptr)
        return dcap_fault(&a->call, TRUSTEE_E_NOMEM);
    tdx_put_quote(a->call.host, out->claims, &a->quote);
    dcap_put_claims(a, out->claims);
    if (!tdx_eventlog_claims(a, log, out->claims))
        return false;
    out->verdict = TRUSTEE_VERDICT_GENUINE;
    return true;
}

trustee_status tdx_verify(void *instance, trustee_request *req, const trustee_verify_in *in, trustee_verify_out *out)
{
    const struct tdx *tdx = instance;
    struct tdx_eventlog log;
    slice bytes;
    struct dcap_appraisal a = dcap_begin(&tdx->dcap, req, in);
    bool good = dcap_evidence_quote(&a, &bytes) && dcap_read_quote(&a, bytes) &&
                dcap_bound(&a, a.quote.td.report_data, a.quote.td.mr_config_id, &tdx_tee) && dcap_appraise(&a, out) &&
                check_attributes(&a, tdx) && check_service_td(&a, tdx) && tdx_eventlog_check(&a, &log) &&
                answer(&a, &log, out);
    dcap_end(&a);
    return good ? TRUSTEE_OK : a.call.status;
}

trustee_status tdx_judge_collateral(void *instance, trustee_request *req, const trustee_collateral *item, int64_t now,
                                    trustee_collateral_facts *out)
{
    const struct tdx *tdx = instance;
    return dcap_judge_collateral(&tdx->dcap, req, item, now, out);
}
