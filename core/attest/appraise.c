/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/appraise.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/attest/compare.h"

#define MEMORY_SLOTS 512u /* a power of two */
#define ANSWER_MAX 2048u  /* bytes of an answer's JSON with the names of missing and of asked reference values */
#define ANSWER_NODES (ANSWER_MAX / 2)

struct remembered {
    uint8_t key[32];
    uint32_t answer_size, missing_size, asked_size;
    int64_t until; /* the next time that a reference value expires */
    uint8_t bytes[ANSWER_MAX];
};

struct appraisal_memory {
    pthread_mutex_t locks[16];
    struct remembered *slots;
    pthread_mutex_t expiry_lock;
    uint64_t expiry_generation;
    int64_t next_expiry;
};

result appraisal_memory_new(struct appraisal_memory **out)
{
    struct appraisal_memory *m = calloc(1, sizeof *m);
    ENSURE(m, NO_MEMORY);
    m->slots = calloc(MEMORY_SLOTS, sizeof *m->slots);
    for (size_t i = 0; i < sizeof m->locks / sizeof *m->locks; i++)
        pthread_mutex_init(&m->locks[i], NULL);
    pthread_mutex_init(&m->expiry_lock, NULL);
    *out = m;
    if (m->slots)
        return OK;
    free(m);
    return FAIL(NO_MEMORY);
}

void appraisal_memory_free(struct appraisal_memory *m)
{
    if (!m)
        return;
    free(m->slots);
    free(m);
}

/* --- the next expiry of a reference value: an answer is not remembered beyond it ---------------------------------- */
struct expiry_scan {
    int64_t now, next;
};

static bool scan_expiry(void *user, const struct refval_item *item)
{
    struct expiry_scan *s = user;
    if (item->expiration > s->now && item->expiration < s->next)
        s->next = item->expiration;
    return true;
}

static int64_t next_expiry(struct appraisal_memory *m, const struct appraisal_request *req)
{
    pthread_mutex_lock(&m->expiry_lock);
    if (m->expiry_generation != refval_generation(req->values) || m->next_expiry <= req->now) {
        struct expiry_scan scan = {req->now, INT64_MAX};
        refval_list(req->values, req->now, scan_expiry, &scan);
        m->expiry_generation = refval_generation(req->values);
        m->next_expiry = scan.next;
    }
    int64_t next = m->next_expiry;
    pthread_mutex_unlock(&m->expiry_lock);
    return next;
}

/* --- the memory --- */
static bool may_remember(const struct policy *p)
{
    return !(p->info.flags & (TRUSTEE_POLICY_IMPURE | TRUSTEE_POLICY_READS_ALL));
}

/* The digest of everything that the answer depends on; false when it cannot be made. */
static bool memory_key(const struct appraisal_request *req, const struct appraisal_in *in, uint8_t key[32])
{
    struct arena *a = req->base.scratch;
    size_t mark = a->used;
    slice reads = in->policy->info.reads, name;
    uint64_t generation = refval_generation(req->values);
    struct text t = text_begin(a);
    text_add(&t, slice_of(in->policy->hash, sizeof in->policy->hash));
    text_u64(&t, generation);
    while (slice_split(&reads, ',', &name)) {
        const node *member = tree_get(in->evidence, tree_root(in->evidence), name);
        text_lit(&t, ",");
        text_json(&t, name);
        text_lit(&t, ":");
        if (member)
            tree_json(&t, in->evidence, member, false);
    }
    slice all = text_end(&t);
    if (all.ptr)
        hash_sha256(all, key);
    a->used = mark;
    return all.ptr != NULL;
}

static struct remembered *slot_of(struct appraisal_memory *m, const uint8_t key[32], pthread_mutex_t **lock)
{
    size_t n = ((size_t)key[0] | (size_t)key[1] << 8) & (MEMORY_SLOTS - 1);
    *lock = &m->locks[n % (sizeof m->locks / sizeof *m->locks)];
    return &m->slots[n];
}

/* What is remembered: the answer as JSON, and names of reference values, a line each. */
struct answer_texts {
    slice answer, missing, asked;
};

static bool recall(struct appraisal_memory *m, struct appraisal_request *req, const uint8_t key[32],
                   struct answer_texts *out)
{
    pthread_mutex_t *lock;
    struct remembered *r = slot_of(m, key, &lock);
    pthread_mutex_lock(lock);
    bool hit = r->answer_size && memcmp(r->key, key, 32) == 0 && req->now < r->until;
    if (hit) {
        slice all =
            arena_copy(req->base.scratch, slice_of(r->bytes, (size_t)r->answer_size + r->missing_size + r->asked_size));
        out->answer = slice_sub(all, 0, r->answer_size);
        out->missing = slice_sub(all, r->answer_size, r->missing_size);
        out->asked = slice_sub(all, (size_t)r->answer_size + r->missing_size, r->asked_size);
        hit = all.ptr != NULL;
    }
    pthread_mutex_unlock(lock);
    return hit;
}

static uint8_t *put(uint8_t *at, slice s)
{
    if (s.len)
        memcpy(at, s.ptr, s.len);
    return at + s.len;
}

