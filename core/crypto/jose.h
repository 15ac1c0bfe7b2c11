/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON Web Keys, Signatures and Encryption: the few algorithms of the KBS protocol, and no others.
 * RFC 7515 (JWS), 7516 (JWE), 7517 (JWK), 7518 (JWA), 8037 (EdDSA), 7638 (thumbprint).
 */
#ifndef CORE_CRYPTO_JOSE_H
#define CORE_CRYPTO_JOSE_H

#include "lib/json/json.h"

/* --- public keys that signatures are verified with --------------------------------------------------------------- */
struct jws_key; /* an EVP_PKEY and the algorithms it may be used with; immutable, shared between threads */

/* From a PEM public key or certificate (the first one). EC P-256 (ES256), P-384 (ES384), RSA >= 2048 (RS256, RS384,
 * RS512, PS256, PS384, PS512), Ed25519 (EdDSA). TOKEN_KEY where it is none of these. */
MUST_CHECK result jws_key_from_pem(slice pem, struct jws_key **out);
/* From a JWK; "alg", where present, narrows the algorithms to that one; "use" must be absent or "sig". */
MUST_CHECK result jws_key_from_jwk(const json *jwk, struct jws_key **out);
void jws_key_free(struct jws_key *k);
/* RFC 7638 SHA-256 thumbprint. */
MUST_CHECK result jws_key_thumbprint(const struct jws_key *k, uint8_t out[32]);
bool jws_key_equal(const struct jws_key *a, const struct jws_key *b);

/* --- verification ------------------------------------------------------------------------------------------------ */
struct jws {
    slice header_text, payload_text; /* decoded JSON, in the arena */
    const json *header, *payload;    /* both objects */
    slice alg, kid;
    const json *jwk;              /* header member, or NULL */
    slice signed_part, signature; /* header.payload as it was sent; decoded signature */
};

#define JWS_SIZE_MAX ((size_t)512 * 1024) /* bytes of a compact JWS */

/* Takes a compact JWS apart without judging it: three base64url parts, JSON objects without duplicates, "alg" a string
 * of a known algorithm (never "none" or a MAC), no "crit", "b64" or "zip"; at most JWS_SIZE_MAX. TOKEN_MALFORMED,
 * TOKEN_ALGORITHM. */
MUST_CHECK result jws_parse(struct arena *a, slice compact, struct jws *out);
/* Verifies the signature with a key; the algorithm must be one that the key allows. TOKEN_ALGORITHM, TOKEN_SIGNATURE.
 */
MUST_CHECK result jws_verify(const struct jws *j, const struct jws_key *k);
/* A key from a header's jwk whose x5c chain (leaf first; intermediates in any order; at most 8) leads to one of the
 * anchors at time `now`: leaf key equals the jwk, every certificate valid, issuers are CAs, leaves are not configured
 * anchors. TOKEN_UNTRUSTED. */
struct trust_anchors;
MUST_CHECK result trust_anchors_from_pem(slice pem, struct trust_anchors **out); /* all certificates of the text */
void trust_anchors_free(struct trust_anchors *t);
MUST_CHECK result jws_key_from_x5c(const json *jwk, const struct trust_anchors *t, int64_t now, struct jws_key **out);

/* --- signing ----------------------------------------------------------------------------------------------------- */
struct jws_signer; /* a private key: EC P-256 (ES256), P-384 (ES384), RSA (RS384), Ed25519 (EdDSA) */
MUST_CHECK result jws_signer_from_pem(slice pem, struct jws_signer **out);
MUST_CHECK result jws_signer_generate(struct jws_signer **out); /* EC P-256 */
void jws_signer_free(struct jws_signer *s);
const char *jws_signer_alg(const struct jws_signer *s);
/* The public key as a compact JWK {"alg","kty","crv","x","y"} in that order, in the arena. */
MUST_CHECK result jws_signer_jwk(const struct jws_signer *s, struct arena *a, slice *out);
/* A verifier's view of the same key. */
MUST_CHECK result jws_signer_public(const struct jws_signer *s, struct jws_key **out);
/* PEM of the private key into a SECRET arena, of the public key into any. */
MUST_CHECK result jws_signer_private_pem(const struct jws_signer *s, struct arena *secret, slice *out);
MUST_CHECK result jws_signer_public_pem(const struct jws_signer *s, struct arena *a, slice *out);
/* Compact JWS of two JSON texts, written at the end of the arena. */
MUST_CHECK result jws_sign(const struct jws_signer *s, struct arena *a, slice header, slice payload, slice *out);

/* --- encryption to a TEE's key ------------------------------------------------------------------------------------ */
struct jwe_key; /* a TEE's public key, checked: RSA-OAEP-256, ECDH-ES+A256KW on P-256 or P-521, RSA1_5 */

/* RSA: 2048 to 8192 bits, odd modulus, public exponent odd and >= 65537 and < 2^32 (3 is refused); EC: coordinates of
 * exactly 32 or 66 bytes, on the curve. "alg" is required. RSA1_5 gives RELEASE_JWE unless `allow_rsa1_5`. */
MUST_CHECK result jwe_key_from_jwk(const json *jwk, bool allow_rsa1_5, struct jwe_key **out);
void jwe_key_free(struct jwe_key *k);
/* RFC 7638 thumbprint of a TEE's JWK text without building a key. RELEASE_JWE for unusable shapes. */
MUST_CHECK result jwk_thumbprint(const json *jwk, struct arena *scratch, uint8_t out[32]);
/* Flattened JSON JWE, A256GCM, fresh CEK and IV. The protected header is compact, members in the order alg, enc, then
 * epk {"crv","kty","x","y"}: clients recompute the AAD from their own serialisation, not from ours.
 * `secret` holds the CEK while it is needed. */
MUST_CHECK result jwe_encrypt(const struct jwe_key *k, slice plaintext, struct arena *secret, struct arena *a,
                              slice *out);
/* The same for a key that is used once, without memory of its own: jwe_key_from_jwk and jwe_encrypt in one. */
MUST_CHECK result jwe_encrypt_to(const json *jwk, bool allow_rsa1_5, slice plaintext, struct arena *secret,
                                 struct arena *a, slice *out);

/* --- the guest's side ----------------------------------------------------------------------------------------------
 */
struct jwe_private; /* an ephemeral key pair of the agent */
MUST_CHECK result jwe_private_generate(slice alg,
                                       struct jwe_private **out); /* "ECDH-ES+A256KW-P256", "…-P521", "RSA-OAEP-256" */
void jwe_private_free(struct jwe_private *k);
MUST_CHECK result jwe_private_jwk(const struct jwe_private *k, struct arena *a, slice *out); /* public JWK */
MUST_CHECK result jwe_private_pem(const struct jwe_private *k, struct arena *secret, slice *out);
MUST_CHECK result jwe_decrypt(const struct jwe_private *k, slice flattened_json, struct arena *a, struct arena *secret,
                              slice *plaintext);

/* --- hashes and randomness -----------------------------------------------------------------------------------------
 */
void hash_sha256(slice s, uint8_t out[32]);
void hash_sha384(slice s, uint8_t out[48]);
/* "sha256", "sha384", "sha512", "sm3"; length in bytes, 0 for an unknown name. */
size_t hash_named(slice name, slice s, uint8_t out[64]);
MUST_CHECK result random_bytes(void *out, size_t size);

#endif
