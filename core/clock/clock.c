/* SPDX-License-Identifier: Apache-2.0 */
#include "core/clock/clock.h"

#include <stdatomic.h>
#include <time.h>

#define SECOND INT64_C(1000000000)

static int64_t now_ns(clockid_t id)
{
    struct timespec t = {0};
    /* Fails only for a clock that the kernel does not have. */
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

int64_t clock_wall(void)
{
    /* The furthest that the system's clock was ever seen ahead of the monotonic one. */
    static _Atomic int64_t lead = INT64_MIN;
    /* In this order: a thread that is held up between the two sees too small a lead, which the maximum ignores. The
     * other way round each hold-up would put the clock forward for good. */
    int64_t system = now_ns(CLOCK_REALTIME);
    int64_t monotonic = now_ns(CLOCK_MONOTONIC);
    int64_t seen = system - monotonic;
    int64_t known = atomic_load(&lead);
    while (seen > known && !atomic_compare_exchange_weak(&lead, &known, seen))
        ;
    return (monotonic + (seen > known ? seen : known)) / SECOND;
}

uint64_t clock_monotonic_ns(void)
{
    return (uint64_t)now_ns(CLOCK_MONOTONIC);
}

uint64_t clock_monotonic_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

uint64_t clock_thread_cpu_ns(void)
{
    return (uint64_t)now_ns(CLOCK_THREAD_CPUTIME_ID);
}
