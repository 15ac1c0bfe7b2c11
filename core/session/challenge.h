/* SPDX-License-Identifier: Apache-2.0
 *
 * A challenge lives nowhere but in the cookie that was made for it: an unauthenticated client costs no memory, and any
 * replica with the same master key can take the answer. KBS attestation protocol 0.4.0.
 */
#ifndef CORE_SESSION_CHALLENGE_H
#define CORE_SESSION_CHALLENGE_H

#include "core/crypto/seal.h"

#define COOKIE_NAME "kbs-session-id"
#define COOKIE_SIZE_MAX 512
#define NONCE_SIZE 32
#define CHALLENGE_SKEW 5 /* seconds that the clocks of two replicas may differ */

struct challenge {
    uint8_t id[16];
    slice nonce;   /* base64 text as it was sent to the client; at most 160 bytes */
    slice tee;     /* at most 32 bytes */
    slice version; /* of the protocol; at most 16 bytes */
    uint8_t extra[32]; /* SHA-256 of the extra-params that went with the nonce, as JSON text */
    int64_t issued, expiry; /* Unix seconds */
};

#define CHALLENGE_NO_EXTRA S("\"\"") /* the extra-params of a challenge that has none */

/* Draws id and nonce; no extra-params. NO_MEMORY, CRYPTO. */
MUST_CHECK result challenge_make(struct challenge *c, slice tee, slice version, int64_t now, unsigned life,
                                 struct arena *a);
/* The cookie's value. */
MUST_CHECK result challenge_seal(const struct challenge *c, const struct sealer *s, struct arena *a, slice *cookie);
/* Slices point into the arena. SESSION_COOKIE, SESSION_EXPIRED (also: issued in the future). */
MUST_CHECK result challenge_open(slice cookie, const struct sealer *s, int64_t now, struct arena *a,
                                 struct challenge *out);
/* Value of the Set-Cookie header. */
MUST_CHECK result challenge_set_cookie(slice cookie, int64_t expiry, bool tls, struct arena *a, slice *out);

#endif
