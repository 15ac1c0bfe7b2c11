/* SPDX-License-Identifier: Apache-2.0
 *
 * What storages on a server have in common: each operation is admitted by the breaker, gets a connection of the pool or
 * a new one, has one deadline for all its waits, and its end is reported. Thread-safe.
 */
#ifndef LIB_BACKEND_H
#define LIB_BACKEND_H

#include "lib/backend/breaker.h"
#include "lib/backend/pool.h"

#define BACKEND_WHY_SIZE 384

/* One operation under way. What `use` finds out about the connection it leaves here. */
struct backend_call {
    struct backend *backend;
    struct deadline deadline;
    void *connection;
    bool drop;   /* the connection cannot be used again */
    bool failed; /* and that is the server's fault; implies drop */
};

struct backend_kind {
    struct backend_pool_kind pool;
    /* Makes call->connection. On failure says why with backend_trouble and answers TRUSTEE_E_AGAIN, or TRUSTEE_E_CONFIG
     * for what no repetition can mend, such as a wrong password. */
    trustee_status (*connect)(struct backend_call *call, void *user);
};

struct backend {
    const trustee_host *host;
    const char *name; /* of the plugin, for messages */
    const struct backend_kind *kind;
    void *user;
    uint64_t timeout_ms; /* of one operation */
    struct breaker breaker;
    struct backend_pool pool;
    pthread_mutex_t lock; /* of what follows */
    char why[BACKEND_WHY_SIZE];
    uint64_t logged, worked, write_failed; /* backend_now of the last time; 0: never */
};

struct backend_settings {
    const trustee_host *host;
    const char *name;
    const struct backend_kind *kind;
    void *user;
    uint64_t timeout_ms;
    unsigned connections; /* at most */
};

bool backend_begin(struct backend *b, const struct backend_settings *settings); /* false: no memory */
void backend_end(struct backend *b);

/* Runs `use` with a connection. Its answer is handed on; TRUSTEE_E_AGAIN where there is no connection to be had now.
 * `req` may be NULL. */
typedef trustee_status (*backend_use)(struct backend_call *call, void *argument);
trustee_status backend_run(struct backend *b, trustee_request *req, backend_use use, void *argument);
/* Makes the first connection, past the breaker: TRUSTEE_OK, TRUSTEE_E_AGAIN or TRUSTEE_E_CONFIG. */
trustee_status backend_first(struct backend *b, backend_use use, void *argument);

/* The answer to `ready`: asks the server with `probe` if nothing was heard of it within a second. */
trustee_status backend_ready(struct backend *b, backend_use probe, slice room, uint64_t *length);

/* Remembers for `ready`, and logs (the same again once a minute), what is wrong. Never hand a secret to it. */
void backend_trouble(struct backend *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The server takes no writes although it can be read: `ready` says so until one succeeds or ten seconds are over. */
void backend_write(struct backend *b, bool succeeded);
void backend_log(const struct backend *b, uint32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
