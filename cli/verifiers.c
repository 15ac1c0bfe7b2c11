/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon's verifiers without the daemon. A plugin is looked at before it is loaded: only what verifies is wanted
 * here, and nothing that needs options that nobody has given.
 */
#include "cli/verifiers.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/refval/rfc3339.h"

#define PLUGINS_MAX 128
#define DUMP_MAX ((size_t)1 << 20)

bool take_verifier_options(struct cli *c, struct verifier_options *out)
{
    const char *option;
    *out = (struct verifier_options){.plugins = take_option(c, "--plugins"),
                                     .trust_anchor = take_option(c, "--trust-anchor"),
                                     .allow_insecure = take_flag(c, "--allow-insecure")};
    while ((option = take_option(c, "--option"))) {
        const char *equals = strchr(option, '=');
        if (!equals || equals == option || out->option_count == OPTIONS_MAX)
            return say(0, "--option takes KEY=VALUE, such as accepted_tcb=UpToDate; '%s' is none", option), false;
        out->options[out->option_count++] = option;
    }
    return true;
}

/* --- looking at plugins --- */

/* What --dump-plugin tells, as JSON; NULL where it is no plugin. */
static const json *dump(struct cli *c, const char *file, char *error, size_t error_size)
{
    char *text = NULL;
    size_t size = 0;
    const json *v = NULL;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    result r = plugin_dump(file, out, error, error_size);
    if (fclose(out) == 0 && !FAILED(r) && FAILED(json_parse(&c->arena, slice_of(text, size), &v)))
        v = NULL;
    free(text);
    return v;
}

static bool has_tee(const json *plugin, slice tee)
{
    const json *tees = json_get(plugin, S("tees"));
    for (const json *t = json_next(tees, NULL, NULL); t; t = json_next(tees, t, NULL))
        if (!tee.len || slice_equal(json_text(json_get(t, S("name"))), tee))
            return true;
    return false;
}

static const json *option_of(const json *plugin, slice name)
{
    const json *options = json_get(plugin, S("options"));
    for (const json *o = json_next(options, NULL, NULL); o; o = json_next(options, o, NULL))
        if (slice_equal(json_text(json_get(o, S("name"))), name))
            return o;
    return NULL;
}

static bool is_insecure(const json *plugin)
{
    bool insecure = true;
    return !json_bool(json_get(plugin, S("insecure")), &insecure) || insecure;
}

static bool wants_options(const json *plugin)
{
    const json *options = json_get(plugin, S("options"));
    uint64_t flags = 0;
    for (const json *o = json_next(options, NULL, NULL); o; o = json_next(options, o, NULL))
        if (json_u64(json_get(o, S("flags")), &flags) && flags & TRUSTEE_OPTION_REQUIRED)
            return true;
    return false;
}

/* --- the INI that the loader reads --- */

struct gathering {
    struct cli *cli;
    const struct verifier_options *options;
    const char *folder;
    slice tee; /* empty: all */
    struct text ini;
    const json *found[PLUGINS_MAX];
    size_t count;
    bool anchored;  /* some plugin has the option trust_anchor */
    slice insecure; /* name of a plugin that was left out for this */
};

static bool is_plain(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 32 || *p == 127)
            return false;
    return true;
}

static bool add_line(struct gathering *g, slice key, const char *value)
{
    if (!is_plain(value))
        return say(0, "the value of %.*s has control characters", SLICE_ARG(key)), false;
    text_add(&g->ini, key);
    text_lit(&g->ini, " = ");
    text_add(&g->ini, slice_text(value));
    text_lit(&g->ini, "\n");
    return true;
}

/* Paths of the command line are relative to where it was given. */
static const char *absolute(const char *path, char room[PATH_MAX])
{
    return realpath(path, room) ? room : path;
}

static bool add_anchor(struct gathering *g, const json *plugin)
{
    char path[PATH_MAX];
    const char *file = g->options->trust_anchor;
    if (!file || !option_of(plugin, S("trust_anchor")))
        return true;
    g->anchored = true;
    return add_line(g, S("trust_anchor"), absolute(file, path));
}

static bool add_options(struct gathering *g, const json *plugin)
{
    for (size_t i = 0; i < g->options->option_count; i++) {
        char path[PATH_MAX];
        const char *equals = strchr(g->options->options[i], '=');
        slice key = slice_of(g->options->options[i], (size_t)(equals - g->options->options[i]));
        slice type = json_text(json_get(option_of(plugin, key), S("type")));
        bool is_path = slice_equal(type, S("file")) || slice_equal(type, S("path"));
        if (!add_line(g, key, is_path ? absolute(equals + 1, path) : equals + 1))
            return false;
    }
    return true;
}

