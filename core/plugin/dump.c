/* SPDX-License-Identifier: Apache-2.0
 *
 * What a plugin is, from its descriptor alone: nothing of it is initialised.
 */
#include "core/plugin/internal.h"

#include <inttypes.h>

#define ARENA_SIZE ((size_t)4 << 20)

struct looking {
    struct arena arena;
    struct plugin plugin;
};

static result look(struct looking *l, slice directory, slice path, char *error, size_t error_size)
{
    struct ini ini = {.file = path};
    struct blame b = {&ini, 0, 0, error, error_size};
    struct plugin_file file;
    TRY(plugin_open(&b, directory, path, NO_SLICE, &file));
    return plugin_describe(&b, &l->arena, &file, &l->plugin);
}

/* --- JSON --- */

static void member(struct text *t, const char *name, slice value, const char *after)
{
    text_json(t, slice_text(name));
    text_lit(t, ":");
    text_json(t, value);
    text_add(t, slice_text(after));
}

static void number(struct text *t, const char *name, uint64_t value, const char *after)
{
    text_json(t, slice_text(name));
    text_lit(t, ":");
    text_u64(t, value);
    text_add(t, slice_text(after));
}

static const char *option_type(uint32_t type)
{
    static const char *const names[] = {"text", "bool", "number", "size", "duration", "path", "file"};
    return names[type];
}

static void write_options(struct text *t, const trustee_plugin *p)
{
    text_lit(t, "\"options\":[");
    for (uint32_t i = 0; i < p->option_count; i++) {
        const trustee_option *o = &p->options[i];
        text_add(t, i ? S(",{") : S("{"));
        member(t, "name", o->name, ",");
        member(t, "type", slice_text(option_type(o->type)), ",");
        number(t, "flags", o->flags, ",");
        if (o->fallback.len)
            member(t, "default", o->fallback, ",");
        if (o->restricted.len)
            member(t, "restricted", o->restricted, ",");
        number(t, "min", o->min, ",");
        number(t, "max", o->max, ",");
        member(t, "help", o->help, "}");
    }
    text_lit(t, "],");
}

static void write_reasons(struct text *t, const trustee_plugin *p)
{
    text_lit(t, "\"reasons\":[");
    for (uint32_t i = 0; i < p->reason_count; i++) {
        text_add(t, i ? S(",{") : S("{"));
        member(t, "id", p->reasons[i].id, ",");
        member(t, "text", p->reasons[i].text, ",");
        member(t, "remedy", p->reasons[i].remedy, "}");
    }
    text_lit(t, "],");
}

static void write_interfaces(struct text *t, const trustee_plugin *p)
{
    text_lit(t, "\"interfaces\":[");
    for (uint32_t i = 0; i < p->interface_count; i++) {
        text_add(t, i ? S(",{") : S("{"));
        member(t, "kind", p->interfaces[i].kind, ",");
        number(t, "major", p->interfaces[i].major, "}");
    }
    text_lit(t, "],");
}

static void write_tees(struct text *t, const struct plugin *p)
{
    text_lit(t, "\"tees\":[");
    for (uint64_t i = 0; p->verifier && i < p->verifier->tee_count; i++) {
        text_add(t, i ? S(",{") : S("{"));
        member(t, "name", p->tees[i].name, ",");
        member(t, "device_class", p->tees[i].device_class, "}");
    }
    text_lit(t, "]}\n");
}

static void write_json(struct text *t, const struct plugin *p)
{
    const trustee_plugin *d = &p->about;
    text_lit(t, "{");
    member(t, "name", d->name, ",");
    member(t, "version", d->version, ",");
    member(t, "vendor", d->vendor, ",");
    member(t, "license", d->license, ",");
    member(t, "description", d->description, ",");
    member(t, "url", d->url, ",");
    member(t, "file", p->file, ",");
    member(t, "sha256", slice_text(p->sha256), ",");
    number(t, "abi_major", TRUSTEE_ABI_MAJOR, ",");
    number(t, "abi_minor", d->abi_minor, ",");
    number(t, "flags_required", d->flags_required, ",");
    number(t, "flags_optional", d->flags_optional, ",");
    member(t, "threads", d->thread_model == TRUSTEE_THREADS_PARALLEL ? S("parallel") : S("serial"), ",");
    text_add(t, p->insecure ? S("\"insecure\":true,") : S("\"insecure\":false,"));
    write_options(t, d);
    write_reasons(t, d);
    write_interfaces(t, d);
    write_tees(t, p);
}

static result print_json(struct looking *l, FILE *out)
{
    struct text t = text_begin(&l->arena);
    write_json(&t, &l->plugin);
    slice written = text_end(&t);
    ENSURE(written.ptr, NO_MEMORY);
    return fwrite(written.ptr, 1, written.len, out) == written.len ? OK : FAIL(IO);
}

result plugin_dump(const char *file, FILE *out, char *error, size_t error_size)
{
    struct looking l;
    if (error_size)
        *error = 0;
    TRY(arena_map(&l.arena, ARENA_SIZE, ARENA_PLAIN));
    result r = look(&l, NO_SLICE, slice_text(file), error, error_size);
    if (!FAILED(r))
        r = print_json(&l, out);
    arena_unmap(&l.arena);
    return r;
}

/* --- for people --- */

