/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/json.h"

#include <yyjson.h>

#include "lib/json/decimal.h"
#include "lib/json/keys.h"

#define MEMORY_FACTOR 8
#define MEMORY_BASE 4096

static const yyjson_val *native(const json *v)
{
    return (const yyjson_val *)(const void *)v;
}

static const json *opaque(const yyjson_val *v)
{
    return (const json *)(const void *)v;
}

/* The library's inline functions take pointers that are not const, but only read. */
static yyjson_val *mutable(const yyjson_val *v)
{
    return (yyjson_val *)(uintptr_t)v;
}

static const yyjson_val *after(const yyjson_val *v)
{
    return unsafe_yyjson_get_next(mutable(v));
}

static slice text_of(const yyjson_val *v)
{
    return slice_of(v->uni.str, unsafe_yyjson_get_len(mutable(v)));
}

/* --- before parsing ----------------------------------------------------------------------------------------------- */

/* The position after the string whose opening quote is just before `at`. */
static size_t skip_string(slice text, size_t at)
{
    size_t start = at;
    for (;;) {
        at += slice_find(slice_of(text.ptr + at, text.len - at), '"');
        if (at == text.len)
            return at;
        size_t backslashes = 0;
        while (at - backslashes > start && text.ptr[at - backslashes - 1] == '\\')
            backslashes++;
        at++;
        if (backslashes % 2 == 0)
            return at;
        start = at;
    }
}

/* Whether a container that was opened just before `at` is closed at once. */
static bool is_empty(slice text, size_t at)
{
    while (at < text.len && memchr(" \t\r\n", text.ptr[at], 4))
        at++;
    return at < text.len && (text.ptr[at] == ']' || text.ptr[at] == '}');
}

/* Bounds nesting and the number of values (keys included) from the punctuation alone, so that the parser never sees a
 * text that it would need much memory for. */
static result survey(slice text, size_t *values)
{
    size_t depth = 0;
    *values = 1;
    for (size_t at = 0; at < text.len;) {
        switch (text.ptr[at++]) {
        case '"':
            at = skip_string(text, at);
            break;
        case '[':
        case '{':
            ENSURE(++depth <= JSON_DEPTH_MAX, JSON_DEPTH);
            *values += !is_empty(text, at);
            break;
        case ']':
        case '}':
            depth -= depth > 0;
            break;
        case ',':
        case ':':
            ++*values;
            break;
        default:
            break;
        }
    }
    return OK;
}

/* --- memory: one block at the arena's end that grows where it stands ------------------------------------------------
 */

struct pool {
    struct arena *arena;
    uint8_t *block;
};

static void *pool_malloc(void *ctx, size_t size)
{
    struct pool *p = ctx;
    if (p->block)
        return NULL;
    p->block = arena_alloc(p->arena, size, 16);
    return p->block;
}

static void *pool_realloc(void *ctx, void *block, size_t old_size, size_t size)
{
    struct pool *p = ctx;
    size_t used = p->arena->used;
    p->arena->used -= old_size;
    if (arena_alloc(p->arena, size, 1))
        return block;
    p->arena->used = used;
    return NULL;
}

static void pool_free(void *ctx, void *block)
{
    (void)ctx, (void)block;
}

/* --- duplicates -----------------------------------------------------------------------------------------------------
 */

static slice key_at(const void *root, uint32_t index)
{
    return text_of((const yyjson_val *)root + index);
}

static bool few_unique(const yyjson_val *object, size_t members)
{
    slice keys[KEYS_FEW];
    const yyjson_val *key = object + 1;
    for (size_t i = 0; i < members; i++, key = after(key + 1)) {
        keys[i] = text_of(key);
        for (size_t j = 0; j < i; j++)
            if (slice_equal(keys[i], keys[j]))
                return false;
    }
    return true;
}

static result many_unique(struct arena *a, const yyjson_val *object, size_t members)
{
    struct key_set set;
    ENSURE(key_set_begin(&set, a, members, key_at, object), JSON_BUDGET);
    const yyjson_val *key = object + 1;
    for (size_t i = 0; i < members; i++, key = after(key + 1))
        ENSURE(key_set_add(&set, (uint32_t)(key - object)), JSON_DUPLICATE);
    return OK;
}

