/* SPDX-License-Identifier: Apache-2.0
 *
 * The host table, as a plugin sees it. The functions are taken from a loaded plugin's own table.
 */
#include "core/plugin/internal.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock/clock.h"
#include "core/log/log.h"

#define BAD TEST_BUILD "/tests/abi"

static struct arena arena, scratch, secret;
static struct plugins *plugins;
static const trustee_host *host;
static struct trustee_request req;
static struct record record;
static char error[1024];

static void load(const char *text)
{
    static struct ini ini;
    struct plugin_settings settings = {S(BAD), true, false};
    cr_assert(!FAILED(ini_parse(&arena, S("t.ini"), slice_text(text), &ini, error, sizeof error)), "%s", error);
    cr_assert(!FAILED(plugins_load(&ini, &settings, &plugins, error, sizeof error)), "%s", error);
    host = &plugins->first->host;
}

static void begin(struct trustee_request *r)
{
    static const uint8_t id[16];
    record_begin(&record, &scratch, "attestation", id);
    request_begin(r, &scratch, &secret, &record, 0);
    r->plugin = plugins->first;
}

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)4 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(arena_map(&scratch, (size_t)1 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(arena_map(&secret, (size_t)1 << 20, ARENA_SECRET)));
    log_set_level(LOG_ERROR);
    load("[plugin actor]\ntext = hello\nmany = a\nmany = b\nsize = 128KiB\n");
    begin(&req);
}

static void teardown(void)
{
    request_end(&req);
    plugins_free(plugins);
    arena_unmap(&arena);
    arena_unmap(&scratch);
    arena_unmap(&secret);
}

TestSuite(plugin_host, .init = setup, .fini = teardown);

/* --- the table --- */

Test(plugin_host, the_table_is_complete)
{
    /* Every slot after the head is a pointer, and none is NULL. */
    const uint8_t *from = (const uint8_t *)host + offsetof(trustee_host, log);
    cr_assert_eq(host->size, sizeof(trustee_host));
    for (; from < (const uint8_t *)host + sizeof *host; from += sizeof(void *)) {
        void *slot;
        memcpy(&slot, from, sizeof slot);
        cr_assert(slot, "slot at offset %zu", (size_t)(from - (const uint8_t *)host));
    }
    cr_assert_null(host->query(host->ctx, S("anything"), 8));
}

/* --- options --- */

Test(plugin_host, options_come_with_their_types_and_defaults)
{
    const trustee_conf *conf = &plugins->first->conf;
    slice text;
    uint64_t number;
    uint32_t truth;
    cr_assert_eq(host->conf_text(conf, S("text"), &text), TRUSTEE_OK);
    cr_assert(slice_equal(text, S("hello")));
    cr_assert_eq(host->conf_u64(conf, S("size"), &number), TRUSTEE_OK);
    cr_assert_eq(number, 131072);
    cr_assert_eq(host->conf_bool(conf, S("truth"), &truth), TRUSTEE_OK);
    cr_assert_eq(truth, 1);
    cr_assert_eq(host->conf_nth(conf, S("many"), 1, &text), TRUSTEE_OK);
    cr_assert(slice_equal(text, S("b")));
    cr_assert_eq(host->conf_nth(conf, S("many"), 2, &text), TRUSTEE_NOT_FOUND);
    cr_assert_eq(host->conf_file(conf, S("anchor"), 0, &text), TRUSTEE_NOT_FOUND);
    cr_assert_eq(host->conf_text(conf, S("nothing"), &text), TRUSTEE_NOT_FOUND);
    cr_assert_null(text.ptr);
}

Test(plugin_host, options_of_another_type_are_not_converted)
{
    const trustee_conf *conf = &plugins->first->conf;
    slice text;
    uint64_t number;
    uint32_t truth;
    cr_assert_eq(host->conf_u64(conf, S("text"), &number), TRUSTEE_E_INVAL);
    cr_assert_eq(host->conf_bool(conf, S("text"), &truth), TRUSTEE_E_INVAL);
    cr_assert_eq(host->conf_file(conf, S("text"), 0, &text), TRUSTEE_E_INVAL);
}

