/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys that sign reports, and their certificates (AMD publication 57230, "VCEK Certificate and KDS Interface
 * Specification"): VCEK, a chip's own, below ASK; VLEK, loaded by a provider, below ASVK; both below the generation's
 * ARK. Revocation lists come from the ARK, and name ASK and ASVK.
 */
#ifndef LIB_SNP_VEK_H
#define LIB_SNP_VEK_H

#include "lib/snp/generation.h"
#include "lib/x509/x509.h"

enum snp_vek_kind {
    SNP_VCEK,
    SNP_VLEK,
};
/* "vcek", "vlek": as in keys of collateral. */
slice snp_vek_kind_name(enum snp_vek_kind kind);

/* What a certificate says of its key. Views into the certificate. */
struct snp_vek_facts {
    enum snp_vek_kind kind;
    slice generation; /* from the issuer's name: "Milan" of SEV-Milan or SEV-VLEK-Milan */
    slice product;    /* "Milan-B0": the generation, and perhaps a stepping */
    struct snp_tcb tcb;
    slice chip_id;  /* VCEK: 64 bytes, or the 8 that Turin has */
    slice provider; /* VLEK: who loads it; may be absent */
};
/* AMD_VEK_NAME for a certificate that is not of such a key, by its own name and its issuer's; AMD_VEK_EXTENSION for an
 * extension that is missing, malformed or of the other kind of key, or a product of another generation. */
MUST_CHECK result snp_vek_read(const struct certificate *c, struct snp_vek_facts *out);
/* Whether this VCEK is for that chip (64 bytes, in constant time is not needed: it is no secret). */
bool snp_vek_is_of_chip(const struct snp_vek_facts *facts, slice chip_id);

/* --- whom to trust -------------------------------------------------------------------------------------------------
 */

/* ARKs with the ASKs and ASVKs below them. Made once, then read-only: any number of threads may use one. */
struct snp_anchors;
/* AMD's of all known generations where `amd`, else none. NO_MEMORY, CRYPTO, and what a damaged constant gives. */
MUST_CHECK result snp_anchors_new(bool amd, struct snp_anchors **out);
void snp_anchors_free(struct snp_anchors *anchors); /* NULL is fine */
/* Adds one ARK, and the ASK and ASVK below it where they are given, in any order: the text that AMD's service gives as
 * cert_chain. X509_FORM and the like; AMD_VEK_NAME for other names, no ARK or two, an ASK of another generation. */
MUST_CHECK result snp_anchors_add_pem(struct snp_anchors *anchors, slice pem);
/* Whether a certificate, DER, is an ARK that is trusted: the same, or the same name and key signed by itself. */
bool snp_anchors_has_ark(const struct snp_anchors *anchors, slice der);

/* Whether of this generation an ARK is trusted, but no issuer of this kind of key. */
bool snp_anchors_lack_issuer(const struct snp_anchors *anchors, slice generation, enum snp_vek_kind kind);

/* --- a key whose chain holds ---------------------------------------------------------------------------------------
 */

/* Immutable; any number of threads may use one. */
struct snp_vek;
/* Follows a certificate to an ARK or to an ASK or ASVK that is known to be below one. `issuer`, which may be absent,
 * is an ASK or ASVK that came along: used where the trusted ones have not signed, and refused (X509_ORDER) where it has
 * the place of another. What x509_path_new(), snp_vek_read() fail with; AMD_VEK_NAME where names and generations of the
 * chain do not go together; SIGNATURE_SCHEME for a key on another curve than P-384. */
MUST_CHECK result snp_vek_new(const struct snp_anchors *anchors, slice der, slice issuer, struct snp_vek **out);
void snp_vek_free(struct snp_vek *vek); /* NULL is fine */
const struct snp_vek_facts *snp_vek_facts(const struct snp_vek *vek);
const struct public_key *snp_vek_key(const struct snp_vek *vek);
/* The certificates: the key's, then ASK or ASVK, then perhaps ARK. */
const struct x509_path *snp_vek_path(const struct snp_vek *vek);

/* --- collateral ----------------------------------------------------------------------------------------------------
 */

/* A list of the ARK of this generation. AMD_VEK_NAME where there is none; what crl_new() fails with. */
MUST_CHECK result snp_crl_new(const struct snp_anchors *anchors, slice generation, slice der, struct crl **out);
/* Judges the key's issuer by the list. X509_NO_CRL where it is not the list of its ARK; X509_CRL_VALIDITY;
 * X509_IS_REVOKED. */
MUST_CHECK result snp_vek_check_revocation(const struct snp_anchors *anchors, const struct snp_vek *vek,
                                           const struct crl *crl, int64_t now);
/* An ASK or ASVK of this generation, then its ARK, PEM: as AMD's service gives them. `issuer` gets the DER of the
 * first, in `room`. Fails as snp_anchors_add_pem() does, with AMD_VEK_NAME also for another generation or kind, with
 * X509_UNTRUSTED for an ARK that is not trusted. */
MUST_CHECK result snp_ca_chain_read(const struct snp_anchors *anchors, slice generation, enum snp_vek_kind kind,
                                    slice pem, uint8_t room[X509_CERTIFICATE_MAX], slice *issuer,
                                    struct certificate *certificate);

#endif
