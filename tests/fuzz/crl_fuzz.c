/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation lists from any bytes. So that the signature does not keep everything out, the input is what an issuer of
 * our own would sign: it is read as the content of a TBSCertList, and signed. The bytes themselves are read too.
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "lib/x509/crl.h"
#include "lib/x509/der.h"
#include "tests/support/test_pki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST 4096

static EVP_PKEY *key;
static struct certificate issuer;

static void begin(void)
{
    static struct arena arena;
    if (key)
        return;
    key = test_ec("P-256");
    struct test_certificate ca = {
        .subject = "ca", .issuer = "ca", .key = key, .issuer_key = key, .constraints = "critical,CA:TRUE"};
    if (FAILED(arena_map(&arena, 65536, ARENA_PLAIN)) || FAILED(certificate_read(test_issue(&arena, &ca), &issuer)))
        abort();
}

static size_t put_head(uint8_t *out, uint8_t tag, size_t length)
{
    size_t octets = length < 128 ? 0 : length < 256 ? 1 : 2, used = 0;
    out[used++] = tag;
    out[used++] = (uint8_t)(octets ? 0x80 | octets : length);
    for (size_t i = octets; i-- > 0;)
        out[used++] = (uint8_t)(length >> 8 * i);
    return used;
}

static size_t put(uint8_t *out, slice s)
{
    if (s.len)
        memcpy(out, s.ptr, s.len);
    return s.len;
}

/* version, algorithm and our issuer's name, then the input as it is. */
static size_t wrap(slice in, uint8_t *out)
{
    static const slice algorithm = {(const uint8_t *)"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12};
    uint8_t tbs[MOST + 512], signature[80];
    size_t length = 3 + algorithm.len + issuer.subject.len + in.len;
    size_t used = put_head(tbs, DER_SEQUENCE, length);
    used += put(tbs + used, S("\x02\x01\x01"));
    used += put(tbs + used, algorithm);
    used += put(tbs + used, issuer.subject);
    used += put(tbs + used, in);
    size_t signature_size = sizeof signature;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx || EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) != 1 ||
        EVP_DigestSign(ctx, signature, &signature_size, tbs, used) != 1)
        abort();
    EVP_MD_CTX_free(ctx);
    size_t at = put_head(out, DER_SEQUENCE, used + algorithm.len + 3 + signature_size);
    at += put(out + at, slice_of(tbs, used));
    at += put(out + at, algorithm);
    at += put_head(out + at, DER_BIT_STRING, signature_size + 1);
    out[at++] = 0;
    return at + put(out + at, slice_of(signature, signature_size));
}

static void use(const struct crl *crl)
{
    static const uint8_t serial[20];
    if (!crl_is_of(crl, &issuer) || (crl_count(crl) == 0 && crl_lists(crl, S("\x01"))))
        abort();
    for (size_t n = 0; n <= sizeof serial; n++)
        (void)crl_lists(crl, slice_of(serial, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t list[MOST + 1024];
    struct crl *crl;
    begin();
    if (!FAILED(crl_new(slice_of(data, size), &issuer, &crl)))
        crl_free(crl); /* only one of the corpus that this very process signed */
    if (size > MOST)
        return 0;
    if (FAILED(crl_new(slice_of(list, wrap(slice_of(data, size), list)), &issuer, &crl)))
        return 0;
    use(crl);
    crl_free(crl);
    return 0;
}
