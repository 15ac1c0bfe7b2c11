/* SPDX-License-Identifier: Apache-2.0
 *
 * A vendor of our own: makes the certificates, revocation lists, TCB info, QE identity and quotes that Intel's
 * platforms and service would, below a root of its own, good ones and bad ones. A second implementation: nothing of
 * lib/dcap and lib/x509 is used. No test framework in here; whatever fails aborts the program.
 *
 *     struct forge_dcap_keys keys;
 *     struct forge_dcap k;
 *     struct forge_dcap_out out;
 *     forge_dcap_keys_begin(&keys, NULL);
 *     forge_dcap_default(&k, 4, FORGE_TDX10, FORGE_NOW);
 *     k.body[FORGE_TD_ATTRIBUTES] |= 1;                      a debug TD, properly signed
 *     forge_dcap_make(&arena, &keys, &k, &out);              out.quote, out.collateral, out.root_pem, …
 *     forge_dcap_keys_end(&keys);
 *
 * Everything in `out` lives in the arena (512 KiB are enough, save for the cases with a hundred certificates).
 */
#ifndef TESTS_FORGE_DCAP_H
#define TESTS_FORGE_DCAP_H

#include "tests/support/forge_x509.h"

#define FORGE_NOW INT64_C(1800000000) /* 2027-01-15T08:00:00Z */
#define FORGE_DAY INT64_C(86400)

enum forge_dcap_key {
    FORGE_KEY_ROOT,
    FORGE_KEY_PCK_CA,
    FORGE_KEY_PCK,
    FORGE_KEY_TCB_SIGNER,
    FORGE_KEY_ATTESTATION,
    FORGE_KEY_STRANGER_ROOT, /* of a look-alike root */
    FORGE_KEY_STRANGER,      /* of anybody else */
    FORGE_KEY_COUNT,
};
struct forge_dcap_keys {
    EVP_PKEY *key[FORGE_KEY_COUNT];
};
/* Kept in `folder`, so that many quotes come from one platform; NULL: new ones that nobody keeps. */
void forge_dcap_keys_begin(struct forge_dcap_keys *keys, const char *folder);
void forge_dcap_keys_end(struct forge_dcap_keys *keys);

/* A certificate and the keys it is about and by. */
struct forge_dcap_certificate {
    struct forge_certificate c;
    enum forge_dcap_key key, signer;
};

/* What the PCK certificate's extension says, and what is wrong with its form. */
struct forge_pck {
    uint8_t ppid[16], components[16], cpu_svn[16], pce_id[2], fmspc[6], instance[16];
    uint16_t pce_svn;
    uint8_t sgx_type;
    bool platform; /* with platform instance id and configuration, and of the platform CA; else of the processor CA */
    bool dynamic_platform, cached_keys, smt_enabled;
    unsigned without, twice; /* bit n: member n (1 PPID, 2 TCB, 3 PCEID, 4 FMSPC, 5 type, 6 instance, 7 config.) */
    unsigned tcb_without, tcb_twice; /* bit n: member n of TCB (1 to 16 components, 17 PCESVN, 18 CPUSVN) */
    unsigned wrong_type;             /* bit n: member n is a UTF8String */
    bool long_lengths, trailing;     /* lengths that are not minimal; a byte after the sequence */
    int times;                       /* -1: no such extension; 2: twice */
};

#define FORGE_LEVELS_MAX 8
#define FORGE_ADVISORIES_MAX 4
struct forge_level {
    uint8_t sgx[17], tdx[17];
    size_t sgx_count, tdx_count; /* 16 each where all is well */
    uint16_t pce_svn;
    uint16_t isv_svn; /* of modules and QE identity, in place of the above */
    const char *status;
    const char *advisories[FORGE_ADVISORIES_MAX]; /* until NULL */
    int64_t date;
};
struct forge_levels {
    struct forge_level level[FORGE_LEVELS_MAX];
    size_t count;
};

#define FORGE_MODULES_MAX 4
struct forge_module {
    const char *id; /* "TDX_03" */
    uint8_t mrsigner[48], attributes[8], mask[8];
    struct forge_levels levels;
};

/* Changes a text: before it is signed, or afterwards. */
typedef slice (*forge_edit)(struct arena *a, slice text);

struct forge_tcb_info {
    const char *id; /* "SGX", "TDX"; NULL: no such member, as in version 2 */
    int version;    /* 2, 3 */
    int64_t issued, next_update;
    uint8_t fmspc[6], pce_id[2];
    uint64_t evaluation_number;
    struct forge_levels levels;
    bool has_module; /* member tdxModule */
    struct forge_module module;
    struct forge_module modules[FORGE_MODULES_MAX]; /* member tdxModuleIdentities */
    size_t module_count;
    forge_edit edit, edit_signed;
};

