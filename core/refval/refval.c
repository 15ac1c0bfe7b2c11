/* SPDX-License-Identifier: Apache-2.0 */
#include "core/refval/refval.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/log/log.h"
#include "core/refval/entry.h"
#include "core/refval/message.h"

#define SPACE S("reference_value")
/* One value on its way: its document, that parsed (8 times its size), its text, its nodes (28 times its text). */
#define SCRATCH_SIZE ((size_t)48 * REFVAL_VALUE_MAX)
#define SCRATCH_KEEP ((size_t)64 << 10)

struct refval_snapshot {
    uint64_t generation;
    size_t count;
    uint64_t size;                  /* bytes of the entries */
    struct refval_entry *entries[]; /* in the order of names */
};

struct refval {
    const struct store *store;
    pthread_mutex_t lock; /* over everything below */
    struct arena scratch;
    struct refval_snapshot *latest; /* what is published */
    struct generations published;
};

/* --- snapshots
 * ---------------------------------------------------------------------------------------------------------- */

static struct refval_snapshot *snapshot_new(size_t room)
{
    return calloc(1, sizeof(struct refval_snapshot) + room * sizeof(struct refval_entry *));
}

static void snapshot_free(void *object)
{
    struct refval_snapshot *s = object;
    for (size_t i = 0; i < s->count; i++)
        refval_entry_drop(s->entries[i]);
    free(s);
}

static void snapshot_add(struct refval_snapshot *s, struct refval_entry *e)
{
    refval_entry_hold(e);
    s->size += e->size;
    s->entries[s->count++] = e;
}

