/* SPDX-License-Identifier: Apache-2.0
 *
 * A platform as its PCK chain proves it: found once, remembered by the SHA-256 of the chain's bytes. Time and
 * revocation are judged by the caller, each time.
 */
#ifndef LIB_DCAP_PLATFORM_H
#define LIB_DCAP_PLATFORM_H

#include "lib/dcap/call.h"
#include "lib/dcap/pck.h"
#include "lib/dcap/quote.h"

/* Immutable. */
struct dcap_platform {
    struct x509_path *path; /* PCK, PCK CA, root; or PCK and root */
    struct pck pck;
    uint8_t root_key_id[48]; /* SHA-384 of the root's key as an uncompressed point, as Intel's library counts it */
};

/* The platform of a PCK chain in PEM, whose parts stand in `parts` (one, or the PCK and then its issuers). `digest` is
 * set to what identifies the chain. False with c->status set. */
bool dcap_platform_find(struct dcap_call *c, const slice parts[2], uint8_t digest[32],
                        const struct dcap_platform **out);

/* Certification data of type 3: encrypted PPID (RSA of 3072 bits), CPUSVN, PCESVN, PCE id. */
#define DCAP_PLATFORM_IDS (384 + 16 + 2 + 2)
/* The key of collateral intel/pck for such data; ptr NULL where they have another size or there is no memory. */
slice dcap_pck_key(struct dcap_call *c, const struct dcap_quote *q);

#endif
