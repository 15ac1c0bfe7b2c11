/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/store_host.h"

#include <stdio.h>
#include <sys/random.h>

struct trustee_sink {
    struct answer *answer;
};

struct trustee_conf {
    const struct store_host *host;
};

static void host_log(void *ctx, uint32_t level, slice text)
{
    struct store_host *h = ctx;
    pthread_mutex_lock(&h->lock);
    h->warnings += level == TRUSTEE_LOG_WARN;
    h->errors += level == TRUSTEE_LOG_ERROR;
    int n = snprintf(h->log + h->log_size, sizeof h->log - h->log_size, "%.*s\n", SLICE_ARG(text));
    if (n > 0 && (size_t)n < sizeof h->log - h->log_size)
        h->log_size += (size_t)n;
    pthread_mutex_unlock(&h->lock);
}

static trustee_status conf_nth(const trustee_conf *conf, slice name, uint64_t n, slice *out)
{
    const struct store_host *h = conf->host;
    if (slice_equal(name, S("directory")) && n == 0)
        *out = slice_text(h->directory);
    else if (slice_equal(name, S("secret_folder")) && n < h->folder_count)
        *out = slice_text(h->folders[n]);
    else
        return TRUSTEE_NOT_FOUND;
    return TRUSTEE_OK;
}

static trustee_status conf_text(const trustee_conf *conf, slice name, slice *out)
{
    return conf_nth(conf, name, 0, out);
}

static uint8_t *sink_reserve(trustee_sink *sink, uint64_t size)
{
    struct answer *a = sink->answer;
    a->reserves++;
    if (a->on_reserve)
        a->on_reserve(a->user);
    return size <= a->limit ? a->room : NULL;
}

static trustee_status sink_commit(trustee_sink *sink, uint64_t size)
{
    sink->answer->commits++;
    sink->answer->size = size;
    return TRUSTEE_OK;
}

static trustee_status sink_name(trustee_sink *sink, slice name, uint64_t size)
{
    struct answer *a = sink->answer;
    int n =
        snprintf(a->text + a->size, sizeof a->text - a->size, "%.*s %llu\n", SLICE_ARG(name), (unsigned long long)size);
    a->names++;
    if (n < 0 || (size_t)n >= sizeof a->text - a->size)
        return TRUSTEE_E_LIMIT;
    a->size += (size_t)n;
    return TRUSTEE_OK;
}

static trustee_status host_random(void *ctx, uint8_t *bytes, uint64_t size)
{
    (void)ctx;
    return getrandom(bytes, size, 0) == (ssize_t)size ? TRUSTEE_OK : TRUSTEE_E_INTERNAL;
}

void store_host_begin(struct store_host *h, const char *directory)
{
    *h = (struct store_host){.directory = directory};
    pthread_mutex_init(&h->lock, NULL);
    h->table = (trustee_host){
        .size = sizeof h->table,
        .ctx = h,
        .log = host_log,
        .conf_text = conf_text,
        .conf_nth = conf_nth,
        .sink_reserve = sink_reserve,
        .sink_commit = sink_commit,
        .sink_name = sink_name,
        .random = host_random,
    };
}

void store_host_folder(struct store_host *h, const char *folder)
{
    if (h->folder_count < STORE_FOLDERS_MAX)
        h->folders[h->folder_count++] = folder;
}

trustee_status store_host_open(struct store_host *h, const trustee_plugin *plugin)
{
    struct trustee_conf conf = {h};
    h->plugin = plugin;
    h->store = plugin->interfaces[0].vtable;
    return plugin->init(&h->table, &conf, &h->instance);
}

void store_host_close(struct store_host *h)
{
    if (h->instance)
        h->plugin->fini(h->instance);
    h->instance = NULL;
    h->log_size = h->warnings = h->errors = 0;
    h->log[0] = 0;
}

void host_get(struct store_host *h, const char *space, slice key, struct answer *a)
{
    struct trustee_sink sink = {a};
    a->size = a->reserves = a->commits = 0;
    a->status = h->store->get(h->instance, NULL, slice_text(space), key, &sink);
}

void host_list(struct store_host *h, const char *space, const char *prefix, struct answer *a)
{
    struct trustee_sink sink = {a};
    a->size = a->names = 0;
    a->text[0] = 0;
    a->status = h->store->list(h->instance, NULL, slice_text(space), slice_text(prefix), &sink);
}

trustee_status host_put(struct store_host *h, const char *space, slice key, slice value, uint64_t flags)
{
    return h->store->put(h->instance, NULL, slice_text(space), key, value, flags);
}

trustee_status host_del(struct store_host *h, const char *space, slice key)
{
    return h->store->del(h->instance, NULL, slice_text(space), key);
}
