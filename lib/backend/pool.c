/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/backend/pool.h"

#include <time.h>

#define LOOK_UP_NS (100 * BACKEND_NS_PER_MS) /* how often a waiting one asks whether it is still wanted */

static bool conditions_begin(pthread_cond_t *c)
{
    pthread_condattr_t clock;
    if (pthread_condattr_init(&clock) != 0)
        return false;
    bool made = pthread_condattr_setclock(&clock, CLOCK_MONOTONIC) == 0 && pthread_cond_init(c, &clock) == 0;
    pthread_condattr_destroy(&clock);
    return made;
}

bool backend_pool_begin(struct backend_pool *p, const struct backend_pool_kind *kind, unsigned max)
{
    *p = (struct backend_pool){.kind = kind, .max = max < POOL_MAX ? max : POOL_MAX};
    if (pthread_mutex_init(&p->lock, NULL) != 0)
        return false;
    if (conditions_begin(&p->given))
        return true;
    pthread_mutex_destroy(&p->lock);
    return false;
}

void backend_pool_end(struct backend_pool *p)
{
    while (p->idle_count)
        p->kind->close(p->idle[--p->idle_count].connection);
    pthread_cond_destroy(&p->given);
    pthread_mutex_destroy(&p->lock);
}

/* Under the lock. */
static void wait_a_little(struct backend_pool *p, const struct deadline *d)
{
    uint64_t until = backend_now() + LOOK_UP_NS;
    until = until < d->end ? until : d->end;
    struct timespec t = {.tv_sec = (time_t)(until / UINT64_C(1000000000)),
                         .tv_nsec = (long)(until % UINT64_C(1000000000))};
    (void)pthread_cond_timedwait(&p->given, &p->lock, &t);
}

/* Under the lock: the youngest idle connection that can be used. Closing says goodbye without waiting. */
static void *pick(struct backend_pool *p)
{
    uint64_t now = backend_now();
    while (p->idle_count) {
        p->idle_count--;
        void *connection = p->idle[p->idle_count].connection;
        bool fresh = now - p->idle[p->idle_count].since < POOL_IDLE_MS * BACKEND_NS_PER_MS;
        if (fresh && p->kind->usable(connection))
            return connection;
        p->kind->close(connection);
        p->open--;
    }
    return NULL;
}

bool backend_pool_take(struct backend_pool *p, struct deadline *d, void **connection)
{
    bool taken = false;
    *connection = NULL;
    pthread_mutex_lock(&p->lock);
    while (!taken && !deadline_over(d)) {
        *connection = pick(p);
        taken = *connection || p->open < p->max;
        if (taken && !*connection)
            p->open++;
        if (!taken)
            wait_a_little(p, d);
    }
    pthread_mutex_unlock(&p->lock);
    return taken;
}

void backend_pool_give(struct backend_pool *p, void *connection)
{
    pthread_mutex_lock(&p->lock);
    p->idle[p->idle_count].connection = connection;
    p->idle[p->idle_count++].since = backend_now();
    pthread_cond_signal(&p->given);
    pthread_mutex_unlock(&p->lock);
}

void backend_pool_drop(struct backend_pool *p, void *connection)
{
    if (connection)
        p->kind->close(connection);
    pthread_mutex_lock(&p->lock);
    p->open--;
    pthread_cond_signal(&p->given);
    pthread_mutex_unlock(&p->lock);
}
