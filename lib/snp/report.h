/* SPDX-License-Identifier: Apache-2.0
 *
 * The attestation report of AMD SEV-SNP as views (SEV Secure Nested Paging Firmware ABI Specification, AMD publication
 * 56860, "ATTESTATION_REPORT"), and the version numbers of a platform's firmware (TCB_VERSION). Nothing is copied,
 * nothing is allocated. Reading proves nothing: see snp_report_verify() and vek.h.
 */
#ifndef LIB_SNP_REPORT_H
#define LIB_SNP_REPORT_H

#include "lib/signature/signature.h"

#define SNP_REPORT_SIZE 1184
#define SNP_REPORT_VERSION_MIN 2
#define SNP_REPORT_VERSION_MAX 5
#define SNP_REPORT_VERSION_CPUID 3      /* from which on the processor is in the report */
#define SNP_REPORT_VERSION_MITIGATION 5 /* from which on the mitigation vectors are */
#define SNP_CHIP_ID_SIZE 64
#define SNP_TCB_SIZE 8

/* Offsets in the report, in bytes. */
enum snp_offset {
    SNP_AT_VERSION = 0x000,
    SNP_AT_GUEST_SVN = 0x004,
    SNP_AT_POLICY = 0x008,
    SNP_AT_FAMILY_ID = 0x010,
    SNP_AT_IMAGE_ID = 0x020,
    SNP_AT_VMPL = 0x030,
    SNP_AT_SIGNATURE_ALGORITHM = 0x034,
    SNP_AT_CURRENT_TCB = 0x038,
    SNP_AT_PLATFORM_INFO = 0x040,
    SNP_AT_KEY_INFO = 0x048,
    SNP_AT_REPORT_DATA = 0x050,
    SNP_AT_MEASUREMENT = 0x090,
    SNP_AT_HOST_DATA = 0x0c0,
    SNP_AT_ID_KEY_DIGEST = 0x0e0,
    SNP_AT_AUTHOR_KEY_DIGEST = 0x110,
    SNP_AT_REPORT_ID = 0x140,
    SNP_AT_REPORT_ID_MA = 0x160,
    SNP_AT_REPORTED_TCB = 0x180,
    SNP_AT_CPUID = 0x188, /* family, model, stepping */
    SNP_AT_CHIP_ID = 0x1a0,
    SNP_AT_COMMITTED_TCB = 0x1e0,
    SNP_AT_CURRENT_VERSION = 0x1e8,   /* build, minor, major */
    SNP_AT_COMMITTED_VERSION = 0x1ec, /* build, minor, major */
    SNP_AT_LAUNCH_TCB = 0x1f0,
    SNP_AT_LAUNCH_MITIGATION = 0x1f8,
    SNP_AT_CURRENT_MITIGATION = 0x200,
    SNP_AT_SIGNATURE = 0x2a0, /* R, S: 72 bytes each, little-endian; what lies before it is signed */
    SNP_SIGNED_SIZE = SNP_AT_SIGNATURE,
    SNP_SIGNATURE_PART = 72,
};

/* Bits of the guest's policy. */
#define SNP_POLICY_SMT (UINT64_C(1) << 16)
#define SNP_POLICY_RESERVED_ONE (UINT64_C(1) << 17)
#define SNP_POLICY_MIGRATE_MA (UINT64_C(1) << 18)
#define SNP_POLICY_DEBUG (UINT64_C(1) << 19)
#define SNP_POLICY_SINGLE_SOCKET (UINT64_C(1) << 20)
#define SNP_POLICY_CXL (UINT64_C(1) << 21)
#define SNP_POLICY_AES_256_XTS (UINT64_C(1) << 22)
#define SNP_POLICY_RAPL_DISABLED (UINT64_C(1) << 23)
#define SNP_POLICY_CIPHERTEXT_HIDING (UINT64_C(1) << 24)
#define SNP_POLICY_PAGE_SWAP_DISABLED (UINT64_C(1) << 25)
#define SNP_POLICY_RESERVED_ZERO (~((UINT64_C(1) << 26) - 1))

