/* SPDX-License-Identifier: Apache-2.0
 *
 * The store of collateral: what vendors have signed about their platforms. Memory, then folders, then the network.
 *
 * Only what a verifier has found genuine (trustee_verifier.judge_collateral) is kept or handed out, whatever it came
 * from. Issue date and number of one kind and key never go back, across restarts too. Time is judged by the verifier,
 * each time; the store only knows when an item wants to be renewed.
 */
#ifndef CORE_COLLATERAL_H
#define CORE_COLLATERAL_H

#include "core/collateral/item.h"
#include "core/conf/bind.h"
#include "core/plugin/plugin.h"

struct collateral_store;

/* Asks the verifier that wants an item whether it is genuine; given by the service, for the store knows no plugins. */
typedef result collateral_judge_fn(void *user, const struct collateral_item *item, int64_t now,
                                   struct collateral_facts *out);

/* --- from a request, on a worker's thread ---------------------------------------------------------------------------
 */
/* An item in memory, pinned until collateral_unpin(); false: not there, or stale beyond what it may be used. */
bool collateral_pin(struct collateral_store *s, slice kind, slice key, int64_t now, const struct collateral_item **out);
void collateral_unpin(struct collateral_store *s, const struct collateral_item *item);

/* Why an item could not be had. */
enum collateral_outcome {
    COLLATERAL_HERE,        /* it is in memory now */
    COLLATERAL_NONE,        /* its origin says with authority that there is none */
    COLLATERAL_REFUSED,     /* what came is not genuine */
    COLLATERAL_UNREACHABLE, /* no origin answered in time, or all asked to wait */
    COLLATERAL_BUSY,        /* a budget of rule 10 is used up: come back later */
};
struct collateral_want {
    const trustee_need *needs;
    size_t count;
    slice peer;           /* who asks, for the budgets of what nothing has authenticated yet */
    bool authenticated;   /* the platform has been verified before */
    uint64_t deadline_ns; /* CLOCK_MONOTONIC */
    /* Called once, on a thread of the store, when every item is here or failed, or the deadline has passed;
     * `retry_after` in seconds, 0: none. */
    void (*done)(void *user, enum collateral_outcome worst, unsigned retry_after);
    void *user;
};
/* Begins to bring items into memory: one request per item in flight, whoever else wants it. NO_MEMORY: done is not
 * called. */
MUST_CHECK result collateral_fetch(struct collateral_store *s, const struct collateral_want *want);

#endif
