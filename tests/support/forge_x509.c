/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/forge_x509.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void forge_must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "forge: %s failed\n", what);
    abort();
}

/* --- keys and signatures --- */

static EVP_PKEY *stored_key(const char *path)
{
    FILE *file = fopen(path, "r");
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (file)
        fclose(file);
    return key;
}

static void store_key(const char *path, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");
    forge_must(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(file) == 0,
               "writing a key");
}

EVP_PKEY *forge_ec_key(const char *folder, const char *name, const char *curve)
{
    char path[4096];
    EVP_PKEY *key = NULL;
    if (folder) {
        int n = snprintf(path, sizeof path, "%s/%s.pem", folder, name);
        forge_must(n > 0 && (size_t)n < sizeof path, "the path of a key");
        key = stored_key(path);
    }
    if (key)
        return key;
    key = EVP_EC_gen(curve);
    forge_must(key, "EC key generation");
    if (folder)
        store_key(path, key);
    return key;
}

/* Moves what OpenSSL allocated into the arena. */
static slice taken(struct arena *a, uint8_t *bytes, int length)
{
    forge_must(length > 0, "encoding");
    slice copy = arena_copy(a, slice_of(bytes, (size_t)length));
    OPENSSL_free(bytes);
    forge_must(copy.ptr, "memory");
    return copy;
}

slice forge_sign(struct arena *a, EVP_PKEY *key, slice message)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t length = 0;
    forge_must(context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                   EVP_DigestSign(context, NULL, &length, message.ptr, message.len) == 1,
               "signing");
    uint8_t *room = arena_alloc(a, length, 1);
    forge_must(room && EVP_DigestSign(context, room, &length, message.ptr, message.len) == 1, "signing");
    EVP_MD_CTX_free(context);
    return slice_of(room, length);
}

slice forge_sign_raw(struct arena *a, EVP_PKEY *key, slice message)
{
    slice der = forge_sign(a, key, message);
    const uint8_t *at = der.ptr;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    uint8_t *room = arena_alloc(a, 64, 1);
    forge_must(pair && room && BN_bn2binpad(ECDSA_SIG_get0_r(pair), room, 32) == 32 &&
                   BN_bn2binpad(ECDSA_SIG_get0_s(pair), room + 32, 32) == 32,
               "a signature's numbers");
    ECDSA_SIG_free(pair);
    return slice_of(room, 64);
}

void forge_point(EVP_PKEY *key, uint8_t out[64])
{
    uint8_t point[65];
    size_t length = 0;
    forge_must(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &length) == 1 &&
                   length == sizeof point,
               "a public key");
    memcpy(out, point + 1, 64);
}

void forge_sha256(slice a, slice b, uint8_t out[32])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    forge_must(context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                   EVP_DigestUpdate(context, a.ptr, a.len) == 1 && EVP_DigestUpdate(context, b.ptr, b.len) == 1 &&
                   EVP_DigestFinal_ex(context, out, NULL) == 1,
               "hashing");
    EVP_MD_CTX_free(context);
}

/* --- certificates --- */

static X509_NAME *name_of(const char *common_name)
{
    static const char *const rest[][2] = {{"O", "Intel Corporation"}, {"L", "Santa Clara"}, {"ST", "CA"}, {"C", "US"}};
    X509_NAME *name = X509_NAME_new();
    forge_must(name && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)common_name, -1, -1, 0),
               "a name");
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        forge_must(X509_NAME_add_entry_by_txt(name, rest[i][0], MBSTRING_ASC, (const uint8_t *)rest[i][1], -1, -1, 0) ==
                       1,
                   "a name");
    return name;
}

static X509_EXTENSION *extension_of(const char *oid, bool critical, slice value)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *content = ASN1_OCTET_STRING_new();
    forge_must(object && content && ASN1_OCTET_STRING_set(content, value.ptr, (int)value.len) == 1, "an extension");
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical, content);
    forge_must(extension, "an extension");
    ASN1_OCTET_STRING_free(content);
    ASN1_OBJECT_free(object);
    return extension;
}

static void add_raw(X509 *x, const char *oid, bool critical, slice value)
{
    X509_EXTENSION *extension = extension_of(oid, critical, value);
    forge_must(X509_add_ext(x, extension, -1) == 1, "an extension");
    X509_EXTENSION_free(extension);
}

static void add_named(X509 *x, int nid, const char *value)
{
    if (!value)
        return;
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    forge_must(extension && X509_add_ext(x, extension, -1) == 1, "an extension");
    X509_EXTENSION_free(extension);
}

