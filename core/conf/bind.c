/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conf/bind.h"

#define SHOWN_MAX 80 /* bytes of a bad value that a message repeats */
#define KEYS_MAX 128 /* rows of one table */

/* --- refusals --- */

#define REFUSE(b, line, column, ...) \
    (ini_error((b)->ini, (line), (column), (b)->error, (b)->error_size, __VA_ARGS__), FAIL(CONFIG_VALUE))

result bind_entry(const struct bind *b, const struct ini_entry *e, const struct bind_rule *rule, struct bind_value *out)
{
    char expected[256];
    if (bind_parse(rule, e->value, out, expected, sizeof expected))
        return OK;
    if (e->value.len == 0)
        return REFUSE(b, e->line, e->value_column,
                      "'%.*s' has no value; expected %s; leave the line out for the default", SLICE_ARG(e->key),
                      expected);
    if (rule->flags & BIND_SECRET)
        return REFUSE(b, e->line, e->value_column, "the value of '%.*s' does not fit; expected %s", SLICE_ARG(e->key),
                      expected);
    slice shown = slice_sub(e->value, 0, SHOWN_MAX);
    return REFUSE(b, e->line, e->value_column, "'%.*s%s' does not fit '%.*s'; expected %s", SLICE_ARG(shown),
                  shown.len < e->value.len ? "…" : "", SLICE_ARG(e->key), expected);
}

