/* SPDX-License-Identifier: Apache-2.0
 *
 * The store as a whole: opening and closing, its thread, and what requests ask of it.
 */
#include "core/collateral/internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock/clock.h"
#include "core/log/log.h"

#define SCRATCH_SIZE ((size_t)64 << 20)
#define TEXTS_SIZE ((size_t)64 << 10)
#define BRING_EVERY_MS 1000u
#define TIMER_MAX_MS UINT64_C(3600000)

/* --- the thread --------------------------------------------------------------------------------------------------- */

static struct want *take_queue(struct collateral_store *s, bool *stopping)
{
    pthread_mutex_lock(&s->lock);
    struct want *w = s->queue;
    s->queue = NULL;
    s->queue_last = &s->queue;
    *stopping = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return w;
}

static void begin_queued(struct collateral_store *s)
{
    bool stopping;
    struct want *w = take_queue(s, &stopping);
    for (struct want *next; w; w = next) {
        next = w->next;
        want_begin(s, w);
    }
    if (!stopping)
        return;
    wants_refuse_all(s, "the service is stopping");
    flights_drop_all(s);
}

static void on_timer(uv_timer_t *timer)
{
    attend(timer->data);
}

/* Whichever is sooner: something that happens in this process, or a date. */
static uint64_t sleep_ms(uint64_t wake_ms, int64_t renew_at)
{
    uint64_t now = clock_monotonic_ms(), ms = TIMER_MAX_MS;
    int64_t wall = clock_wall();
    if (wake_ms != UINT64_MAX)
        ms = wake_ms > now ? wake_ms - now : 0;
    if (renew_at != INT64_MAX) {
        uint64_t until = renew_at > wall ? (uint64_t)(renew_at - wall) * 1000 : 0;
        ms = until < ms ? until : ms;
    }
    return ms < TIMER_MAX_MS ? ms : TIMER_MAX_MS;
}

void attend(struct collateral_store *s)
{
    begin_queued(s);
    int64_t renew_at = renew(s);
    uint64_t wake = flights_step(s);
    if (wake == UINT64_MAX && renew_at == INT64_MAX)
        (void)uv_timer_stop(&s->timer);
    else
        (void)uv_timer_start(&s->timer, on_timer, sleep_ms(wake, renew_at) + 1, 0);
}

/* With the last handle the loop ends, and with it the thread. */
static void end(struct collateral_store *s)
{
    flights_drop_all(s);
    fetcher_stop(s->fetcher);
    uv_close((uv_handle_t *)&s->timer, NULL);
    uv_close((uv_handle_t *)&s->wake, NULL);
}

static void on_wake(uv_async_t *async)
{
    struct collateral_store *s = async->data;
    pthread_mutex_lock(&s->lock);
    bool closing = s->closing;
    pthread_mutex_unlock(&s->lock);
    if (!s->loaded && !closing)
        load_folder(s);
    s->loaded = true;
    attend(s);
    if (closing)
        end(s);
}

static void *thread_main(void *store)
{
    struct collateral_store *s = store;
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    return NULL;
}

static result loop_open(struct collateral_store *s)
{
    ENSURE(uv_loop_init(&s->loop) == 0, IO);
    bool good = uv_async_init(&s->loop, &s->wake, on_wake) == 0;
    if (good && FAILED(fetcher_new(&s->loop, &s->fetching, &s->fetcher))) {
        uv_close((uv_handle_t *)&s->wake, NULL);
        (void)uv_run(&s->loop, UV_RUN_DEFAULT);
        good = false;
    }
    if (!good) {
        (void)uv_loop_close(&s->loop);
        return FAIL(IO);
    }
    (void)uv_timer_init(&s->loop, &s->timer);
    s->wake.data = s->timer.data = s;
    return OK;
}

static void loop_close(struct collateral_store *s)
{
    (void)uv_loop_close(&s->loop);
    fetcher_free(s->fetcher);
    s->fetcher = NULL;
}

