/* SPDX-License-Identifier: Apache-2.0
 *
 * A small TPM for tests: writes TPMS_ATTEST and TPMT_SIGNATURE, right or wrong in any field. Written from the
 * specification, apart from the parser it tests.
 */
#ifndef TESTS_TEST_TPM_H
#define TESTS_TEST_TPM_H

#include "tests/support/test_pki.h"

#define TEST_PCRS 24

struct test_selection {
    uint16_t hash;
    uint8_t size;
    uint8_t bitmap[8];
};

struct test_quote {
    uint32_t magic;
    uint16_t type;
    slice signer, nonce;
    uint64_t clock, firmware;
    uint32_t resets, restarts;
    uint8_t safe;
    uint32_t selections; /* as written; at most 4 are there */
    struct test_selection selection[4];
    uint8_t pcrs[TEST_PCRS][32];
    slice digest;                          /* absent: of pcrs, by `hash` */
    const char *hash;                      /* of the signing scheme, OpenSSL's name */
    slice trailing;                        /* bytes after the structure */
    int signer_lie, nonce_lie, digest_lie; /* added to the TPM2B sizes */
};

struct test_scheme {
    uint16_t scheme, hash; /* as written */
    const char *digest;    /* OpenSSL's name */
    int salt;              /* RSAPSS: OpenSSL's salt length */
    int lie;               /* added to the first TPM2B size */
    slice trailing;
};

/* A quote of all 24 PCRs (0x00, PCR 17 to 22 0xff) for `nonce`, signed with SHA-256. */
struct test_quote test_quote_good(slice nonce);
slice test_attest(struct arena *a, const struct test_quote *q);
/* RSASSA for RSA keys, ECDSA for others, with SHA-256. */
struct test_scheme test_scheme_of(EVP_PKEY *key);
slice test_sign(struct arena *a, EVP_PKEY *key, const struct test_scheme *scheme, slice message);

/* Evidence as JSON. */
struct test_evidence {
    slice ak, message, signature;
    const uint8_t (*pcrs)[32];
    size_t pcr_count;
    const slice *chain; /* NULL: no member */
    size_t chain_count;
};
slice test_evidence(struct arena *a, const struct test_evidence *e);

#endif
