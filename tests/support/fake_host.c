/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_host.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include "lib/json/json.h"

#define ARENA_SIZE (4u << 20)
#define CLAIMS_MAX 4096

static struct fake_host *host_of(trustee_request *req)
{
    return (struct fake_host *)(void *)req;
}

trustee_request *fake_handle(struct fake_host *h)
{
    return (trustee_request *)(void *)h;
}

static slice kept(struct fake_host *h, slice s)
{
    return s.ptr ? arena_copy(&h->arena, s) : NO_SLICE;
}

static void host_log(void *ctx, uint32_t level, trustee_slice text)
{
    struct fake_host *h = ctx;
    h->logged++;
    if (!h->quiet)
        fprintf(stderr, "plugin log %" PRIu32 ": %.*s\n", level, SLICE_ARG(text));
}

/* --- options
 * ----------------------------------------------------------------------------------------------------------- */

static trustee_status option_nth(const struct fake_host *h, slice name, uint64_t n, slice *out)
{
    bool given = false;
    for (size_t i = 0; i < h->option_count; i++) {
        if (!slice_equal(h->options[i].name, name))
            continue;
        given = true;
        *out = h->options[i].value;
        if (n-- == 0)
            return TRUSTEE_OK;
    }
    for (uint32_t i = 0; !given && n == 0 && i < h->plugin->option_count; i++) {
        const trustee_option *option = &h->plugin->options[i];
        *out = option->fallback;
        if (slice_equal(option->name, name))
            return option->fallback.ptr ? TRUSTEE_OK : TRUSTEE_NOT_FOUND;
    }
    return TRUSTEE_NOT_FOUND;
}

static const struct fake_host *host_of_conf(const trustee_conf *conf)
{
    return (const struct fake_host *)(const void *)conf;
}

static trustee_status conf_nth(const trustee_conf *conf, slice name, uint64_t n, slice *out)
{
    return option_nth(host_of_conf(conf), name, n, out);
}

static trustee_status conf_file(const trustee_conf *conf, slice name, uint64_t n, slice *out)
{
    return option_nth(host_of_conf(conf), name, n, out);
}

static trustee_status conf_text(const trustee_conf *conf, slice name, slice *out)
{
    return option_nth(host_of_conf(conf), name, 0, out);
}

static trustee_status conf_u64(const trustee_conf *conf, slice name, uint64_t *out)
{
    slice text;
    trustee_status found = option_nth(host_of_conf(conf), name, 0, &text);
    if (found != TRUSTEE_OK)
        return found;
    return slice_u64(text, out) ? TRUSTEE_OK : TRUSTEE_E_INVAL;
}

static trustee_status conf_bool(const trustee_conf *conf, slice name, uint32_t *out)
{
    slice text;
    trustee_status found = option_nth(host_of_conf(conf), name, 0, &text);
    if (found == TRUSTEE_OK)
        *out = slice_equal(text, S("yes"));
    return found;
}

void fake_option_bytes(struct fake_host *h, const char *name, slice content)
{
    if (h->option_count < FAKE_OPTIONS_MAX)
        h->options[h->option_count++] = (struct fake_option){slice_text(name), content};
}

void fake_option(struct fake_host *h, const char *name, const char *value)
{
    fake_option_bytes(h, name, slice_text(value));
}

/* --- memory and record
 * -------------------------------------------------------------------------------------------------- */

static void *host_alloc(trustee_request *req, uint64_t size, uint64_t align)
{
    return arena_alloc(&host_of(req)->arena, size, align);
}

static void *host_secret(trustee_request *req, uint64_t size)
{
    return arena_alloc(&host_of(req)->arena, size, 16);
}

static void host_check(trustee_request *req, slice name, uint32_t passed, slice expected, slice actual)
{
    struct fake_host *h = host_of(req);
    if (h->check_count == FAKE_CHECKS_MAX)
        return;
    h->checks[h->check_count++] = (struct fake_record){kept(h, name), kept(h, expected), kept(h, actual), passed != 0};
}

static void host_reject(trustee_request *req, slice reason, slice text)
{
    struct fake_host *h = host_of(req);
    if (h->reason.ptr)
        return;
    h->reason = kept(h, reason);
    h->reason_text = kept(h, text);
}

int fake_check(const struct fake_host *h, const char *name)
{
    for (size_t i = h->check_count; i > 0; i--)
        if (slice_equal(h->checks[i - 1].name, slice_text(name)))
            return h->checks[i - 1].passed;
    return -1;
}

/* --- evidence
 * ----------------------------------------------------------------------------------------------------------- */

