/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/policies.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/clock/clock.h"
#include "core/crypto/jose.h"
#include "core/log/log.h"
#include "core/policy/trial.h"

#define POLICIES_MAX 128
#define VERDICTS_SPACE S("kbs")
#define VERDICT_MAX 256u
#define SLOW_NS (POLICY_WORKER_MS * UINT64_C(1000000))

struct policies {
    const struct engine *engine;
    const struct store *store;
    struct policy_trial trial;
    pthread_rwlock_t lock;  /* of the table */
    pthread_mutex_t change; /* one change at a time */
    struct policy *table[POLICIES_MAX];
    size_t count;
    _Atomic uint64_t generation;
};

static slice space_name(enum policy_space space)
{
    return space == POLICY_RESOURCE ? S("kbs") : S("attestation_service_policy");
}

static bool id_is_valid(enum policy_space space, slice id)
{
    if (space == POLICY_RESOURCE)
        return slice_equal(id, S(POLICY_RESOURCE_ID));
    return id.len < sizeof((struct policy *)0)->id && slice_is_name(id, "_-.") && id.ptr[0] != '.';
}

static struct policy *policy_new(const struct engine *engine, enum policy_space space, slice id, slice text)
{
    struct policy *p = calloc(1, sizeof *p);
    uint8_t *copy = malloc(text.len ? text.len : 1);
    if (!p || !copy) {
        free(p);
        free(copy);
        return NULL;
    }
    memcpy(copy, text.ptr ? text.ptr : (const uint8_t *)"", text.len);
    *p = (struct policy){.space = space, .text = slice_of(copy, text.len), .engine = engine, .references = 1};
    memcpy(p->id, id.ptr, id.len);
    hash_sha256(text, p->hash);
    return p;
}

static void policy_hold(struct policy *p)
{
    __atomic_add_fetch(&p->references, 1, __ATOMIC_RELAXED);
}

void policy_unpin(struct policy *p)
{
    if (!p || __atomic_sub_fetch(&p->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    if (p->compiled)
        engine_release(p->engine, p->compiled);
    void *text;
    memcpy(&text, &p->text.ptr, sizeof text);
    free(text);
    free(p);
}

static result policy_compile(struct policy *p, struct policy_error *error)
{
    ENSURE(p->text.len <= POLICY_TEXT_MAX, POLICY_LIMIT);
    p->info.size = sizeof p->info;
    return engine_compile(p->engine, slice_text(p->id), p->text, &p->compiled, &p->info, error);
}

static struct policy **table_find(struct policies *t, enum policy_space space, slice id)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->table[i]->space == space && slice_equal(slice_text(t->table[i]->id), id))
            return &t->table[i];
    return NULL;
}

/* Takes over the caller's reference. */
static result table_put(struct policies *t, struct policy *p)
{
    struct policy *old = NULL;
    result r = OK;
    pthread_rwlock_wrlock(&t->lock);
    struct policy **place = table_find(t, p->space, slice_text(p->id));
    if (place) {
        old = *place;
        *place = p;
    } else if (t->count < POLICIES_MAX) {
        t->table[t->count++] = p;
    } else {
        r = FAIL(POLICY_LIMIT);
        old = p;
    }
    atomic_fetch_add(&t->generation, 1);
    pthread_rwlock_unlock(&t->lock);
    policy_unpin(old);
    return r;
}

/* --- what an earlier process has tried need not be tried at each start --- */
static slice verdict_key(const struct policy *p, struct arena *a)
{
    slice space = space_name(p->space);
    return arena_printf(a, "policy-verdicts/%.*s/%s", SLICE_ARG(space), p->id);
}

static bool recall_verdict(struct policies *t, struct trustee_request *req, const struct policy *p)
{
    slice key = verdict_key(p, req->scratch), verdict;
    return key.ptr && !FAILED(store_get(t->store, req, VERDICTS_SPACE, key, req->scratch, VERDICT_MAX, &verdict)) &&
           policy_recall(t->engine, p->hash, verdict);
}

/* One that cannot be kept costs the next start a trial, and nothing else. */
static void keep_verdict(struct policies *t, struct trustee_request *req, const struct policy *p)
{
    slice key = verdict_key(p, req->scratch), verdict = policy_verdict(t->engine, p->hash, req->scratch);
    if (t->trial.argv && key.ptr && verdict.ptr && FAILED(store_put(t->store, req, VERDICTS_SPACE, key, verdict)))
        log_warn("policy", "%s: that it passed its trial cannot be kept: it will be tried again at the next start",
                 p->id);
}

