/* SPDX-License-Identifier: Apache-2.0
 *
 * The store of answered challenges. It is what makes a challenge count once: one atomic put-if-absent of (id, key,
 * token). Ids stay until their challenge has expired and are never evicted early; tokens are kept in a ring of bounded
 * size and may leave earlier, after which the same evidence has to be verified afresh. Thread-safe, no allocation after
 * sessions_new except when the index grows.
 */
#ifndef CORE_SESSION_SESSIONS_H
#define CORE_SESSION_SESSIONS_H

#include "lib/base/arena.h"

struct sessions;

/* `capacity` ids at most; `token_bytes` of memory for tokens. */
MUST_CHECK result sessions_new(size_t capacity, size_t token_bytes, struct sessions **out);
void sessions_free(struct sessions *s);

enum session_found {
    SESSION_ABSENT, /* nobody has answered this challenge here */
    SESSION_TOKEN,  /* answered, the token is still here */
    SESSION_GONE,   /* answered, the token has left the ring */
};

/* Looks an id up at monotonic time `now_ms`. For SESSION_TOKEN the token is copied into the arena. `binding` gets what
 * was given to sessions_put (may be NULL). NO_MEMORY. */
MUST_CHECK result sessions_get(struct sessions *s, const uint8_t id[16], uint64_t now_ms, struct arena *a,
                               enum session_found *found, uint8_t binding[16], slice *token);
/* Stores (id, binding, token) until `until_ms` unless the id is there already. `binding` is a digest of nonce and TEE
 * key. Where it is there: the same binding gives the stored token (copied into the arena, or the given one when the
 * stored one has left the ring), another gives SESSION_CONSUMED. Full: SESSION_FULL. */
MUST_CHECK result sessions_put(struct sessions *s, const uint8_t id[16], const uint8_t binding[16], slice token,
                               uint64_t now_ms, uint64_t until_ms, struct arena *a, slice *out);
size_t sessions_count(struct sessions *s);

#endif
