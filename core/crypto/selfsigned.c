/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/selfsigned.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

static bool set_names(X509 *c, X509 *issuer, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(c);
    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) &&
           X509_set_issuer_name(c, X509_get_subject_name(issuer));
}

static bool set_serial(X509 *c)
{
    unsigned char bytes[16];
    BIGNUM *n = RAND_bytes(bytes, sizeof bytes) == 1 ? BN_bin2bn(bytes, sizeof bytes, NULL) : NULL;
    bool good = n && BN_clear_bit(n, 127) && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(c));
    BN_free(n);
    return good;
}

static bool add_extension(X509 *c, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, c, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool good = e && X509_add_ext(c, e, -1);
    X509_EXTENSION_free(e);
    return good;
}

/* An unsigned certificate; NULL on failure. `issuer` NULL: its own. */
static X509 *certificate(EVP_PKEY *key, X509 *issuer, const char *name, unsigned days)
{
    X509 *c = X509_new();
    if (c && X509_set_version(c, X509_VERSION_3) && set_serial(c) && X509_gmtime_adj(X509_getm_notBefore(c), -300) &&
        X509_gmtime_adj(X509_getm_notAfter(c), (long)days * 86400) && X509_set_pubkey(c, key) &&
        set_names(c, issuer ? issuer : c, name))
        return c;
    X509_free(c);
    return NULL;
}

static X509 *make_ca(EVP_PKEY *key, unsigned days)
{
    X509 *c = certificate(key, NULL, "Trustee local authority", days);
    if (c && add_extension(c, c, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        add_extension(c, c, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        add_extension(c, c, NID_subject_key_identifier, "hash") && X509_sign(c, key, EVP_sha256()))
        return c;
    X509_free(c);
    return NULL;
}

static bool alternative_names(slice host, char *out, size_t size)
{
    char name[256];
    uint8_t address[16];
    if (host.len >= sizeof name || !slice_is_name(host, ".-:"))
        return false;
    memcpy(name, host.ptr, host.len);
    name[host.len] = 0;
    bool numeric = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
    int n = snprintf(out, size, "DNS:localhost,IP:127.0.0.1,IP:::1,%s:%s", numeric ? "IP" : "DNS", name);
    return n > 0 && (size_t)n < size;
}

static X509 *make_server(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, slice host, unsigned days)
{
    char names[512];
    X509 *c = certificate(key, ca, "Trustee", days);
    if (c && alternative_names(host, names, sizeof names) &&
        add_extension(c, ca, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(c, ca, NID_key_usage, "critical,digitalSignature") &&
        add_extension(c, ca, NID_ext_key_usage, "serverAuth") &&
        add_extension(c, ca, NID_authority_key_identifier, "keyid:always") &&
        add_extension(c, ca, NID_subject_alt_name, names) && X509_sign(c, ca_key, EVP_sha256()))
        return c;
    X509_free(c);
    return NULL;
}

static result bio_take(BIO *bio, struct arena *a, slice *out)
{
    char *bytes;
    long size = BIO_get_mem_data(bio, &bytes);
    ENSURE(size > 0, CRYPTO);
    *out = arena_copy(a, slice_of(bytes, (size_t)size));
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}

static result write_pem(X509 *ca, X509 *server, EVP_PKEY *key, struct arena *a, struct arena *secret,
                        struct selfsigned *out)
{
    BIO *one = BIO_new(BIO_s_mem()), *chain = BIO_new(BIO_s_mem()), *keys = BIO_new(BIO_s_secmem());
    bool written = one && chain && keys && PEM_write_bio_X509(one, ca) && PEM_write_bio_X509(chain, server) &&
                   PEM_write_bio_X509(chain, ca) && PEM_write_bio_PrivateKey(keys, key, NULL, NULL, 0, NULL, NULL);
    result r = written ? bio_take(one, a, &out->ca_pem) : FAIL(CRYPTO);
    if (!FAILED(r))
        r = bio_take(chain, a, &out->server_pem);
    if (!FAILED(r))
        r = bio_take(keys, secret, &out->key_pem);
    BIO_free(one);
    BIO_free(chain);
    BIO_free(keys);
    return r;
}

result selfsigned_make(slice host, unsigned days, struct arena *a, struct arena *secret, struct selfsigned *out)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *ca = ca_key ? make_ca(ca_key, days) : NULL;
    X509 *server = ca && key ? make_server(key, ca, ca_key, host, days) : NULL;
    result r = server ? write_pem(ca, server, key, a, secret, out) : FAIL(CRYPTO);
    X509_free(server);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    return r;
}
