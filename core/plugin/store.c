/* SPDX-License-Identifier: Apache-2.0
 *
 * The facade of storages. Only well-formed keys reach a plugin, whoever called.
 */
#include "core/plugin/internal.h"

#define SEGMENTS_MAX 16
#define SEGMENT_MAX 255

const struct store *plugins_store(const struct plugins *p, slice plugin_name)
{
    for (size_t i = 0; i < p->store_count; i++)
        if (slice_equal(slice_text(p->stores[i].plugin->name), plugin_name))
            return &p->stores[i];
    return NULL;
}

uint64_t store_flags(const struct store *s)
{
    return s->plugin->storage->flags;
}

static bool is_segment(slice s)
{
    return s.len <= SEGMENT_MAX && slice_is_name(s, "_.-") && *s.ptr != '.';
}

static bool is_key(slice key)
{
    slice part;
    unsigned count = 0;
    while (slice_split(&key, '/', &part))
        if (++count > SEGMENTS_MAX || !is_segment(part))
            return false;
    return count > 0;
}

static bool is_space(slice space)
{
    return space.len <= 64 && slice_is_name(space, "_-");
}

/* What a storage's answers mean to everybody else. */
static result answer(const struct store *s, struct trustee_request *req, const char *function, trustee_status status)
{
    switch (status) {
    case TRUSTEE_OK:
        return OK;
    case TRUSTEE_NOT_FOUND:
        return FAIL(RELEASE_NOT_FOUND);
    case TRUSTEE_REJECT:
    case TRUSTEE_E_NOTSUP:
        return FAIL(RESOURCE_CONFLICT);
    case TRUSTEE_E_LIMIT:
        return FAIL(HTTP_BODY_TOO_LARGE);
    case TRUSTEE_E_AGAIN:
        return FAIL(STORAGE);
    default:
        return plugin_fault(s->plugin, req, PLUGIN_FAULT, function, status);
    }
}

result store_get(const struct store *s, struct trustee_request *req, slice space, slice key, struct arena *into,
                 size_t limit, slice *value)
{
    struct trustee_sink sink = {.arena = into, .limit = limit};
    *value = NO_SLICE;
    ENSURE(is_space(space) && is_key(key), RELEASE_PATH);
    struct visit visit = plugin_enter(s->plugin, req);
    trustee_status status = s->plugin->storage->get(s->plugin->instance, req, space, key, &sink);
    plugin_leave(&visit);
    TRY(answer(s, req, "get", status));
    if (!sink.committed)
        return plugin_breach(s->plugin, req, PLUGIN_FAULT, "get found a value and did not hand it over");
    *value = sink.value;
    return OK;
}

static bool is_writable(const struct store *s)
{
    const trustee_storage *t = s->plugin->storage;
    return t->put && t->del && !(t->flags & TRUSTEE_STORAGE_READ_ONLY);
}

result store_put(const struct store *s, struct trustee_request *req, slice space, slice key, slice value)
{
    ENSURE(is_space(space) && is_key(key), RELEASE_PATH);
    ENSURE(is_writable(s), RESOURCE_CONFLICT);
    struct visit visit = plugin_enter(s->plugin, req);
    trustee_status status = s->plugin->storage->put(s->plugin->instance, req, space, key, value, 0);
    plugin_leave(&visit);
    return answer(s, req, "put", status);
}

result store_delete(const struct store *s, struct trustee_request *req, slice space, slice key)
{
    ENSURE(is_space(space) && is_key(key), RELEASE_PATH);
    ENSURE(is_writable(s), RESOURCE_CONFLICT);
    struct visit visit = plugin_enter(s->plugin, req);
    trustee_status status = s->plugin->storage->del(s->plugin->instance, req, space, key);
    plugin_leave(&visit);
    return answer(s, req, "del", status);
}

struct listing {
    slice prefix;
    void (*name)(void *user, slice name, uint64_t size);
    void *user;
};

/* Names that could not have been stored, or were not asked for, do not get through. */
static void filter(void *user, slice name, uint64_t size)
{
    const struct listing *l = user;
    if (is_key(name) && slice_starts(name, l->prefix))
        l->name(l->user, name, size);
}

result store_list(const struct store *s, struct trustee_request *req, slice space, slice prefix,
                  void (*name)(void *user, slice name, uint64_t size), void *user)
{
    struct listing listing = {prefix, name, user};
    struct trustee_sink sink = {.name = filter, .user = &listing};
    ENSURE(is_space(space) && prefix.len <= 4096 && (prefix.len == 0 || slice_is_name(prefix, "_.-/")), RELEASE_PATH);
    struct visit visit = plugin_enter(s->plugin, req);
    trustee_status status = s->plugin->storage->list(s->plugin->instance, req, space, prefix, &sink);
    plugin_leave(&visit);
    return status == TRUSTEE_NOT_FOUND ? OK : answer(s, req, "list", status);
}

result store_ready(const struct store *s, char *why, size_t room)
{
    uint64_t length = 0;
    if (room)
        *why = 0;
    if (!s->plugin->storage->ready || room == 0)
        return OK;
    struct visit visit = plugin_enter(s->plugin, NULL);
    trustee_status status = s->plugin->storage->ready(s->plugin->instance, (uint8_t *)why, room - 1, &length);
    plugin_leave(&visit);
    if (status == TRUSTEE_OK)
        length = 0;
    why[length < room ? length : room - 1] = 0;
    if (!slice_is_utf8(slice_text(why)))
        *why = 0;
    return status == TRUSTEE_OK ? OK : FAIL(STORAGE);
}