/* All values stand in one array, so this needs no recursion. */
static result all_unique(struct arena *a, const yyjson_val *root, size_t start, size_t limit)
{
    const yyjson_val *end = after(root);
    for (const yyjson_val *v = root; v < end; v++) {
        if (unsafe_yyjson_get_type(mutable(v)) != YYJSON_TYPE_OBJ)
            continue;
        size_t members = unsafe_yyjson_get_len(mutable(v)), used = a->used;
        if (members <= KEYS_FEW) {
            ENSURE(few_unique(v, members), JSON_DUPLICATE);
            continue;
        }
        ENSURE(used - start + key_set_size(members) <= limit, JSON_BUDGET);
        result r = many_unique(a, v, members);
        a->used = used;
        TRY(r);
    }
    return OK;
}

/* --- parsing --------------------------------------------------------------------------------------------------------
 */

static result read_document(struct arena *a, slice copy, yyjson_doc **doc)
{
    size_t high = a->high;
    struct pool pool = {a, NULL};
    yyjson_alc allocator = {pool_malloc, pool_realloc, pool_free, &pool};
    yyjson_read_err error;
    *doc = yyjson_read_opts((char *)(uintptr_t)copy.ptr, copy.len, YYJSON_READ_INSITU | YYJSON_READ_NUMBER_AS_RAW,
                            &allocator, &error);
    if (!*doc)
        return FAIL(error.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION ? JSON_BUDGET : JSON_SYNTAX);
    /* What the block grew to beyond its last value was never written. */
    a->used = (size_t)((const uint8_t *)after((*doc)->root) - a->base);
    a->high = high > a->used ? high : a->used;
    return OK;
}

static result parse(struct arena *a, slice text, const json **out)
{
    size_t values, start = a->used;
    ENSURE(text.len && text.len < UINT32_MAX, JSON_SYNTAX);
    TRY(survey(text, &values));
    size_t limit = text.len * MEMORY_FACTOR + MEMORY_BASE;
    ENSURE(text.len + values * sizeof(yyjson_val) + sizeof(yyjson_doc) + 64 <= limit, JSON_BUDGET);
    uint8_t *copy = arena_alloc(a, text.len + YYJSON_PADDING_SIZE, 1);
    ENSURE(copy, JSON_BUDGET);
    memcpy(copy, text.ptr, text.len);
    memset(copy + text.len, 0, YYJSON_PADDING_SIZE);
    yyjson_doc *doc;
    TRY(read_document(a, slice_of(copy, text.len), &doc));
    TRY(all_unique(a, doc->root, start, limit));
    *out = opaque(doc->root);
    return OK;
}

result json_parse(struct arena *a, slice text, const json **out)
{
    size_t start = a->used;
    *out = NULL;
    result r = parse(a, text, out);
    if (FAILED(r))
        a->used = start;
    return r;
}

/* --- reading --------------------------------------------------------------------------------------------------------
 */

static bool is_container(const json *v)
{
    return v && unsafe_yyjson_is_ctn(mutable(native(v)));
}

static bool is_object(const json *v)
{
    return v && unsafe_yyjson_get_type(mutable(native(v))) == YYJSON_TYPE_OBJ;
}

static slice number_text(const json *v)
{
    bool number = v && unsafe_yyjson_get_type(mutable(native(v))) == YYJSON_TYPE_RAW;
    return number ? text_of(native(v)) : NO_SLICE;
}

uint32_t json_type(const json *v)
{
    int64_t ignored;
    switch (v ? unsafe_yyjson_get_type(mutable(native(v))) : YYJSON_TYPE_NULL) {
    case YYJSON_TYPE_BOOL:
        return TRUSTEE_NODE_BOOL;
    case YYJSON_TYPE_RAW:
        return number_i64(text_of(native(v)), &ignored) ? TRUSTEE_NODE_INT : TRUSTEE_NODE_NUMBER;
    case YYJSON_TYPE_STR:
        return TRUSTEE_NODE_STRING;
    case YYJSON_TYPE_ARR:
        return TRUSTEE_NODE_ARRAY;
    case YYJSON_TYPE_OBJ:
        return TRUSTEE_NODE_OBJECT;
    default:
        return TRUSTEE_NODE_NULL;
    }
}

