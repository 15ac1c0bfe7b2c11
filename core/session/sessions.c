/* SPDX-License-Identifier: Apache-2.0 */
#include "core/session/sessions.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Entries lie in a ring in the order of their arrival. All challenges live equally long, so the oldest is also the
 * first to expire, and expiring is advancing the tail. */
struct entry {
    uint8_t id[16];
    uint8_t binding[16];
    uint64_t until_ms;
    uint64_t token_at; /* position in the token stream since start */
    uint32_t token_size;
    uint32_t reserved;
};

#define INDEX_START 4096u /* a power of two */

struct sessions {
    pthread_mutex_t lock;
    struct entry *entries;
    size_t capacity;
    uint64_t head, tail; /* entries ever put, entries ever expired */
    uint32_t *index;     /* open addressing: entry number modulo capacity, plus 1; 0 is empty */
    size_t index_size;
    uint8_t *tokens;
    size_t token_room;
    uint64_t token_head; /* bytes ever written */
};

static void *map_pages(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void unmap_pages(void *p, size_t size)
{
    if (p)
        munmap(p, size);
}

result sessions_new(size_t capacity, size_t token_bytes, struct sessions **out)
{
    struct sessions *s = calloc(1, sizeof *s);
    ENSURE(s, NO_MEMORY);
    s->capacity = capacity < 16 ? 16 : capacity;
    s->token_room = token_bytes < 65536 ? 65536 : token_bytes;
    s->index_size = INDEX_START;
    s->entries = map_pages(s->capacity * sizeof *s->entries);
    s->index = map_pages(s->index_size * sizeof *s->index);
    s->tokens = map_pages(s->token_room);
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    if (s->entries && s->index && s->tokens)
        return OK;
    sessions_free(s);
    return FAIL(NO_MEMORY);
}

void sessions_free(struct sessions *s)
{
    if (!s)
        return;
    unmap_pages(s->entries, s->capacity * sizeof *s->entries);
    unmap_pages(s->index, s->index_size * sizeof *s->index);
    if (s->tokens)
        secret_wipe(s->tokens, s->token_head < s->token_room ? (size_t)s->token_head : s->token_room);
    unmap_pages(s->tokens, s->token_room);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static struct entry *entry_at(const struct sessions *s, uint64_t number)
{
    return &s->entries[number % s->capacity];
}

/* Ids are random, so their first bytes are as good as a hash. */
static size_t index_home(const struct sessions *s, const uint8_t id[16])
{
    uint64_t h;
    memcpy(&h, id, sizeof h);
    return (size_t)h & (s->index_size - 1);
}

/* Where the id stands in the index, or the empty place where it would. */
static size_t index_find(const struct sessions *s, const uint8_t id[16])
{
    size_t at = index_home(s, id);
    while (s->index[at] && memcmp(s->entries[s->index[at] - 1].id, id, 16) != 0)
        at = (at + 1) & (s->index_size - 1);
    return at;
}

/* Removes a place and moves later ones of its run up, so that no tombstones are needed. */
static void index_remove(struct sessions *s, size_t hole)
{
    size_t mask = s->index_size - 1;
    for (size_t at = (hole + 1) & mask; s->index[at]; at = (at + 1) & mask) {
        size_t home = index_home(s, s->entries[s->index[at] - 1].id);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            s->index[hole] = s->index[at];
            hole = at;
        }
    }
    s->index[hole] = 0;
}

static bool index_grow(struct sessions *s)
{
    uint32_t *old = s->index;
    size_t old_size = s->index_size;
    uint32_t *bigger = map_pages(2 * old_size * sizeof *bigger);
    if (!bigger)
        return false;
    s->index = bigger;
    s->index_size = 2 * old_size;
    for (size_t i = 0; i < old_size; i++)
        if (old[i])
            bigger[index_find(s, s->entries[old[i] - 1].id)] = old[i];
    unmap_pages(old, old_size * sizeof *old);
    return true;
}

static void expire(struct sessions *s, uint64_t now_ms)
{
    while (s->tail < s->head && entry_at(s, s->tail)->until_ms <= now_ms) {
        index_remove(s, index_find(s, entry_at(s, s->tail)->id));
        s->tail++;
    }
}

static bool token_present(const struct sessions *s, const struct entry *e)
{
    return s->token_head - e->token_at <= s->token_room;
}

static result token_copy(const struct sessions *s, const struct entry *e, struct arena *a, slice *out)
{
    uint8_t *room = arena_alloc(a, e->token_size, 1);
    ENSURE(room, NO_MEMORY);
    size_t at = (size_t)(e->token_at % s->token_room);
    size_t first = s->token_room - at < e->token_size ? s->token_room - at : e->token_size;
    memcpy(room, s->tokens + at, first);
    memcpy(room + first, s->tokens, e->token_size - first);
    *out = slice_of(room, e->token_size);
    return OK;
}

static uint64_t token_write(struct sessions *s, slice token)
{
    uint64_t start = s->token_head;
    size_t at = (size_t)(start % s->token_room);
    size_t first = s->token_room - at < token.len ? s->token_room - at : token.len;
    memcpy(s->tokens + at, token.ptr, first);
    memcpy(s->tokens, token.ptr + first, token.len - first);
    s->token_head += token.len;
    return start;
}

static result get_locked(struct sessions *s, const uint8_t id[16], struct arena *a, enum session_found *found,
                         uint8_t binding[16], slice *token)
{
    uint32_t place = s->index[index_find(s, id)];
    *found = SESSION_ABSENT;
    *token = NO_SLICE;
    if (!place)
        return OK;
    const struct entry *e = &s->entries[place - 1];
    if (binding)
        memcpy(binding, e->binding, sizeof e->binding);
    *found = token_present(s, e) ? SESSION_TOKEN : SESSION_GONE;
    return *found == SESSION_TOKEN ? token_copy(s, e, a, token) : OK;
}

result sessions_get(struct sessions *s, const uint8_t id[16], uint64_t now_ms, struct arena *a,
                    enum session_found *found, uint8_t binding[16], slice *token)
{
    pthread_mutex_lock(&s->lock);
    expire(s, now_ms);
    result r = get_locked(s, id, a, found, binding, token);
    pthread_mutex_unlock(&s->lock);
    return r;
}

static result put_locked(struct sessions *s, const uint8_t id[16], const uint8_t binding[16], slice token,
                         uint64_t until_ms, struct arena *a, slice *out)
{
    size_t place = index_find(s, id);
    if (s->index[place]) {
        const struct entry *e = &s->entries[s->index[place] - 1];
        ENSURE(secret_equal(slice_of(e->binding, 16), slice_of(binding, 16)), SESSION_CONSUMED);
        *out = token;
        return token_present(s, e) ? token_copy(s, e, a, out) : OK;
    }
    ENSURE(s->head - s->tail < s->capacity && token.len <= s->token_room && token.len <= UINT32_MAX, SESSION_FULL);
    if (2 * (s->head - s->tail + 1) > s->index_size) {
        ENSURE(index_grow(s), SESSION_FULL);
        place = index_find(s, id);
    }
    struct entry *e = entry_at(s, s->head);
    *e = (struct entry){.until_ms = until_ms, .token_at = token_write(s, token), .token_size = (uint32_t)token.len};
    memcpy(e->id, id, sizeof e->id);
    memcpy(e->binding, binding, sizeof e->binding);
    s->index[place] = (uint32_t)(s->head % s->capacity) + 1;
    s->head++;
    *out = token;
    return OK;
}

result sessions_put(struct sessions *s, const uint8_t id[16], const uint8_t binding[16], slice token, uint64_t now_ms,
                    uint64_t until_ms, struct arena *a, slice *out)
{
    pthread_mutex_lock(&s->lock);
    expire(s, now_ms);
    result r = put_locked(s, id, binding, token, until_ms, a, out);
    pthread_mutex_unlock(&s->lock);
    return r;
}

size_t sessions_count(struct sessions *s)
{
    pthread_mutex_lock(&s->lock);
    size_t n = (size_t)(s->head - s->tail);
    pthread_mutex_unlock(&s->lock);
    return n;
}
