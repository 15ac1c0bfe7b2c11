/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/conn.h"

#include "core/clock/clock.h"

/* A chunked body may cost this much framing: extensions and tiny chunks are no reason to read for ever. */
#define FRAMING_FREE ((size_t)64 << 10)
#define FRAMING_PER_BYTE 8

/* --- llhttp's callbacks: they note what was found; decisions are made outside of the parser -------------------------
 */

static struct http_conn *conn_of(llhttp_t *parser)
{
    return parser->data;
}

/* A view grows piece by piece; the pieces lie behind one another in the read buffer. */
static void extend(slice *view, const char *at, size_t length)
{
    if (!view->ptr)
        view->ptr = (const uint8_t *)at;
    view->len += length;
}

static int on_url(llhttp_t *parser, const char *at, size_t length)
{
    struct http_conn *c = conn_of(parser);
    uint8_t *base = c->buffer->memory.base;
    if (!c->head.target)
        c->head.target = base + ((const uint8_t *)at - base);
    c->head.target_length += length;
    return 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t length)
{
    struct http_conn *c = conn_of(parser);
    /* A trailer: nothing here has a use for one, and merging them into the headers is how requests are smuggled. */
    if (c->phase != CONN_HEAD)
        return HPE_USER;
    extend(&c->head.name, at, length);
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t length)
{
    extend(&conn_of(parser)->head.value, at, length);
    return 0;
}

static int on_header_value_complete(llhttp_t *parser)
{
    struct http_conn *c = conn_of(parser);
    if (c->phase != CONN_HEAD)
        return HPE_USER;
    head_take_header(&c->head, c->worker->settings->header_count_limit);
    return c->head.bad.status ? HPE_USER : 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    /* Upgrades are ignored, as RFC 9110 section 7.8 allows; CONNECT is refused by its method. */
    parser->upgrade = 0;
    conn_of(parser)->head_complete = true;
    return HPE_PAUSED;
}

/* Into the arena, unless the bytes were read into it in the first place. */
static bool keep(struct http_conn *c, slice part)
{
    if (c->body_expected && part.ptr == c->body + c->body_length)
        return true;
    /* Chunks come to lie one after the other: nothing else is allocated from the arena meanwhile. */
    uint8_t *room = c->body_expected ? c->body + c->body_length : arena_alloc(c->arena, part.len, 1);
    if (!room)
        return false;
    if (!c->body)
        c->body = room;
    memcpy(room, part.ptr, part.len);
    return true;
}

static int on_body(llhttp_t *parser, const char *at, size_t length)
{
    struct http_conn *c = conn_of(parser);
    if (length > c->body_limit - c->body_length) {
        c->head.bad = REFUSE(413, HTTP_BODY_TOO_LARGE);
        return HPE_USER;
    }
    if (c->place == PLACE_ARENA && !keep(c, slice_of(at, length)))
        return HPE_USER;
    c->body_length += length;
    return 0;
}

