/* SPDX-License-Identifier: Apache-2.0 */
#include "core/net/worker.h"

#include "core/log/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_MS 2000
#define TICK_MIN_MS 5
#define TICK_MAX_MS 250
#define ACCEPTS_PER_TURN 64
#define ACCEPT_PAUSE_MS 100

/* --- time-outs: one timer for all ------------------------------------------------------------------------------- */

static struct connection *connection_at(struct link *l, size_t offset)
{
    return (void *)((char *)l - offset);
}

static void expire(struct worker *w, struct link *list)
{
    uint64_t now = uv_now(&w->loop);
    while (list->next != list) {
        struct connection *k = connection_at(list->next, offsetof(struct connection, expiry));
        if (k->deadline > now)
            return;
        connection_expired(k);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    for (int i = TIMEOUT_NONE + 1; i < TIMEOUT_COUNT; i++)
        expire(w, &w->timeouts[i]);
}

static void timeouts_init(struct worker *w)
{
    const struct http_settings *s = w->http.settings;
    w->timeout_ms[TIMEOUT_HANDSHAKE] = s->handshake_timeout_ms;
    w->timeout_ms[TIMEOUT_HEAD] = s->head_timeout_ms;
    w->timeout_ms[TIMEOUT_BODY] = s->body_timeout_ms;
    w->timeout_ms[TIMEOUT_IDLE] = s->idle_timeout_ms;
    w->timeout_ms[TIMEOUT_WRITE] = s->write_timeout_ms;
    w->timeout_ms[TIMEOUT_LINGER] = LINGER_MS;
    for (int i = 0; i < TIMEOUT_COUNT; i++)
        w->timeouts[i] = (struct link){&w->timeouts[i], &w->timeouts[i]};
}

static uint64_t tick_ms(const struct worker *w)
{
    uint64_t shortest = (uint64_t)TICK_MAX_MS * 4;
    for (int i = TIMEOUT_NONE + 1; i < TIMEOUT_COUNT; i++)
        if (w->timeout_ms[i] < shortest)
            shortest = w->timeout_ms[i];
    return shortest / 4 > TICK_MIN_MS ? shortest / 4 : TICK_MIN_MS;
}

static void close_rest(struct worker *w);

void worker_connections_changed(struct worker *w, int delta)
{
    w->connection_count += (unsigned)delta;
    if (w->http.settings->connections_changed)
        w->http.settings->connections_changed(w->http.service, delta);
    /* Without connections the process sleeps. */
    if (delta > 0 && w->connection_count == 1)
        (void)uv_timer_start(&w->tick, on_tick, tick_ms(w), tick_ms(w));
    if (w->connection_count > 0)
        return;
    (void)uv_timer_stop(&w->tick);
    if (w->draining)
        close_rest(w);
}

/* --- accepting -------------------------------------------------------------------------------------------------- */

static void on_connection(uv_poll_t *poll, int status, int events);

static void on_accept_again(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    for (size_t i = 0; i < w->listener_count; i++)
        if (w->listeners[i].fd >= 0)
            (void)uv_poll_start(&w->listeners[i].poll, UV_READABLE, on_connection);
}

/* Out of descriptors or memory: the backlog waits, and so do we, instead of spinning. */
static void pause_accepting(struct worker *w)
{
    log_warn("http", "cannot accept connections for the moment: %s", strerror(errno));
    for (size_t i = 0; i < w->listener_count; i++)
        if (w->listeners[i].fd >= 0)
            (void)uv_poll_stop(&w->listeners[i].poll);
    (void)uv_timer_start(&w->accept_again, on_accept_again, ACCEPT_PAUSE_MS, 0);
}

/* An IPv4 client is the same client when it came through an IPv6 socket. */
static void peer_text(const struct sockaddr_storage *address, char text[PEER_SIZE])
{
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
    bool known = false;
    if (address->ss_family == AF_INET)
        known = inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, PEER_SIZE);
    else if (address->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6))
        known = inet_ntop(AF_INET, &v6->s6_addr[12], text, PEER_SIZE);
    else if (address->ss_family == AF_INET6)
        known = inet_ntop(AF_INET6, v6, text, PEER_SIZE);
    if (!known)
        text[0] = '\0';
}

/* False when there is nothing more to accept now. */
static bool accept_one(struct listener *l)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    char peer[PEER_SIZE];
    int fd = accept4(l->fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        peer_text(&address, peer);
        connection_accept(l, fd, peer);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        pause_accepting(l->worker);
    return errno == ECONNABORTED || errno == EINTR;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && accept_one(l); i++)
        ;
}

/* --- exchanges that were parked ---------------------------------------------------------------------------------- */

void worker_resume(struct worker *w, struct exchange *e)
{
    pthread_mutex_lock(&w->resumed_lock);
    e->next_resumed = NULL;
    *w->resumed_last = e;
    w->resumed_last = &e->next_resumed;
    /* Under the lock: once it is let go, the worker may answer, and end. */
    (void)uv_async_send(&w->resume);
    pthread_mutex_unlock(&w->resumed_lock);
}

static void on_resume(uv_async_t *async)
{
    struct worker *w = async->data;
    pthread_mutex_lock(&w->resumed_lock);
    struct exchange *e = w->resumed;
    w->resumed = NULL;
    w->resumed_last = &w->resumed;
    pthread_mutex_unlock(&w->resumed_lock);
    for (struct exchange *next; e; e = next) {
        next = e->next_resumed;
        http_resumed(e);
    }
}

