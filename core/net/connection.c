/* SPDX-License-Identifier: Apache-2.0 */
#include "core/net/worker.h"

#include "core/log/log.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READS_PER_TURN 16              /* then the others get theirs */
#define LINGER_BYTES ((size_t)8 << 20) /* what is read and dropped after a refusal */

static struct connection *connection_of(struct http_conn *c)
{
    return (struct connection *)c;
}

static void on_event(uv_poll_t *poll, int status, int events);
static void attend(struct connection *k);

/* --- output ----------------------------------------------------------------------------------------------------- */

static struct write_buffer *write_take(struct worker *w)
{
    struct write_buffer *b = w->free_writes;
    if (b) {
        w->free_writes = b->next;
        return b;
    }
    if (w->writes_left == 0)
        return NULL;
    b = calloc(1, sizeof *b);
    if (!b || FAILED(arena_map(&b->memory, w->http.settings->write_limit, ARENA_PLAIN))) {
        free(b);
        return NULL;
    }
    w->writes_left--;
    return b;
}

static void write_release(struct connection *k)
{
    struct write_buffer *b = k->output;
    if (!b)
        return;
    b->sent = 0;
    arena_reset(&b->memory, 0);
    b->next = k->worker->free_writes;
    k->worker->free_writes = b;
    k->output = NULL;
}

static bool keep_for_later(struct connection *k, slice first, slice rest)
{
    if (!k->output)
        k->output = write_take(k->worker);
    if (!k->output)
        return false;
    return arena_copy(&k->output->memory, first).ptr && (!rest.len || arena_copy(&k->output->memory, rest).ptr);
}

/* False: not all is on its way; or the connection has failed, and will be closed by whoever called into it. */
static bool output_send(struct http_conn *c, slice first, slice rest)
{
    struct connection *k = connection_of(c);
    struct io io = {IO_AGAIN, 0};
    if (!k->output)
        io = stream_write(&k->stream, first, rest);
    if (io.status == IO_DONE && io.length == first.len + rest.len)
        return true;
    size_t in_first = io.length < first.len ? io.length : first.len;
    k->failed = k->failed || io.status == IO_ERROR || io.status == IO_EOF;
    if (!k->failed &&
        !keep_for_later(k, slice_sub(first, in_first, first.len), slice_sub(rest, io.length - in_first, rest.len))) {
        log_warn("http", "a reply to %s exceeds [http] write_limit, or too many clients read slowly", k->peer);
        k->failed = true;
    }
    return false;
}

static void flush(struct connection *k)
{
    struct write_buffer *b = k->output;
    while (b && b->sent < b->memory.used) {
        slice left = slice_of(b->memory.base + b->sent, b->memory.used - b->sent);
        struct io io = stream_write(&k->stream, left, NO_SLICE);
        if (io.status == IO_AGAIN)
            return;
        if (io.status != IO_DONE) {
            k->failed = true;
            return;
        }
        b->sent += io.length;
    }
    write_release(k);
    http_conn_drained(&k->http);
    k->again = stream_pending(&k->stream);
}

static void output_wake(struct http_conn *c)
{
    struct connection *k = connection_of(c);
    if (!k->gone) {
        http_conn_run(c);
        k->again = stream_pending(&k->stream);
    }
    attend(k);
}

static bool output_gone(const struct http_conn *c)
{
    const struct connection *k = (const struct connection *)c;
    return atomic_load(&k->gone) || stream_gone(&k->stream);
}

static void job_work(uv_work_t *job)
{
    struct exchange *e = job->data;
    e->work(&e->x);
}

static void job_done(uv_work_t *job, int status)
{
    struct exchange *e = job->data;
    (void)status; /* jobs are never cancelled */
    e->work = NULL;
    e->done(&e->x);
}

static void output_offload(struct http_conn *c, struct exchange *e)
{
    e->job.data = e;
    if (uv_queue_work(&connection_of(c)->worker->loop, &e->job, job_work, job_done) == 0)
        return;
    /* Fails for a missing callback only. */
    e->work(&e->x);
    e->work = NULL;
    e->done(&e->x);
}

static void output_resume(struct http_conn *c, struct exchange *e)
{
    worker_resume(connection_of(c)->worker, e);
}

const struct http_output CONNECTION_OUTPUT = {output_send, output_wake, output_gone, output_offload, output_resume};