Test(plugin_host, files_are_read_and_secrets_lie_in_secret_memory)
{
    char path[] = "/tmp/plugin_host_XXXXXX", text[256];
    slice content, password;
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, "anchors", 7), 7);
    close(fd);
    request_end(&req);
    plugins_free(plugins);
    snprintf(text, sizeof text, "[plugin actor]\nanchor = %s\npassword = 4711\n", path);
    load(text);
    unlink(path);
    cr_assert_eq(host->conf_file(&plugins->first->conf, S("anchor"), 0, &content), TRUSTEE_OK);
    cr_assert(slice_equal(content, S("anchors")));
    cr_assert_eq(host->conf_text(&plugins->first->conf, S("password"), &password), TRUSTEE_OK);
    const struct arena *s = &plugins->secrets;
    cr_assert(password.ptr >= s->base && password.ptr < s->base + s->used);
}

/* --- memory --- */

Test(plugin_host, arenas_give_aligned_memory_until_they_are_full)
{
    cr_assert_eq((uintptr_t)host->arena_alloc(&req, 3, 64) % 64, 0);
    cr_assert_null(host->arena_alloc(&req, 3, 0));
    cr_assert_null(host->arena_alloc(&req, 3, 3));
    cr_assert_null(host->arena_alloc(&req, 3, 128));
    cr_assert_null(host->arena_alloc(&req, (uint64_t)2 << 20, 1));
    cr_assert_null(host->arena_alloc(&req, UINT64_MAX, 1));
    uint8_t *p = host->arena_secret(&req, 16);
    cr_assert(p >= secret.base && p < secret.base + secret.size);
    req.secret = NULL;
    cr_assert_null(host->arena_secret(&req, 16));
}

/* --- the record --- */

Test(plugin_host, checks_are_recorded_and_what_is_no_text_is_replaced)
{
    host->check(&req, S("actor.one"), 1, S("a"), S("a"));
    host->check(&req, S("actor.two"), 0, S("\xff"), (slice){NULL, 9});
    cr_assert(record.checks->passed);
    const struct record_check *two = record.checks->next;
    cr_assert_not(two->passed);
    cr_assert(slice_equal(two->expected, S("(not UTF-8)")));
    cr_assert(slice_equal(two->actual, S("(too long)")));
    req.record = NULL;
    host->check(&req, S("x"), 1, NO_SLICE, NO_SLICE);
    host->reject(&req, S("actor.bad"), NO_SLICE);
    cr_assert(req.rejected);
}

Test(plugin_host, a_log_line_may_be_anything)
{
    host->log(host->ctx, 99, (slice){NULL, 9});
    host->log(host->ctx, TRUSTEE_LOG_DEBUG, S("quiet"));
}

/* --- reading evidence --- */

static const json *parsed(slice text)
{
    const json *v;
    cr_assert(!FAILED(json_parse(&arena, text, &v)));
    return v;
}

Test(plugin_host, values_are_read_by_pointer_and_type)
{
    const json *v = parsed(S("{\"t\":\"x\",\"i\":-3,\"u\":18446744073709551615,\"b\":true,\"a\":[1,2,255],"
                             "\"o\":{\"k\":null},\"h\":\"aBcD\",\"b64\":\"+/8=\",\"b64u\":\"-_8\"}"));
    const trustee_value *sub;
    slice s;
    int64_t i;
    uint64_t u;
    uint32_t b;
    cr_assert_eq(host->value_text(&req, v, S("/t"), &s), TRUSTEE_OK);
    cr_assert(slice_equal(s, S("x")));
    cr_assert_eq(host->value_i64(&req, v, S("/i"), &i), TRUSTEE_OK);
    cr_assert_eq(i, -3);
    cr_assert_eq(host->value_u64(&req, v, S("/u"), &u), TRUSTEE_OK);
    cr_assert_eq(u, UINT64_MAX);
    cr_assert_eq(host->value_bool(&req, v, S("/b"), &b), TRUSTEE_OK);
    cr_assert_eq(b, 1);
    cr_assert_eq(host->value_bytes(&req, v, S("/a"), &s), TRUSTEE_OK);
    cr_assert(slice_equal(s, S("\x01\x02\xff")));
    cr_assert_eq(host->value_hex(&req, v, S("/h"), &s), TRUSTEE_OK);
    cr_assert(slice_equal(s, S("\xab\xcd")));
    cr_assert_eq(host->value_base64(&req, v, S("/b64"), TRUSTEE_BASE64_STD, &s), TRUSTEE_OK);
    cr_assert(slice_equal(s, S("\xfb\xff")));
    cr_assert_eq(host->value_base64(&req, v, S("/b64u"), TRUSTEE_BASE64_URL, &s), TRUSTEE_OK);
    cr_assert(slice_equal(s, S("\xfb\xff")));
    cr_assert_eq(host->value_get(&req, v, S("/o"), &sub), TRUSTEE_OK);
    cr_assert_eq(host->value_type(sub), TRUSTEE_NODE_OBJECT);
    cr_assert_eq(host->value_get(&req, sub, S("/k"), &sub), TRUSTEE_OK);
    cr_assert_eq(host->value_type(sub), TRUSTEE_NODE_NULL);
    cr_assert_eq(host->value_get(&req, v, S(""), &sub), TRUSTEE_OK);
    cr_assert_eq(sub, v);
}

