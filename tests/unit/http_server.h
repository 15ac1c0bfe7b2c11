/* SPDX-License-Identifier: Apache-2.0
 *
 * A server with toy routes in this process, and a client made of a raw socket, for the tests of core/http and core/net.
 */
#ifndef TESTS_HTTP_SERVER_H
#define TESTS_HTTP_SERVER_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sched.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/http/http.h"

static atomic_int seen;          /* requests that a handler saw */
static atomic_int connections;   /* open now */
static atomic_int observed;      /* replies */
static atomic_int gone_seen;     /* http_gone was true */
static atomic_int held;          /* handlers on the pool now */
static atomic_bool release_held; /* lets them go on */
static atomic_int last_status;

static inline void pause_ms(unsigned ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

static inline void answer(struct http_exchange *x, unsigned status, slice body)
{
    http_reply(x, &(struct http_reply){.status = status, .content_type = "text/plain", .body = body});
}

static inline void handle_empty(struct http_exchange *x)
{
    atomic_fetch_add(&seen, 1);
    http_reply(x, &(struct http_reply){.status = 200});
}

/* The body as it came. */
static inline void handle_echo(struct http_exchange *x)
{
    atomic_fetch_add(&seen, 1);
    answer(x, 200, x->request.body);
}

static inline void handle_rest(struct http_exchange *x)
{
    atomic_fetch_add(&seen, 1);
    const struct http_request *r = &x->request;
    answer(x, 200,
           arena_printf(&x->slot->scratch, "path=%.*s rest=%.*s query=%.*s cookie=%.*s peer=%.*s", SLICE_ARG(r->path),
                        SLICE_ARG(r->rest), SLICE_ARG(r->query), SLICE_ARG(r->cookie), SLICE_ARG(r->peer)));
}

static inline void handle_secret(struct http_exchange *x)
{
    atomic_fetch_add(&seen, 1);
    slice b = x->request.body;
    bool inside = x->secret && b.ptr >= x->secret->base && b.ptr + b.len <= x->secret->base + x->secret->size;
    answer(x, 200, arena_printf(&x->slot->scratch, "%zu %s", (size_t)b.len, inside ? "secret" : "open"));
}

static inline void hold(struct http_exchange *x)
{
    atomic_fetch_add(&held, 1);
    for (int i = 0; i < 5000 && !atomic_load(&release_held); i++)
        pause_ms(1);
    if (http_gone(x))
        atomic_fetch_add(&gone_seen, 1);
    atomic_fetch_sub(&held, 1);
}

static inline void handle_hold(struct http_exchange *x)
{
    atomic_fetch_add(&seen, 1);
    http_offload(x, hold, handle_echo);
}

/* As many bytes as the query says. */
static inline void handle_big(struct http_exchange *x)
{
    atomic_fetch_add(&seen, 1);
    uint64_t n = 0;
    (void)slice_u64(x->request.query, &n);
    uint8_t *bytes = arena_alloc(&x->slot->scratch, n, 1);
    if (!bytes) {
        answer(x, 500, NO_SLICE);
        return;
    }
    for (uint64_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)('a' + i % 23);
    answer(x, 200, slice_of(bytes, n));
}

static inline void handle_fallback(struct http_exchange *x)
{
    atomic_fetch_add(&seen, 1);
    answer(x, 404, arena_printf(&x->slot->scratch, "fallback %.*s", SLICE_ARG(x->request.path)));
}

static inline bool judge_admin(struct http_exchange *x)
{
    if (slice_equal(x->request.authorization, S("Bearer admin")))
        return true;
    answer(x, 401, S("not an administrator"));
    return false;
}

static inline slice make_error(struct http_exchange *x, enum reason why)
{
    cr_assert_not_null(x);
    return arena_printf(&x->slot->scratch, "{\"reason\":\"%s\"}", reason_id(why));
}

static inline void note_reply(struct http_exchange *x, unsigned status, size_t bytes, uint64_t ns)
{
    cr_assert_not_null(x);
    cr_assert(ns < UINT64_C(60) * 1000000000);
    (void)bytes;
    atomic_store(&last_status, (int)status);
    atomic_fetch_add(&observed, 1);
}

static inline void note_connections(void *service, int delta)
{
    (void)service;
    atomic_fetch_add(&connections, delta);
}

static const struct http_route ROUTES[] = {
    {HTTP_METHOD_GET, "/healthz", ACCESS_PUBLIC, BODY_NONE, handle_empty, "healthz"},
    {HTTP_METHOD_GET | HTTP_METHOD_POST, "/metrics", ACCESS_PUBLIC, BODY_NONE, handle_empty, "metrics"},
    {HTTP_METHOD_GET, "/big", ACCESS_PUBLIC, BODY_NONE, handle_big, "big"},
    {HTTP_METHOD_POST, "/kbs/v0/auth", ACCESS_PUBLIC, BODY_SMALL, handle_echo, "auth"},
    {HTTP_METHOD_POST, "/kbs/v0/attest", ACCESS_GUEST, BODY_LARGE, handle_echo, "attest"},
    {HTTP_METHOD_POST, "/kbs/v0/hold", ACCESS_GUEST, BODY_LARGE, handle_hold, "hold"},
    {HTTP_METHOD_GET, "/kbs/v0/resource/*", ACCESS_GUEST, BODY_NONE, handle_rest, "resource"},
    {HTTP_METHOD_POST, "/kbs/v0/resource/*", ACCESS_ADMIN, BODY_SECRET, handle_secret, "set resource"},
    {HTTP_METHOD_POST, "/kbs/v0/resource-policy", ACCESS_ADMIN, BODY_LARGE, handle_echo, "policy"},
};

struct fixture {
    struct http_listener listeners[2];
    struct http_settings settings;
    struct http_server *server;
    uint16_t port;
};

static inline struct fixture fixture_make(void)
{
    struct fixture f = {0};
    f.settings = (struct http_settings){
        .listener_count = 1,
        .workers = 1,
        .slots = 4,
        .secrets = 2,
        .head_limit = 32 << 10,
        .body_limit = 1 << 20,
        .scratch_size = 8 << 20,
        .write_limit = 8 << 20,
        .header_count_limit = 96,
        .connections = 64,
        .head_timeout_ms = 5000,
        .body_timeout_ms = 5000,
        .handshake_timeout_ms = 3000,
        .idle_timeout_ms = 5000,
        .write_timeout_ms = 5000,
        .routes = ROUTES,
        .route_count = sizeof ROUTES / sizeof *ROUTES,
        .fallback = handle_fallback,
        .authorize = judge_admin,
        .error_body = make_error,
        .observe = note_reply,
        .connections_changed = note_connections,
    };
    f.listeners[0] = (struct http_listener){.address = "127.0.0.1"};
    return f;
}

static inline void fixture_start(struct fixture *f)
{
    char error[256] = "";
    f->settings.listeners = f->listeners;
    result r = http_server_start(&f->settings, f, &f->server, error, sizeof error);
    cr_assert(!FAILED(r), "%s", error);
    f->port = http_server_port(f->server, 0);
}

static inline int dial(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(fd, (struct sockaddr *)&a, sizeof a) == 0, "%s", strerror(errno));
    return fd;
}

