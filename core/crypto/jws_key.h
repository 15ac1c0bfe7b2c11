/* SPDX-License-Identifier: Apache-2.0
 *
 * The signature algorithms, and the inside of verification keys: for the files of core/crypto alone.
 */
#ifndef CORE_CRYPTO_JWS_KEY_H
#define CORE_CRYPTO_JWS_KEY_H

#include "core/crypto/jose.h"
#include "core/crypto/jwk.h"
#include "core/crypto/primitives.h"

enum jws_alg { JWS_NONE, ES256, ES384, RS256, RS384, RS512, PS256, PS384, PS512, EDDSA, JWS_ALGS };

struct jws_algorithm {
    const char *name;
    enum key_kind kind;
    uint8_t digest_size; /* 0 where the message itself is signed */
    bool pss;
    uint8_t signature_size; /* 0 where it is the modulus's */
};
const struct jws_algorithm *jws_algorithm(enum jws_alg alg);
enum jws_alg jws_alg_named(slice name); /* JWS_NONE for anything that we do not do */
/* The digest of that many bytes. */
const EVP_MD *jws_md(size_t digest_size);

struct jws_key {
    EVP_PKEY *pkey;
    enum key_kind kind;
    uint32_t allowed; /* a bit for each enum jws_alg */
    uint8_t thumbprint[32];
    struct ctx_pool contexts; /* EVP_PKEY_CTX ready to verify, EC only */
};

/* Takes the key over, also on failure. TOKEN_KEY. */
MUST_CHECK result jws_key_make(EVP_PKEY *pkey, const struct jwk *parts, struct jws_key **out);

#endif
