/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a public key, for this folder alone.
 */
#ifndef LIB_SIGNATURE_KEY_H
#define LIB_SIGNATURE_KEY_H

#include <openssl/evp.h>

#include "lib/signature/ec.h"
#include "lib/signature/signature.h"

struct public_key {
    EVP_PKEY *rsa;     /* RSA alone */
    struct ec_key *ec; /* the curves */
    enum key_type type;
    unsigned bits;
    uint8_t digest[32]; /* SHA-256 of the canonical SubjectPublicKeyInfo */
};

const char *hash_name(enum hash h); /* for OpenSSL */

#endif
