/* SPDX-License-Identifier: Apache-2.0
 *
 * GET over HTTP(S), many at a time, on a libuv loop, with libcurl. libcurl is opened when the first transfer begins and
 * not before: see docs/decisions/0008. All calls on the loop's thread.
 */
#ifndef CORE_COLLATERAL_FETCHER_H
#define CORE_COLLATERAL_FETCHER_H

#include <uv.h>

#include "core/collateral/answer.h"

struct fetcher_settings {
    const char *ca;    /* file of PEM CAs that vouch for servers besides the system's; NULL: none */
    const char *proxy; /* NULL: as the environment says */
    unsigned timeout_ms;
};

struct fetched {
    struct answer answer; /* status 0: there was no answer, or not a whole one */
    uint64_t retry_after; /* seconds; 0: not said */
    const char *error;    /* with status 0: why, for people */
};

struct fetcher;
struct transfer;
/* `settings` lives as long as the fetcher. */
MUST_CHECK result fetcher_new(uv_loop_t *loop, const struct fetcher_settings *settings, struct fetcher **out);
/* Begins a transfer. done() is called once, later, unless the transfer is cancelled; what it gets lives until it
 * returns. A body over `limit` bytes, a redirect, another scheme than the URL's, or a time-out ends it. NULL: `*error`
 * says why. */
struct transfer *fetcher_get(struct fetcher *f, const char *url, size_t limit,
                             void (*done)(void *user, const struct fetched *got), void *user, const char **error);
void fetcher_cancel(struct transfer *t);
/* Cancels everything and closes its handles; memory is freed by fetcher_free, after the loop has closed them. */
void fetcher_stop(struct fetcher *f);
void fetcher_free(struct fetcher *f);

#endif
