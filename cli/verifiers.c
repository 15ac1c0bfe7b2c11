/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon's verifiers without the daemon. A plugin is looked at before it is loaded: only what verifies is wanted
 * here, and nothing that needs options that nobody has given.
 */
#include "cli/verifiers.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/log/log.h"
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
    const char *files[PLUGINS_MAX];
    size_t count;
    bool anchored;    /* some plugin has taken the trust anchor */
    char error[1024]; /* why one did not */
    slice insecure;   /* name of a plugin that was left out for this */
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

static bool takes_anchor(const struct gathering *g, const json *plugin)
{
    return g->options->trust_anchor && option_of(plugin, S("trust_anchor"));
}

static bool add_anchor(struct gathering *g)
{
    char path[PATH_MAX];
    return add_line(g, S("trust_anchor"), absolute(g->options->trust_anchor, path));
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

/* The section of one plugin. */
static bool write_section(struct gathering *g, size_t nth, bool anchored, slice *out)
{
    const json *plugin = g->found[nth];
    g->ini = text_begin(&g->cli->arena);
    text_lit(&g->ini, "[plugin ");
    text_add(&g->ini, json_text(json_get(plugin, S("name"))));
    text_lit(&g->ini, "]\n");
    if (!add_line(g, S("path"), g->files[nth]) || (anchored && !add_anchor(g)) || !add_options(g, plugin))
        return false;
    *out = text_end(&g->ini);
    return out->ptr != NULL;
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

static void gather(struct gathering *g)
{
    char error[1024];
    const char *files[PLUGINS_MAX];
    size_t count = list_files(g->cli, g->folder, files);
    for (size_t i = 0; i < count && !(g->tee.len && g->count); i++) {
        const json *plugin = dump(g->cli, files[i], error, sizeof error);
        if (!is_wanted(g, plugin))
            continue;
        g->files[g->count] = files[i];
        g->found[g->count++] = plugin;
    }
}

static void find_verifiers(struct verifiers *v, const struct plugins *loaded, const json *plugin)
{
    const json *tees = json_get(plugin, S("tees"));
    for (const json *t = json_next(tees, NULL, NULL); t && v->count < TEES_MAX; t = json_next(tees, t, NULL)) {
        const struct verifier *one = plugins_verifier(loaded, json_text(json_get(t, S("name"))));
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

/* What a plugin logs while it starts is in the message already. */
static bool load(struct gathering *g, struct ini *ini, struct verifiers *out, struct plugins **loaded)
{
    struct plugin_settings settings = {slice_text(g->folder), g->options->allow_insecure, false};
    if (out->loaded_count == TEES_MAX)
        return false;
    log_set_level((enum log_level)(LOG_ERROR + 1));
    result r = plugins_load(ini, &settings, loaded, g->error, sizeof g->error);
    log_set_level(LOG_ERROR);
    if (!FAILED(r))
        out->loaded[out->loaded_count++] = *loaded;
    return !FAILED(r);
}

static bool load_one(struct gathering *g, size_t nth, bool anchored, struct verifiers *out)
{
    struct ini ini;
    slice text;
    struct plugins *loaded;
    if (!write_section(g, nth, anchored, &text) ||
        FAILED(ini_parse(&g->cli->arena, S("trusteectl"), text, &ini, g->error, sizeof g->error)) ||
        !load(g, &ini, out, &loaded))
        return false;
    find_verifiers(out, loaded, g->found[nth]);
    return true;
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
    struct plugins *loaded;
    if (!g->count)
        return say_nothing_found(g);
    if (!load(g, &ini, out, &loaded))
        return say(EXIT_USAGE, "%s", g->error);
    for (size_t i = 0; i < g->count; i++)
        find_verifiers(out, loaded, g->found[i]);
    return 0;
}

/* Among all verifiers an anchor is of one vendor; the others are loaded without it. */
static bool load_with_anchor(struct gathering *g, size_t nth, struct verifiers *out)
{
    bool taken = load_one(g, nth, true, out);
    g->anchored |= taken;
    return taken || (!g->tee.len && load_one(g, nth, false, out));
}

static int say_no_anchor(const struct gathering *g)
{
    if (*g->error)
        return say(EXIT_USAGE, "--trust-anchor %s: no verifier takes it; the last one said: %s",
                   g->options->trust_anchor, g->error);
    return say(EXIT_USAGE, "--trust-anchor: this verifier has no option trust_anchor; its own options are told by "
                           "trusteed --help-plugin, and go with --option");
}

static int load_defaults(struct gathering *g, struct verifiers *out)
{
    gather(g);
    if (!g->count)
        return say_nothing_found(g);
    for (size_t i = 0; i < g->count; i++) {
        bool anchor = takes_anchor(g, g->found[i]);
        char before[sizeof g->error];
        memcpy(before, g->error, sizeof before);
        if (!(anchor ? load_with_anchor(g, i, out) : load_one(g, i, false, out)))
            return *g->error ? say(EXIT_USAGE, "%s", g->error) : EXIT_USAGE;
        if (!anchor)
            memcpy(g->error, before, sizeof before);
    }
    return g->options->trust_anchor && !g->anchored ? say_no_anchor(g) : 0;
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
    if (!code && !out->count)
        code = say_nothing_found(&g);
    if (code)
        verifiers_free(out);
    return code;
}

void verifiers_free(struct verifiers *v)
{
    for (size_t i = 0; i < v->loaded_count; i++)
        plugins_free(v->loaded[i]);
    *v = (struct verifiers){0};
}

const struct verifier *verifiers_find(const struct verifiers *v, slice tee)
{
    const struct verifier *found = NULL;
    for (size_t i = 0; i < v->loaded_count && !found; i++)
        found = plugins_verifier(v->loaded[i], tee);
    return found;
}

/* --- judging --- */

result judge_item(const struct judgement *j, const struct collateral_item *item, struct collateral_facts *facts)
{
    result last = FAIL(PLUGIN_NOT_SUPPORTED);
    trustee_collateral given = {item->kind, item->key, item->bytes, item->chain};
    for (size_t i = 0; i < j->verifiers->loaded_count; i++) {
        struct trustee_request req;
        trustee_collateral_facts found = {.size = sizeof found};
        request_begin(&req, j->scratch, NULL, j->record, 0);
        result r = plugins_judge_collateral(j->verifiers->loaded[i], &req, &given, j->now, &found);
        request_end(&req);
        *facts = (struct collateral_facts){found.issued, found.not_after, found.number};
        if (!FAILED(r))
            return OK;
        last = r.reason == PLUGIN_NOT_SUPPORTED ? last : r;
    }
    return last;
}

void explain_reason(const struct verifiers *v, slice reason, slice *text, slice *remedy)
{
    const trustee_reason *own = NULL;
    for (size_t i = 0; i < v->loaded_count && !own; i++)
        own = plugins_reason(v->loaded[i], reason);
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
