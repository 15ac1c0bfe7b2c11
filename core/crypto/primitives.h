/* SPDX-License-Identifier: Apache-2.0
 *
 * The few primitives that JOSE and sealing are made of, with the library's algorithms fetched once: fetching them per
 * call costs more than most of the calls.
 */
#ifndef CORE_CRYPTO_PRIMITIVES_H
#define CORE_CRYPTO_PRIMITIVES_H

#include <openssl/evp.h>
#include <stdatomic.h>

#include "lib/base/arena.h"

#define GCM_KEY 32
#define GCM_IV 12
#define GCM_TAG 16
#define KW_OVERHEAD 8

struct algorithms {
    EVP_MD *sha256, *sha384, *sha512, *sm3;
    EVP_CIPHER *aes256_gcm, *aes256_ecb;
};
/* Fetched at the first call; ends the process where the library lacks one that cannot be done without. */
const struct algorithms *algorithms(void);

/* Library contexts that are dear to set up and may be used again, by one thread at a time. */
#define POOL_SLOTS 16
struct ctx_pool {
    _Atomic(void *) slots[POOL_SLOTS];
};
void *pool_take(struct ctx_pool *p);           /* NULL when empty */
bool pool_give(struct ctx_pool *p, void *ctx); /* false when full: the caller frees it */

/* Hash of several parts, one after the other. `out` has room for the digest. */
void hash_parts(const EVP_MD *md, const slice *parts, size_t count, uint8_t *out);

/* RFC 5869 with SHA-256, no info, 32 bytes out. The secret has 32 bytes, the salt at most 64. */
void hkdf_sha256(slice secret, slice salt, uint8_t out[32]);
/* NIST SP 800-56A concatenation KDF as RFC 7518 section 4.6.2 has it, one round of SHA-256: at most 32 bytes. */
struct concat_info {
    slice algorithm, apu, apv;
};
void concat_kdf(slice z, const struct concat_info *info, uint8_t *out, size_t size);

/* RFC 3394 with a 256-bit key. The output is 8 bytes longer or shorter than the input. CRYPTO; RELEASE_JWE when what
 * is unwrapped was not wrapped with this key. */
MUST_CHECK result key_wrap(slice kek, slice key, uint8_t *out);
MUST_CHECK result key_unwrap(slice kek, slice wrapped, uint8_t *out);

/* AES-256-GCM. */
struct gcm {
    slice key, iv, aad;
};
/* Writes in.len bytes and then the tag. */
MUST_CHECK result gcm_seal(const struct gcm *g, slice in, uint8_t *out);
/* The same, appended to a text as base64url. */
MUST_CHECK result gcm_seal_text(const struct gcm *g, slice in, struct text *t, uint8_t tag[GCM_TAG]);
/* Writes in.len bytes, which count only if this is true. */
bool gcm_open(const struct gcm *g, slice in, slice tag, uint8_t *out);

#endif