struct forge_qe_identity {
    const char *id; /* "QE", "TD_QE" */
    int version;    /* 2 */
    int64_t issued, next_update;
    uint64_t evaluation_number;
    uint8_t misc_select[4], misc_mask[4], attributes[16], attributes_mask[16],
        mrsigner[32]; /* as the enclave has them */
    uint16_t isv_prod_id;
    struct forge_levels levels;
    forge_edit edit, edit_signed;
};

/* How a PEM chain is put together. */
enum forge_chain_shape {
    FORGE_CHAIN_GOOD, /* leaf first, root last */
    FORGE_CHAIN_WITHOUT_ROOT,
    FORGE_CHAIN_LEAF_ALONE,
    FORGE_CHAIN_EMPTY,
    FORGE_CHAIN_REVERSED,
    FORGE_CHAIN_LEAF_TWICE,
    FORGE_CHAIN_EXTRA_AFTER,  /* a stranger's certificate after the root */
    FORGE_CHAIN_EXTRA_BEFORE, /* and before the leaf */
    FORGE_CHAIN_HUNDRED,      /* the issuer a hundred times */
    FORGE_CHAIN_CRLF,
    FORGE_CHAIN_NUL_AT_END,
    FORGE_CHAIN_NUL_INSIDE, /* in the middle of the leaf's base64 */
    FORGE_CHAIN_TEXT_BETWEEN,
    FORGE_CHAIN_OTHER_BLOCK, /* "PUBLIC KEY" in front */
    FORGE_CHAIN_CUT,         /* in the middle of the last block */
    FORGE_CHAIN_NOT_PEM,
    FORGE_CHAIN_BYTE_AFTER_DER, /* inside the leaf's block */
    FORGE_CHAIN_LONG,           /* 128 KiB of spaces after it */
};

/* The parts of a quote's body and header, by offset. */
enum forge_body { FORGE_SGX = 1, FORGE_TDX10 = 2, FORGE_TDX15 = 3 }; /* numbered as in version 5 */
enum {
    FORGE_HEADER_VERSION = 0,
    FORGE_HEADER_KEY_TYPE = 2,
    FORGE_HEADER_TEE_TYPE = 4,
    FORGE_HEADER_RESERVED = 8, /* version 3: QE SVN, PCE SVN */
    FORGE_HEADER_VENDOR = 12,
    FORGE_HEADER_USER_DATA = 28,
    FORGE_HEADER_SIZE = 48,
    FORGE_TD_TCB_SVN = 0,
    FORGE_TD_MRSEAM = 16,
    FORGE_TD_MRSIGNERSEAM = 64,
    FORGE_TD_SEAM_ATTRIBUTES = 112,
    FORGE_TD_ATTRIBUTES = 120,
    FORGE_TD_XFAM = 128,
    FORGE_TD_MRTD = 136,
    FORGE_TD_MRCONFIGID = 184,
    FORGE_TD_MROWNER = 232,
    FORGE_TD_MROWNERCONFIG = 280,
    FORGE_TD_RTMR = 328, /* four of 48 bytes */
    FORGE_TD_REPORT_DATA = 520,
    FORGE_TD_TCB_SVN2 = 584,
    FORGE_TD_MRSERVICETD = 600,
    FORGE_TDX10_SIZE = 584,
    FORGE_TDX15_SIZE = 648,
    FORGE_SGX_CPU_SVN = 0,
    FORGE_SGX_MISC_SELECT = 16,
    FORGE_SGX_RESERVED1 = 20,
    FORGE_SGX_EXT_PROD_ID = 32,
    FORGE_SGX_ATTRIBUTES = 48,
    FORGE_SGX_XFRM = 56,
    FORGE_SGX_MRENCLAVE = 64,
    FORGE_SGX_RESERVED2 = 96,
    FORGE_SGX_MRSIGNER = 128,
    FORGE_SGX_RESERVED3 = 160,
    FORGE_SGX_CONFIG_ID = 192,
    FORGE_SGX_PROD_ID = 256,
    FORGE_SGX_SVN = 258,
    FORGE_SGX_CONFIG_SVN = 260,
    FORGE_SGX_RESERVED4 = 262,
    FORGE_SGX_FAMILY_ID = 304,
    FORGE_SGX_REPORT_DATA = 320,
    FORGE_SGX_SIZE = 384,
};