/* --- input ------------------------------------------------------------------------------------------------------ */

static void read_some(struct connection *k)
{
    k->again = false;
    k->stream.want_write = false;
    for (int turn = 0; http_conn_reading(&k->http) && !k->failed; turn++) {
        if (turn == READS_PER_TURN) {
            k->again = true;
            return;
        }
        struct room room = http_conn_room(&k->http);
        if (room.length == 0) {
            /* Refused just now, or no memory for a buffer. */
            k->failed = k->http.phase != CONN_CLOSING;
            return;
        }
        struct io io = stream_read(&k->stream, room.bytes, room.length);
        if (io.status == IO_AGAIN)
            return;
        if (io.status != IO_DONE) {
            k->failed = true;
            return;
        }
        http_conn_received(&k->http, io.length);
        if (io.length < room.length && !stream_pending(&k->stream))
            return;
    }
}

/* A buffer taken for a read that brought nothing goes back. */
static void read_turn(struct connection *k)
{
    read_some(k);
    if (k->http.phase == CONN_IDLE)
        http_conn_run(&k->http);
}

/* Reads on and drops it, so that the peer gets the last reply before it learns that nobody listens. */
static void discard(struct connection *k)
{
    uint8_t *bytes = k->worker->http.staging.base;
    k->again = false;
    for (int turn = 0; turn < READS_PER_TURN; turn++) {
        struct io io = stream_read(&k->stream, bytes, STAGING_SIZE);
        if (io.status == IO_AGAIN)
            return;
        secret_wipe(bytes, io.length);
        k->discarded += io.length;
        k->failed = io.status != IO_DONE || k->discarded > LINGER_BYTES;
        if (k->failed)
            return;
    }
    k->again = true;
}

/* A browser or probe that was pointed at the wrong scheme gets told so, in clear text. False: this looks like TLS. */
static bool answered_plain_http(struct connection *k)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\ncontent-length: 22\r\ncontent-type: text/plain\r\n"
                                 "connection: close\r\n\r\nthis is an HTTPS port\n";
    int byte = stream_peek(&k->stream);
    if (byte < 'A' || byte > 'Z' || SSL_get_state(k->stream.ssl) != TLS_ST_BEFORE)
        return false;
    stream_downgrade(&k->stream);
    k->handshaking = false;
    k->http.phase = CONN_CLOSING;
    k->http.linger = true;
    (void)output_send(&k->http, slice_of(answer, sizeof answer - 1), NO_SLICE);
    return true;
}

static void handshake(struct connection *k)
{
    if (answered_plain_http(k))
        return;
    struct io io = stream_handshake(&k->stream);
    if (io.status == IO_AGAIN)
        return;
    k->failed = io.status != IO_DONE;
    k->handshaking = false;
    if (k->failed)
        log_debug("tls", "handshake with %s failed", k->peer);
    else
        read_turn(k);
}

/* --- what to wait for ------------------------------------------------------------------------------------------- */

static void wait_for(struct connection *k, enum timeout timeout, int interest)
{
    timeout_set(k, timeout);
    if (interest && (k->again || k->stream.want_write))
        interest |= UV_WRITABLE;
    if (interest == k->interest)
        return;
    k->interest = interest;
    if (interest)
        (void)uv_poll_start(&k->poll, interest, on_event);
    else
        (void)uv_poll_stop(&k->poll);
}

static void finish(struct connection *k)
{
    if (!k->finished)
        stream_finish(&k->stream);
    k->finished = true;
    if (k->http.linger)
        wait_for(k, TIMEOUT_LINGER, UV_READABLE);
    else
        connection_end(k);
}

