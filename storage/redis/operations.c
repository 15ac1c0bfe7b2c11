/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "storage/redis/redis.h"

#define SMALL ((size_t)64 << 10)
#define KEY_ROOM 4352  /* namespace, colon, key */
#define BATCH 128      /* names whose sizes are asked for at once */
#define PIPELINE_MAX 4 /* commands of a transaction */

struct item {
    const struct redis_store *store;
    slice space, key, value;
    uint64_t flags;
    trustee_sink *sink;
    char name[KEY_ROOM], index[96];
    slice full, set; /* what the server calls them */
};

static trustee_status name_item(struct item *i)
{
    struct arena name = {.base = (uint8_t *)i->name, .size = sizeof i->name};
    struct arena index = {.base = (uint8_t *)i->index, .size = sizeof i->index};
    i->full = arena_printf(&name, "%.*s:%.*s", SLICE_ARG(i->space), SLICE_ARG(i->key));
    i->set = arena_printf(&index, "trustee-index:%.*s", SLICE_ARG(i->space));
    return i->full.ptr && i->set.ptr ? TRUSTEE_OK : TRUSTEE_E_INVAL;
}

/* An answer of a type that the command does not have. */
static trustee_status unexpected(struct backend_call *call, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR)
        return redis_refused(call, reply);
    call->failed = call->drop = true;
    backend_trouble(call->backend, "the server's answer makes no sense");
    return TRUSTEE_E_AGAIN;
}

/* --- get -------------------------------------------------------------------------------------------------------------
 */

static trustee_status hand_over(const struct item *i, slice value)
{
    const trustee_host *h = i->store->host;
    uint8_t *room = h->sink_reserve(i->sink, value.len);
    if (!room)
        return TRUSTEE_E_LIMIT;
    if (value.len)
        memcpy(room, value.ptr, value.len);
    return h->sink_commit(i->sink, value.len);
}

static trustee_status get_item(struct backend_call *call, void *item)
{
    const struct item *i = item;
    struct redis_command get = {2, {S("GET"), i->full}};
    redisReply *reply = redis_ask(call, &get, REDIS_VALUE_MAX);
    trustee_status status = TRUSTEE_NOT_FOUND;
    if (!reply)
        return call->failed ? TRUSTEE_E_AGAIN : TRUSTEE_E_LIMIT;
    if (reply->type == REDIS_REPLY_STRING)
        status = hand_over(i, slice_of(reply->str, reply->len));
    else if (reply->type != REDIS_REPLY_NIL)
        status = unexpected(call, reply);
    redis_forget(reply);
    return status;
}

trustee_status redis_get(void *instance, trustee_request *req, slice space, slice key, trustee_sink *sink)
{
    struct redis_store *s = instance;
    struct item i = {.store = s, .space = space, .key = key, .sink = sink};
    trustee_status status = name_item(&i);
    return status == TRUSTEE_OK ? backend_run(&s->backend, req, get_item, &i) : status;
}

/* --- put and del -----------------------------------------------------------------------------------------------------
 */

/* MULTI, `change`, EXEC. The answer of EXEC, an array with an answer for each change; NULL with *status set. */
static redisReply *transaction(struct backend_call *call, const struct redis_command change[2], trustee_status *status)
{
    const struct redis_command all[PIPELINE_MAX] = {{1, {S("MULTI")}}, change[0], change[1], {1, {S("EXEC")}}};
    redisReply *last = NULL;
    *status = TRUSTEE_E_AGAIN;
    if (!redis_send(call, all, PIPELINE_MAX))
        return NULL;
    for (size_t i = 0; i < PIPELINE_MAX; i++) {
        redis_forget(last);
        last = redis_read(call, SMALL);
        if (!last)
            return NULL;
        /* EXEC only repeats that a change was refused. */
        if (last->type == REDIS_REPLY_ERROR && i < PIPELINE_MAX - 1)
            *status = redis_refused(call, last);
    }
    if (last->type == REDIS_REPLY_ARRAY && last->elements == 2)
        return last;
    if (last->type != REDIS_REPLY_ERROR)
        *status = unexpected(call, last);
    redis_forget(last);
    return NULL;
}

/* Makes both changes; *first is the type and number that the first one answered. */
static trustee_status change_item(struct backend_call *call, const struct redis_command change[2], redisReply *first)
{
    trustee_status status;
    redisReply *reply = transaction(call, change, &status);
    if (!reply)
        return status;
    status = TRUSTEE_OK;
    for (size_t i = 0; i < 2 && status == TRUSTEE_OK; i++)
        if (reply->element[i]->type == REDIS_REPLY_ERROR)
            status = redis_refused(call, reply->element[i]);
    *first = (redisReply){.type = reply->element[0]->type, .integer = reply->element[0]->integer};
    redis_forget(reply);
    return status;
}

