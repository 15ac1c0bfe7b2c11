/* SPDX-License-Identifier: Apache-2.0
 *
 * How long one operation on a server may take, all waits together, and whether anybody still wants its answer.
 */
#ifndef LIB_BACKEND_DEADLINE_H
#define LIB_BACKEND_DEADLINE_H

#include <trustee/host.h>

#include "lib/base/bytes.h"

#define BACKEND_NS_PER_MS UINT64_C(1000000)

/* CLOCK_MONOTONIC, in nanoseconds. */
uint64_t backend_now(void);

struct deadline {
    const trustee_host *host;
    trustee_request *req; /* NULL: nobody can cancel it */
    uint64_t end;         /* as backend_now */
    bool cancelled;       /* the request was given up; not the server's fault */
};

void deadline_begin(struct deadline *d, const trustee_host *host, trustee_request *req, uint64_t timeout_ms);
/* The time is up, or the request was cancelled. */
bool deadline_over(struct deadline *d);
/* Waits until one of `events` (as of poll) or an error is there. False when the deadline passed before. The request's
 * cancellation is noticed within a tenth of a second. */
bool deadline_wait(struct deadline *d, int fd, short events);

#endif
