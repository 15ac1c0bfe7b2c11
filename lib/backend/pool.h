/* SPDX-License-Identifier: Apache-2.0
 *
 * A bounded pool of connections, whatever those are. It hands out what was used last, waits when all are in use, and
 * closes what lay idle for long. Thread-safe.
 */
#ifndef LIB_BACKEND_POOL_H
#define LIB_BACKEND_POOL_H

#include <pthread.h>

#include "lib/backend/deadline.h"

#define POOL_MAX 64
#define POOL_IDLE_MS 60000u /* a connection that lay longer is not used again: firewalls forget it */

/* What a pool does to connections. */
struct backend_pool_kind {
    bool (*usable)(void *connection); /* whether an idle one still is; must not wait */
    void (*close)(void *connection);
};

struct backend_pool {
    pthread_mutex_t lock;
    pthread_cond_t given;
    const struct backend_pool_kind *kind;
    unsigned max;  /* at most POOL_MAX */
    unsigned open; /* in use and idle */
    unsigned idle_count;
    struct {
        void *connection;
        uint64_t since;
    } idle[POOL_MAX];
};

bool backend_pool_begin(struct backend_pool *p, const struct backend_pool_kind *kind,
                        unsigned max);         /* false: no memory */
void backend_pool_end(struct backend_pool *p); /* closes the idle ones; none is in use */
/* True with an idle connection that is usable, or with NULL and the right to open one; false when the deadline passed.
 * Either way backend_pool_give() or backend_pool_drop() follows. */
bool backend_pool_take(struct backend_pool *p, struct deadline *d, void **connection);
void backend_pool_give(struct backend_pool *p, void *connection);
/* Closes it; NULL gives back the right to open one. */
void backend_pool_drop(struct backend_pool *p, void *connection);

#endif
