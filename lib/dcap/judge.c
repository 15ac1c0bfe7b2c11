/* SPDX-License-Identifier: Apache-2.0
 *
 * What is judged anew for every quote, whatever is remembered: time, revocation, TCB.
 */
#include "lib/dcap/verify.h"

/* --- time
 * ----------------------------------------------------------------------------------------------------------- */

static void issued(struct dcap_dates *d, int64_t t)
{
    if (t < d->earliest_issued)
        d->earliest_issued = t;
    if (t > d->latest_issued)
        d->latest_issued = t;
}

static void expires(struct dcap_dates *d, int64_t t, int64_t now)
{
    if (t < d->earliest_expiration)
        d->earliest_expiration = t;
    if (t >= now && (d->reliable_until == 0 || t < d->reliable_until))
        d->reliable_until = t;
}

/* What has expired is refused, or is a claim. */
static bool check_expiry(struct dcap_appraisal *a, unsigned check, bool expired, int64_t end)
{
    struct dcap_call *c = &a->call;
    if (expired && c->verifier->options.expired_is_claim) {
        a->dates.expired = true;
        return true;
    }
    if (!expired)
        return dcap_check(c, check, true, S("in force"), S("in force"));
    return dcap_check(c, check, false, dcap_text(c, "an end after ", dcap_date(c, c->now)), dcap_date(c, end));
}

static bool is_too_early(struct dcap_appraisal *a, unsigned check, int64_t begin)
{
    struct dcap_call *c = &a->call;
    return dcap_check(c, check, false, dcap_text(c, "a begin before ", dcap_date(c, c->now)), dcap_date(c, begin));
}

static bool judge_path(struct dcap_appraisal *a, unsigned check, const struct x509_path *path)
{
    struct dcap_call *c = &a->call;
    for (size_t n = 0; n < x509_path_length(path); n++) {
        const struct certificate *certificate = x509_path_certificate(path, n);
        issued(&a->dates, certificate->not_before);
        expires(&a->dates, certificate->not_after, c->now);
        if (c->now < certificate->not_before)
            return is_too_early(a, check, certificate->not_before);
    }
    int64_t end = x509_path_not_after(path);
    return check_expiry(a, check, c->now > end, end);
}

struct statement_checks {
    unsigned issued, expired, validity, revoked;
};
static const struct statement_checks TCB_INFO_CHECKS = {DCAP_CHECK_TCB_INFO_ISSUED, DCAP_CHECK_TCB_INFO_EXPIRED,
                                                        DCAP_CHECK_TCB_INFO_SIGNER_VALIDITY,
                                                        DCAP_CHECK_TCB_INFO_SIGNER_REVOKED};
static const struct statement_checks QE_IDENTITY_CHECKS = {
    DCAP_CHECK_QE_IDENTITY_ISSUED, DCAP_CHECK_QE_IDENTITY_EXPIRED, DCAP_CHECK_QE_IDENTITY_SIGNER_VALIDITY,
    DCAP_CHECK_QE_IDENTITY_SIGNER_REVOKED};

static bool judge_statement(struct dcap_appraisal *a, const struct statement_checks *checks,
                            const struct dcap_statement *s)
{
    struct dcap_call *c = &a->call;
    issued(&a->dates, s->issued);
    expires(&a->dates, s->next_update, c->now);
    return dcap_check(c, checks->issued, s->issued <= c->now, S("not in the future"), dcap_date(c, s->issued)) &&
           check_expiry(a, checks->expired, c->now >= s->next_update, s->next_update) &&
           judge_path(a, checks->validity, s->signer);
}

static bool judge_crl(struct dcap_appraisal *a, unsigned check, const struct crl *crl)
{
    struct dcap_call *c = &a->call;
    int64_t begin = crl_this_update(crl), end = crl_next_update(crl);
    issued(&a->dates, begin);
    expires(&a->dates, end, c->now);
    if (c->now < begin)
        return is_too_early(a, check, begin);
    if (end == 0)
        return dcap_check(c, check, false, S("an end"), S("none"));
    return check_expiry(a, check, c->now >= end, end);
}

