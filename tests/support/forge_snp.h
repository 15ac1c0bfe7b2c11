/* SPDX-License-Identifier: Apache-2.0
 *
 * A pretended AMD, and platforms below it: keys, certificates, revocation lists, attestation reports of any version,
 * and the JSON that attesters make of them. By OpenSSL alone: nothing of lib/snp or lib/x509 is used, so that this is a
 * second implementation. No test framework in here. Whatever fails aborts the program.
 *
 *     struct forge_amd amd;
 *     forge_amd(&a, &amd, "Milan", 2048, NULL);
 *     struct forge_report r = forge_report("Milan", 3);
 *     memcpy(r.report_data, …);
 *     EVP_PKEY *key = forge_ec_key(NULL, "vcek", "P-384");
 *     struct forge_vek v = forge_vek(&amd, &r);
 *     slice vcek = forge_vek_issue(&a, &amd, &v, key), report = forge_report_sign(&a, &r, key);
 *     slice json = forge_snp_evidence(&a, report, &(struct forge_table){.vcek = vcek});
 */
#ifndef TESTS_FORGE_SNP_H
#define TESTS_FORGE_SNP_H

#include "tests/support/forge_x509.h"

/* --- AMD -----------------------------------------------------------------------------------------------------------
 */

struct forge_amd {
    const char *generation; /* "Milan", "Genoa", "Turin", or any other name */
    EVP_PKEY *ark, *ask, *asvk;
    slice ark_der, ask_der, asvk_der;
    slice pem;                     /* ASK, ARK, ASVK: what trust_anchor takes */
    slice vcek_chain, vlek_chain;  /* PEM as AMD's service gives cert_chain: ASK or ASVK, then ARK */
    int64_t not_before, not_after; /* of the CAs, Unix seconds */
};
/* Makes the CAs of one generation, with RSA keys of `bits` (AMD's have 4096; 2048 are made faster; 0: P-384, at once),
 * which are kept as FOLDER/NAME.pem where folder is not NULL. */
void forge_amd(struct arena *a, struct forge_amd *amd, const char *generation, int bits, const char *folder);
void forge_amd_free(struct forge_amd *amd); /* its keys */

/* A CA below or beside those of `amd`: certificate of `key` by `issuer_key`, e.g. a second ASK. Serial numbers: ARK
 * 0x10000, ASK 0x10001, ASVK 0x10101. */
struct forge_ca {
    const char *subject, *issuer; /* common names */
    uint64_t serial;
    int64_t not_before, not_after;
    const char *constraints, *usage; /* NULL: "critical,CA:TRUE,pathlen:0" and "critical,keyCertSign" */
};
slice forge_ca_issue(struct arena *a, const struct forge_ca *c, EVP_PKEY *key, EVP_PKEY *issuer_key);

/* --- keys of platforms ---------------------------------------------------------------------------------------------
 */

struct forge_levels {
    int fmc; /* -1: the generation has none */
    uint8_t bootloader, tee, snp, microcode;
};

struct forge_vek {
    bool vlek;
    const char *subject, *issuer; /* NULL: as AMD names them */
    const char *product;          /* NULL: the generation's name */
    const char *generation;
    struct forge_levels levels;
    uint8_t chip_id[64];
    size_t chip_id_size;  /* 64 or 8; 0: no such extension */
    bool chip_id_wrapped; /* as an OCTET STRING */
    const char *provider; /* of a VLEK; NULL: no such extension */
    uint64_t serial;      /* AMD's is 0 */
    int64_t not_before, not_after;
    const char *omit;        /* OID of an extension that is left out */
    const char *reserved;    /* OID of an extension with the number 1: ….3.4 to ….3.7 */
    const char *critical;    /* OID of an unknown critical extension */
    const char *constraints; /* basicConstraints; NULL: none */
    bool pkcs1;              /* signed with RSASSA-PKCS1-v1_5 */
    bool bad_signature;
    EVP_PKEY *issuer_key; /* NULL: AMD's ASK or ASVK */
};

/* --- reports -------------------------------------------------------------------------------------------------------
 */

struct forge_report {
    uint32_t version, guest_svn, vmpl, algorithm, key_info;
    uint64_t policy, platform_info;
    uint8_t family_id[16], image_id[16], report_data[64], measurement[48], host_data[32];
    uint8_t id_key_digest[48], author_key_digest[48], report_id[32], report_id_ma[32], chip_id[64];
    bool turin; /* layout of the levels */
    struct forge_levels current, reported, committed, launch;
    uint8_t cpu[3];                                   /* family, model, stepping: from version 3 on */
    uint8_t current_version[3], committed_version[3]; /* major, minor, build */
    uint64_t launch_mitigations, current_mitigations; /* from version 5 on */
    int poke;                                         /* offset of a byte that is changed before signing; -1: none */
    uint8_t poked;                                    /* its value */
};

/* A good report of a generation: VMPL 0, no debugging, no migration, equal levels, a chip id. */
struct forge_report forge_report(const char *generation, uint32_t version);
/* 1,184 bytes, signed with a P-384 key; unsigned (R and S zero) where it is NULL. */
slice forge_report_sign(struct arena *a, const struct forge_report *r, EVP_PKEY *key);

/* A copy of any 1,184 bytes with a signature that holds. */
slice forge_report_resign(struct arena *a, slice report, EVP_PKEY *key);

/* The certificate data that goes with a report; then DER. VLEK where the report's key information says so. */
struct forge_vek forge_vek(const struct forge_amd *amd, const struct forge_report *r);
slice forge_vek_issue(struct arena *a, const struct forge_amd *amd, const struct forge_vek *v, EVP_PKEY *key);

struct forge_amd_crl {
    int64_t this_update, next_update; /* Unix seconds; next_update 0: none */
    uint64_t number;
    uint64_t revoked[8];
    size_t revoked_count;
    const char *issuer;   /* NULL: the ARK's name */
    EVP_PKEY *issuer_key; /* NULL: the ARK */
    bool bad_signature;
};
slice forge_amd_revoke(struct arena *a, const struct forge_amd *amd, const struct forge_amd_crl *c); /* DER */

/* Key of the collateral amd/vcek for a report. */
slice forge_vcek_key(struct arena *a, const char *generation, const struct forge_report *r);

/* --- evidence ------------------------------------------------------------------------------------------------------
 */

enum forge_shape {
    FORGE_SHAPE_7,   /* sev 6.2 to 7: all members, null where a version has none */
    FORGE_SHAPE_6,   /* sev 5 to 6.1: no mitigation vectors */
    FORGE_SHAPE_4,   /* sev 4 and before: current_build …, reserved fields, no CPUID */
    FORGE_SHAPE_3,   /* before key_info was known: _author_key_en */
    FORGE_SHAPE_RAW, /* {"attestation_report_raw": base64} */
};

struct forge_table {
    enum forge_shape shape;
    slice vcek, vlek, ask, ark; /* DER, or PEM; absent: not in the table */
    slice other;                /* under the identifier of nothing known */
    bool empty;                 /* [] rather than null where there is none */
    bool guids;                 /* identifiers instead of names, data in base64 */
    int fill;                   /* further entries that nobody knows */
};
slice forge_snp_evidence(struct arena *a, slice report, const struct forge_table *table);

#endif