static bool add_section(struct gathering *g, const json *plugin, const char *file)
{
    text_lit(&g->ini, "[plugin ");
    text_add(&g->ini, json_text(json_get(plugin, S("name"))));
    text_lit(&g->ini, "]\n");
    return add_line(g, S("path"), file) && add_anchor(g, plugin) && add_options(g, plugin);
}

/* --- which files --- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t list_files(struct cli *c, const char *folder, const char *files[PLUGINS_MAX])
{
    size_t count = 0;
    DIR *d = opendir(folder);
    for (const struct dirent *e = d ? readdir(d) : NULL; e && count < PLUGINS_MAX; e = readdir(d))
        if (slice_ends(slice_text(e->d_name), S(".so")))
            files[count++] = c_text(c, arena_printf(&c->arena, "%s/%s", folder, e->d_name));
    if (d)
        (void)closedir(d);
    if (count)
        qsort(files, count, sizeof *files, by_name);
    return count;
}

static bool is_wanted(struct gathering *g, const json *plugin)
{
    if (!plugin || !has_tee(plugin, g->tee))
        return false;
    if (is_insecure(plugin) && !g->options->allow_insecure) {
        g->insecure = json_text(json_get(plugin, S("name")));
        return false;
    }
    return g->tee.len || !wants_options(plugin);
}

/* The INI cannot be written while plugins are looked at, for both use the arena. */
static bool gather(struct gathering *g)
{
    char error[1024];
    const char *files[PLUGINS_MAX], *taken[PLUGINS_MAX];
    size_t count = list_files(g->cli, g->folder, files);
    for (size_t i = 0; i < count && !(g->tee.len && g->count); i++) {
        const json *plugin = dump(g->cli, files[i], error, sizeof error);
        if (!is_wanted(g, plugin))
            continue;
        taken[g->count] = files[i];
        g->found[g->count++] = plugin;
    }
    g->ini = text_begin(&g->cli->arena);
    for (size_t i = 0; i < g->count; i++)
        if (!add_section(g, g->found[i], taken[i]))
            return false;
    return true;
}

static void find_verifiers(struct verifiers *v, const json *plugin)
{
    const json *tees = json_get(plugin, S("tees"));
    for (const json *t = json_next(tees, NULL, NULL); t && v->count < TEES_MAX; t = json_next(tees, t, NULL)) {
        const struct verifier *one = plugins_verifier(v->plugins, json_text(json_get(t, S("name"))));
        if (one)
            v->at[v->count++] = one;
    }
}

static int say_nothing_found(const struct gathering *g)
{
    if (g->insecure.len)
        return say(EXIT_USAGE, "the plugin '%.*s' proves nothing and is for tests; say --allow-insecure to use it",
                   SLICE_ARG(g->insecure));
    if (!g->tee.len)
        return say(EXIT_USAGE, "there are no verifiers in %s; --plugins says where they are", g->folder);
    return say(EXIT_USAGE, "no plugin in %s verifies the TEE '%.*s'; --plugins says where they are", g->folder,
               SLICE_ARG(g->tee));
}

static int load(struct gathering *g, struct ini *ini, struct verifiers *out)
{
    char error[1024] = "";
    struct plugin_settings settings = {slice_text(g->folder), g->options->allow_insecure};
    if (FAILED(plugins_load(ini, &settings, &out->plugins, error, sizeof error)))
        return say(EXIT_USAGE, "%s", error);
    for (size_t i = 0; i < g->count; i++)
        find_verifiers(out, g->found[i]);
    return 0;
}

/* --- the daemon's own sections --- */

static slice value_of(const struct ini_section *s, slice key)
{
    for (const struct ini_entry *e = s ? s->entries : NULL; e; e = e->next)
        if (slice_equal(e->key, key))
            return e->value;
    return NO_SLICE;
}

/* Leaves only the sections of plugins that verify. */
static int load_config(struct gathering *g, struct verifiers *out)
{
    struct cli *c = g->cli;
    char error[1024] = "";
    struct ini ini;
    if (FAILED(ini_read(&c->arena, g->options->config, &ini, error, sizeof error)))
        return say(EXIT_USAGE, "%s", error);
    slice folder = value_of(ini_section(&ini, S("plugins"), NO_SLICE), S("directory"));
    if (folder.len && !g->options->plugins)
        g->folder = c_text(c, folder);
    struct ini_section **at = &ini.sections;
    while (*at) {
        struct ini_section *s = *at;
        slice path = value_of(s, S("path"));
        if (!path.len)
            path = arena_printf(&c->arena, "%s/%.*s.so", g->folder, SLICE_ARG(s->name));
        const json *plugin = slice_equal(s->kind, S("plugin")) ? dump(c, c_text(c, path), error, sizeof error) : NULL;
        bool wanted = plugin && has_tee(plugin, NO_SLICE) && g->count < PLUGINS_MAX &&
                      (g->options->allow_insecure || !is_insecure(plugin));
        if (wanted)
            g->found[g->count++] = plugin;
        at = wanted ? &s->next : at;
        if (!wanted)
            *at = s->next;
    }
    return g->count ? load(g, &ini, out) : say_nothing_found(g);
}

