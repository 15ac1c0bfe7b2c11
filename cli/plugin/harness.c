/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plugin/harness.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/conf/bind.h"

#define ARENA_SIZE ((size_t)64 << 20)
#define FILE_MAX ((size_t)1 << 20)

const char *status_text(trustee_status s)
{
    static const char *const good[] = {"OK", "REJECT", "NEED", "NOT_FOUND"};
    static const char *const bad[] = {"E_INVAL", "E_NOMEM", "E_LIMIT", "E_NOTSUP", "E_CONFIG", "E_AGAIN", "E_INTERNAL"};
    if (!status_is_known(s))
        return "a number that is not in abi.h";
    return s >= 0 ? good[s] : bad[-s - 1];
}

bool status_is_known(trustee_status s)
{
    return s >= TRUSTEE_E_INTERNAL && s <= TRUSTEE_NOT_FOUND;
}

/* --- tables of other versions: what is there is copied, the rest is zero --- */

static void take(void *out, size_t room, const void *from, size_t size)
{
    memset(out, 0, room);
    memcpy(out, from, size < room ? size : room);
}

static const void *row(const void *rows, uint32_t size, uint64_t n)
{
    return (const uint8_t *)rows + n * size;
}

trustee_option harness_option(const struct harness *h, uint32_t n)
{
    trustee_option o;
    take(&o, sizeof o, row(h->about.options, h->about.option_size, n), h->about.option_size);
    return o;
}

trustee_tee harness_tee(const struct harness *h, uint64_t n)
{
    trustee_tee t;
    take(&t, sizeof t, row(h->verifier.tees, h->verifier.tee_size, n), h->verifier.tee_size);
    return t;
}

static uint32_t size_of_table(const void *table)
{
    uint32_t size;
    memcpy(&size, table, sizeof size);
    return size;
}

static void take_interface(struct harness *h, const trustee_interface *i)
{
    uint32_t size = size_of_table(i->vtable);
    if (slice_equal(i->kind, S("verifier")) && i->major == TRUSTEE_VERIFIER_MAJOR) {
        take(&h->verifier, sizeof h->verifier, i->vtable, size);
        h->verifies = true;
    } else if (slice_equal(i->kind, S("policy")) && i->major == TRUSTEE_POLICY_MAJOR) {
        take(&h->policy, sizeof h->policy, i->vtable, size);
        h->evaluates = true;
    } else if (slice_equal(i->kind, S("storage")) && i->major == TRUSTEE_STORAGE_MAJOR) {
        take(&h->storage, sizeof h->storage, i->vtable, size);
        h->stores = true;
    }
}

bool harness_open(struct harness *h, const struct target *t, struct report *r)
{
    trustee_plugin_describe_fn describe = NULL;
    *h = (struct harness){.report = r, .target = t};
    pthread_mutex_init(&h->turn, NULL);
    pthread_mutex_init(&h->lock, NULL);
    if (FAILED(arena_map(&h->arena, ARENA_SIZE, ARENA_PLAIN)))
        return false;
    void *handle = dlopen(t->file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void *symbol = handle ? dlsym(handle, TRUSTEE_PLUGIN_SYMBOL) : NULL;
    memcpy(&describe, &symbol, sizeof symbol);
    const trustee_plugin *p = describe ? describe() : NULL;
    if (!p)
        return false;
    take(&h->about, sizeof h->about, p, p->size);
    for (uint32_t i = 0; i < p->interface_count; i++) {
        trustee_interface one;
        take(&one, sizeof one, row(p->interfaces, p->interface_size, i), p->interface_size);
        take_interface(h, &one);
    }
    host_table(h);
    return true;
}

/* --- options --- */

static struct bind_rule rule_of(const trustee_option *o)
{
    static const enum bind_type types[] = {BIND_TEXT,     BIND_BOOL, BIND_NUMBER, BIND_SIZE,
                                           BIND_DURATION, BIND_PATH, BIND_PATH};
    bool ranged = o->type >= TRUSTEE_OPTION_NUMBER && o->type <= TRUSTEE_OPTION_DURATION;
    return (struct bind_rule){.type = types[o->type], .min = ranged ? o->min : 0, .max = ranged ? o->max : 0};
}

void harness_unset(struct harness *h, slice name)
{
    size_t kept = 0;
    for (size_t i = 0; i < h->setting_count; i++)
        if (!slice_equal(h->settings[i].name, name))
            h->settings[kept++] = h->settings[i];
    h->setting_count = kept;
}

bool harness_set(struct harness *h, const trustee_option *o, slice text, slice file)
{
    struct bind_rule rule = rule_of(o);
    struct bind_value v;
    char expected[256];
    if (h->setting_count == SETTINGS_MAX || !bind_parse(&rule, text, &v, expected, sizeof expected))
        return false;
    h->settings[h->setting_count++] =
        (struct setting){.name = o->name, .text = v.text, .file = file, .number = v.number, .type = o->type};
    return true;
}

static bool read_whole(struct arena *a, const char *path, slice *out)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t size = fd >= 0 && fstat(fd, &status) == 0 && (size_t)status.st_size <= FILE_MAX ? (size_t)status.st_size : 0;
    uint8_t *room = fd >= 0 ? arena_alloc(a, size + 1, 1) : NULL;
    bool good = room && read(fd, room, size) == (ssize_t)size;
    *out = slice_of(room, size);
    if (fd >= 0)
        (void)close(fd);
    return good;
}

