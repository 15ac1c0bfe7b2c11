/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test_pki.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "test_pki: %s failed\n", what);
    abort();
}

EVP_PKEY *test_rsa(unsigned bits)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    must(key, "RSA key generation");
    return key;
}

EVP_PKEY *test_ec(const char *curve)
{
    EVP_PKEY *key = EVP_EC_gen(curve);
    must(key, "EC key generation");
    return key;
}

/* Moves what OpenSSL allocated into the arena. */
static slice taken(struct arena *a, uint8_t *bytes, int length)
{
    must(length > 0, "encoding");
    slice copy = arena_copy(a, slice_of(bytes, (size_t)length));
    OPENSSL_free(bytes);
    must(copy.ptr, "memory");
    return copy;
}

slice test_spki(struct arena *a, EVP_PKEY *key)
{
    uint8_t *der = NULL;
    int length = i2d_PUBKEY(key, &der);
    return taken(a, der, length);
}

static X509_NAME *name_of(const char *common_name)
{
    X509_NAME *name = X509_NAME_new();
    must(name && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common_name, -1, -1, 0) == 1,
         "name");
    return name;
}

static void add_extension(X509 *x, int nid, const char *value)
{
    if (!value)
        return;
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    must(extension && X509_add_ext(x, extension, -1) == 1, "extension");
    X509_EXTENSION_free(extension);
}

static void add_unknown_critical(X509 *x, const char *oid)
{
    if (!oid)
        return;
    static const uint8_t null[] = {0x05, 0x00};
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *content = ASN1_OCTET_STRING_new();
    must(object && content && ASN1_OCTET_STRING_set(content, null, sizeof null) == 1, "unknown extension");
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 1, content);
    must(extension && X509_add_ext(x, extension, -1) == 1, "unknown extension");
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(content);
    ASN1_OBJECT_free(object);
}

slice test_issue(struct arena *a, const struct test_certificate *c)
{
    static long serial = 1;
    bool usual = c->not_before == 0 && c->not_after == 0;
    X509 *x = X509_new();
    X509_NAME *subject = name_of(c->subject), *issuer = name_of(c->issuer);
    must(x && X509_set_version(x, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), serial++) == 1, "certificate");
    must(X509_set_subject_name(x, subject) == 1 && X509_set_issuer_name(x, issuer) == 1, "names");
    must(ASN1_TIME_set(X509_getm_notBefore(x), usual ? TEST_NOW - TEST_DAY : c->not_before) &&
             ASN1_TIME_set(X509_getm_notAfter(x), usual ? TEST_NOW + TEST_DAY : c->not_after),
         "validity");
    must(X509_set_pubkey(x, c->key) == 1, "key");
    add_extension(x, NID_basic_constraints, c->constraints);
    add_extension(x, NID_key_usage, c->usage);
    add_unknown_critical(x, c->critical);
    const EVP_MD *digest = EVP_get_digestbyname(c->digest ? c->digest : "SHA256");
    must(digest && X509_sign(x, c->issuer_key, digest) > 0, "signing");
    uint8_t *der = NULL;
    int length = i2d_X509(x, &der);
    X509_NAME_free(subject);
    X509_NAME_free(issuer);
    X509_free(x);
    return taken(a, der, length);
}

slice test_pem(struct arena *a, slice der)
{
    char *text = NULL;
    BIO *out = BIO_new(BIO_s_mem());
    must(out && PEM_write_bio(out, PEM_STRING_X509, "", der.ptr, (long)der.len) > 0, "PEM");
    long length = BIO_get_mem_data(out, &text);
    slice copy = arena_copy(a, slice_of(text, (size_t)length));
    BIO_free(out);
    must(copy.ptr, "memory");
    return copy;
}