/* Index of the first entry that does not come before `name`. */
static size_t position(const struct refval_snapshot *s, slice name)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (refval_name_compare(s->entries[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct refval_entry *find(const struct refval_snapshot *s, slice name)
{
    size_t i = position(s, name);
    return i < s->count && slice_equal(s->entries[i]->name, name) ? s->entries[i] : NULL;
}

/* The old snapshot with the batch in the place of its names. NULL: no memory. */
static struct refval_snapshot *merged(const struct refval_snapshot *old, const struct refval_batch *b)
{
    struct refval_snapshot *s = snapshot_new(old->count + b->count);
    size_t i = 0, j = 0;
    while (s && (i < old->count || j < b->count)) {
        int order = i == old->count ? 1
                    : j == b->count ? -1
                                    : refval_name_compare(old->entries[i]->name, b->entries[j]->name);
        snapshot_add(s, order < 0 ? old->entries[i] : b->entries[j]);
        i += order <= 0;
        j += order >= 0;
    }
    return s;
}

static struct refval_snapshot *without(const struct refval_snapshot *old, slice name)
{
    struct refval_snapshot *s = snapshot_new(old->count);
    for (size_t i = 0; s && i < old->count; i++)
        if (!slice_equal(old->entries[i]->name, name))
            snapshot_add(s, old->entries[i]);
    return s;
}

static bool same(const struct refval_snapshot *a, const struct refval_snapshot *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++) {
        const struct refval_entry *x = a->entries[i], *y = b->entries[i];
        equal = slice_equal(x->name, y->name) && x->expiration == y->expiration && slice_equal(x->text, y->text);
    }
    return equal;
}

/* Takes `next` over. When so many old generations are being read that there is no room, waits for one to end: requests
 * are short. */
static result publish(struct refval *r, struct refval_snapshot *next)
{
    static const struct timespec pause = {.tv_nsec = 10000000};
    ENSURE(next, NO_MEMORY);
    next->generation = r->latest->generation + 1;
    result done = generations_publish(&r->published, next);
    for (int i = 0; FAILED(done) && i < 200; i++) {
        (void)nanosleep(&pause, NULL);
        done = generations_publish(&r->published, next);
    }
    if (FAILED(done)) {
        log_error("refval", "too many requests hold old reference values: generation %llu is not published",
                  (unsigned long long)next->generation);
        snapshot_free(next);
        return done;
    }
    r->latest = next;
    return OK;
}

/* --- reading the storage
 * ------------------------------------------------------------------------------------------------- */

/* The entry that is stored under a key. RELEASE_NOT_FOUND: none; REFERENCE_REQUEST: not a good one; STORAGE. */
static result load(struct refval *r, struct trustee_request *req, slice key, struct refval_entry **out)
{
    uint8_t room[REFVAL_KEY_MAX];
    slice document, expected;
    arena_reset(&r->scratch, SCRATCH_KEEP);
    result done = store_get(r->store, req, SPACE, key, &r->scratch, REFVAL_VALUE_MAX, &document);
    if (done.reason == HTTP_BODY_TOO_LARGE)
        return FAIL(REFERENCE_REQUEST);
    TRY(done);
    TRY(refval_document_read(&r->scratch, document, out));
    done = refval_key((*out)->name, room, &expected);
    if (!FAILED(done) && slice_equal(expected, key))
        return OK;
    refval_entry_drop(*out);
    return FAIL(REFERENCE_REQUEST);
}

struct keys {
    char *text; /* one after the other, each ended by NUL */
    size_t size, room, count;
    bool failed;
};

static void collect_key(void *user, slice name, uint64_t size)
{
    struct keys *k = user;
    (void)size;
    if (k->size + name.len + 1 > k->room) {
        size_t room = 2 * k->room + name.len + 4096;
        char *text = realloc(k->text, room);
        if (!text) {
            k->failed = true;
            return;
        }
        k->text = text;
        k->room = room;
    }
    memcpy(k->text + k->size, name.ptr, name.len);
    k->text[k->size + name.len] = 0;
    k->size += name.len + 1;
    k->count++;
}

static result add_stored(struct refval *r, struct trustee_request *req, slice key, struct refval_batch *b)
{
    struct refval_entry *e;
    result done = load(r, req, key, &e);
    if (done.reason == RELEASE_NOT_FOUND) /* removed meanwhile */
        return OK;
    if (done.reason == REFERENCE_REQUEST) {
        log_warn("refval", "%.*s is stored, but is no reference value of that name: left out", SLICE_ARG(key));
        return OK;
    }
    TRY(done);
    b->entries[b->count++] = e;
    return OK;
}

static int by_name(const void *a, const void *b)
{
    const struct refval_entry *const *x = a, *const *y = b;
    return refval_name_compare((*x)->name, (*y)->name);
}

static result load_keys(struct refval *r, struct trustee_request *req, const struct keys *k, struct refval_batch *b)
{
    uint64_t size = 0;
    ENSURE(!k->failed, NO_MEMORY);
    if (k->count > REFVAL_COUNT_MAX) {
        log_error("refval", "%zu reference values are stored, at most %d are held", k->count, REFVAL_COUNT_MAX);
        return FAIL(STORAGE);
    }
    b->entries = calloc(k->count + 1, sizeof *b->entries);
    ENSURE(b->entries, NO_MEMORY);
    for (const char *at = k->text; at && at < k->text + k->size; at += strlen(at) + 1) {
        TRY(add_stored(r, req, slice_text(at), b));
        if (b->count)
            size += b->entries[b->count - 1]->size;
        ENSURE(size <= REFVAL_TOTAL_MAX, NO_MEMORY);
    }
    qsort(b->entries, b->count, sizeof *b->entries, by_name);
    return OK;
}

/* Everything that is stored, as a snapshot. */
static result load_all(struct refval *r, struct trustee_request *req, struct refval_snapshot **out)
{
    static const struct refval_snapshot nothing;
    struct keys k = {0};
    struct refval_batch b = {0};
    result done = store_list(r->store, req, SPACE, NO_SLICE, collect_key, &k);
    if (!FAILED(done))
        done = load_keys(r, req, &k, &b);
    if (!FAILED(done)) {
        *out = merged(&nothing, &b);
        done = *out ? OK : FAIL(NO_MEMORY);
    }
    refval_batch_free(&b);
    free(k.text);
    arena_reset(&r->scratch, SCRATCH_KEEP);
    return done;
}

result refval_open(const struct store *store, struct trustee_request *req, struct refval **out)
{
    struct refval *r = calloc(1, sizeof *r);
    ENSURE(r, NO_MEMORY);
    r->store = store;
    result done = arena_map(&r->scratch, SCRATCH_SIZE, ARENA_PLAIN);
    if (!FAILED(done))
        done = load_all(r, req, &r->latest);
    if (FAILED(done)) {
        arena_unmap(&r->scratch);
        free(r);
        return done;
    }
    pthread_mutex_init(&r->lock, NULL);
    r->latest->generation = 1;
    generations_begin(&r->published, r->latest, snapshot_free);
    *out = r;
    return OK;
}

void refval_close(struct refval *r)
{
    if (!r)
        return;
    generations_end(&r->published);
    pthread_mutex_destroy(&r->lock);
    arena_unmap(&r->scratch);
    free(r);
}

static result reload(struct refval *r, struct trustee_request *req)
{
    struct refval_snapshot *next;
    TRY(load_all(r, req, &next));
    if (!same(next, r->latest))
        return publish(r, next);
    snapshot_free(next);
    return OK;
}

result refval_reload(struct refval *r, struct trustee_request *req)
{
    pthread_mutex_lock(&r->lock);
    result done = reload(r, req);
    pthread_mutex_unlock(&r->lock);
    return done;
}

/* --- changing
 * -------------------------------------------------------------------------------------------------------------- */

static result store_entry(struct refval *r, struct trustee_request *req, const struct refval_entry *e)
{
    uint8_t room[REFVAL_KEY_MAX];
    slice key, document;
    arena_reset(&r->scratch, SCRATCH_KEEP);
    TRY(refval_key(e->name, room, &key));
    TRY(refval_document(&r->scratch, e, &document));
    return store_put(r->store, req, SPACE, key, document);
}

/* After a write that failed nobody knows whether it took effect: what is stored now takes the entry's place. False when
 * that cannot be told, or when there is nothing. */
static bool read_back(struct refval *r, struct trustee_request *req, struct refval_entry **e)
{
    uint8_t room[REFVAL_KEY_MAX];
    slice key;
    struct refval_entry *stored;
    if (FAILED(refval_key((*e)->name, room, &key)) || FAILED(load(r, req, key, &stored)))
        return false;
    refval_entry_drop(*e);
    *e = stored;
    return true;
}

static bool fits(const struct refval_snapshot *s)
{
    return s->count <= REFVAL_COUNT_MAX && s->size <= REFVAL_TOTAL_MAX;
}

/* Stores the batch and publishes as much of it as was stored. */
static result change(struct refval *r, struct trustee_request *req, struct refval_batch *b,
                     struct refval_snapshot *next)
{
    result done = OK;
    struct refval_batch stored = {.entries = b->entries};
    while (stored.count < b->count && !FAILED(done)) {
        done = store_entry(r, req, b->entries[stored.count]);
        if (!FAILED(done) || read_back(r, req, &b->entries[stored.count]))
            stored.count++;
    }
    if (FAILED(done)) {
        snapshot_free(next);
        next = merged(r->latest, &stored);
    }
    result published = next && same(next, r->latest) ? (snapshot_free(next), OK) : publish(r, next);
    return FAILED(done) ? done : published;
}

static result apply(struct refval *r, struct trustee_request *req, struct refval_batch *b, struct refval_error *error)
{
    struct refval_snapshot *next = merged(r->latest, b);
    ENSURE(next, NO_MEMORY);
    if (fits(next))
        return change(r, req, b, next);
    snapshot_free(next);
    (void)snprintf(error->text, sizeof error->text, "with these there would be more than %d values, or %llu bytes",
                   REFVAL_COUNT_MAX, (unsigned long long)REFVAL_TOTAL_MAX);
    return FAIL(REFERENCE_REQUEST);
}

result refval_register(struct refval *r, struct trustee_request *req, slice message, int64_t now,
                       struct refval_error *error)
{
    struct refval_batch b;
    pthread_mutex_lock(&r->lock);
    arena_reset(&r->scratch, SCRATCH_KEEP);
    result done = refval_message_read(&r->scratch, message, now, &b, error);
    if (!FAILED(done))
        done = apply(r, req, &b, error);
    refval_batch_free(&b);
    arena_reset(&r->scratch, SCRATCH_KEEP);
    pthread_mutex_unlock(&r->lock);
    return done;
}

static result delete_stored(struct refval *r, struct trustee_request *req, slice name)
{
    uint8_t room[REFVAL_KEY_MAX];
    slice key;
    struct refval_entry *left;
    ENSURE(find(r->latest, name), REFERENCE_NOT_FOUND);
    TRY(refval_key(name, room, &key));
    result done = store_delete(r->store, req, SPACE, key);
    if (done.reason == RELEASE_NOT_FOUND) /* somebody else was faster */
        done = OK;
    if (FAILED(done)) {
        result now = load(r, req, key, &left);
        if (!FAILED(now))
            refval_entry_drop(left);
        if (now.reason != RELEASE_NOT_FOUND)
            return done;
    }
    result published = publish(r, without(r->latest, name));
    return FAILED(done) ? done : published;
}

result refval_delete(struct refval *r, struct trustee_request *req, slice name)
{
    pthread_mutex_lock(&r->lock);
    result done = delete_stored(r, req, name);
    pthread_mutex_unlock(&r->lock);
    return done;
}

/* --- reading
 * ----------------------------------------------------------------------------------------------------------------- */

struct refval_pin refval_pin(struct refval *r)
{
    struct pin pin = generations_pin(&r->published);
    return (struct refval_pin){pin.object, pin};
}

void refval_unpin(struct refval *r, struct refval_pin pin)
{
    (void)r;
    generations_unpin(pin.pin);
}

uint64_t refval_generation(const struct refval_snapshot *s)
{
    return s->generation;
}

size_t refval_count(const struct refval_snapshot *s)
{
    return s->count;
}

static const struct refval_entry *find_valid(const struct refval_snapshot *s, slice name, int64_t now)
{
    const struct refval_entry *e = find(s, name);
    return e && now < e->expiration ? e : NULL;
}

tree refval_lookup(const struct refval_snapshot *s, slice name, int64_t now)
{
    const struct refval_entry *e = find_valid(s, name, now);
    return e ? e->value : (tree){0};
}

result refval_get(const struct refval_snapshot *s, slice name, int64_t now, slice *text)
{
    const struct refval_entry *e = find_valid(s, name, now);
    ENSURE(e, REFERENCE_NOT_FOUND);
    *text = e->text;
    return OK;
}

void refval_list(const struct refval_snapshot *s, int64_t now,
                 bool (*visit)(void *user, const struct refval_item *item), void *user)
{
    bool more = true;
    for (size_t i = 0; more && i < s->count; i++) {
        const struct refval_entry *e = s->entries[i];
        struct refval_item item = {e->name, e->expiration, now >= e->expiration, e->text, e->value};
        more = visit(user, &item);
    }
}

slice refval_unknown_detail(struct arena *a, slice name)
{
    return arena_printf(a,
                        "RVPS configuration failed: Failed to get reference_values: No reference value found for the "
                        "given id: %.*s",
                        SLICE_ARG(name));
}
