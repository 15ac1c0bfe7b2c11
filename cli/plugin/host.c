/* SPDX-License-Identifier: Apache-2.0
 *
 * The host table: options, memory, the record, claims, sinks and cache. Each misuse is a finding.
 */
#include "cli/plugin/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define LOG_MAX 4096
#define RECORD_MAX 1024

static struct harness *harness_of(void *ctx)
{
    return ctx;
}

bool text_is_sane(slice s, uint64_t most)
{
    return s.len <= most && (s.ptr || s.len == 0) && slice_is_utf8(s);
}

/* --- requests --- */

void ask_begin(struct ask *a, struct harness *h, struct arena *scratch)
{
    *a = (struct ask){.harness = h, .scratch = scratch, .thread = pthread_self(), .open = true};
    scratch->used = 0;
}

void ask_end(struct ask *a)
{
    a->open = false;
}

trustee_request *ask_handle(struct ask *a)
{
    return (trustee_request *)(void *)a;
}

struct ask *ask_of(trustee_request *req)
{
    struct ask *a = (struct ask *)(void *)req;
    if (!pthread_equal(a->thread, pthread_self()))
        report_find(a->harness->report, "use a trustee_request in the thread that brought it, and in no other",
                    "it used a request in another thread than the one that it came on");
    else if (!a->open)
        report_find(a->harness->report, "keep nothing of a request: it ends when the function returns",
                    "it used a request after its call had returned");
    return a;
}

static bool may_allocate(struct ask *a)
{
    uint64_t n = ++a->allocations;
    return !a->fail_at || (n != a->fail_at && !(a->fail_rest && n > a->fail_at));
}

void *ask_alloc(struct ask *a, uint64_t size, uint64_t align)
{
    return may_allocate(a) ? arena_alloc(a->scratch, size, align) : NULL;
}

void *ask_secret_alloc(struct ask *a, uint64_t size)
{
    return ask_alloc(a, size, 16);
}

/* --- the log --- */

static void host_log(void *ctx, uint32_t level, trustee_slice text)
{
    struct harness *h = harness_of(ctx);
    if (!text_is_sane(text, LOG_MAX))
        report_find(h->report, "log lines of UTF-8 text of at most 4,096 bytes",
                    "it logged %llu bytes, or what is not UTF-8 text", (unsigned long long)text.len);
    else if (level > TRUSTEE_LOG_ERROR)
        report_find(h->report, "use TRUSTEE_LOG_DEBUG, _INFO, _WARN or _ERROR", "it logged with the level %u", level);
    else if (level >= TRUSTEE_LOG_WARN) {
        pthread_mutex_lock(&h->lock);
        (void)snprintf(h->complaint, sizeof h->complaint, "%.*s", SLICE_ARG(text));
        pthread_mutex_unlock(&h->lock);
    }
}

/* --- options --- */

static const struct setting *find(const trustee_conf *conf, slice name, uint64_t n)
{
    const struct harness *h = (const struct harness *)(const void *)conf;
    for (size_t i = 0; i < h->setting_count; i++)
        if (slice_equal(h->settings[i].name, name) && n-- == 0)
            return &h->settings[i];
    return NULL;
}

static trustee_status conf_nth(const trustee_conf *conf, trustee_slice name, uint64_t n, trustee_slice *out)
{
    const struct setting *s = find(conf, name, n);
    *out = s ? s->text : NO_SLICE;
    return s ? TRUSTEE_OK : TRUSTEE_NOT_FOUND;
}

static trustee_status conf_text(const trustee_conf *conf, trustee_slice name, trustee_slice *out)
{
    return conf_nth(conf, name, 0, out);
}

static trustee_status conf_u64(const trustee_conf *conf, trustee_slice name, uint64_t *out)
{
    const struct setting *s = find(conf, name, 0);
    *out = 0;
    if (!s)
        return TRUSTEE_NOT_FOUND;
    if (s->type < TRUSTEE_OPTION_NUMBER || s->type > TRUSTEE_OPTION_DURATION)
        return TRUSTEE_E_INVAL;
    *out = s->number;
    return TRUSTEE_OK;
}

