/* SPDX-License-Identifier: Apache-2.0
 *
 * OVMF images, as views: the table of GUIDs that ends 32 bytes before the reset vector's end, and what it points to.
 * "OVMF SEV metadata" lists pages that an SEV-SNP guest begins with; the TDVF descriptor ("Intel TDX Virtual Firmware
 * Design Guide", section 11) the parts of a TD.
 */
#ifndef LIB_MEASURE_FIRMWARE_H
#define LIB_MEASURE_FIRMWARE_H

#include "lib/base/bytes.h"

#define PAGE_SIZE_4K 4096u
#define FIRMWARE_SIZE_MAX (64u << 20)
#define FOUR_GIB UINT64_C(0x100000000)

struct firmware {
    slice image;
    slice table; /* entries, last first: data, size of both, GUID */
};
/* MEASURE_FIRMWARE: not a multiple of 4096 bytes, no table, or entries that do not fill it. */
MUST_CHECK result firmware_open(slice image, struct firmware *out);
/* The data of an entry, the topmost where there are several; ptr NULL where there is none. `guid` has 16 bytes. */
slice firmware_entry(const struct firmware *f, slice guid);
/* The address below 4 GiB where the image is mapped. */
uint64_t firmware_base(const struct firmware *f);

/* Where other processors begin in an encrypted guest. MEASURE_METADATA where the image does not say. */
MUST_CHECK result firmware_reset_vector(const struct firmware *f, uint32_t *out);
/* Where the guest looks for the hashes of kernel, initrd and command line. MEASURE_HASHES where it does not. */
MUST_CHECK result firmware_hash_table(const struct firmware *f, uint32_t *out);

#define SEV_SECTION_MEMORY 0x01u
#define SEV_SECTION_SECRETS 0x02u
#define SEV_SECTION_CPUID 0x03u
#define SEV_SECTION_SVSM_CALLING 0x04u
#define SEV_SECTION_HASHES 0x10u

struct sev_section {
    uint32_t address, size; /* multiples of 4096 */
    uint32_t kind;
};
/* A cursor over the sections. MEASURE_METADATA where there are none or the list is malformed. */
MUST_CHECK result firmware_sev_sections(const struct firmware *f, struct reader *out);
/* The next one; *end is set after the last. MEASURE_METADATA where it is not of whole pages. */
MUST_CHECK result sev_section_next(struct reader *sections, struct sev_section *out, bool *end);

#define TDVF_MEASURED 1u /* attribute: its content is measured */
#define TDVF_ADDED_LATER 2u

struct tdvf_section {
    slice content;          /* in the image; memory beyond it is zero */
    uint64_t address, size; /* in the guest; multiples of 4096 */
    uint32_t kind, attributes;
};
MUST_CHECK result firmware_tdvf_sections(const struct firmware *f, struct reader *out);
/* As for SEV; also MEASURE_METADATA where the content is not in the image or longer than its memory, or the memory is
 * not below 4 GiB. */
MUST_CHECK result tdvf_section_next(const struct firmware *f, struct reader *sections, struct tdvf_section *out,
                                    bool *end);

#endif
