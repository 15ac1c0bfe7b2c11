/* SPDX-License-Identifier: Apache-2.0
 *
 * What is kept: judged first, never older than what there is; and when it is looked for again.
 */
#include "core/collateral/internal.h"

#include <stdio.h>

#include "core/clock/clock.h"
#include "core/log/log.h"

#define LOOK_EVERY 300           /* seconds: files that an operator has changed are noticed within */
#define UNUSED_AFTER (7 * 86400) /* nobody asked: it is not renewed */
#define SOON 30                  /* what was read from disk at the start may be old */
#define RETRY_MIN 60
#define RETRY_MAX 3600
#define RENEWALS_AT_ONCE 16
#define LIST_ARENA ((size_t)256 << 20)
#define SCRATCH_KEEP ((size_t)64 << 10)

bool has_origin(const struct collateral_store *s, slice kind, slice key)
{
    char url[ORIGIN_URL_MAX];
    for (size_t i = 0; s->settings->network && i < s->origins.count; i++)
        if (origin_url(&s->origins, &s->origins.at[i], kind, key, url))
            return true;
    return false;
}

static bool has_files(const struct collateral_store *s)
{
    return s->folder.fd >= 0 || s->offline_count;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When to look again for what came just now. */
static void schedule(struct collateral_store *s, struct entry *e, enum source source, int64_t now)
{
    int64_t look = has_files(s) && e->kind->renewed ? now + LOOK_EVERY : INT64_MAX, ask = INT64_MAX;
    if (has_origin(s, e->item.kind, e->item.key)) {
        if (e->kind->renewed)
            ask = now + (source == FROM_NETWORK ? (int64_t)s->settings->refresh : SOON);
        if (e->facts.not_after)
            ask = sooner(ask, e->facts.not_after - (int64_t)s->settings->prefetch);
        if (ask < now + SOON)
            ask = now + (source == FROM_NETWORK ? RETRY_MAX : SOON);
    }
    memory_schedule(s->memory, e, look, ask, false);
    s->renew_at = 0;
}

static bool same(const struct collateral_item *a, const struct collateral_item *b)
{
    return slice_equal(a->bytes, b->bytes) && slice_equal(a->chain, b->chain);
}

/* True when it is there already, word for word. */
static bool is_known(struct collateral_store *s, const struct collateral_item *item, enum source source, int64_t now)
{
    struct entry *e = memory_pin(s->memory, item->kind, item->key, 0);
    bool known = e && same(&e->item, item);
    if (known && source == FROM_NETWORK)
        schedule(s, e, source, now);
    if (e)
        memory_unpin(s->memory, e);
    return known;
}

static bool is_older_than_known(struct collateral_store *s, const struct collateral_item *item,
                                const struct collateral_facts *facts)
{
    struct entry *e = memory_pin(s->memory, item->kind, item->key, 0);
    bool older = e && collateral_is_older(facts, &e->facts);
    if (e)
        memory_unpin(s->memory, e);
    return older;
}

static result keep_on_disk(struct collateral_store *s, const struct collateral_item *item,
                           const struct collateral_facts *facts)
{
    if (s->folder.fd < 0)
        return OK;
    result r = collateral_folder_put(&s->folder, item, facts);
    if (r.reason == COLLATERAL_OLDER)
        return r;
    if (FAILED(r))
        log_warn("collateral", "%.*s %.*s is kept in memory only: %s", SLICE_ARG(item->kind),
                 SLICE_ARG(slice_sub(item->key, 0, 200)), reason_text(r.reason));
    return OK;
}

result keep(struct collateral_store *s, const struct collateral_item *item, enum source source, char *why)
{
    struct collateral_facts facts = {0};
    int64_t now = clock_wall();
    why[0] = 0;
    if (is_known(s, item, source, now))
        return OK;
    TRY(s->judge(s->user, item, now, &facts, why, WHY_SIZE));
    snprintf(why, WHY_SIZE, "it is older than what is there already");
    ENSURE(!is_older_than_known(s, item, &facts), COLLATERAL_OLDER);
    if (source != FROM_FOLDER)
        TRY(keep_on_disk(s, item, &facts));
    snprintf(why, WHY_SIZE, "no memory for it; raise [collateral] memory");
    TRY(memory_put(s->memory, item, &facts, now));
    struct entry *e = memory_pin(s->memory, item->kind, item->key, 0);
    if (e) {
        schedule(s, e, source, now);
        memory_unpin(s->memory, e);
    }
    why[0] = 0;
    return OK;
}

bool is_fresh(struct collateral_store *s, slice kind, slice key)
{
    struct entry *e = memory_pin(s->memory, kind, key, 0);
    if (!e)
        return false;
    bool fresh = !e->facts.not_after || clock_wall() < e->facts.not_after;
    memory_unpin(s->memory, e);
    return fresh;
}

static void try_keep(struct collateral_store *s, const struct collateral_item *item, enum source source)
{
    char why[WHY_SIZE];
    result r = keep(s, item, source, why);
    if (FAILED(r) && r.reason != COLLATERAL_OLDER)
        log_warn("collateral", "%.*s %.*s from %s is not used: %s", SLICE_ARG(item->kind),
                 SLICE_ARG(slice_sub(item->key, 0, 200)), source == FROM_FOLDER ? "the folder" : "an offline path",
                 why[0] ? why : reason_text(r.reason));
}

static void complain(slice kind, slice key, const char *place, result r)
{
    if (FAILED(r) && r.reason != COLLATERAL_ABSENT)
        log_warn("collateral", "%.*s %.*s in %s: %s", SLICE_ARG(kind), SLICE_ARG(slice_sub(key, 0, 200)), place,
                 reason_text(r.reason));
}

bool find_local(struct collateral_store *s, slice kind, slice key)
{
    struct collateral_item item;
    struct collateral_facts facts;
    if (s->folder.fd >= 0) {
        result r = collateral_folder_get(&s->folder, kind, key, &s->scratch, &item, &facts);
        complain(kind, key, "the folder", r);
        if (!FAILED(r))
            try_keep(s, &item, FROM_FOLDER);
        arena_reset(&s->scratch, SCRATCH_KEEP);
    }
    for (size_t i = 0; i < s->offline_count; i++) {
        result r = collateral_offline_get(s->offline[i], kind, key, &s->scratch, &item);
        complain(kind, key, "an offline path", r);
        if (!FAILED(r))
            try_keep(s, &item, FROM_OFFLINE);
        arena_reset(&s->scratch, SCRATCH_KEEP);
    }
    return is_fresh(s, kind, key);
}

static void load_one(void *user, const struct collateral_item *item, const struct collateral_facts *facts)
{
    struct collateral_store *s = user;
    const struct collateral_kind *kind = collateral_kind_of(item->kind);
    (void)facts; /* judged anew */
    if (kind && !kind->platform && collateral_is_name(item->kind, item->key))
        try_keep(s, item, FROM_FOLDER);
}

void load_folder(struct collateral_store *s)
{
    struct arena a;
    size_t corrupt = 0;
    if (s->folder.fd < 0 || FAILED(arena_map(&a, LIST_ARENA, ARENA_PLAIN)))
        return;
    result r = collateral_folder_list(&s->folder, &a, load_one, s, &corrupt);
    if (FAILED(r) || corrupt)
        log_warn("collateral", "reading the folder: %s; %zu damaged files", FAILED(r) ? reason_text(r.reason) : "done",
                 corrupt);
    arena_unmap(&a);
}

/* --- renewal ------------------------------------------------------------------------------------------------------ */

static int64_t retry_in(const struct entry *e)
{
    int64_t wait = e->failed < 6 ? (int64_t)RETRY_MIN << e->failed : RETRY_MAX;
    return wait < RETRY_MAX ? wait : RETRY_MAX;
}

/* Until it has come, it is tried again, the later the more often it failed. */
static void renew_one(struct collateral_store *s, struct entry *e, int64_t now)
{
    if (e->look_at <= now) {
        memory_schedule(s->memory, e, now + LOOK_EVERY, e->ask_at, false);
        (void)find_local(s, e->item.kind, e->item.key);
    }
    if (!e->listed || e->ask_at > now)
        return;
    if (e->used + UNUSED_AFTER < now) {
        memory_schedule(s->memory, e, e->look_at, now + (int64_t)s->settings->refresh, false);
        return;
    }
    memory_schedule(s->memory, e, e->look_at, now + retry_in(e), true);
    flight_renew(s, e->kind, e->item.key);
}

int64_t renew(struct collateral_store *s)
{
    int64_t now = clock_wall();
    for (int i = 0; i < RENEWALS_AT_ONCE && s->renew_at <= now; i++) {
        struct entry *e = memory_due(s->memory, now, &s->renew_at);
        if (!e)
            break;
        renew_one(s, e, now);
        memory_unpin(s->memory, e);
        s->renew_at = now + 1;
    }
    return s->renew_at;
}
