/* SPDX-License-Identifier: Apache-2.0
 *
 * The ways to agree on a content key, and the inside of a TEE's key: for the files of core/crypto alone.
 */
#ifndef CORE_CRYPTO_JWE_KEY_H
#define CORE_CRYPTO_JWE_KEY_H

#include "core/crypto/jose.h"
#include "core/crypto/jwk.h"
#include "core/crypto/primitives.h"

#define CEK_SIZE 32
#define JWE_ENC "A256GCM"
#define ECDH_ALG "ECDH-ES+A256KW"
#define OAEP_ALG "RSA-OAEP-256"
#define PKCS1_ALG "RSA1_5"

struct jwe_key {
    const char *alg;
    enum key_kind kind;
    EC_POINT *point; /* EC */
    EVP_PKEY *pkey;  /* RSA */
};

/* The parameters of an RSA operation for `alg`: handed over at its start, they cost a third of what setting them one by
 * one costs. */
void jwe_rsa_padding(const char *alg, OSSL_PARAM parameters[4]);
/* RFC 7518 section 4.6: the key that wraps the content key, from the shared secret. */
void jwe_ecdh_kek(enum key_kind kind, const uint8_t *shared, uint8_t kek[32]);

#endif
