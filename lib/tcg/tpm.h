/* SPDX-License-Identifier: Apache-2.0
 *
 * What a TPM 2.0 writes, as views: nothing is copied, and every result lives as long as the bytes that were parsed.
 * Names and numbers are those of "TPM 2.0 Library, Part 2: Structures", revision 1.59; everything is big-endian.
 *
 * No parser here trusts a length: a TPM2B that claims more than there is fails with TCG_TRUNCATED, one that exceeds its
 * type's maximum with TCG_SIZE, and bytes after the structure with TCG_TRAILING.
 */
#ifndef LIB_TCG_TPM_H
#define LIB_TCG_TPM_H

#include "lib/base/bytes.h"
#include "lib/signature/signature.h"

#define TPM_GENERATED_VALUE UINT32_C(0xff544347)
#define TPM_ST_ATTEST_QUOTE 0x8018

#define TPM_ALG_RSA 0x0001
#define TPM_ALG_SHA1 0x0004
#define TPM_ALG_SHA256 0x000b
#define TPM_ALG_SHA384 0x000c
#define TPM_ALG_SHA512 0x000d
#define TPM_ALG_NULL 0x0010
#define TPM_ALG_RSASSA 0x0014
#define TPM_ALG_RSAPSS 0x0016
#define TPM_ALG_ECDSA 0x0018
#define TPM_ALG_ECC 0x0023

#define TPM_ECC_NIST_P256 0x0003
#define TPM_ECC_NIST_P384 0x0004

#define TPM_OBJECT_FIXED_TPM (UINT32_C(1) << 1)
#define TPM_OBJECT_FIXED_PARENT (UINT32_C(1) << 4)
#define TPM_OBJECT_SENSITIVE_DATA_ORIGIN (UINT32_C(1) << 5)
#define TPM_OBJECT_RESTRICTED (UINT32_C(1) << 16)
#define TPM_OBJECT_DECRYPT (UINT32_C(1) << 17)
#define TPM_OBJECT_SIGN (UINT32_C(1) << 18)

#define TPM_SELECTIONS_MAX 16 /* banks in one TPML_PCR_SELECTION */
#define TPM_PCR_COUNT 24      /* of the PC client platform */

/* TPMS_PCR_SELECTION */
struct tpm_selection {
    uint16_t hash; /* TPM_ALG_… of the bank */
    uint32_t pcrs; /* bit n: PCR n */
};

/* TPMS_ATTEST with a TPMS_QUOTE_INFO inside */
struct tpm_quote {
    slice qualified_signer; /* TPM2B_NAME */
    slice extra_data;       /* the nonce */
    uint64_t clock;         /* milliseconds */
    uint32_t reset_count;
    uint32_t restart_count;
    bool safe; /* the clock has not gone back */
    uint64_t firmware_version;
    struct tpm_selection selections[TPM_SELECTIONS_MAX];
    uint32_t selection_count;
    slice pcr_digest; /* over the selected PCRs, by the signing scheme's hash */
};

/* A TPMS_ATTEST, whole. TCG_MAGIC and TCG_TYPE come before anything that lies behind those fields is read;
 * TCG_TRUNCATED, TCG_TRAILING, TCG_SIZE, TCG_VALUE. */
MUST_CHECK result tpm_read_quote(slice message, struct tpm_quote *out);

/* TPMT_SIGNATURE of one of the three schemes */
struct tpm_signature {
    uint16_t scheme; /* TPM_ALG_RSASSA, TPM_ALG_RSAPSS or TPM_ALG_ECDSA */
    uint16_t hash;   /* TPM_ALG_… as it stands there, known or not */
    slice rsa;       /* RSASSA, RSAPSS */
    slice r, s;      /* ECDSA, big-endian, may have leading zeros */
};

/* A TPMT_SIGNATURE, whole. TCG_ALGORITHM for any other scheme; TCG_TRUNCATED, TCG_TRAILING, TCG_SIZE. */
MUST_CHECK result tpm_read_signature(slice bytes, struct tpm_signature *out);
/* The same in the terms of lib/signature. TCG_ALGORITHM for a hash other than SHA-256, SHA-384 and SHA-512. */
MUST_CHECK result tpm_raw_signature(const struct tpm_signature *s, struct raw_signature *out);

/* TPMT_PUBLIC of an RSA or ECC key */
struct tpm_public {
    uint16_t type;       /* TPM_ALG_RSA or TPM_ALG_ECC */
    uint16_t name_hash;  /* TPM_ALG_… */
    uint32_t attributes; /* TPM_OBJECT_… */
    slice policy;
    uint16_t scheme, scheme_hash; /* TPM_ALG_NULL where the key is not tied to one */
    uint16_t bits;                /* RSA */
    uint32_t exponent;            /* RSA, never 0: the TPM's default is filled in */
    slice modulus;                /* RSA */
    uint16_t curve;               /* ECC: TPM_ECC_… */
    slice x, y;                   /* ECC */
};

/* A TPMT_PUBLIC, whole. TCG_ALGORITHM for other types of key and schemes; TCG_TRUNCATED, TCG_TRAILING, TCG_SIZE. */
MUST_CHECK result tpm_read_public(slice bytes, struct tpm_public *out);

/* What a TPM2B holds, where the bytes are that TPM2B and nothing else. TCG_TRUNCATED, TCG_TRAILING. */
MUST_CHECK result tpm_read_2b(slice bytes, slice *out);

#endif
