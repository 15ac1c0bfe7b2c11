/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "storage/redis/redis.h"

/* --- connecting ------------------------------------------------------------------------------------------------------
 */

/* 0, or why not. */
static int finish_connect(int fd, struct deadline *d)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (!deadline_wait(d, fd, POLLOUT))
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

/* A connected socket, or -errno. */
static int connect_to(const struct addrinfo *address, struct deadline *d)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, address->ai_protocol), on = 1;
    if (fd < 0)
        return -errno;
    int error = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS)
        error = finish_connect(fd, d);
    if (error == 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        return fd;
    }
    (void)close(fd);
    return -error;
}

static int connect_path(const char *path, struct deadline *d)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct addrinfo address = {.ai_family = AF_UNIX, .ai_addr = (struct sockaddr *)&name, .ai_addrlen = sizeof name};
    if (strlen(path) >= sizeof name.sun_path)
        return -ENAMETOOLONG;
    memcpy(name.sun_path, path, strlen(path) + 1);
    return connect_to(&address, d);
}

/* Each address of the host in turn. */
static int connect_host(struct backend_call *call, const struct redis_settings *s)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *found = NULL;
    int failed = getaddrinfo(s->host, s->port, &hints, &found), fd = -EHOSTUNREACH;
    if (failed) {
        backend_trouble(call->backend, "%s: %s", s->host, gai_strerror(failed));
        return -EHOSTUNREACH;
    }
    for (const struct addrinfo *a = found; a && fd < 0 && !deadline_over(&call->deadline); a = a->ai_next)
        fd = connect_to(a, &call->deadline);
    freeaddrinfo(found);
    return fd;
}

/* --- TLS -------------------------------------------------------------------------------------------------------------
 */

/* Whether the operation may be tried again. */
static bool wait_for_tls(struct redis_wire *w, struct deadline *d, int done)
{
    int error = SSL_get_error(w->ssl, done);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ)
        return deadline_wait(d, w->fd, POLLIN);
    return error == SSL_ERROR_WANT_WRITE && deadline_wait(d, w->fd, POLLOUT);
}

static bool expect_name(SSL *ssl, const char *name)
{
    struct in6_addr address;
    if (inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    /* What the macro for this does, which casts in a way that compilers warn of. */
    return SSL_set1_host(ssl, name) == 1 &&
           SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)name) == 1;
}

static bool shake_hands(struct redis_wire *w, const struct redis_store *s, struct backend_call *call, bool *hopeless)
{
    int done = 0;
    w->ssl = SSL_new(s->tls);
    if (!w->ssl || !expect_name(w->ssl, s->settings.server_name) || SSL_set_fd(w->ssl, w->fd) != 1) {
        backend_trouble(call->backend, "TLS cannot be set up");
        return false;
    }
    do {
        ERR_clear_error();
        done = SSL_connect(w->ssl);
    } while (done != 1 && wait_for_tls(w, &call->deadline, done));
    if (done == 1)
        return true;
    long verdict = SSL_get_verify_result(w->ssl);
    *hopeless = verdict != X509_V_OK;
    backend_trouble(call->backend, "TLS: %s%s",
                    *hopeless ? "the server's certificate is refused: " : "the handshake failed",
                    *hopeless ? X509_verify_cert_error_string(verdict) : "");
    return false;
}

bool redis_wire_open(struct redis_wire *w, const struct redis_store *s, struct backend_call *call, bool *hopeless)
{
    char room[128];
    const struct redis_settings *c = &s->settings;
    *w = (struct redis_wire){.fd = c->host ? connect_host(call, c) : connect_path(c->path, &call->deadline)};
    if (w->fd < 0) {
        if (w->fd != -EHOSTUNREACH)
            backend_trouble(call->backend, "the server is not reachable: %s", strerror_r(-w->fd, room, sizeof room));
        return false;
    }
    if (!s->tls || shake_hands(w, s, call, hopeless))
        return true;
    redis_wire_close(w);
    return false;
}

void redis_wire_close(struct redis_wire *w)
{
    if (w->ssl)
        SSL_free(w->ssl);
    if (w->fd >= 0)
        (void)close(w->fd);
    *w = (struct redis_wire){.fd = -1};
}

/* --- bytes -----------------------------------------------------------------------------------------------------------
 */

/* Some of the bytes; 0 when there is no going on. */
static size_t write_some(struct redis_wire *w, struct deadline *d, slice bytes)
{
    size_t written = 0;
    if (w->ssl) {
        int done;
        do {
            ERR_clear_error();
            done = SSL_write_ex(w->ssl, bytes.ptr, bytes.len, &written);
        } while (done != 1 && wait_for_tls(w, d, done));
        return done == 1 ? written : 0;
    }
    for (;;) {
        ssize_t n = send(w->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n > 0)
            return (size_t)n;
        if (errno != EINTR && (errno != EAGAIN || !deadline_wait(d, w->fd, POLLOUT)))
            return 0;
    }
}

bool redis_wire_write(struct redis_wire *w, struct deadline *d, slice bytes)
{
    while (bytes.len) {
        size_t n = write_some(w, d, bytes);
        if (n == 0)
            return false;
        bytes = slice_sub(bytes, n, bytes.len);
    }
    return true;
}

size_t redis_wire_read(struct redis_wire *w, struct deadline *d, slice room)
{
    uint8_t *to = (uint8_t *)(uintptr_t)room.ptr;
    size_t got = 0;
    if (w->ssl) {
        int done;
        do {
            ERR_clear_error();
            done = SSL_read_ex(w->ssl, to, room.len, &got);
        } while (done != 1 && wait_for_tls(w, d, done));
        return done == 1 ? got : 0;
    }
    for (;;) {
        ssize_t n = recv(w->fd, to, room.len, 0);
        if (n >= 0)
            return (size_t)n;
        if (errno != EINTR && (errno != EAGAIN || !deadline_wait(d, w->fd, POLLIN)))
            return 0;
    }
}