static trustee_status conf_bool(const trustee_conf *conf, trustee_slice name, uint32_t *out)
{
    const struct setting *s = find(conf, name, 0);
    *out = 0;
    if (!s)
        return TRUSTEE_NOT_FOUND;
    if (s->type != TRUSTEE_OPTION_BOOL)
        return TRUSTEE_E_INVAL;
    *out = s->number != 0;
    return TRUSTEE_OK;
}

static trustee_status conf_file(const trustee_conf *conf, trustee_slice name, uint64_t n, trustee_slice *out)
{
    const struct setting *s = find(conf, name, n);
    *out = NO_SLICE;
    if (!s)
        return TRUSTEE_NOT_FOUND;
    if (s->type != TRUSTEE_OPTION_FILE)
        return TRUSTEE_E_INVAL;
    *out = s->file;
    return TRUSTEE_OK;
}

/* --- memory --- */

static void *host_arena_alloc(trustee_request *req, uint64_t size, uint64_t align)
{
    struct ask *a = ask_of(req);
    if (align && (align & (align - 1)) == 0 && align <= 64)
        return ask_alloc(a, size, align);
    report_find(a->harness->report, "give a power of two up to 64, such as _Alignof(type)",
                "it called arena_alloc with the alignment %llu", (unsigned long long)align);
    return NULL;
}

static void *host_arena_secret(trustee_request *req, uint64_t size)
{
    struct ask *a = ask_of(req);
    return a->secret ? ask_secret_alloc(a, size) : NULL;
}

/* --- the record --- */

static void host_check(trustee_request *req, trustee_slice name, uint32_t passed, trustee_slice expected,
                       trustee_slice actual)
{
    struct ask *a = ask_of(req);
    (void)passed;
    if (name.len == 0 || !text_is_sane(name, RECORD_MAX) || !text_is_sane(expected, RECORD_MAX) ||
        !text_is_sane(actual, RECORD_MAX))
        report_find(a->harness->report,
                    "give names and values as short UTF-8 text of at most 1,024 bytes; bytes as hex",
                    "it called check() for '%.*s' with text that is too long or not UTF-8",
                    (int)(name.len < 64 && name.ptr ? name.len : 0), (const char *)name.ptr);
}

static bool has_reason(const struct harness *h, slice id)
{
    const uint8_t *rows = (const uint8_t *)h->about.reasons;
    for (uint32_t i = 0; i < h->about.reason_count; i++) {
        trustee_reason one = {0};
        memcpy(&one, rows + (uint64_t)i * h->about.reason_size,
               h->about.reason_size < sizeof one ? h->about.reason_size : sizeof one);
        if (slice_equal(one.id, id))
            return true;
    }
    return false;
}

static void host_reject(trustee_request *req, trustee_slice reason, trustee_slice text)
{
    struct ask *a = ask_of(req);
    if (!a->rejected && text_is_sane(reason, sizeof a->reason - 1))
        (void)snprintf(a->reason, sizeof a->reason, "%.*s", SLICE_ARG(reason));
    a->rejected = true;
    if (!text_is_sane(reason, 96) || !has_reason(a->harness, reason))
        report_find(a->harness->report, "add the id to the table of reasons in the descriptor",
                    "it rejected for the reason '%.*s', which its table does not have",
                    (int)(text_is_sane(reason, 96) ? reason.len : 0), (const char *)reason.ptr);
    if (!text_is_sane(text, RECORD_MAX))
        report_find(a->harness->report, "give UTF-8 text of at most 1,024 bytes",
                    "its text for a rejection is too long or not UTF-8");
}

/* --- claims --- */

