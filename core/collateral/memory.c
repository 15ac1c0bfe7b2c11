/* SPDX-License-Identifier: Apache-2.0 */
#include "core/collateral/memory.h"

#include <pthread.h>
#include <stdlib.h>

#define BUCKETS 4096u
#define ENTRIES_MAX 65536u

/* Platforms' own certificates come and go; what they are judged by stays. */
enum sort { SORT_SHARED, SORT_PLATFORM, SORTS };

struct memory {
    pthread_mutex_t lock;
    size_t limit, used, count;
    struct entry *buckets[BUCKETS];
    struct entry *newest[SORTS], *oldest[SORTS];
};

result memory_new(size_t limit, struct memory **out)
{
    struct memory *m = calloc(1, sizeof *m);
    ENSURE(m, NO_MEMORY);
    m->limit = limit;
    pthread_mutex_init(&m->lock, NULL);
    *out = m;
    return OK;
}

void memory_free(struct memory *m)
{
    if (!m)
        return;
    for (int i = 0; i < SORTS; i++)
        for (struct entry *e = m->newest[i], *next; e; e = next) {
            next = e->older;
            free(e);
        }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* FNV-1a; only genuine items are in the table, so nobody chooses what collides. */
static size_t bucket_of(slice kind, slice key)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < kind.len; i++)
        h = (h ^ kind.ptr[i]) * UINT64_C(1099511628211);
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ key.ptr[i]) * UINT64_C(1099511628211);
    return (size_t)(h ^ h >> 32) % BUCKETS;
}

static struct entry *find(const struct memory *m, slice kind, slice key)
{
    struct entry *e = m->buckets[bucket_of(kind, key)];
    while (e && !(slice_equal(e->item.key, key) && slice_equal(e->item.kind, kind)))
        e = e->chain;
    return e;
}

static enum sort sort_of(const struct entry *e)
{
    return e->kind->platform ? SORT_PLATFORM : SORT_SHARED;
}

static void line_take(struct memory *m, struct entry *e)
{
    enum sort s = sort_of(e);
    *(e->newer ? &e->newer->older : &m->newest[s]) = e->older;
    *(e->older ? &e->older->newer : &m->oldest[s]) = e->newer;
    e->newer = e->older = NULL;
}

static void line_put(struct memory *m, struct entry *e)
{
    enum sort s = sort_of(e);
    e->older = m->newest[s];
    *(e->older ? &e->older->newer : &m->oldest[s]) = e;
    m->newest[s] = e;
}

static void unlist(struct memory *m, struct entry *e)
{
    struct entry **at = &m->buckets[bucket_of(e->item.kind, e->item.key)];
    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    line_take(m, e);
    e->listed = false;
    m->used -= e->size;
    m->count--;
    if (e->pins == 0)
        free(e);
}

static struct entry *oldest_unpinned(const struct memory *m, enum sort s)
{
    struct entry *e = m->oldest[s];
    while (e && e->pins)
        e = e->newer;
    return e;
}

static bool make_room(struct memory *m, size_t size)
{
    while (m->used + size > m->limit || m->count >= ENTRIES_MAX) {
        struct entry *e = oldest_unpinned(m, SORT_PLATFORM);
        if (!e)
            e = oldest_unpinned(m, SORT_SHARED);
        if (!e)
            return false;
        unlist(m, e);
    }
    return true;
}

struct entry *memory_pin(struct memory *m, slice kind, slice key, int64_t now)
{
    pthread_mutex_lock(&m->lock);
    struct entry *e = find(m, kind, key);
    if (e) {
        e->pins++;
        if (now > e->used)
            e->used = now;
        if (m->newest[sort_of(e)] != e) {
            line_take(m, e);
            line_put(m, e);
        }
    }
    pthread_mutex_unlock(&m->lock);
    return e;
}

void memory_unpin(struct memory *m, struct entry *e)
{
    pthread_mutex_lock(&m->lock);
    if (--e->pins == 0 && !e->listed)
        free(e);
    pthread_mutex_unlock(&m->lock);
}

bool collateral_is_older(const struct collateral_facts *b, const struct collateral_facts *a)
{
    return b->issued < a->issued || b->number < a->number;
}

