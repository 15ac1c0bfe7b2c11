/* SPDX-License-Identifier: Apache-2.0
 *
 * What the connections of one worker thread share: request slots, SECRET arenas, read buffers, the buffer in which
 * replies are made. Everything is set aside at start (pages are touched when first used), so memory stays within what
 * the settings allow. Used by the worker's thread alone, except http_secret().
 */
#ifndef CORE_HTTP_POOL_H
#define CORE_HTTP_POOL_H

#include <pthread.h>
#include <uv.h>

#include "core/http/route.h"

#define READ_BUFFER_SMALL \
    ((size_t)16 << 10)                  /* what any connection may use for a head and what is pipelined behind it */
#define STAGING_SIZE ((size_t)16 << 10) /* one TLS record */
#define SMALL_BODY ((size_t)64 << 10)
#define BODY_PADDING 16 /* zero bytes after each body, for readers that look ahead */
#define RANDOM_POOL 4096

struct http_conn;

struct secret_arena {
    struct arena arena;
    struct secret_arena *next;
};

struct exchange {
    struct http_exchange x;
    struct http_slot slot;
    struct http_conn *conn; /* NULL: free, or answered */
    struct secret_arena *secret;
    struct exchange *next;
    uv_work_t job;
    void (*work)(struct http_exchange *x);
    void (*done)(struct http_exchange *x);
    struct exchange *next_resumed;
};

struct read_buffer {
    struct arena memory;
    struct read_buffer *next;
    bool large; /* holds one of the worker's permits to grow beyond READ_BUFFER_SMALL */
};

/* How connections reach the outside: sockets in the service, a byte counter in the fuzz target. */
struct http_output {
    /* Sends both parts in order; what cannot be sent at once is copied. False: not all is on its way yet, and
     * http_conn_drained follows when it is. */
    bool (*send)(struct http_conn *c, slice first, slice rest);
    /* An exchange was answered from outside of the connection's own calls: http_conn_run is to follow. */
    void (*wake)(struct http_conn *c);
    /* As http_gone; called from any thread while an exchange is in flight. */
    bool (*gone)(const struct http_conn *c);
    /* Runs e->work elsewhere, then e->done on the worker's thread. */
    void (*offload)(struct http_conn *c, struct exchange *e);
    /* Has http_resumed(e) called on the worker's thread soon. Called from any thread. */
    void (*resume)(struct http_conn *c, struct exchange *e);
};

struct http_worker {
    const struct http_settings *settings;
    void *service;
    unsigned index;
    const struct http_output *output;
    bool stopping; /* no more requests on connections that have answered theirs */
    struct route_table routes;

    struct exchange *exchanges, *free_exchanges;
    size_t exchange_count;
    struct exchange *reserve; /* one more slot, for probes when all others are in use */
    struct exchange *refusal; /* for errors that HTTP itself answers; never in flight */
    unsigned parked;          /* exchanges that wait for something outside */

    pthread_mutex_t secrets_lock;
    struct secret_arena *secrets, *free_secrets;

    struct read_buffer *free_buffers;
    unsigned large_left;

    struct arena staging;
    int64_t date_second;
    uint8_t date[29];
    uint8_t random[RANDOM_POOL];
    size_t random_left;
};

/* Maps everything; http_worker_free also undoes a failed init. */
MUST_CHECK result http_worker_init(struct http_worker *w, const struct http_settings *settings, void *service);
void http_worker_free(struct http_worker *w);

/* A parked exchange goes on; on the worker's thread. */
void http_resumed(struct exchange *e);

/* NULL when all are in use. `probe`: may have the reserve. */
struct exchange *exchange_take(struct http_worker *w, bool probe);
/* Wipes and gives back, with its SECRET arena. The refusal exchange may be given back too. */
void exchange_release(struct http_worker *w, struct exchange *e);
struct secret_arena *secret_take(struct http_worker *w);
void random_id(struct http_worker *w, uint8_t id[16]);

/* NULL when out of memory. */
struct read_buffer *buffer_take(struct http_worker *w);
/* Wipes the first `used` bytes: they held cookies and tokens. */
void buffer_release(struct http_worker *w, struct read_buffer *b, size_t used);
/* Lets the buffer grow to its full size; false when too many have. */
bool buffer_enlarge(struct http_worker *w, struct read_buffer *b);

#endif
