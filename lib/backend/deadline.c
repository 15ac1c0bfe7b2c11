/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/backend/deadline.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#define LOOK_UP_MS 100 /* how often a waiting operation asks whether it is still wanted */

uint64_t backend_now(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

void deadline_begin(struct deadline *d, const trustee_host *host, trustee_request *req, uint64_t timeout_ms)
{
    *d = (struct deadline){.host = host, .req = req, .end = backend_now() + timeout_ms * BACKEND_NS_PER_MS};
}

bool deadline_over(struct deadline *d)
{
    if (!d->cancelled && d->req && d->host->cancelled)
        d->cancelled = d->host->cancelled(d->req) != 0;
    return d->cancelled || backend_now() >= d->end;
}

bool deadline_wait(struct deadline *d, int fd, short events)
{
    while (!deadline_over(d)) {
        uint64_t now = backend_now(), left = now < d->end ? (d->end - now) / BACKEND_NS_PER_MS + 1 : 0;
        struct pollfd p = {.fd = fd, .events = events};
        int n = poll(&p, 1, left < LOOK_UP_MS ? (int)left : LOOK_UP_MS);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
    return false;
}