static int on_message_complete(llhttp_t *parser)
{
    conn_of(parser)->message_complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t CALLBACKS = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* --- the head --------------------------------------------------------------------------------------------------- */

static unsigned method_of(const llhttp_t *parser)
{
    switch (parser->method) {
    case HTTP_GET:
        return HTTP_METHOD_GET;
    case HTTP_POST:
        return HTTP_METHOD_POST;
    case HTTP_PUT:
        return HTTP_METHOD_PUT;
    case HTTP_DELETE:
        return HTTP_METHOD_DELETE;
    default:
        return 0;
    }
}

/* llhttp takes any number of them, RFC 9112 section 3 one. */
static bool one_space_before_target(const struct http_conn *c)
{
    const uint8_t *line = c->buffer->memory.base + c->start;
    size_t method = strlen(llhttp_method_name((llhttp_method_t)c->parser.method));
    return c->head.target == line + method + 1;
}

static void fill_request(struct http_conn *c)
{
    struct http_request *r = &c->request;
    const slice *header = c->head.header;
    r->host = header[HEADER_HOST];
    r->cookie = header[HEADER_COOKIE];
    r->authorization = header[HEADER_AUTHORIZATION];
    r->content_type = header[HEADER_CONTENT_TYPE];
    r->traceparent = header[HEADER_TRACEPARENT];
}

/* Everything about the head that can be refused without asking anybody. */
static struct refusal judge_head(struct http_conn *c)
{
    struct http_request *r = &c->request;
    unsigned method = method_of(&c->parser);
    c->head.major = c->parser.http_major;
    c->head.minor = c->parser.http_minor;
    c->no_body_in_reply = c->parser.method == HTTP_HEAD;
    /* Before keep_alive is set: such a head closes the connection whether it came in one piece or in many. */
    if (c->head_end - c->start > c->worker->settings->head_limit)
        return REFUSE(431, HTTP_HEAD_TOO_LARGE);
    c->keep_alive = c->head.minor == 1 && llhttp_should_keep_alive(&c->parser);
    struct refusal bad = head_check(&c->head);
    if (bad.status)
        return bad;
    if (!one_space_before_target(c))
        return REFUSE(400, HTTP_MALFORMED);
    bad = target_parse(&c->head, &r->path, &r->query);
    if (bad.status)
        return bad;
    r->method = (enum http_method)method;
    struct route_match match = route_find(&c->worker->routes, method, r->path);
    if (match.allow)
        return (struct refusal){405, HTTP_METHOD, match.allow};
    r->route = match.route;
    r->rest = match.rest;
    return NO_REFUSAL;
}

static bool is_chunked(const struct http_conn *c)
{
    return head_has(&c->head, HEADER_TRANSFER_ENCODING);
}

static enum http_body body_kind(const struct http_conn *c)
{
    return c->request.route ? c->request.route->body : BODY_NONE;
}

/* Only an administrator's or a large body holds a slot while it arrives. */
static enum body_place body_place(const struct http_conn *c)
{
    if (body_kind(c) == BODY_NONE)
        return PLACE_NOWHERE;
    if (body_kind(c) == BODY_SECRET || is_chunked(c) || c->head_end + c->body_expected > READ_BUFFER_SMALL)
        return PLACE_ARENA;
    return PLACE_BUFFER;
}

static bool take_exchange(struct http_conn *c)
{
    struct http_worker *w = c->worker;
    const struct http_route *route = c->request.route;
    bool probe = route && route->access == ACCESS_PUBLIC && route->body == BODY_NONE;
    struct exchange *e = exchange_take(w, probe);
    if (!e)
        return false;
    c->exchange = e;
    e->conn = c;
    e->x.request = c->request;
    random_id(w, e->x.id);
    return true;
}

/* Finds the place for a body that goes into an arena. */
static bool place_in_arena(struct http_conn *c)
{
    struct exchange *e = c->exchange;
    c->arena = &e->slot.body;
    if (body_kind(c) == BODY_SECRET) {
        c->arena = http_secret(&e->x);
        if (!c->arena)
            return false;
    }
    c->body = NULL;
    if (c->body_expected == 0)
        return true;
    c->body = arena_alloc(c->arena, c->body_expected + BODY_PADDING, 16);
    if (c->body)
        memset(c->body + c->body_expected, 0, BODY_PADDING);
    return c->body != NULL;
}

/* A slot for what needs one before its body has arrived, and the administrator's token judged. False: answered. */
static bool admit(struct http_conn *c)
{
    bool admin = c->request.route && c->request.route->access == ACCESS_ADMIN;
    if (!admin && c->place != PLACE_ARENA)
        return true;
    if (!take_exchange(c)) {
        http_conn_refuse(c, REFUSE(503, HTTP_BUSY));
        return false;
    }
    /* Without a judge nobody is an administrator. */
    if (admin && !c->worker->settings->authorize) {
        http_conn_refuse(c, REFUSE(401, ADMIN_MISSING));
        return false;
    }
    if (admin && !c->worker->settings->authorize(&c->exchange->x)) {
        if (c->exchange) /* it refused, but gave no answer */
            http_conn_refuse(c, REFUSE(500, INTERNAL));
        return false;
    }
    if (c->place == PLACE_ARENA && !place_in_arena(c)) {
        http_conn_refuse(c, REFUSE(503, HTTP_BUSY));
        return false;
    }
    return true;
}

static void head_is_complete(struct http_conn *c)
{
    c->head_complete = false;
    c->head_end = c->from;
    fill_request(c);
    struct refusal bad = judge_head(c);
    c->body_expected = is_chunked(c) ? 0 : c->parser.content_length;
    c->body_limit = body_kind(c) >= BODY_LARGE ? c->worker->settings->body_limit : SMALL_BODY;
    /* A request without a body ends with its head, whatever is wrong with it. */
    c->message_complete = c->body_expected == 0 && !is_chunked(c);
    if (!bad.status && c->body_expected > c->body_limit)
        bad = REFUSE(413, HTTP_BODY_TOO_LARGE);
    if (bad.status) {
        http_conn_refuse(c, bad);
        return;
    }
    c->place = body_place(c);
    c->body_length = c->raw_length = 0;
    c->body = c->buffer->memory.base + c->head_end;
    if (c->message_complete && c->place == PLACE_ARENA && body_kind(c) != BODY_SECRET)
        c->place = PLACE_NOWHERE;
    if (!admit(c))
        return;
    c->phase = CONN_BODY;
    c->poke = true;
    if (head_expects_continue(&c->head) && !c->message_complete && c->from == c->to)
        c->blocked = !c->worker->output->send(c, S("HTTP/1.1 100 Continue\r\n\r\n"), NO_SLICE);
    c->message_complete = false;
}

/* --- the body --------------------------------------------------------------------------------------------------- */

/* The body as the handler sees it: in an arena, with zeros behind it. NO_SLICE with ptr NULL only without a body. */
static bool settle_body(struct http_conn *c, slice *body)
{
    *body = NO_SLICE;
    if (c->body_length == 0 || c->place == PLACE_NOWHERE)
        return true;
    if (c->place == PLACE_ARENA && c->body_expected) {
        *body = slice_of(c->body, c->body_length);
        return true;
    }
    struct arena *arena = c->place == PLACE_ARENA ? c->arena : &c->exchange->slot.body;
    uint8_t *at = c->body;
    if (c->place == PLACE_BUFFER) {
        at = arena_alloc(arena, c->body_length, 16);
        if (!at)
            return false;
        memcpy(at, c->body, c->body_length);
    }
    uint8_t *padding = arena_alloc(arena, BODY_PADDING, 1);
    if (padding)
        memset(padding, 0, BODY_PADDING);
    *body = slice_of(at, c->body_length);
    return padding != NULL;
}

static void message_is_complete(struct http_conn *c)
{
    const struct http_route *route = c->request.route;
    if ((!c->exchange && !take_exchange(c)) || !settle_body(c, &c->exchange->x.request.body)) {
        http_conn_refuse(c, REFUSE(503, HTTP_BUSY));
        return;
    }
    c->phase = CONN_BUSY;
    http_handler *handler = route ? route->handler : c->worker->settings->fallback;
    handler(&c->exchange->x);
}

static bool framing_is_modest(const struct http_conn *c)
{
    return c->raw_length <= FRAMING_FREE + c->body_length * FRAMING_PER_BYTE;
}

/* --- bytes ------------------------------------------------------------------------------------------------------ */

/* RFC 9112 section 2.2: one empty line before a request is forgiven, as old clients sent it. False: not a request, or
 * not enough of it yet. */
static bool begin_message(struct http_conn *c)
{
    const uint8_t *at = c->buffer->memory.base + c->from;
    if (*at == '\r' && !c->crlf_skipped) {
        if (c->to - c->from < 2)
            return false;
        c->crlf_skipped = true;
        if (at[1] == '\n')
            c->start = c->from += 2;
        if (c->from == c->to)
            return false;
        at = c->buffer->memory.base + c->from;
    }
    c->start = c->from;
    c->crlf_skipped = false;
    c->head = (struct head){0};
    c->request = (struct http_request){.peer = c->peer, .tls = c->tls, .started_ns = clock_monotonic_ns()};
    c->head_complete = c->message_complete = c->keep_alive = c->no_body_in_reply = false;
    c->requests++;
    llhttp_reset(&c->parser);
    c->phase = CONN_HEAD;
    if (*at >= 'A' && *at <= 'Z')
        return true;
    /* TLS on a plain port cannot read our answer. */
    if (*at == 0x16)
        c->phase = CONN_CLOSING;
    else
        http_conn_refuse(c, REFUSE(400, HTTP_MALFORMED));
    return false;
}

/* llhttp knows the version to be one that it does not take, or that what follows it is wrong. */
static struct refusal parse_error(const struct http_conn *c, llhttp_errno_t error)
{
    bool known = c->parser.http_major == 1 && c->parser.http_minor <= 1;
    return REFUSE(error == HPE_INVALID_VERSION && !known ? 505 : 400, HTTP_MALFORMED);
}

/* Feeds llhttp; returns how much it took. Errors have been answered when it returns. */
static size_t feed(struct http_conn *c, slice bytes)
{
    const char *at = (const char *)bytes.ptr;
    llhttp_errno_t error = llhttp_execute(&c->parser, at, bytes.len);
    if (error == HPE_OK)
        return bytes.len;
    if (error == HPE_PAUSED) {
        size_t used = (size_t)(llhttp_get_error_pos(&c->parser) - at);
        llhttp_resume(&c->parser);
        return used;
    }
    struct refusal bad = c->head.bad;
    if (!bad.status)
        bad = parse_error(c, error);
    http_conn_refuse(c, bad);
    return 0;
}

/* HTTP/0.9 has a request line without version, and no headers to wait for. */
static bool is_simple_request(const struct http_conn *c)
{
    return c->parser.http_major == 0 && c->parser.http_minor == 9;
}

static void after_feed(struct http_conn *c)
{
    if (c->phase == CONN_HEAD && c->head_complete)
        head_is_complete(c);
    else if (c->phase == CONN_BODY && c->message_complete)
        message_is_complete(c);
    else if (c->phase == CONN_HEAD && c->to - c->start > c->worker->settings->head_limit)
        http_conn_refuse(c, REFUSE(431, HTTP_HEAD_TOO_LARGE));
    else if (c->phase == CONN_HEAD && is_simple_request(c))
        http_conn_refuse(c, REFUSE(505, HTTP_MALFORMED));
    else if (c->phase == CONN_BODY && is_chunked(c) && !framing_is_modest(c))
        http_conn_refuse(c, REFUSE(400, HTTP_MALFORMED));
}

/* One step over what lies in the read buffer; false when there is nothing more to do now. */
static bool step(struct http_conn *c)
{
    if (c->blocked || c->phase == CONN_BUSY || c->phase == CONN_CLOSING)
        return false;
    if (c->from == c->to && !c->poke)
        return false;
    if (c->phase == CONN_IDLE && !begin_message(c))
        return false;
    c->poke = false;
    size_t used = feed(c, slice_of(c->buffer->memory.base + c->from, c->to - c->from));
    if (c->phase != CONN_HEAD && c->phase != CONN_BODY)
        return false;
    c->from += used;
    if (c->phase == CONN_BODY)
        c->raw_length += used;
    after_feed(c);
    return true;
}

void http_conn_run(struct http_conn *c)
{
    if (c->running)
        return;
    c->running = true;
    while (step(c))
        ;
    c->running = false;
    if (c->phase == CONN_CLOSING && c->from != c->to) {
        c->linger = true;
        c->from = c->to;
    }
    if ((c->phase == CONN_IDLE || c->phase == CONN_CLOSING) && c->from == c->to && c->buffer) {
        buffer_release(c->worker, c->buffer, c->buffer->memory.high);
        c->buffer = NULL;
        c->start = c->from = c->to = 0;
    }
}

void http_conn_init(struct http_conn *c, struct http_worker *w, slice peer, bool tls)
{
    *c = (struct http_conn){.worker = w, .peer = peer, .tls = tls};
    c->request = (struct http_request){.peer = peer, .tls = tls, .started_ns = clock_monotonic_ns()};
    llhttp_init(&c->parser, HTTP_REQUEST, &CALLBACKS);
    c->parser.data = c;
}

bool http_conn_reading(const struct http_conn *c)
{
    return !c->blocked && (c->phase == CONN_IDLE || c->phase == CONN_HEAD || c->phase == CONN_BODY);
}

/* The body's bytes go where they will stay. */
static bool reads_into_arena(const struct http_conn *c)
{
    return c->phase == CONN_BODY && c->place == PLACE_ARENA && c->body_expected && c->from == c->to;
}

/* What has been parsed of an incomplete head is parsed again at the buffer's beginning. */
static void compact(struct http_conn *c)
{
    uint8_t *base = c->buffer->memory.base;
    memmove(base, base + c->start, c->to - c->start);
    c->to -= c->start;
    c->from = c->start = 0;
    if (c->phase != CONN_HEAD)
        return;
    c->head = (struct head){0};
    llhttp_reset(&c->parser);
    http_conn_run(c);
}

static size_t head_room(struct http_conn *c)
{
    if (c->to >= READ_BUFFER_SMALL && c->start > 0)
        compact(c);
    if (c->to < READ_BUFFER_SMALL)
        return READ_BUFFER_SMALL - c->to;
    if (!buffer_enlarge(c->worker, c->buffer)) {
        http_conn_refuse(c, REFUSE(503, HTTP_BUSY));
        return 0;
    }
    return c->buffer->memory.size - c->to;
}

struct room http_conn_room(struct http_conn *c)
{
    if (reads_into_arena(c))
        return (struct room){c->body + c->body_length, c->body_expected - c->body_length};
    if (!c->buffer)
        c->buffer = buffer_take(c->worker);
    if (!c->buffer)
        return (struct room){NULL, 0};
    size_t room = 0;
    if (c->phase != CONN_BODY) {
        room = head_room(c);
    } else if (c->place == PLACE_BUFFER) {
        room = c->body_expected - c->body_length;
    } else {
        /* llhttp keeps nothing of what it has parsed, so the space behind the head is used again and again. */
        c->from = c->to = c->head_end;
        room = READ_BUFFER_SMALL;
    }
    return c->buffer ? (struct room){c->buffer->memory.base + c->to, room} : (struct room){NULL, 0};
}

void http_conn_received(struct http_conn *c, size_t length)
{
    if (reads_into_arena(c)) {
        c->raw_length += feed(c, slice_of(c->body + c->body_length, length));
        if (c->phase == CONN_BODY)
            after_feed(c);
    } else {
        c->to += length;
        if (c->to > c->buffer->memory.high)
            c->buffer->memory.high = c->to;
    }
    http_conn_run(c);
}

void http_conn_drained(struct http_conn *c)
{
    c->blocked = false;
    http_conn_run(c);
}

void http_conn_timed_out(struct http_conn *c)
{
    if (c->phase == CONN_HEAD || c->phase == CONN_BODY)
        http_conn_refuse(c, REFUSE(408, HTTP_TIMEOUT));
    c->phase = CONN_CLOSING;
    http_conn_run(c);
}

void http_conn_end(struct http_conn *c)
{
    if (c->exchange)
        exchange_release(c->worker, c->exchange);
    if (c->buffer)
        buffer_release(c->worker, c->buffer, c->buffer->memory.high);
    c->exchange = NULL;
    c->buffer = NULL;
}
