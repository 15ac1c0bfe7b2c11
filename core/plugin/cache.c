/* SPDX-License-Identifier: Apache-2.0
 *
 * What verifiers remember between requests. Each plugin has a cache of its own, so that no plugin ever sees another's
 * values. All memory is set aside at the start. An entry that a request holds is pinned: it may leave the index, but is
 * dropped only when the last such request ends.
 */
#include "core/plugin/internal.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/clock/clock.h"

#define BUCKETS 256u
#define NOWHERE UINT32_MAX

struct entry {
    uint8_t digest[32];
    uint8_t cls[CACHE_CLASS_MAX];
    uint32_t cls_length;
    uint32_t pins;
    uint32_t next; /* in its bucket */
    bool listed;   /* in the index; unlisted and unpinned is free */
    void *value;
    void (*drop)(void *value);
    int64_t not_after;
    uint64_t generation, used;
};

struct cache {
    pthread_mutex_t lock;
    uint64_t uses;
    uint32_t buckets[BUCKETS];
    struct entry entries[CACHE_ENTRIES];
};

struct cache_pin {
    struct cache_pin *next;
    struct cache *cache;
    struct entry *entry;
};

/* A value that left the cache: dropped when the lock is free again, for the plugin's code must not run under it. */
struct dropped {
    void (*drop)(void *value);
    void *value;
};

/* Moves on when trust anchors change. A request keeps the one it began with: it neither sees facts of other
 * generations nor leaves its own behind for later ones. */
static _Atomic uint64_t generation = 1;

uint64_t cache_generation(void)
{
    return atomic_load(&generation);
}

void cache_next_generation(void)
{
    atomic_fetch_add(&generation, 1);
}

result cache_new(struct cache **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out, NO_MEMORY);
    pthread_mutex_init(&(*out)->lock, NULL);
    for (size_t i = 0; i < BUCKETS; i++)
        (*out)->buckets[i] = NOWHERE;
    return OK;
}

static uint32_t bucket_of(const uint8_t *digest)
{
    return digest[0] % BUCKETS;
}

static bool is_free(const struct entry *e)
{
    return !e->listed && e->pins == 0;
}

/* The value, if nobody can reach it any more. */
static struct dropped take_dead(struct entry *e)
{
    struct dropped d = {NULL, NULL};
    if (is_free(e)) {
        d = (struct dropped){e->drop, e->value};
        e->drop = NULL;
        e->value = NULL;
    }
    return d;
}

static void drop(struct dropped d)
{
    if (d.drop && d.value)
        d.drop(d.value);
}

static struct dropped unlist(struct cache *c, struct entry *e)
{
    uint32_t at = (uint32_t)(e - c->entries), *link = &c->buckets[bucket_of(e->digest)];
    while (*link != at)
        link = &c->entries[*link].next;
    *link = e->next;
    e->listed = false;
    return take_dead(e);
}

static void list(struct cache *c, struct entry *e)
{
    uint32_t *bucket = &c->buckets[bucket_of(e->digest)];
    e->next = *bucket;
    *bucket = (uint32_t)(e - c->entries);
    e->listed = true;
}

static struct entry *find(struct cache *c, slice cls, slice digest)
{
    for (uint32_t at = c->buckets[bucket_of(digest.ptr)]; at != NOWHERE; at = c->entries[at].next) {
        struct entry *e = &c->entries[at];
        if (slice_equal(slice_of(e->digest, 32), digest) && slice_equal(slice_of(e->cls, e->cls_length), cls))
            return e;
    }
    return NULL;
}

static bool is_key(slice cls, slice digest)
{
    return cls.ptr && cls.len && cls.len <= CACHE_CLASS_MAX && digest.ptr && digest.len == 32;
}

static void pin(struct cache_pin *p, struct trustee_request *req, struct cache *c, struct entry *e)
{
    e->pins++;
    e->used = ++c->uses;
    *p = (struct cache_pin){req->pins, c, e};
    req->pins = p;
}

