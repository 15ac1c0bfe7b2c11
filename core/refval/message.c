/* SPDX-License-Identifier: Apache-2.0 */
#include "core/refval/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/refval/rfc3339.h"

#define LIFE_YEARS 1

/* What lives while a message is read. */
struct reading {
    struct arena *scratch; /* emptied after each value */
    struct arena parsed;   /* of the message and its payload */
    int64_t now;
    struct refval_batch *batch;
    size_t room; /* of the batch */
    struct refval_error *error;
};

static result refuse(struct reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static result refuse(struct reading *r, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(r->error->text, sizeof r->error->text, format, arguments);
    va_end(arguments);
    return FAIL(REFERENCE_REQUEST);
}

/* A name for a message: no longer than fits. */
static slice shown(slice name)
{
    return slice_sub(name, 0, 100);
}

static result add(struct reading *r, slice name, int64_t expiration, const json *value)
{
    struct refval_entry *e;
    struct refval_batch *b = r->batch;
    if (!refval_name_valid(name))
        return refuse(r, "value %zu: the name is not UTF-8 text of 1 to %d bytes without control characters",
                      b->count + 1, REFVAL_NAME_MAX);
    if (b->count == r->room)
        return refuse(r, "more than %d values", REFVAL_COUNT_MAX);
    size_t used = r->scratch->used;
    result done = refval_entry_new(r->scratch, name, expiration, value, &e);
    r->scratch->used = used;
    if (done.reason == REFERENCE_REQUEST)
        return refuse(r, "%.*s: the value is nested more than %d levels, or larger than %u bytes",
                      SLICE_ARG(shown(name)), REFVAL_DEPTH_MAX, REFVAL_VALUE_MAX);
    TRY(done);
    b->entries[b->count++] = e;
    return OK;
}

/* Upstream's form: an object name -> value. */
static result read_object(struct reading *r, const json *payload)
{
    slice name;
    int64_t expiration = rfc3339_years_later(r->now, LIFE_YEARS);
    for (const json *v = json_next(payload, NULL, &name); v; v = json_next(payload, v, &name))
        TRY(add(r, name, expiration, v));
    return OK;
}

static result read_item(struct reading *r, const json *item)
{
    slice name = json_text(json_get(item, S("name")));
    const json *value = json_get(item, S("value")), *time = json_get(item, S("expiration"));
    int64_t expiration = rfc3339_years_later(r->now, LIFE_YEARS);
    size_t known = 2 + (time != NULL);
    if (!name.ptr || !value || json_count(item) != known)
        return refuse(r, "value %zu: each has name, value and at most expiration", r->batch->count + 1);
    if (time && !rfc3339_parse(json_text(time), &expiration))
        return refuse(r, "%.*s: the expiration is not a time as RFC 3339 has it", SLICE_ARG(shown(name)));
    if (expiration <= r->now)
        return refuse(r, "%.*s: the expiration has passed", SLICE_ARG(shown(name)));
    return add(r, name, expiration, value);
}

static result read_array(struct reading *r, const json *payload)
{
    for (const json *v = json_next(payload, NULL, NULL); v; v = json_next(payload, v, NULL))
        TRY(read_item(r, v));
    return OK;
}

static int by_name(const void *a, const void *b)
{
    const struct refval_entry *const *x = a, *const *y = b;
    return refval_name_compare((*x)->name, (*y)->name);
}

static result sort(struct reading *r)
{
    struct refval_batch *b = r->batch;
    qsort(b->entries, b->count, sizeof *b->entries, by_name);
    for (size_t i = 1; i < b->count; i++)
        if (slice_equal(b->entries[i - 1]->name, b->entries[i]->name))
            return refuse(r, "%.*s stands twice", SLICE_ARG(shown(b->entries[i]->name)));
    return OK;
}

static result read_values(struct reading *r, const json *payload)
{
    uint32_t type = json_type(payload);
    size_t count = json_count(payload);
    if (type != TRUSTEE_NODE_OBJECT && type != TRUSTEE_NODE_ARRAY)
        return refuse(r, "the payload is neither an object of values nor an array of them");
    if (count > REFVAL_COUNT_MAX)
        return refuse(r, "%zu values are more than %d", count, REFVAL_COUNT_MAX);
    r->batch->entries = calloc(count + 1, sizeof *r->batch->entries);
    ENSURE(r->batch->entries, NO_MEMORY);
    r->room = count;
    TRY(type == TRUSTEE_NODE_OBJECT ? read_object(r, payload) : read_array(r, payload));
    return sort(r);
}

static result read_payload(struct reading *r, slice base64)
{
    const json *payload;
    size_t room = BASE64_DECODED_MAX(base64.len), length;
    uint8_t *bytes = arena_alloc(&r->parsed, room, 1);
    ENSURE(bytes, NO_MEMORY);
    if (!base64_decode(bytes, room, base64, &length))
        return refuse(r, "the payload is not base64 (RFC 4648 section 4, padded)");
    result parsed = json_parse(&r->parsed, slice_of(bytes, length), &payload);
    if (FAILED(parsed))
        return refuse(r, "the payload is no JSON: %s", reason_text(parsed.reason));
    return read_values(r, payload);
}

static result read_message(struct reading *r, slice message)
{
    const json *root;
    result parsed = json_parse(&r->parsed, message, &root);
    if (FAILED(parsed))
        return refuse(r, "the message is no JSON: %s", reason_text(parsed.reason));
    slice version = json_text(json_get(root, S("version"))), type = json_text(json_get(root, S("type")));
    slice payload = json_text(json_get(root, S("payload")));
    if (!slice_equal(version, S("0.1.0")))
        return refuse(r, "the version is not 0.1.0");
    if (slice_equal(type, S("swid")) || slice_equal(type, S("corim")))
        return refuse(r, "messages of type %.*s are not accepted yet: send their values as type sample",
                      SLICE_ARG(type));
    if (!slice_equal(type, S("sample")))
        return refuse(r, "the type is not sample");
    if (!payload.ptr)
        return refuse(r, "the payload is missing, or is no text");
    return read_payload(r, payload);
}

result refval_message_read(struct arena *scratch, slice message, int64_t now, struct refval_batch *out,
                           struct refval_error *error)
{
    struct reading r = {.scratch = scratch, .now = now, .batch = out, .error = error};
    *out = (struct refval_batch){0};
    error->text[0] = 0;
    /* The message parsed, its payload decoded and parsed: 8 + 1 + 8 times its size, and what small ones cost. */
    TRY(arena_map(&r.parsed, 20 * message.len + 65536, ARENA_PLAIN));
    result done = read_message(&r, message);
    arena_unmap(&r.parsed);
    if (FAILED(done))
        refval_batch_free(out);
    return done;
}

void refval_batch_free(struct refval_batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        refval_entry_drop(b->entries[i]);
    free(b->entries);
    *b = (struct refval_batch){0};
}
