/* SPDX-License-Identifier: Apache-2.0 */
#include "core/release/binding.h"

#include <stdlib.h>

const struct bind_table BINDING_TABLE = {
    "binding", "NAME",
    "ties resource paths to workloads; all claims of one binding must hold, and one binding of a path",
    (const struct bind_option[]){
        {.key = "path",
         .type = BIND_TEXT,
         .flags = BIND_REQUIRED | BIND_MANY,
         .help = "a resource, such as default/payroll-key/key; `*` stands for one segment"},
        {.key = "claim",
         .type = BIND_TEXT,
         .flags = BIND_REQUIRED | BIND_MANY,
         .help = "POINTER VALUE: a JSON pointer into the evidence's claims and the text there, such as /tpm/ak_sha256 "
                 "5f0c…"},
    },
    2};

struct bindings {
    struct binding *first;
    bool required;
    struct arena arena;
};

struct claim {
    struct claim *next;
    slice pointer, value;
};

struct binding {
    struct binding *next;
    slice name;
    struct claim *claims;
    struct path {
        struct path *next;
        slice pattern;
    } * paths;
};

static result add_path(struct bindings *b, struct binding *one, slice pattern)
{
    struct path *p = arena_new(&b->arena, struct path);
    ENSURE(p, NO_MEMORY);
    *p = (struct path){one->paths, arena_copy(&b->arena, pattern)};
    one->paths = p;
    return OK;
}

static result add_claim(struct bindings *b, struct binding *one, slice text)
{
    size_t space = slice_find(text, ' ');
    slice pointer = slice_sub(text, 0, space), value = slice_trim(slice_sub(text, space, text.len));
    ENSURE(pointer.len > 1 && pointer.ptr[0] == '/' && value.len, CONFIG_VALUE);
    struct claim *c = arena_new(&b->arena, struct claim);
    ENSURE(c, NO_MEMORY);
    *c = (struct claim){one->claims, arena_copy(&b->arena, pointer), arena_copy(&b->arena, value)};
    one->claims = c;
    return OK;
}

/* Three segments, each '*' or a name: anything else would bind nothing and leave the path free. */
static bool pattern_is_valid(slice pattern)
{
    slice part;
    unsigned parts = 0;
    while (slice_split(&pattern, '/', &part)) {
        parts++;
        if (!slice_equal(part, S("*")) && (!slice_is_name(part, "_-.") || part.ptr[0] == '.'))
            return false;
    }
    return parts == 3;
}

static result load_entry(struct bindings *b, const struct ini *ini, struct binding *one, struct ini_entry *e,
                         char *error, size_t error_size)
{
    e->used = true;
    if (slice_equal(e->key, S("path")) && pattern_is_valid(e->value))
        return add_path(b, one, e->value);
    if (slice_equal(e->key, S("path"))) {
        ini_error(ini, e->line, e->value_column, error, error_size,
                  "a path is REPOSITORY/TYPE/TAG, where '*' may stand for a whole segment, such as: default/payroll/*");
        return FAIL(CONFIG_VALUE);
    }
    if (!slice_equal(e->key, S("claim"))) {
        ini_error(ini, e->line, e->key_column, error, error_size, "unknown key '%.*s'; a binding has path and claim",
                  SLICE_ARG(e->key));
        return FAIL(CONFIG_VALUE);
    }
    result r = add_claim(b, one, e->value);
    if (FAILED(r))
        ini_error(ini, e->line, e->value_column, error, error_size,
                  "a claim is a JSON pointer and the text it must have, such as: /tpm/ak_sha256 5f0c…");
    return r;
}

static result load_section(struct bindings *b, const struct ini *ini, struct ini_section *s, char *error,
                           size_t error_size)
{
    struct binding *one = arena_new(&b->arena, struct binding);
    ENSURE(one, NO_MEMORY);
    *one = (struct binding){.name = arena_copy(&b->arena, s->name)};
    s->used = true;
    if (!s->name.len) {
        ini_error(ini, s->line, s->column, error, error_size, "a binding has a name: [binding NAME]");
        return FAIL(CONFIG_VALUE);
    }
    for (struct ini_entry *e = s->entries; e; e = e->next)
        TRY(load_entry(b, ini, one, e, error, error_size));
    if (!one->paths || !one->claims) {
        ini_error(ini, s->line, s->column, error, error_size,
                  "a binding needs at least one path and one claim; without a claim it would bind to nobody");
        return FAIL(CONFIG_VALUE);
    }
    one->next = b->first;
    b->first = one;
    return OK;
}

result bindings_load(const struct ini *ini, bool required, struct bindings **out, char *error, size_t error_size)
{
    struct bindings *b = calloc(1, sizeof *b);
    ENSURE(b, NO_MEMORY);
    b->required = required;
    *out = b;
    TRY(arena_map(&b->arena, 4u << 20, ARENA_PLAIN));
    for (struct ini_section *s = ini->sections; s; s = s->next)
        if (slice_equal(s->kind, S("binding")))
            TRY(load_section(b, ini, s, error, error_size));
    return OK;
}

void bindings_free(struct bindings *b)
{
    if (!b)
        return;
    arena_unmap(&b->arena);
    free(b);
}

/* Segment by segment; '*' stands for one segment. */
static bool path_matches(slice pattern, slice path)
{
    slice p, s;
    while (slice_split(&pattern, '/', &p)) {
        if (!slice_split(&path, '/', &s))
            return false;
        if (!slice_equal(p, S("*")) && !slice_equal(p, s))
            return false;
    }
    return path.ptr == NULL;
}

static bool applies(const struct binding *b, slice path)
{
    for (const struct path *p = b->paths; p; p = p->next)
        if (path_matches(p->pattern, path))
            return true;
    return false;
}

static slice claim_text(const json *v, struct arena *a)
{
    if (json_type(v) == TRUSTEE_NODE_STRING)
        return json_text(v);
    struct text t = text_begin(a);
    if (v)
        json_write(&t, v);
    return text_end(&t);
}

/* Init-data that the hardware did not vouch for is only what the workload says of itself. */
static bool is_unchecked(slice pointer, const json *evidence)
{
    bool checked;
    return slice_starts(pointer, S("/init_data")) &&
           json_bool(json_at(evidence, S("/trustee/init_data_checked")), &checked) && !checked;
}

static bool holds(const struct binding *b, const json *evidence, struct record *record)
{
    bool all = true;
    for (const struct claim *c = b->claims; c; c = c->next) {
        bool unbound = false;
        const json *v = evidence ? json_at(evidence, c->pointer) : NULL;
        slice actual = v ? claim_text(v, record->arena) : NO_SLICE;
        if (v && is_unchecked(c->pointer, evidence)) {
            v = NULL;
            unbound = true;
        }
        bool same = v && actual.ptr && secret_equal(actual, c->value);
        slice name = arena_printf(record->arena, "binding %.*s %.*s", SLICE_ARG(b->name), SLICE_ARG(c->pointer));
        record_check(record, name, same, c->value, v ? actual : unbound ? S("not vouched for") : S("absent"));
        all = all && same;
    }
    return all;
}

result bindings_judge(const struct bindings *b, slice path, const json *evidence, struct record *record)
{
    bool any = false;
    for (const struct binding *one = b->first; one; one = one->next) {
        if (!applies(one, path))
            continue;
        any = true;
        if (holds(one, evidence, record))
            return OK;
    }
    if (any || b->required)
        return FAIL(RELEASE_BINDING);
    return OK;
}