/* After anything has happened: what now? The connection may be gone when it returns. */
static void attend(struct connection *k)
{
    if (k->failed || k->gone) {
        connection_end(k);
        return;
    }
    if (k->handshaking) {
        wait_for(k, TIMEOUT_HANDSHAKE, UV_READABLE);
        return;
    }
    if (k->http.blocked) {
        wait_for(k, TIMEOUT_WRITE, UV_WRITABLE);
        return;
    }
    switch (k->http.phase) {
    case CONN_IDLE:
        if (k->worker->draining && k->http.requests)
            connection_end(k);
        else
            wait_for(k, k->http.requests ? TIMEOUT_IDLE : TIMEOUT_HEAD, UV_READABLE);
        return;
    case CONN_HEAD:
        wait_for(k, TIMEOUT_HEAD, UV_READABLE);
        return;
    case CONN_BODY:
        wait_for(k, TIMEOUT_BODY, UV_READABLE);
        return;
    case CONN_BUSY:
        wait_for(k, TIMEOUT_NONE, 0);
        return;
    case CONN_CLOSING:
        finish(k);
        return;
    }
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct connection *k = poll->data;
    (void)events; /* the state tells what was waited for; reading or writing in vain does no harm */
    if (status < 0)
        k->failed = true;
    else if (k->handshaking)
        handshake(k);
    else if (k->http.blocked)
        flush(k);
    else if (k->finished)
        discard(k);
    else
        read_turn(k);
    attend(k);
}

void connection_expired(struct connection *k)
{
    if (k->timeout == TIMEOUT_HEAD || k->timeout == TIMEOUT_BODY || k->timeout == TIMEOUT_IDLE)
        http_conn_timed_out(&k->http);
    else
        k->failed = true;
    attend(k);
}

void connection_drain(struct connection *k)
{
    if (k->handshaking || k->finished || k->http.phase != CONN_IDLE || k->http.blocked)
        return;
    /* A request that has arrived is still answered. */
    read_turn(k);
    attend(k);
}

/* --- beginning and end ------------------------------------------------------------------------------------------ */

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void unlink_from(struct link *l)
{
    l->previous->next = l->next;
    l->next->previous = l->previous;
}

void connection_end(struct connection *k)
{
    if (k->closing)
        return;
    if (k->interest)
        (void)uv_poll_stop(&k->poll);
    k->interest = 0;
    timeout_set(k, TIMEOUT_NONE);
    if (k->http.phase == CONN_BUSY) {
        /* A handler, perhaps on another thread, has the request: it looks at the socket until it has answered. */
        k->http.gone = true;
        atomic_store(&k->gone, true);
        return;
    }
    k->closing = true;
    http_conn_end(&k->http);
    write_release(k);
    uv_close((uv_handle_t *)&k->poll, on_closed);
    stream_close(&k->stream);
    unlink_from(&k->all);
    worker_connections_changed(k->worker, -1);
}

static void link_last(struct link *list, struct link *l)
{
    l->previous = list->previous;
    l->next = list;
    list->previous->next = l;
    list->previous = l;
}

/* More connections than configured: a word to those who can read it without a handshake. */
static void turn_away(struct listener *l, int fd, const char *peer)
{
    struct connection k = {.worker = l->worker, .stream = {.fd = fd}};
    if (!l->tls) {
        http_conn_init(&k.http, &l->worker->http, slice_text(peer), false);
        http_conn_refuse(&k.http, REFUSE(503, HTTP_BUSY));
        (void)stream_read(&k.stream, l->worker->http.staging.base, STAGING_SIZE);
        write_release(&k);
    }
    stream_close(&k.stream);
}

void connection_accept(struct listener *l, int fd, const char *peer)
{
    struct worker *w = l->worker;
    int on = 1;
    if (w->connection_count >= w->http.settings->connections) {
        turn_away(l, fd, peer);
        return;
    }
    struct connection *k = calloc(1, sizeof *k);
    if (!k || !stream_open(&k->stream, fd, l->tls) || uv_poll_init(&w->loop, &k->poll, fd) != 0) {
        if (k)
            stream_close(&k->stream);
        else
            (void)close(fd);
        free(k);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    k->worker = w;
    k->poll.data = k;
    k->handshaking = l->tls != NULL;
    memcpy(k->peer, peer, strnlen(peer, sizeof k->peer - 1));
    http_conn_init(&k->http, &w->http, slice_text(k->peer), l->tls != NULL);
    link_last(&w->connections, &k->all);
    worker_connections_changed(w, 1);
    attend(k);
}

void timeout_set(struct connection *k, enum timeout which)
{
    struct worker *w = k->worker;
    if (which == k->timeout && k->timed_request == k->http.requests)
        return;
    if (k->timeout != TIMEOUT_NONE)
        unlink_from(&k->expiry);
    k->timeout = which;
    k->timed_request = k->http.requests;
    if (which == TIMEOUT_NONE)
        return;
    k->deadline = uv_now(&w->loop) + w->timeout_ms[which];
    link_last(&w->timeouts[which], &k->expiry);
}
