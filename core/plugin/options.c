/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin's INI section against its own table of options.
 */
#include "core/plugin/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)
#define NAMES_MAX 264 /* 256 own, and the common ones */

static const slice common[] = {TRUSTEE_TEXT("path"), TRUSTEE_TEXT("sha256"), TRUSTEE_TEXT("isolation"),
                               TRUSTEE_TEXT("optional")};
#define COMMON_COUNT (sizeof common / sizeof *common)

bool option_is_common(slice name)
{
    for (size_t i = 0; i < COMMON_COUNT; i++)
        if (slice_equal(common[i], name))
            return true;
    return false;
}

/* Min and max are of numbers, sizes and durations only. */
static struct bind_rule rule_of(const trustee_option *o)
{
    static const enum bind_type types[] = {
        [TRUSTEE_OPTION_TEXT] = BIND_TEXT,         [TRUSTEE_OPTION_BOOL] = BIND_BOOL,
        [TRUSTEE_OPTION_NUMBER] = BIND_NUMBER,     [TRUSTEE_OPTION_SIZE] = BIND_SIZE,
        [TRUSTEE_OPTION_DURATION] = BIND_DURATION, [TRUSTEE_OPTION_PATH] = BIND_PATH,
        [TRUSTEE_OPTION_FILE] = BIND_PATH,
    };
    bool ranged =
        o->type == TRUSTEE_OPTION_NUMBER || o->type == TRUSTEE_OPTION_SIZE || o->type == TRUSTEE_OPTION_DURATION;
    return (struct bind_rule){.type = types[o->type],
                              .flags = o->flags & TRUSTEE_OPTION_SECRET ? BIND_SECRET : 0,
                              .min = ranged ? o->min : 0,
                              .max = ranged ? o->max : 0};
}

/* --- the table itself --- */

static result check_row(const struct blame *b, const trustee_option *o)
{
    const uint32_t flags = TRUSTEE_OPTION_REQUIRED | TRUSTEE_OPTION_MANY | TRUSTEE_OPTION_SECRET;
    struct bind_value v;
    char expected[256];
    if (option_is_common(o->name))
        return refuse(b, "its option '%.*s' has the name of one that every plugin has; rename it", SLICE_ARG(o->name));
    if (o->type > TRUSTEE_OPTION_FILE || o->flags & ~flags || (o->max && o->min > o->max))
        return refuse(b, "its option '%.*s' has a type, flag or range that ABI 1.0 does not have", SLICE_ARG(o->name));
    if (o->fallback.len && o->flags & TRUSTEE_OPTION_REQUIRED)
        return refuse(b, "its option '%.*s' is required and has a default; drop one of the two", SLICE_ARG(o->name));
    struct bind_rule rule = rule_of(o);
    if (o->fallback.len && !bind_parse(&rule, o->fallback, &v, expected, sizeof expected))
        return refuse(b, "the default of its option '%.*s' does not fit; expected %s", SLICE_ARG(o->name), expected);
    if (o->restricted.len && (o->flags || !bind_parse(&rule, o->restricted, &v, expected, sizeof expected)))
        return refuse(b,
                      "the value of its option '%.*s' under profile = restricted does not fit, or the option has flags",
                      SLICE_ARG(o->name));
    return OK;
}

result options_check_table(const struct blame *b, const struct plugin *p)
{
    const trustee_option *options = p->about.options;
    for (uint32_t i = 0; i < p->about.option_count; i++) {
        TRY(check_row(b, &options[i]));
        for (uint32_t j = 0; j < i; j++)
            if (slice_equal(options[i].name, options[j].name))
                return refuse(b, "its option '%.*s' stands twice", SLICE_ARG(options[i].name));
    }
    return OK;
}

/* --- the common keys --- */

static struct ini_entry *next_of(struct ini_entry *from, slice key)
{
    while (from && !slice_equal(from->key, key))
        from = from->next;
    return from;
}

/* The only entry with this key, or NULL. */
static result only_entry(const struct bind *b, struct ini_section *s, slice key, struct ini_entry **out)
{
    *out = next_of(s->entries, key);
    if (!*out)
        return OK;
    (*out)->used = true;
    const struct ini_entry *again = next_of((*out)->next, key);
    return again ? bind_repeated_key(b, again, *out) : OK;
}

#define REFUSE(b, e, ...) \
    (ini_error((b)->ini, (e)->line, (e)->value_column, (b)->error, (b)->error_size, __VA_ARGS__), FAIL(CONFIG_VALUE))

static result check_isolation(const struct bind *b, const struct ini_entry *e)
{
    static const char *const choices[] = {"inline", "process", NULL};
    static const struct bind_rule rule = {.type = BIND_CHOICE, .choices = choices};
    struct bind_value v;
    TRY(bind_entry(b, e, &rule, &v));
    if (v.number == 1)
        return REFUSE(b, e,
                      "'isolation = process' is not implemented in this version; write isolation = inline, which "
                      "gives the plugin's code the power of the service");
    return OK;
}

result options_common(const struct bind *b, struct ini_section *s, struct common_options *out)
{
    static const struct bind_rule path = {.type = BIND_PATH}, text = {.type = BIND_TEXT};
    struct bind_value v = {0};
    struct ini_entry *e;
    *out = (struct common_options){NO_SLICE, NO_SLICE};
    TRY(only_entry(b, s, S("path"), &e));
    if (e)
        TRY(bind_entry(b, e, &path, &v));
    out->path = v.text;
    v.text = NO_SLICE;
    TRY(only_entry(b, s, S("sha256"), &e));
    if (e)
        TRY(bind_entry(b, e, &text, &v));
    out->sha256 = v.text;
    TRY(only_entry(b, s, S("isolation"), &e));
    if (e)
        TRY(check_isolation(b, e));
    TRY(only_entry(b, s, S("optional"), &e));
    if (e)
        return REFUSE(b, e, "'optional' is not supported: a plugin that is configured must load; remove the line");
    return OK;
}

