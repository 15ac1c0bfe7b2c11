/* SPDX-License-Identifier: Apache-2.0
 *
 * What the service does for plugins: the host table. Plugins may be wrong, so every argument is checked.
 */
#include "core/plugin/internal.h"

#include <errno.h>
#include <sys/random.h>

#include "core/clock/clock.h"
#include "core/log/log.h"

#define LOG_TEXT_MAX 4096
#define RECORD_TEXT_MAX 1024
#define NAME_MAX_BYTES 128

/* --- the log --- */

static void host_log(void *ctx, uint32_t level, trustee_slice text)
{
    struct plugin *p = ctx;
    if (!slice_is_sane(text, UINT32_MAX))
        return;
    text = slice_sub(text, 0, LOG_TEXT_MAX);
    enum log_level own = level <= TRUSTEE_LOG_ERROR ? (enum log_level)level : LOG_ERROR;
    /* Kept for the message about a start that fails. */
    if (p->starting && own >= LOG_WARN)
        (void)snprintf(p->complaint, sizeof p->complaint, "%.*s", SLICE_ARG(text));
    if (log_enabled(own))
        log_write(own, p->name, "%.*s", SLICE_ARG(text));
}

/* --- options --- */

static const struct conf_value *find_value(const trustee_conf *conf, slice name, uint64_t n)
{
    if (!conf || !slice_is_sane(name, NAME_MAX_BYTES))
        return NULL;
    for (const struct conf_value *v = conf->values; v; v = v->next)
        if (slice_equal(v->name, name) && n-- == 0)
            return v;
    return NULL;
}

static trustee_status conf_nth(const trustee_conf *conf, trustee_slice name, uint64_t n, trustee_slice *out)
{
    const struct conf_value *v = find_value(conf, name, n);
    *out = v ? v->text : NO_SLICE;
    return v ? TRUSTEE_OK : TRUSTEE_NOT_FOUND;
}

static trustee_status conf_text(const trustee_conf *conf, trustee_slice name, trustee_slice *out)
{
    return conf_nth(conf, name, 0, out);
}

static trustee_status conf_u64(const trustee_conf *conf, trustee_slice name, uint64_t *out)
{
    const struct conf_value *v = find_value(conf, name, 0);
    *out = 0;
    if (!v)
        return TRUSTEE_NOT_FOUND;
    if (v->type != TRUSTEE_OPTION_NUMBER && v->type != TRUSTEE_OPTION_SIZE && v->type != TRUSTEE_OPTION_DURATION)
        return TRUSTEE_E_INVAL;
    *out = v->number;
    return TRUSTEE_OK;
}

static trustee_status conf_bool(const trustee_conf *conf, trustee_slice name, uint32_t *out)
{
    const struct conf_value *v = find_value(conf, name, 0);
    *out = 0;
    if (!v)
        return TRUSTEE_NOT_FOUND;
    if (v->type != TRUSTEE_OPTION_BOOL)
        return TRUSTEE_E_INVAL;
    *out = v->number != 0;
    return TRUSTEE_OK;
}

static trustee_status conf_file(const trustee_conf *conf, trustee_slice name, uint64_t n, trustee_slice *out)
{
    const struct conf_value *v = find_value(conf, name, n);
    *out = NO_SLICE;
    if (!v)
        return TRUSTEE_NOT_FOUND;
    if (v->type != TRUSTEE_OPTION_FILE)
        return TRUSTEE_E_INVAL;
    *out = v->file;
    return TRUSTEE_OK;
}

/* --- memory --- */

static void *host_arena_alloc(trustee_request *req, uint64_t size, uint64_t align)
{
    bool power = align && (align & (align - 1)) == 0;
    return power && align <= 64 ? arena_alloc(req->scratch, size, align) : NULL;
}

static void *host_arena_secret(trustee_request *req, uint64_t size)
{
    return req->secret ? arena_alloc(req->secret, size, 16) : NULL;
}

/* --- the record --- */

/* What goes into the record is read by people and written as JSON. */
static slice recordable(slice s)
{
    if (!slice_is_sane(s, RECORD_TEXT_MAX))
        return S("(too long)");
    return slice_is_utf8(s) ? s : S("(not UTF-8)");
}

static void host_check(trustee_request *req, trustee_slice name, uint32_t passed, trustee_slice expected,
                       trustee_slice actual)
{
    if (req->record)
        record_check(req->record, recordable(name), passed != 0, recordable(expected), recordable(actual));
}

static const trustee_reason *own_reason(const struct plugin *p, slice id)
{
    for (uint32_t i = 0; p && i < p->about.reason_count; i++)
        if (slice_equal(p->about.reasons[i].id, id))
            return &p->about.reasons[i];
    return NULL;
}

static void host_reject(trustee_request *req, trustee_slice reason, trustee_slice text)
{
    bool first = !req->rejected;
    req->rejected = true;
    if (!first || !req->record || req->record->reason.len)
        return;
    const trustee_reason *own = slice_is_sane(reason, NAME_MAX_BYTES) ? own_reason(req->plugin, reason) : NULL;
    if (!own) {
        record_refuse(req->record, ATTEST_REFUSED, recordable(text));
        return;
    }
    record_refuse_as(req->record, CLASS_EVIDENCE, own->id, text.len ? recordable(text) : own->text);
    req->record->remedy = own->remedy;
}

