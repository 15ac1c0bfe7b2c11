/* SPDX-License-Identifier: Apache-2.0 */
#include "core/net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Only forward-secret AEAD suites of TLS 1.2; those of 1.3 all are. */
#define CIPHERS_TLS12 "ECDHE+AESGCM:ECDHE+CHACHA20"

/* What went wrong, for whom, and OpenSSL's word for it. */
struct complaint {
    char *text;
    size_t size;
};

static result complain(struct complaint *c, const char *what, const char *file)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    snprintf(c->text, c->size, "%s: %s%s%s%s", file, what, reason ? " (" : "", reason ? reason : "", reason ? ")" : "");
    ERR_clear_error();
    return FAIL(CONFIG_FILE);
}

static result readable(struct complaint *c, const char *what, const char *file)
{
    if (access(file, R_OK) == 0)
        return OK;
    snprintf(c->text, c->size, "%s: the %s cannot be read: %s; check the path, and who may read it", file, what,
             strerror(errno));
    return FAIL(CONFIG_FILE);
}

/* The service has no terminal to ask at. */
static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return 0;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length, const unsigned char *in,
                           unsigned in_length, void *context)
{
    static const unsigned char http11[] = "\x08http/1.1";
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)context;
    int answer = SSL_select_next_proto(&chosen, out_length, http11, sizeof http11 - 1, in, in_length);
    *out = chosen;
    return answer == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool configure(SSL_CTX *context)
{
    int groups[] = {NID_X25519, NID_X9_62_prime256v1, NID_secp384r1};
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_passwd_cb(context, no_password);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) && SSL_CTX_set_max_early_data(context, 0) &&
           SSL_CTX_set_num_tickets(context, 0) && SSL_CTX_set_cipher_list(context, CIPHERS_TLS12) &&
           SSL_CTX_set1_groups(context, groups, 3);
}

static result load(SSL_CTX *context, const char *certificate_file, const char *key_file, struct complaint *c)
{
    TRY(readable(c, "certificate", certificate_file));
    TRY(readable(c, "key", key_file));
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file) != 1)
        return complain(c, "not a chain of PEM certificates, the service's own first", certificate_file);
    if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1) {
        bool other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
                     ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH;
        return complain(c,
                        other ? "the key is not that of the certificate; name the pair that belongs together"
                              : "not a PEM private key without a password",
                        key_file);
    }
    if (SSL_CTX_check_private_key(context) != 1)
        return complain(c, "the key is not that of the certificate; name the pair that belongs together", key_file);
    const ASN1_TIME *end = X509_get0_notAfter(SSL_CTX_get0_certificate(context));
    if (X509_cmp_current_time(end) <= 0)
        return complain(c, "the certificate has expired; renew it", certificate_file);
    return OK;
}

result tls_server_context(const char *certificate_file, const char *key_file, void **context, char *error,
                          size_t error_size)
{
    struct complaint c = {error, error_size};
    *context = NULL;
    ERR_clear_error();
    SSL_CTX *made = SSL_CTX_new(TLS_server_method());
    result r = made && configure(made) ? OK : complain(&c, "OpenSSL cannot make a TLS context", certificate_file);
    if (!FAILED(r))
        r = load(made, certificate_file, key_file, &c);
    if (FAILED(r)) {
        SSL_CTX_free(made);
        return r;
    }
    *context = made;
    return OK;
}

void tls_context_free(void *context)
{
    SSL_CTX_free(context);
}

const char *tls_library(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

int64_t tls_context_expiry(void *context)
{
    struct tm t = {0};
    const X509 *leaf = context ? SSL_CTX_get0_certificate(context) : NULL;
    if (!leaf || ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &t) != 1)
        return 0;
    return (int64_t)timegm(&t);
}
