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
};

/* Judges x's request. On refusal the record says why. Runs on the worker's thread, or on a pool thread: there it is
 * begun again, with a fresh record, after POLICY_SLOW. Allocates in the slot only. */
MUST_CHECK result attest(struct http_exchange *x, struct record *record, struct attest_answer *out);

#endif