static trustee_status put_item(struct backend_call *call, void *item)
{
    const struct item *i = item;
    const struct redis_command change[2] = {
        {i->flags & TRUSTEE_PUT_NEW ? 4 : 3, {S("SET"), i->full, i->value, S("NX")}},
        {3, {S("SADD"), i->set, i->key}},
    };
    redisReply first = {0};
    trustee_status status = change_item(call, change, &first);
    if (!call->deadline.cancelled)
        backend_write(call->backend, status == TRUSTEE_OK);
    if (status == TRUSTEE_OK && first.type == REDIS_REPLY_NIL)
        return TRUSTEE_REJECT;
    return status;
}

trustee_status redis_put(void *instance, trustee_request *req, slice space, slice key, slice value, uint64_t flags)
{
    struct redis_store *s = instance;
    struct item i = {.store = s, .space = space, .key = key, .value = value, .flags = flags};
    trustee_status status = name_item(&i);
    if (status == TRUSTEE_OK && value.len > REDIS_VALUE_MAX)
        status = TRUSTEE_E_LIMIT;
    return status == TRUSTEE_OK ? backend_run(&s->backend, req, put_item, &i) : status;
}

static trustee_status del_item(struct backend_call *call, void *item)
{
    const struct item *i = item;
    const struct redis_command change[2] = {{2, {S("DEL"), i->full}}, {3, {S("SREM"), i->set, i->key}}};
    redisReply first = {0};
    trustee_status status = change_item(call, change, &first);
    return status == TRUSTEE_OK && first.integer == 0 ? TRUSTEE_NOT_FOUND : status;
}

trustee_status redis_del(void *instance, trustee_request *req, slice space, slice key)
{
    struct redis_store *s = instance;
    struct item i = {.store = s, .space = space, .key = key};
    trustee_status status = name_item(&i);
    return status == TRUSTEE_OK ? backend_run(&s->backend, req, del_item, &i) : status;
}

/* --- list ------------------------------------------------------------------------------------------------------------
 */

/* The number that an EXISTS or STRLEN answered. */
static trustee_status read_number(struct backend_call *call, long long *number)
{
    redisReply *reply = redis_read(call, SMALL);
    trustee_status status = TRUSTEE_OK;
    if (!reply)
        return TRUSTEE_E_AGAIN;
    *number = reply->integer;
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < 0)
        status = unexpected(call, reply);
    redis_forget(reply);
    return status;
}

/* The index may know a key that somebody else removed. */
static trustee_status read_size(struct backend_call *call, const struct item *i, slice key)
{
    long long exists = 0, size = 0;
    trustee_status status = read_number(call, &exists);
    trustee_status second = call->failed ? status : read_number(call, &size);
    status = status == TRUSTEE_OK ? second : status;
    if (status != TRUSTEE_OK || exists == 0)
        return status;
    return i->store->host->sink_name(i->sink, key, (uint64_t)size);
}

/* Asks for the sizes of a batch of names and reads all answers, so that the connection stays in step. */
static trustee_status list_batch(struct backend_call *call, struct item *i, const slice *names, size_t count)
{
    trustee_status status = TRUSTEE_OK;
    for (size_t n = 0; n < count; n++) {
        i->key = names[n];
        if (name_item(i) != TRUSTEE_OK)
            return call->drop = true, TRUSTEE_E_INTERNAL;
        const struct redis_command ask[2] = {{2, {S("EXISTS"), i->full}}, {2, {S("STRLEN"), i->full}}};
        if (!redis_send(call, ask, 2))
            return TRUSTEE_E_AGAIN;
    }
    for (size_t n = 0; n < count && !call->failed; n++) {
        trustee_status one = read_size(call, i, names[n]);
        status = status == TRUSTEE_OK ? one : status;
    }
    return call->failed ? TRUSTEE_E_AGAIN : status;
}

static trustee_status list_names(struct backend_call *call, struct item *i, const redisReply *names, slice prefix)
{
    slice batch[BATCH];
    size_t count = 0;
    trustee_status status = TRUSTEE_OK;
    for (size_t n = 0; n < names->elements && status == TRUSTEE_OK; n++) {
        const redisReply *name = names->element[n];
        slice key = slice_of(name->str, name->len);
        if (name->type != REDIS_REPLY_STRING || key.len > KEY_ROOM / 2 || !slice_starts(key, prefix))
            continue;
        batch[count++] = key;
        if (count == BATCH) {
            status = list_batch(call, i, batch, count);
            count = 0;
        }
    }
    return status == TRUSTEE_OK ? list_batch(call, i, batch, count) : status;
}

static trustee_status list_items(struct backend_call *call, void *item)
{
    struct item *i = item;
    slice prefix = i->value;
    struct redis_command members = {2, {S("SMEMBERS"), i->set}};
    redisReply *reply = redis_ask(call, &members, REDIS_LISTING_MAX);
    if (!reply)
        return call->failed ? TRUSTEE_E_AGAIN : TRUSTEE_E_LIMIT;
    trustee_status status =
        reply->type == REDIS_REPLY_ARRAY ? list_names(call, i, reply, prefix) : unexpected(call, reply);
    redis_forget(reply);
    return status;
}

