/* SPDX-License-Identifier: Apache-2.0
 *
 * The RCAR handshake of the KBS protocol 0.4.0: request, challenge, attestation, response. It ends in a session: a
 * token, and the key pair that the token names.
 */
#ifndef GUEST_HANDSHAKE_H
#define GUEST_HANDSHAKE_H

#include "core/crypto/jose.h"
#include "guest/kbs.h"

/* Immutable; shared by reference count. */
struct session {
    atomic_uint references;
    struct arena secret; /* holds the token */
    slice token;
    struct jwe_private *key;
    uint64_t use_until_ms; /* monotonic: shortly before the token expires */
};

struct session *session_hold(struct session *s);
void session_release(struct session *s); /* NULL is allowed */

struct handshake {
    const struct settings *settings;
    const struct attester *attester;
    struct kbs_client *client;
    uint64_t deadline_ms;
    struct kbs_memory memory;
};

/* A fresh key pair, a challenge, evidence, a token. One reference is the caller's. AGENT_REFUSED, AGENT_EVIDENCE and
 * what kbs_call gives, with `why` filled. */
MUST_CHECK result handshake_run(const struct handshake *h, struct session **out, struct failure *why);

/* How long a token may be used from now on, in milliseconds: from its own claims iat and exp, so that the guest's clock
 * does not matter; a margin before its end; 0 for one that has expired; five minutes where it does not say. */
uint64_t token_life_ms(slice token, struct arena *a);

/* What a status that is not 200 means in the steps auth and attest. */
MUST_CHECK result handshake_judge(const char *step, long status, struct failure *why);

#endif
