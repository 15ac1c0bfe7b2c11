/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificate revocation lists (RFC 5280, 5): complete ones, as Intel and AMD publish them.
 */
#ifndef LIB_X509_CRL_H
#define LIB_X509_CRL_H

#include "lib/x509/certificate.h"

/* A list whose signature holds. Immutable, one block of memory: any number of threads may use one. */
struct crl;

#define CRL_SIZE_MAX (4u << 20) /* bytes */

/* Takes a DER list, version 1 or 2, that `issuer` (a CA; keyCertSign or cRLSign where it has a key usage) has signed
 * and whose issuer name is the issuer's subject. Refused: an unknown critical extension of the list or of an entry (so
 * neither deltas nor indirect lists), trailing bytes, a serial number twice.
 * X509_FORM, X509_ORDER (another issuer), X509_CA, X509_SIGNATURE, X509_WEAK, X509_REFUSED, NO_MEMORY, CRYPTO. */
MUST_CHECK result crl_new(slice der, const struct certificate *issuer, struct crl **out);
void crl_free(struct crl *crl); /* NULL is fine */

/* Time is judged by the caller: nothing here reads a clock. */
int64_t crl_this_update(const struct crl *crl); /* Unix seconds */
int64_t crl_next_update(const struct crl *crl); /* Unix seconds; 0: the list names none */
uint64_t crl_number(const struct crl *crl);     /* 0: none, or more than 64 bits */
size_t crl_count(const struct crl *crl);
/* Whether it is the list of this issuer (subject name and key). */
bool crl_is_of(const struct crl *crl, const struct certificate *issuer);
/* Whether it lists a serial number (as struct certificate has it). Whatever the entry's reason says. */
bool crl_lists(const struct crl *crl, slice serial);

#endif
