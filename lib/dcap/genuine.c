/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether an item of collateral is genuine, before the service keeps it: signed up to a trusted root, about its own
 * key, not issued in the future. What is found genuine here is known to the verification that follows.
 */
#include "lib/dcap/verify.h"

struct judgement {
    struct dcap_call call;
    const trustee_collateral *item;
    trustee_collateral_facts *out;
};

/* Whether the item is what it was asked for as. */
static bool check_key(struct judgement *j, unsigned check, slice actual)
{
    return dcap_check(&j->call, check, slice_equal(j->item->key, actual), j->item->key, actual);
}

static bool check_issued(struct judgement *j, unsigned check, int64_t issued)
{
    struct dcap_call *c = &j->call;
    return dcap_check(c, check, issued <= c->now, S("not in the future"), dcap_date(c, issued));
}

static void facts(struct judgement *j, int64_t issued, int64_t not_after, uint64_t number)
{
    *j->out =
        (trustee_collateral_facts){.size = sizeof *j->out, .issued = issued, .not_after = not_after, .number = number};
}

/* --- statements
 * ----------------------------------------------------------------------------------------------------- */

static bool statement(struct judgement *j, unsigned issued, unsigned validity, const struct dcap_statement *s)
{
    if (!check_issued(j, issued, s->issued) || !check_issued(j, validity, x509_path_not_before(s->signer)))
        return false;
    facts(j, s->issued, s->next_update, s->evaluation_number);
    return true;
}

static bool judge_tcb_info(struct judgement *j)
{
    const struct tcb_info *t;
    if (!dcap_tcb_info(&j->call, j->item, &t))
        return false;
    slice fmspc = tcb_info_fmspc(t), kind = tcb_info_is_tdx(t) ? S("tdx/") : S("sgx/");
    uint8_t key[4 + 12];
    memcpy(key, kind.ptr, 4);
    hex_encode(key + 4, slice_sub(fmspc, 0, 6));
    slice actual = slice_of(key, sizeof key);
    bool right_kind = slice_starts(j->item->key, kind);
    return check_key(j, right_kind ? DCAP_CHECK_TCB_INFO_FMSPC : DCAP_CHECK_TCB_INFO_ID, actual) &&
           statement(j, DCAP_CHECK_TCB_INFO_ISSUED, DCAP_CHECK_TCB_INFO_SIGNER_VALIDITY, tcb_info_statement(t));
}

static bool judge_qe_identity(struct judgement *j)
{
    const struct qe_identity *q;
    return dcap_qe_identity(&j->call, j->item, &q) &&
           check_key(j, DCAP_CHECK_QE_IDENTITY_ID, qe_identity_is_tdx(q) ? S("tdx") : S("sgx")) &&
           statement(j, DCAP_CHECK_QE_IDENTITY_ISSUED, DCAP_CHECK_QE_IDENTITY_SIGNER_VALIDITY,
                     qe_identity_statement(q));
}

/* --- revocation lists
 * ----------------------------------------------------------------------------------------------- */

static bool crl_facts(struct judgement *j, unsigned validity, const struct crl *crl)
{
    if (!check_issued(j, validity, crl_this_update(crl)))
        return false;
    facts(j, crl_this_update(crl), crl_next_update(crl), crl_number(crl));
    return true;
}

static bool judge_root_crl(struct judgement *j)
{
    const struct dcap_trust *trust = &j->call.verifier->trust;
    const struct certificate *roots[DCAP_ANCHORS_MAX];
    const struct crl *crl;
    for (size_t i = 0; i < trust->count; i++)
        roots[i] = &trust->anchors[i].certificate;
    return check_key(j, DCAP_CHECK_COLLATERAL_KIND, S("root")) &&
           dcap_crl(&j->call, j->item, roots, trust->count, &DCAP_ROOT_CRL_CHECKS, &crl) &&
           crl_facts(j, DCAP_CHECK_ROOT_CRL_VALIDITY, crl);
}

