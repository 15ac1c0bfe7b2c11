/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads a storage plugin and does what the lines of the standard input say, one answer a line:
 *
 *     store_plugin PLUGIN.so [OPTION=VALUE]…
 *
 *     put SPACE KEY VALUE | new SPACE KEY VALUE | get SPACE KEY LIMIT | del SPACE KEY | list SPACE PREFIX|-
 *     cancel MILLISECONDS       requests from now on are cancelled so long after they began
 *
 * An answer is the status, then the value, or the names with their sizes. Exit code 2: the plugin refuses its options.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <trustee/storage.h>

#include "lib/base/bytes.h"

struct trustee_conf {
    const trustee_plugin *plugin;
    char **given; /* OPTION=VALUE, ended by NULL */
};
struct trustee_sink {
    uint64_t limit, size;
};
struct trustee_request {
    uint64_t begin_ms;
};

static uint8_t room[1 << 20];
static uint64_t cancel_ms;

static uint64_t now_ms(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- the host --- */

static void host_log(void *ctx, uint32_t level, slice text)
{
    (void)ctx, (void)level;
    fprintf(stderr, "%.*s\n", SLICE_ARG(text));
}

static trustee_status conf_text(const trustee_conf *conf, slice name, slice *out)
{
    for (char **g = conf->given; *g; g++) {
        slice rest = slice_text(*g), key;
        if (slice_split(&rest, '=', &key) && slice_equal(key, name)) {
            *out = rest;
            return TRUSTEE_OK;
        }
    }
    for (uint32_t i = 0; i < conf->plugin->option_count; i++)
        if (slice_equal(conf->plugin->options[i].name, name) && conf->plugin->options[i].fallback.len) {
            *out = conf->plugin->options[i].fallback;
            return TRUSTEE_OK;
        }
    return TRUSTEE_NOT_FOUND;
}

static trustee_status conf_u64(const trustee_conf *conf, slice name, uint64_t *out)
{
    slice text;
    if (conf_text(conf, name, &text) != TRUSTEE_OK)
        return TRUSTEE_NOT_FOUND;
    if (slice_ends(text, S("s")))
        text.len--;
    return slice_u64(text, out) ? TRUSTEE_OK : TRUSTEE_E_CONFIG;
}

static trustee_status conf_bool(const trustee_conf *conf, slice name, uint32_t *out)
{
    slice text;
    if (conf_text(conf, name, &text) != TRUSTEE_OK)
        return TRUSTEE_NOT_FOUND;
    *out = slice_equal(text, S("yes"));
    return TRUSTEE_OK;
}

static trustee_status conf_file(const trustee_conf *conf, slice name, uint64_t n, slice *out)
{
    (void)conf, (void)name, (void)n, (void)out;
    return TRUSTEE_NOT_FOUND;
}

static uint8_t *sink_reserve(trustee_sink *sink, uint64_t size)
{
    return size <= sink->limit ? room : NULL;
}

static trustee_status sink_commit(trustee_sink *sink, uint64_t size)
{
    sink->size = size;
    return TRUSTEE_OK;
}

static trustee_status sink_name(trustee_sink *sink, slice name, uint64_t size)
{
    (void)sink;
    printf(" %.*s:%" PRIu64, SLICE_ARG(name), size);
    return TRUSTEE_OK;
}

static uint32_t cancelled(trustee_request *req)
{
    return cancel_ms && now_ms() - req->begin_ms >= cancel_ms;
}

/* --- commands --- */

struct line {
    char command[16], space[64], key[512], value[512];
};

static void answer(const trustee_storage *store, void *instance, const struct line *l)
{
    struct trustee_request req = {now_ms()};
    struct trustee_sink sink = {.limit = strtoull(l->value, NULL, 10)};
    slice space = slice_text(l->space), key = slice_text(l->key), value = slice_text(l->value);
    trustee_status status = TRUSTEE_E_INVAL;
    if (strcmp(l->command, "put") == 0)
        status = store->put(instance, &req, space, key, value, 0);
    else if (strcmp(l->command, "new") == 0)
        status = store->put(instance, &req, space, key, value, TRUSTEE_PUT_NEW);
    else if (strcmp(l->command, "del") == 0)
        status = store->del(instance, &req, space, key);
    else if (strcmp(l->command, "get") == 0)
        status = store->get(instance, &req, space, key, &sink);
    else if (strcmp(l->command, "list") == 0)
        status = store->list(instance, &req, space, slice_equal(key, S("-")) ? NO_SLICE : key, &sink);
    if (status == TRUSTEE_OK && sink.size)
        printf(" %.*s", SLICE_ARG(slice_of(room, sink.size)));
    printf(" = %d\n", status);
    (void)fflush(stdout);
}

int main(int count, char **arguments)
{
    void *file = count > 1 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    void *symbol = file ? dlsym(file, TRUSTEE_PLUGIN_SYMBOL) : NULL;
    trustee_plugin_describe_fn describe;
    if (!symbol) {
        fprintf(stderr, "usage: store_plugin PLUGIN.so [OPTION=VALUE]…\n");
        return 1;
    }
    memcpy(&describe, &symbol, sizeof describe);
    const trustee_plugin *plugin = describe();
    const trustee_host host = {.size = sizeof host,
                               .log = host_log,
                               .conf_text = conf_text,
                               .conf_u64 = conf_u64,
                               .conf_bool = conf_bool,
                               .conf_file = conf_file,
                               .sink_reserve = sink_reserve,
                               .sink_commit = sink_commit,
                               .sink_name = sink_name,
                               .cancelled = cancelled};
    struct trustee_conf conf = {plugin, arguments + 2};
    void *instance = NULL;
    if (plugin->init(&host, &conf, &instance) != TRUSTEE_OK)
        return 2;
    char text[2048];
    while (fgets(text, sizeof text, stdin)) {
        struct line l = {.command = ""};
        int n = sscanf(text, "%15s %63s %511s %511s", l.command, l.space, l.key, l.value);
        if (n == 2 && strcmp(l.command, "cancel") == 0)
            cancel_ms = strtoull(l.space, NULL, 10);
        else
            answer(plugin->interfaces[0].vtable, instance, &l);
    }
    plugin->fini(instance);
    return 0;
}
