/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes into the connection's state machine, without sockets: once in one piece and once in pieces, with replies that
 * block now and then and handlers that answer later. Both ways must give the same answers.
 * Input: one byte that steers the cutting, then what the client sends.
 */
#include <stdlib.h>

#include "core/http/conn.h"

struct outcome {
    unsigned statuses[64];
    size_t replies;
    uint64_t bodies; /* a checksum over everything that handlers saw */
};

static struct outcome *outcome;
static uint8_t steering;
static unsigned sends;
static struct http_exchange *waiting;

#define CHECK(condition)  \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

static void sum(slice s)
{
    for (size_t i = 0; i < s.len; i++)
        outcome->bodies = outcome->bodies * 31 + s.ptr[i];
    outcome->bodies = outcome->bodies * 31 + s.len;
}

static void handle_now(struct http_exchange *x)
{
    const struct http_request *r = &x->request;
    CHECK(x->slot && r->path.len > 0 && r->path.ptr[0] == '/');
    CHECK(slice_find(r->path, 0) == r->path.len && slice_is_utf8(r->path));
    CHECK(!r->route || r->route->access != ACCESS_ADMIN || slice_equal(r->authorization, S("Bearer a")));
    sum(r->path);
    sum(r->rest);
    sum(r->query);
    sum(r->cookie);
    sum(r->body);
    http_reply(x, &(struct http_reply){.status = 200, .body = r->body});
}

static void handle_later(struct http_exchange *x)
{
    http_offload(x, NULL, NULL);
}

static bool authorize(struct http_exchange *x)
{
    if (slice_equal(x->request.authorization, S("Bearer a")))
        return true;
    http_reply(x, &(struct http_reply){.status = 401});
    return false;
}

static slice error_body(struct http_exchange *x, enum reason why)
{
    return arena_printf(&x->slot->scratch, "\"%s\"", reason_id(why));
}

static void observe(struct http_exchange *x, unsigned status, size_t bytes, uint64_t ns)
{
    (void)x;
    (void)ns;
    CHECK(bytes > 0);
    if (outcome->replies < sizeof outcome->statuses / sizeof *outcome->statuses)
        outcome->statuses[outcome->replies++] = status;
}

static const struct http_route ROUTES[] = {
    {HTTP_METHOD_GET, "/a", ACCESS_PUBLIC, BODY_NONE, handle_now, "a"},
    {HTTP_METHOD_POST, "/a", ACCESS_PUBLIC, BODY_SMALL, handle_now, "post a"},
    {HTTP_METHOD_POST, "/b", ACCESS_GUEST, BODY_LARGE, handle_later, "b"},
    {HTTP_METHOD_GET | HTTP_METHOD_POST, "/kbs/v0/*", ACCESS_GUEST, BODY_LARGE, handle_now, "rest"},
    {HTTP_METHOD_PUT, "/kbs/v0/*", ACCESS_ADMIN, BODY_SECRET, handle_now, "secret"},
};

static const struct http_settings SETTINGS = {
    .slots = 1,
    .secrets = 1,
    .head_limit = 20 << 10,
    .body_limit = 100 << 10,
    .scratch_size = 64 << 10,
    .header_count_limit = 32,
    .routes = ROUTES,
    .route_count = sizeof ROUTES / sizeof *ROUTES,
    .fallback = handle_now,
    .authorize = authorize,
    .error_body = error_body,
    .observe = observe,
};

static bool output_send(struct http_conn *c, slice first, slice rest)
{
    (void)c;
    CHECK(first.len > 0 && (rest.len == 0 || rest.ptr));
    return steering == 0 || ++sends % 3 != 0;
}

static void output_wake(struct http_conn *c)
{
    http_conn_run(c);
}

static bool output_gone(const struct http_conn *c)
{
    (void)c;
    return false;
}

static void output_offload(struct http_conn *c, struct exchange *e)
{
    (void)c;
    CHECK(!waiting);
    waiting = &e->x;
}

static const struct http_output OUTPUT = {output_send, output_wake, output_gone, output_offload, NULL};

/* Lets everything happen that needs no more input. */
static void settle(struct http_conn *c)
{
    while (c->blocked || waiting) {
        struct http_exchange *x = waiting;
        waiting = NULL;
        if (c->blocked)
            http_conn_drained(c);
        if (x)
            handle_now(x);
    }
}

static void feed(struct http_conn *c, slice input)
{
    size_t piece = steering ? steering : SIZE_MAX;
    settle(c);
    while (input.len && http_conn_reading(c)) {
        struct room room = http_conn_room(c);
        if (room.length == 0)
            break;
        size_t n = room.length < piece ? room.length : piece;
        n = n < input.len ? n : input.len;
        memcpy(room.bytes, input.ptr, n);
        input = slice_sub(input, n, input.len);
        http_conn_received(c, n);
        settle(c);
    }
}

static struct outcome run(struct http_worker *w, slice input, uint8_t steer)
{
    struct outcome o = {0};
    struct http_conn c;
    outcome = &o;
    steering = steer;
    http_conn_init(&c, w, S("127.0.0.1"), false);
    feed(&c, input);
    CHECK(c.phase != CONN_BUSY);
    if (steer & 1)
        http_conn_timed_out(&c);
    settle(&c);
    http_conn_end(&c);
    /* Nothing is held any more. */
    CHECK(w->free_exchanges && w->free_secrets && w->large_left == SETTINGS.slots && w->reserve);
    return o;
}

/* A head that is malformed, and too large or of HTTP/0.9 as well, is refused for what shows first. */
static bool same_status(unsigned a, unsigned b)
{
    bool either = a == 431 || b == 431 || a == 505 || b == 505;
    return a == b || (either && a >= 400 && b >= 400);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_worker *w;
    if (!w) {
        w = calloc(1, sizeof *w);
        CHECK(w);
        w->output = &OUTPUT;
        CHECK(!FAILED(http_worker_init(w, &SETTINGS, NULL)));
    }
    /* Beyond that, framing without content is refused according to how it arrives. */
    if (size < 1 || size > 60000)
        return 0;
    slice input = slice_of(data + 1, size - 1);
    struct outcome whole = run(w, input, 0), pieces = run(w, input, data[0] & 0xfe);
    CHECK(whole.replies == pieces.replies && whole.bodies == pieces.bodies);
    for (size_t i = 0; i < whole.replies; i++)
        CHECK(same_status(whole.statuses[i], pieces.statuses[i]));
    (void)run(w, input, data[0] | 1);
    return 0;
}
