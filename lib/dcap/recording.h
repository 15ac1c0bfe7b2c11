/* SPDX-License-Identifier: Apache-2.0
 *
 * Known answers: quotes of two pretended platforms, made by another implementation (tests/support/forge_dcap.c; keys
 * that nobody kept), with all the collateral that judging them takes. At RECORDED_AT each is UpToDate.
 */
#ifndef LIB_DCAP_RECORDING_H
#define LIB_DCAP_RECORDING_H

#include "lib/base/bytes.h"

#define RECORDED_AT INT64_C(1800000000) /* 2027-01-15T08:00:00Z */

/* In base64. */
struct dcap_recording {
    slice root; /* DER: the anchor */
    slice quote;
    slice tcb_info, qe_identity, signer_chain;
    slice pck_crl, root_crl;
    slice tcb_info_key, pck_crl_key; /* as text */
};

extern const struct dcap_recording DCAP_RECORDING_TDX, DCAP_RECORDING_SGX; /* version 5, TDX 1.5; version 3 */

#endif