const void *cache_get(struct cache *c, struct trustee_request *req, slice cls, slice digest)
{
    struct cache_pin *p = is_key(cls, digest) ? arena_new(req->scratch, struct cache_pin) : NULL;
    const void *value = NULL;
    if (!p)
        return NULL;
    pthread_mutex_lock(&c->lock);
    struct entry *e = find(c, cls, digest);
    if (e && e->generation == req->generation && e->not_after >= clock_wall()) {
        pin(p, req, c, e);
        value = e->value;
    }
    pthread_mutex_unlock(&c->lock);
    return value;
}

/* A free entry, or the one that was used longest ago. NULL when requests hold all of them. */
static struct entry *room_for_one(struct cache *c, struct dropped *old)
{
    struct entry *oldest = NULL;
    for (struct entry *e = c->entries; e < c->entries + CACHE_ENTRIES; e++) {
        if (is_free(e))
            return e;
        if (e->pins == 0 && (!oldest || e->used < oldest->used))
            oldest = e;
    }
    if (oldest)
        *old = unlist(c, oldest);
    return oldest;
}

static void fill(struct entry *e, const struct cache_item *item, uint64_t made_in)
{
    *e = (struct entry){.value = item->value, .drop = item->drop, .not_after = item->not_after, .generation = made_in};
    memcpy(e->digest, item->digest.ptr, sizeof e->digest);
    memcpy(e->cls, item->cls.ptr, item->cls.len);
    e->cls_length = (uint32_t)item->cls.len;
}

trustee_status cache_put(struct cache *c, struct trustee_request *req, const struct cache_item *item)
{
    struct dropped evicted = {NULL, NULL}, replaced = {NULL, NULL};
    if (!is_key(item->cls, item->digest) || !item->value || !item->drop)
        return TRUSTEE_E_INVAL;
    struct cache_pin *p = arena_new(req->scratch, struct cache_pin);
    if (!p)
        return TRUSTEE_E_NOMEM;
    pthread_mutex_lock(&c->lock);
    struct entry *e = room_for_one(c, &evicted);
    struct entry *twin = e ? find(c, item->cls, item->digest) : NULL;
    bool current = req->generation == cache_generation();
    if (e)
        fill(e, item, req->generation);
    if (twin && current)
        replaced = unlist(c, twin);
    if (e && current)
        list(c, e);
    if (e)
        pin(p, req, c, e);
    pthread_mutex_unlock(&c->lock);
    drop(evicted);
    drop(replaced);
    return e ? TRUSTEE_OK : TRUSTEE_E_LIMIT;
}

void cache_sweep(struct cache *c)
{
    for (struct entry *e = c->entries; e < c->entries + CACHE_ENTRIES; e++) {
        struct dropped d = {NULL, NULL};
        pthread_mutex_lock(&c->lock);
        if (e->listed && e->generation != cache_generation())
            d = unlist(c, e);
        pthread_mutex_unlock(&c->lock);
        drop(d);
    }
}

static void unpin(const struct cache_pin *p)
{
    pthread_mutex_lock(&p->cache->lock);
    p->entry->pins--;
    struct dropped d = take_dead(p->entry);
    pthread_mutex_unlock(&p->cache->lock);
    drop(d);
}

void request_begin(struct trustee_request *req, struct arena *scratch, struct arena *secret, struct record *record,
                   uint64_t deadline_ns)
{
    *req = (struct trustee_request){.scratch = scratch,
                                    .secret = secret,
                                    .record = record,
                                    .deadline_ns = deadline_ns,
                                    .generation = cache_generation()};
}

void request_end(struct trustee_request *req)
{
    for (const struct cache_pin *p = req->pins; p; p = p->next)
        unpin(p);
    req->pins = NULL;
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    for (struct entry *e = c->entries; e < c->entries + CACHE_ENTRIES; e++)
        drop((struct dropped){e->drop, e->value});
    pthread_mutex_destroy(&c->lock);
    free(c);
}
