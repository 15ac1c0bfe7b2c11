/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "storage/redis/redis.h"

#define CHUNK ((size_t)16 << 10)
#define KEPT ((size_t)256 << 10) /* a larger buffer is given back after its answer */
#define SMALL ((size_t)64 << 10) /* of an answer that holds no value */

/* --- answers ---------------------------------------------------------------------------------------------------------
 */

/* The library would take any announced number for an allocation. */
static void *make_array(const redisReadTask *task, int count)
{
    const struct redis_session *s = task->privdata;
    return count <= REDIS_MEMBERS_MAX ? s->make_array(task, count) : NULL;
}

static void free_buffer(redisReader *r)
{
    if (!r->buf)
        return;
    secret_wipe(r->buf, sdsalloc(r->buf)); /* the library moves bytes within it */
    sdsfree(r->buf);
    r->buf = NULL;
}

/* Room for `more` bytes after what the buffer holds, so that the library never moves it: it would leave the old one
 * behind as it was. */
static bool make_room(redisReader *r, size_t more)
{
    if (r->buf && sdsavail(r->buf) >= more)
        return true;
    size_t held = r->buf ? sdslen(r->buf) : 0;
    sds larger = sdsnewlen(NULL, held * 2 + more);
    if (!larger)
        return false;
    if (held)
        memcpy(larger, r->buf, held);
    sdssetlen(larger, held);
    larger[held] = 0;
    free_buffer(r);
    r->buf = larger;
    return true;
}

/* The last answer's bytes are gone before the next one's come. */
static void forget_buffer(redisReader *r)
{
    if (!r->buf || r->pos < r->len)
        return;
    if (sdsalloc(r->buf) > KEPT) {
        free_buffer(r);
    } else {
        secret_wipe(r->buf, sdsalloc(r->buf));
        sdssetlen(r->buf, 0);
    }
    r->pos = r->len = 0;
}

void redis_forget(redisReply *reply)
{
    if (!reply)
        return;
    if (reply->type == REDIS_REPLY_STRING && reply->str)
        secret_wipe(reply->str, reply->len);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        redis_forget(reply->element[i]);
        reply->element[i] = NULL;
    }
    freeReplyObject(reply);
}

static redisReply *broken(struct backend_call *call, const char *why)
{
    call->failed = call->drop = true;
    if (!call->deadline.cancelled)
        backend_trouble(call->backend, "%s",
                        deadline_over(&call->deadline) ? "the server does not answer in time" : why);
    return NULL;
}

static bool feed(struct backend_call *call, struct redis_session *s)
{
    uint8_t chunk[CHUNK];
    size_t n = redis_wire_read(&s->wire, &call->deadline, slice_of(chunk, sizeof chunk));
    bool fed = n > 0 && make_room(s->reader, n) && redisReaderFeed(s->reader, (const char *)chunk, n) == REDIS_OK;
    secret_wipe(chunk, n);
    return fed;
}

redisReply *redis_read(struct backend_call *call, size_t limit)
{
    struct redis_session *s = call->connection;
    void *reply = NULL;
    for (;;) {
        if (redisReaderGetReply(s->reader, &reply) != REDIS_OK)
            return broken(call, "the server's answer makes no sense");
        if (reply) {
            forget_buffer(s->reader);
            return reply;
        }
        if (s->reader->len - s->reader->pos > limit) {
            call->drop = true;
            return NULL;
        }
        if (!feed(call, s))
            return broken(call, "the server closed the connection");
    }
}

/* --- commands --------------------------------------------------------------------------------------------------------
 */

static bool send_one(struct backend_call *call, const struct redis_command *command)
{
    struct redis_session *s = call->connection;
    const char *words[6];
    size_t sizes[6];
    sds text = NULL;
    for (int i = 0; i < command->count; i++) {
        words[i] = command->words[i].ptr ? (const char *)command->words[i].ptr : "";
        sizes[i] = command->words[i].len;
    }
    if (redisFormatSdsCommandArgv(&text, command->count, words, sizes) < 0 || !text)
        return broken(call, "there is no memory for a command") != NULL;
    bool sent = redis_wire_write(&s->wire, &call->deadline, slice_of(text, sdslen(text)));
    secret_wipe(text, sdslen(text));
    sdsfree(text);
    return sent || broken(call, "the server closed the connection") != NULL;
}

bool redis_send(struct backend_call *call, const struct redis_command *commands, size_t count)
{
    bool sent = true;
    for (size_t i = 0; i < count && sent; i++)
        sent = send_one(call, &commands[i]);
    return sent;
}

redisReply *redis_ask(struct backend_call *call, const struct redis_command *command, size_t limit)
{
    return redis_send(call, command, 1) ? redis_read(call, limit) : NULL;
}

