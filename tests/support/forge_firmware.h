/* SPDX-License-Identifier: Apache-2.0
 *
 * Firmware images and kernels for tests: small ones with everything in them that measuring depends on. Their content is
 * the same in every run, so that another implementation's values of them can stand in a test.
 */
#ifndef TESTS_FORGE_FIRMWARE_H
#define TESTS_FORGE_FIRMWARE_H

#include "lib/base/bytes.h"

#define FORGE_IMAGE_SIZE 0x4000
#define FORGE_SEV 0x1000  /* where the SEV metadata lies */
#define FORGE_TDVF 0x2000 /* where the TDVF descriptor lies */
#define FORGE_KERNEL_SIZE 0x3000
#define FORGE_PE 0x40

enum forge_entry {
    FORGE_ENTRY_RESET = 1,
    FORGE_ENTRY_HASHES = 2,
    FORGE_ENTRY_SEV = 4,
    FORGE_ENTRY_TDVF = 8,
    FORGE_ENTRY_ALL = 15,
};
/* An image with these entries in its table (and both kinds of metadata, whether or not an entry points to them). */
void forge_firmware(uint8_t image[FORGE_IMAGE_SIZE], unsigned entries);
/* Where the table's last entry, the one that says that it is a table, has its size (two bytes). */
size_t forge_firmware_table(void);
/* A bzImage with three sections, which do not stand in the order of the file. */
void forge_kernel(uint8_t kernel[FORGE_KERNEL_SIZE]);
void forge_put(uint8_t *at, uint64_t number, size_t width);

#endif