/* The first 20 bytes of the SHA-256 of the point: any identifier does. */
static void key_id(EVP_PKEY *key, uint8_t out[20])
{
    uint8_t digest[32], *spki = NULL;
    int length = i2d_PUBKEY(key, &spki);
    forge_must(length > 0, "a public key");
    forge_sha256(slice_of(spki, (size_t)length), NO_SLICE, digest);
    OPENSSL_free(spki);
    memcpy(out, digest, 20);
}

static void add_key_ids(X509 *x, EVP_PKEY *key, EVP_PKEY *issuer_key)
{
    uint8_t subject[22] = {0x04, 20}, authority[24] = {0x30, 22, 0x80, 20};
    key_id(key, subject + 2);
    key_id(issuer_key, authority + 4);
    add_raw(x, "2.5.29.35", false, slice_of(authority, sizeof authority));
    add_raw(x, "2.5.29.14", false, slice_of(subject, sizeof subject));
}

static void add_extensions(X509 *x, const struct forge_certificate *c, EVP_PKEY *key, EVP_PKEY *issuer_key)
{
    add_key_ids(x, key, issuer_key);
    add_named(x, NID_crl_distribution_points, "URI:https://crl.example/list.der");
    add_named(x, NID_key_usage, c->usage);
    add_named(x, NID_basic_constraints, c->constraints);
    for (int i = 0; c->extension.ptr && i < (c->extension_times ? c->extension_times : 1); i++)
        add_raw(x, c->oid, false, c->extension);
    if (c->critical)
        add_raw(x, c->critical, true, S("\x05\x00"));
}

/* The last byte of the signature is the last of the whole. */
static slice perhaps_spoilt(slice der, bool spoil)
{
    if (spoil)
        ((uint8_t *)(uintptr_t)der.ptr)[der.len - 1] ^= 1;
    return der;
}

static void set_time(ASN1_TIME *at, int64_t seconds)
{
    forge_must(at && ASN1_TIME_set(at, (time_t)seconds), "a time");
}

slice forge_issue(struct arena *a, const struct forge_certificate *c, EVP_PKEY *key, EVP_PKEY *issuer_key)
{
    X509 *x = X509_new();
    X509_NAME *subject = name_of(c->subject), *issuer = name_of(c->issuer);
    forge_must(x && X509_set_version(x, 2) == 1 && ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), c->serial) == 1,
               "a certificate");
    forge_must(X509_set_subject_name(x, subject) == 1 && X509_set_issuer_name(x, issuer) == 1, "names");
    set_time(X509_getm_notBefore(x), c->not_before);
    set_time(X509_getm_notAfter(x), c->not_after);
    forge_must(X509_set_pubkey(x, key) == 1, "a public key");
    add_extensions(x, c, key, issuer_key);
    const EVP_MD *digest = EVP_get_digestbyname(c->digest ? c->digest : "SHA256");
    forge_must(digest && X509_sign(x, issuer_key, digest) > 0, "signing a certificate");
    uint8_t *der = NULL;
    int length = i2d_X509(x, &der);
    X509_NAME_free(subject);
    X509_NAME_free(issuer);
    X509_free(x);
    return perhaps_spoilt(taken(a, der, length), c->bad_signature);
}

/* --- revocation lists --- */

static void add_entry(X509_CRL *list, uint64_t serial, int64_t when)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    ASN1_TIME *time = ASN1_TIME_new();
    forge_must(entry && number && ASN1_INTEGER_set_uint64(number, serial) == 1, "an entry");
    set_time(time, when);
    forge_must(X509_REVOKED_set_serialNumber(entry, number) == 1 && X509_REVOKED_set_revocationDate(entry, time) == 1 &&
                   X509_CRL_add0_revoked(list, entry) == 1,
               "an entry");
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(time);
}

static void add_list_extension(X509_CRL *list, const char *oid, bool critical, slice value)
{
    X509_EXTENSION *extension = extension_of(oid, critical, value);
    forge_must(X509_CRL_add_ext(list, extension, -1) == 1, "an extension");
    X509_EXTENSION_free(extension);
}

static void add_number(X509_CRL *list, uint64_t number)
{
    uint8_t *der = NULL;
    ASN1_INTEGER *value = ASN1_INTEGER_new();
    forge_must(value && ASN1_INTEGER_set_uint64(value, number) == 1, "a CRL number");
    int length = i2d_ASN1_INTEGER(value, &der);
    forge_must(length > 0, "a CRL number");
    add_list_extension(list, "2.5.29.20", false, slice_of(der, (size_t)length));
    OPENSSL_free(der);
    ASN1_INTEGER_free(value);
}