/* Everything that can be chosen. forge_dcap_default() makes it good. */
struct forge_dcap {
    int64_t now;
    struct forge_pck platform;
    struct forge_dcap_certificate root;       /* what out.root is: the anchor to trust */
    struct forge_dcap_certificate chain_root; /* what the chains carry in its place; the same by default */
    struct forge_dcap_certificate pck_ca, pck, tcb_signer;
    enum forge_chain_shape pck_shape, tcb_shape;
    bool tcb_chain_is_pck; /* the PCK chain comes beside TCB info and QE identity */
    struct forge_crl pck_crl, root_crl;
    enum forge_dcap_key pck_crl_signer, root_crl_signer;
    bool no_pck_crl, no_root_crl, crls_swapped; /* left out of the collateral */
    struct forge_tcb_info tcb_info;
    struct forge_qe_identity qe_identity;
    enum forge_dcap_key tcb_info_signer, qe_identity_signer;

    int version; /* shape of the quote; the number in it is in the header */
    enum forge_body body_kind;
    uint8_t header[FORGE_HEADER_SIZE];
    uint16_t body_type; /* version 5: as written */
    uint32_t body_size;
    uint8_t body[FORGE_TDX15_SIZE];
    uint8_t qe_report[FORGE_SGX_SIZE]; /* its report data are filled in, unless: */
    bool keep_qe_report_data;
    bool qe_report_data_tail; /* 32 bytes after the hash that are not zero */
    uint8_t auth_data[64];
    size_t auth_size;
    enum forge_dcap_key qe_signer, quote_signer;
    bool qe_signature_of_other;  /* a good signature, of another QE report */
    bool key_off_curve;          /* the attestation key's y is wrong */
    uint16_t certification_type; /* 5 the chain; 1 to 3 the platform's ids, and the chain is in the collateral */
    uint16_t outer_type;         /* 6 in versions 4 and 5 */
    bool no_pck_chain;           /* the collateral has none, with types 1 to 3 */
    size_t padding;              /* bytes after the quote */
    uint8_t padding_byte;
    forge_edit edit_quote; /* last of all */
};

/* Good evidence of this version (3 SGX; 4 SGX, TDX 1.0; 5 any) at `now`; UpToDate, no advisories. */
void forge_dcap_default(struct forge_dcap *k, int version, enum forge_body body, int64_t now);
/* The first `n` bytes of the report data, of MRCONFIGID or CONFIGID, and of RTMR `index`; the rest is zero. */
void forge_dcap_report_data(struct forge_dcap *k, slice value);
void forge_dcap_init_data(struct forge_dcap *k, slice value);
void forge_dcap_rtmr(struct forge_dcap *k, size_t index, slice value);

struct forge_dcap_out {
    slice root, root_pem;                     /* the anchor */
    slice pck, pck_ca, tcb_signer;            /* DER */
    slice pck_chain, tcb_chain;               /* PEM, in the shape that was asked for */
    slice pck_crl_chain;                      /* PCK CA and root */
    slice pck_crl, root_crl;                  /* DER; absent when left out */
    slice tcb_info, tcb_info_signature;       /* the text that is signed, and hex */
    slice qe_identity, qe_identity_signature; /* likewise */
    slice tcb_answer, qe_answer;              /* as the service gives them: {"tcbInfo":…,"signature":"…"} */
    slice quote;
    size_t signed_from, signed_to; /* in the quote: what the attestation key has signed */
    size_t quote_signature, attestation_key, qe_report, qe_signature, auth_data, certification; /* offsets in it */
    slice collateral; /* JSON with all of the above, hex and text */
};
void forge_dcap_make(struct arena *a, const struct forge_dcap_keys *keys, const struct forge_dcap *k,
                     struct forge_dcap_out *out);
/* Only the quote anew, under the certificates that `out` has. */
void forge_dcap_quote(struct arena *a, const struct forge_dcap_keys *keys, const struct forge_dcap *k,
                      struct forge_dcap_out *out);

/* --- cases by name --- */
#define FORGE_FOR_SGX 1u
#define FORGE_FOR_TDX 2u
#define FORGE_FOR_BOTH 3u
#define FORGE_FOR_TDX15 4u /* alone */
struct forge_dcap_case {
    const char *name;
    unsigned bodies; /* FORGE_FOR_… */
    int version;     /* of the quote; 0: any */
    const char
        *reason; /* of the refusal, without the plugin's name in front; several with '|' between; NULL: accepted */
    const char *status; /* accepted: the claim tcb_status */
    void (*apply)(struct forge_dcap *k);
};
const struct forge_dcap_case *forge_dcap_case_at(size_t n); /* NULL: there are not so many */
const struct forge_dcap_case *forge_dcap_find(const char *name);
/* Whether the case is one of this version and body. */
bool forge_dcap_fits(const struct forge_dcap_case *c, int version, enum forge_body body);

#endif
