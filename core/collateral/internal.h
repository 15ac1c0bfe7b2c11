/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the store share. Nobody else includes it. Everything but `memory`, `limits` and what `lock` guards
 * belongs to the store's thread.
 */
#ifndef CORE_COLLATERAL_INTERNAL_H
#define CORE_COLLATERAL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/collateral/collateral.h"
#include "core/collateral/fetcher.h"
#include "core/collateral/limits.h"
#include "core/collateral/memory.h"
#include "core/collateral/origin.h"

#define OFFLINE_MAX 16
#define FLIGHTS_MAX 256u
#define PLATFORM_FLIGHTS_MAX 192u /* the rest is left for what all platforms share */
#define WHY_SIZE 256
#define ITEM_SIZE 320

/* What came of one transfer, for the metrics. */
enum fetch_result { FETCH_OK, FETCH_NONE, FETCH_REFUSED, FETCH_OLDER, FETCH_THROTTLED, FETCH_FAILED, FETCH_RESULTS };

struct want;
struct waiter {
    struct want *want;
    struct waiter *next; /* of the same flight */
};

/* Somebody who waits for items. */
struct want {
    struct want *next, **at; /* `at` only once it has begun */
    trustee_need needs[TRUSTEE_NEEDS_MAX];
    struct waiter waiters[TRUSTEE_NEEDS_MAX];
    size_t count, pending;
    uint64_t deadline_ms;
    void (*done)(void *user, const struct collateral_end *end);
    void *user;
    enum collateral_outcome worst;
    unsigned retry_after;
    bool nobody; /* one item for later: nobody waits, and done is NULL */
    char peer[64], item[ITEM_SIZE], why[WHY_SIZE];
    uint8_t texts[]; /* kinds and keys */
};

/* One item on its way, whoever waits for it. */
struct flight {
    struct flight *next, **at;
    struct collateral_store *store;
    const struct collateral_kind *kind;
    slice key;
    struct waiter *waiters;
    bool renewal; /* goes on though nobody waits */
    struct transfer *transfer;
    struct origin *origin;  /* of the transfer */
    uint32_t tried, failed; /* bits of origins */
    unsigned attempts;
    bool refused;
    uint64_t not_before_ms;
    unsigned retry_after;
    char why[WHY_SIZE];
    uint8_t text[]; /* the key */
};

struct collateral_store {
    const struct collateral_settings *settings;
    collateral_judge_fn *judge;
    void *user;
    struct memory *memory;
    struct limits *limits;
    struct origins origins;
    struct collateral_folder folder; /* fd -1: none */
    struct collateral_offline *offline[OFFLINE_MAX];
    size_t offline_count;
    struct arena texts, scratch;
    struct fetcher_settings fetching;

    pthread_mutex_t lock;
    struct want *queue, **queue_last; /* not begun yet */
    bool started, stopping, closing;
    pthread_t thread;

    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t timer;
    struct fetcher *fetcher;
    struct want *wants;
    struct flight *flights;
    unsigned flight_count, platform_flights;
    bool loaded;
    int64_t renew_at; /* wall clock: nothing is due before */

    _Atomic uint64_t fetches[ORIGIN_KDS + 1][FETCH_RESULTS];
    _Atomic int64_t waiting;
    _Atomic uint64_t bring_after_ms; /* what nobody waits for is begun this seldom */
};

/* --- keep.c: judging, keeping, looking into folders --- */

enum source { FROM_FOLDER, FROM_OFFLINE, FROM_NETWORK };
/* Has it judged, and keeps it in memory and folder unless it is older than what there is. ATTEST_REFUSED,
 * PLUGIN_NOT_SUPPORTED, PLUGIN_FAULT, COLLATERAL_OLDER, NO_MEMORY; `why` (WHY_SIZE) is for people. */
MUST_CHECK result keep(struct collateral_store *s, const struct collateral_item *item, enum source source, char *why);
/* Whether memory has it, not past its not_after. */
bool is_fresh(struct collateral_store *s, slice kind, slice key);
/* Looks into our folder and the offline paths; true when it is fresh in memory then. */
bool find_local(struct collateral_store *s, slice kind, slice key);
/* Reads what all platforms share from our folder, at the start. */
void load_folder(struct collateral_store *s);
/* Looks for what is due to be renewed; gives the wall-clock second when something will be. */
int64_t renew(struct collateral_store *s);
/* Whether any origin has such a thing. */
bool has_origin(const struct collateral_store *s, slice kind, slice key);

/* --- flight.c --- */

void want_begin(struct collateral_store *s, struct want *w);
void want_free(struct want *w);
void wants_refuse_all(struct collateral_store *s, const char *why);
/* Begins a renewal, unless the item is on its way already. */
void flight_renew(struct collateral_store *s, const struct collateral_kind *kind, slice key);
/* Ends what is past its deadline and goes on with every flight; gives the monotonic millisecond when it is to be called
 * again at the latest. */
uint64_t flights_step(struct collateral_store *s);
void flights_drop_all(struct collateral_store *s);

/* --- store.c --- */
/* Something has happened: goes on with everything, and sets the timer. */
void attend(struct collateral_store *s);

#endif