/* A value of the command line. Paths there are relative to where it was given. */
static bool set_given(struct harness *h, const trustee_option *o, const char *value, char *why, size_t size)
{
    char room[PATH_MAX];
    slice file = NO_SLICE, text = slice_text(value);
    if ((o->type == TRUSTEE_OPTION_FILE || o->type == TRUSTEE_OPTION_PATH) && realpath(value, room))
        text = arena_printf(&h->arena, "%s", room);
    if (o->type == TRUSTEE_OPTION_FILE && !read_whole(&h->arena, value, &file))
        return (void)snprintf(why, size, "the file %s of option %.*s cannot be read", value, SLICE_ARG(o->name)), false;
    if (harness_set(h, o, text, file))
        return true;
    return (void)snprintf(why, size, "'%s' does not fit the option %.*s", value, SLICE_ARG(o->name)), false;
}

static bool set_from_command(struct harness *h, const trustee_option *o, bool *given, char *why, size_t size)
{
    const struct target *t = h->target;
    for (size_t i = 0; i < t->option_count; i++) {
        const char *equals = strchr(t->options[i], '=');
        if (!equals || !slice_equal(slice_of(t->options[i], (size_t)(equals - t->options[i])), o->name))
            continue;
        *given = true;
        if (!set_given(h, o, equals + 1, why, size))
            return false;
    }
    return true;
}

static bool settle(struct harness *h, const trustee_option *o, char *why, size_t size)
{
    bool given = false;
    if (!set_from_command(h, o, &given, why, size))
        return false;
    if (given)
        return true;
    if (o->flags & TRUSTEE_OPTION_REQUIRED && o->type == TRUSTEE_OPTION_PATH)
        return harness_set(h, o, slice_text(h->target->folder), NO_SLICE);
    if (o->flags & TRUSTEE_OPTION_REQUIRED)
        return (void)snprintf(why, size, "it requires the option %.*s: say --option %.*s=VALUE", SLICE_ARG(o->name),
                              SLICE_ARG(o->name)),
               false;
    slice text = arena_printf(&h->arena, "%.*s", SLICE_ARG(o->fallback));
    return text.len == 0 || set_given(h, o, (const char *)text.ptr, why, size);
}

bool harness_settle(struct harness *h, char *why, size_t size)
{
    h->setting_count = 0;
    for (uint32_t i = 0; i < h->about.option_count; i++) {
        trustee_option o = harness_option(h, i);
        if (!settle(h, &o, why, size))
            return false;
    }
    return true;
}

/* --- life --- */

trustee_status harness_start(struct harness *h)
{
    uint64_t slowest = h->report->slowest_ns; /* starting may take its time */
    *h->complaint = 0;
    struct call_watch w = call_begin(h->report, "init");
    trustee_status s = h->about.init(&h->table, (const trustee_conf *)(const void *)h, &h->instance);
    call_end(h->report, &w);
    h->report->slowest_ns = slowest;
    if (!status_is_known(s))
        report_find(h->report, "answer one of the values of <trustee/abi.h>", "init answered %d, which is not in abi.h",
                    (int)s);
    if (s != TRUSTEE_OK)
        return s;
    h->running = true;
    if (!h->about.self_test)
        return s;
    w = call_begin(h->report, "self_test");
    s = h->about.self_test(h->instance);
    call_end(h->report, &w);
    h->report->slowest_ns = slowest;
    return s;
}

void harness_stop(struct harness *h)
{
    harness_drop_kept(h);
    if (!h->running)
        return;
    struct call_watch w = call_begin(h->report, "fini");
    h->about.fini(h->instance);
    call_end(h->report, &w);
    h->running = false;
    h->instance = NULL;
}

bool harness_ready(struct harness *h, const struct target *t, struct report *r)
{
    char why[256];
    return harness_open(h, t, r) && harness_settle(h, why, sizeof why) && harness_start(h) == TRUSTEE_OK;
}

void harness_enter(struct harness *h)
{
    if (h->about.thread_model == TRUSTEE_THREADS_SERIAL)
        pthread_mutex_lock(&h->turn);
}

void harness_leave(struct harness *h)
{
    if (h->about.thread_model == TRUSTEE_THREADS_SERIAL)
        pthread_mutex_unlock(&h->turn);
}