static void remember(struct appraisal_memory *m, const struct appraisal_request *req, const uint8_t key[32],
                     const struct answer_texts *texts)
{
    pthread_mutex_t *lock;
    struct remembered *r = slot_of(m, key, &lock);
    if (!texts->answer.ptr || texts->answer.len + texts->missing.len + texts->asked.len > ANSWER_MAX)
        return;
    int64_t until = next_expiry(m, req);
    pthread_mutex_lock(lock);
    memcpy(r->key, key, 32);
    r->answer_size = (uint32_t)texts->answer.len;
    r->missing_size = (uint32_t)texts->missing.len;
    r->asked_size = (uint32_t)texts->asked.len;
    r->until = until;
    put(put(put(r->bytes, texts->answer), texts->missing), texts->asked);
    pthread_mutex_unlock(lock);
}

static result answer_from(struct arena *a, slice text, tree *out)
{
    const json *v;
    struct trustee_writer w;
    TRY(json_parse(a, text, &v));
    TRY(claims_begin(&w, a, ANSWER_NODES));
    slice key;
    for (const json *m = json_next(v, NULL, &key); m; m = json_next(v, m, &key))
        claims_json(&w, key, m);
    return claims_end(&w, out);
}

/* --- asking the policy --- */
static void ask_noted(struct appraisal_request *req, slice name)
{
    for (const struct record_name *n = req->asked; n; n = n->next)
        if (slice_equal(n->name, name))
            return;
    struct record_name *n = arena_new(req->base.scratch, struct record_name);
    if (!n)
        return;
    *n = (struct record_name){req->asked, arena_copy(req->base.scratch, name)};
    req->asked = n;
}

_Static_assert(offsetof(struct appraisal_request, base) == 0, "a policy hands back what it was given: the base");

static trustee_tree reference_of(trustee_request *base, trustee_slice name)
{
    struct appraisal_request *req = (struct appraisal_request *)base;
    tree value = refval_lookup(req->values, name, req->now);
    if (!value.count && base->record)
        record_missing(base->record, name);
    if (value.count)
        ask_noted(req, name);
    return value;
}

static result ask(struct appraisal_request *req, const struct appraisal_in *in, tree *answer)
{
    static const slice rules[] = {{(const uint8_t *)"trust_claims", 12}, {(const uint8_t *)"extensions", 10}};
    trustee_policy_in question = {.size = sizeof question,
                                  .rule_count = 2,
                                  .rules = rules,
                                  .input = in->evidence,
                                  .data = in->data,
                                  .now = req->now,
                                  .deadline_ms = in->timeout_ms,
                                  .reference = reference_of};
    result r = policy_evaluate(in->policy, &req->base, &question, answer);
    return FAILED(r) && r.reason != NO_MEMORY && r.reason != POLICY_SLOW ? FAIL(APPRAISAL_FAILED) : r;
}

static slice names_text(const struct record_name *names, struct arena *a)
{
    struct text t = text_begin(a);
    for (const struct record_name *n = names; n; n = n->next) {
        text_add(&t, n->name);
        text_lit(&t, "\n");
    }
    return text_end(&t);
}

static void restore_names(struct appraisal_request *req, const struct answer_texts *texts)
{
    slice missing = texts->missing, asked = texts->asked, name;
    while (missing.len && slice_split(&missing, '\n', &name))
        if (name.len)
            record_missing(req->base.record, name);
    while (asked.len && slice_split(&asked, '\n', &name))
        if (name.len)
            ask_noted(req, name);
}

static result ask_and_remember(struct appraisal_memory *m, struct appraisal_request *req, const struct appraisal_in *in,
                               const uint8_t key[32], tree *answer)
{
    struct record_name *before = req->base.record->missing;
    req->base.record->missing = NULL; /* names of this device only */
    result r = ask(req, in, answer);
    struct answer_texts texts = {.missing = names_text(req->base.record->missing, req->base.scratch),
                                 .asked = names_text(req->asked, req->base.scratch)};
    if (!FAILED(r)) {
        struct text t = text_begin(req->base.scratch);
        tree_json(&t, *answer, tree_root(*answer), false);
        texts.answer = text_end(&t);
        remember(m, req, key, &texts);
    }
    req->base.record->missing = before;
    restore_names(req, &texts);
    return r;
}

static void explain(struct appraisal_request *req, const struct appraisal_in *in)
{
    for (const struct record_name *n = req->asked; n; n = n->next)
        compare_reference(req->base.record, in->evidence, n->name, refval_lookup(req->values, n->name, req->now));
}

result appraise(struct appraisal_memory *m, struct appraisal_request *req, const struct appraisal_in *in,
                struct ear_appraisal *out)
{
    uint8_t key[32];
    tree answer;
    struct answer_texts texts;
    req->asked = NULL;
    if (!may_remember(in->policy) || !memory_key(req, in, key)) {
        TRY(ask(req, in, &answer));
    } else if (recall(m, req, key, &texts)) {
        restore_names(req, &texts);
        TRY(answer_from(req->base.scratch, texts.answer, &answer));
    } else {
        TRY(ask_and_remember(m, req, in, key, &answer));
    }
    TRY(ear_appraisal_from(answer, out));
    if (ear_status(out) != EAR_AFFIRMING)
        explain(req, in);
    return OK;
}