/* --- revocation
 * ----------------------------------------------------------------------------------------------------- */

/* Every certificate below the root is looked up in its issuer's list. That the list is in force has been judged; where
 * it has expired and may, it is asked as of its last moment. */
static result revocation(const struct dcap_appraisal *a, const struct x509_path *path, size_t n)
{
    const struct certificate *issuer = x509_path_certificate(path, n + 1);
    const struct crl *crl = crl_is_of(a->root_crl, issuer) ? a->root_crl : a->pck_crl;
    int64_t now = a->call.now, begin = crl_this_update(crl), end = crl_next_update(crl);
    if (a->dates.expired && now >= end)
        now = begin;
    return x509_path_check_revocation(path, n, crl, now);
}

static bool judge_revocation(struct dcap_appraisal *a, const struct x509_path *path, unsigned leaf, unsigned ca)
{
    struct dcap_call *c = &a->call;
    for (size_t n = 0; n + 1 < x509_path_length(path); n++) {
        result r = revocation(a, path, n);
        unsigned check = n == 0 ? leaf : ca;
        if (FAILED(r) ? !dcap_check_result(c, check, r) : !dcap_check(c, check, true, S("not listed"), S("not listed")))
            return false;
    }
    return true;
}

static bool judge_all_revocation(struct dcap_appraisal *a)
{
    const struct statement_checks *tcb = &TCB_INFO_CHECKS, *qe = &QE_IDENTITY_CHECKS;
    return judge_revocation(a, a->platform->path, DCAP_CHECK_PCK_REVOKED, DCAP_CHECK_PCK_CA_REVOKED) &&
           judge_revocation(a, tcb_info_statement(a->tcb_info)->signer, tcb->revoked, tcb->revoked) &&
           judge_revocation(a, qe_identity_statement(a->qe_identity)->signer, qe->revoked, qe->revoked);
}

static bool judge_time(struct dcap_appraisal *a)
{
    a->dates = (struct dcap_dates){.earliest_issued = INT64_MAX, .earliest_expiration = INT64_MAX};
    return judge_statement(a, &TCB_INFO_CHECKS, tcb_info_statement(a->tcb_info)) &&
           judge_statement(a, &QE_IDENTITY_CHECKS, qe_identity_statement(a->qe_identity)) &&
           judge_crl(a, DCAP_CHECK_ROOT_CRL_VALIDITY, a->root_crl) &&
           judge_crl(a, DCAP_CHECK_PCK_CRL_VALIDITY, a->pck_crl) &&
           judge_path(a, DCAP_CHECK_PCK_VALIDITY, a->platform->path);
}

/* --- TCB
 * ------------------------------------------------------------------------------------------------------------ */

static unsigned platform_check(result r)
{
    switch (r.reason) {
    case DCAP_TCB_ID:
        return DCAP_CHECK_TCB_INFO_ID;
    case DCAP_TCB_FMSPC:
        return DCAP_CHECK_TCB_INFO_FMSPC;
    case DCAP_TCB_PCEID:
        return DCAP_CHECK_TCB_INFO_PCE;
    case DCAP_TDX_MODULE:
        return DCAP_CHECK_TCB_MODULE;
    case DCAP_TDX_MODULE_NO_LEVEL:
        return DCAP_CHECK_TCB_MODULE_NO_LEVEL;
    default:
        return DCAP_CHECK_TCB_NO_LEVEL;
    }
}

static unsigned qe_check(result r)
{
    switch (r.reason) {
    case DCAP_QE_MRSIGNER:
        return DCAP_CHECK_QE_MRSIGNER;
    case DCAP_QE_PRODUCT:
        return DCAP_CHECK_QE_PRODUCT;
    case DCAP_QE_MISCSELECT:
        return DCAP_CHECK_QE_MISCSELECT;
    case DCAP_QE_ATTRIBUTES:
        return DCAP_CHECK_QE_ATTRIBUTES;
    default:
        return DCAP_CHECK_QE_NO_LEVEL;
    }
}

