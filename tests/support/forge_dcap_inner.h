/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of forge_dcap share.
 */
#ifndef TESTS_FORGE_DCAP_INNER_H
#define TESTS_FORGE_DCAP_INNER_H

#include "tests/support/forge_dcap.h"

/* TCB info and QE identity: the texts, signatures and answers of `out`. */
void forge_dcap_statements(struct arena *a, const struct forge_dcap_keys *keys, const struct forge_dcap *k,
                           struct forge_dcap_out *out);
/* The JSON that holds all of it. */
slice forge_dcap_collateral(struct arena *a, const struct forge_dcap *k, const struct forge_dcap_out *out);
/* Certificates, chains and revocation lists of `out`. */
void forge_dcap_certificates(struct arena *a, const struct forge_dcap_keys *keys, const struct forge_dcap *k,
                             struct forge_dcap_out *out);

extern const struct forge_dcap_case forge_quote_cases[], forge_certificate_cases[], forge_crl_cases[],
    forge_statement_cases[];
extern const size_t forge_quote_case_count, forge_certificate_case_count, forge_crl_case_count,
    forge_statement_case_count;

#endif