/* --- writing claims --- */

static trustee_status wrote(const trustee_writer *w)
{
    return w->failed ? TRUSTEE_E_INVAL : TRUSTEE_OK;
}

/* Lengths that no real claim has are cut short before anything is read. */
static bool can_put(trustee_writer *w, slice key, slice value)
{
    if (!slice_is_sane(key, RECORD_TEXT_MAX) || !slice_is_sane(value, UINT32_MAX))
        w->failed = true;
    return !w->failed;
}

static trustee_status put_object(trustee_writer *w, trustee_slice key)
{
    if (can_put(w, key, NO_SLICE))
        claims_object(w, key);
    return wrote(w);
}

static trustee_status put_array(trustee_writer *w, trustee_slice key)
{
    if (can_put(w, key, NO_SLICE))
        claims_array(w, key);
    return wrote(w);
}

static trustee_status put_end(trustee_writer *w)
{
    claims_close(w);
    return wrote(w);
}

static trustee_status put_text(trustee_writer *w, trustee_slice key, trustee_slice text)
{
    if (can_put(w, key, text))
        claims_text(w, key, text);
    return wrote(w);
}

static trustee_status put_hex(trustee_writer *w, trustee_slice key, trustee_slice bytes)
{
    if (can_put(w, key, bytes))
        claims_hex(w, key, bytes);
    return wrote(w);
}

static trustee_status put_base64(trustee_writer *w, trustee_slice key, uint32_t alphabet, trustee_slice bytes)
{
    if (alphabet > TRUSTEE_BASE64_URL)
        w->failed = true;
    if (can_put(w, key, bytes))
        (alphabet == TRUSTEE_BASE64_URL ? claims_base64url : claims_base64)(w, key, bytes);
    return wrote(w);
}

static trustee_status put_i64(trustee_writer *w, trustee_slice key, int64_t number)
{
    if (can_put(w, key, NO_SLICE))
        claims_i64(w, key, number);
    return wrote(w);
}

static trustee_status put_bool(trustee_writer *w, trustee_slice key, uint32_t truth)
{
    if (can_put(w, key, NO_SLICE))
        claims_bool(w, key, truth != 0);
    return wrote(w);
}

static trustee_status put_null(trustee_writer *w, trustee_slice key)
{
    if (can_put(w, key, NO_SLICE))
        claims_null(w, key);
    return wrote(w);
}

static trustee_status put_number(trustee_writer *w, trustee_slice key, trustee_slice decimal)
{
    if (can_put(w, key, decimal))
        claims_number(w, key, decimal);
    return wrote(w);
}

/* --- sinks --- */

static uint8_t *sink_reserve(trustee_sink *sink, uint64_t size)
{
    uint8_t *room = sink->arena && !sink->value.ptr && size <= sink->limit ? arena_alloc(sink->arena, size, 16) : NULL;
    if (room)
        sink->value = slice_of(room, size);
    return room;
}

static trustee_status sink_commit(trustee_sink *sink, uint64_t size)
{
    if (!sink->value.ptr || sink->committed || size > sink->value.len)
        return TRUSTEE_E_INVAL;
    sink->value.len = size;
    sink->committed = true;
    return TRUSTEE_OK;
}

static trustee_status sink_name(trustee_sink *sink, trustee_slice name, uint64_t size)
{
    if (!sink->name || !slice_is_sane(name, 4096) || name.len == 0 || !slice_is_name(name, "_.-/"))
        return TRUSTEE_E_INVAL;
    sink->name(sink->user, name, size);
    return TRUSTEE_OK;
}

/* --- the rest --- */

static const void *host_cache_get(trustee_request *req, trustee_slice cls, trustee_slice digest)
{
    return req->plugin ? cache_get(req->plugin->cache, req, cls, digest) : NULL;
}

static trustee_status host_cache_put(trustee_request *req, trustee_slice cls, trustee_slice digest, void *value,
                                     void (*drop)(void *value), int64_t not_after)
{
    struct cache_item item = {cls, digest, value, drop, not_after};
    return req->plugin ? cache_put(req->plugin->cache, req, &item) : TRUSTEE_E_INVAL;
}

static uint32_t host_cancelled(trustee_request *req)
{
    return req->deadline_ns && clock_monotonic_ns() >= req->deadline_ns;
}

static trustee_status host_random(void *ctx, uint8_t *bytes, uint64_t size)
{
    (void)ctx;
    while (size) {
        ssize_t n = getrandom(bytes, size, 0);
        if (n < 0 && errno != EINTR)
            return TRUSTEE_E_INTERNAL;
        bytes += n > 0 ? n : 0;
        size -= n > 0 ? (uint64_t)n : 0;
    }
    return TRUSTEE_OK;
}

static const void *host_query(void *ctx, trustee_slice name, uint64_t min_size)
{
    (void)ctx;
    (void)name;
    (void)min_size;
    return NULL;
}

void host_fill(struct plugin *p)
{
    p->host = (trustee_host){
        .size = sizeof p->host,
        .abi_minor = TRUSTEE_ABI_MINOR,
        .ctx = p,
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
        .cache_get = host_cache_get,
        .cache_put = host_cache_put,
        .cancelled = host_cancelled,
        .random = host_random,
        .query = host_query,
    };
    host_fill_values(&p->host);
}
