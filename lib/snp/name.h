/* SPDX-License-Identifier: Apache-2.0
 *
 * AMD's names of certificates, for this folder alone.
 */
#ifndef LIB_SNP_NAME_H
#define LIB_SNP_NAME_H

#include "lib/x509/certificate.h"

enum snp_role {
    SNP_ROLE_NONE,
    SNP_ROLE_ARK,  /* "ARK-Milan" */
    SNP_ROLE_ASK,  /* "SEV-Milan" */
    SNP_ROLE_ASVK, /* "SEV-VLEK-Milan" */
    SNP_ROLE_VCEK, /* "SEV-VCEK" */
    SNP_ROLE_VLEK, /* "SEV-VLEK" */
};

struct snp_name {
    enum snp_role role;
    slice generation; /* "Milan"; empty for VCEK and VLEK */
};

/* Reads the one common name of a Name (RFC 5280, 4.1.2.4). SNP_ROLE_NONE where there is none, or several, or another.
 */
struct snp_name snp_name_read(slice name);

#endif
