/* SPDX-License-Identifier: Apache-2.0
 *
 * From an attestation request to a signed token: challenge, binding, verifier, appraisal, token, session.
 */
#ifndef CORE_ATTEST_H
#define CORE_ATTEST_H

#include "core/service.h"
#include "core/session/challenge.h"

#define ADDITIONAL_MAX 16 /* pieces of device evidence */

struct attest_answer {
    struct challenge challenge; /* as the cookie has it; tee is set as soon as it was opened */
    slice cookie;               /* the value that was sent, to be sent again */
    slice token;
    bool verified; /* a verifier was asked: the refusal is about evidence */
    /* With ATTEST_COLLATERAL: items to bring into memory before the request is judged again. None: nothing will help.
     */
    const trustee_need *needs;
    size_t need_count;
};

/* Judges x's request. On refusal the record says why. Runs on the worker's thread, or on a pool thread. After
 * POLICY_SLOW (there) and after a want of collateral (once that has come) it is begun again, with the record and the
 * slot as they were before. `came` is what became of the last want
 * of collateral: if not all of it is here no more will come, and what there is counts; its verifier judges whether it
 * is too old. Allocates in the slot only. */
MUST_CHECK result attest(struct http_exchange *x, struct record *record, enum collateral_outcome came,
                         struct attest_answer *out);

#endif
