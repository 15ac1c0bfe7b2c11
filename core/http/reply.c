/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/conn.h"

#include "core/clock/clock.h"
#include "core/log/log.h"

#include <time.h>

#define RETRY_AFTER_BUSY 1 /* seconds */

static struct exchange *exchange_of(const struct http_exchange *x)
{
    /* Every http_exchange that a handler sees is the first member of a struct exchange. */
    return (struct exchange *)(uintptr_t)x;
}

static slice status_text(unsigned status)
{
    switch (status) {
    case 200:
        return S("OK");
    case 201:
        return S("Created");
    case 204:
        return S("No Content");
    case 400:
        return S("Bad Request");
    case 401:
        return S("Unauthorized");
    case 403:
        return S("Forbidden");
    case 404:
        return S("Not Found");
    case 405:
        return S("Method Not Allowed");
    case 408:
        return S("Request Timeout");
    case 409:
        return S("Conflict");
    case 413:
        return S("Content Too Large");
    case 414:
        return S("URI Too Long");
    case 415:
        return S("Unsupported Media Type");
    case 417:
        return S("Expectation Failed");
    case 429:
        return S("Too Many Requests");
    case 431:
        return S("Request Header Fields Too Large");
    case 500:
        return S("Internal Server Error");
    case 502:
        return S("Bad Gateway");
    case 503:
        return S("Service Unavailable");
    case 505:
        return S("HTTP Version Not Supported");
    default:
        return S("Status");
    }
}

static void two_digits(uint8_t *at, int n)
{
    at[0] = (uint8_t)('0' + n / 10 % 10);
    at[1] = (uint8_t)('0' + n % 10);
}

/* IMF-fixdate (RFC 9110 section 5.6.7), made once per second. */
static slice date_header(struct http_worker *w)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t now = clock_wall();
    if (now == w->date_second)
        return slice_of(w->date, sizeof w->date);
    struct tm t = {0};
    time_t seconds = (time_t)now;
    (void)gmtime_r(&seconds, &t);
    w->date_second = now;
    memcpy(w->date, "ddd, 00 mmm 0000 00:00:00 GMT", sizeof w->date);
    memcpy(w->date, days + (size_t)t.tm_wday % 7 * 3, 3);
    two_digits(w->date + 5, t.tm_mday);
    memcpy(w->date + 8, months + (size_t)t.tm_mon % 12 * 3, 3);
    two_digits(w->date + 12, (t.tm_year + 1900) / 100);
    two_digits(w->date + 14, t.tm_year + 1900);
    two_digits(w->date + 17, t.tm_hour);
    two_digits(w->date + 20, t.tm_min);
    two_digits(w->date + 23, t.tm_sec);
    return slice_of(w->date, sizeof w->date);
}

static void header(struct text *t, slice name, slice value)
{
    if (!value.len)
        return;
    text_add(t, name);
    text_add(t, value);
    text_lit(t, "\r\n");
}

static slice make_head(struct http_worker *w, const struct http_reply *r, bool close)
{
    struct text t = text_begin(&w->staging);
    text_lit(&t, "HTTP/1.1 ");
    text_u64(&t, r->status);
    text_lit(&t, " ");
    text_add(&t, status_text(r->status));
    if (r->status != 204) {
        text_lit(&t, "\r\ncontent-length: ");
        text_u64(&t, r->body.len);
    }
    text_lit(&t, "\r\n");
    header(&t, S("content-type: "), slice_text(r->content_type));
    header(&t, S("set-cookie: "), r->set_cookie);
    header(&t, S("allow: "), slice_text(r->allow));
    if (r->retry_after) {
        text_lit(&t, "retry-after: ");
        text_u64(&t, r->retry_after);
        text_lit(&t, "\r\n");
    }
    if (close)
        text_lit(&t, "connection: close\r\n");
    text_lit(&t, "date: ");
    text_add(&t, date_header(w));
    text_lit(&t, "\r\n\r\n");
    return text_end(&t);
}