/* --- stopping --------------------------------------------------------------------------------------------------- */

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void close_listeners(struct worker *w)
{
    for (size_t i = 0; i < w->listener_count; i++) {
        struct listener *l = &w->listeners[i];
        if (l->fd < 0)
            continue;
        /* Who is in the backlog already is still served. */
        on_connection(&l->poll, 0, 0);
        close_handle((uv_handle_t *)&l->poll);
        (void)close(l->fd);
        l->fd = -1;
    }
}

/* With the last handle the loop ends, and with it the thread. */
static void close_rest(struct worker *w)
{
    close_handle((uv_handle_t *)&w->stop);
    close_handle((uv_handle_t *)&w->resume);
    close_handle((uv_handle_t *)&w->tick);
    close_handle((uv_handle_t *)&w->accept_again);
    close_handle((uv_handle_t *)&w->grace);
}

static void each_connection(struct worker *w, void (*act)(struct connection *))
{
    for (struct link *l = w->connections.next, *next; l != &w->connections; l = next) {
        next = l->next;
        act(connection_at(l, offsetof(struct connection, all)));
    }
}

static void on_grace_over(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    each_connection(w, connection_end);
}

static void on_stop(uv_async_t *async)
{
    struct worker *w = async->data;
    if (w->draining)
        return;
    close_listeners(w);
    w->draining = true;
    w->http.stopping = true;
    (void)uv_timer_start(&w->grace, on_grace_over, atomic_load(&w->grace_ms), 0);
    if (w->connection_count == 0)
        close_rest(w);
    else
        each_connection(w, connection_drain);
}

void worker_stop(struct worker *w, unsigned grace_ms)
{
    atomic_store(&w->grace_ms, grace_ms);
    (void)uv_async_send(&w->stop);
}

void worker_join(struct worker *w)
{
    if (w->started)
        (void)pthread_join(w->thread, NULL);
    w->started = false;
}

/* --- life ------------------------------------------------------------------------------------------------------- */

static void *worker_main(void *argument)
{
    struct worker *w = argument;
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    return NULL;
}

result worker_init(struct worker *w, const struct http_settings *settings, void *service, unsigned index)
{
    w->connections = (struct link){&w->connections, &w->connections};
    w->resumed_last = &w->resumed;
    pthread_mutex_init(&w->resumed_lock, NULL);
    w->writes_left = settings->slots < 16 ? 16 : settings->slots;
    w->http.output = &CONNECTION_OUTPUT;
    w->http.index = index;
    w->listener_count = settings->listener_count;
    w->listeners = calloc(settings->listener_count, sizeof *w->listeners);
    ENSURE(w->listeners, NO_MEMORY);
    for (size_t i = 0; i < w->listener_count; i++)
        w->listeners[i] = (struct listener){.worker = w, .fd = -1, .tls = settings->listeners[i].tls};
    TRY(http_worker_init(&w->http, settings, service));
    timeouts_init(w);
    return OK;
}

/* Handles are made before the thread runs, so that a failure has nobody to be told to. */
static result loop_init(struct worker *w)
{
    w->loop_made = uv_loop_init(&w->loop) == 0;
    ENSURE(w->loop_made, IO);
    ENSURE(uv_async_init(&w->loop, &w->stop, on_stop) == 0, IO);
    ENSURE(uv_async_init(&w->loop, &w->resume, on_resume) == 0, IO);
    (void)uv_timer_init(&w->loop, &w->tick);
    (void)uv_timer_init(&w->loop, &w->accept_again);
    (void)uv_timer_init(&w->loop, &w->grace);
    w->stop.data = w->resume.data = w->tick.data = w->accept_again.data = w->grace.data = w;
    for (size_t i = 0; i < w->listener_count; i++) {
        struct listener *l = &w->listeners[i];
        l->poll.data = l;
        ENSURE(uv_poll_init(&w->loop, &l->poll, l->fd) == 0, IO);
        ENSURE(uv_poll_start(&l->poll, UV_READABLE, on_connection) == 0, IO);
    }
    return OK;
}

result worker_start(struct worker *w)
{
    sigset_t all, before;
    TRY(loop_init(w));
    /* Signals are the main thread's. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    w->started = pthread_create(&w->thread, NULL, worker_main, w) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    ENSURE(w->started, IO);
    return OK;
}

static void close_each(uv_handle_t *handle, void *nothing)
{
    (void)nothing;
    close_handle(handle);
}

void worker_free(struct worker *w)
{
    if (w->loop_made) {
        /* Some are still open only if the worker never ran. */
        uv_walk(&w->loop, close_each, NULL);
        (void)uv_run(&w->loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&w->loop);
    }
    for (size_t i = 0; w->listeners && i < w->listener_count; i++)
        if (w->listeners[i].fd >= 0)
            (void)close(w->listeners[i].fd);
    for (struct write_buffer *b = w->free_writes, *next; b; b = next) {
        next = b->next;
        arena_unmap(&b->memory);
        free(b);
    }
    free(w->listeners);
    pthread_mutex_destroy(&w->resumed_lock);
    http_worker_free(&w->http);
}
