/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/plugin.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/log/log.h"

static struct arena arena, scratch, secret;
static struct plugins *plugins;
static const struct store *store;
static struct trustee_request req;

static void load(const char *text)
{
    static struct ini ini;
    char error[512];
    struct plugin_settings settings = {S(TEST_BUILD "/plugins"), false, false};
    cr_assert(!FAILED(ini_parse(&arena, S("t.ini"), slice_text(text), &ini, error, sizeof error)), "%s", error);
    cr_assert(!FAILED(plugins_load(&ini, &settings, &plugins, error, sizeof error)), "%s", error);
    store = plugins_store(plugins, S("memory"));
    cr_assert(store);
}

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)1 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(arena_map(&scratch, (size_t)1 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(arena_map(&secret, (size_t)1 << 20, ARENA_SECRET)));
    log_set_level(LOG_ERROR);
    request_begin(&req, &scratch, &secret, NULL, 0);
    load("[plugin memory]\ncapacity = 4KiB\n");
}

static void teardown(void)
{
    plugins_free(plugins);
    arena_unmap(&arena);
    arena_unmap(&scratch);
    arena_unmap(&secret);
}

TestSuite(store_memory, .init = setup, .fini = teardown);

#define REPOSITORY S("repository")

static enum reason put(slice key, slice value)
{
    return store_put(store, &req, REPOSITORY, key, value).reason;
}

static enum reason get(slice key, slice *value)
{
    return store_get(store, &req, REPOSITORY, key, &secret, 4096, value).reason;
}

static void holds(slice key, slice wanted)
{
    slice value;
    cr_assert_eq(get(key, &value), REASON_OK);
    cr_assert(slice_equal(value, wanted));
}

Test(store_memory, a_value_is_found_under_its_key_and_space_alone)
{
    slice value;
    cr_assert_eq(put(S("default/key/1"), S("secret")), REASON_OK);
    holds(S("default/key/1"), S("secret"));
    cr_assert_eq(get(S("default/key/2"), &value), RELEASE_NOT_FOUND);
    cr_assert_eq(store_get(store, &req, S("kbs"), S("default/key/1"), &secret, 64, &value).reason, RELEASE_NOT_FOUND);
}

Test(store_memory, an_empty_value_is_a_value)
{
    cr_assert_eq(put(S("a"), S("")), REASON_OK);
    holds(S("a"), S(""));
}

Test(store_memory, a_value_may_hold_any_bytes)
{
    cr_assert_eq(put(S("a"), S("x\0y\xff")), REASON_OK);
    holds(S("a"), S("x\0y\xff"));
}

Test(store_memory, writing_again_replaces)
{
    cr_assert_eq(put(S("a"), S("one")), REASON_OK);
    cr_assert_eq(put(S("a"), S("two and more")), REASON_OK);
    holds(S("a"), S("two and more"));
}

Test(store_memory, what_was_deleted_is_gone)
{
    slice value;
    cr_assert_eq(put(S("a"), S("x")), REASON_OK);
    cr_assert_eq(store_delete(store, &req, REPOSITORY, S("a")).reason, REASON_OK);
    cr_assert_eq(get(S("a"), &value), RELEASE_NOT_FOUND);
    cr_assert_eq(store_delete(store, &req, REPOSITORY, S("a")).reason, RELEASE_NOT_FOUND);
}

Test(store_memory, a_value_larger_than_the_callers_limit_is_refused)
{
    slice value;
    cr_assert_eq(put(S("a"), S("12345")), REASON_OK);
    cr_assert_eq(store_get(store, &req, REPOSITORY, S("a"), &secret, 4, &value).reason, HTTP_BODY_TOO_LARGE);
    cr_assert_null(value.ptr);
}

Test(store_memory, the_sum_is_bounded_and_what_was_there_stays)
{
    static uint8_t big[5000];
    cr_assert_eq(put(S("a"), slice_of(big, 3000)), REASON_OK);
    cr_assert_eq(put(S("b"), slice_of(big, 3000)), STORAGE);
    cr_assert_eq(put(S("c"), slice_of(big, 5000)), HTTP_BODY_TOO_LARGE);
    holds(S("a"), slice_of(big, 3000));
    cr_assert_eq(put(S("a"), slice_of(big, 3500)), REASON_OK);
    holds(S("a"), slice_of(big, 3500));
    cr_assert_eq(store_delete(store, &req, REPOSITORY, S("a")).reason, REASON_OK);
    cr_assert_eq(put(S("b"), slice_of(big, 3000)), REASON_OK);
}

