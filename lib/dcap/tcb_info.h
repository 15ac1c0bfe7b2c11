/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of TCB info, for this folder and for the fuzzer.
 */
#ifndef LIB_DCAP_TCB_INFO_H
#define LIB_DCAP_TCB_INFO_H

#include "lib/dcap/levels.h"

#define COMPONENTS 16
#define TDX_MODULES_MAX 32

struct platform_level {
    struct tcb_level common; /* svn: PCESVN */
    uint8_t sgx[COMPONENTS];
    uint8_t tdx[COMPONENTS]; /* zero for SGX */
};

struct tdx_module {
    uint8_t version; /* of "TDX_03"; 0 for the one without a version */
    uint8_t mrsigner[48];
    uint8_t attributes[8];
    struct isv_levels levels; /* none for version 0 */
};

struct tcb_info {
    struct dcap_statement statement;
    struct tcb_signer *signer; /* held; NULL until verified */
    bool tdx;
    uint8_t fmspc[6];
    uint8_t pce_id[2];
    struct platform_level *levels; /* the highest first */
    size_t level_count;
    struct tdx_module *modules; /* the one without a version first; none for SGX */
    size_t module_count;
};

/* Reads the member "tcbInfo" into one block of memory that tcb_info_free() gives back. Nothing is proved.
 * DCAP_COLLATERAL_FORM, NO_MEMORY. */
MUST_CHECK result tcb_info_read(const json *body, struct tcb_info **out);

#endif
