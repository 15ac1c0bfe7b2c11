/* SPDX-License-Identifier: Apache-2.0
 *
 * ECDSA verification on P-256 and P-384, for this folder alone. There are two back ends: one around the assembly of
 * s2n-bignum, where the processor is one of those that it is written for, and OpenSSL's, everywhere and to compare
 * with. docs/decisions has the measurements.
 *
 * `point` is X then Y, big-endian, each as long as the curve's field. `digest` is cut or taken as it is, as FIPS 186-4,
 * 6.4 says. r and s are taken as struct raw_signature has them; zero and what is not below the order is refused.
 */
#ifndef LIB_SIGNATURE_EC_H
#define LIB_SIGNATURE_EC_H

#include "lib/signature/signature.h"

static inline size_t ec_field_size(enum key_type curve) /* bytes; also of the order */
{
    return curve == KEY_P256 ? 32 : 48;
}

/* A point that many signatures are verified with. Any number of threads may use one. */
struct ec_key;
/* Refuses what is not a point of the curve. The caller owns *out. SIGNATURE_KEY, NO_MEMORY, CRYPTO. */
MUST_CHECK result ec_key_new(enum key_type curve, slice point, struct ec_key **out);
void ec_key_free(struct ec_key *key); /* NULL is fine */
/* SIGNATURE_INVALID, CRYPTO. */
MUST_CHECK result ec_verify(const struct ec_key *key, const struct raw_signature *signature, slice digest);
/* With a point that is met once. SIGNATURE_KEY, SIGNATURE_INVALID, CRYPTO. */
MUST_CHECK result ec_verify_point(enum key_type curve, slice point, const struct raw_signature *signature,
                                  slice digest);

/* OpenSSL's way, whichever back end the others use. */
MUST_CHECK result ec_openssl_verify_point(enum key_type curve, slice point, const struct raw_signature *signature,
                                          slice digest);

#endif