/* The lock is held. */
static result start(struct collateral_store *s)
{
    sigset_t all, before;
    if (s->started)
        return OK;
    TRY(loop_open(s));
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    s->started = pthread_create(&s->thread, NULL, thread_main, s) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (s->started)
        return OK;
    end(s);
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    loop_close(s);
    return FAIL(IO);
}

/* --- opening and closing ------------------------------------------------------------------------------------------ */

struct opening {
    struct collateral_store *store;
    char *error;
    size_t error_size;
};

static const char *text_of(struct collateral_store *s, slice text)
{
    slice copy = text.len ? arena_printf(&s->texts, "%.*s", SLICE_ARG(text)) : NO_SLICE;
    return (const char *)copy.ptr;
}

static result open_files(const struct opening *o)
{
    struct collateral_store *s = o->store;
    const struct collateral_settings *c = s->settings;
    char why[512] = "";
    if (c->directory.len) {
        const char *path = text_of(s, c->directory);
        ENSURE(path, NO_MEMORY);
        result r = collateral_folder_open(&s->folder, path, why, sizeof why);
        if (FAILED(r)) {
            s->folder.fd = -1;
            snprintf(o->error, o->error_size, "[collateral] directory = %s: %s", path, why);
            return r;
        }
    }
    if (c->offline.count > OFFLINE_MAX) {
        snprintf(o->error, o->error_size, "[collateral] offline: %d paths at most", OFFLINE_MAX);
        return FAIL(CONFIG_VALUE);
    }
    for (size_t i = 0; i < c->offline.count; i++) {
        const char *path = text_of(s, c->offline.items[i]);
        ENSURE(path, NO_MEMORY);
        result r = collateral_offline_open(path, &s->offline[i], why, sizeof why);
        if (FAILED(r)) {
            snprintf(o->error, o->error_size, "[collateral] offline = %s: %s", path, why);
            return r;
        }
        s->offline_count++;
    }
    return OK;
}

static result open_network(const struct opening *o)
{
    struct collateral_store *s = o->store;
    const struct collateral_settings *c = s->settings;
    TRY(origins_read(c, &s->origins, o->error, o->error_size));
    for (size_t i = 0; c->network && i < s->origins.count; i++)
        if (slice_starts(s->origins.at[i].base, S("http://")) && s->origins.at[i].service != ORIGIN_INTEL_ROOT_CRL)
            log_warn("collateral",
                     "%.*s is asked without TLS: what it sends is verified, but who listens learns which "
                     "platforms attest here",
                     SLICE_ARG(s->origins.at[i].base));
    s->fetching = (struct fetcher_settings){
        .ca = text_of(s, c->ca), .proxy = text_of(s, c->proxy), .timeout_ms = (unsigned)c->timeout * 1000};
    if (!s->fetching.ca)
        return OK;
    FILE *ca = fopen(s->fetching.ca, "re");
    if (!ca) {
        snprintf(o->error, o->error_size, "[collateral] ca = %s cannot be read; check the path, and who may read it",
                 s->fetching.ca);
        return FAIL(CONFIG_FILE);
    }
    (void)fclose(ca);
    return OK;
}

static result open_all(const struct opening *o)
{
    struct collateral_store *s = o->store;
    const struct collateral_settings *c = s->settings;
    TRY(arena_map(&s->texts, TEXTS_SIZE, ARENA_PLAIN));
    TRY(arena_map(&s->scratch, SCRATCH_SIZE, ARENA_PLAIN));
    TRY(memory_new((size_t)c->memory, &s->memory));
    TRY(limits_new(c->address_budget, c->key_budget, &s->limits));
    TRY(open_network(o));
    TRY(open_files(o));
    if (s->folder.fd < 0)
        return OK;
    /* What lies there is read while requests are served already. */
    pthread_mutex_lock(&s->lock);
    result r = start(s);
    if (!FAILED(r))
        (void)uv_async_send(&s->wake);
    pthread_mutex_unlock(&s->lock);
    return r;
}

