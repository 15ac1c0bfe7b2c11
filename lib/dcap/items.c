/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/items.h"

#include <stdlib.h>

#define JSON_COST 8 /* times its size: lib/json/json.h */
#define SCRATCH_MIN (96u << 10)

const struct dcap_crl_checks DCAP_ROOT_CRL_CHECKS = {DCAP_CHECK_ROOT_CRL_FORM, DCAP_CHECK_ROOT_CRL_ISSUER,
                                                     DCAP_CHECK_ROOT_CRL_SIGNATURE};
const struct dcap_crl_checks DCAP_PCK_CRL_CHECKS = {DCAP_CHECK_PCK_CRL_FORM, DCAP_CHECK_PCK_CRL_ISSUER,
                                                    DCAP_CHECK_PCK_CRL_SIGNATURE};

/* --- the digest of an item
 * --------------------------------------------------------------------------------------------- */

/* What an item was when its digest was made. Comparing is a tenth of digesting. */
struct digested {
    uint8_t digest[32];
    size_t bytes, chain; /* lengths */
    uint8_t content[];   /* both */
};

static void drop_digested(void *value)
{
    free(value);
}

static bool is_the_same(const struct digested *d, const trustee_collateral *item)
{
    return slice_equal(slice_of(d->content, d->bytes), item->bytes) &&
           slice_equal(slice_of(d->content + d->bytes, d->chain), item->chain);
}

static bool remember(struct dcap_call *c, const trustee_collateral *item, const uint8_t name[32],
                     const uint8_t digest[32])
{
    struct digested *d = malloc(sizeof *d + (size_t)(item->bytes.len + item->chain.len));
    if (!d)
        return true; /* it will be made anew */
    memcpy(d->digest, digest, sizeof d->digest);
    d->bytes = item->bytes.len;
    d->chain = item->chain.len;
    if (d->bytes > 0)
        memcpy(d->content, item->bytes.ptr, d->bytes);
    if (d->chain > 0)
        memcpy(d->content + d->bytes, item->chain.ptr, d->chain);
    return dcap_keep(c, S("dcap/digest"), name, d, drop_digested);
}

/* SHA-256 over the digest of the chain and the bytes; remembered by the item's name and used for these very bytes. */
static bool item_digest(struct dcap_call *c, const trustee_collateral *item, uint8_t digest[32])
{
    uint8_t name[32];
    if (!dcap_digest(c, item->kind, item->key, name))
        return false;
    const struct digested *known = dcap_cached(c, S("dcap/digest"), name);
    if (known && is_the_same(known, item)) {
        memcpy(digest, known->digest, sizeof known->digest);
        return true;
    }
    return dcap_digest_pair(c, item->chain, item->bytes, digest) && remember(c, item, name, digest);
}

static struct arena statement_scratch(struct dcap_call *c, const trustee_collateral *item)
{
    return dcap_scratch(c, SCRATCH_MIN + (size_t)(item->bytes.len + item->chain.len) * (JSON_COST + 2));
}

/* --- statements
 * ----------------------------------------------------------------------------------------------------- */

struct statement_checks {
    unsigned form, chain, signature;
};
static const struct statement_checks TCB_INFO_CHECKS = {DCAP_CHECK_TCB_INFO_FORM, DCAP_CHECK_TCB_INFO_CHAIN,
                                                        DCAP_CHECK_TCB_INFO_SIGNATURE};
static const struct statement_checks QE_IDENTITY_CHECKS = {DCAP_CHECK_QE_IDENTITY_FORM, DCAP_CHECK_QE_IDENTITY_CHAIN,
                                                           DCAP_CHECK_QE_IDENTITY_SIGNATURE};

static bool is_x509(result r)
{
    return slice_starts(slice_text(reason_id(r.reason)), S("x509.")) || r.reason == SIGNATURE_KEY;
}

static bool check_statement(struct dcap_call *c, const struct statement_checks *checks, result r)
{
    unsigned check = checks->form;
    if (!FAILED(r) || r.reason == DCAP_COLLATERAL_SIGNATURE)
        check = checks->signature;
    else if (r.reason == DCAP_COLLATERAL_CHAIN || is_x509(r))
        check = checks->chain;
    return dcap_check_result(c, check, r);
}

/* What the cache keeps of a signer: a hold of its own. */
struct known_signer {
    struct tcb_signer *signer;
};

static void drop_signer(void *value)
{
    struct known_signer *known = value;
    tcb_signer_release(known->signer);
    free(known);
}

