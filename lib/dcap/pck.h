/* SPDX-License-Identifier: Apache-2.0
 *
 * What a PCK certificate says of its platform: the extension 1.2.840.113741.1.13.1 ("Intel SGX PCK Certificate and
 * Certificate Revocation List Profile Specification").
 */
#ifndef LIB_DCAP_PCK_H
#define LIB_DCAP_PCK_H

#include "lib/x509/certificate.h"

struct pck {
    uint8_t ppid[16];
    uint8_t components[16]; /* SGX TCB component SVNs */
    uint16_t pce_svn;
    uint8_t cpu_svn[16];
    uint8_t pce_id[2];
    uint8_t fmspc[6];
    uint8_t sgx_type;                 /* 0 standard, 1 scalable, 2 scalable with integrity */
    bool has_instance;                /* the three below and the id are there */
    uint8_t platform_instance_id[16]; /* as it stands there: a GUID, whose text has the octets the other way round */
    bool has_configuration;
    bool dynamic_platform, cached_keys, smt_enabled;
    bool platform_ca; /* issued by the platform CA, else by the processor CA (from the issuer's name) */
};

/* DCAP_PCK_EXTENSION: absent, twice, a member missing, twice, of another type or out of range, or one that the issuing
 * CA does not put there. */
MUST_CHECK result pck_read(const struct certificate *leaf, struct pck *out);

/* Whether a Name is the platform CA's, going by Intel's common name; every other CA counts as a processor CA. */
bool pck_is_platform_ca(slice name);

#endif
