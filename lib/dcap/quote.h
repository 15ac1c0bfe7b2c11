/* SPDX-License-Identifier: Apache-2.0
 *
 * Quotes of Intel's DCAP as views: nothing is copied, and every result lives as long as the bytes that were parsed.
 * Layouts: "Intel SGX ECDSA QuoteLibReference DCAP API", appendix A (version 3); "Intel TDX DCAP Quoting Library API",
 * appendix A (versions 4 and 5). Everything is little-endian.
 */
#ifndef LIB_DCAP_QUOTE_H
#define LIB_DCAP_QUOTE_H

#include "lib/base/bytes.h"

enum dcap_body {
    DCAP_BODY_SGX = 1,   /* enclave report, 384 bytes */
    DCAP_BODY_TDX10 = 2, /* TD report of TDX 1.0, 584 bytes */
    DCAP_BODY_TDX15 = 3, /* TD report of TDX 1.5, 648 bytes: TDX 1.0's, then tee_tcb_svn2 and mr_servicetd */
};

/* Enclave report body (SGX, and the quoting enclave's own) */
struct enclave_report {
    slice cpu_svn; /* 16 */
    uint32_t misc_select;
    slice reserved1;       /* 12 */
    slice isv_ext_prod_id; /* 16 */
    slice attributes;      /* 16: flags, xfrm, 8 each */
    uint64_t flags, xfrm;
    slice mr_enclave; /* 32 */
    slice reserved2;  /* 32 */
    slice mr_signer;  /* 32 */
    slice reserved3;  /* 32 */
    slice config_id;  /* 64 */
    uint16_t isv_prod_id, isv_svn, config_svn;
    slice reserved4;     /* 42 */
    slice isv_family_id; /* 16 */
    slice report_data;   /* 64 */
};
#define ENCLAVE_FLAG_INIT UINT64_C(1)
#define ENCLAVE_FLAG_DEBUG UINT64_C(2)

/* TD report body */
struct td_report {
    slice tee_tcb_svn;     /* 16 */
    slice mr_seam;         /* 48 */
    slice mrsigner_seam;   /* 48 */
    slice seam_attributes; /* 8 */
    slice td_attributes;   /* 8 */
    uint64_t attributes;
    slice xfam;                                    /* 8 */
    slice mr_td;                                   /* 48 */
    slice mr_config_id, mr_owner, mr_owner_config; /* 48 each */
    slice rtmr[4];                                 /* 48 each */
    slice report_data;                             /* 64 */
    slice tee_tcb_svn2;                            /* 16, absent in TDX 1.0 */
    slice mr_servicetd;                            /* 48, absent in TDX 1.0 */
};

struct dcap_quote {
    uint16_t version;  /* 3, 4 or 5 */
    uint16_t key_type; /* 2: ECDSA P-256; no other is read */
    uint32_t tee_type; /* 0x00000000 SGX, 0x00000081 TDX */
    slice header;      /* 48 */
    slice header_4;    /* version 3: QE SVN and PCE SVN (2 bytes each); 4 and 5: 4 reserved bytes */
    slice vendor_id;   /* 16 */
    slice user_data;   /* 20 */
    enum dcap_body body_type;
    slice body;
    struct enclave_report enclave; /* DCAP_BODY_SGX */
    struct td_report td;           /* DCAP_BODY_TDX… */
    slice signed_bytes;            /* what the attestation key has signed: header, (version 5: type and size,) body */
    slice signature;               /* 64: r, s */
    slice attestation_key;         /* 64: x, y on P-256 */
    slice qe_report_bytes;         /* 384 */
    struct enclave_report qe;
    slice qe_signature; /* 64 */
    slice qe_auth_data;
    uint16_t certification_type; /* 1 to 5, inside the type 6 of versions 4 and 5 */
    slice certification_data;
    size_t padding; /* zero bytes after the quote */
};

/* Reads a whole quote: SGX in version 3; SGX or TDX 1.0 in version 4; any body in version 5. Bytes after it must all be
 * zero. DCAP_VERSION, DCAP_KEY_TYPE, DCAP_TEE_TYPE, DCAP_BODY (type and size that do not go together), DCAP_TRUNCATED,
 * DCAP_LENGTH (an inner length that does not fill what holds it), DCAP_TRAILING. */
MUST_CHECK result dcap_quote_read(slice bytes, struct dcap_quote *out);
/* 384 bytes. DCAP_TRUNCATED. */
MUST_CHECK result enclave_report_read(slice bytes, struct enclave_report *out);

#endif
