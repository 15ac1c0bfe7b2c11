/* SPDX-License-Identifier: Apache-2.0
 *
 * One request to the service over HTTP or HTTPS, and what its refusals say. libcurl stops here.
 */
#ifndef GUEST_KBS_H
#define GUEST_KBS_H

#include <stdatomic.h>

#include "guest/config.h"

struct kbs_client; /* one connection at a time, with its cookies; for one thread at a time */

struct kbs_request {
    const char *step;  /* for failures: "auth", "attest", "resource" */
    const char *path;  /* below the service's URL, with its first slash */
    slice body;        /* ptr NULL: GET; else POST of JSON */
    slice bearer;      /* token; empty: none */
    bool keep_cookies; /* sends and takes the session cookie */
};

struct kbs_reply {
    long status;
    slice body; /* in the arena that was given */
};

/* Once per process, before threads start. */
MUST_CHECK result kbs_start(void);
/* `stopping` ends requests early, with AGENT_UNREACHABLE. */
MUST_CHECK result kbs_client_new(const struct settings *s, const atomic_bool *stopping, struct kbs_client **out);
void kbs_client_free(struct kbs_client *c);

/* Sends one request and reads the whole answer, whatever its status, at the latest at `deadline_ms` (monotonic).
 * Answers 429 and 503 with a Retry-After that ends before the deadline are waited out once. `secret` holds the token's
 * header. What the service said of a refusal is put into `why`. AGENT_UNREACHABLE, AGENT_TLS, AGENT_ANSWER (too large,
 * not HTTP), AGENT_BUSY (429 or 503 to the end). */
struct kbs_memory {
    struct arena *plain, *secret;
};
MUST_CHECK result kbs_call(struct kbs_client *c, const struct kbs_request *q, uint64_t deadline_ms,
                           struct kbs_memory memory, struct kbs_reply *out, struct failure *why);

#endif