/* False when the peer has gone. */
static inline bool push(int fd, slice bytes)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes = slice_of(bytes.ptr + n, bytes.len - (size_t)n);
    }
    return true;
}

struct answer {
    char *text; /* NUL-terminated; static: of the last call */
    size_t length;
    bool closed; /* the server closed the connection */
};

/* Reads until the server closes, `enough` bytes are there or nothing has come for `quiet_ms`. */
static inline struct answer pull(int fd, size_t enough, int quiet_ms)
{
    static char text[16 << 20];
    struct answer a = {.text = text};
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (a.length < enough && a.length < sizeof text - 1 && poll(&p, 1, quiet_ms) > 0) {
        ssize_t n = recv(fd, text + a.length, sizeof text - 1 - a.length, 0);
        a.closed = n <= 0;
        if (a.closed)
            break;
        a.length += (size_t)n;
    }
    text[a.length] = '\0';
    return a;
}

/* Reads exactly one reply with a Content-Length. */
static inline struct answer pull_reply(int fd)
{
    static char text[16 << 20];
    struct answer a = {.text = text};
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t end = 0, want = 1;
    while (end == 0 || a.length < want) {
        size_t room = end == 0 ? 1 : want - a.length;
        ssize_t n = poll(&p, 1, 3000) > 0 ? recv(fd, text + a.length, room, 0) : -1;
        a.closed = n <= 0;
        if (a.closed)
            break;
        a.length += (size_t)n;
        text[a.length] = '\0';
        if (end == 0 && a.length >= 4 && memcmp(text + a.length - 4, "\r\n\r\n", 4) == 0) {
            const char *length = strstr(text, "content-length: ");
            end = a.length;
            want = end + (length ? strtoul(length + 16, NULL, 10) : 0);
        }
    }
    text[a.length] = '\0';
    return a;
}

static inline unsigned status_of(const struct answer *a)
{
    return a->length > 12 && memcmp(a->text, "HTTP/1.1 ", 9) == 0 ? (unsigned)strtoul(a->text + 9, NULL, 10) : 0;
}

static inline const char *body_of(const struct answer *a)
{
    const char *end = strstr(a->text, "\r\n\r\n");
    return end ? end + 4 : "";
}

/* Polls until the condition holds; at most 3 s. */
#define EVENTUALLY(condition)                                \
    for (int tries_ = 0; !(condition); tries_++) {           \
        cr_assert(tries_ < 3000, "never true: " #condition); \
        pause_ms(1);                                         \
    }

#endif
