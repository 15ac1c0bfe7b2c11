/* SPDX-License-Identifier: Apache-2.0
 *
 * The claims that all DCAP evidence has (interface.md 1.13). Upstream takes them out of the supplemental data of
 * Intel's library; docs in plugins/tdx/README.md say how each one is defined.
 */
#include "lib/dcap/verify.h"

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void put_date(struct dcap_call *c, trustee_writer *w, slice key, int64_t t)
{
    c->host->put_text(w, key, dcap_date(c, t));
}

static void put_advisories(struct dcap_call *c, trustee_writer *w, slice key, const struct tcb_verdict *v)
{
    c->host->put_array(w, key);
    for (size_t i = 0; i < v->advisory_count; i++)
        c->host->put_text(w, S(""), v->advisories[i]);
    c->host->put_end(w);
}

static void put_tcb(struct dcap_appraisal *a, trustee_writer *w)
{
    struct dcap_call *c = &a->call;
    struct tcb_verdict now;
    tcb_merge_current(&a->levels, &a->qe_level, &now);
    c->host->put_text(w, S("tcb_status"), tcb_status_name(a->tcb.status));
    put_date(c, w, S("tcb_date"), a->tcb.tcb_date);
    put_advisories(c, w, S("advisory_ids"), &a->tcb);
    c->host->put_text(w, S("tcb_status_current"), tcb_status_name(now.status));
    put_date(c, w, S("tcb_date_current"), now.tcb_date);
    put_advisories(c, w, S("advisory_ids_current"), &now);
}

static void put_collateral(struct dcap_appraisal *a, trustee_writer *w)
{
    struct dcap_call *c = &a->call;
    uint64_t number = lower(tcb_info_statement(a->tcb_info)->evaluation_number,
                            qe_identity_statement(a->qe_identity)->evaluation_number);
    put_date(c, w, S("earliest_issue_date"), a->dates.earliest_issued);
    put_date(c, w, S("latest_issue_date"), a->dates.latest_issued);
    put_date(c, w, S("earliest_expiration_date"), a->dates.earliest_expiration);
    c->host->put_text(w, S("collateral_expiration_status"), a->dates.expired ? S("1") : S("0"));
    c->host->put_number(w, S("pck_crl_num"), dcap_decimal(c, crl_number(a->pck_crl)));
    c->host->put_number(w, S("root_ca_crl_num"), dcap_decimal(c, crl_number(a->root_crl)));
    c->host->put_number(w, S("tcb_eval_num"), dcap_decimal(c, number));
}

/* Upstream writes the GUID as the number that it is. */
static void put_instance(const trustee_host *host, trustee_writer *w, const struct pck *pck)
{
    uint8_t reversed[sizeof pck->platform_instance_id];
    for (size_t i = 0; i < sizeof reversed; i++)
        reversed[i] = pck->platform_instance_id[sizeof reversed - 1 - i];
    host->put_hex(w, S("platform_instance_id"), slice_of(reversed, sizeof reversed));
}

static void put_platform(struct dcap_appraisal *a, trustee_writer *w)
{
    static const slice TYPES[] = {TRUSTEE_TEXT("Standard"), TRUSTEE_TEXT("Scalable"),
                                  TRUSTEE_TEXT("Scalable with Integrity")};
    const trustee_host *host = a->call.host;
    const struct dcap_platform *p = a->platform;
    const struct pck *pck = &p->pck;
    host->put_hex(w, S("platform_provider_id"), slice_of(pck->ppid, sizeof pck->ppid));
    if (pck->has_instance)
        put_instance(host, w, pck);
    host->put_hex(w, S("fmspc"), slice_of(pck->fmspc, sizeof pck->fmspc));
    host->put_hex(w, S("root_key_id"), slice_of(p->root_key_id, sizeof p->root_key_id));
    host->put_text(w, S("sgx_type"), TYPES[pck->sgx_type]);
    if (pck->sgx_type == 0)
        return;
    host->put_bool(w, S("is_dynamic_platform"), pck->dynamic_platform);
    host->put_bool(w, S("is_cached_keys"), pck->cached_keys);
    host->put_bool(w, S("is_smt_enabled"), pck->smt_enabled);
}

bool dcap_put_claims(struct dcap_appraisal *a, trustee_writer *w)
{
    put_tcb(a, w);
    put_collateral(a, w);
    put_platform(a, w);
    return true;
}