static result make_signer(struct dcap_call *c, slice chain, struct arena *scratch, struct known_signer **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out, NO_MEMORY);
    return tcb_signer_new(c->verifier->trust.x509, chain, scratch, &(*out)->signer);
}

/* TCB info and QE identity come with the same chain. */
static bool find_signer(struct dcap_call *c, slice chain, const struct statement_checks *checks, struct arena *scratch,
                        struct tcb_signer **out)
{
    uint8_t digest[32];
    struct known_signer *fresh;
    if (!dcap_digest(c, chain, NO_SLICE, digest))
        return false;
    const struct known_signer *known = dcap_cached(c, S("dcap/signer"), digest);
    if (known) {
        *out = known->signer;
        return true;
    }
    result r = make_signer(c, chain, scratch, &fresh);
    if (FAILED(r)) {
        free(fresh);
        return check_statement(c, checks, r);
    }
    *out = fresh->signer;
    return dcap_keep(c, S("dcap/signer"), digest, fresh, drop_signer);
}

static void drop_tcb_info(void *value)
{
    tcb_info_free(value);
}

bool dcap_tcb_info(struct dcap_call *c, const trustee_collateral *item, const struct tcb_info **out)
{
    uint8_t digest[32];
    struct tcb_signer *signer;
    struct tcb_info *fresh;
    if (!item_digest(c, item, digest))
        return false;
    *out = dcap_cached(c, S("dcap/tcb-info"), digest);
    if (*out)
        return true;
    struct arena scratch = statement_scratch(c, item);
    if (!scratch.base)
        return dcap_fault(c, TRUSTEE_E_NOMEM);
    if (!find_signer(c, item->chain, &TCB_INFO_CHECKS, &scratch, &signer) ||
        !check_statement(c, &TCB_INFO_CHECKS, tcb_info_new_by(signer, item->bytes, &scratch, &fresh)))
        return false;
    *out = fresh;
    return dcap_keep(c, S("dcap/tcb-info"), digest, fresh, drop_tcb_info);
}

static void drop_qe_identity(void *value)
{
    qe_identity_free(value);
}

bool dcap_qe_identity(struct dcap_call *c, const trustee_collateral *item, const struct qe_identity **out)
{
    uint8_t digest[32];
    struct tcb_signer *signer;
    struct qe_identity *fresh;
    if (!item_digest(c, item, digest))
        return false;
    *out = dcap_cached(c, S("dcap/qe-identity"), digest);
    if (*out)
        return true;
    struct arena scratch = statement_scratch(c, item);
    if (!scratch.base)
        return dcap_fault(c, TRUSTEE_E_NOMEM);
    if (!find_signer(c, item->chain, &QE_IDENTITY_CHECKS, &scratch, &signer) ||
        !check_statement(c, &QE_IDENTITY_CHECKS, qe_identity_new_by(signer, item->bytes, &scratch, &fresh)))
        return false;
    *out = fresh;
    return dcap_keep(c, S("dcap/qe-identity"), digest, fresh, drop_qe_identity);
}

/* --- revocation lists
 * ----------------------------------------------------------------------------------------------- */

static void drop_crl(void *value)
{
    crl_free(value);
}

static bool check_crl(struct dcap_call *c, const struct dcap_crl_checks *checks, result r)
{
    unsigned check = checks->form;
    if (!FAILED(r) || r.reason == X509_SIGNATURE)
        check = checks->signature;
    else if (r.reason == X509_ORDER || r.reason == X509_CA)
        check = checks->issuer;
    return dcap_check_result(c, check, r);
}

bool dcap_crl(struct dcap_call *c, const trustee_collateral *item, const struct certificate *const *issuers,
              size_t count, const struct dcap_crl_checks *checks, const struct crl **out)
{
    uint8_t list[32], digest[32];
    struct crl *fresh;
    result r = FAIL(X509_ORDER);
    if (!item_digest(c, item, list))
        return false;
    for (size_t i = 0; i < count && r.reason == X509_ORDER; i++) {
        /* Whose list it is, is a part of what was verified. */
        if (!dcap_digest(c, slice_of(list, sizeof list), issuers[i]->der, digest))
            return false;
        *out = dcap_cached(c, S("dcap/crl"), digest);
        if (*out)
            return true;
        r = crl_new(item->bytes, issuers[i], &fresh);
    }
    if (!check_crl(c, checks, r))
        return false;
    *out = fresh;
    return dcap_keep(c, S("dcap/crl"), digest, fresh, drop_crl);
}