static void print_option(const trustee_option *o, FILE *out)
{
    static const enum bind_type types[] = {BIND_TEXT,     BIND_BOOL, BIND_NUMBER, BIND_SIZE,
                                           BIND_DURATION, BIND_PATH, BIND_PATH};
    fprintf(out, "\n# %.*s\n# %s%s", SLICE_ARG(o->help), bind_type_name(types[o->type]),
            o->type == TRUSTEE_OPTION_FILE ? " of a file that is read at the start" : "");
    if (o->max)
        fprintf(out, ", %" PRIu64 " to %" PRIu64, o->min, o->max);
    if (o->flags & TRUSTEE_OPTION_MANY)
        fprintf(out, "; may stand several times");
    if (o->restricted.len)
        fprintf(out, "; with profile = restricted only %.*s", SLICE_ARG(o->restricted));
    if (o->flags & TRUSTEE_OPTION_REQUIRED)
        fprintf(out, "\n# required\n%.*s =\n", SLICE_ARG(o->name));
    else
        fprintf(out, "\n# %.*s = %.*s\n", SLICE_ARG(o->name),
                SLICE_ARG(o->flags & TRUSTEE_OPTION_SECRET ? NO_SLICE : o->fallback));
}

static void print_common(const struct plugin *p, FILE *out)
{
    fprintf(out, "\n# The shared object; in the plugin directory\n# path = %.*s\n", SLICE_ARG(p->file));
    fprintf(out, "\n# Refuse any other file than the one with this SHA-256\n# sha256 = %s\n", p->sha256);
    fprintf(out, "\n# inline: in the service itself\n# isolation = inline\n");
}

static void print_help(const struct plugin *p, FILE *out)
{
    const trustee_plugin *d = &p->about;
    fprintf(out, "# %s %.*s (%.*s): %.*s\n", p->name, SLICE_ARG(d->version), SLICE_ARG(d->vendor),
            SLICE_ARG(d->description));
    if (p->insecure)
        fprintf(out, "# INSECURE: it proves nothing, and is loaded only with allow_insecure = yes in [plugins].\n");
    for (uint64_t i = 0; p->verifier && i < p->verifier->tee_count; i++)
        fprintf(out, "# Verifies evidence of TEE '%.*s', a %.*s.\n", SLICE_ARG(p->tees[i].name),
                SLICE_ARG(p->tees[i].device_class));
    fprintf(out, "[plugin %s]\n", p->name);
    print_common(p, out);
    for (uint32_t i = 0; i < d->option_count; i++)
        print_option(&d->options[i], out);
    if (d->reason_count)
        fprintf(out, "\n# Reasons for which it refuses:\n");
    for (uint32_t i = 0; i < d->reason_count; i++)
        fprintf(out, "#   %.*s: %.*s; %.*s\n", SLICE_ARG(d->reasons[i].id), SLICE_ARG(d->reasons[i].text),
                SLICE_ARG(d->reasons[i].remedy));
}

result plugin_help(const struct plugin_settings *settings, const char *name, FILE *out, char *error, size_t error_size)
{
    struct looking l;
    slice directory = strchr(name, '/') ? NO_SLICE : settings->directory;
    if (error_size)
        *error = 0;
    TRY(arena_map(&l.arena, ARENA_SIZE, ARENA_PLAIN));
    slice path = directory.len ? arena_printf(&l.arena, "%.*s/%s.so", SLICE_ARG(directory), name) : slice_text(name);
    result r = look(&l, directory, path, error, error_size);
    if (!FAILED(r))
        print_help(&l.plugin, out);
    arena_unmap(&l.arena);
    return r;
}

static void print_reasons(const trustee_plugin *d, FILE *out)
{
    if (d->reason_count)
        fprintf(out, "\n## Plugin `%.*s`\n\n| Reason | Meaning | What to do |\n|---|---|---|\n", SLICE_ARG(d->name));
    for (uint32_t i = 0; i < d->reason_count; i++)
        fprintf(out, "| `%.*s` | %.*s | %.*s |\n", SLICE_ARG(d->reasons[i].id), SLICE_ARG(d->reasons[i].text),
                SLICE_ARG(d->reasons[i].remedy));
}

result plugin_reasons(const char *file, FILE *out, char *error, size_t error_size)
{
    struct looking l;
    if (error_size)
        *error = 0;
    TRY(arena_map(&l.arena, ARENA_SIZE, ARENA_PLAIN));
    result r = look(&l, NO_SLICE, slice_text(file), error, error_size);
    if (!FAILED(r))
        print_reasons(&l.plugin.about, out);
    arena_unmap(&l.arena);
    return r;
}

const struct bind_table PLUGIN_COMMON_TABLE = {
    "plugin", "NAME", "a plugin; these keys are common to all, `trusteed --help-plugin NAME` shows a plugin's own",
    (const struct bind_option[]){
        {.key = "path",
         .type = BIND_PATH,
         .help = "the shared object, below [plugins] directory; default: NAME.so there"},
        {.key = "sha256", .type = BIND_TEXT, .help = "64 hex digits; any other file is refused"},
        {.key = "isolation",
         .type = BIND_CHOICE,
         .fallback = "inline",
         .choices = (const char *const[]){"inline", NULL},
         .help = "inline: in the service itself, with its power; process is not there yet and refused"},
    },
    3};
