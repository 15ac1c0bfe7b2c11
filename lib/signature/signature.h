/* SPDX-License-Identifier: Apache-2.0
 *
 * Public keys and raw signatures, as TEEs make them: outside any container such as CMS or JWS.
 *
 * Schemes: RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 8017), ECDSA (FIPS 186-4) on P-256 and P-384; with SHA-256, SHA-384
 * and SHA-512. SHA-1 has no name here. OpenSSL's types stop in this folder and lib/x509.
 */
#ifndef LIB_SIGNATURE_H
#define LIB_SIGNATURE_H

#include "lib/base/bytes.h"

enum hash {
    HASH_SHA256,
    HASH_SHA384,
    HASH_SHA512,
    HASH_COUNT,
};
#define HASH_SIZE_MAX 64

size_t hash_size(enum hash h); /* bytes */
/* Digest of `bytes` into `out`, which has room for hash_size(h). CRYPTO. */
MUST_CHECK result hash_bytes(enum hash h, slice bytes, uint8_t *out);
/* The most frequent case. CRYPTO. */
MUST_CHECK result sha256(slice bytes, uint8_t out[32]);

enum key_type {
    KEY_RSA,
    KEY_P256,
    KEY_P384,
};

/* A public key with what is asked about it often. Immutable: any number of threads may use one. A key of a curve gets
 * a table of its multiples with its third verification, and is more than twice as fast from then on: keep keys that
 * come back. */
struct public_key;

#define SPKI_SIZE_MAX 1024 /* RSA of 4096 bits takes 550 */

/* Takes a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) of RSA with 2048 to 4096 bits and an odd exponent from 65537 to
 * 2^32 - 1, or of P-256 or P-384 named by OID with an uncompressed point on the curve. Only the canonical DER encoding
 * is taken, so that one key has one digest. The caller owns *out. SIGNATURE_KEY, NO_MEMORY, CRYPTO. */
MUST_CHECK result public_key_new(slice spki, struct public_key **out);
void public_key_free(struct public_key *key); /* NULL is fine */
enum key_type public_key_type(const struct public_key *key);
unsigned public_key_bits(const struct public_key *key);
/* SHA-256 of the canonical SubjectPublicKeyInfo; 32 bytes that live as long as the key. */
slice public_key_digest(const struct public_key *key);
/* The same key, whoever holds it. */
bool public_key_equal(const struct public_key *a, const struct public_key *b);

enum signature_scheme {
    SIGNATURE_RSASSA,
    SIGNATURE_RSAPSS,
    SIGNATURE_ECDSA,
    SIGNATURE_SCHEME_COUNT,
};

struct raw_signature {
    enum signature_scheme scheme;
    enum hash hash;
    slice bytes; /* RSA: exactly as long as the modulus */
    slice r, s;  /* ECDSA: unsigned, big-endian, at most as long as the curve's order, leading zeros allowed */
};

/* Whether scheme and key go together. */
bool signature_fits(const struct public_key *key, enum signature_scheme scheme);

/* Verifies a signature over `message`, which is hashed here. PSS: MGF1 with the same hash; the salt is as long as the
 * digest or as the modulus allows, the two lengths that TPMs use (TPM 2.0 Part 1, B.7: the largest possible, or the
 * digest's where FIPS 186 is followed); others are refused.
 * SIGNATURE_SCHEME where key and scheme do not go together, SIGNATURE_INVALID, CRYPTO. */
MUST_CHECK result signature_verify(const struct public_key *key, const struct raw_signature *signature, slice message);

/* ECDSA with a key that is met only once, such as the attestation key inside a quote: `point` is X then Y, big-endian,
 * 64 bytes on P-256 and 96 on P-384; it must lie on the curve. Allocates nothing of ours.
 * SIGNATURE_SCHEME, SIGNATURE_KEY, SIGNATURE_INVALID, CRYPTO. */
MUST_CHECK result ecdsa_verify_point(enum key_type curve, slice point, const struct raw_signature *signature,
                                     slice message);

#endif
