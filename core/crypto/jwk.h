/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON Web Keys taken apart (RFC 7517, 7518 section 6, 8037), and elliptic-curve arithmetic on them. Sizes are checked
 * before anything is computed.
 */
#ifndef CORE_CRYPTO_JWK_H
#define CORE_CRYPTO_JWK_H

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "lib/json/json.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define EC_BYTES_MAX 66
#define EC_POINT_MAX (1 + 2 * EC_BYTES_MAX)

enum key_kind { KEY_NONE, KEY_P256, KEY_P384, KEY_P521, KEY_RSA, KEY_ED25519 };

/* What a public JWK holds, decoded. */
struct jwk {
    enum key_kind kind;
    slice alg;                   /* empty where absent */
    uint8_t point[EC_POINT_MAX]; /* EC: 4 || x || y; Ed25519: the key */
    size_t point_size;
    uint8_t modulus[RSA_BITS_MAX / 8]; /* RSA: big-endian, no leading zeros */
    size_t modulus_size;
    uint32_t exponent; /* RSA */
};

/* Reads the public members; private ones are not looked at. False where a member is missing, has another type, is not
 * canonical base64url or has the wrong length; where an RSA modulus is even or not of 2048 to 8192 bits, or the
 * exponent is even or below 65537. That a point is on its curve is seen when a key is made of it. */
bool jwk_read(const json *v, struct jwk *out);
/* From a library key; false where it is of another kind or RSA outside the bounds above. */
bool jwk_of(const EVP_PKEY *pkey, struct jwk *out);
/* RFC 7638 with SHA-256. */
void jwk_digest(const struct jwk *k, uint8_t out[32]);
/* The members that make the key, sorted by name: crv, kty, x, y or e, kty, n or crv, kty, x. */
void jwk_members(struct text *t, const struct jwk *k);
/* {"alg","kty","crv","x","y"}, {"alg","kty","n","e"} or {"alg","kty","crv","x"}, compact, in the arena. NO_MEMORY. */
MUST_CHECK result jwk_write(struct arena *a, const struct jwk *k, const char *alg, slice *out);
const char *jwk_curve_name(enum key_kind kind); /* "P-256" …; NULL for RSA */
size_t jwk_field_size(enum key_kind kind);      /* of a coordinate, 0 for RSA */
/* A key of the library, NULL when a point is not on its curve or memory is short. */
EVP_PKEY *jwk_pkey(const struct jwk *k);

/* Elliptic curves without the library's key objects, which cost as much as the arithmetic. */
const EC_GROUP *ec_group(enum key_kind kind);
/* NULL where the point is not on the curve, or is the point at infinity. */
EC_POINT *ec_point(enum key_kind kind, slice encoded);
/* A new key pair: its public point as 4 || x || y, and the secret that it shares with `peer`. */
MUST_CHECK result ec_ephemeral(enum key_kind kind, const EC_POINT *peer, uint8_t *point, uint8_t *shared);
/* The secret that a private number shares with a point. */
MUST_CHECK result ec_shared(enum key_kind kind, const BIGNUM *secret, const EC_POINT *peer, uint8_t *shared);

#endif
