/* SPDX-License-Identifier: Apache-2.0
 *
 * The store of collateral: what vendors have signed about their platforms. Memory, then folders, then the network.
 *
 * Only what a verifier has found genuine (trustee_verifier.judge_collateral) is kept or handed out, whatever it came
 * from. Issue date and number of one kind and key never go back, across restarts too where there is a folder of our
 * own. Time is judged by the verifier, each time; the store only knows when an item wants to be renewed.
 *
 * Workers look into memory (collateral_pin); everything that may wait happens on one thread of the store, which begins
 * with the first thing that it has to do. See docs/collateral.md.
 */
#ifndef CORE_COLLATERAL_H
#define CORE_COLLATERAL_H

#include "core/collateral/item.h"
#include "core/collateral/settings.h"

struct collateral_store;

/* Asks the verifiers whether an item is genuine; given by the service, for the store knows no plugins. Called on the
 * store's thread alone. On refusal `why` is a text for people. ATTEST_REFUSED, PLUGIN_NOT_SUPPORTED, PLUGIN_FAULT,
 * NO_MEMORY. */
typedef result collateral_judge_fn(void *user, const struct collateral_item *item, int64_t now,
                                   struct collateral_facts *out, char *why, size_t why_size);

/* Opens folder and offline paths and reads the base URLs; fetches nothing. The settings outlive the store.
 * CONFIG_VALUE, STORAGE, NO_MEMORY; `error` is a text for people. */
MUST_CHECK result collateral_open(const struct collateral_settings *settings, collateral_judge_fn *judge, void *user,
                                  struct collateral_store **out, char *error, size_t error_size);
/* Who waits is told UNREACHABLE, and so is everybody from now on; for an end that does not wait for a network. */
void collateral_stop(struct collateral_store *s);
/* No item is pinned any more. NULL is allowed. */
void collateral_close(struct collateral_store *s);

/* --- from a request, on any thread ---------------------------------------------------------------------------------
 */
/* An item in memory, pinned until collateral_unpin(). False: not there, or past its not_after and `stale` is not
 * asked for. No heap, no I/O. */
bool collateral_pin(struct collateral_store *s, const trustee_need *need, int64_t now, bool stale,
                    const struct collateral_item **out);
void collateral_unpin(struct collateral_store *s, const struct collateral_item *item);
/* Facts of a pinned item. */
const struct collateral_facts *collateral_facts_of(const struct collateral_item *item);
/* A platform's evidence was found genuine with this pinned item: from now on its platform may draw on the reserve of
 * the budgets. */
void collateral_verified(struct collateral_store *s, const struct collateral_item *item);

/* Why an item could not be had, from good to bad. */
enum collateral_outcome {
    COLLATERAL_HERE,        /* it is in memory now */
    COLLATERAL_NONE,        /* its origins say with authority that there is none */
    COLLATERAL_REFUSED,     /* what came is not genuine */
    COLLATERAL_BUSY,        /* a budget of rule 10 is used up: come back later */
    COLLATERAL_UNREACHABLE, /* no origin answered in time, or all asked to wait, or it is nowhere and there is no
                               network */
};

/* How it ended: `item` and `why` (empty where all is HERE) live until done() returns. */
struct collateral_end {
    enum collateral_outcome worst;
    unsigned retry_after; /* seconds; 0: no particular time */
    slice item;           /* "kind key" of the item that made it the worst */
    slice why;
};

struct collateral_want {
    const trustee_need *needs; /* TRUSTEE_NEEDS_MAX at most; copied */
    size_t count;
    slice peer;           /* who asks, for the budgets of what nothing has authenticated yet; copied */
    uint64_t deadline_ns; /* CLOCK_MONOTONIC */
    /* Called once, on the thread of the store, when every item is here or failed, or the deadline has passed. */
    void (*done)(void *user, const struct collateral_end *end);
    void *user;
};
/* Begins to bring items into memory: one request per item in flight, whoever else wants it. On failure (NO_MEMORY, IO)
 * done is not called. */
MUST_CHECK result collateral_fetch(struct collateral_store *s, const struct collateral_want *want);
/* Begins to bring one item for later, where that has not been begun already; nobody waits and nobody is told. At most
 * one is begun each second. */
void collateral_bring(struct collateral_store *s, const trustee_need *need);

/* Metrics in the Prometheus text format, appended to `t`. */
void collateral_metrics(struct collateral_store *s, int64_t now, struct text *t);

#endif
