/* SPDX-License-Identifier: Apache-2.0
 *
 * What TCB info and QE identity have in common: a signed member of an answer, and the chain of its signer. For this
 * folder alone.
 */
#ifndef LIB_DCAP_STATEMENT_H
#define LIB_DCAP_STATEMENT_H

#include "lib/dcap/collateral.h"
#include "lib/json/json.h"

struct statement {
    const json *body; /* the member, taken apart; lives in the scratch memory */
    slice verbatim;   /* its bytes in the answer */
    uint8_t signature[64];
};

/* Takes an answer {"<member>":{…},"signature":"<128 hex digits>"} apart. Proves nothing.
 * DCAP_COLLATERAL_FORM, NO_MEMORY. */
MUST_CHECK result statement_read(slice answer, slice member, struct arena *scratch, struct statement *out);
/* Verifies the signature. DCAP_COLLATERAL_SIGNATURE, CRYPTO. */
MUST_CHECK result statement_verify(const struct statement *s, const struct tcb_signer *signer);

/* One holder more. */
struct tcb_signer *tcb_signer_hold(struct tcb_signer *s);
const struct x509_path *tcb_signer_path(const struct tcb_signer *s);

/* The dates and the evaluation number, which both have: issueDate before nextUpdate. */
bool statement_dates(const json *body, struct dcap_statement *out);

#endif
