/* SPDX-License-Identifier: Apache-2.0
 *
 * One certificate from any bytes, and PEM from the same. What is read lies inside the input, and a certificate that
 * reads is one that OpenSSL reads too, with the same serial number, names and key.
 */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "lib/x509/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(slice part, slice whole)
{
    if (part.len && (part.ptr < whole.ptr || part.ptr + part.len > whole.ptr + whole.len))
        abort();
}

static void same(slice ours, int length, uint8_t *theirs)
{
    if (length < 0 || !slice_equal(ours, slice_of(theirs, (size_t)length)))
        abort();
    OPENSSL_free(theirs);
}

/* OpenSSL decodes names lazily and refuses some that only wrap anything at all; then there is nothing to compare. */
static void as_openssl_reads(const struct certificate *c)
{
    const uint8_t *at = c->der.ptr;
    X509 *x = d2i_X509(NULL, &at, (long)c->der.len);
    ERR_clear_error();
    if (!x)
        return;
    uint8_t *name = NULL, *tbs = NULL;
    int length = i2d_X509_NAME(X509_get_issuer_name(x), &name);
    same(c->issuer, length, name);
    name = NULL;
    length = i2d_X509_NAME(X509_get_subject_name(x), &name);
    same(c->subject, length, name);
    length = i2d_re_X509_tbs(x, &tbs);
    if (length < 0)
        abort();
    OPENSSL_free(tbs);
    const ASN1_BIT_STRING *signature;
    X509_get0_signature(&signature, NULL, x);
    if (!slice_equal(c->signature, slice_of(signature->data, (size_t)signature->length)))
        abort();
    X509_free(x);
}

static void read_one(slice in)
{
    struct certificate c;
    slice value;
    if (FAILED(certificate_read(in, &c)))
        return;
    inside(c.tbs, in);
    inside(c.serial, in);
    inside(c.issuer, in);
    inside(c.subject, in);
    inside(c.spki, in);
    inside(c.extensions, in);
    inside(c.key_id, in);
    inside(c.authority_key_id, in);
    inside(c.signature, in);
    if (c.serial.len == 0 || c.serial.len > 20 || c.scheme >= SIGNATURE_SCHEME_COUNT || c.path_length < -1)
        abort();
    if (certificate_extension(&c, S("\x55\x1d\x0f"), &value) != c.has_key_usage)
        abort();
    struct public_key *own;
    if (!FAILED(public_key_new(c.spki, &own))) {
        (void)FAILED(certificate_verify(&c, own));
        public_key_free(own);
    }
    as_openssl_reads(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[8192];
    slice in = slice_of(data, size), rest = in, der = NO_SLICE;
    read_one(in);
    while (!FAILED(pem_next_certificate(&rest, room, sizeof room, &der)) && der.len) {
        inside(der, slice_of(room, sizeof room));
        read_one(der);
    }
    return 0;
}
