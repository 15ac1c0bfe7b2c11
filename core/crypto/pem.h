/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_CRYPTO_PEM_H
#define CORE_CRYPTO_PEM_H

#include <openssl/evp.h>

#include "lib/base/arena.h"

/* A private key without a passphrase, NULL where there is none: never asks anybody for one. */
EVP_PKEY *pem_private(slice pem);
/* PKCS #8 and SubjectPublicKeyInfo. NO_MEMORY when the arena is full, CRYPTO. */
MUST_CHECK result pem_write_private(const EVP_PKEY *pkey, struct arena *secret, slice *out);
MUST_CHECK result pem_write_public(const EVP_PKEY *pkey, struct arena *a, slice *out);

#endif
