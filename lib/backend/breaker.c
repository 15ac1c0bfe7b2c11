/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/backend/breaker.h"

#include "lib/backend/deadline.h"

bool breaker_begin(struct breaker *b)
{
    *b = (struct breaker){.failures = 0};
    return pthread_mutex_init(&b->lock, NULL) == 0;
}

void breaker_end(struct breaker *b)
{
    pthread_mutex_destroy(&b->lock);
}

bool breaker_admit(struct breaker *b, uint64_t now)
{
    pthread_mutex_lock(&b->lock);
    bool closed = b->failures < BREAKER_FAILURES;
    bool admitted = closed || (now >= b->open_until && !b->trying);
    if (admitted && !closed)
        b->trying = true;
    pthread_mutex_unlock(&b->lock);
    return admitted;
}

static void fail(struct breaker *b, uint64_t now)
{
    /* Attempts that began before it opened end one after the other: they are one failure. */
    if (b->failures >= BREAKER_FAILURES && !b->trying)
        return;
    if (b->failures < BREAKER_FAILURES)
        b->failures++;
    if (b->failures < BREAKER_FAILURES)
        return;
    b->pause_ms = b->pause_ms ? b->pause_ms * 2 : BREAKER_PAUSE_MS;
    if (b->pause_ms > BREAKER_PAUSE_MAX_MS)
        b->pause_ms = BREAKER_PAUSE_MAX_MS;
    b->open_until = now + b->pause_ms * BACKEND_NS_PER_MS;
}

bool breaker_report(struct breaker *b, uint64_t now, enum breaker_outcome outcome)
{
    pthread_mutex_lock(&b->lock);
    bool was_open = b->failures >= BREAKER_FAILURES;
    if (outcome == BREAKER_SUCCESS) {
        b->failures = 0;
        b->pause_ms = 0;
    } else if (outcome == BREAKER_FAILURE) {
        fail(b, now);
    }
    b->trying = false;
    bool is_open = b->failures >= BREAKER_FAILURES;
    pthread_mutex_unlock(&b->lock);
    return was_open != is_open;
}

uint64_t breaker_pause(struct breaker *b, uint64_t now)
{
    pthread_mutex_lock(&b->lock);
    bool waits = b->failures >= BREAKER_FAILURES && now < b->open_until;
    uint64_t left = waits ? (b->open_until - now) / BACKEND_NS_PER_MS + 1 : 0;
    pthread_mutex_unlock(&b->lock);
    return left;
}