Test(store_memory, deleting_gives_all_of_its_room_back)
{
    static uint8_t big[2000];
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(put(S("a"), slice_of(big, sizeof big)), REASON_OK);
        cr_assert_eq(put(S("a"), slice_of(big, 1)), REASON_OK);
        cr_assert_eq(store_delete(store, &req, REPOSITORY, S("a")).reason, REASON_OK);
    }
}

static unsigned names;
static uint64_t bytes;

static void count(void *user, slice name, uint64_t size)
{
    (void)user;
    (void)name;
    names++;
    bytes += size;
}

Test(store_memory, a_listing_has_each_key_of_the_space_and_prefix_once)
{
    cr_assert_eq(put(S("default/a/1"), S("x")), REASON_OK);
    cr_assert_eq(put(S("default/a/2"), S("xy")), REASON_OK);
    cr_assert_eq(put(S("other/a/1"), S("xyz")), REASON_OK);
    cr_assert_eq(store_put(store, &req, S("kbs"), S("default/a/3"), S("x")).reason, REASON_OK);
    cr_assert_eq(store_list(store, &req, REPOSITORY, S("default/"), count, NULL).reason, REASON_OK);
    cr_assert_eq(names, 2);
    cr_assert_eq(bytes, 3);
}

Test(store_memory, it_is_ready_and_writable)
{
    char why[64];
    cr_assert_eq(store_ready(store, why, sizeof why).reason, REASON_OK);
    cr_assert_eq(store_flags(store), 0);
}

static void *work(void *seed)
{
    struct arena own, own_secret;
    struct trustee_request r;
    char key[16];
    slice value;
    cr_assert(!FAILED(arena_map(&own, 65536, ARENA_PLAIN)));
    cr_assert(!FAILED(arena_map(&own_secret, 65536, ARENA_SECRET)));
    for (unsigned i = 0; i < 2000; i++) {
        request_begin(&r, &own, &own_secret, NULL, 0);
        snprintf(key, sizeof key, "k%u", (i * 7 + (unsigned)(uintptr_t)seed) % 5);
        (void)store_put(store, &r, REPOSITORY, slice_text(key), slice_text(key)).reason;
        if (!FAILED(store_get(store, &r, REPOSITORY, slice_text(key), &own_secret, 64, &value)))
            cr_assert(slice_equal(value, slice_text(key)));
        if (i % 3 == 0)
            (void)store_delete(store, &r, REPOSITORY, slice_text(key)).reason;
        request_end(&r);
        arena_reset(&own_secret, own_secret.size);
    }
    arena_unmap(&own);
    arena_unmap(&own_secret);
    return NULL;
}

Test(store_memory, threads_do_not_disturb_each_other)
{
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, work, (void *)i), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

/* The allocator hands a block of the same size out again, with whatever is left in it. */
static bool left_in_the_heap(slice needle)
{
    enum { SIZE = 24 + 10 + 1 + 32 }; /* as the plugin's item: head, space, key, value */
    bool found = false;
    for (size_t size = SIZE - 16; size <= SIZE + 16; size += 8) {
        uint8_t *volatile block = malloc(size);
        found |= block && memmem(block, size, needle.ptr, needle.len);
        free(block);
    }
    return found;
}

Test(store_memory, what_was_deleted_or_overwritten_is_wiped)
{
    slice needle = S("hunter2 hunter2 hunter2 hunter2!");
    cr_assert_eq(put(S("a"), needle), REASON_OK);
    cr_assert_eq(put(S("a"), S("another value of thirty-two byte")), REASON_OK);
    cr_assert_not(left_in_the_heap(needle));
    cr_assert_eq(put(S("a"), needle), REASON_OK);
    cr_assert_eq(store_delete(store, &req, REPOSITORY, S("a")).reason, REASON_OK);
    cr_assert_not(left_in_the_heap(needle));
}
