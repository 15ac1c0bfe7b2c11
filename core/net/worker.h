/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread of the server: its loop, its listening sockets (SO_REUSEPORT: the kernel spreads connections over the
 * workers) and its connections, which never leave it.
 */
#ifndef CORE_NET_WORKER_H
#define CORE_NET_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "core/http/conn.h"
#include "core/net/stream.h"

#define PEER_SIZE 46 /* INET6_ADDRSTRLEN */

/* Each time-out is the same for all connections, so a list per kind is in order of expiry. */
enum timeout {
    TIMEOUT_NONE,
    TIMEOUT_HANDSHAKE,
    TIMEOUT_HEAD,
    TIMEOUT_BODY,
    TIMEOUT_IDLE,
    TIMEOUT_WRITE,
    TIMEOUT_LINGER,
    TIMEOUT_COUNT
};

struct link {
    struct link *previous, *next;
};

struct worker;

struct listener {
    struct worker *worker;
    uv_poll_t poll;
    int fd; /* -1: closed */
    void *tls;
};

/* What a slow reader has yet to take of a reply. */
struct write_buffer {
    struct arena memory;
    size_t sent;
    struct write_buffer *next;
};

struct connection {
    struct http_conn http; /* first: http_output's functions get a pointer to it */
    struct worker *worker;
    struct stream stream;
    uv_poll_t poll;
    struct link all;    /* of the worker's connections */
    struct link expiry; /* of those with the same time-out */
    uint64_t deadline;  /* loop time, ms */
    uint32_t timed_request;
    enum timeout timeout;
    int interest; /* what is polled for */
    struct write_buffer *output;
    size_t discarded;
    atomic_bool gone;
    bool handshaking, finished, failed, again, closing;
    char peer[PEER_SIZE];
};

struct worker {
    struct http_worker http;
    pthread_t thread;
    bool started;
    uv_loop_t loop;
    uv_async_t stop, resume;
    pthread_mutex_t resumed_lock;
    struct exchange *resumed, **resumed_last; /* parked ones that go on, in order */
    uv_timer_t tick, accept_again, grace;
    struct listener *listeners;
    size_t listener_count;
    struct link connections, timeouts[TIMEOUT_COUNT];
    uint64_t timeout_ms[TIMEOUT_COUNT];
    unsigned connection_count;
    struct write_buffer *free_writes;
    unsigned writes_left; /* not yet made */
    bool loop_made, draining;
    _Atomic unsigned grace_ms;
};

/* Binds nothing; `listeners` carry their sockets already. */
MUST_CHECK result worker_init(struct worker *w, const struct http_settings *settings, void *service, unsigned index);
/* Takes over the sockets and runs the loop in a thread of its own. */
MUST_CHECK result worker_start(struct worker *w);
/* Begins to stop; worker_join waits for the end. */
void worker_stop(struct worker *w, unsigned grace_ms);
void worker_join(struct worker *w);
void worker_free(struct worker *w);

/* An exchange that was parked goes on; from any thread. */
void worker_resume(struct worker *w, struct exchange *e);

/* --- connections ------------------------------------------------------------------------------------------------ */
extern const struct http_output CONNECTION_OUTPUT;
/* Takes the accepted socket over. */
void connection_accept(struct listener *l, int fd, const char *peer);
void connection_expired(struct connection *k);
/* Closes it, at once or when its request in flight has been answered. */
void connection_end(struct connection *k);
/* The worker is stopping: closes what has had its answers. */
void connection_drain(struct connection *k);

/* --- time-outs -------------------------------------------------------------------------------------------------- */
void timeout_set(struct connection *k, enum timeout which);
/* The worker's count of connections has changed. */
void worker_connections_changed(struct worker *w, int delta);

#endif
