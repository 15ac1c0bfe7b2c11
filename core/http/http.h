/* SPDX-License-Identifier: Apache-2.0
 *
 * What a handler sees of HTTP: a parsed request in its slot, and one call to answer it. Connections, TLS, framing and
 * time-outs stay in core/net and core/http.
 */
#ifndef CORE_HTTP_H
#define CORE_HTTP_H

#include "lib/base/arena.h"

enum http_method { HTTP_METHOD_GET = 1, HTTP_METHOD_POST = 2, HTTP_METHOD_PUT = 4, HTTP_METHOD_DELETE = 8 };

/* Who may call a route; checked before the body is read. */
enum http_access {
    ACCESS_PUBLIC, /* anybody: probes, challenges */
    ACCESS_GUEST,  /* a workload: the handler judges cookie or token */
    ACCESS_ADMIN,  /* an administrator's token */
};

enum http_body {
    BODY_NONE,   /* a body is read and ignored, up to 64 KiB */
    BODY_SMALL,  /* up to 64 KiB */
    BODY_LARGE,  /* up to [http] body_limit */
    BODY_SECRET, /* as LARGE, read into the SECRET arena */
};

struct http_exchange;
typedef void http_handler(struct http_exchange *x);

/* One row of the route table. A pattern is a literal path; a trailing "/" followed by "*" takes any non-empty rest
 * (request.rest). The first row whose pattern and method match decides; where only patterns match, the answer is 405
 * with Allow for paths outside /kbs/v0/, and the `fallback` handler for those inside. */
struct http_route {
    unsigned methods; /* HTTP_METHOD_… or-ed */
    const char *pattern;
    enum http_access access;
    enum http_body body;
    http_handler *handler;
    const char *name; /* of the endpoint, for logs, metrics and error texts */
};

struct http_request {
    enum http_method method;
    const struct http_route *route;
    slice
        path; /* percent-decoded once, UTF-8; no NUL, control characters, backslash or encoded '/'. Never normalised */
    slice rest; /* what "*" matched: not empty, but its segments may be, or be "." or "..": the handler refuses those */
    slice query;                                            /* raw, without '?' */
    slice cookie, authorization, content_type, traceparent; /* header values; empty: absent */
    slice host;                                             /* Host header; empty: absent (HTTP/1.0) */
    slice body;
    slice peer; /* address without port, as text */
    bool tls;
    uint64_t started_ns;
};

/* One request slot: see docs/architecture.md. The arenas are reset after the reply. */
struct http_slot {
    struct arena body;    /* the body as it came */
    struct arena scratch; /* decoded evidence, claims, record, reply */
};

struct http_exchange {
    struct http_request request;
    struct http_slot *slot;
    struct arena *secret; /* NULL until http_secret() */
    void *service;        /* struct service *, as given to http_server_start */
    void *worker;         /* struct worker state of the service for this thread (its index): http_worker_index() */
    void *note;           /* free for the handler */
    uint8_t id[16];       /* random: names the decision record */
};

/* A SECRET arena for this exchange, wiped after the reply; NULL when all are in use (answer 503). */
struct arena *http_secret(struct http_exchange *x);
unsigned http_worker_index(const struct http_exchange *x);

struct http_reply {
    unsigned status;
    const char *content_type; /* NULL: none */
    slice set_cookie;         /* the header's value; empty: none */
    unsigned retry_after;     /* seconds; 0: none */
    const char *allow;        /* NULL: none */
    slice body;               /* lies in the slot or is static; copied out before http_reply returns */
    bool close;
};

/* Answers. Exactly once per exchange, on the worker's thread; the exchange is gone when it returns. */
void http_reply(struct http_exchange *x, const struct http_reply *reply);

/* Runs work(x) on a pool thread and then done(x) on the worker's thread. Between them the exchange belongs to the pool
 * thread. done() is called even when the client has gone. */
void http_offload(struct http_exchange *x, void (*work)(struct http_exchange *x),
                  void (*done)(struct http_exchange *x));
/* Between work() and done(). */
bool http_is_offloaded(const struct http_exchange *x);
/* Sets the exchange aside without holding a thread, until http_resume() has been called, from any thread, exactly once:
 * then resumed(x) runs on the worker's thread, even when the client has gone. Call it before whoever is to resume
 * learns of the exchange. False: a quarter of the worker's slots wait already (one of fewer than four): answer 503. */
bool http_park(struct http_exchange *x, void (*resumed)(struct http_exchange *x));
void http_resume(struct http_exchange *x);
/* Takes a park back that nobody will resume; on the worker's thread, before it has returned to its loop. */
void http_unpark(struct http_exchange *x);
/* True once the client has gone: nobody reads the reply. */
bool http_gone(const struct http_exchange *x);

/* First value of a cookie in the Cookie header (RFC 6265 section 5.4); false where there is none. Looks at 64 at most.
 */
bool http_cookie(slice header, slice name, slice *value);
/* The credentials of "Authorization: Bearer …" (scheme in any case); false for anything else. */
bool http_bearer(slice authorization, slice *token);

/* --- server ------------------------------------------------------------------------------------------------------ */
struct http_listener {
    const char *address; /* numeric IPv4 or [IPv6] */
    uint16_t port;       /* 0: any free port, written back */
    void *tls;           /* SSL_CTX * made by core/net/tls.h; NULL: plain HTTP */
};

struct http_settings {
    const struct http_listener *listeners;
    size_t listener_count;
    unsigned workers;                            /* threads */
    unsigned slots;                              /* per worker */
    unsigned secrets;                            /* SECRET arenas per worker */
    size_t head_limit, body_limit, scratch_size; /* bytes */
    /* Bytes of a reply that may wait for a slow reader. A reply of which more is left is cut off, so this is at least
     * the largest reply. */
    size_t write_limit;
    unsigned header_count_limit;
    unsigned connections; /* per worker; more are answered 503 and closed */
    unsigned head_timeout_ms, body_timeout_ms, handshake_timeout_ms, idle_timeout_ms, write_timeout_ms;
    const struct http_route *routes;
    size_t route_count;
    http_handler *fallback; /* no route matched (request.route NULL): answers 404 or 405 */
    /* Judges ACCESS_ADMIN before the body is read: answers the request itself and returns false to refuse. */
    bool (*authorize)(struct http_exchange *x);
    /* Makes the body (JSON) of an error that HTTP itself answers (malformed, too large, busy, …), in the slot's scratch
     * or static. The request holds what was understood of it by then: route, method and path may be missing. */
    slice (*error_body)(struct http_exchange *x, enum reason why);
    /* Called after each reply, for metrics and the access log; also for those of error_body, with the same exchange.
     * response_bytes includes the head, and is 0 when the client had gone. */
    void (*observe)(struct http_exchange *x, unsigned status, size_t response_bytes, uint64_t duration_ns);
    /* Called with +1 and -1 as connections come and go. */
    void (*connections_changed)(void *service, int delta);
};

struct http_server;
/* "127.0.0.1", "::1" or "[::1]". */
bool http_address_is_numeric(const char *address);
/* Binds, starts the workers and returns; *error is a text for people on failure. The settings, routes and service live
 * until http_server_stop. */
MUST_CHECK result http_server_start(const struct http_settings *settings, void *service, struct http_server **out,
                                    char *error, size_t error_size);
uint16_t http_server_port(const struct http_server *s, size_t listener);
/* Stops accepting, lets requests in flight finish for at most `grace_ms`, closes everything and frees. A handler that
 * has not answered by then is waited for all the same; http_gone tells it. */
void http_server_stop(struct http_server *s, unsigned grace_ms);

#endif
