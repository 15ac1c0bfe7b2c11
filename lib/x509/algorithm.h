/* SPDX-License-Identifier: Apache-2.0
 *
 * What certificates and revocation lists have in common: how they name signature algorithms, carry signatures, and
 * write extensions. For this folder alone.
 */
#ifndef LIB_X509_ALGORITHM_H
#define LIB_X509_ALGORITHM_H

#include "lib/signature/signature.h"

/* An AlgorithmIdentifier (with tag and length) of RFC 3279, 4055, 5758: RSA and ECDSA with SHA-256, -384 or -512; PSS
 * with MGF1 and salt of the same digest. False: another algorithm, or other parameters. */
bool algorithm_read(slice identifier, enum signature_scheme *scheme, enum hash *hash);
/* Verifies a signature in the form that X.509 gives it: ECDSA as a SEQUENCE of two INTEGERs.
 * X509_SIGNATURE, X509_WEAK where the key is not one for this scheme, CRYPTO. */
MUST_CHECK result algorithm_verify(const struct public_key *key, enum signature_scheme scheme, enum hash hash,
                                   slice signature, slice message);

struct extension {
    slice oid; /* content */
    bool critical;
    slice value; /* content of the OCTET STRING */
};
/* The next Extension; false where there is none or it is malformed, which fails the cursor. */
bool extension_read(struct reader *r, struct extension *out);
/* AuthorityKeyIdentifier; *key_id is empty where it has none. */
bool authority_key_id_read(slice value, slice *key_id);

#endif
