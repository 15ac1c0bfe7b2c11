/* SPDX-License-Identifier: Apache-2.0
 *
 * What a TD's registers hold when QEMU on KVM starts OVMF and OVMF boots a kernel that QEMU hands it: MRTD (Intel TDX
 * Module ABI, TDH.MEM.PAGE.ADD and TDH.MR.EXTEND over the sections of the TDVF descriptor), RTMR 1 and RTMR 2 (what
 * OVMF and the kernel's EFI stub log, see docs/measure.md).
 */
#ifndef LIB_MEASURE_TDX_H
#define LIB_MEASURE_TDX_H

#include "lib/base/bytes.h"

#define TDX_DIGEST_SIZE 48

/* `two_passes`: all pages of a section are added before any is measured, as KVM did before it was part of Linux.
 * MEASURE_FIRMWARE, MEASURE_METADATA, CRYPTO. */
MUST_CHECK result tdx_mrtd(slice firmware, bool two_passes, uint8_t out[TDX_DIGEST_SIZE]);

struct tdx_boot {
    slice kernel;          /* as the firmware reads it: see kernel_patch() */
    slice initrd;          /* empty: none */
    slice command_line;    /* ASCII */
    bool separator_before; /* OVMF measures its boot manager's separator into RTMR 0, not into RTMR 1 */
};
struct tdx_measurement {
    uint8_t rtmr_1[TDX_DIGEST_SIZE], rtmr_2[TDX_DIGEST_SIZE];
    uint8_t kernel[TDX_DIGEST_SIZE], parameters[TDX_DIGEST_SIZE]; /* digests of single events */
};
/* MEASURE_KERNEL, MEASURE_COMMAND_LINE, CRYPTO. */
MUST_CHECK result tdx_measure_boot(const struct tdx_boot *boot, struct tdx_measurement *out);

#endif
