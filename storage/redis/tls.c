/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <openssl/pem.h>

#include "storage/redis/redis.h"

static trustee_status cannot(const struct redis_store *s, const char *what)
{
    ERR_clear_error();
    backend_log(&s->backend, TRUSTEE_LOG_ERROR, "redis: %s", what);
    return TRUSTEE_E_CONFIG;
}

static BIO *memory_of(slice pem)
{
    return pem.len <= INT32_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
}

static bool trust(SSL_CTX *tls, slice pem)
{
    unsigned count = 0;
    BIO *in = memory_of(pem);
    X509 *certificate;
    while (in && (certificate = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        count += X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), certificate) == 1;
        X509_free(certificate);
    }
    BIO_free(in);
    ERR_clear_error();
    return count > 0;
}

static bool present(SSL_CTX *tls, slice certificate_pem, slice key_pem)
{
    BIO *in = memory_of(certificate_pem);
    X509 *certificate = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    BIO_free(in);
    in = memory_of(key_pem);
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) : NULL;
    BIO_free(in);
    bool done = certificate && key && SSL_CTX_use_certificate(tls, certificate) == 1 &&
                SSL_CTX_use_PrivateKey(tls, key) == 1 && SSL_CTX_check_private_key(tls) == 1;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return done;
}

trustee_status redis_tls(struct redis_store *s, const trustee_conf *conf)
{
    const trustee_host *h = s->host;
    slice ca, certificate, key;
    bool has_certificate = h->conf_file(conf, S("tls_certificate"), 0, &certificate) == TRUSTEE_OK;
    bool has_key = h->conf_file(conf, S("tls_key"), 0, &key) == TRUSTEE_OK;
    if (!s->settings.tls)
        return TRUSTEE_OK;
    s->tls = SSL_CTX_new(TLS_client_method());
    if (!s->tls)
        return TRUSTEE_E_NOMEM;
    SSL_CTX_set_verify(s->tls, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_mode(s->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_options(s->tls, SSL_OP_NO_RENEGOTIATION);
    if (SSL_CTX_set_min_proto_version(s->tls, TLS1_2_VERSION) != 1)
        return cannot(s, "TLS 1.2 is not to be had of the cryptography library");
    if (h->conf_file(conf, S("tls_ca"), 0, &ca) == TRUSTEE_OK) {
        if (!trust(s->tls, ca))
            return cannot(s, "tls_ca holds no PEM certificate");
    } else if (SSL_CTX_set_default_verify_paths(s->tls) != 1) {
        return cannot(s, "the system's certificates cannot be used; name a tls_ca");
    }
    if (has_certificate != has_key)
        return cannot(s, "tls_certificate and tls_key go together");
    if (has_certificate && !present(s->tls, certificate, key))
        return cannot(s, "tls_certificate and tls_key are no PEM pair");
    return TRUSTEE_OK;
}
