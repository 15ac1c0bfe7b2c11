/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a set of trusted certificates, for this folder alone.
 */
#ifndef LIB_X509_TRUST_H
#define LIB_X509_TRUST_H

#include "lib/x509/x509.h"

struct anchor {
    struct anchor *next;
    struct certificate certificate; /* views into der */
    struct public_key *key;
    uint8_t der[];
};

struct x509_trust {
    struct anchor *first, *last;
    size_t count;
};

/* SubjectPublicKeyInfo of RSA below 2048 bits: X509_WEAK rather than SIGNATURE_KEY. */
MUST_CHECK result x509_key_new(slice spki, struct public_key **out);

#endif