static result load_text(struct policies *t, struct trustee_request *req, enum policy_space space, slice id, slice text,
                        bool shipped)
{
    struct policy_error error = {0};
    struct policy *p = policy_new(t->engine, space, id, text);
    ENSURE(p, NO_MEMORY);
    p->shipped = shipped;
    bool known = shipped || !t->trial.argv || recall_verdict(t, req, p);
    result r = known ? OK : policy_try(&t->trial, p->hash, text, &error);
    if (!known && !FAILED(r))
        keep_verdict(t, req, p);
    if (!FAILED(r))
        r = policy_compile(p, &error);
    if (FAILED(r))
        log_error("policy", "%s: the %s policy does not load and denies everything: line %u, column %u: %s", p->id,
                  shipped ? "shipped" : "stored", error.line, error.column, error.text);
    return table_put(t, p);
}

static result load_shipped(struct policies *t, struct trustee_request *req)
{
    for (size_t i = 0; i < SHIPPED_POLICY_COUNT; i++) {
        const struct shipped_policy *s = &SHIPPED_POLICIES[i];
        if (!table_find(t, s->space, slice_text(s->id)))
            TRY(load_text(t, req, s->space, slice_text(s->id), slice_of(s->text, (size_t)(s->end - s->text)), true));
    }
    return OK;
}

struct loading {
    struct policies *policies;
    struct trustee_request *req;
    enum policy_space space;
    slice suffix;
    slice names[POLICIES_MAX];
    size_t count;
};

/* A stored policy that was left out would let the shipped one stand in for it: too many are counted, for load_stored.
 */
static void collect_name(void *user, slice name, uint64_t size)
{
    struct loading *l = user;
    (void)size;
    if (!slice_ends(name, l->suffix) || !id_is_valid(l->space, slice_sub(name, 0, name.len - l->suffix.len)))
        return;
    if (l->count < POLICIES_MAX)
        l->names[l->count] = arena_copy(l->req->scratch, name);
    l->count++;
}

static result load_stored(struct policies *t, struct trustee_request *req, enum policy_space space)
{
    struct loading l = {t, req, space, engine_suffix(t->engine), {{0}}, 0};
    TRY(store_list(t->store, req, space_name(space), NO_SLICE, collect_name, &l));
    ENSURE(l.count <= POLICIES_MAX, POLICY_LIMIT);
    for (size_t i = 0; i < l.count; i++) {
        ENSURE(l.names[i].ptr, NO_MEMORY);
        slice text, id = slice_sub(l.names[i], 0, l.names[i].len - l.suffix.len);
        TRY(store_get(t->store, req, space_name(space), l.names[i], req->scratch, POLICY_TEXT_MAX, &text));
        TRY(load_text(t, req, space, id, text, false));
    }
    return OK;
}

result policies_open(const struct engine *engine, const struct store *store, const struct policy_trial *trial,
                     struct trustee_request *req, struct policies **out)
{
    struct policies *t = calloc(1, sizeof *t);
    ENSURE(t, NO_MEMORY);
    t->engine = engine;
    t->store = store;
    t->trial = *trial;
    pthread_rwlock_init(&t->lock, NULL);
    pthread_mutex_init(&t->change, NULL);
    result r = load_stored(t, req, POLICY_RESOURCE);
    if (!FAILED(r))
        r = load_stored(t, req, POLICY_APPRAISAL);
    if (!FAILED(r))
        r = load_shipped(t, req);
    if (FAILED(r)) {
        policies_close(t);
        return r;
    }
    *out = t;
    return OK;
}

void policies_close(struct policies *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        policy_unpin(t->table[i]);
    pthread_rwlock_destroy(&t->lock);
    pthread_mutex_destroy(&t->change);
    free(t);
}

struct policy *policies_pin(struct policies *t, enum policy_space space, slice id)
{
    pthread_rwlock_rdlock(&t->lock);
    struct policy **place = table_find(t, space, id);
    if (place)
        policy_hold(*place);
    struct policy *p = place ? *place : NULL;
    pthread_rwlock_unlock(&t->lock);
    return p;
}

