/* SPDX-License-Identifier: Apache-2.0
 *
 * From [plugin …] sections to running plugins: all of them, or none.
 */
#include "core/plugin/internal.h"

#include <stdlib.h>

#include "core/log/log.h"

#define ARENA_SIZE ((size_t)64 << 20) /* of addresses: memory that is never touched costs none */

struct loading {
    struct bind bind;
    const struct plugin_settings *settings;
    struct plugins *all;
};

/* Messages of one section point at its header, and name the plugin. */
struct section_blame {
    struct blame blame;
    struct ini where;
};

/* --- no name twice --- */

static const struct plugin *named(const struct plugins *all, slice name)
{
    const struct plugin *p = all->first;
    while (p && !slice_equal(slice_text(p->name), name))
        p = p->next;
    return p;
}

static result add_verifiers(const struct blame *b, struct plugins *all, struct plugin *p)
{
    for (uint64_t i = 0; p->verifier && i < p->verifier->tee_count; i++) {
        const struct verifier *twin = plugins_verifier(all, p->tees[i].name);
        if (twin)
            return refuse(b, "TEE '%.*s' is served by plugin '%s' already; load only one of the two",
                          SLICE_ARG(p->tees[i].name), twin->plugin->name);
        if (all->verifier_count == VERIFIERS_MAX)
            return refuse(b, "more than %d TEEs are served; load fewer verifiers", VERIFIERS_MAX);
        all->verifiers[all->verifier_count++] = (struct verifier){p, p->tees[i]};
    }
    return OK;
}

static result add_engine(const struct blame *b, struct plugins *all, struct plugin *p)
{
    if (!p->policy)
        return OK;
    const struct engine *twin = plugins_engine(all, p->policy->language);
    if (twin)
        return refuse(b, "policies in '%.*s' are evaluated by plugin '%s' already; load only one of the two",
                      SLICE_ARG(p->policy->language), twin->plugin->name);
    if (all->engine_count == ENGINES_MAX)
        return refuse(b, "more than %d policy engines; load fewer", ENGINES_MAX);
    all->engines[all->engine_count++] = (struct engine){p};
    return OK;
}

static result add_store(const struct blame *b, struct plugins *all, struct plugin *p)
{
    if (!p->storage)
        return OK;
    if (all->store_count == STORES_MAX)
        return refuse(b, "more than %d storages; load fewer", STORES_MAX);
    all->stores[all->store_count++] = (struct store){p};
    return OK;
}

static result add_interfaces(const struct blame *b, struct plugins *all, struct plugin *p)
{
    TRY(add_verifiers(b, all, p));
    TRY(add_engine(b, all, p));
    return add_store(b, all, p);
}

/* --- one plugin --- */

static slice default_path(struct arena *a, slice directory, slice name)
{
    return arena_printf(a, "%.*s%s%.*s.so", SLICE_ARG(directory), slice_ends(directory, S("/")) ? "" : "/",
                        SLICE_ARG(name));
}

static result check_policy(const struct blame *b, const struct loading *l, const struct plugin *p, slice section)
{
    if (!slice_equal(slice_text(p->name), section))
        return refuse(b, "%.*s is plugin '%s'; name the section [plugin %s], or set 'path' to the file of '%.*s'",
                      SLICE_ARG(p->file), p->name, p->name, SLICE_ARG(section));
    const struct plugin *twin = named(l->all, section);
    if (twin)
        return refuse(b, "a plugin of this name is loaded already, from %.*s", SLICE_ARG(twin->file));
    if (p->insecure && !l->settings->allow_insecure)
        return refuse(b, "it proves nothing (it is for tests) and is refused; for tests set allow_insecure = yes in "
                         "[plugins], else remove this section");
    return OK;
}

static result refuse_start(const struct blame *b, const struct plugin *p, const char *step, trustee_status status)
{
    return refuse(b, "its %s answered %s: %s", step, status_name(status),
                  *p->complaint ? p->complaint : "it did not log why");
}

static result start(const struct blame *b, struct plugin *p)
{
    host_fill(p);
    pthread_mutex_init(&p->turn, NULL);
    TRY(cache_new(&p->cache));
    p->starting = true;
    trustee_status status = p->about.init(&p->host, &p->conf, &p->instance);
    if (status != TRUSTEE_OK)
        return refuse_start(b, p, "init", status);
    p->running = true;
    *p->complaint = 0;
    status = p->about.self_test ? p->about.self_test(p->instance) : TRUSTEE_OK;
    if (status != TRUSTEE_OK)
        return refuse_start(b, p, "self test", status);
    p->starting = false;
    log_info("plugin", "%s %.*s loaded from %.*s, SHA-256 %s%s", p->name, SLICE_ARG(p->about.version),
             SLICE_ARG(p->file), p->sha256, p->insecure ? ", INSECURE: it proves nothing" : "");
    return OK;
}