/* Head and as much of the body as fits in one piece, so that a reply is usually one record and one system call. */
static size_t send_reply(struct http_conn *c, const struct http_reply *r, bool close)
{
    static const struct http_reply fault = {.status = 500};
    struct http_worker *w = c->worker;
    slice body = c->no_body_in_reply ? NO_SLICE : r->body;
    w->staging.used = 0;
    slice head = make_head(w, r, close);
    if (!head.ptr) {
        /* A handler's header value is far too long. */
        w->staging.used = 0;
        head = make_head(w, &fault, close);
        body = NO_SLICE;
    }
    size_t room = w->staging.size - w->staging.used;
    slice beginning = slice_sub(body, 0, room);
    head.len += arena_copy(&w->staging, beginning).len;
    slice rest = slice_sub(body, beginning.len, body.len);
    c->blocked = !w->output->send(c, head, rest);
    return head.len + rest.len;
}

void http_reply(struct http_exchange *x, const struct http_reply *reply)
{
    struct exchange *e = exchange_of(x);
    struct http_conn *c = e->conn;
    if (!c || c->exchange != e) {
        log_error("http", "a handler answered a request twice");
        return;
    }
    struct http_worker *w = c->worker;
    bool close = reply->close || !c->keep_alive || !c->message_complete || w->stopping;
    size_t sent = c->gone ? 0 : send_reply(c, reply, close);
    if (w->settings->observe)
        w->settings->observe(x, reply->status, sent, clock_monotonic_ns() - x->request.started_ns);
    c->linger = close && !c->message_complete;
    c->phase = close ? CONN_CLOSING : CONN_IDLE;
    c->poke = false;
    c->start = c->from;
    c->exchange = NULL;
    exchange_release(w, e);
    if (!c->running)
        w->output->wake(c);
}

void http_conn_refuse(struct http_conn *c, struct refusal r)
{
    struct http_worker *w = c->worker;
    struct exchange *e = c->exchange;
    bool running = c->running;
    if (!e) {
        e = w->refusal;
        e->x.request = c->request;
        random_id(w, e->x.id);
    }
    e->conn = c;
    c->exchange = e;
    slice body = w->settings->error_body && !c->no_body_in_reply ? w->settings->error_body(&e->x, r.why) : NO_SLICE;
    struct http_reply reply = {
        .status = r.status,
        .content_type = body.len ? "application/json" : NULL,
        .retry_after = r.status == 503 ? RETRY_AFTER_BUSY : 0,
        .allow = r.allow,
        .body = body,
    };
    /* The caller goes on by itself. */
    c->running = true;
    http_reply(&e->x, &reply);
    c->running = running;
}

struct arena *http_secret(struct http_exchange *x)
{
    struct exchange *e = exchange_of(x);
    if (!e->secret)
        e->secret = secret_take(e->conn->worker);
    x->secret = e->secret ? &e->secret->arena : NULL;
    return x->secret;
}

unsigned http_worker_index(const struct http_exchange *x)
{
    return exchange_of(x)->conn->worker->index;
}

void http_offload(struct http_exchange *x, void (*work)(struct http_exchange *x), void (*done)(struct http_exchange *x))
{
    struct exchange *e = exchange_of(x);
    e->work = work;
    e->done = done;
    e->conn->worker->output->offload(e->conn, e);
}

bool http_park(struct http_exchange *x, void (*resumed)(struct http_exchange *x))
{
    struct exchange *e = exchange_of(x);
    struct http_worker *w = e->conn->worker;
    unsigned most = w->settings->slots / 4;
    if (w->parked >= (most ? most : 1))
        return false;
    w->parked++;
    e->done = resumed;
    return true;
}

void http_unpark(struct http_exchange *x)
{
    exchange_of(x)->conn->worker->parked--;
}

void http_resume(struct http_exchange *x)
{
    struct exchange *e = exchange_of(x);
    e->conn->worker->output->resume(e->conn, e);
}

void http_resumed(struct exchange *e)
{
    e->conn->worker->parked--;
    e->done(&e->x);
}

bool http_is_offloaded(const struct http_exchange *x)
{
    return exchange_of(x)->work != NULL;
}

bool http_gone(const struct http_exchange *x)
{
    const struct http_conn *c = exchange_of(x)->conn;
    return c->worker->output->gone(c);
}
