/* SPDX-License-Identifier: Apache-2.0
 *
 * AMD's trust anchors, one set for each generation of processors.
 */
#ifndef LIB_SNP_ROOTS_H
#define LIB_SNP_ROOTS_H

#include "lib/base/bytes.h"

struct snp_roots {
    slice ark;  /* the generation's self-signed root, DER */
    slice ask;  /* signs the keys of chips (VCEK) */
    slice asvk; /* signs the keys that providers load (VLEK) */
};

extern const struct snp_roots snp_milan_roots, snp_genoa_roots, snp_turin_roots;

#endif
