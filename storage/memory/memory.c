/* SPDX-License-Identifier: Apache-2.0
 *
 * Storage in the memory of the service: gone when it stops. For tests, demonstrations and caches. Values are bounded in
 * sum and wiped before their memory is given back.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <trustee/storage.h>

#include "lib/base/bytes.h"

#define BUCKETS 1024u
#define ITEM_COST 128u /* bytes that an item takes besides space, key and value, roughly */

struct item {
    struct item *next;
    size_t space_length, key_length, value_length;
    uint8_t bytes[]; /* space, key, value */
};

struct memory {
    const trustee_host *host;
    pthread_rwlock_t lock;
    uint64_t capacity, used;
    struct item *buckets[BUCKETS];
};

static slice space_of(const struct item *i)
{
    return slice_of(i->bytes, i->space_length);
}

static slice key_of(const struct item *i)
{
    return slice_of(i->bytes + i->space_length, i->key_length);
}

static slice value_of(const struct item *i)
{
    return slice_of(i->bytes + i->space_length + i->key_length, i->value_length);
}

static uint64_t cost_of(const struct item *i)
{
    return ITEM_COST + i->space_length + i->key_length + i->value_length;
}

/* --- the table --- */

/* FNV-1a. Keys are chosen by administrators, not by clients. */
static size_t bucket_of(slice space, slice key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < space.len; i++)
        hash = (hash ^ space.ptr[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ key.ptr[i]) * UINT64_C(0x100000001b3);
    return hash % BUCKETS;
}

/* The link that leads to the item, or the end of its bucket. */
static struct item **find(struct memory *m, slice space, slice key)
{
    struct item **link = &m->buckets[bucket_of(space, key)];
    while (*link && !(slice_equal(space_of(*link), space) && slice_equal(key_of(*link), key)))
        link = &(*link)->next;
    return link;
}

static struct item *item_new(slice space, slice key, slice value)
{
    struct item *i = malloc(sizeof *i + space.len + key.len + value.len);
    if (!i)
        return NULL;
    *i = (struct item){.space_length = space.len, .key_length = key.len, .value_length = value.len};
    memcpy(i->bytes, space.ptr, space.len);
    memcpy(i->bytes + space.len, key.ptr, key.len);
    if (value.len)
        memcpy(i->bytes + space.len + key.len, value.ptr, value.len);
    return i;
}

static void item_free(struct item *i)
{
    if (!i)
        return;
    secret_wipe(i->bytes, i->space_length + i->key_length + i->value_length);
    free(i);
}

/* --- the interface --- */

static trustee_status get(void *instance, trustee_request *req, trustee_slice space, trustee_slice key,
                          trustee_sink *sink)
{
    struct memory *m = instance;
    trustee_status status = TRUSTEE_NOT_FOUND;
    (void)req;
    pthread_rwlock_rdlock(&m->lock);
    const struct item *i = *find(m, space, key);
    if (i) {
        slice value = value_of(i);
        uint8_t *room = m->host->sink_reserve(sink, value.len);
        if (room && value.len)
            memcpy(room, value.ptr, value.len);
        status = room ? m->host->sink_commit(sink, value.len) : TRUSTEE_E_LIMIT;
    }
    pthread_rwlock_unlock(&m->lock);
    return status;
}

/* Under the lock: puts the new item in the old one's place. The old one, or the new one if there is no room for it, is
 * left in *made for its end. */
static trustee_status replace(struct memory *m, struct item **made, uint64_t flags)
{
    struct item *fresh = *made, **link = find(m, space_of(fresh), key_of(fresh)), *old = *link;
    uint64_t freed = old ? cost_of(old) : 0;
    if (old && flags & TRUSTEE_PUT_NEW)
        return TRUSTEE_REJECT;
    if (cost_of(fresh) > m->capacity - (m->used - freed))
        return TRUSTEE_E_AGAIN;
    fresh->next = old ? old->next : NULL;
    *link = fresh;
    m->used += cost_of(fresh) - freed;
    *made = old;
    return TRUSTEE_OK;
}

