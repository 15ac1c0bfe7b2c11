/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/pool.h"

#include <stdlib.h>
#include <sys/random.h>

/* Kept between requests, so that ordinary ones cost no page faults. */
#define KEEP_BODY ((size_t)64 << 10)
#define KEEP_SCRATCH ((size_t)256 << 10)
#define KEEP_SECRET ((size_t)64 << 10)
#define REFUSAL_SCRATCH ((size_t)16 << 10)

static size_t body_size(const struct http_settings *s)
{
    return (s->body_limit > SMALL_BODY ? s->body_limit : SMALL_BODY) + BODY_PADDING;
}

static result exchange_init(struct http_worker *w, struct exchange *e, size_t body, size_t scratch)
{
    e->x.slot = &e->slot;
    e->x.service = w->service;
    TRY(arena_map(&e->slot.body, body, ARENA_PLAIN));
    return arena_map(&e->slot.scratch, scratch, ARENA_PLAIN);
}

static result exchanges_init(struct http_worker *w)
{
    const struct http_settings *s = w->settings;
    w->exchange_count = (size_t)s->slots + 2;
    w->exchanges = calloc(w->exchange_count, sizeof *w->exchanges);
    ENSURE(w->exchanges, NO_MEMORY);
    w->reserve = &w->exchanges[s->slots];
    w->refusal = &w->exchanges[s->slots + 1];
    for (size_t i = 0; i <= s->slots; i++)
        TRY(exchange_init(w, &w->exchanges[i], body_size(s), s->scratch_size));
    for (size_t i = s->slots; i-- > 0;) {
        w->exchanges[i].next = w->free_exchanges;
        w->free_exchanges = &w->exchanges[i];
    }
    return exchange_init(w, w->refusal, 1, REFUSAL_SCRATCH);
}

static result secrets_init(struct http_worker *w)
{
    const struct http_settings *s = w->settings;
    w->secrets = calloc(s->secrets ? s->secrets : 1, sizeof *w->secrets);
    ENSURE(w->secrets, NO_MEMORY);
    for (unsigned i = s->secrets; i-- > 0;) {
        /* A secret as it came, and once more as it goes. */
        TRY(arena_map(&w->secrets[i].arena, 2 * body_size(s) + KEEP_SECRET, ARENA_SECRET));
        w->secrets[i].next = w->free_secrets;
        w->free_secrets = &w->secrets[i];
    }
    return OK;
}

result http_worker_init(struct http_worker *w, const struct http_settings *settings, void *service)
{
    w->settings = settings;
    w->service = service;
    w->large_left = settings->slots;
    w->date_second = -1;
    pthread_mutex_init(&w->secrets_lock, NULL);
    TRY(route_table_make(&w->routes, settings));
    TRY(exchanges_init(w));
    TRY(secrets_init(w));
    return arena_map(&w->staging, STAGING_SIZE, ARENA_PLAIN);
}

void http_worker_free(struct http_worker *w)
{
    for (size_t i = 0; w->exchanges && i < w->exchange_count; i++) {
        arena_unmap(&w->exchanges[i].slot.body);
        arena_unmap(&w->exchanges[i].slot.scratch);
    }
    for (unsigned i = 0; w->secrets && w->settings && i < w->settings->secrets; i++)
        arena_unmap(&w->secrets[i].arena);
    for (struct read_buffer *b = w->free_buffers, *next; b; b = next) {
        next = b->next;
        arena_unmap(&b->memory);
        free(b);
    }
    free(w->exchanges);
    free(w->secrets);
    arena_unmap(&w->staging);
    route_table_free(&w->routes);
    secret_wipe(w->random, sizeof w->random);
    pthread_mutex_destroy(&w->secrets_lock);
}

void random_id(struct http_worker *w, uint8_t id[16])
{
    if (w->random_left < 16) {
        /* Ids only name records; should the kernel refuse, which it does not once it has booted, they repeat. */
        (void)!getrandom(w->random, sizeof w->random, 0);
        w->random_left = sizeof w->random;
    }
    w->random_left -= 16;
    memcpy(id, w->random + w->random_left, 16);
}

struct exchange *exchange_take(struct http_worker *w, bool probe)
{
    struct exchange *e = w->free_exchanges;
    if (e)
        w->free_exchanges = e->next;
    else if (probe && w->reserve) {
        e = w->reserve;
        w->reserve = NULL;
    }
    return e;
}

static void secret_release(struct http_worker *w, struct exchange *e)
{
    arena_reset(&e->secret->arena, KEEP_SECRET);
    pthread_mutex_lock(&w->secrets_lock);
    e->secret->next = w->free_secrets;
    w->free_secrets = e->secret;
    pthread_mutex_unlock(&w->secrets_lock);
    e->secret = NULL;
}

void exchange_release(struct http_worker *w, struct exchange *e)
{
    if (e->secret)
        secret_release(w, e);
    arena_reset(&e->slot.body, KEEP_BODY);
    arena_reset(&e->slot.scratch, KEEP_SCRATCH);
    e->x.secret = NULL;
    e->x.note = NULL;
    e->x.worker = NULL;
    e->conn = NULL;
    if (e == w->refusal)
        return;
    if (e == &w->exchanges[w->settings->slots]) {
        w->reserve = e;
        return;
    }
    e->next = w->free_exchanges;
    w->free_exchanges = e;
}

struct secret_arena *secret_take(struct http_worker *w)
{
    pthread_mutex_lock(&w->secrets_lock);
    struct secret_arena *s = w->free_secrets;
    if (s)
        w->free_secrets = s->next;
    pthread_mutex_unlock(&w->secrets_lock);
    return s;
}

struct read_buffer *buffer_take(struct http_worker *w)
{
    struct read_buffer *b = w->free_buffers;
    if (b) {
        w->free_buffers = b->next;
        return b;
    }
    b = calloc(1, sizeof *b);
    size_t head = w->settings->head_limit > READ_BUFFER_SMALL ? w->settings->head_limit : READ_BUFFER_SMALL;
    /* Behind the longest head there is room to read a body's chunks. */
    if (b && FAILED(arena_map(&b->memory, head + READ_BUFFER_SMALL, ARENA_PLAIN))) {
        free(b);
        return NULL;
    }
    return b;
}

void buffer_release(struct http_worker *w, struct read_buffer *b, size_t used)
{
    secret_wipe(b->memory.base, used);
    b->memory.high = used;
    arena_reset(&b->memory, READ_BUFFER_SMALL);
    w->large_left += b->large;
    b->large = false;
    b->next = w->free_buffers;
    w->free_buffers = b;
}

bool buffer_enlarge(struct http_worker *w, struct read_buffer *b)
{
    if (!b->large && w->large_left == 0)
        return false;
    w->large_left -= !b->large;
    b->large = true;
    return true;
}
