/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plugin/trials.h"

#include <malloc.h>

#define LEAK_BYTES 8     /* per call, and more: no leak is smaller */
#define LEAK_WINDOWS 64u /* malloc parks freed pieces for a while: a window without growth may take long to come */

uint64_t heap_in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return (uint64_t)m.uordblks + m.hblkhd;
}

/* What grows without end grows in every window; what fills a pool or a cache does not. */
void look_for_leak(struct report *r, const char *what, void (*once)(void *user, unsigned n), void *user, unsigned calls)
{
    uint64_t grown = 0, least = (uint64_t)calls * LEAK_BYTES;
    for (unsigned window = 0; window < LEAK_WINDOWS; window++) {
        uint64_t before = heap_in_use();
        for (unsigned n = 0; n < calls; n++)
            once(user, n);
        uint64_t now = heap_in_use();
        if (window && now < before + least)
            return;
        grown = now - before;
    }
    report_find(r,
                "free what your malloc gave before the function returns; for a request use host->arena_alloc, and "
                "host->cache_put for what outlives it; find it with a build with -fsanitize=address",
                "%s leaks about %llu bytes a time", what, (unsigned long long)(grown / calls));
}

struct member {
    const struct crowd *crowd;
    unsigned number;
};

static void *run_member(void *user)
{
    const struct member *m = user;
    m->crowd->body(m->crowd->user, m->number);
    return NULL;
}

void run_crowd(const struct crowd *c)
{
    pthread_t threads[THREADS_MAX];
    struct member members[THREADS_MAX];
    bool running[THREADS_MAX];
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        members[i] = (struct member){c, i};
        running[i] = pthread_create(&threads[i], NULL, run_member, &members[i]) == 0;
    }
    for (unsigned i = 0; i < THREADS_MAX; i++)
        if (running[i])
            pthread_join(threads[i], NULL);
}