result policy_evaluate(struct policy *p, struct trustee_request *req, const trustee_policy_in *in, tree *out)
{
    ENSURE(p->compiled, POLICY_FAULT);
    uint64_t begin = clock_monotonic_ns();
    result r = engine_evaluate(p->engine, req, p->compiled, in, out);
    if (clock_monotonic_ns() - begin <= SLOW_NS)
        return r;
    __atomic_store_n(&p->slow, 1, __ATOMIC_RELAXED);
    return FAILED(r) && in->deadline_ms == POLICY_WORKER_MS ? FAIL(POLICY_SLOW) : r;
}

bool policies_slow(struct policies *t, enum policy_space space)
{
    bool slow = false;
    pthread_rwlock_rdlock(&t->lock);
    for (size_t i = 0; i < t->count && !slow; i++)
        slow = t->table[i]->space == space && __atomic_load_n(&t->table[i]->slow, __ATOMIC_RELAXED);
    pthread_rwlock_unlock(&t->lock);
    return slow;
}

/* Asked before anything is stored, with the change lock held: what is stored must load again. */
static bool has_room(struct policies *t, const struct policy *p)
{
    pthread_rwlock_rdlock(&t->lock);
    bool room = t->count < POLICIES_MAX || table_find(t, p->space, slice_text(p->id));
    pthread_rwlock_unlock(&t->lock);
    return room;
}

static result set_locked(struct policies *t, struct trustee_request *req, struct policy *p, struct policy_error *error)
{
    slice suffix = engine_suffix(t->engine);
    slice key = arena_printf(req->scratch, "%s%.*s", p->id, SLICE_ARG(suffix));
    ENSURE(key.ptr, NO_MEMORY);
    ENSURE(has_room(t, p), POLICY_LIMIT);
    TRY(policy_try(&t->trial, p->hash, p->text, error));
    TRY(policy_compile(p, error));
    TRY(store_put(t->store, req, space_name(p->space), key, p->text));
    keep_verdict(t, req, p);
    policy_hold(p);
    return table_put(t, p);
}

result policies_set(struct policies *t, struct trustee_request *req, enum policy_space space, slice id, slice text,
                    struct policy_error *error)
{
    *error = (struct policy_error){0};
    ENSURE(id_is_valid(space, id), POLICY_ID);
    ENSURE(text.len <= POLICY_TEXT_MAX, POLICY_LIMIT);
    struct policy *p = policy_new(t->engine, space, id, text);
    ENSURE(p, NO_MEMORY);
    pthread_mutex_lock(&t->change);
    result r = set_locked(t, req, p, error);
    pthread_mutex_unlock(&t->change);
    policy_unpin(p);
    return r;
}

static int by_id(const void *a, const void *b)
{
    const struct policy *const *x = a, *const *y = b;
    return strcmp((*x)->id, (*y)->id);
}

void policies_list(struct policies *t, enum policy_space space, void (*each)(void *user, const struct policy *policy),
                   void *user)
{
    struct policy *pinned[POLICIES_MAX];
    size_t count = 0;
    pthread_rwlock_rdlock(&t->lock);
    for (size_t i = 0; i < t->count; i++)
        if (t->table[i]->space == space) {
            policy_hold(t->table[i]);
            pinned[count++] = t->table[i];
        }
    pthread_rwlock_unlock(&t->lock);
    qsort(pinned, count, sizeof *pinned, by_id);
    for (size_t i = 0; i < count; i++) {
        each(user, pinned[i]);
        policy_unpin(pinned[i]);
    }
}

struct digest_list {
    uint8_t bytes[POLICIES_MAX * (sizeof((struct policy *)0)->id + 32)];
    size_t size;
};

static void digest_one(void *user, const struct policy *p)
{
    struct digest_list *d = user;
    memcpy(d->bytes + d->size, p->id, sizeof p->id);
    memcpy(d->bytes + d->size + sizeof p->id, p->hash, sizeof p->hash);
    d->size += sizeof p->id + sizeof p->hash;
}

void policies_appraisal_digest(struct policies *t, uint8_t out[32])
{
    struct digest_list d = {.size = 0};
    policies_list(t, POLICY_APPRAISAL, digest_one, &d);
    hash_sha256(slice_of(d.bytes, d.size), out);
}

uint64_t policies_generation(const struct policies *t)
{
    return atomic_load(&t->generation);
}
