/* SPDX-License-Identifier: Apache-2.0
 *
 * Items on their way: one flight an item, whoever waits for it; origins in order, each left alone while it asks to be.
 */
#include "core/collateral/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock/clock.h"
#include "core/log/log.h"

#define ATTEMPTS_MAX 3u     /* rounds through origins that fail */
#define THROTTLED_MAX 16u   /* times that a flight is asked to wait */
#define ROUND_PAUSE_MS 250u /* before the next round; doubles */
#define TRANSFERS_PER_ORIGIN 4u
#define RETRY_DEFAULT 2u /* seconds */
#define SCRATCH_KEEP ((size_t)64 << 10)

/* --- those who wait ----------------------------------------------------------------------------------------------- */

void want_free(struct want *w)
{
    free(w);
}

static void want_end(struct collateral_store *s, struct want *w)
{
    struct collateral_end end = {
        .worst = w->worst, .retry_after = w->retry_after, .item = slice_text(w->item), .why = slice_text(w->why)};
    if (w->at) {
        *w->at = w->next;
        if (w->next)
            w->next->at = w->at;
    }
    atomic_fetch_sub(&s->waiting, 1);
    w->done(w->user, &end);
    want_free(w);
}

struct ending {
    enum collateral_outcome outcome;
    uint64_t retry_after; /* seconds */
    const char *why;
};

/* One item of a want has its answer; it does not end the want. */
static void want_note(struct want *w, const trustee_need *need, const struct ending *e)
{
    if (e->retry_after > w->retry_after)
        w->retry_after = e->retry_after < 3600 ? (unsigned)e->retry_after : 3600;
    if (e->outcome <= w->worst)
        return;
    w->worst = e->outcome;
    snprintf(w->item, sizeof w->item, "%.*s %.*s", SLICE_ARG(need->kind), SLICE_ARG(slice_sub(need->key, 0, 240)));
    snprintf(w->why, sizeof w->why, "%s", e->why);
}

static void settle(struct collateral_store *s, struct waiter *waiter, const struct ending *e)
{
    struct want *w = waiter->want;
    want_note(w, &w->needs[waiter - w->waiters], e);
    if (--w->pending == 0)
        want_end(s, w);
}

static void settle_all(struct flight *f, const struct ending *e)
{
    struct waiter *waiter = f->waiters;
    f->waiters = NULL;
    for (struct waiter *next; waiter; waiter = next) {
        next = waiter->next;
        settle(f->store, waiter, e);
    }
}

/* --- flights ------------------------------------------------------------------------------------------------------ */

static struct flight *flight_find(struct collateral_store *s, slice kind, slice key)
{
    struct flight *f = s->flights;
    while (f && !(slice_equal(f->key, key) && slice_equal(f->kind->name, kind)))
        f = f->next;
    return f;
}

static void flight_drop(struct flight *f)
{
    struct collateral_store *s = f->store;
    if (f->transfer) {
        fetcher_cancel(f->transfer);
        f->origin->active--;
    }
    *f->at = f->next;
    if (f->next)
        f->next->at = f->at;
    s->flight_count--;
    s->platform_flights -= f->kind->platform;
    free(f);
}

static bool has_room(const struct collateral_store *s, const struct collateral_kind *kind)
{
    return s->flight_count < FLIGHTS_MAX && (!kind->platform || s->platform_flights < PLATFORM_FLIGHTS_MAX);
}

/* The newest stands last: first come, first served. */
static struct flight *flight_new(struct collateral_store *s, const struct collateral_kind *kind, slice key)
{
    struct flight **last = &s->flights;
    struct flight *f = calloc(1, sizeof *f + key.len);
    if (!f)
        return NULL;
    memcpy(f->text, key.ptr, key.len);
    while (*last)
        last = &(*last)->next;
    f->store = s;
    f->kind = kind;
    f->key = slice_of(f->text, key.len);
    f->at = last;
    *last = f;
    s->flight_count++;
    s->platform_flights += kind->platform;
    return f;
}