static trustee_status put(void *instance, trustee_request *req, trustee_slice space, trustee_slice key,
                          trustee_slice value, uint64_t flags)
{
    struct memory *m = instance;
    (void)req;
    /* Told apart from a storage that is full: deleting others would not help. */
    if (value.len > m->capacity)
        return TRUSTEE_E_LIMIT;
    struct item *made = item_new(space, key, value);
    if (!made)
        return TRUSTEE_E_NOMEM;
    pthread_rwlock_wrlock(&m->lock);
    trustee_status status = replace(m, &made, flags);
    pthread_rwlock_unlock(&m->lock);
    item_free(made);
    return status;
}

static trustee_status del(void *instance, trustee_request *req, trustee_slice space, trustee_slice key)
{
    struct memory *m = instance;
    (void)req;
    pthread_rwlock_wrlock(&m->lock);
    struct item **link = find(m, space, key), *old = *link;
    if (old) {
        *link = old->next;
        m->used -= cost_of(old);
    }
    pthread_rwlock_unlock(&m->lock);
    item_free(old);
    return old ? TRUSTEE_OK : TRUSTEE_NOT_FOUND;
}

static trustee_status list(void *instance, trustee_request *req, trustee_slice space, trustee_slice prefix,
                           trustee_sink *sink)
{
    struct memory *m = instance;
    trustee_status status = TRUSTEE_OK;
    (void)req;
    pthread_rwlock_rdlock(&m->lock);
    for (size_t b = 0; b < BUCKETS; b++)
        for (const struct item *i = m->buckets[b]; i && status == TRUSTEE_OK; i = i->next)
            if (slice_equal(space_of(i), space) && slice_starts(key_of(i), prefix))
                status = m->host->sink_name(sink, key_of(i), i->value_length);
    pthread_rwlock_unlock(&m->lock);
    return status;
}

/* --- the plugin --- */

static trustee_status init(const trustee_host *host, const trustee_conf *conf, void **instance)
{
    struct memory *m = calloc(1, sizeof *m);
    if (!m)
        return TRUSTEE_E_NOMEM;
    m->host = host;
    trustee_status status = host->conf_u64(conf, S("capacity"), &m->capacity);
    if (status != TRUSTEE_OK || pthread_rwlock_init(&m->lock, NULL) != 0) {
        free(m);
        return status != TRUSTEE_OK ? status : TRUSTEE_E_INTERNAL;
    }
    *instance = m;
    return TRUSTEE_OK;
}

static void fini(void *instance)
{
    struct memory *m = instance;
    for (size_t b = 0; b < BUCKETS; b++)
        for (struct item *i = m->buckets[b], *next; i; i = next) {
            next = i->next;
            item_free(i);
        }
    pthread_rwlock_destroy(&m->lock);
    free(m);
}

static const trustee_option options[] = {
    {.name = TRUSTEE_TEXT("capacity"),
     .help = TRUSTEE_TEXT("Memory for all values together"),
     .fallback = TRUSTEE_TEXT("64MiB"),
     .type = TRUSTEE_OPTION_SIZE,
     .min = 4096,
     .max = UINT64_C(64) << 30},
};

static const trustee_storage storage = {
    .size = sizeof(trustee_storage),
    .get = get,
    .put = put,
    .del = del,
    .list = list,
};

static const trustee_interface interfaces[] = {
    {.kind = TRUSTEE_TEXT("storage"), .major = TRUSTEE_STORAGE_MAJOR, .vtable = &storage},
};

static const trustee_plugin plugin = {
    .size = sizeof(trustee_plugin),
    .abi_minor = TRUSTEE_ABI_MINOR,
    .magic = TRUSTEE_PLUGIN_MAGIC,
    .thread_model = TRUSTEE_THREADS_PARALLEL,
    .name = TRUSTEE_TEXT("memory"),
    .version = TRUSTEE_TEXT("1.0"),
    .vendor = TRUSTEE_TEXT("the Trustee authors"),
    .license = TRUSTEE_TEXT("Apache-2.0"),
    .description = TRUSTEE_TEXT("Storage that is gone when the service stops"),
    .options = options,
    .option_size = sizeof(trustee_option),
    .option_count = sizeof options / sizeof *options,
    .interfaces = interfaces,
    .interface_size = sizeof(trustee_interface),
    .interface_count = sizeof interfaces / sizeof *interfaces,
    .init = init,
    .fini = fini,
};

TRUSTEE_PLUGIN_EXPORT const trustee_plugin *trustee_plugin_describe_v1(void);

const trustee_plugin *trustee_plugin_describe_v1(void)
{
    return &plugin;
}
