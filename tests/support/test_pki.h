/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and certificates for tests, made on the fly. Whatever fails here aborts the test.
 */
#ifndef TESTS_TEST_PKI_H
#define TESTS_TEST_PKI_H

#include <openssl/evp.h>

#include "lib/base/arena.h"

EVP_PKEY *test_rsa(unsigned bits);
EVP_PKEY *test_ec(const char *curve); /* "P-256", "P-384", … */
/* SubjectPublicKeyInfo in DER. */
slice test_spki(struct arena *a, EVP_PKEY *key);

#define TEST_NOW INT64_C(1800000000)
#define TEST_DAY INT64_C(86400)

struct test_certificate {
    const char *subject, *issuer; /* common names */
    EVP_PKEY *key, *issuer_key;
    int64_t not_before, not_after; /* both 0: a day before and after TEST_NOW */
    const char *constraints;       /* basicConstraints as OpenSSL's configuration writes it; NULL: none */
    const char *usage;             /* keyUsage likewise */
    const char *critical;          /* OID of an unknown critical extension */
    const char *digest;            /* NULL: SHA256 */
};

slice test_issue(struct arena *a, const struct test_certificate *c); /* DER */
slice test_pem(struct arena *a, slice der);

#endif
