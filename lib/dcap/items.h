/* SPDX-License-Identifier: Apache-2.0
 *
 * Items of collateral as parsed, verified objects: made once, remembered by the SHA-256 of their bytes and chain. Each
 * function is false with c->status set. What they give lives until the call ends.
 */
#ifndef LIB_DCAP_ITEMS_H
#define LIB_DCAP_ITEMS_H

#include "lib/dcap/call.h"
#include "lib/dcap/collateral.h"

#define DCAP_KIND_TCB_INFO "intel/tcb-info"
#define DCAP_KIND_QE_IDENTITY "intel/qe-identity"
#define DCAP_KIND_PCK_CRL "intel/pck-crl"
#define DCAP_KIND_ROOT_CRL "intel/root-crl"
#define DCAP_KIND_PCK "intel/pck"

bool dcap_tcb_info(struct dcap_call *c, const trustee_collateral *item, const struct tcb_info **out);
bool dcap_qe_identity(struct dcap_call *c, const trustee_collateral *item, const struct qe_identity **out);

/* The checks that a list's form, issuer and signature are recorded under. */
struct dcap_crl_checks {
    unsigned form, issuer, signature;
};
extern const struct dcap_crl_checks DCAP_ROOT_CRL_CHECKS, DCAP_PCK_CRL_CHECKS;

/* The list of one of these issuers, which are trusted already. */
bool dcap_crl(struct dcap_call *c, const trustee_collateral *item, const struct certificate *const *issuers,
              size_t count, const struct dcap_crl_checks *checks, const struct crl **out);

#endif