result collateral_open(const struct collateral_settings *settings, collateral_judge_fn *judge, void *user,
                       struct collateral_store **out, char *error, size_t error_size)
{
    struct collateral_store *s = calloc(1, sizeof *s);
    *out = NULL;
    ENSURE(s, NO_MEMORY);
    error[0] = 0;
    s->settings = settings;
    s->judge = judge;
    s->user = user;
    s->folder.fd = -1;
    s->queue_last = &s->queue;
    pthread_mutex_init(&s->lock, NULL);
    result r = open_all(&(struct opening){s, error, error_size});
    if (FAILED(r)) {
        collateral_close(s);
        return r;
    }
    *out = s;
    return OK;
}

void collateral_stop(struct collateral_store *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    if (s->started)
        (void)uv_async_send(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

static void thread_end(struct collateral_store *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = s->closing = true;
    bool started = s->started;
    if (started)
        (void)uv_async_send(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (!started)
        return;
    (void)pthread_join(s->thread, NULL);
    loop_close(s);
}

void collateral_close(struct collateral_store *s)
{
    if (!s)
        return;
    thread_end(s);
    for (size_t i = 0; i < s->offline_count; i++)
        collateral_offline_close(s->offline[i]);
    if (s->folder.fd >= 0)
        collateral_folder_close(&s->folder);
    memory_free(s->memory);
    limits_free(s->limits);
    arena_unmap(&s->texts);
    arena_unmap(&s->scratch);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static struct entry *entry_of(const struct collateral_item *item)
{
    /* Every item that a request sees is the first member of a struct entry. */
    return (struct entry *)(uintptr_t)item;
}

bool collateral_pin(struct collateral_store *s, const trustee_need *need, int64_t now, bool stale,
                    const struct collateral_item **out)
{
    struct entry *e = memory_pin(s->memory, need->kind, need->key, now);
    *out = NULL;
    if (!e)
        return false;
    if (e->facts.not_after && e->facts.not_after <= now && !stale) {
        memory_unpin(s->memory, e);
        return false;
    }
    *out = &e->item;
    return true;
}

void collateral_unpin(struct collateral_store *s, const struct collateral_item *item)
{
    memory_unpin(s->memory, entry_of(item));
}

const struct collateral_facts *collateral_facts_of(const struct collateral_item *item)
{
    return &entry_of(item)->facts;
}

void collateral_verified(struct collateral_store *s, const struct collateral_item *item)
{
    struct entry *e = entry_of(item);
    if (e->kind->platform && !atomic_exchange(&e->verified, true))
        limits_verified(s->limits, item->kind, item->key);
}

static slice copy(uint8_t **at, slice s)
{
    slice out = slice_of(*at, s.len);
    if (s.len)
        memcpy(*at, s.ptr, s.len);
    *at += s.len;
    return out;
}

static struct want *want_new(const struct collateral_want *from)
{
    size_t size = sizeof(struct want);
    if (from->count == 0 || from->count > TRUSTEE_NEEDS_MAX)
        return NULL;
    for (size_t i = 0; i < from->count; i++) {
        if (from->needs[i].kind.len > COLLATERAL_KIND_MAX || from->needs[i].key.len > COLLATERAL_KEY_MAX)
            return NULL;
        size += from->needs[i].kind.len + from->needs[i].key.len;
    }
    struct want *w = calloc(1, size);
    if (!w)
        return NULL;
    uint8_t *at = w->texts;
    for (size_t i = 0; i < from->count; i++)
        w->needs[i] = (trustee_need){copy(&at, from->needs[i].kind), copy(&at, from->needs[i].key), 0};
    w->count = from->count;
    w->deadline_ms = from->deadline_ns / 1000000;
    w->done = from->done;
    w->user = from->user;
    snprintf(w->peer, sizeof w->peer, "%.*s", SLICE_ARG(slice_sub(from->peer, 0, sizeof w->peer - 1)));
    return w;
}

static result enqueue(struct collateral_store *s, struct want *w)
{
    pthread_mutex_lock(&s->lock);
    result r = s->stopping ? FAIL(IO) : start(s);
    if (!FAILED(r)) {
        atomic_fetch_add(&s->waiting, !w->nobody);
        *s->queue_last = w;
        s->queue_last = &w->next;
        /* Under the lock: a store that is being closed closes this handle. */
        (void)uv_async_send(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    if (FAILED(r))
        want_free(w);
    return r;
}

result collateral_fetch(struct collateral_store *s, const struct collateral_want *want)
{
    struct want *w = want_new(want);
    ENSURE(w, NO_MEMORY);
    return enqueue(s, w);
}

void collateral_bring(struct collateral_store *s, const trustee_need *need)
{
    uint64_t now = clock_monotonic_ms(), after = atomic_load(&s->bring_after_ms);
    if (now < after || !atomic_compare_exchange_strong(&s->bring_after_ms, &after, now + BRING_EVERY_MS))
        return;
    struct want *w = want_new(&(struct collateral_want){.needs = need, .count = 1});
    if (!w)
        return;
    w->nobody = true;
    if (FAILED(enqueue(s, w)))
        return; /* the next call tries again */
}

/* --- metrics ------------------------------------------------------------------------------------------------------ */

static void head(struct text *t, const char *name, const char *help, const char *type)
{
    text_lit(t, "# HELP ");
    text_add(t, slice_text(name));
    text_lit(t, " ");
    text_add(t, slice_text(help));
    text_lit(t, "\n# TYPE ");
    text_add(t, slice_text(name));
    text_lit(t, " ");
    text_add(t, slice_text(type));
    text_lit(t, "\n");
}

static void sample(struct text *t, const char *name, slice kind, int64_t value)
{
    text_add(t, slice_text(name));
    text_lit(t, "{kind=\"");
    text_add(t, kind);
    text_lit(t, "\"} ");
    text_i64(t, value);
    text_lit(t, "\n");
}

static void items_text(struct collateral_store *s, int64_t now, struct text *t)
{
    struct memory_numbers n[COLLATERAL_KINDS];
    memory_count(s->memory, now, n);
    head(t, "trustee_collateral_items", "Items of collateral in memory", "gauge");
    for (size_t i = 0; i < COLLATERAL_KINDS; i++)
        sample(t, "trustee_collateral_items", COLLATERAL_KIND[i].name, (int64_t)n[i].items);
    head(t, "trustee_collateral_expired_items", "Items past their validity", "gauge");
    for (size_t i = 0; i < COLLATERAL_KINDS; i++)
        sample(t, "trustee_collateral_expired_items", COLLATERAL_KIND[i].name, (int64_t)n[i].expired);
    head(t, "trustee_collateral_expiry_seconds",
         "Seconds until the first item of a kind expires, negative once it has; absent: none expires", "gauge");
    for (size_t i = 0; i < COLLATERAL_KINDS; i++)
        if (n[i].earliest != INT64_MAX)
            sample(t, "trustee_collateral_expiry_seconds", COLLATERAL_KIND[i].name, n[i].earliest - now);
}

void collateral_metrics(struct collateral_store *s, int64_t now, struct text *t)
{
    static const char *const services[] = {"intel_pccs", "intel_pcs", "intel_root_crl", "amd_kds"};
    static const char *const outcomes[FETCH_RESULTS] = {"ok", "none", "refused", "older", "throttled", "failed"};
    items_text(s, now, t);
    head(t, "trustee_collateral_fetches_total", "Requests to the vendors' services, by what came of them", "counter");
    for (size_t i = 0; i <= ORIGIN_KDS; i++)
        for (size_t k = 0; k < FETCH_RESULTS; k++) {
            text_lit(t, "trustee_collateral_fetches_total{origin=\"");
            text_add(t, slice_text(services[i]));
            text_lit(t, "\",outcome=\"");
            text_add(t, slice_text(outcomes[k]));
            text_lit(t, "\"} ");
            text_u64(t, atomic_load(&s->fetches[i][k]));
            text_lit(t, "\n");
        }
    int64_t waiting = atomic_load(&s->waiting);
    head(t, "trustee_collateral_waiting", "Attestations that wait for collateral", "gauge");
    text_lit(t, "trustee_collateral_waiting ");
    text_i64(t, waiting);
    text_lit(t, "\n");
}