/* The whole list helps only while it can be taken in at a glance. */
static void list_names(char *text, size_t size, const slice *names, size_t count)
{
    size_t at = 0;
    text[0] = 0;
    for (size_t i = 0; i < count && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%.*s", i ? ", " : "", SLICE_ARG(names[i]));
}

result bind_unknown_key(const struct bind *b, const struct ini_section *s, const struct ini_entry *e,
                        const slice *names, size_t count)
{
    char known[256];
    slice near = ini_nearest(e->key, names, count);
    if (near.len)
        return REFUSE(b, e->line, e->key_column, "unknown key '%.*s' (did you mean '%.*s'?)", SLICE_ARG(e->key),
                      SLICE_ARG(near));
    list_names(known, sizeof known, names, count);
    return REFUSE(b, e->line, e->key_column, "unknown key '%.*s'; [%.*s%s%.*s] takes %s; remove the line",
                  SLICE_ARG(e->key), SLICE_ARG(s->kind), s->name.len ? " " : "", SLICE_ARG(s->name),
                  count ? known : "no keys");
}

result bind_repeated_key(const struct bind *b, const struct ini_entry *e, const struct ini_entry *first)
{
    return REFUSE(b, e->line, e->key_column, "'%.*s' stands twice, first in line %u; it takes one value, remove one",
                  SLICE_ARG(e->key), first->line);
}

result bind_missing_key(const struct bind *b, const struct ini_section *s, slice kind, slice name, slice key)
{
    return REFUSE(b, s ? s->line : 0, s ? s->column : 0, "[%.*s%s%.*s] lacks the required key '%.*s'; add %.*s = …",
                  SLICE_ARG(kind), name.len ? " " : "", SLICE_ARG(name), SLICE_ARG(key), SLICE_ARG(key));
}

/* --- filling a struct --- */

static struct bind_rule rule_of(const struct bind_option *o)
{
    return (struct bind_rule){.type = o->type, .flags = o->flags, .min = o->min, .max = o->max, .choices = o->choices};
}

static size_t target_size(const struct bind_option *o)
{
    static const size_t sizes[] = {
        [BIND_TEXT] = sizeof(slice),      [BIND_PATH] = sizeof(slice),    [BIND_BOOL] = sizeof(bool),
        [BIND_NUMBER] = sizeof(uint64_t), [BIND_SIZE] = sizeof(uint64_t), [BIND_DURATION] = sizeof(uint64_t),
        [BIND_CHOICE] = sizeof(unsigned),
    };
    return o->flags & BIND_MANY ? sizeof(struct bind_list) : sizes[o->type];
}

static void store(const struct bind_option *o, const struct bind_value *v, void *target)
{
    uint8_t *at = (uint8_t *)target + o->offset;
    bool truth = v->number != 0;
    unsigned choice = (unsigned)v->number;
    const void *from = o->type == BIND_BOOL                           ? (const void *)&truth
                       : o->type == BIND_CHOICE                       ? (const void *)&choice
                       : o->type == BIND_TEXT || o->type == BIND_PATH ? (const void *)&v->text
                                                                      : (const void *)&v->number;
    memcpy(at, from, o->size);
}

static struct ini_entry *next_of(struct ini_entry *from, slice key)
{
    while (from && !slice_equal(from->key, key))
        from = from->next;
    return from;
}

static result store_default(const struct bind *b, const struct bind_option *o, void *target)
{
    struct bind_value v;
    char expected[256];
    struct bind_rule rule = rule_of(o);
    if (!o->fallback)
        return OK;
    if (!bind_parse(&rule, slice_text(o->fallback), &v, expected, sizeof expected))
        return REFUSE(b, 0, 0, "the built-in default of '%s' does not fit; expected %s; report this", o->key, expected);
    if (!(o->flags & BIND_MANY)) {
        store(o, &v, target);
        return OK;
    }
    slice *only = arena_new(b->arena, slice);
    ENSURE(only, NO_MEMORY);
    *only = v.text;
    struct bind_list list = {only, 1};
    memcpy((uint8_t *)target + o->offset, &list, sizeof list);
    return OK;
}

static result fill_many(const struct bind *b, const struct bind_option *o, struct ini_entry *first, void *target)
{
    struct bind_rule rule = rule_of(o);
    struct bind_value v;
    size_t count = 0, at = 0;
    for (const struct ini_entry *e = first; e; e = next_of(e->next, first->key))
        count++;
    slice *items = arena_array(b->arena, slice, count);
    ENSURE(items, NO_MEMORY);
    for (struct ini_entry *e = first; e; e = next_of(e->next, first->key)) {
        TRY(bind_entry(b, e, &rule, &v));
        items[at++] = v.text;
        e->used = true;
    }
    struct bind_list list = {items, count};
    memcpy((uint8_t *)target + o->offset, &list, sizeof list);
    return OK;
}

static result fill_one(const struct bind *b, const struct bind_option *o, struct ini_entry *e, void *target)
{
    struct bind_rule rule = rule_of(o);
    struct bind_value v;
    const struct ini_entry *again = next_of(e->next, e->key);
    if (again)
        return bind_repeated_key(b, again, e);
    TRY(bind_entry(b, e, &rule, &v));
    e->used = true;
    store(o, &v, target);
    return OK;
}

static result fill(const struct bind *b, const struct bind_table *t, struct ini_section *s, slice name, void *target)
{
    for (const struct bind_option *o = t->options; o < t->options + t->count; o++) {
        /* A wrong row would write past its member. */
        if (o->size != target_size(o))
            return REFUSE(b, 0, 0, "the built-in table of [%s] has a wrong target for '%s'; report this", t->kind,
                          o->key);
        struct ini_entry *e = s ? next_of(s->entries, slice_text(o->key)) : NULL;
        if (!e && o->flags & BIND_REQUIRED)
            return bind_missing_key(b, s, slice_text(t->kind), name, slice_text(o->key));
        if (!e)
            TRY(store_default(b, o, target));
        else
            TRY((o->flags & BIND_MANY ? fill_many : fill_one)(b, o, e, target));
    }
    return OK;
}

/* Before anything is missed: a misspelt key is most often the one that would be missing. */
static result refuse_unknown(const struct bind *b, const struct bind_table *t, const struct ini_section *s)
{
    slice names[KEYS_MAX];
    size_t count = t->count < KEYS_MAX ? t->count : KEYS_MAX;
    for (size_t i = 0; i < count; i++)
        names[i] = slice_text(t->options[i].key);
    for (const struct ini_entry *e = s->entries; e; e = e->next) {
        size_t i = 0;
        while (i < count && !slice_equal(e->key, names[i]))
            i++;
        if (i == count)
            return bind_unknown_key(b, s, e, names, count);
    }
    return OK;
}

result bind_section(const struct bind *b, const struct bind_table *t, slice name, void *target)
{
    struct ini_section *s = ini_section(b->ini, slice_text(t->kind), name);
    if (s) {
        s->used = true;
        TRY(refuse_unknown(b, t, s));
    }
    return fill(b, t, s, name, target);
}

result bind_finish(const struct bind *b, const struct bind_table *const *tables, size_t count)
{
    slice names[KEYS_MAX];
    char known[256];
    count = count < KEYS_MAX ? count : KEYS_MAX;
    for (size_t i = 0; i < count; i++)
        names[i] = slice_text(tables[i]->kind);
    const struct ini_section *s = b->ini->sections;
    while (s && s->used)
        s = s->next;
    if (!s)
        return OK;
    slice near = ini_nearest(s->kind, names, count);
    if (near.len && !slice_equal(near, s->kind))
        return REFUSE(b, s->line, s->column, "unknown section [%.*s%s%.*s] (did you mean [%.*s]?)", SLICE_ARG(s->kind),
                      s->name.len ? " " : "", SLICE_ARG(s->name), SLICE_ARG(near));
    list_names(known, sizeof known, names, count);
    return REFUSE(b, s->line, s->column, "unknown section [%.*s%s%.*s]; there are %s", SLICE_ARG(s->kind),
                  s->name.len ? " " : "", SLICE_ARG(s->name), known);
}
