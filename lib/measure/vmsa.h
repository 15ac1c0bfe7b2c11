/* SPDX-License-Identifier: Apache-2.0
 *
 * The state that a processor of an encrypted guest begins with (AMD64 Architecture Programmer's Manual, volume 2,
 * table B-4), as QEMU and KVM set it.
 */
#ifndef LIB_MEASURE_VMSA_H
#define LIB_MEASURE_VMSA_H

#include "lib/base/bytes.h"

#define VMSA_SIZE 4096
#define VMSA_FIRST_PROCESSOR 0xfffffff0u /* where the first one begins */

/* `vector` is where the processor begins. */
void vmsa_fill(uint8_t page[VMSA_SIZE], uint32_t vector, uint32_t signature, uint64_t features);

#endif