/* A storage knows only from its options whether its calls may wait, so its flags count as they are after init. */
static result take_flags(struct arena *a, struct plugin *p)
{
    for (uint32_t i = 0; p->storage && i < p->about.interface_count; i++) {
        const trustee_interface *row = &p->about.interfaces[i];
        if (row->major != TRUSTEE_STORAGE_MAJOR || !slice_equal(row->kind, S("storage")))
            continue;
        trustee_storage *s = arena_new(a, trustee_storage);
        ENSURE(s, NO_MEMORY);
        *s = *p->storage;
        s->flags = ((const trustee_storage *)row->vtable)->flags;
        p->storage = s;
    }
    return OK;
}

static result load_one(const struct loading *l, const struct blame *b, struct ini_section *s)
{
    struct common_options common;
    struct plugin_file file;
    struct plugin *p = arena_new(&l->all->arena, struct plugin);
    ENSURE(p, NO_MEMORY);
    TRY(options_common(&l->bind, s, &common));
    slice path = common.path.len ? arena_copy(&l->all->arena, common.path)
                                 : default_path(&l->all->arena, l->settings->directory, s->name);
    TRY(plugin_open(b, l->settings->directory, path, common.sha256, &file));
    TRY(plugin_describe(b, &l->all->arena, &file, p));
    TRY(check_policy(b, l, p, s->name));
    TRY(options_bind(&l->bind, s, l->all, p));
    TRY(add_interfaces(b, l->all, p));
    /* From here on plugins_free() takes care of it. */
    *l->all->last = p;
    l->all->last = &p->next;
    TRY(start(b, p));
    return take_flags(&l->all->arena, p);
}

/* Every message of a section begins with its position and the plugin's name. */
static result load_section(const struct loading *l, struct ini_section *s)
{
    char text[1024];
    struct ini nowhere = {.file = s->name};
    struct blame b = {&nowhere, 0, 0, text, sizeof text};
    s->used = true;
    if (s->name.len == 0) {
        ini_error(l->bind.ini, s->line, s->column, l->bind.error, l->bind.error_size,
                  "the section lacks the plugin's name; expected [plugin NAME]");
        return FAIL(CONFIG_VALUE);
    }
    result r = load_one(l, &b, s);
    if (r.reason == PLUGIN_LOAD)
        ini_error(l->bind.ini, s->line, s->column, l->bind.error, l->bind.error_size, "plugin %s", text);
    else if (FAILED(r) && r.reason != CONFIG_VALUE)
        ini_error(l->bind.ini, s->line, s->column, l->bind.error, l->bind.error_size, "plugin %.*s: %s",
                  SLICE_ARG(s->name), reason_text((enum reason)r.reason));
    return r;
}

result plugins_load(const struct ini *ini, const struct plugin_settings *settings, struct plugins **out, char *error,
                    size_t error_size)
{
    struct plugins *all = calloc(1, sizeof *all);
    *out = NULL;
    if (error_size)
        *error = 0;
    ENSURE(all, NO_MEMORY);
    all->last = &all->first;
    all->restricted = settings->restricted;
    result r = arena_map(&all->arena, ARENA_SIZE, ARENA_PLAIN);
    struct loading l = {{ini, &all->arena, error, error_size}, settings, all};
    for (struct ini_section *s = ini->sections; s && !FAILED(r); s = s->next)
        if (slice_equal(s->kind, S("plugin")))
            r = load_section(&l, s);
    if (FAILED(r))
        plugins_free(all);
    else
        *out = all;
    return r;
}

static void stop(struct plugin *p)
{
    if (!p)
        return;
    /* The last one loaded goes first. */
    stop(p->next);
    cache_free(p->cache);
    if (p->running)
        p->about.fini(p->instance);
    pthread_mutex_destroy(&p->turn);
}

void plugins_free(struct plugins *p)
{
    if (!p)
        return;
    stop(p->first);
    arena_unmap(&p->secrets);
    arena_unmap(&p->arena);
    free(p);
}

void plugins_flush(struct plugins *p)
{
    cache_next_generation();
    for (struct plugin *one = p->first; one; one = one->next)
        cache_sweep(one->cache);
}

/* --- looking up --- */

const trustee_reason *plugins_reason(const struct plugins *p, slice id)
{
    for (const struct plugin *one = p->first; one; one = one->next)
        for (uint32_t i = 0; i < one->about.reason_count; i++)
            if (slice_equal(one->about.reasons[i].id, id))
                return &one->about.reasons[i];
    return NULL;
}

size_t plugins_info(const struct plugins *p, struct plugin_info *out, size_t room)
{
    size_t count = 0;
    for (const struct plugin *one = p->first; one && count < room; one = one->next)
        out[count++] = (struct plugin_info){
            .name = slice_text(one->name),
            .version = one->about.version,
            .vendor = one->about.vendor,
            .kind = one->verifier ? S("verifier")
                    : one->policy ? S("policy")
                                  : S("storage"),
            .file = one->file,
            .sha256 = slice_text(one->sha256),
            .insecure = one->insecure,
        };
    return count;
}
