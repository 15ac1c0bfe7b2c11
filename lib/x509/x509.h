/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains of certificates (RFC 5280), leaf first, judged against configured ones at a time that is passed in.
 */
#ifndef LIB_X509_H
#define LIB_X509_H

#include "lib/x509/certificate.h"
#include "lib/x509/crl.h"

#define X509_CHAIN_MAX 8          /* certificates in a chain, the leaf counted */
#define X509_CERTIFICATE_MAX 8192 /* bytes of one */

/* The certificates that a chain must lead to. Made once, then read-only: any number of threads may use one. */
struct x509_trust;
MUST_CHECK result x509_trust_new(struct x509_trust **out);
void x509_trust_free(struct x509_trust *trust); /* NULL is fine */
/* Adds every certificate of a PEM text; text between the blocks is ignored, blocks of other kinds are refused.
 * X509_FORM (also where there is none), X509_WEAK and SIGNATURE_KEY for a key that lib/signature does not take,
 * NO_MEMORY. */
MUST_CHECK result x509_trust_add_pem(struct x509_trust *trust, slice pem);
/* Adds one certificate; its own signature is not looked at. X509_FORM, X509_WEAK, SIGNATURE_KEY, NO_MEMORY. */
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
 * unknown critical extension; the order given. A CA whose name and key are trusted may be sent as another certificate
 * that it has signed for itself. Revocation is not looked at.
 * X509_LENGTH, X509_FORM, X509_ORDER, X509_UNTRUSTED, X509_VALIDITY, X509_CA, X509_SIGNATURE, X509_WEAK, X509_REFUSED,
 * SIGNATURE_KEY for a key that lib/signature does not take, NO_MEMORY. */
MUST_CHECK result x509_verify_chain(const struct x509_trust *trust, const struct x509_chain *chain, int64_t now,
                                    struct x509_verified *out);

/* --- the same in two steps, for chains that are met again: what the bytes prove is found once and may be remembered
 * (keyed by the SHA-256 of the chain and the generation of the trust); time and revocation are judged every time --- */

/* A chain whose signatures lead to a trusted certificate and whose extensions are as x509_verify_chain() demands them.
 * Immutable, one block of memory with a copy of the certificates: any number of threads may use one. */
struct x509_path;
MUST_CHECK result x509_path_new(const struct x509_trust *trust, const struct x509_chain *chain, struct x509_path **out);
void x509_path_free(struct x509_path *path); /* NULL is fine */
/* Leaf first, the trusted certificate last. */
size_t x509_path_length(const struct x509_path *path);
const struct certificate *x509_path_certificate(const struct x509_path *path, size_t n);
const struct public_key *x509_path_leaf_key(const struct x509_path *path); /* lives as long as the path */
/* Whether every certificate is valid at `now`. X509_VALIDITY. */
MUST_CHECK result x509_path_valid_at(const struct x509_path *path, int64_t now);
int64_t x509_path_not_after(const struct x509_path *path);  /* the earliest end of validity */
int64_t x509_path_not_before(const struct x509_path *path); /* the latest begin */
/* Judges one certificate of the path (n from 0, not the trusted one) by its issuer's list. X509_NO_CRL when `crl` is
 * NULL or another issuer's; X509_CRL_VALIDITY when the list is not in force at `now` (none without nextUpdate is);
 * X509_IS_REVOKED. */
MUST_CHECK result x509_path_check_revocation(const struct x509_path *path, size_t n, const struct crl *crl,
                                             int64_t now);

#endif