Test(plugin_host, values_that_are_missing_or_of_another_type_are_told_apart)
{
    const json *v = parsed(S("{\"t\":\"x\",\"i\":-3,\"a\":[256],\"f\":1.5}"));
    slice s;
    int64_t i;
    uint64_t u;
    uint32_t b;
    cr_assert_eq(host->value_text(&req, v, S("/none"), &s), TRUSTEE_NOT_FOUND);
    cr_assert_eq(host->value_text(&req, NULL, S("/t"), &s), TRUSTEE_NOT_FOUND);
    cr_assert_eq(host->value_text(&req, v, S("t"), &s), TRUSTEE_NOT_FOUND);
    cr_assert_eq(host->value_text(&req, v, S("/i"), &s), TRUSTEE_REJECT);
    cr_assert_eq(host->value_u64(&req, v, S("/i"), &u), TRUSTEE_REJECT);
    cr_assert_eq(host->value_i64(&req, v, S("/f"), &i), TRUSTEE_REJECT);
    cr_assert_eq(host->value_bool(&req, v, S("/t"), &b), TRUSTEE_REJECT);
    cr_assert_eq(host->value_bytes(&req, v, S("/a"), &s), TRUSTEE_REJECT);
    cr_assert_eq(host->value_bytes(&req, v, S("/t"), &s), TRUSTEE_REJECT);
    cr_assert_eq(host->value_hex(&req, v, S("/t"), &s), TRUSTEE_REJECT);
    cr_assert_eq(host->value_base64(&req, v, S("/t"), TRUSTEE_BASE64_STD, &s), TRUSTEE_REJECT);
    cr_assert_eq(host->value_base64(&req, v, S("/t"), 7, &s), TRUSTEE_E_INVAL);
    cr_assert_null(s.ptr);
}

Test(plugin_host, decoding_needs_memory_that_may_be_gone)
{
    const json *v = parsed(S("{\"b\":\"AAAA\"}"));
    slice s;
    cr_assert(arena_alloc(&scratch, scratch.size - scratch.used, 1));
    cr_assert_eq(host->value_base64(&req, v, S("/b"), TRUSTEE_BASE64_STD, &s), TRUSTEE_E_NOMEM);
}

Test(plugin_host, containers_can_be_walked)
{
    const json *v = parsed(S("{\"a\":1,\"b\":2}"));
    slice key;
    cr_assert_eq(host->value_count(v), 2);
    const trustee_value *m = host->value_next(v, NULL, &key);
    cr_assert(slice_equal(key, S("a")));
    m = host->value_next(v, m, &key);
    cr_assert(slice_equal(key, S("b")));
    cr_assert_null(host->value_next(v, m, NULL));
    cr_assert_null(host->value_next(NULL, NULL, NULL));
    cr_assert_eq(host->value_count(NULL), 0);
}

/* --- sinks --- */

Test(plugin_host, a_sink_takes_one_value_within_its_limit)
{
    struct trustee_sink sink = {.arena = &secret, .limit = 8};
    cr_assert_eq(host->sink_commit(&sink, 0), TRUSTEE_E_INVAL);
    cr_assert_null(host->sink_reserve(&sink, 9));
    cr_assert(host->sink_reserve(&sink, 8));
    cr_assert_null(host->sink_reserve(&sink, 1));
    cr_assert_eq(host->sink_commit(&sink, 9), TRUSTEE_E_INVAL);
    cr_assert_eq(host->sink_commit(&sink, 3), TRUSTEE_OK);
    cr_assert_eq(host->sink_commit(&sink, 3), TRUSTEE_E_INVAL);
    cr_assert_eq(sink.value.len, 3);
    cr_assert_eq(host->sink_name(&sink, S("x"), 1), TRUSTEE_E_INVAL);
}

/* --- deadlines, randomness --- */