const json *json_next(const json *container, const json *last, slice *key)
{
    if (!is_container(container))
        return NULL;
    const yyjson_val *all = native(container), *next = last ? after(native(last)) : all + 1;
    if (next >= after(all))
        return NULL;
    bool object = is_object(container);
    if (key)
        *key = object ? text_of(next) : NO_SLICE;
    return opaque(object ? next + 1 : next);
}

const json *json_get(const json *v, slice name)
{
    slice key;
    if (!is_object(v))
        return NULL;
    for (const json *m = json_next(v, NULL, &key); m; m = json_next(v, m, &key))
        if (slice_equal(key, name))
            return m;
    return NULL;
}

static const json *child(const json *v, slice token)
{
    slice key;
    uint64_t index = 0;
    bool object = is_object(v);
    if (!object && !slice_u64(token, &index))
        return NULL;
    for (const json *m = json_next(v, NULL, &key); m; m = json_next(v, m, &key))
        if (object ? pointer_token_is(token, key) : index-- == 0)
            return m;
    return NULL;
}

const json *json_at(const json *v, slice pointer)
{
    slice token;
    while (v && pointer_token(&pointer, &token))
        v = child(v, token);
    return pointer.len ? NULL : v;
}

slice json_text(const json *v)
{
    bool string = v && unsafe_yyjson_get_type(mutable(native(v))) == YYJSON_TYPE_STR;
    return string ? text_of(native(v)) : NO_SLICE;
}

slice json_number(const json *v)
{
    return number_text(v);
}

bool json_is_null(const json *v)
{
    return v && unsafe_yyjson_get_type(mutable(native(v))) == YYJSON_TYPE_NULL;
}

bool json_i64(const json *v, int64_t *out)
{
    return number_i64(number_text(v), out);
}

bool json_u64(const json *v, uint64_t *out)
{
    return slice_u64(number_text(v), out);
}

bool json_bool(const json *v, bool *out)
{
    if (json_type(v) != TRUSTEE_NODE_BOOL)
        return false;
    *out = unsafe_yyjson_get_bool(mutable(native(v)));
    return true;
}

size_t json_count(const json *v)
{
    return is_container(v) ? unsafe_yyjson_get_len(mutable(native(v))) : 0;
}

/* --- doubles --------------------------------------------------------------------------------------------------------
 */

/* Reads "-12.5e-7" as the library writes it; the digits are the shortest that give the same double. */
static void take_apart(const char *written, struct decimal *out)
{
    int point = 0;
    bool fraction = false;
    *out = (struct decimal){.negative = *written == '-'};
    for (written += out->negative; *written && *written != 'e'; written++) {
        if (*written == '.') {
            fraction = true;
        } else if (out->count == 0 && *written == '0') {
            point -= fraction;
        } else {
            if (out->count < (int)sizeof out->digits)
                out->digits[out->count++] = *written;
            point += !fraction;
        }
    }
    if (*written == 'e') {
        bool negative = *++written == '-';
        int exponent = 0;
        for (written += negative || *written == '+'; *written; written++)
            exponent = exponent * 10 + (*written - '0');
        point += negative ? -exponent : exponent;
    }
    while (out->count && out->digits[out->count - 1] == '0')
        out->count--;
    out->point = point;
}

bool decimal_of(slice number, struct decimal *out)
{
    char text[32] = {0}, memory[512], *written;
    yyjson_val value;
    yyjson_alc allocator;
    if (number.len > 25 || !number_is_json(number))
        return false;
    memcpy(text, number.ptr, number.len);
    if (!yyjson_read_number(text, &value, YYJSON_READ_NOFLAG, NULL, NULL))
        return false;
    if (!yyjson_is_real(&value))
        return false;
    yyjson_alc_pool_init(&allocator, memory, sizeof memory);
    written = yyjson_val_write_opts(&value, YYJSON_WRITE_NOFLAG, &allocator, NULL, NULL);
    if (!written)
        return false;
    take_apart(written, out);
    return true;
}