static trustee_status value_get(trustee_request *req, const trustee_value *from, slice pointer,
                                const trustee_value **out)
{
    (void)req;
    *out = json_at(from, pointer);
    return *out ? TRUSTEE_OK : TRUSTEE_NOT_FOUND;
}

static uint32_t value_type(const trustee_value *value)
{
    return json_type(value);
}

static trustee_status value_text(trustee_request *req, const trustee_value *from, slice pointer, slice *out)
{
    (void)req;
    const json *v = json_at(from, pointer);
    if (!v)
        return TRUSTEE_NOT_FOUND;
    if (json_type(v) != TRUSTEE_NODE_STRING)
        return TRUSTEE_REJECT;
    *out = json_text(v);
    return TRUSTEE_OK;
}

static trustee_status value_i64(trustee_request *req, const trustee_value *from, slice pointer, int64_t *out)
{
    (void)req;
    const json *v = json_at(from, pointer);
    if (!v)
        return TRUSTEE_NOT_FOUND;
    return json_i64(v, out) ? TRUSTEE_OK : TRUSTEE_REJECT;
}

static trustee_status value_u64(trustee_request *req, const trustee_value *from, slice pointer, uint64_t *out)
{
    (void)req;
    const json *v = json_at(from, pointer);
    if (!v)
        return TRUSTEE_NOT_FOUND;
    return json_u64(v, out) ? TRUSTEE_OK : TRUSTEE_REJECT;
}

static trustee_status value_bool(trustee_request *req, const trustee_value *from, slice pointer, uint32_t *out)
{
    (void)req;
    bool truth = false;
    const json *v = json_at(from, pointer);
    if (!v)
        return TRUSTEE_NOT_FOUND;
    if (!json_bool(v, &truth))
        return TRUSTEE_REJECT;
    *out = truth;
    return TRUSTEE_OK;
}

typedef bool decoder(uint8_t *out, size_t room, slice in, size_t *length);

static trustee_status value_decoded(trustee_request *req, const trustee_value *from, slice pointer, decoder *decode,
                                    slice *out)
{
    slice text;
    size_t length;
    trustee_status found = value_text(req, from, pointer, &text);
    if (found != TRUSTEE_OK)
        return found;
    size_t room = BASE64_DECODED_MAX(text.len); /* more than hex takes */
    uint8_t *bytes = arena_alloc(&host_of(req)->arena, room, 1);
    if (!bytes)
        return TRUSTEE_E_NOMEM;
    if (!decode(bytes, room, text, &length))
        return TRUSTEE_REJECT;
    *out = slice_of(bytes, length);
    return TRUSTEE_OK;
}

static trustee_status value_base64(trustee_request *req, const trustee_value *from, slice pointer, uint32_t alphabet,
                                   slice *out)
{
    return value_decoded(req, from, pointer, alphabet == TRUSTEE_BASE64_URL ? base64url_decode : base64_decode, out);
}

static trustee_status value_hex(trustee_request *req, const trustee_value *from, slice pointer, slice *out)
{
    return value_decoded(req, from, pointer, hex_decode, out);
}

static trustee_status value_bytes(trustee_request *req, const trustee_value *from, slice pointer, slice *out)
{
    const json *array = json_at(from, pointer);
    if (!array)
        return TRUSTEE_NOT_FOUND;
    if (json_type(array) != TRUSTEE_NODE_ARRAY)
        return TRUSTEE_REJECT;
    uint8_t *bytes = arena_alloc(&host_of(req)->arena, json_count(array), 1);
    if (!bytes)
        return TRUSTEE_E_NOMEM;
    size_t n = 0;
    for (const json *v = NULL; (v = json_next(array, v, NULL));) {
        uint64_t byte;
        if (!json_u64(v, &byte) || byte > 255)
            return TRUSTEE_REJECT;
        bytes[n++] = (uint8_t)byte;
    }
    *out = slice_of(bytes, n);
    return TRUSTEE_OK;
}

static uint64_t value_count(const trustee_value *value)
{
    return json_count(value);
}

static const trustee_value *value_next(const trustee_value *container, const trustee_value *last, slice *key)
{
    return json_next(container, last, key);
}

/* --- claims
 * ------------------------------------------------------------------------------------------------------------- */

static trustee_status written(const trustee_writer *w)
{
    return w->failed ? TRUSTEE_E_INVAL : TRUSTEE_OK;
}

static trustee_status put_object(trustee_writer *w, slice key)
{
    claims_object(w, key);
    return written(w);
}

static trustee_status put_array(trustee_writer *w, slice key)
{
    claims_array(w, key);
    return written(w);
}

static trustee_status put_end(trustee_writer *w)
{
    claims_close(w);
    return written(w);
}

