/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains and PEM files from any bytes. The input is read as PEM, and as certificates that each follow two bytes of
 * length. The trusted CA's key is thrown away at the start, so that no chain may ever hold.
 */
#include <stdlib.h>

#include "lib/x509/x509.h"
#include "tests/support/test_pki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct x509_trust *trusted(void)
{
    static struct x509_trust *trust;
    struct arena arena;
    if (trust || FAILED(x509_trust_new(&trust)) || FAILED(arena_map(&arena, 65536, ARENA_PLAIN)))
        return trust;
    EVP_PKEY *key = test_ec("P-256");
    struct test_certificate ca = {.subject = "ca",
                                  .issuer = "ca",
                                  .key = key,
                                  .issuer_key = key,
                                  .constraints = "critical,CA:TRUE",
                                  .usage = "critical,keyCertSign"};
    if (FAILED(x509_trust_add_der(trust, test_issue(&arena, &ca))))
        abort();
    EVP_PKEY_free(key);
    arena_unmap(&arena);
    return trust;
}

static void read_chain(slice in)
{
    struct reader r = reader_of(in);
    struct x509_chain chain = {.count = 0};
    struct x509_verified v;
    uint16_t length;
    while (chain.count < X509_CHAIN_MAX && read_u16be(&r, &length) &&
           read_bytes(&r, length, &chain.certificates[chain.count]))
        chain.count++;
    if (!FAILED(x509_verify_chain(trusted(), &chain, TEST_NOW, &v)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct x509_trust *own;
    slice in = slice_of(data, size);
    read_chain(in);
    if (FAILED(x509_trust_new(&own)))
        return 0;
    if (!FAILED(x509_trust_add_pem(own, in)) && x509_trust_count(own) == 0)
        abort();
    x509_trust_free(own);
    return 0;
}