static void say_why(struct flight *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say_why(struct flight *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(f->why, sizeof f->why, format, args);
    va_end(args);
    log_debug("collateral", "%.*s %.*s: %s", SLICE_ARG(f->kind->name), SLICE_ARG(slice_sub(f->key, 0, 200)), f->why);
}

/* It has ended, one way or another. */
static void flight_end(struct flight *f, const struct ending *e)
{
    if (e->outcome != COLLATERAL_HERE && e->outcome != COLLATERAL_NONE)
        log_warn("collateral", "%.*s %.*s could not be fetched: %s", SLICE_ARG(f->kind->name),
                 SLICE_ARG(slice_sub(f->key, 0, 200)), e->why);
    settle_all(f, e);
    flight_drop(f);
}

/* --- what came ---------------------------------------------------------------------------------------------------- */

static uint32_t bit_of(const struct flight *f)
{
    return 1u << (f->origin - f->store->origins.at);
}

static void count(struct flight *f, enum fetch_result what)
{
    atomic_fetch_add(&f->store->fetches[f->origin->service][what], 1);
}

static void failed(struct flight *f, uint64_t retry_after)
{
    count(f, FETCH_FAILED);
    f->tried |= bit_of(f);
    f->failed |= bit_of(f);
    origin_failed(f->origin, clock_monotonic_ms(), retry_after, false);
}

static void throttled(struct flight *f, const struct fetched *got)
{
    count(f, FETCH_THROTTLED);
    say_why(f, "%.*s answered %u: it asks to wait", SLICE_ARG(f->origin->host), got->answer.status);
    origin_failed(f->origin, clock_monotonic_ms(), got->retry_after, true);
    if (f->attempts < THROTTLED_MAX)
        return;
    f->tried |= bit_of(f);
    f->failed |= bit_of(f);
}

/* True: it is here. */
static bool take_item(struct flight *f, const struct fetched *got)
{
    struct collateral_store *s = f->store;
    struct collateral_item item = {.kind = f->kind->name, .key = f->key};
    const char *looks;
    char why[WHY_SIZE];
    if (!answer_to_item(&got->answer, f->kind, &s->scratch, &item, &looks)) {
        say_why(f, "%.*s answered with something else: %s", SLICE_ARG(f->origin->host), looks);
        failed(f, 0);
        return false;
    }
    origin_answered(f->origin);
    result r = keep(s, &item, FROM_NETWORK, why);
    if (!FAILED(r) && is_fresh(s, f->kind->name, f->key)) {
        count(f, FETCH_OK);
        return true;
    }
    count(f, !FAILED(r) || r.reason == COLLATERAL_OLDER ? FETCH_OLDER : FETCH_REFUSED);
    say_why(f, "from %.*s: %s", SLICE_ARG(f->origin->host),
            why[0]      ? why
            : FAILED(r) ? reason_text(r.reason)
                        : "it has expired");
    f->tried |= bit_of(f);
    if (r.reason == ATTEST_REFUSED)
        f->refused = true;
    else
        f->failed |= bit_of(f);
    /* What there is may be newer and in force. */
    return r.reason == COLLATERAL_OLDER && is_fresh(s, f->kind->name, f->key);
}

static void on_fetched(void *user, const struct fetched *got)
{
    struct flight *f = user;
    struct collateral_store *s = f->store;
    unsigned status = got->answer.status;
    bool here = false;
    f->transfer = NULL;
    f->origin->active--;
    if (status == 200) {
        here = take_item(f, got);
    } else if (status == 404) {
        count(f, FETCH_NONE);
        origin_answered(f->origin);
        say_why(f, "%.*s answered 404: it has none", SLICE_ARG(f->origin->host));
        f->tried |= bit_of(f);
    } else if (status == 429 || status == 503) {
        throttled(f, got);
    } else if (status) {
        say_why(f, "%.*s answered %u", SLICE_ARG(f->origin->host), status);
        failed(f, got->retry_after);
    } else {
        say_why(f, "%.*s: %s", SLICE_ARG(f->origin->host), got->error);
        failed(f, 0);
    }
    arena_reset(&s->scratch, SCRATCH_KEEP);
    if (here)
        flight_end(f, &(struct ending){COLLATERAL_HERE, 0, ""});
    attend(s);
}

/* --- going on ----------------------------------------------------------------------------------------------------- */

static bool depart(struct flight *f, struct origin *o, const char *url)
{
    struct collateral_store *s = f->store;
    size_t limit = f->kind->limit < s->settings->item_limit ? f->kind->limit : (size_t)s->settings->item_limit;
    const char *error;
    f->origin = o;
    f->attempts++;
    f->transfer = fetcher_get(s->fetcher, url, limit, on_fetched, f, &error);
    if (f->transfer) {
        o->active++;
        return true;
    }
    say_why(f, "%s", error);
    failed(f, 0);
    return false;
}

static void absent(struct flight *f)
{
    char why[WHY_SIZE];
    limits_absent(f->store->limits, f->kind->name, f->key, clock_monotonic_ms());
    memcpy(why, f->why, sizeof why);
    flight_end(f, &(struct ending){COLLATERAL_NONE, 0, why});
}

/* Every origin has had its turn. True: there will be another round; *wake says when. */
static bool next_round(struct flight *f, uint64_t now_ms, uint64_t *wake)
{
    char why[WHY_SIZE];
    memcpy(why, f->why, sizeof why);
    if (!f->failed && !f->refused) {
        absent(f);
        return false;
    }
    if (f->refused || !f->waiters || f->attempts >= ATTEMPTS_MAX) {
        enum collateral_outcome outcome = f->refused ? COLLATERAL_REFUSED : COLLATERAL_UNREACHABLE;
        flight_end(f, &(struct ending){outcome, f->refused ? 0 : RETRY_DEFAULT, why});
        return false;
    }
    f->tried &= ~f->failed;
    f->failed = 0;
    f->not_before_ms = now_ms + (ROUND_PAUSE_MS << f->attempts);
    *wake = f->not_before_ms;
    return true;
}

/* Those who cannot wait so long are told at once. False: nobody is left, and the flight is gone. */
static bool wait_until(struct flight *f, uint64_t now_ms, uint64_t wake)
{
    uint64_t seconds = (wake - now_ms + 999) / 1000;
    struct ending e = {COLLATERAL_UNREACHABLE, seconds, f->why[0] ? f->why : "its origin asked to wait"};
    for (struct waiter **at = &f->waiters; *at;) {
        struct waiter *waiter = *at;
        if (waiter->want->deadline_ms > wake) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        settle(f->store, waiter, &e);
    }
    if (f->waiters)
        return true;
    flight_drop(f);
    return false;
}

/* Gives when to come again, UINT64_MAX: when something happens. The flight may be gone then. */
static uint64_t flight_step(struct flight *f)
{
    struct collateral_store *s = f->store;
    uint64_t now = clock_monotonic_ms(), wake = UINT64_MAX;
    bool any = false;
    char url[ORIGIN_URL_MAX];
    if (f->transfer)
        return UINT64_MAX;
    if (f->not_before_ms > now)
        return f->not_before_ms;
    for (size_t i = 0; i < s->origins.count; i++) {
        struct origin *o = &s->origins.at[i];
        if (f->tried & 1u << i || !origin_url(&s->origins, o, f->kind->name, f->key, url))
            continue;
        any = true;
        if (o->asleep_ms > now) {
            wake = o->asleep_ms < wake ? o->asleep_ms : wake;
            continue;
        }
        if (o->active >= (o->failures ? 1 : TRANSFERS_PER_ORIGIN))
            return UINT64_MAX;
        if (depart(f, o, url))
            return UINT64_MAX;
    }
    if (any && wake != UINT64_MAX)
        return wait_until(f, now, wake) ? wake : UINT64_MAX;
    return next_round(f, now, &wake) ? wake : UINT64_MAX;
}

/* Leaves the flights that it waits for; they go on. */
static void want_leave(struct collateral_store *s, const struct want *w)
{
    for (struct flight *f = s->flights; f; f = f->next)
        for (struct waiter **at = &f->waiters; *at;)
            if ((*at)->want == w)
                *at = (*at)->next;
            else
                at = &(*at)->next;
}

static uint64_t expire_wants(struct collateral_store *s)
{
    uint64_t now = clock_monotonic_ms(), next_end = UINT64_MAX;
    for (struct want *w = s->wants, *next; w; w = next) {
        next = w->next;
        if (w->deadline_ms > now) {
            next_end = w->deadline_ms < next_end ? w->deadline_ms : next_end;
            continue;
        }
        for (size_t i = 0; i < w->count; i++) {
            struct flight *f = flight_find(s, w->needs[i].kind, w->needs[i].key);
            const char *why = f && f->why[0] ? f->why : "no answer in time";
            if (f)
                want_note(w, &w->needs[i], &(struct ending){COLLATERAL_UNREACHABLE, RETRY_DEFAULT, why});
        }
        want_leave(s, w);
        want_end(s, w);
    }
    return next_end;
}

uint64_t flights_step(struct collateral_store *s)
{
    uint64_t wake = expire_wants(s);
    for (struct flight *f = s->flights, *next; f; f = next) {
        next = f->next;
        uint64_t at = flight_step(f);
        wake = at < wake ? at : wake;
    }
    return wake;
}

void flights_drop_all(struct collateral_store *s)
{
    while (s->flights)
        flight_drop(s->flights);
}

/* --- beginning ---------------------------------------------------------------------------------------------------- */

void flight_renew(struct collateral_store *s, const struct collateral_kind *kind, slice key)
{
    if (!flight_find(s, kind->name, key) && has_room(s, kind)) {
        struct flight *f = flight_new(s, kind, key);
        if (f)
            f->renewal = true;
    }
}

/* False: the item has its answer already, in *e. */
static bool need_begin(struct collateral_store *s, struct want *w, size_t index, struct ending *e)
{
    const trustee_need *n = &w->needs[index];
    const struct collateral_kind *kind = collateral_kind_of(n->kind);
    uint64_t now = clock_monotonic_ms(), wait_ms = 0;
    *e = (struct ending){COLLATERAL_NONE, 0, "there is no collateral of such a name"};
    if (!kind || !collateral_is_name(n->kind, n->key))
        return false;
    struct flight *f = flight_find(s, n->kind, n->key);
    *e = (struct ending){COLLATERAL_HERE, 0, ""};
    if (is_fresh(s, n->kind, n->key) || (!f && find_local(s, n->kind, n->key)))
        return false;
    *e = (struct ending){COLLATERAL_NONE, 0, "its origin said less than a minute ago that it has none"};
    if (!f && limits_is_absent(s->limits, n->kind, n->key, now))
        return false;
    *e = (struct ending){COLLATERAL_UNREACHABLE, 60,
                         s->settings->network ? "no origin that has it is configured in [collateral]"
                                              : "it is in no folder, and [collateral] network = no"};
    if (!f && !has_origin(s, n->kind, n->key))
        return false;
    *e = (struct ending){COLLATERAL_BUSY, RETRY_DEFAULT, "too many items are being fetched already"};
    if (!f && !has_room(s, kind))
        return false;
    bool drawn = f || limits_draw(s->limits, kind, n->key, slice_text(w->peer), now, &wait_ms);
    *e = (struct ending){COLLATERAL_BUSY, (wait_ms + 999) / 1000,
                         "the budget of [collateral] for unknown platforms is used up"};
    if (!drawn || (!f && !(f = flight_new(s, kind, n->key))))
        return false;
    w->waiters[index] = (struct waiter){w, f->waiters};
    f->waiters = &w->waiters[index];
    return true;
}

static void bring(struct collateral_store *s, const trustee_need *n)
{
    const struct collateral_kind *kind = collateral_kind_of(n->kind);
    if (!kind || !collateral_is_name(n->kind, n->key) || is_fresh(s, n->kind, n->key) ||
        find_local(s, n->kind, n->key) || limits_is_absent(s->limits, n->kind, n->key, clock_monotonic_ms()) ||
        !has_origin(s, n->kind, n->key))
        return;
    flight_renew(s, kind, n->key);
}

void want_begin(struct collateral_store *s, struct want *w)
{
    struct ending e;
    if (w->nobody) {
        bring(s, &w->needs[0]);
        want_free(w);
        return;
    }
    w->next = s->wants;
    w->at = &s->wants;
    if (w->next)
        w->next->at = &w->next;
    s->wants = w;
    w->pending = 1;
    for (size_t i = 0; i < w->count; i++)
        if (need_begin(s, w, i, &e))
            w->pending++;
        else
            want_note(w, &w->needs[i], &e);
    if (--w->pending == 0)
        want_end(s, w);
}

void wants_refuse_all(struct collateral_store *s, const char *why)
{
    while (s->wants) {
        struct want *w = s->wants;
        want_leave(s, w);
        want_note(w, &w->needs[0], &(struct ending){COLLATERAL_UNREACHABLE, 1, why});
        want_end(s, w);
    }
}
