/* SPDX-License-Identifier: Apache-2.0
 *
 * The roots that platforms and Intel's statements must lead to: Intel's, pinned, and those that the operator adds.
 */
#ifndef LIB_DCAP_TRUST_H
#define LIB_DCAP_TRUST_H

#include "lib/x509/x509.h"

#define DCAP_ANCHORS_MAX 8

struct dcap_anchor {
    uint8_t *der; /* owned */
    struct certificate certificate;
    struct public_key *key;
};

/* Immutable once filled: any number of threads may use one. */
struct dcap_trust {
    struct x509_trust *x509;
    struct dcap_anchor anchors[DCAP_ANCHORS_MAX];
    size_t count;
};

/* Not about certificates or evidence: memory or cryptography failed. */
static inline bool dcap_is_fault(result r)
{
    return r.reason == NO_MEMORY || r.reason == CRYPTO;
}

/* With Intel's root in it. NO_MEMORY, CRYPTO. */
MUST_CHECK result dcap_trust_begin(struct dcap_trust *t);
/* Adds the certificates of a file: one in DER, or any number in PEM. X509_FORM (also where there is none), X509_CA,
 * X509_LENGTH (too many), NO_MEMORY. */
MUST_CHECK result dcap_trust_add(struct dcap_trust *t, slice file);
void dcap_trust_end(struct dcap_trust *t);

/* Whether an anchor has signed this CA: the depth that Intel's CAs have. X509_UNTRUSTED, X509_CA, X509_SIGNATURE,
 * X509_REFUSED, CRYPTO. */
MUST_CHECK result dcap_trust_ca(const struct dcap_trust *t, const struct certificate *ca);
/* Whether it is an anchor, or another certificate of an anchor's name and key: proves nothing alone. */
bool dcap_trust_has(const struct dcap_trust *t, const struct certificate *c);

#endif