/* --- files --- */

static const char *read_file(struct arena *a, slice path, slice *out)
{
    char name[4096];
    struct stat status;
    (void)snprintf(name, sizeof name, "%.*s", SLICE_ARG(path));
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return strerror(errno);
    const char *why = NULL;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        why = "it is not a regular file";
    else if ((uint64_t)status.st_size > FILE_MAX)
        why = "it is larger than 1 MiB";
    size_t size = why ? 0 : (size_t)status.st_size;
    uint8_t *room = arena_alloc(a, size, 1);
    /* A file that changes its size while it is read is not the one that was asked for. */
    if (!why && (!room || read(fd, room, size) != (ssize_t)size))
        why = room ? "reading it failed" : "there is no memory for it";
    (void)close(fd);
    *out = slice_of(room, size);
    return why;
}

/* --- the plugin's own keys --- */

struct binding {
    const struct bind *bind;
    struct plugins *all;
    struct plugin *plugin;
    struct conf_value **last;
};

static result secrets(const struct binding *x, struct arena **out)
{
    *out = &x->all->secrets;
    return (*out)->base ? OK : arena_map(*out, (size_t)4 << 20, ARENA_SECRET);
}

/* `e` is NULL for a default. */
static result add_value(struct binding *x, const trustee_option *o, const struct ini_entry *e,
                        const struct bind_value *v)
{
    struct arena *arena = &x->all->arena;
    struct conf_value *value = arena_new(arena, struct conf_value);
    if (o->flags & TRUSTEE_OPTION_SECRET)
        TRY(secrets(x, &arena));
    ENSURE(value, NO_MEMORY);
    *value =
        (struct conf_value){.name = o->name, .text = arena_copy(arena, v->text), .number = v->number, .type = o->type};
    ENSURE(value->text.ptr, NO_MEMORY);
    *x->last = value;
    x->last = &value->next;
    if (o->type != TRUSTEE_OPTION_FILE)
        return OK;
    const char *why = read_file(arena, v->text, &value->file);
    if (!why)
        return OK;
    struct ini_entry nowhere = {0};
    return REFUSE(x->bind, e ? e : &nowhere, "the file %.*s of '%.*s' cannot be used: %s; check path and mode",
                  SLICE_ARG(v->text), SLICE_ARG(o->name), why);
}

static result bind_default(struct binding *x, const struct ini_section *s, const trustee_option *o)
{
    struct bind_rule rule = rule_of(o);
    struct bind_value v;
    char expected[256];
    if (o->flags & TRUSTEE_OPTION_REQUIRED)
        return bind_missing_key(x->bind, s, s->kind, s->name, o->name);
    slice value = x->all->restricted && o->restricted.len ? o->restricted : o->fallback;
    if (value.len == 0)
        return OK;
    ENSURE(bind_parse(&rule, value, &v, expected, sizeof expected), INTERNAL);
    return add_value(x, o, NULL, &v);
}

/* Profile restricted takes one value only of an option that says so. */
static result restrict_entry(const struct binding *x, const trustee_option *o, const struct ini_entry *e)
{
    if (!x->all->restricted || !o->restricted.len || slice_equal(e->value, o->restricted))
        return OK;
    return REFUSE(x->bind, e, "profile = restricted takes '%.*s = %.*s' only; change it, or use profile = standard",
                  SLICE_ARG(o->name), SLICE_ARG(o->restricted));
}

static result bind_option(struct binding *x, struct ini_section *s, const trustee_option *o)
{
    struct bind_rule rule = rule_of(o);
    struct bind_value v;
    struct ini_entry *first = next_of(s->entries, o->name);
    if (!first)
        return bind_default(x, s, o);
    struct ini_entry *second = next_of(first->next, o->name);
    if (second && !(o->flags & TRUSTEE_OPTION_MANY))
        return bind_repeated_key(x->bind, second, first);
    for (struct ini_entry *e = first; e; e = next_of(e->next, o->name)) {
        TRY(bind_entry(x->bind, e, &rule, &v));
        TRY(restrict_entry(x, o, e));
        TRY(add_value(x, o, e, &v));
        e->used = true;
    }
    return OK;
}

static bool is_own(const struct plugin *p, slice name)
{
    for (uint32_t i = 0; i < p->about.option_count; i++)
        if (slice_equal(p->about.options[i].name, name))
            return true;
    return false;
}

static result refuse_unknown(const struct bind *b, const struct ini_section *s, const struct plugin *p)
{
    slice names[NAMES_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < p->about.option_count; i++)
        names[count++] = p->about.options[i].name;
    /* "optional" is known only to be refused. */
    for (size_t i = 0; i + 1 < COMMON_COUNT; i++)
        names[count++] = common[i];
    for (const struct ini_entry *e = s->entries; e; e = e->next)
        if (!option_is_common(e->key) && !is_own(p, e->key))
            return bind_unknown_key(b, s, e, names, count);
    return OK;
}

result options_bind(const struct bind *b, struct ini_section *s, struct plugins *all, struct plugin *p)
{
    struct conf_value *values = NULL;
    struct binding x = {b, all, p, &values};
    TRY(refuse_unknown(b, s, p));
    for (uint32_t i = 0; i < p->about.option_count; i++)
        TRY(bind_option(&x, s, &p->about.options[i]));
    p->conf.values = values;
    return OK;
}
