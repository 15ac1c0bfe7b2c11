/* SPDX-License-Identifier: Apache-2.0
 *
 * A Redis server that answers anything: each operation ends, keeps its bounds and gives its memory back. The first byte
 * chooses the operation, the rest is what the server says. Also URLs.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "storage/redis/redis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t room[1 << 16];
static slice answer;
static int peer = -1;

static void host_log(void *ctx, uint32_t level, slice text)
{
    (void)ctx, (void)level;
    if (text.len > 4096)
        abort();
}

static uint8_t *sink_reserve(trustee_sink *sink, uint64_t size)
{
    (void)sink;
    return size <= sizeof room ? room : NULL;
}

static trustee_status sink_commit(trustee_sink *sink, uint64_t size)
{
    (void)sink, (void)size;
    return TRUSTEE_OK;
}

static trustee_status sink_name(trustee_sink *sink, slice name, uint64_t size)
{
    (void)sink, (void)size;
    /* Touches all of it. */
    return slice_find(name, 0) <= name.len ? TRUSTEE_OK : TRUSTEE_E_LIMIT;
}

static const trustee_host host = {.size = sizeof host,
                                  .log = host_log,
                                  .sink_reserve = sink_reserve,
                                  .sink_commit = sink_commit,
                                  .sink_name = sink_name};

/* A connection on whose other side the answer lies already. */
static trustee_status connect_pair(struct backend_call *call, void *store)
{
    int ends[2];
    struct redis_session *s = redis_session_new();
    (void)store;
    if (!s || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0)
        abort();
    if (answer.len && send(ends[1], answer.ptr, answer.len, MSG_NOSIGNAL) < 0)
        abort();
    (void)shutdown(ends[1], SHUT_WR);
    s->wire.fd = ends[0];
    peer = ends[1];
    call->connection = s;
    return TRUSTEE_OK;
}

static const struct backend_kind kind = {{redis_usable, redis_close}, connect_pair};

static void operate(struct redis_store *s, uint8_t which)
{
    const slice space = S("repository"), key = S("default/a/b");
    uint64_t length;
    switch (which % 7) {
    case 0:
        (void)redis_get(s, NULL, space, key, NULL);
        break;
    case 1:
        (void)redis_put(s, NULL, space, key, S("value"), 0);
        break;
    case 2:
        (void)redis_put(s, NULL, space, key, S("value"), TRUSTEE_PUT_NEW);
        break;
    case 3:
        (void)redis_del(s, NULL, space, key);
        break;
    case 4:
        (void)redis_list(s, NULL, space, NO_SLICE, NULL);
        break;
    case 5:
        (void)backend_run(&s->backend, NULL, redis_index_upstream, s);
        break;
    default:
        (void)redis_ready(s, room, sizeof room, &length);
    }
}

static void read_url(slice url)
{
    struct redis_settings settings = {.host = NULL};
    struct arena a;
    if (FAILED(arena_map(&a, 65536, ARENA_PLAIN)))
        abort();
    if (redis_url(url, &a, &settings) && !settings.host == !settings.path)
        abort();
    arena_unmap(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_store s = {.host = &host};
    struct backend_settings settings = {&host, "redis", &kind, &s, 200, 1};
    if (size == 0 || size > 60000)
        return 0;
    answer = slice_of(data + 1, size - 1);
    if (!backend_begin(&s.backend, &settings))
        abort();
    operate(&s, data[0]);
    if (s.backend.pool.open != s.backend.pool.idle_count)
        abort();
    backend_end(&s.backend);
    if (peer >= 0)
        (void)close(peer);
    peer = -1;
    read_url(answer);
    return 0;
}
