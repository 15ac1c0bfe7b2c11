/* SPDX-License-Identifier: Apache-2.0 */
#include "core/record/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#define SLOT_SIZE 4096u /* bytes of a record's JSON; longer ones take several slots in a row */
#define SLOTS_PER_RECORD 16u

struct head {
    uint8_t id[16];
    uint32_t length; /* 0: not the first slot of a record */
    uint32_t slots;
    uint64_t sequence;
};

/* Who can fill one ring pushes nothing out of another: clients that nobody authenticated; workloads that attest as
 * often as they like; releases and administrators. */
enum { RING_ANYBODY, RING_ATTESTED, RING_RESERVE, RINGS };

/* One ring of slots. */
struct ring {
    struct head *heads;
    uint8_t *bytes;
    size_t count, next;
};

struct records {
    pthread_mutex_t lock;
    uint64_t sequence;
    struct ring rings[RINGS];
    void *memory;
    size_t size;
};

result records_new(size_t bytes, struct records **out)
{
    struct records *s = calloc(1, sizeof *s);
    ENSURE(s, NO_MEMORY);
    size_t count = bytes / RINGS / (SLOT_SIZE + sizeof(struct head));
    if (count < SLOTS_PER_RECORD)
        count = SLOTS_PER_RECORD;
    s->size = RINGS * count * (SLOT_SIZE + sizeof(struct head));
    s->memory = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (s->memory == MAP_FAILED) {
        free(s);
        return FAIL(NO_MEMORY);
    }
    uint8_t *at = s->memory;
    for (int i = 0; i < RINGS; i++) {
        s->rings[i] = (struct ring){(struct head *)(void *)at, at + count * sizeof(struct head), count, 0};
        at += count * (SLOT_SIZE + sizeof(struct head));
    }
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    return OK;
}

