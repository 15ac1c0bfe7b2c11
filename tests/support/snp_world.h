/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the snp plugin share: a pretended AMD for each generation, which the plugin trusts, one platform
 * with a good report, and the evidence that goes with it. Change any of it, then call one of the functions. For
 * Criterion.
 */
#ifndef TESTS_SNP_WORLD_H
#define TESTS_SNP_WORLD_H

#include <criterion/criterion.h>

#include "tests/support/fake_host.h"
#include "tests/support/forge_snp.h"
#include "tests/support/test_pki.h"

struct snp_world {
    struct fake_host host;
    struct arena arena;
    struct forge_amd milan, genoa, turin;
    const struct forge_amd *amd; /* the platform's */
    EVP_PKEY *key, *other;       /* P-384: of the platform; of somebody else */
    uint8_t report_data[48], init_data[32];
    struct forge_report report; /* has report_data and, as HOST_DATA, init_data */
    struct forge_table table;
    trustee_collateral collateral[8];
    trustee_verify_in in;
};
extern struct snp_world w;

void snp_begin(void); /* a Milan with a report of version 3 */
void snp_end(void);
void snp_restart(void); /* a new host, for other options */
/* From here on the platform is of this generation, with a good report of this version. */
void snp_platform(const struct forge_amd *amd, uint32_t version);
/* Loads the plugin with the pretended AMD's roots. */
void snp_load(void);

slice snp_vek(void); /* the certificate that goes with the report as it is now */
/* Signs the report as it is now; its certificate stands in the table unless one is there already. */
slice snp_evidence(void);
void snp_give(const char *kind, slice key, slice bytes); /* one item of collateral more */

/* Expects exactly this reason, and a failed check of its name; NULL: genuine. */
void snp_judges(slice evidence, const char *reason);
void snp_accepts(void);
void snp_refuses(const char *reason);
/* Expects that the plugin asks for exactly this; NULL ends the list of kinds and keys. */
void snp_needs(slice evidence, const char *kind, slice key);
void snp_claims_are(const char *pointer, const char *text);

#endif