static void fill_list(X509_CRL *list, const struct forge_crl *c, EVP_PKEY *issuer_key)
{
    uint8_t authority[24] = {0x30, 22, 0x80, 20};
    key_id(issuer_key, authority + 4);
    for (size_t i = 0; i < c->revoked_count; i++)
        add_entry(list, c->revoked[i], c->this_update);
    for (int i = 0; i < c->fill; i++)
        add_entry(list, UINT64_C(0x700000000000) + (uint64_t)i, c->this_update);
    add_list_extension(list, "2.5.29.35", false, slice_of(authority, sizeof authority));
    if (c->number)
        add_number(list, c->number);
    if (c->critical)
        add_list_extension(list, c->critical, true, S("\x05\x00"));
}

static void set_updates(X509_CRL *list, const struct forge_crl *c)
{
    ASN1_TIME *time = ASN1_TIME_new();
    set_time(time, c->this_update);
    forge_must(X509_CRL_set1_lastUpdate(list, time) == 1, "thisUpdate");
    if (c->next_update) {
        set_time(time, c->next_update);
        forge_must(X509_CRL_set1_nextUpdate(list, time) == 1, "nextUpdate");
    }
    ASN1_TIME_free(time);
}

slice forge_revoke(struct arena *a, const struct forge_crl *c, EVP_PKEY *issuer_key)
{
    X509_CRL *list = X509_CRL_new();
    X509_NAME *issuer = name_of(c->issuer);
    forge_must(list && X509_CRL_set_version(list, 1) == 1 && X509_CRL_set_issuer_name(list, issuer) == 1, "a CRL");
    set_updates(list, c);
    fill_list(list, c, issuer_key);
    forge_must(X509_CRL_sign(list, issuer_key, EVP_sha256()) > 0, "signing a CRL");
    uint8_t *der = NULL;
    int length = i2d_X509_CRL(list, &der);
    X509_NAME_free(issuer);
    X509_CRL_free(list);
    return perhaps_spoilt(taken(a, der, length), c->bad_signature);
}

slice forge_pem(struct arena *a, slice der)
{
    char *text = NULL;
    BIO *out = BIO_new(BIO_s_mem());
    forge_must(out && PEM_write_bio(out, PEM_STRING_X509, "", der.ptr, (long)der.len) > 0, "PEM");
    long length = BIO_get_mem_data(out, &text);
    slice copy = arena_copy(a, slice_of(text, (size_t)length));
    BIO_free(out);
    forge_must(copy.ptr, "memory");
    return copy;
}

/* --- writing --- */

slice forge_join(struct arena *a, slice x, slice y)
{
    uint8_t *room = arena_alloc(a, x.len + y.len + 1, 1);
    forge_must(room, "memory");
    if (x.len)
        memcpy(room, x.ptr, x.len);
    if (y.len)
        memcpy(room + x.len, y.ptr, y.len);
    return slice_of(room, x.len + y.len);
}

slice forge_replace(struct arena *a, slice text, const char *from, const char *to)
{
    const uint8_t *at = memmem(text.ptr, text.len, from, strlen(from));
    forge_must(at, "finding what is to be replaced");
    size_t before = (size_t)(at - text.ptr);
    slice head = forge_join(a, slice_sub(text, 0, before), slice_text(to));
    return forge_join(a, head, slice_sub(text, before + strlen(from), SIZE_MAX));
}

slice forge_hex(struct arena *a, slice bytes, bool upper)
{
    uint8_t *room = arena_alloc(a, HEX_SIZE(bytes.len) + 1, 1);
    forge_must(room, "memory");
    size_t length = hex_encode(room, bytes);
    for (size_t i = 0; upper && i < length; i++)
        if (room[i] >= 'a')
            room[i] = (uint8_t)(room[i] - 'a' + 'A');
    return slice_of(room, length);
}

slice forge_time(struct arena *a, int64_t seconds)
{
    char text[32];
    struct tm tm;
    time_t at = (time_t)seconds;
    forge_must(gmtime_r(&at, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0, "a time");
    return arena_copy(a, slice_text(text));
}

slice forge_json(struct arena *a, slice text)
{
    struct text t = text_begin(a);
    text_json(&t, text);
    slice out = text_end(&t);
    forge_must(out.ptr, "memory");
    return out;
}

static slice element(struct arena *a, uint8_t tag, slice content, size_t octets)
{
    uint8_t head[6] = {tag};
    size_t n = 2;
    if (octets == 0) {
        head[1] = (uint8_t)content.len;
    } else {
        head[1] = (uint8_t)(0x80 | octets);
        for (size_t i = octets; i-- > 0;)
            head[n++] = (uint8_t)(content.len >> 8 * i);
    }
    return forge_join(a, slice_of(head, n), content);
}

slice forge_der(struct arena *a, uint8_t tag, slice content)
{
    return element(a, tag, content, content.len < 0x80 ? 0 : content.len < 0x100 ? 1 : 2);
}

slice forge_der_long(struct arena *a, uint8_t tag, slice content)
{
    return element(a, tag, content, 4);
}
