/* SPDX-License-Identifier: Apache-2.0
 *
 * Sealing short texts to ourselves, as DESIGN "The session" has it:
 * base64url(version || key id || 16-byte salt || ciphertext || tag), key = HKDF-SHA256(master key of that id, salt),
 * AES-256-GCM, zero nonce (each derived key seals once), `purpose` and version as AAD. Thread-safe.
 */
#ifndef CORE_CRYPTO_SEAL_H
#define CORE_CRYPTO_SEAL_H

#include "lib/base/arena.h"

#define SEAL_OVERHEAD 37 /* version 1, key id 4, salt 16, tag 16: bytes before base64url */

struct sealer;
/* Up to two master keys of exactly 32 bytes, the first seals, both open. The key id is the first 4 bytes of
 * SHA-256("trustee seal id" || key). */
MUST_CHECK result sealer_new(slice active, slice retiring, struct sealer **out);
void sealer_free(struct sealer *s);
/* Text in the arena. */
MUST_CHECK result seal(const struct sealer *s, slice purpose, slice plaintext, struct arena *a, slice *out);
/* SESSION_COOKIE for anything that this sealer did not seal for this purpose. */
MUST_CHECK result unseal(const struct sealer *s, slice purpose, slice text, struct arena *a, slice *out);

#endif
