/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the tpm plugin share: an RSA key, a good quote of it, and the evidence that goes with both. Change
 * any of it, then call one of the functions. For Criterion.
 */
#ifndef TESTS_TPM_FIXTURE_H
#define TESTS_TPM_FIXTURE_H

#include <criterion/criterion.h>

#include "tests/support/fake_host.h"
#include "tests/support/test_tpm.h"

struct tpm_fixture {
    struct fake_host host;
    struct arena arena;
    EVP_PKEY *ak, *ec, *ca; /* ak signs; ec is P-256 */
    uint8_t report_data[48];
    struct test_quote quote;
    struct test_scheme scheme;
    struct test_evidence evidence;
    trustee_verify_in in;
};
extern struct tpm_fixture t;

void tpm_begin(void);
void tpm_end(void);
void tpm_restart(void); /* a new host, for other options */
void load(void);
/* From here on the evidence has this key, and the scheme that fits it. */
void uses_ec(EVP_PKEY *key);
/* Signs the quote as it is now. */
slice evidence_by(EVP_PKEY *key);
/* The good evidence with one more member. */
slice with_member(const char *member);

/* Expects exactly this reason, and a failed check of its name; NULL: genuine. */
void judges(slice json_evidence, const char *reason);
void accepts(void);
void refuses(const char *reason);
/* Message and signature as they are given. */
void refuses_raw(slice message, slice signature, const char *reason);
void claims_are(const char *pointer, const char *text);

#endif