struct cas {
    struct certificate certificates[X509_CHAIN_MAX];
    const struct certificate *trusted[X509_CHAIN_MAX];
    size_t count;
};

/* The CAs below a root in the chain that came beside the list. */
static result trusted_cas(struct judgement *j, struct cas *out)
{
    slice chain = j->item->chain, der;
    struct arena room = dcap_scratch(&j->call, (size_t)chain.len + 1);
    ENSURE(room.base, NO_MEMORY);
    while (out->count < X509_CHAIN_MAX) {
        struct certificate *next = &out->certificates[out->count];
        TRY(pem_next_certificate(&chain, room.base + room.used, room.size - room.used, &der));
        if (der.len == 0)
            return OK;
        room.used += der.len;
        TRY(certificate_read(der, next));
        if (dcap_trust_has(&j->call.verifier->trust, next))
            continue;
        result r = dcap_trust_ca(&j->call.verifier->trust, next);
        if (dcap_is_fault(r))
            return r;
        if (!FAILED(r))
            out->trusted[out->count++] = next;
    }
    return OK;
}

static bool judge_pck_crl(struct judgement *j)
{
    struct cas cas = {.count = 0};
    const struct crl *crl;
    result r = trusted_cas(j, &cas);
    if (FAILED(r))
        return dcap_check_result(&j->call, DCAP_CHECK_PCK_CRL_ISSUER, r);
    if (!dcap_crl(&j->call, j->item, cas.trusted, cas.count, &DCAP_PCK_CRL_CHECKS, &crl))
        return false;
    bool platform = false;
    for (size_t i = 0; i < cas.count; i++)
        platform |= crl_is_of(crl, cas.trusted[i]) && pck_is_platform_ca(cas.trusted[i]->subject);
    return check_key(j, DCAP_CHECK_COLLATERAL_KIND, platform ? S("platform") : S("processor")) &&
           crl_facts(j, DCAP_CHECK_PCK_CRL_VALIDITY, crl);
}

/* --- PCK certificates
 * ----------------------------------------------------------------------------------------------- */

/* Nothing of the key can be compared: PPIDs are encrypted to Intel's service, and its answer is for the best TCB, not
 * for the one asked for. A certificate of another platform fails at the quoting enclave's signature. */
static bool judge_pck(struct judgement *j)
{
    const slice parts[] = {j->item->bytes, j->item->chain};
    const struct dcap_platform *p;
    uint8_t digest[32];
    if (!dcap_platform_find(&j->call, parts, digest, &p))
        return false;
    if (!check_issued(j, DCAP_CHECK_PCK_VALIDITY, x509_path_not_before(p->path)))
        return false;
    facts(j, x509_path_certificate(p->path, 0)->not_before, x509_path_not_after(p->path), 0);
    return true;
}

static const struct {
    slice kind;
    bool (*judge)(struct judgement *j);
} KINDS[] = {
    {TRUSTEE_TEXT(DCAP_KIND_TCB_INFO), judge_tcb_info}, {TRUSTEE_TEXT(DCAP_KIND_QE_IDENTITY), judge_qe_identity},
    {TRUSTEE_TEXT(DCAP_KIND_PCK_CRL), judge_pck_crl},   {TRUSTEE_TEXT(DCAP_KIND_ROOT_CRL), judge_root_crl},
    {TRUSTEE_TEXT(DCAP_KIND_PCK), judge_pck},
};

trustee_status dcap_judge_collateral(const struct dcap_verifier *v, trustee_request *req,
                                     const trustee_collateral *item, int64_t now, trustee_collateral_facts *out)
{
    struct judgement j = {.call = dcap_call_begin(v, req, now), .item = item, .out = out};
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        if (!slice_equal(KINDS[i].kind, item->kind))
            continue;
        bool genuine = KINDS[i].judge(&j);
        dcap_call_end(&j.call);
        return genuine ? TRUSTEE_OK : j.call.status;
    }
    return TRUSTEE_E_NOTSUP;
}