Test(plugin_host, a_deadline_that_passed_cancels)
{
    cr_assert_eq(host->cancelled(&req), 0);
    req.deadline_ns = clock_monotonic_ns() + UINT64_C(60000000000);
    cr_assert_eq(host->cancelled(&req), 0);
    req.deadline_ns = 1;
    cr_assert_neq(host->cancelled(&req), 0);
}

Test(plugin_host, random_bytes_differ)
{
    uint8_t a[32] = {0}, b[32] = {0};
    cr_assert_eq(host->random(host->ctx, a, sizeof a), TRUSTEE_OK);
    cr_assert_eq(host->random(host->ctx, b, sizeof b), TRUSTEE_OK);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
}

/* --- the cache --- */

static _Atomic int dropped;

static void drop(void *value)
{
    atomic_fetch_add(&dropped, 1);
    free(value);
}

static int *made(int number)
{
    int *value = malloc(sizeof *value);
    *value = number;
    return value;
}

static slice digest(uint8_t room[32], uint32_t n)
{
    memset(room, 0x5a, 32);
    memcpy(room, &n, sizeof n);
    return slice_of(room, 32);
}

static trustee_status put(struct trustee_request *r, uint32_t n, int number, int64_t not_after)
{
    uint8_t room[32];
    int *value = made(number);
    trustee_status status = host->cache_put(r, S("fact"), digest(room, n), value, drop, not_after);
    if (status != TRUSTEE_OK)
        free(value);
    return status;
}

/* -1: a miss. */
static int got(struct trustee_request *r, uint32_t n)
{
    uint8_t room[32];
    const int *value = host->cache_get(r, S("fact"), digest(room, n));
    return value ? *value : -1;
}

Test(plugin_host, the_cache_finds_by_class_and_digest)
{
    uint8_t room[32];
    cr_assert_eq(got(&req, 1), -1);
    cr_assert_eq(put(&req, 1, 42, INT64_MAX), TRUSTEE_OK);
    cr_assert_eq(got(&req, 1), 42);
    cr_assert_eq(got(&req, 2), -1);
    cr_assert_null(host->cache_get(&req, S("other"), digest(room, 1)));
    cr_assert_eq(atomic_load(&dropped), 0);
}

Test(plugin_host, keys_that_are_none_are_refused)
{
    uint8_t room[32];
    int value = 1;
    cr_assert_eq(host->cache_put(&req, S(""), digest(room, 1), &value, drop, INT64_MAX), TRUSTEE_E_INVAL);
    cr_assert_eq(host->cache_put(&req, S("fact"), S("short"), &value, drop, INT64_MAX), TRUSTEE_E_INVAL);
    cr_assert_eq(host->cache_put(&req, S("a class name that is longer than it may be"), digest(room, 1), &value, drop,
                                 INT64_MAX),
                 TRUSTEE_E_INVAL);
    cr_assert_eq(host->cache_put(&req, S("fact"), digest(room, 1), NULL, drop, INT64_MAX), TRUSTEE_E_INVAL);
    cr_assert_eq(host->cache_put(&req, S("fact"), digest(room, 1), &value, NULL, INT64_MAX), TRUSTEE_E_INVAL);
    cr_assert_null(host->cache_get(&req, S("fact"), S("short")));
}

Test(plugin_host, entries_end_with_their_time)
{
    cr_assert_eq(put(&req, 1, 42, clock_wall() - 1), TRUSTEE_OK);
    cr_assert_eq(got(&req, 1), -1);
}

Test(plugin_host, a_value_that_was_replaced_lives_until_the_request_ends)
{
    uint8_t room[32];
    cr_assert_eq(put(&req, 1, 42, INT64_MAX), TRUSTEE_OK);
    const int *old = host->cache_get(&req, S("fact"), digest(room, 1));
    cr_assert_eq(put(&req, 1, 43, INT64_MAX), TRUSTEE_OK);
    cr_assert_eq(*old, 42);
    cr_assert_eq(got(&req, 1), 43);
    cr_assert_eq(atomic_load(&dropped), 0);
    request_end(&req);
    cr_assert_eq(atomic_load(&dropped), 1);
    begin(&req);
    cr_assert_eq(got(&req, 1), 43);
}

Test(plugin_host, the_cache_is_bounded_and_evicts_what_was_used_longest_ago)
{
    for (uint32_t i = 0; i < CACHE_ENTRIES; i++)
        cr_assert_eq(put(&req, i, (int)i, INT64_MAX), TRUSTEE_OK);
    request_end(&req);
    begin(&req);
    cr_assert_eq(got(&req, 0), 0);
    cr_assert_eq(put(&req, 9999, 9999, INT64_MAX), TRUSTEE_OK);
    cr_assert_eq(atomic_load(&dropped), 1);
    cr_assert_eq(got(&req, 0), 0);
    cr_assert_eq(got(&req, 1), -1);
    cr_assert_eq(got(&req, 9999), 9999);
}

