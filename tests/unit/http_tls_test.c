/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/http_server.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "core/net/tls.h"

#define HEALTHZ "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"

/* A folder with a self-made certificate and its key, gone with the test. */
struct files {
    char folder[32], certificate[64], key[64], other_key[64];
};

static EVP_PKEY *write_key(const char *path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *f = fopen(path, "w");
    cr_assert(key && f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
    fclose(f);
    return key;
}

static void write_certificate(const char *path, EVP_PKEY *key, long seconds)
{
    X509 *c = X509_new();
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
    X509_gmtime_adj(X509_getm_notBefore(c), -86400);
    X509_gmtime_adj(X509_getm_notAfter(c), seconds);
    X509_set_pubkey(c, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC, (const unsigned char *)"a", -1, -1, 0);
    X509_set_issuer_name(c, X509_get_subject_name(c));
    cr_assert(X509_sign(c, key, EVP_sha256()) > 0);
    FILE *f = fopen(path, "w");
    cr_assert(f && PEM_write_X509(f, c));
    fclose(f);
    X509_free(c);
}

static struct files files_make(long seconds)
{
    struct files f = {.folder = "/tmp/http_tls_XXXXXX"};
    cr_assert_not_null(mkdtemp(f.folder));
    snprintf(f.certificate, sizeof f.certificate, "%s/cert.pem", f.folder);
    snprintf(f.key, sizeof f.key, "%s/key.pem", f.folder);
    snprintf(f.other_key, sizeof f.other_key, "%s/other.pem", f.folder);
    EVP_PKEY *key = write_key(f.key);
    write_certificate(f.certificate, key, seconds);
    EVP_PKEY_free(key);
    EVP_PKEY_free(write_key(f.other_key));
    return f;
}

static void files_remove(const struct files *f)
{
    unlink(f->certificate);
    unlink(f->key);
    unlink(f->other_key);
    rmdir(f->folder);
}

static void *context_make(void)
{
    struct files files = files_make(86400);
    void *context;
    char error[256] = "";
    result r = tls_server_context(files.certificate, files.key, &context, error, sizeof error);
    cr_assert(!FAILED(r), "%s", error);
    files_remove(&files);
    return context;
}

static struct fixture tls_fixture(void)
{
    struct fixture f = fixture_make();
    f.listeners[0].tls = context_make();
    return f;
}

static void tls_fixture_end(struct fixture *f)
{
    http_server_stop(f->server, 1000);
    tls_context_free(f->listeners[0].tls);
    cr_assert_eq(atomic_load(&connections), 0);
}

struct client {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
};

static struct client client_make(uint16_t port)
{
    signal(SIGPIPE, SIG_IGN);
    struct client c = {.context = SSL_CTX_new(TLS_client_method()), .fd = dial(port)};
    struct timeval limit = {.tv_sec = 3};
    setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    SSL_CTX_set_options(c.context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    c.ssl = SSL_new(c.context);
    SSL_set_fd(c.ssl, c.fd);
    return c;
}

static void client_end(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    close(c->fd);
}

static size_t client_read(struct client *c, char *text, size_t room)
{
    size_t all = 0, n;
    while (all < room - 1 && SSL_read_ex(c->ssl, text + all, room - 1 - all, &n))
        all += n;
    text[all] = '\0';
    return all;
}

Test(http_tls, a_context_knows_when_its_certificate_ends)
{
    void *context = context_make();
    int64_t end = tls_context_expiry(context);
    cr_assert(end >= time(NULL) + 86400 - 60 && end <= time(NULL) + 86400 + 60);
    tls_context_free(context);
}

Test(http_tls, what_is_wrong_with_the_files_is_told)
{
    struct files f = files_make(86400), old = files_make(-60);
    void *context;
    char error[256];
    cr_assert_eq(tls_server_context(f.certificate, f.other_key, &context, error, sizeof error).reason, CONFIG_FILE);
    cr_assert_not_null(strstr(error, "other.pem"), "%s", error);
    cr_assert_null(context);
    cr_assert_eq(tls_server_context("/nonexistent.pem", f.key, &context, error, sizeof error).reason, CONFIG_FILE);
    cr_assert_not_null(strstr(error, "No such file"), "%s", error);
    cr_assert_eq(tls_server_context(f.key, f.key, &context, error, sizeof error).reason, CONFIG_FILE);
    cr_assert_not_null(strstr(error, "not a chain"), "%s", error);
    cr_assert_eq(tls_server_context(f.certificate, f.certificate, &context, error, sizeof error).reason, CONFIG_FILE);
    cr_assert_not_null(strstr(error, "private key"), "%s", error);
    cr_assert_eq(tls_server_context(old.certificate, old.key, &context, error, sizeof error).reason, CONFIG_FILE);
    cr_assert_not_null(strstr(error, "expired"), "%s", error);
    files_remove(&f);
    files_remove(&old);
}

Test(http_tls, requests_are_served_over_1_2_and_1_3)
{
    struct fixture f = tls_fixture();
    fixture_start(&f);
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (int i = 0; i < 2; i++) {
        struct client c = client_make(f.port);
        char text[1024];
        size_t n;
        SSL_set_min_proto_version(c.ssl, versions[i]);
        SSL_set_max_proto_version(c.ssl, versions[i]);
        cr_assert_eq(SSL_connect(c.ssl), 1);
        for (int k = 0; k < 20; k++) {
            cr_assert(SSL_write(c.ssl, HEALTHZ, sizeof HEALTHZ - 1) > 0);
            cr_assert(SSL_read_ex(c.ssl, text, sizeof text, &n));
            cr_assert_eq(memcmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
        }
        client_end(&c);
    }
    tls_fixture_end(&f);
}

Test(http_tls, large_bodies_and_replies_and_pipelines_go_through)
{
    struct fixture f = tls_fixture();
    fixture_start(&f);
    struct client c = client_make(f.port);
    static char body[1 << 20], text[8 << 20];
    cr_assert_eq(SSL_connect(c.ssl), 1);
    int n = snprintf(text, sizeof text, "POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
                     sizeof body);
    memset(body, 'b', sizeof body);
    cr_assert(SSL_write(c.ssl, text, n) > 0);
    cr_assert(SSL_write(c.ssl, body, sizeof body) > 0);
    /* All of it in one record, the first to be answered from the pool. */
    atomic_store(&release_held, true);
    static const char more[] = "POST /kbs/v0/hold HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n";
    cr_assert(SSL_write(c.ssl, more, sizeof more - 1) > 0);
    memset(body, 'h', 20000);
    n = snprintf(body + 20000, 256, "%s%s", HEALTHZ,
                 "GET /big?3000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    cr_assert(SSL_write(c.ssl, body, 20000 + n) > 0);
    size_t got = client_read(&c, text, sizeof text);
    size_t replies = 0;
    for (const char *at = text; (at = strstr(at, "HTTP/1.1 200 OK")); at++)
        replies++;
    cr_assert_eq(replies, 4);
    cr_assert_gt(got, (1u << 20) + 20000 + 3000000);
    cr_assert_eq(text[got - 1], (char)('a' + 2999999 % 23));
    client_end(&c);
    tls_fixture_end(&f);
}

Test(http_tls, a_request_in_records_of_one_byte_is_served)
{
    struct fixture f = tls_fixture();
    fixture_start(&f);
    struct client c = client_make(f.port);
    char text[1024];
    static const char request[] =
        "POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
    cr_assert_eq(SSL_connect(c.ssl), 1);
    for (size_t i = 0; i < sizeof request - 1; i++)
        cr_assert_eq(SSL_write(c.ssl, request + i, 1), 1);
    client_read(&c, text, sizeof text);
    cr_assert_not_null(strstr(text, "\r\n\r\nhello"));
    client_end(&c);
    tls_fixture_end(&f);
}

Test(http_tls, older_versions_are_refused)
{
    struct fixture f = tls_fixture();
    fixture_start(&f);
    static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION};
    for (int i = 0; i < 2; i++) {
        struct client c = client_make(f.port);
        SSL_set_security_level(c.ssl, 0);
        SSL_set_cipher_list(c.ssl, "ALL:@SECLEVEL=0");
        SSL_set_min_proto_version(c.ssl, versions[i]);
        SSL_set_max_proto_version(c.ssl, versions[i]);
        cr_assert_neq(SSL_connect(c.ssl), 1);
        client_end(&c);
    }
    tls_fixture_end(&f);
}

Test(http_tls, http_1_1_is_chosen_and_h2_alone_refused)
{
    struct fixture f = tls_fixture();
    fixture_start(&f);
    static const unsigned char both[] = "\x02h2\x08http/1.1", h2[] = "\x02h2";
    const unsigned char *chosen;
    unsigned length;
    struct client c = client_make(f.port);
    SSL_set_alpn_protos(c.ssl, both, sizeof both - 1);
    cr_assert_eq(SSL_connect(c.ssl), 1);
    SSL_get0_alpn_selected(c.ssl, &chosen, &length);
    cr_assert(length == 8 && memcmp(chosen, "http/1.1", 8) == 0);
    client_end(&c);
    c = client_make(f.port);
    SSL_set_alpn_protos(c.ssl, h2, sizeof h2 - 1);
    cr_assert_neq(SSL_connect(c.ssl), 1);
    client_end(&c);
    tls_fixture_end(&f);
}

Test(http_tls, renegotiation_tickets_and_early_data_are_not_offered)
{
    struct fixture f = tls_fixture();
    fixture_start(&f);
    struct client c = client_make(f.port);
    char text[256];
    size_t n;
    SSL_set_max_proto_version(c.ssl, TLS1_2_VERSION);
    cr_assert_eq(SSL_connect(c.ssl), 1);
    cr_assert_not(SSL_SESSION_has_ticket(SSL_get_session(c.ssl)));
    SSL_renegotiate(c.ssl);
    cr_assert(SSL_do_handshake(c.ssl) != 1 || !SSL_write_ex(c.ssl, HEALTHZ, sizeof HEALTHZ - 1, &n) ||
              !SSL_read_ex(c.ssl, text, sizeof text, &n));
    client_end(&c);
    c = client_make(f.port);
    cr_assert_eq(SSL_connect(c.ssl), 1);
    SSL_write(c.ssl, HEALTHZ, sizeof HEALTHZ - 1);
    cr_assert(SSL_read_ex(c.ssl, text, sizeof text, &n));
    cr_assert_eq(SSL_SESSION_get_max_early_data(SSL_get_session(c.ssl)), 0);
    cr_assert_not(SSL_SESSION_is_resumable(SSL_get_session(c.ssl)));
    client_end(&c);
    tls_fixture_end(&f);
}

Test(http_tls, plain_http_on_the_tls_port_is_told_so)
{
    struct fixture f = tls_fixture();
    fixture_start(&f);
    static const slice requests[] = {TRUSTEE_TEXT(HEALTHZ), TRUSTEE_TEXT("POST /kbs/v0/auth HTTP/1.1\r\n"),
                                     TRUSTEE_TEXT("DELETE / HTTP/1.1\r\n\r\n"), TRUSTEE_TEXT("G")};
    for (size_t i = 0; i < 4; i++) {
        int fd = dial(f.port);
        push(fd, requests[i]);
        struct answer a = pull_reply(fd);
        cr_assert_eq(status_of(&a), 400);
        cr_assert_str_eq(body_of(&a), "this is an HTTPS port\n");
        shutdown(fd, SHUT_WR);
        cr_assert(pull(fd, SIZE_MAX, 2000).closed);
        close(fd);
    }
    cr_assert_eq(atomic_load(&seen), 0);
    tls_fixture_end(&f);
}

Test(http_tls, handshakes_that_do_not_come_are_cut_off)
{
    struct fixture f = tls_fixture();
    f.settings.handshake_timeout_ms = 100;
    fixture_start(&f);
    static const slice starts[] = {TRUSTEE_TEXT(""), TRUSTEE_TEXT("\x16"), TRUSTEE_TEXT("\x16\x03\x01\x02\x00\x01"),
                                   TRUSTEE_TEXT("\x80\x2e\x01\x00\x02"), TRUSTEE_TEXT("\xff\xff\xff\xff\xff\xff")};
    for (size_t i = 0; i < 5; i++) {
        int fd = dial(f.port);
        push(fd, starts[i]);
        struct answer a = pull(fd, SIZE_MAX, 2000);
        cr_assert(a.closed);
        cr_assert(a.length == 0 || a.text[0] == 0x15, "an alert at most");
        close(fd);
    }
    EVENTUALLY(atomic_load(&connections) == 0);
    tls_fixture_end(&f);
}

Test(http_tls, a_half_closed_tls_client_gets_its_reply)
{
    struct fixture f = tls_fixture();
    fixture_start(&f);
    struct client c = client_make(f.port);
    static char text[4 << 20];
    static const char request[] = "GET /big?2000000 HTTP/1.1\r\nHost: a\r\n\r\n";
    cr_assert_eq(SSL_connect(c.ssl), 1);
    SSL_write(c.ssl, request, sizeof request - 1);
    SSL_shutdown(c.ssl);
    cr_assert_gt(client_read(&c, text, sizeof text), 2000000);
    client_end(&c);
    tls_fixture_end(&f);
}

Test(http_tls, a_refused_upload_reads_its_refusal)
{
    struct fixture f = tls_fixture();
    fixture_start(&f);
    struct client c = client_make(f.port);
    static char body[2 << 20], text[4096];
    static const char head[] = "POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nContent-Length: 2097152\r\n\r\n";
    cr_assert_eq(SSL_connect(c.ssl), 1);
    SSL_write(c.ssl, head, sizeof head - 1);
    SSL_write(c.ssl, body, sizeof body);
    client_read(&c, text, sizeof text);
    cr_assert_eq(memcmp(text, "HTTP/1.1 413 ", 13), 0, "%s", text);
    client_end(&c);
    tls_fixture_end(&f);
}
