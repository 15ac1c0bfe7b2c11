/* SPDX-License-Identifier: Apache-2.0
 *
 * One certificate (RFC 5280, 4.1) as views into its DER bytes: nothing is copied, nothing is allocated. Reading proves
 * nothing: see x509.h for chains.
 */
#ifndef LIB_X509_CERTIFICATE_H
#define LIB_X509_CERTIFICATE_H

#include "lib/signature/signature.h"

/* keyUsage bits, numbered as in RFC 5280, 4.2.1.3 */
#define KEY_USAGE_DIGITAL_SIGNATURE (1u << 0)
#define KEY_USAGE_CERT_SIGN (1u << 5)
#define KEY_USAGE_CRL_SIGN (1u << 6)

struct certificate {
    slice der;
    slice tbs;                     /* what is signed: TBSCertificate with its tag and length */
    slice serial;                  /* content of the INTEGER, without a leading zero octet; zero is one octet 0 */
    slice issuer, subject;         /* Name with its tag and length; compared bytewise */
    int64_t not_before, not_after; /* Unix seconds, both inclusive */
    slice spki;                    /* SubjectPublicKeyInfo with its tag and length */
    slice extensions;              /* content of the SEQUENCE OF Extension; empty where there is none */
    bool is_ca;                    /* basicConstraints with cA */
    int path_length;               /* -1: none */
    bool has_key_usage;
    unsigned key_usage;             /* KEY_USAGE_… */
    bool unknown_critical;          /* a critical extension other than basicConstraints, keyUsage and extKeyUsage */
    slice key_id, authority_key_id; /* empty where absent */
    enum signature_scheme scheme;
    enum hash hash;
    slice signature; /* content of the BIT STRING */
};

/* Reads exactly one DER certificate of version 3. Refused: anything after it, lengths that are not minimal, an
 * extension twice, other algorithms inside than outside. X509_FORM; X509_WEAK for a signature algorithm that
 * lib/signature has no name for. */
MUST_CHECK result certificate_read(slice der, struct certificate *out);
/* The same for one that is trusted as it is, whose own signature therefore proves nothing: an unknown signature
 * algorithm is no failure, `scheme` is SIGNATURE_SCHEME_COUNT then. X509_FORM. */
MUST_CHECK result certificate_read_trusted(slice der, struct certificate *out);
/* The value (content of the OCTET STRING) of an extension, by the content of its OBJECT IDENTIFIER; false: absent. */
bool certificate_extension(const struct certificate *c, slice oid, slice *value);
/* Whether the signature is the issuer key's. X509_SIGNATURE, X509_WEAK where key and algorithm do not go together,
 * CRYPTO. */
MUST_CHECK result certificate_verify(const struct certificate *c, const struct public_key *issuer);

/* Cuts the next PEM block "CERTIFICATE" off `rest` and decodes it into `room`, which the caller gives; *der is a view
 * into it. Text between blocks is skipped, and so is a NUL at the very end; a block of another kind, bad base64 or a
 * block larger than `room` fails with X509_FORM. *der is empty at the end. */
MUST_CHECK result pem_next_certificate(slice *rest, uint8_t *room, size_t room_size, slice *der);

#endif