static trustee_status put_text(trustee_writer *w, slice key, slice text)
{
    claims_text(w, key, text);
    return written(w);
}

static trustee_status put_hex(trustee_writer *w, slice key, slice bytes)
{
    claims_hex(w, key, bytes);
    return written(w);
}

static trustee_status put_base64(trustee_writer *w, slice key, uint32_t alphabet, slice bytes)
{
    if (alphabet == TRUSTEE_BASE64_URL)
        claims_base64url(w, key, bytes);
    else
        claims_base64(w, key, bytes);
    return written(w);
}

static trustee_status put_i64(trustee_writer *w, slice key, int64_t number)
{
    claims_i64(w, key, number);
    return written(w);
}

static trustee_status put_bool(trustee_writer *w, slice key, uint32_t truth)
{
    claims_bool(w, key, truth != 0);
    return written(w);
}

static trustee_status put_null(trustee_writer *w, slice key)
{
    claims_null(w, key);
    return written(w);
}

static trustee_status put_number(trustee_writer *w, slice key, slice decimal)
{
    claims_number(w, key, decimal);
    return written(w);
}

slice fake_claim(struct fake_host *h, const char *pointer)
{
    const node *n = tree_at(h->claims, slice_text(pointer));
    if (!n)
        return NO_SLICE;
    if (n->type == TRUSTEE_NODE_BOOL)
        return n->integer ? S("true") : S("false");
    if (n->type == TRUSTEE_NODE_INT)
        return arena_printf(&h->arena, "%" PRId64, n->integer);
    return n->type == TRUSTEE_NODE_NUMBER ? n->text : node_text(n);
}

/* --- sinks
 * -------------------------------------------------------------------------------------------------------------- */

static struct fake_sink *sink_of(trustee_sink *sink)
{
    return (struct fake_sink *)(void *)sink;
}

static uint8_t *sink_reserve(trustee_sink *sink, uint64_t size)
{
    struct fake_sink *s = sink_of(sink);
    if (s->room)
        return NULL;
    s->size = size;
    s->room = arena_alloc(&s->host->arena, size, 1);
    return s->room;
}

static trustee_status sink_commit(trustee_sink *sink, uint64_t size)
{
    struct fake_sink *s = sink_of(sink);
    if (!s->room || s->value.ptr || size > s->size)
        return TRUSTEE_E_INVAL;
    s->value = slice_of(s->room, size);
    return TRUSTEE_OK;
}

static trustee_status sink_name(trustee_sink *sink, slice name, uint64_t size)
{
    struct fake_sink *s = sink_of(sink);
    (void)size;
    s->names++;
    s->last_name = kept(s->host, name);
    return TRUSTEE_OK;
}

/* --- cache
 * -------------------------------------------------------------------------------------------------------------- */

static const void *cache_get(trustee_request *req, slice cls, slice digest)
{
    struct fake_host *h = host_of(req);
    for (size_t i = 0; i < h->cache_count; i++) {
        const struct fake_entry *e = &h->cache[i];
        if (slice_equal(e->cls, cls) && slice_equal(slice_of(e->digest, 32), digest)) {
            h->cache_hits++;
            return e->value;
        }
    }
    return NULL;
}

static trustee_status cache_put(trustee_request *req, slice cls, slice digest, void *value, void (*drop)(void *value),
                                int64_t not_after)
{
    struct fake_host *h = host_of(req);
    (void)not_after;
    h->cache_puts++;
    if (h->cache_refuses || h->cache_count == FAKE_CACHE_MAX || digest.len != 32)
        return TRUSTEE_E_LIMIT;
    struct fake_entry *e = &h->cache[h->cache_count++];
    *e = (struct fake_entry){.cls = cls, .value = value, .drop = drop};
    memcpy(e->digest, digest.ptr, 32);
    return TRUSTEE_OK;
}

static uint32_t host_cancelled(trustee_request *req)
{
    return host_of(req)->cancelled;
}

static trustee_status host_random(void *ctx, uint8_t *bytes, uint64_t size)
{
    (void)ctx;
    return getrandom(bytes, size, 0) == (ssize_t)size ? TRUSTEE_OK : TRUSTEE_E_INTERNAL;
}

static const void *host_query(void *ctx, slice name, uint64_t min_size)
{
    (void)ctx;
    (void)name;
    (void)min_size;
    return NULL;
}

