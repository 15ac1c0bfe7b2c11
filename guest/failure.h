/* SPDX-License-Identifier: Apache-2.0
 *
 * What the workload is told when the agent cannot serve it: at which step it failed, in words, and what the service
 * said.
 */
#ifndef GUEST_FAILURE_H
#define GUEST_FAILURE_H

#include "lib/base/bytes.h"

struct failure {
    const char *step;     /* "configuration", "evidence", "auth", "attest", "resource"; static; NULL: not known */
    char text[320];       /* for people; never a secret, nonce or token */
    long status;          /* HTTP status of the service; 0: it did not answer */
    char type[64];        /* last part of the service's error type; empty: none */
    char reason[64];      /* the service's reason; empty: none */
    char id[64];          /* the service's decision record; empty: none */
    unsigned retry_after; /* seconds the service asked to wait; 0: none */
};

/* Sets step and text and returns `why` as a failure. Control characters become '?'. Always writes the whole text anew;
 * keeps what the service said. */
result failure_set(struct failure *f, enum reason why, const char *step, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The HTTP status that the workload gets for a reason: 400, 403, 404, 502, 503, and 500 for a fault of our own. */
unsigned failure_status(enum reason why);
/* The exit code of --once: 0, 1 fault of our own, 2 configuration, 3 denied, 4 not found, 5 service cannot be reached
 * or failed, 6 evidence cannot be gathered, 7 attestation refused. */
int failure_exit_code(enum reason why);

#endif
