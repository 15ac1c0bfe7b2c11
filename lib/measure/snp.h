/* SPDX-License-Identifier: Apache-2.0
 *
 * The launch digest of an SEV-SNP guest ("SEV Secure Nested Paging Firmware ABI Specification" 1.55, sections 8.17 and
 * 8.18), as QEMU on KVM launches OVMF: the image's pages, the pages that its metadata lists, one VMSA a processor.
 */
#ifndef LIB_MEASURE_SNP_H
#define LIB_MEASURE_SNP_H

#include "lib/base/bytes.h"

#define SNP_DIGEST_SIZE 48
#define SNP_PROCESSORS_MAX 4096

struct snp_guest {
    slice firmware;
    bool direct; /* QEMU boots a kernel, with hashes (kernel-hashes=on) */
    slice kernel, initrd, command_line;
    uint32_t processors;
    uint32_t signature; /* CPUID leaf 1, EAX, of the model that the guest sees */
    uint64_t features;  /* SEV_FEATURES: 1 for SNP alone */
};

/* MEASURE_FIRMWARE, MEASURE_METADATA, MEASURE_HASHES (a kernel, but no page for its hashes), CONFIG_VALUE (no
 * processors, or too many), CRYPTO. */
MUST_CHECK result snp_launch_digest(const struct snp_guest *guest, uint8_t out[SNP_DIGEST_SIZE]);

/* The signature of a model as QEMU names it: "EPYC-Milan", with or without "-v2". False for one that is not known. */
bool snp_signature_of(slice model, uint32_t *out);
uint32_t snp_signature(uint32_t family, uint32_t model, uint32_t stepping);

#endif