static slice copy(uint8_t **at, slice s)
{
    slice out = slice_of(*at, s.len);
    if (s.len)
        memcpy(*at, s.ptr, s.len);
    *at += s.len;
    return out;
}

static struct entry *entry_new(const struct collateral_item *item, const struct collateral_facts *facts)
{
    const struct collateral_kind *kind = collateral_kind_of(item->kind);
    if (!kind || item->key.len > COLLATERAL_KEY_MAX || item->bytes.len > COLLATERAL_BYTES_MAX ||
        item->chain.len > COLLATERAL_CHAIN_MAX)
        return NULL;
    size_t size = sizeof(struct entry) + item->key.len + item->bytes.len + item->chain.len;
    struct entry *e = malloc(size);
    if (!e)
        return NULL;
    uint8_t *at = (uint8_t *)(e + 1);
    *e = (struct entry){
        .facts = *facts, .kind = kind, .size = size, .listed = true, .look_at = INT64_MAX, .ask_at = INT64_MAX};
    e->item =
        (struct collateral_item){kind->name, copy(&at, item->key), copy(&at, item->bytes), copy(&at, item->chain)};
    return e;
}

static result put(struct memory *m, struct entry *e)
{
    struct entry *before = find(m, e->item.kind, e->item.key);
    ENSURE(!before || !collateral_is_older(&e->facts, &before->facts), COLLATERAL_OLDER);
    if (before)
        before->pins++;
    bool room = make_room(m, e->size);
    if (before)
        before->pins--;
    ENSURE(room, NO_MEMORY);
    if (before) {
        e->used = before->used;
        atomic_store(&e->verified, atomic_load(&before->verified));
        unlist(m, before);
    }
    size_t bucket = bucket_of(e->item.kind, e->item.key);
    e->chain = m->buckets[bucket];
    m->buckets[bucket] = e;
    line_put(m, e);
    m->used += e->size;
    m->count++;
    return OK;
}

result memory_put(struct memory *m, const struct collateral_item *item, const struct collateral_facts *facts,
                  int64_t now)
{
    struct entry *e = entry_new(item, facts);
    ENSURE(e, NO_MEMORY);
    e->used = now;
    pthread_mutex_lock(&m->lock);
    result r = put(m, e);
    pthread_mutex_unlock(&m->lock);
    if (FAILED(r))
        free(e);
    return r;
}

void memory_schedule(struct memory *m, struct entry *e, int64_t look_at, int64_t ask_at, bool failed)
{
    pthread_mutex_lock(&m->lock);
    e->look_at = look_at;
    e->ask_at = ask_at;
    e->failed = failed ? e->failed + 1 : 0;
    pthread_mutex_unlock(&m->lock);
}

static int64_t due_at(const struct entry *e)
{
    return e->look_at < e->ask_at ? e->look_at : e->ask_at;
}

struct entry *memory_due(struct memory *m, int64_t now, int64_t *next)
{
    struct entry *first = NULL;
    *next = INT64_MAX;
    pthread_mutex_lock(&m->lock);
    for (int s = 0; s < SORTS; s++)
        for (struct entry *e = m->newest[s]; e; e = e->older)
            if (due_at(e) < *next) {
                *next = due_at(e);
                first = e;
            }
    if (first && *next <= now)
        first->pins++;
    else
        first = NULL;
    pthread_mutex_unlock(&m->lock);
    return first;
}

void memory_count(struct memory *m, int64_t now, struct memory_numbers out[COLLATERAL_KINDS])
{
    for (size_t i = 0; i < COLLATERAL_KINDS; i++)
        out[i] = (struct memory_numbers){.earliest = INT64_MAX};
    pthread_mutex_lock(&m->lock);
    for (int s = 0; s < SORTS; s++)
        for (struct entry *e = m->newest[s]; e; e = e->older) {
            struct memory_numbers *n = &out[e->kind - COLLATERAL_KIND];
            n->items++;
            if (!e->facts.not_after)
                continue;
            n->expired += e->facts.not_after <= now;
            if (e->facts.not_after < n->earliest)
                n->earliest = e->facts.not_after;
        }
    pthread_mutex_unlock(&m->lock);
}