static bool may_write(trustee_writer *w)
{
    struct ask_writer *own = (struct ask_writer *)(void *)w;
    (void)ask_of(ask_handle(own->ask));
    if (may_allocate(own->ask))
        return true;
    w->failed = w->full = true;
    return false;
}

static trustee_status wrote(const trustee_writer *w)
{
    return !w->failed ? TRUSTEE_OK : w->full ? TRUSTEE_E_NOMEM : TRUSTEE_E_INVAL;
}

static bool sane(trustee_writer *w, slice key, slice value)
{
    if (!may_write(w))
        return false;
    if ((key.ptr || !key.len) && (value.ptr || !value.len) && key.len < UINT32_MAX && value.len < UINT32_MAX)
        return true;
    w->failed = true;
    return false;
}

static trustee_status put_object(trustee_writer *w, slice key)
{
    if (sane(w, key, NO_SLICE))
        claims_object(w, key);
    return wrote(w);
}

static trustee_status put_array(trustee_writer *w, slice key)
{
    if (sane(w, key, NO_SLICE))
        claims_array(w, key);
    return wrote(w);
}

static trustee_status put_end(trustee_writer *w)
{
    if (w->depth <= 1)
        w->failed = true;
    else
        claims_close(w);
    return wrote(w);
}

static trustee_status put_text(trustee_writer *w, slice key, slice text)
{
    if (sane(w, key, text))
        claims_text(w, key, text);
    return wrote(w);
}

static trustee_status put_hex(trustee_writer *w, slice key, slice bytes)
{
    if (sane(w, key, bytes))
        claims_hex(w, key, bytes);
    return wrote(w);
}

static trustee_status put_base64(trustee_writer *w, slice key, uint32_t alphabet, slice bytes)
{
    if (!sane(w, key, bytes))
        return wrote(w);
    if (alphabet == TRUSTEE_BASE64_URL)
        claims_base64url(w, key, bytes);
    else
        claims_base64(w, key, bytes);
    return wrote(w);
}

static trustee_status put_i64(trustee_writer *w, slice key, int64_t number)
{
    if (sane(w, key, NO_SLICE))
        claims_i64(w, key, number);
    return wrote(w);
}

static trustee_status put_bool(trustee_writer *w, slice key, uint32_t truth)
{
    if (sane(w, key, NO_SLICE))
        claims_bool(w, key, truth != 0);
    return wrote(w);
}

static trustee_status put_null(trustee_writer *w, slice key)
{
    if (sane(w, key, NO_SLICE))
        claims_null(w, key);
    return wrote(w);
}

static trustee_status put_number(trustee_writer *w, slice key, slice decimal)
{
    if (sane(w, key, decimal))
        claims_number(w, key, decimal);
    return wrote(w);
}

/* --- sinks --- */

static struct ask_sink *sink_of(trustee_sink *sink)
{
    return (struct ask_sink *)(void *)sink;
}

static uint8_t *sink_reserve(trustee_sink *sink, uint64_t size)
{
    struct ask_sink *s = sink_of(sink);
    if (s->room) {
        report_find(s->ask->harness->report, "reserve once, with the size of the whole value",
                    "it reserved room in a sink twice");
        return NULL;
    }
    s->room = size <= s->limit ? ask_secret_alloc(s->ask, size) : NULL;
    s->size = size;
    return s->room;
}

static trustee_status sink_commit(trustee_sink *sink, uint64_t size)
{
    struct ask_sink *s = sink_of(sink);
    if (!s->room || s->committed || size > s->size) {
        report_find(s->ask->harness->report, "reserve, fill, then commit once at most what was reserved",
                    "it committed to a sink without room, twice, or more than it had reserved");
        return TRUSTEE_E_INVAL;
    }
    s->committed = true;
    s->value = slice_of(s->room, size);
    return TRUSTEE_OK;
}

