/* SPDX-License-Identifier: Apache-2.0
 *
 * trusteectl plugin show and list: what plugins say of themselves. Each is looked at in a child process, because just
 * loading a shared object runs code of it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/plugin/trials.h"

#define FILES_MAX 256
#define SECONDS 10u

/* The dump of one file; NULL with the reason in the report's only finding. */
static const json *look(struct cli *c, struct report *r, const char *file)
{
    struct examination e = {.target = {.file = file}};
    const json *v = NULL;
    r->count = 0;
    r->output_size = 0;
    bool ended = trial_run(&(struct trial){"descriptor", trial_describe, &e, SECONDS}, r);
    if (!ended || report_faults(r) || r->output_size > sizeof r->output)
        return NULL;
    return FAILED(json_parse(&c->arena, slice_of(r->output, r->output_size), &v)) ? NULL : v;
}

static const char *why(const struct report *r)
{
    return r->count ? r->findings[0].what : "it says nothing of itself";
}

/* --- one plugin --- */

static void line(const char *label, slice value)
{
    if (!value.len)
        return;
    printf("%-12s ", label);
    print_safely(value);
    putchar('\n');
}

static slice member(const json *v, const char *name)
{
    return json_text(json_get(v, slice_text(name)));
}

static uint64_t number(const json *v, const char *name)
{
    uint64_t n = 0;
    (void)json_u64(json_get(v, slice_text(name)), &n);
    return n;
}

static void print_kinds(struct cli *c, const json *plugin)
{
    const json *rows = json_get(plugin, S("interfaces"));
    for (const json *i = json_next(rows, NULL, NULL); i; i = json_next(rows, i, NULL))
        line("interface", arena_printf(&c->arena, "%.*s, version %llu", SLICE_ARG(member(i, "kind")),
                                       (unsigned long long)number(i, "major")));
    rows = json_get(plugin, S("tees"));
    for (const json *t = json_next(rows, NULL, NULL); t; t = json_next(rows, t, NULL))
        line("TEE", arena_printf(&c->arena, "%.*s (%.*s)", SLICE_ARG(member(t, "name")),
                                 SLICE_ARG(member(t, "device_class"))));
}

static void print_option(const json *o)
{
    uint64_t flags = number(o, "flags");
    printf("  %-28.*s %.*s%s%s%s", SLICE_ARG(member(o, "name")), SLICE_ARG(member(o, "type")),
           flags & TRUSTEE_OPTION_REQUIRED ? ", required" : "", flags & TRUSTEE_OPTION_MANY ? ", several times" : "",
           flags & TRUSTEE_OPTION_SECRET ? ", secret" : "");
    if (member(o, "default").len)
        printf(", default %.*s", SLICE_ARG(member(o, "default")));
    if (member(o, "restricted").len)
        printf(", with profile restricted only %.*s", SLICE_ARG(member(o, "restricted")));
    printf("\n    ");
    print_safely(member(o, "help"));
    putchar('\n');
}

static void print_tables(const json *plugin)
{
    const json *rows = json_get(plugin, S("options"));
    if (json_count(rows))
        puts("\noptions");
    for (const json *o = json_next(rows, NULL, NULL); o; o = json_next(rows, o, NULL))
        print_option(o);
    rows = json_get(plugin, S("reasons"));
    if (json_count(rows))
        puts("\nreasons");
    for (const json *x = json_next(rows, NULL, NULL); x; x = json_next(rows, x, NULL)) {
        printf("  %.*s\n    ", SLICE_ARG(member(x, "id")));
        print_safely(member(x, "text"));
        printf("; ");
        print_safely(member(x, "remedy"));
        putchar('\n');
    }
}

static void print_plugin(struct cli *c, const json *plugin)
{
    bool insecure = false;
    line("name", member(plugin, "name"));
    line("version", member(plugin, "version"));
    line("vendor", member(plugin, "vendor"));
    line("license", member(plugin, "license"));
    line("description", member(plugin, "description"));
    line("url", member(plugin, "url"));
    line("file", member(plugin, "file"));
    line("SHA-256", member(plugin, "sha256"));
    line("ABI", arena_printf(&c->arena, "%llu.%llu", (unsigned long long)number(plugin, "abi_major"),
                             (unsigned long long)number(plugin, "abi_minor")));
    line("threads", member(plugin, "threads"));
    if (json_bool(json_get(plugin, S("insecure")), &insecure) && insecure)
        line("INSECURE", S("it proves nothing, and is loaded only with allow_insecure = yes"));
    print_kinds(c, plugin);
    print_tables(plugin);
}

static void print_raw(struct cli *c, const json *v)
{
    struct text t = text_begin(&c->arena);
    json_write(&t, v);
    text_lit(&t, "\n");
    slice s = text_end(&t);
    fwrite(s.ptr, 1, s.len, stdout);
}

