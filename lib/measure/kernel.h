/* SPDX-License-Identifier: Apache-2.0
 *
 * Linux kernels as QEMU and OVMF hand them on: a bzImage with an EFI stub, which is a PE image at the same time.
 */
#ifndef LIB_MEASURE_KERNEL_H
#define LIB_MEASURE_KERNEL_H

#include "lib/base/bytes.h"

#define PE_DIGEST_SIZE 48

/* What firmware measures of a PE image into a TD: SHA-384 over it without the checksum and the certificates ("Windows
 * Authenticode Portable Executable Signature Format", as EDK2 computes it). MEASURE_KERNEL, CRYPTO. */
MUST_CHECK result pe_digest(slice image, uint8_t out[PE_DIGEST_SIZE]);

#define SETUP_HEADER_SIZE 0x280 /* bytes at a kernel's begin that QEMU writes to */

/* Writes into the setup header what QEMU writes there before the firmware reads it ("The Linux/x86 Boot Protocol"):
 * loader, heap, addresses of the command line and, where `initrd_size` is not 0, of the initrd, in a guest of the
 * machine type q35 with `memory` bytes. MEASURE_KERNEL; MEASURE_INITRD where it does not fit;
 * MEASURE_COMMAND_LINE where it has "vga=", which QEMU would write there too. */
MUST_CHECK result kernel_patch(uint8_t header[SETUP_HEADER_SIZE], slice command_line, size_t initrd_size,
                               uint64_t memory);

#endif
