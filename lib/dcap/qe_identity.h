/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a QE identity, for this folder and for the fuzzer.
 */
#ifndef LIB_DCAP_QE_IDENTITY_H
#define LIB_DCAP_QE_IDENTITY_H

#include "lib/dcap/levels.h"

struct qe_identity {
    struct dcap_statement statement;
    struct tcb_signer *signer; /* held; NULL until verified */
    bool tdx;
    uint8_t misc_select[4], misc_select_mask[4];
    uint8_t attributes[16], attributes_mask[16];
    uint8_t mrsigner[32];
    uint16_t isv_prod_id;
    struct isv_levels levels;
};

/* Reads the member "enclaveIdentity" into one block of memory that qe_identity_free() gives back. Nothing is proved.
 * DCAP_COLLATERAL_FORM, NO_MEMORY. */
MUST_CHECK result qe_identity_read(const json *body, struct qe_identity **out);

#endif