static bool says(const redisReply *reply, slice code)
{
    slice text = slice_of(reply->str, reply->len);
    return slice_equal(slice_sub(text, 0, slice_find(text, ' ')), code);
}

/* The server is on its way up, or waits for another. */
static bool is_passing(const redisReply *reply)
{
    return says(reply, S("LOADING")) || says(reply, S("MASTERDOWN")) || says(reply, S("CLUSTERDOWN")) ||
           says(reply, S("BUSY")) || says(reply, S("TRYAGAIN"));
}

trustee_status redis_refused(struct backend_call *call, const redisReply *reply)
{
    slice text = slice_of(reply->str, reply->len), code = slice_sub(text, 0, slice_find(text, ' '));
    if (!slice_is_name(code, "_") || code.len > 20)
        code = S("an error");
    /* What a reconnection can mend: the server's part or our rights have changed. */
    call->drop |= says(reply, S("NOAUTH")) || says(reply, S("READONLY")) || says(reply, S("UNBLOCKED"));
    if (is_passing(reply))
        call->drop = call->failed = true;
    backend_trouble(call->backend, "the server refuses: %.*s", SLICE_ARG(code));
    return says(reply, S("WRONGTYPE")) ? TRUSTEE_E_INTERNAL : TRUSTEE_E_AGAIN;
}

/* --- connections -----------------------------------------------------------------------------------------------------
 */

struct redis_session *redis_session_new(void)
{
    struct redis_session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->wire.fd = -1;
    s->reader = redisReaderCreate();
    if (!s->reader) {
        free(s);
        return NULL;
    }
    s->functions = *s->reader->fn;
    s->make_array = s->functions.createArray;
    s->functions.createArray = make_array;
    s->reader->fn = &s->functions;
    s->reader->privdata = s;
    s->reader->maxbuf = 0; /* the buffer is ours to free */
    return s;
}

void redis_close(void *session)
{
    struct redis_session *s = session;
    redis_wire_close(&s->wire);
    free_buffer(s->reader);
    s->reader->buf = sdsempty();
    redisReaderFree(s->reader);
    free(s);
}

/* Nothing is due from the server: what can be read is its goodbye. */
bool redis_usable(void *session)
{
    const struct redis_session *s = session;
    struct pollfd p = {.fd = s->wire.fd, .events = POLLIN};
    return poll(&p, 1, 0) == 0;
}

/* A command at the beginning of a session. `refused` says what it means when the server does not like it. */
static trustee_status settle(struct backend_call *call, const struct redis_command *command, const char *refused)
{
    redisReply *reply = redis_ask(call, command, SMALL);
    trustee_status status = reply ? TRUSTEE_OK : TRUSTEE_E_AGAIN;
    if (reply && reply->type == REDIS_REPLY_ERROR) {
        status = is_passing(reply) ? redis_refused(call, reply) : TRUSTEE_E_CONFIG;
        if (status == TRUSTEE_E_CONFIG)
            backend_trouble(call->backend, "%s", refused);
        call->failed = call->drop = true;
    }
    redis_forget(reply);
    return status;
}

static trustee_status log_in(struct backend_call *call, const struct redis_settings *c)
{
    trustee_status status = TRUSTEE_OK;
    if (c->username.len) {
        struct redis_command auth = {3, {S("AUTH"), c->username, c->password}};
        status = settle(call, &auth, "the server refuses username and password");
    } else if (c->password.len) {
        struct redis_command auth = {2, {S("AUTH"), c->password}};
        status = settle(call, &auth, "the server refuses the password");
    }
    if (status == TRUSTEE_OK && c->database) {
        char number[24];
        struct arena room = {.base = (uint8_t *)number, .size = sizeof number};
        struct redis_command select = {2, {S("SELECT"), arena_printf(&room, "%llu", (unsigned long long)c->database)}};
        status = settle(call, &select, "the server refuses the database");
    }
    if (status != TRUSTEE_OK)
        return status;
    struct redis_command ping = {1, {S("PING")}};
    return settle(call, &ping, "the server refuses us: password, or rights of the user");
}

trustee_status redis_connect(struct backend_call *call, void *store)
{
    const struct redis_store *s = store;
    bool hopeless = false;
    struct redis_session *session = redis_session_new();
    if (!session)
        return TRUSTEE_E_AGAIN;
    if (!redis_wire_open(&session->wire, s, call, &hopeless)) {
        redis_close(session);
        return hopeless ? TRUSTEE_E_CONFIG : TRUSTEE_E_AGAIN;
    }
    call->connection = session;
    return log_in(call, &s->settings);
}