Test(plugin_host, a_cache_that_requests_hold_wholly_takes_no_more)
{
    for (uint32_t i = 0; i < CACHE_ENTRIES; i++)
        cr_assert_eq(put(&req, i, (int)i, INT64_MAX), TRUSTEE_OK);
    cr_assert_eq(put(&req, 9999, 9999, INT64_MAX), TRUSTEE_E_LIMIT);
    cr_assert_eq(atomic_load(&dropped), 0);
}

Test(plugin_host, a_flush_forgets_and_a_request_of_before_leaves_nothing_behind)
{
    struct trustee_request later;
    uint8_t room[32];
    cr_assert_eq(put(&req, 1, 42, INT64_MAX), TRUSTEE_OK);
    const int *held = host->cache_get(&req, S("fact"), digest(room, 1));
    plugins_flush(plugins);
    cr_assert_eq(*held, 42);
    cr_assert_eq(atomic_load(&dropped), 0);
    begin(&later);
    cr_assert_eq(got(&later, 1), -1);
    /* The running request began under the old anchors. */
    cr_assert_eq(put(&req, 2, 43, INT64_MAX), TRUSTEE_OK);
    cr_assert_eq(got(&later, 2), -1);
    request_end(&req);
    cr_assert_eq(atomic_load(&dropped), 2);
    request_end(&later);
}

Test(plugin_host, a_request_of_before_a_flush_neither_sees_nor_replaces_what_came_after)
{
    struct trustee_request later;
    plugins_flush(plugins);
    begin(&later);
    cr_assert_eq(put(&later, 1, 42, INT64_MAX), TRUSTEE_OK);
    cr_assert_eq(got(&req, 1), -1);
    cr_assert_eq(put(&req, 1, 13, INT64_MAX), TRUSTEE_OK);
    cr_assert_eq(got(&later, 1), 42);
    request_end(&later);
}

Test(plugin_host, everything_is_dropped_at_the_end)
{
    cr_assert_eq(put(&req, 1, 42, INT64_MAX), TRUSTEE_OK);
    request_end(&req);
    cr_assert_eq(atomic_load(&dropped), 0);
    plugins_free(plugins);
    plugins = NULL;
    cr_assert_eq(atomic_load(&dropped), 1);
}

static void *use_the_cache(void *seed)
{
    struct arena own;
    struct trustee_request r;
    unsigned n = (unsigned)(uintptr_t)seed;
    cr_assert(!FAILED(arena_map(&own, (size_t)1 << 20, ARENA_PLAIN)));
    for (int round = 0; round < 200; round++) {
        request_begin(&r, &own, NULL, NULL, 0);
        r.plugin = plugins->first;
        for (int i = 0; i < 20; i++) {
            n = n * 1103515245u + 12345u;
            uint32_t key = (n >> 16) % 700;
            int found = got(&r, key);
            cr_assert(found == -1 || found == (int)key);
            if (found == -1)
                (void)put(&r, key, (int)key, INT64_MAX);
        }
        if (round % 50 == 0)
            plugins_flush(plugins);
        request_end(&r);
        arena_reset(&own, own.size);
    }
    arena_unmap(&own);
    return NULL;
}

Test(plugin_host, the_cache_is_safe_among_threads)
{
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, use_the_cache, (void *)(i + 1)), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

/* --- threads --- */

static _Atomic int inside, most;

static void *visits(void *unused)
{
    (void)unused;
    for (int i = 0; i < 50; i++) {
        struct trustee_request r = {0};
        struct visit v = plugin_enter(plugins->first, &r);
        int now = atomic_fetch_add(&inside, 1) + 1;
        if (now > atomic_load(&most))
            atomic_store(&most, now);
        usleep(100);
        atomic_fetch_sub(&inside, 1);
        plugin_leave(&v);
        cr_assert_null(r.plugin);
    }
    return NULL;
}

Test(plugin_host, a_serial_plugin_is_called_by_one_thread_at_a_time)
{
    pthread_t threads[4];
    cr_assert_eq(plugins->first->about.thread_model, TRUSTEE_THREADS_SERIAL);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, visits, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(atomic_load(&most), 1);
}