static int load_defaults(struct gathering *g, struct verifiers *out)
{
    char error[1024] = "";
    struct ini ini;
    if (!gather(g))
        return EXIT_USAGE;
    slice text = text_end(&g->ini);
    if (!text.ptr)
        return say(EXIT_USAGE, "out of memory");
    if (!g->count)
        return say_nothing_found(g);
    if (g->options->trust_anchor && !g->anchored)
        return say(EXIT_USAGE, "--trust-anchor: this verifier has no option trust_anchor; its own options are told by "
                               "trusteed --help-plugin, and go with --option");
    if (FAILED(ini_parse(&g->cli->arena, S("trusteectl"), text, &ini, error, sizeof error)))
        return say(EXIT_USAGE, "%s", error);
    return load(g, &ini, out);
}

int verifiers_load(struct cli *c, const struct verifier_options *options, slice tee, struct verifiers *out)
{
    char folder[PATH_MAX] = "";
    struct gathering g = {.cli = c, .options = options, .tee = tee, .folder = folder};
    *out = (struct verifiers){0};
    if (!options->plugins)
        find_plugins(folder);
    else if (!realpath(options->plugins, folder))
        return say(EXIT_USAGE, "--plugins %s: there is no such folder", options->plugins);
    int code = options->config ? load_config(&g, out) : load_defaults(&g, out);
    if (!code && !out->count) {
        verifiers_free(out);
        return say_nothing_found(&g);
    }
    return code;
}

void verifiers_free(struct verifiers *v)
{
    if (v->plugins)
        plugins_free(v->plugins);
    *v = (struct verifiers){0};
}

/* --- judging --- */

result judge_item(const struct judgement *j, const struct collateral_item *item, struct collateral_facts *facts)
{
    struct trustee_request req;
    trustee_collateral given = {item->kind, item->key, item->bytes, item->chain};
    trustee_collateral_facts found = {.size = sizeof found};
    request_begin(&req, j->scratch, NULL, j->record, 0);
    result r = plugins_judge_collateral(j->verifiers->plugins, &req, &given, j->now, &found);
    request_end(&req);
    *facts = (struct collateral_facts){found.issued, found.not_after, found.number};
    return r;
}

void explain_reason(const struct verifiers *v, slice reason, slice *text, slice *remedy)
{
    const trustee_reason *own = v->plugins ? plugins_reason(v->plugins, reason) : NULL;
    *text = own ? own->text : NO_SLICE;
    *remedy = own ? own->remedy : NO_SLICE;
    for (unsigned i = REASON_OK + 1; !own && i < REASON_COUNT; i++)
        if (slice_equal(reason, slice_text(reason_id((enum reason)i)))) {
            *text = slice_text(reason_text((enum reason)i));
            *remedy = slice_text(reason_remedy((enum reason)i));
        }
}

/* --- sources --- */

int take_sources(struct cli *c, struct sources *out)
{
    char error[512];
    const char *path;
    *out = (struct sources){.count = 0};
    while ((path = take_option(c, "--collateral"))) {
        if (out->count == SOURCES_MAX)
            return say(EXIT_USAGE, "at most %d times --collateral", SOURCES_MAX);
        if (FAILED(collateral_offline_open(path, &out->at[out->count], error, sizeof error)))
            return say(EXIT_USAGE, "--collateral %s: %s", path, error);
        out->paths[out->count++] = path;
    }
    return 0;
}

void sources_close(struct sources *s)
{
    for (size_t i = 0; i < s->count; i++)
        collateral_offline_close(s->at[i]);
    s->count = 0;
}

/* --- texts --- */

bool parse_time(const char *text, int64_t *out)
{
    uint64_t seconds;
    if (slice_u64(slice_text(text), &seconds) && seconds <= (uint64_t)INT32_MAX * 64) {
        *out = (int64_t)seconds;
        return true;
    }
    return rfc3339_parse(slice_text(text), out);
}

const char *time_text(struct cli *c, int64_t seconds)
{
    uint8_t text[RFC3339_SIZE];
    if (!seconds || !rfc3339_format(seconds, text))
        return "-";
    return c_text(c, slice_of(text, sizeof text));
}