static trustee_status sink_name(trustee_sink *sink, trustee_slice name, uint64_t size)
{
    struct ask_sink *s = sink_of(sink);
    (void)size;
    if (!text_is_sane(name, 4096) || name.len == 0 || !slice_is_name(name, "_.-/")) {
        report_find(s->ask->harness->report, "list keys as they were put", "it listed a name that is no key");
        return TRUSTEE_E_INVAL;
    }
    s->names++;
    s->found |= slice_equal(name, s->wanted);
    return TRUSTEE_OK;
}

/* --- the cache: kept until the harness ends --- */

static const void *cache_get(trustee_request *req, trustee_slice cls, trustee_slice digest)
{
    struct harness *h = ask_of(req)->harness;
    const void *found = NULL;
    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < h->kept_count && !found; i++)
        if (slice_equal(slice_text(h->kept[i].name), cls) && slice_equal(slice_of(h->kept[i].digest, 32), digest))
            found = h->kept[i].value;
    pthread_mutex_unlock(&h->lock);
    return found;
}

static trustee_status cache_put(trustee_request *req, trustee_slice cls, trustee_slice digest, void *value,
                                void (*drop)(void *value), int64_t not_after)
{
    struct harness *h = ask_of(req)->harness;
    (void)not_after;
    if (digest.len != 32 || !digest.ptr || !value || !drop || cls.len == 0 || !text_is_sane(cls, 31)) {
        report_find(h->report, "give a class of at most 32 bytes, a SHA-256 of 32 bytes, a value and its drop function",
                    "it called cache_put with arguments that make no entry");
        return TRUSTEE_E_INVAL;
    }
    pthread_mutex_lock(&h->lock);
    bool fits = h->kept_count < KEPT_MAX;
    if (fits) {
        struct kept *k = &h->kept[h->kept_count++];
        *k = (struct kept){.value = value, .drop = drop};
        memcpy(k->digest, digest.ptr, sizeof k->digest);
        (void)snprintf(k->name, sizeof k->name, "%.*s", SLICE_ARG(cls));
    }
    pthread_mutex_unlock(&h->lock);
    return fits ? TRUSTEE_OK : TRUSTEE_E_LIMIT;
}

void harness_drop_kept(struct harness *h)
{
    for (size_t i = 0; i < h->kept_count; i++)
        h->kept[i].drop(h->kept[i].value);
    h->kept_count = 0;
}

/* --- the rest --- */

static uint32_t host_cancelled(trustee_request *req)
{
    return ask_of(req)->cancelled;
}

static trustee_status host_random(void *ctx, uint8_t *bytes, uint64_t size)
{
    (void)ctx;
    return getrandom(bytes, size, 0) == (ssize_t)size ? TRUSTEE_OK : TRUSTEE_E_INTERNAL;
}

static const void *host_query(void *ctx, trustee_slice name, uint64_t min_size)
{
    (void)ctx;
    (void)name;
    (void)min_size;
    return NULL;
}

void host_table(struct harness *h)
{
    h->table = (trustee_host){
        .size = sizeof h->table,
        .abi_minor = TRUSTEE_ABI_MINOR,
        .ctx = h,
        .log = host_log,
        .conf_text = conf_text,
        .conf_u64 = conf_u64,
        .conf_bool = conf_bool,
        .conf_nth = conf_nth,
        .conf_file = conf_file,
        .arena_alloc = host_arena_alloc,
        .arena_secret = host_arena_secret,
        .check = host_check,
        .reject = host_reject,
        .put_object = put_object,
        .put_array = put_array,
        .put_end = put_end,
        .put_text = put_text,
        .put_hex = put_hex,
        .put_base64 = put_base64,
        .put_i64 = put_i64,
        .put_bool = put_bool,
        .put_null = put_null,
        .put_number = put_number,
        .sink_reserve = sink_reserve,
        .sink_commit = sink_commit,
        .sink_name = sink_name,
        .cache_get = cache_get,
        .cache_put = cache_put,
        .cancelled = host_cancelled,
        .random = host_random,
        .query = host_query,
    };
    host_table_values(&h->table);
}