void records_free(struct records *s)
{
    if (!s)
        return;
    munmap(s->memory, s->size);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void member(struct text *t, slice key, slice value)
{
    if (!value.len)
        return;
    text_lit(t, ",");
    text_json(t, key);
    text_lit(t, ":");
    text_json(t, value);
}

static void checks_json(struct text *t, const struct record *r)
{
    text_lit(t, ",\"checks\":[");
    for (const struct record_check *c = r->checks; c; c = c->next) {
        text_add(t, c == r->checks ? S("{\"name\":") : S(",{\"name\":"));
        text_json(t, c->name);
        text_add(t, c->passed ? S(",\"passed\":true") : S(",\"passed\":false"));
        member(t, S("expected"), c->expected);
        member(t, S("actual"), c->actual);
        text_lit(t, "}");
    }
    text_lit(t, "]");
}

void record_json(struct text *t, const struct record *r)
{
    text_lit(t, "{\"id\":\"");
    text_hex(t, slice_of(r->id, sizeof r->id));
    text_lit(t, "\",\"kind\":");
    text_json(t, slice_text(r->kind));
    text_lit(t, ",\"time\":");
    text_i64(t, r->time);
    text_add(t, r->allowed ? S(",\"allowed\":true") : S(",\"allowed\":false"));
    if (r->reason.len) {
        member(t, S("class"), slice_text(reason_class_name((enum reason_class)r->class)));
        member(t, S("reason"), r->reason);
        member(t, S("text"), r->text);
        member(t, S("remedy"), r->remedy);
    }
    member(t, S("peer"), r->peer);
    member(t, S("subject"), r->subject);
    member(t, S("tee"), r->tee);
    member(t, S("path"), r->path);
    member(t, S("status"), r->status);
    member(t, S("attestation"), r->attestation);
    member(t, S("policy_hash"), r->policy_hash);
    member(t, S("evidence_digest"), r->evidence_digest);
    if (r->vector.len) {
        text_lit(t, ",\"trustworthiness_vector\":");
        text_add(t, r->vector);
    }
    if (r->missing) {
        text_lit(t, ",\"missing_reference_values\":[");
        for (const struct record_name *n = r->missing; n; n = n->next) {
            text_json(t, n->name);
            text_add(t, n->next ? S(",") : S("]"));
        }
    }
    if (r->checks)
        checks_json(t, r);
    text_lit(t, "}");
}

/* Makes room for `slots` slots in a row and forgets whatever records lay there. */
static struct head *ring_take(struct ring *ring, uint32_t slots)
{
    if (ring->next + slots > ring->count)
        ring->next = 0;
    struct head *first = &ring->heads[ring->next];
    for (uint32_t i = 0; i < slots; i++)
        first[i] = (struct head){0};
    /* A record that began before and reached into these slots is gone too. */
    for (size_t back = 1; back < SLOTS_PER_RECORD && back <= ring->next; back++) {
        struct head *before = &ring->heads[ring->next - back];
        if (before->length && before->slots > back)
            *before = (struct head){0};
    }
    ring->next += slots;
    return first;
}

static int ring_of(const struct record *r, bool trusted)
{
    if (!trusted)
        return RING_ANYBODY;
    return strcmp(r->kind, "attestation") == 0 ? RING_ATTESTED : RING_RESERVE;
}

void records_add(struct records *s, const struct record *r, bool trusted)
{
    struct text t = text_begin(r->arena);
    record_json(&t, r);
    slice body = text_end(&t);
    if (!body.ptr || body.len > SLOT_SIZE * SLOTS_PER_RECORD) {
        struct record brief = *r;
        brief.checks = NULL;
        brief.missing = NULL;
        t = text_begin(r->arena);
        record_json(&t, &brief);
        body = text_end(&t);
    }
    if (!body.ptr || body.len > SLOT_SIZE * SLOTS_PER_RECORD)
        return;
    uint32_t slots = (uint32_t)((body.len + SLOT_SIZE - 1) / SLOT_SIZE);
    pthread_mutex_lock(&s->lock);
    struct ring *ring = &s->rings[ring_of(r, trusted)];
    struct head *h = ring_take(ring, slots);
    memcpy(h->id, r->id, sizeof h->id);
    h->length = (uint32_t)body.len;
    h->slots = slots;
    h->sequence = ++s->sequence;
    memcpy(ring->bytes + (size_t)(h - ring->heads) * SLOT_SIZE, body.ptr, body.len);
    pthread_mutex_unlock(&s->lock);
}

static slice ring_text(const struct ring *ring, const struct head *h)
{
    return slice_of(ring->bytes + (size_t)(h - ring->heads) * SLOT_SIZE, h->length);
}

result records_get(struct records *s, const uint8_t id[16], struct arena *a, slice *out)
{
    *out = NO_SLICE;
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < RINGS && !out->ptr; i++)
        for (size_t n = 0; n < s->rings[i].count && !out->ptr; n++) {
            const struct head *h = &s->rings[i].heads[n];
            if (h->length && memcmp(h->id, id, sizeof h->id) == 0)
                *out = arena_copy(a, ring_text(&s->rings[i], h));
        }
    pthread_mutex_unlock(&s->lock);
    ENSURE(out->ptr, RECORD_NOT_FOUND);
    return OK;
}

/* The newest record older than `before`; NULL at the end. */
static const struct head *newest_before(const struct records *s, uint64_t before, const struct ring **from)
{
    const struct head *best = NULL;
    for (int i = 0; i < RINGS; i++)
        for (size_t n = 0; n < s->rings[i].count; n++) {
            const struct head *h = &s->rings[i].heads[n];
            if (h->length && h->sequence < before && (!best || h->sequence > best->sequence)) {
                best = h;
                *from = &s->rings[i];
            }
        }
    return best;
}

result records_list(struct records *s, size_t limit, struct arena *a, slice *out)
{
    struct text t = text_begin(a);
    text_lit(&t, "[");
    pthread_mutex_lock(&s->lock);
    uint64_t before = UINT64_MAX;
    for (size_t n = 0; n < limit; n++) {
        const struct ring *ring = NULL;
        const struct head *h = newest_before(s, before, &ring);
        if (!h)
            break;
        if (n)
            text_lit(&t, ",");
        text_add(&t, ring_text(ring, h));
        before = h->sequence;
    }
    pthread_mutex_unlock(&s->lock);
    text_lit(&t, "]");
    *out = text_end(&t);
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}
