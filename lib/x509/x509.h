/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains of certificates (RFC 5280), leaf first, judged against configured ones at a time that is passed in.
 */
#ifndef LIB_X509_H
#define LIB_X509_H

#include "lib/signature/signature.h"

#define X509_CHAIN_MAX 8          /* certificates in a chain, the leaf counted */
#define X509_CERTIFICATE_MAX 8192 /* bytes of one */

/* The certificates that a chain must lead to. Made once, then read-only: any number of threads may use one. */
struct x509_trust;
MUST_CHECK result x509_trust_new(struct x509_trust **out);
void x509_trust_free(struct x509_trust *trust); /* NULL is fine */
/* Adds every certificate of a PEM text; text between the blocks is ignored, blocks of other kinds are refused.
 * X509_FORM (also where there is none), NO_MEMORY. */
MUST_CHECK result x509_trust_add_pem(struct x509_trust *trust, slice pem);
/* Adds one certificate. X509_FORM, NO_MEMORY. */
MUST_CHECK result x509_trust_add_der(struct x509_trust *trust, slice der);
size_t x509_trust_count(const struct x509_trust *trust);

/* DER certificates as they came. */
struct x509_chain {
    slice certificates[X509_CHAIN_MAX]; /* leaf first, each followed by its issuer */
    size_t count;
};

struct x509_verified {
    struct public_key *leaf_key; /* owned by the caller */
    int64_t not_after;           /* Unix seconds: the earliest end of validity in the chain */
};

/* Follows the chain from its leaf to a trusted certificate. The trusted one may be a root or an intermediate CA, and
 * may or may not be in the chain; what the chain has beyond it is not read. Demanded of all: X.509v3 with CA bit, path
 * length and, save the trusted one, keyCertSign for issuers; no CA bit for the leaf, and digitalSignature where it has
 * a key usage; validity at `now` (Unix seconds); 112 bits of security (so neither SHA-1 nor RSA below 2048 bits); no
 * unknown critical extension; the order given. Revocation is not looked at.
 * X509_LENGTH, X509_FORM, X509_ORDER, X509_UNTRUSTED, X509_VALIDITY, X509_CA, X509_SIGNATURE, X509_WEAK, X509_REFUSED,
 * SIGNATURE_KEY for a leaf key that lib/signature does not take, NO_MEMORY. */
MUST_CHECK result x509_verify_chain(const struct x509_trust *trust, const struct x509_chain *chain, int64_t now,
                                    struct x509_verified *out);

#endif