trustee_status redis_list(void *instance, trustee_request *req, slice space, slice prefix, trustee_sink *sink)
{
    struct redis_store *s = instance;
    struct item i = {.store = s, .space = space, .value = prefix, .sink = sink};
    trustee_status status = name_item(&i);
    return status == TRUSTEE_OK ? backend_run(&s->backend, req, list_items, &i) : status;
}

/* --- readiness and start ---------------------------------------------------------------------------------------------
 */

static trustee_status probe(struct backend_call *call, void *nothing)
{
    struct redis_command ping = {1, {S("PING")}};
    (void)nothing;
    redisReply *reply = redis_ask(call, &ping, SMALL);
    if (!reply)
        return TRUSTEE_E_AGAIN;
    trustee_status status = reply->type == REDIS_REPLY_STATUS ? TRUSTEE_OK : unexpected(call, reply);
    redis_forget(reply);
    return status;
}

trustee_status redis_ready(void *instance, uint8_t *why, uint64_t capacity, uint64_t *length)
{
    struct redis_store *s = instance;
    return backend_ready(&s->backend, probe, slice_of(why, capacity), length);
}

trustee_status redis_greet(struct backend_call *call, void *store)
{
    const struct redis_store *s = store;
    struct redis_command info = {2, {S("INFO"), S("persistence")}};
    redisReply *reply = redis_ask(call, &info, SMALL);
    if (!reply)
        return TRUSTEE_E_AGAIN;
    /* Who may not ask is not told. */
    bool forgets = reply->type == REDIS_REPLY_STRING && memmem(reply->str, reply->len, "aof_enabled:0", 13);
    redis_forget(reply);
    if (forgets)
        backend_log(&s->backend, TRUSTEE_LOG_WARN,
                    "redis: the server may forget what it has confirmed; set appendonly yes and appendfsync always");
    return TRUSTEE_OK;
}

/* Adds what one step of the walk found. Keys of upstream begin with the namespace and a colon. */
static trustee_status index_step(struct backend_call *call, struct item *i, const redisReply *keys)
{
    size_t head = i->space.len + 1;
    trustee_status status = TRUSTEE_OK;
    for (size_t n = 0; n < keys->elements && status == TRUSTEE_OK; n++) {
        slice full = slice_of(keys->element[n]->str, keys->element[n]->len);
        long long added;
        if (keys->element[n]->type != REDIS_REPLY_STRING || full.len <= head)
            continue;
        struct redis_command add = {3, {S("SADD"), i->set, slice_sub(full, head, full.len)}};
        status = redis_send(call, &add, 1) ? read_number(call, &added) : TRUSTEE_E_AGAIN;
    }
    return status;
}

static bool is_step(const redisReply *r)
{
    return r->type == REDIS_REPLY_ARRAY && r->elements == 2 && r->element[0]->type == REDIS_REPLY_STRING &&
           r->element[0]->len < 24 && r->element[1]->type == REDIS_REPLY_ARRAY;
}

static trustee_status index_space(struct backend_call *call, struct item *i)
{
    char cursor[24] = "0", pattern[96];
    struct arena room = {.base = (uint8_t *)pattern, .size = sizeof pattern};
    slice match = arena_printf(&room, "%.*s:*", SLICE_ARG(i->space));
    trustee_status status = name_item(i);
    do {
        struct redis_command scan = {6, {S("SCAN"), slice_text(cursor), S("MATCH"), match, S("COUNT"), S("500")}};
        redisReply *reply = status == TRUSTEE_OK ? redis_ask(call, &scan, REDIS_LISTING_MAX) : NULL;
        if (!reply)
            return status == TRUSTEE_OK ? TRUSTEE_E_AGAIN : status;
        status = is_step(reply) ? index_step(call, i, reply->element[1]) : unexpected(call, reply);
        if (status == TRUSTEE_OK)
            memcpy(cursor, reply->element[0]->str, reply->element[0]->len + 1);
        redis_forget(reply);
        call->deadline.end = backend_now() + call->backend->timeout_ms * BACKEND_NS_PER_MS; /* of each step */
    } while (status == TRUSTEE_OK && strcmp(cursor, "0") != 0);
    return status;
}

trustee_status redis_index_upstream(struct backend_call *call, void *store)
{
    static const slice spaces[] = {TRUSTEE_TEXT("repository"), TRUSTEE_TEXT("kbs"),
                                   TRUSTEE_TEXT("attestation_service_policy"), TRUSTEE_TEXT("reference_value")};
    trustee_status status = TRUSTEE_OK;
    for (size_t n = 0; n < sizeof spaces / sizeof *spaces && status == TRUSTEE_OK; n++) {
        struct item i = {.store = store, .space = spaces[n]};
        status = index_space(call, &i);
    }
    return status;
}