int cmd_plugin_show(struct cli *c)
{
    char file[PATH_MAX];
    if (c->argc != 1 || *c->argv[0] == '-')
        return say(EXIT_USAGE, "plugin show takes the file of one plugin, such as ./acme.so");
    if (!realpath(c->argv[0], file))
        return say(EXIT_USAGE, "%s: %s", c->argv[0], strerror(errno));
    struct report *r = report_new();
    if (!r)
        return say(EXIT_REFUSED, "out of memory");
    const json *plugin = look(c, r, file);
    if (!plugin)
        say(0, "%s: %s", file, why(r));
    else if (c->json)
        print_raw(c, plugin);
    else
        print_plugin(c, plugin);
    report_free(r);
    return plugin ? 0 : EXIT_REFUSED;
}

/* --- a folder --- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t list_files(struct cli *c, const char *folder, const char *files[FILES_MAX])
{
    size_t count = 0;
    DIR *d = opendir(folder);
    for (const struct dirent *e = d ? readdir(d) : NULL; e && count < FILES_MAX; e = readdir(d))
        if (slice_ends(slice_text(e->d_name), S(".so")))
            files[count++] = c_text(c, arena_printf(&c->arena, "%s/%s", folder, e->d_name));
    if (d)
        (void)closedir(d);
    if (count)
        qsort(files, count, sizeof *files, by_name);
    return count;
}

static slice kinds_of(struct cli *c, const json *plugin)
{
    slice all = NO_SLICE;
    const json *rows = json_get(plugin, S("interfaces"));
    for (const json *i = json_next(rows, NULL, NULL); i; i = json_next(rows, i, NULL))
        all = arena_printf(&c->arena, "%.*s%s%.*s", SLICE_ARG(all), all.len ? "," : "", SLICE_ARG(member(i, "kind")));
    return all;
}

static slice tees_of(struct cli *c, const json *plugin)
{
    slice all = NO_SLICE;
    const json *rows = json_get(plugin, S("tees"));
    for (const json *t = json_next(rows, NULL, NULL); t; t = json_next(rows, t, NULL))
        all = arena_printf(&c->arena, "%.*s%s%.*s", SLICE_ARG(all), all.len ? "," : "", SLICE_ARG(member(t, "name")));
    return all.len ? all : S("-");
}

static void print_row(struct cli *c, const char *file, const json *plugin, const struct report *r)
{
    const char *name = strrchr(file, '/');
    if (!plugin) {
        printf("%-20s ", name ? name + 1 : file);
        print_safely(slice_text(why(r)));
        putchar('\n');
        return;
    }
    printf("%-20.*s %-10.*s %-10.*s %-4llu.%-3llu %-26.*s %.16s\n", SLICE_ARG(member(plugin, "name")),
           SLICE_ARG(member(plugin, "version")), SLICE_ARG(kinds_of(c, plugin)),
           (unsigned long long)number(plugin, "abi_major"), (unsigned long long)number(plugin, "abi_minor"),
           SLICE_ARG(tees_of(c, plugin)), (const char *)member(plugin, "sha256").ptr);
}

static void add_row(struct cli *c, const char *file, const json *plugin, const struct report *r, bool first)
{
    struct text t = text_begin(&c->arena);
    if (!first)
        text_lit(&t, ",");
    if (plugin)
        json_write(&t, plugin);
    else {
        slice what = slice_text(why(r));
        text_lit(&t, "{\"file\":");
        text_json(&t, slice_text(file));
        text_lit(&t, ",\"error\":");
        text_json(&t, slice_is_utf8(what) ? what : S("(not UTF-8)"));
        text_lit(&t, "}");
    }
    slice s = text_end(&t);
    fwrite(s.ptr, 1, s.len, stdout);
}

int cmd_plugin_list(struct cli *c)
{
    char folder[PATH_MAX] = "";
    const char *files[FILES_MAX], *given = take_option(c, "--directory");
    if (c->argc)
        return say(EXIT_USAGE, "plugin list takes no arguments but --directory");
    if (!given)
        find_plugins(folder);
    else if (!realpath(given, folder))
        return say(EXIT_USAGE, "--directory %s: %s", given, strerror(errno));
    struct report *r = report_new();
    if (!r)
        return say(EXIT_REFUSED, "out of memory");
    size_t count = list_files(c, folder, files), bad = 0;
    if (c->json)
        putchar('[');
    else
        printf("%-20s %-10s %-10s %-8s %-26s %s\n", "NAME", "VERSION", "KIND", "ABI", "TEES", "SHA-256");
    for (size_t i = 0; i < count; i++) {
        const json *plugin = look(c, r, files[i]);
        bad += !plugin;
        if (c->json)
            add_row(c, files[i], plugin, r, i == 0);
        else
            print_row(c, files[i], plugin, r);
    }
    if (c->json)
        puts("]");
    report_free(r);
    return bad ? EXIT_REFUSED : 0;
}