/* Bits of the platform's description. */
#define SNP_PLATFORM_SMT (UINT64_C(1) << 0)
#define SNP_PLATFORM_TSME (UINT64_C(1) << 1)
#define SNP_PLATFORM_ECC (UINT64_C(1) << 2)
#define SNP_PLATFORM_RAPL_DISABLED (UINT64_C(1) << 3)
#define SNP_PLATFORM_CIPHERTEXT_HIDING (UINT64_C(1) << 4)
#define SNP_PLATFORM_ALIAS_CHECK (UINT64_C(1) << 5)
#define SNP_PLATFORM_TIO (UINT64_C(1) << 7)

/* Which key signed: bits 4:2 of the key information. */
#define SNP_SIGNED_BY_VCEK 0u
#define SNP_SIGNED_BY_VLEK 1u
#define SNP_SIGNED_BY_NONE 7u

struct snp_version {
    uint8_t major, minor, build;
};

struct snp_report {
    slice bytes; /* all SNP_REPORT_SIZE of them */
    uint32_t version, guest_svn, vmpl, key_info;
    uint64_t policy, platform_info;
    slice family_id, image_id;
    slice report_data; /* 64 bytes, given by the guest */
    slice measurement; /* 48 bytes, of the guest's initial memory */
    slice host_data;   /* 32 bytes, given by the host at launch */
    slice id_key_digest, author_key_digest;
    slice report_id, report_id_ma;
    slice chip_id; /* 64 bytes; all zero where the host masks it */
    slice current_tcb, committed_tcb, launch_tcb;
    slice reported_tcb; /* the one that the signing key is derived from */
    struct snp_version current, committed;
    bool has_cpuid; /* from version 3 on */
    uint8_t cpu_family, cpu_model, cpu_stepping;
    bool has_mitigations; /* from version 5 on */
    uint64_t launch_mitigations, current_mitigations;
    slice to_sign;
    slice r, s; /* little-endian, 48 bytes each */
};

/* Reads a report of version 2 to 5. AMD_REPORT_SIZE; AMD_REPORT_VERSION; AMD_REPORT_ALGORITHM for any signature but
 * ECDSA on P-384 with SHA-384; AMD_REPORT_RESERVED where a field that must be zero (or one) is not;
 * AMD_REPORT_SIGNATURE where R or S is zero or has more than 48 significant bytes. */
MUST_CHECK result snp_report_read(slice bytes, struct snp_report *out);

static inline unsigned snp_signing_key(const struct snp_report *r)
{
    return r->key_info >> 2 & 7;
}
static inline bool snp_author_key_enabled(const struct snp_report *r)
{
    return r->key_info & 1;
}
/* Whether the host keeps the chip's identity to itself: all of it is zero. */
bool snp_chip_id_is_masked(const struct snp_report *r);

/* Whether the report was signed with this key. SIGNATURE_SCHEME for a key on another curve, SIGNATURE_INVALID, CRYPTO.
 */
MUST_CHECK result snp_report_verify(const struct snp_report *r, const struct public_key *key);

/* --- versions of the firmware ---------------------------------------------------------------------------------------
 */

enum snp_tcb_layout {
    SNP_TCB_MILAN, /* boot loader, TEE, 4 reserved, SNP, microcode: Milan and Genoa */
    SNP_TCB_TURIN, /* FMC, boot loader, TEE, SNP, 3 reserved, microcode */
};

struct snp_tcb {
    bool has_fmc; /* Turin and later */
    uint8_t fmc, bootloader, tee, snp, microcode;
};

/* Reads the 8 bytes of a TCB_VERSION. AMD_REPORT_RESERVED where a reserved one is not zero. */
MUST_CHECK result snp_tcb_read(slice bytes, enum snp_tcb_layout layout, struct snp_tcb *out);
void snp_tcb_write(const struct snp_tcb *tcb, enum snp_tcb_layout layout, uint8_t out[SNP_TCB_SIZE]);
bool snp_tcb_equal(const struct snp_tcb *a, const struct snp_tcb *b);
/* Whether no component of `a` is greater than that of `b`. */
bool snp_tcb_at_most(const struct snp_tcb *a, const struct snp_tcb *b);
/* Whether firmware `a` is not newer than `b`. */
bool snp_version_at_most(const struct snp_version *a, const struct snp_version *b);
/* Reads "BOOTLOADER.TEE.SNP.MICROCODE" or, with the FMC first, five decimal numbers from 0 to 255. */
bool snp_tcb_parse(slice text, struct snp_tcb *out);

#endif