/* Before anything else is said of them: they are about this kind of TEE. */
static bool judge_ids(struct dcap_appraisal *a)
{
    struct dcap_call *c = &a->call;
    bool tdx = c->verifier->tdx;
    return dcap_check(c, DCAP_CHECK_TCB_INFO_ID, tcb_info_is_tdx(a->tcb_info) == tdx, tdx ? S("TDX") : S("SGX"),
                      tcb_info_is_tdx(a->tcb_info) ? S("TDX") : S("SGX")) &&
           dcap_check(c, DCAP_CHECK_QE_IDENTITY_ID, qe_identity_is_tdx(a->qe_identity) == tdx,
                      tdx ? S("TD_QE") : S("QE"), qe_identity_is_tdx(a->qe_identity) ? S("TD_QE") : S("QE"));
}

static bool check_level(struct dcap_call *c, unsigned check, result r, const struct tcb_verdict *found)
{
    if (FAILED(r))
        return dcap_check_result(c, check, r);
    return dcap_check(c, check, true, S("a level"), tcb_status_name(found->status));
}

static bool judge_levels(struct dcap_appraisal *a)
{
    struct dcap_call *c = &a->call;
    const struct td_report *td = c->verifier->tdx ? &a->quote.td : NULL;
    result r = qe_identity_judge(a->qe_identity, &a->quote.qe, &a->qe_level);
    if (!check_level(c, qe_check(r), r, &a->qe_level))
        return false;
    r = tcb_info_judge(a->tcb_info, &a->platform->pck, td, &a->levels);
    if (!check_level(c, platform_check(r), r, &a->levels.platform))
        return false;
    tcb_merge(&a->levels, &a->qe_level, &a->tcb);
    return true;
}

static const unsigned STATUS_CHECKS[TCB_STATUS_COUNT] = {
    [TCB_UP_TO_DATE] = DCAP_CHECK_TCB_UP_TO_DATE,
    [TCB_SW_HARDENING_NEEDED] = DCAP_CHECK_TCB_SW_HARDENING_NEEDED,
    [TCB_CONFIGURATION_NEEDED] = DCAP_CHECK_TCB_CONFIGURATION_NEEDED,
    [TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] = DCAP_CHECK_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
    [TCB_OUT_OF_DATE] = DCAP_CHECK_TCB_OUT_OF_DATE,
    [TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] = DCAP_CHECK_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED,
    [TCB_RELAUNCH_ADVISED] = DCAP_CHECK_TCB_RELAUNCH_ADVISED,
    [TCB_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] = DCAP_CHECK_TCB_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
    [TCB_REVOKED] = DCAP_CHECK_TCB_REVOKED,
};

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool judge_status(struct dcap_appraisal *a)
{
    struct dcap_call *c = &a->call;
    const struct dcap_options *o = &c->verifier->options;
    uint64_t number = lower(tcb_info_statement(a->tcb_info)->evaluation_number,
                            qe_identity_statement(a->qe_identity)->evaluation_number);
    if (!dcap_check(c, DCAP_CHECK_EVALUATION_NUMBER, number >= o->minimum_evaluation_number,
                    dcap_decimal(c, o->minimum_evaluation_number), dcap_decimal(c, number)))
        return false;
    enum tcb_status status = a->tcb.status;
    bool accepted = status < TCB_REVOKED && (o->accepted & (UINT32_C(1) << status));
    if (!dcap_check(c, STATUS_CHECKS[status], accepted, S("one of accepted_tcb"), tcb_status_name(status)))
        return false;
    return dcap_check(c, DCAP_CHECK_TCB_DATE, a->tcb.tcb_date >= o->minimum_tcb_date, dcap_date(c, o->minimum_tcb_date),
                      dcap_date(c, a->tcb.tcb_date));
}

bool dcap_judge(struct dcap_appraisal *a)
{
    return judge_ids(a) && judge_time(a) && judge_all_revocation(a) && judge_levels(a) && judge_status(a);
}
