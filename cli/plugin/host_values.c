/* SPDX-License-Identifier: Apache-2.0
 *
 * The evidence readers of the host table. Where the plugin looks is remembered: evidence made of just those places
 * leads it deeper than anything random would.
 */
#include "cli/plugin/harness.h"

#include <stdio.h>

static const char *pointer_of(const struct ask *a, const json *from)
{
    if (from == a->evidence)
        return "";
    for (size_t i = 0; i < a->alias_count; i++)
        if (a->aliases[i].value == from)
            return a->aliases[i].pointer;
    return NULL;
}

static void learn(struct ask *a, const json *from, slice pointer, enum wanted kind)
{
    struct harness *h = a->harness;
    struct learned one = {.kind = kind};
    const char *base = pointer_of(a, from);
    int n = base ? snprintf(one.pointer, sizeof one.pointer, "%s%.*s", base, SLICE_ARG(pointer)) : 0;
    if (n <= 0 || (size_t)n >= sizeof one.pointer)
        return;
    pthread_mutex_lock(&h->lock);
    struct learned *known = h->learned;
    while (known < h->learned + h->learned_count && strcmp(known->pointer, one.pointer) != 0)
        known++;
    if (known < h->learned + h->learned_count)
        known->kind = kind > known->kind ? kind : known->kind;
    else if (h->learned_count < LEARNED_MAX)
        h->learned[h->learned_count++] = one;
    pthread_mutex_unlock(&h->lock);
}

static const json *at(struct ask *a, const json *from, slice pointer, enum wanted kind)
{
    if (pointer.len > 1024 || (pointer.len && (!pointer.ptr || *pointer.ptr != '/')))
        report_find(a->harness->report, "give a JSON pointer of at most 1,024 bytes: \"/member\", or \"\"",
                    "it asked for a place that is no JSON pointer");
    learn(a, from, pointer, kind);
    return json_at(from, pointer);
}

static trustee_status value_get(trustee_request *req, const trustee_value *from, slice pointer,
                                const trustee_value **out)
{
    struct ask *a = ask_of(req);
    const char *base = pointer_of(a, from);
    *out = at(a, from, pointer, WANTS_ANY);
    if (*out && base && a->alias_count < ALIASES_MAX) {
        struct alias *x = &a->aliases[a->alias_count];
        int n = snprintf(x->pointer, sizeof x->pointer, "%s%.*s", base, SLICE_ARG(pointer));
        x->value = *out;
        a->alias_count += n > 0 && (size_t)n < sizeof x->pointer;
    }
    return *out ? TRUSTEE_OK : TRUSTEE_NOT_FOUND;
}

static uint32_t value_type(const trustee_value *value)
{
    return json_type(value);
}

static trustee_status text_at(struct ask *a, const json *from, slice pointer, enum wanted kind, slice *out)
{
    const json *v = at(a, from, pointer, kind);
    *out = NO_SLICE;
    if (!v)
        return TRUSTEE_NOT_FOUND;
    if (json_type(v) != TRUSTEE_NODE_STRING)
        return TRUSTEE_REJECT;
    *out = json_text(v);
    return TRUSTEE_OK;
}

static trustee_status value_text(trustee_request *req, const trustee_value *from, slice pointer, slice *out)
{
    return text_at(ask_of(req), from, pointer, WANTS_TEXT, out);
}

static trustee_status value_i64(trustee_request *req, const trustee_value *from, slice pointer, int64_t *out)
{
    const json *v = at(ask_of(req), from, pointer, WANTS_NUMBER);
    *out = 0;
    return !v ? TRUSTEE_NOT_FOUND : json_i64(v, out) ? TRUSTEE_OK : TRUSTEE_REJECT;
}

static trustee_status value_u64(trustee_request *req, const trustee_value *from, slice pointer, uint64_t *out)
{
    const json *v = at(ask_of(req), from, pointer, WANTS_NUMBER);
    *out = 0;
    return !v ? TRUSTEE_NOT_FOUND : json_u64(v, out) ? TRUSTEE_OK : TRUSTEE_REJECT;
}

static trustee_status value_bool(trustee_request *req, const trustee_value *from, slice pointer, uint32_t *out)
{
    const json *v = at(ask_of(req), from, pointer, WANTS_BOOL);
    bool truth = false, good = v && json_bool(v, &truth);
    *out = truth;
    return !v ? TRUSTEE_NOT_FOUND : good ? TRUSTEE_OK : TRUSTEE_REJECT;
}

typedef bool decoder(uint8_t *out, size_t room, slice in, size_t *length);

static trustee_status decoded(struct ask *a, const json *from, slice pointer, enum wanted kind, slice *out)
{
    slice text;
    size_t length = 0;
    decoder *decode = kind == WANTS_HEX ? hex_decode : kind == WANTS_BASE64URL ? base64url_decode : base64_decode;
    *out = NO_SLICE;
    trustee_status found = text_at(a, from, pointer, kind, &text);
    if (found != TRUSTEE_OK)
        return found;
    size_t room = BASE64_DECODED_MAX(text.len);
    uint8_t *bytes = ask_alloc(a, room, 1);
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
    return decoded(ask_of(req), from, pointer, alphabet == TRUSTEE_BASE64_URL ? WANTS_BASE64URL : WANTS_BASE64, out);
}

static trustee_status value_hex(trustee_request *req, const trustee_value *from, slice pointer, slice *out)
{
    return decoded(ask_of(req), from, pointer, WANTS_HEX, out);
}

static trustee_status value_bytes(trustee_request *req, const trustee_value *from, slice pointer, slice *out)
{
    struct ask *a = ask_of(req);
    const json *array = at(a, from, pointer, WANTS_BYTES);
    *out = NO_SLICE;
    if (!array)
        return TRUSTEE_NOT_FOUND;
    if (json_type(array) != TRUSTEE_NODE_ARRAY)
        return TRUSTEE_REJECT;
    uint8_t *bytes = ask_alloc(a, json_count(array), 1);
    size_t n = 0;
    for (const json *v = NULL; bytes && (v = json_next(array, v, NULL));) {
        uint64_t byte;
        if (!json_u64(v, &byte) || byte > 255)
            return TRUSTEE_REJECT;
        bytes[n++] = (uint8_t)byte;
    }
    *out = slice_of(bytes, n);
    return bytes ? TRUSTEE_OK : TRUSTEE_E_NOMEM;
}

static uint64_t value_count(const trustee_value *value)
{
    return json_count(value);
}

static const trustee_value *value_next(const trustee_value *container, const trustee_value *last, slice *key)
{
    return json_next(container, last, key);
}

void host_table_values(trustee_host *host)
{
    host->value_get = value_get;
    host->value_type = value_type;
    host->value_text = value_text;
    host->value_i64 = value_i64;
    host->value_u64 = value_u64;
    host->value_bool = value_bool;
    host->value_base64 = value_base64;
    host->value_hex = value_hex;
    host->value_bytes = value_bytes;
    host->value_count = value_count;
    host->value_next = value_next;
}
