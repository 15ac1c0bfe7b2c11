/* SPDX-License-Identifier: Apache-2.0 */
/* A storage that does what the key says. */
#include <string.h>
#include <trustee/storage.h>

#define T(literal) ((trustee_slice)TRUSTEE_TEXT(literal))

static const trustee_host *host;

static int is(trustee_slice s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

static trustee_status give(trustee_sink *sink, uint64_t size, uint64_t commit)
{
    uint8_t *room = host->sink_reserve(sink, size);
    if (!room)
        return TRUSTEE_E_LIMIT;
    memset(room, 'x', size);
    return host->sink_commit(sink, commit);
}

static trustee_status get(void *instance, trustee_request *req, trustee_slice space, trustee_slice key,
                          trustee_sink *sink)
{
    (void)instance;
    (void)req;
    (void)space;
    if (is(key, "four"))
        return give(sink, 4, 4);
    if (is(key, "shorter"))
        return give(sink, 4, 2);
    if (is(key, "more-than-reserved"))
        return give(sink, 4, 5);
    if (is(key, "large"))
        return give(sink, 4096, 4096);
    if (is(key, "uncommitted"))
        return host->sink_reserve(sink, 4) ? TRUSTEE_OK : TRUSTEE_E_INTERNAL;
    if (is(key, "twice"))
        return give(sink, 4, 4) == TRUSTEE_OK && !host->sink_reserve(sink, 4) ? TRUSTEE_OK : TRUSTEE_E_INTERNAL;
    if (is(key, "away"))
        return TRUSTEE_E_AGAIN;
    if (is(key, "odd"))
        return 99;
    return TRUSTEE_NOT_FOUND;
}

static trustee_status put(void *instance, trustee_request *req, trustee_slice space, trustee_slice key,
                          trustee_slice value, uint64_t flags)
{
    (void)instance;
    (void)req;
    (void)space;
    (void)value;
    (void)flags;
    return is(key, "conflict") ? TRUSTEE_REJECT : is(key, "large") ? TRUSTEE_E_LIMIT : TRUSTEE_OK;
}

static trustee_status del(void *instance, trustee_request *req, trustee_slice space, trustee_slice key)
{
    (void)instance;
    (void)req;
    (void)space;
    return is(key, "four") ? TRUSTEE_OK : TRUSTEE_NOT_FOUND;
}

static trustee_status list(void *instance, trustee_request *req, trustee_slice space, trustee_slice prefix,
                           trustee_sink *sink)
{
    (void)instance;
    (void)req;
    (void)space;
    (void)prefix;
    host->sink_name(sink, T("a/one"), 1);
    host->sink_name(sink, T("a/../two"), 2);
    host->sink_name(sink, T("b/three"), 3);
    host->sink_name(sink, T("a/\n"), 4);
    host->sink_name(sink, T(""), 5);
    return TRUSTEE_OK;
}

static trustee_status ready(void *instance, uint8_t *why, uint64_t capacity, uint64_t *length)
{
    const char text[] = "the disk is away";
    (void)instance;
    *length = sizeof text - 1 < capacity ? sizeof text - 1 : capacity;
    memcpy(why, text, *length);
    return TRUSTEE_E_AGAIN;
}

static trustee_status init(const trustee_host *given, const trustee_conf *conf, void **instance)
{
    (void)conf;
    (void)instance;
    host = given;
    return TRUSTEE_OK;
}

static void fini(void *instance)
{
    (void)instance;
}

static const trustee_storage storage = {
    .size = sizeof(trustee_storage), .get = get, .put = put, .del = del, .list = list, .ready = ready};
static const trustee_interface interfaces[] = {{TRUSTEE_TEXT("storage"), TRUSTEE_STORAGE_MAJOR, 0, &storage}};
static const trustee_plugin plugin = {
    .size = sizeof(trustee_plugin),
    .magic = TRUSTEE_PLUGIN_MAGIC,
    .name = TRUSTEE_TEXT("shelf"),
    .version = TRUSTEE_TEXT("1"),
    .interfaces = interfaces,
    .interface_size = sizeof(trustee_interface),
    .interface_count = 1,
    .init = init,
    .fini = fini,
};

TRUSTEE_PLUGIN_EXPORT const trustee_plugin *trustee_plugin_describe_v1(void);
const trustee_plugin *trustee_plugin_describe_v1(void)
{
    return &plugin;
}
