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
    struct x509_path *signer; /* owned; NULL until verified */
};

/* Takes an answer {"<member>":{…},"signature":"<128 hex digits>"} apart. Proves nothing.
 * DCAP_COLLATERAL_FORM, NO_MEMORY. */
MUST_CHECK result statement_read(slice answer, slice member, struct arena *scratch, struct statement *out);
/* Follows the chain and verifies the signature; `s` has been read. DCAP_COLLATERAL_CHAIN, DCAP_COLLATERAL_SIGNATURE,
 * those of x509_path_new(); NO_MEMORY, CRYPTO. On failure nothing is owned. */
MUST_CHECK result statement_verify(struct statement *s, const struct x509_trust *trust, slice chain,
                                   struct arena *scratch);

/* The chain alone: a signer of TCB info below a trusted root, with a key on P-256. */
MUST_CHECK result signer_new(const struct x509_trust *trust, slice chain, struct arena *scratch,
                             struct x509_path **out);

/* The dates and the evaluation number, which both have: issueDate before nextUpdate. */
bool statement_dates(const json *body, struct dcap_statement *out);

#endif