static const trustee_host TABLE = {
    .size = sizeof(trustee_host),
    .abi_minor = TRUSTEE_ABI_MINOR,
    .log = host_log,
    .conf_text = conf_text,
    .conf_u64 = conf_u64,
    .conf_bool = conf_bool,
    .conf_nth = conf_nth,
    .conf_file = conf_file,
    .arena_alloc = host_alloc,
    .arena_secret = host_secret,
    .check = host_check,
    .reject = host_reject,
    .value_get = value_get,
    .value_type = value_type,
    .value_text = value_text,
    .value_i64 = value_i64,
    .value_u64 = value_u64,
    .value_bool = value_bool,
    .value_base64 = value_base64,
    .value_hex = value_hex,
    .value_bytes = value_bytes,
    .value_count = value_count,
    .value_next = value_next,
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

/* --- life
 * --------------------------------------------------------------------------------------------------------------- */

void fake_host_begin(struct fake_host *h)
{
    *h = (struct fake_host){.table = TABLE};
    h->table.ctx = h;
    if (FAILED(arena_map(&h->arena, ARENA_SIZE, ARENA_PLAIN)))
        h->arena = (struct arena){0};
}

void fake_host_end(struct fake_host *h)
{
    if (h->instance)
        h->plugin->fini(h->instance);
    for (size_t i = 0; i < h->cache_count; i++)
        h->cache[i].drop(h->cache[i].value);
    arena_unmap(&h->arena);
    *h = (struct fake_host){0};
}

trustee_status fake_load(struct fake_host *h, const trustee_plugin *plugin)
{
    h->plugin = plugin;
    trustee_status status = plugin->init(&h->table, (const trustee_conf *)(const void *)h, &h->instance);
    if (status != TRUSTEE_OK) {
        h->instance = NULL;
        return status;
    }
    return plugin->self_test ? plugin->self_test(h->instance) : TRUSTEE_OK;
}

void fake_request(struct fake_host *h)
{
    arena_reset(&h->arena, ARENA_SIZE);
    h->check_count = 0;
    h->reason = h->reason_text = NO_SLICE;
    h->status = TRUSTEE_E_INVAL;
    h->out = (trustee_verify_out){.size = sizeof h->out, .needs = h->needs};
    h->claims = (tree){0};
    h->claims_failed = false;
}

static const trustee_verifier *verifier_of(const trustee_plugin *plugin)
{
    for (uint32_t i = 0; i < plugin->interface_count; i++)
        if (slice_equal(plugin->interfaces[i].kind, S("verifier")))
            return plugin->interfaces[i].vtable;
    return NULL;
}

static bool all_optional(const struct fake_host *h)
{
    for (uint64_t i = 0; i < h->out.need_count; i++)
        if (!h->needs[i].flags)
            return false;
    return h->out.need_count > 0;
}

static void call_verify(struct fake_host *h, const trustee_verify_in *in)
{
    struct trustee_writer writer;
    h->out = (trustee_verify_out){.size = sizeof h->out, .needs = h->needs};
    h->claims_failed = FAILED(claims_begin(&writer, &h->arena, CLAIMS_MAX));
    if (h->claims_failed)
        return;
    h->out.claims = &writer;
    h->status = verifier_of(h->plugin)->verify(h->instance, fake_handle(h), in, &h->out);
    h->claims_failed = FAILED(claims_end(&writer, &h->claims));
    h->out.claims = NULL;
}

/* What the verifier can do without is not there, as a service without a network has it. */
static bool give_nothing(struct fake_host *h, trustee_verify_in *in)
{
    uint64_t count = in->collateral_count, more = h->out.need_count;
    trustee_collateral *items = arena_array(&h->arena, trustee_collateral, count + more);
    if (!items)
        return false;
    if (count)
        memcpy(items, in->collateral, count * sizeof *items);
    for (uint64_t i = 0; i < more; i++)
        items[count + i] = (trustee_collateral){.kind = arena_copy(&h->arena, h->needs[i].kind),
                                                .key = arena_copy(&h->arena, h->needs[i].key)};
    in->collateral = items;
    in->collateral_count = count + more;
    return true;
}

bool fake_verify(struct fake_host *h, slice tee, slice evidence, const trustee_verify_in *in)
{
    trustee_verify_in full = *in;
    fake_request(h);
    full.size = sizeof full;
    full.tee = tee;
    if (FAILED(json_parse(&h->arena, evidence, &full.evidence)))
        return false;
    call_verify(h, &full);
    for (int i = 0; i < 3 && h->status == TRUSTEE_NEED && all_optional(h); i++) {
        h->check_count = 0;
        if (!give_nothing(h, &full))
            return false;
        call_verify(h, &full);
    }
    return h->status == TRUSTEE_OK && h->out.verdict == TRUSTEE_VERDICT_GENUINE && !h->claims_failed;
}
