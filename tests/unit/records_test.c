/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of decisions and the store of them.
 */
#include "core/record/store.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/json/json.h"

static struct arena arena, keep;
static struct records *records;

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)32 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(arena_map(&keep, (size_t)32 << 20, ARENA_PLAIN)));
}

static void teardown(void)
{
    records_free(records);
    arena_unmap(&arena);
    arena_unmap(&keep);
}

TestSuite(records, .init = setup, .fini = teardown);

static void id_of(uint32_t n, uint8_t id[16])
{
    memset(id, 0, 16);
    memcpy(id, &n, sizeof n);
    id[15] = 1;
}

/* A record of about `size` bytes whose path says its number. */
static void add(uint32_t n, const char *kind, size_t size, bool trusted)
{
    struct record r;
    uint8_t id[16];
    id_of(n, id);
    arena_reset(&arena, 1 << 20);
    record_begin(&r, &arena, kind, id);
    r.path = arena_printf(&arena, "number %u", n);
    for (size_t left = size; left > 0; left -= left < 900 ? left : 900) {
        uint8_t *room = arena_alloc(&arena, 900, 1);
        memset(room, 'x', 900);
        record_check(&r, S("check"), true, slice_of(room, left < 900 ? left : 900), NO_SLICE);
    }
    records_add(records, &r, trusted);
}

static bool has(uint32_t n)
{
    uint8_t id[16];
    slice text;
    const json *v;
    size_t mark = keep.used;
    id_of(n, id);
    result r = records_get(records, id, &keep, &text);
    if (FAILED(r)) {
        cr_assert_eq(r.reason, RECORD_NOT_FOUND);
        return false;
    }
    cr_assert(!FAILED(json_parse(&keep, text, &v)), "%.*s", SLICE_ARG(text));
    slice wanted = arena_printf(&keep, "number %u", n);
    cr_assert(slice_equal(json_text(json_get(v, S("path"))), wanted));
    keep.used = mark;
    return true;
}

static void open_store(size_t bytes)
{
    cr_assert(!FAILED(records_new(bytes, &records)));
}

static const json *as_json(const struct record *r)
{
    const json *v;
    struct text t = text_begin(&keep);
    record_json(&t, r);
    slice text = text_end(&t);
    cr_assert(!FAILED(json_parse(&keep, text, &v)), "%.*s", SLICE_ARG(text));
    return v;
}

static bool text_is(const json *v, const char *pointer, const char *expected)
{
    slice s = json_text(json_at(v, slice_text(pointer)));
    return s.ptr && slice_equal(s, slice_text(expected));
}

/* --- one record --- */

Test(records, an_empty_record_is_json)
{
    struct record r;
    static const uint8_t id[16] = {0xab};
    record_begin(&r, &arena, "auth", id);
    const json *v = as_json(&r);
    cr_assert(text_is(v, "/id", "ab000000000000000000000000000000"));
    cr_assert(text_is(v, "/kind", "auth"));
    bool allowed = true;
    cr_assert(json_bool(json_get(v, S("allowed")), &allowed) && !allowed);
    cr_assert_eq(json_count(v), 4);
}

Test(records, everything_is_told_and_escaped)
{
    struct record r;
    bool passed;
    static const uint8_t id[16];
    record_begin(&r, &arena, "release", id);
    r.path = S("/kbs/\"x\"\r\n\x1b");
    r.peer = S("127.0.0.1:1");
    r.vector = S("{\"hardware\":2}");
    record_check(&r, S("one"), true, S("a\\b"), S(""));
    record_check(&r, S("two"), false, S("expected"), S("actual"));
    record_missing(&r, S("first"));
    record_missing(&r, S("second \"quoted\""));
    record_missing(&r, S("first"));
    record_refuse(&r, RELEASE_DENIED, NO_SLICE);
    const json *v = as_json(&r);
    cr_assert(text_is(v, "/path", "/kbs/\"x\"\r\n\x1b"));
    cr_assert(text_is(v, "/reason", "release.denied"));
    cr_assert(text_is(v, "/class", reason_class_name(CLASS_POLICY)));
    cr_assert(text_is(v, "/checks/0/expected", "a\\b"));
    cr_assert(text_is(v, "/checks/1/actual", "actual"));
    cr_assert(json_bool(json_at(v, S("/checks/1/passed")), &passed) && !passed);
    cr_assert_eq(json_count(json_get(v, S("missing_reference_values"))), 2);
    cr_assert_eq(json_count(json_get(v, S("trustworthiness_vector"))), 1);
}

Test(records, the_first_refusal_counts)
{
    struct record r;
    static const uint8_t id[16];
    record_begin(&r, &arena, "release", id);
    record_refuse(&r, RELEASE_DENIED, S("because"));
    record_refuse(&r, RELEASE_BINDING, NO_SLICE);
    record_refuse_as(&r, CLASS_EVIDENCE, S("tpm.x"), S("y"));
    cr_assert(slice_equal(r.reason, S("release.denied")));
    cr_assert(slice_equal(r.text, S("because")));
    cr_assert_eq(r.class, CLASS_POLICY);
}

Test(records, checks_are_bounded_and_counted)
{
    struct record r;
    static const uint8_t id[16];
    record_begin(&r, &arena, "attestation", id);
    for (int i = 0; i < 1000; i++)
        record_check(&r, S("c"), true, NO_SLICE, NO_SLICE);
    cr_assert_eq(json_count(json_get(as_json(&r), S("checks"))), 256);
    cr_assert_eq(r.check_count, 1000);
}

Test(records, a_refusal_is_told_even_when_memory_ran_out)
{
    struct record r;
    static const uint8_t id[16];
    record_begin(&r, &arena, "release", id);
    arena.used = arena.size;
    record_refuse(&r, RELEASE_DENIED, NO_SLICE);
    cr_assert(r.reason.len);
    record_check(&r, S("c"), true, S("x"), S("y"));
    record_missing(&r, S("x"));
    arena.used = 0;
}

/* --- the store --- */

Test(records, what_was_added_is_found_by_its_id)
{
    open_store(1 << 20);
    add(1, "auth", 0, false);
    add(2, "release", 100, true);
    cr_assert(has(1) && has(2));
    cr_assert_not(has(3));
}

Test(records, the_oldest_leave_first)
{
    open_store(0); /* 16 slots a ring */
    for (uint32_t n = 0; n < 20; n++)
        add(n, "release", 0, true);
    for (uint32_t n = 0; n < 20; n++)
        cr_assert_eq(has(n), n >= 4, "%u", n);
}

Test(records, a_flood_of_denials_pushes_out_no_release_and_no_attestation)
{
    open_store(0);
    add(1, "release", 0, true);
    add(2, "administration", 0, true);
    add(3, "attestation", 0, true);
    for (uint32_t n = 1000; n < 3000; n++)
        add(n, n % 2 ? "release" : "attestation", n % 5000, false);
    cr_assert(has(1) && has(2) && has(3));
}

Test(records, a_flood_of_attestations_pushes_out_no_release)
{
    open_store(0);
    add(1, "release", 0, true);
    add(2, "administration", 0, true);
    for (uint32_t n = 1000; n < 3000; n++)
        add(n, "attestation", 0, true);
    cr_assert(has(1) && has(2));
}

/* Records of one slot and of up to 16, in any order: whatever is found is whole, and the newest always is. */
Test(records, long_and_short_records_wrap_around_together)
{
    unsigned seed = 1, found = 0;
    open_store(40 * 3 * 4200);
    for (uint32_t n = 0; n < 3000; n++) {
        seed = seed * 1103515245 + 12345;
        add(n, "release", seed >> 16 & 1 ? (seed >> 17) % 60000 : 10, true);
        cr_assert(has(n), "%u", n);
        for (uint32_t back = 1; back < 45 && back <= n; back++)
            found += has(n - back);
    }
    cr_assert_gt(found, 3000);
}

Test(records, a_record_too_long_for_its_slots_is_kept_without_its_checks)
{
    uint8_t id[16];
    slice text;
    const json *v;
    open_store(1 << 20);
    add(1, "release", 100000, true);
    id_of(1, id);
    cr_assert(!FAILED(records_get(records, id, &keep, &text)));
    cr_assert(!FAILED(json_parse(&keep, text, &v)));
    cr_assert(text_is(v, "/path", "number 1"));
    cr_assert_null(json_get(v, S("checks")));
}

Test(records, a_listing_is_json_with_the_newest_first)
{
    slice text;
    const json *v;
    open_store(1 << 20);
    for (uint32_t n = 0; n < 10; n++)
        add(n, n % 3 ? "attestation" : "release", n * 700, n % 2);
    cr_assert(!FAILED(records_list(records, 6, &keep, &text)));
    cr_assert(!FAILED(json_parse(&keep, text, &v)));
    cr_assert_eq(json_count(v), 6);
    for (int i = 0; i < 6; i++) {
        char pointer[32], path[32];
        snprintf(pointer, sizeof pointer, "/%d/path", i);
        snprintf(path, sizeof path, "number %d", 9 - i);
        cr_assert(text_is(v, pointer, path));
    }
    cr_assert(!FAILED(records_list(records, 500, &keep, &text)));
    cr_assert(!FAILED(json_parse(&keep, text, &v)));
    cr_assert_eq(json_count(v), 10);
}

Test(records, an_empty_store_lists_nothing)
{
    slice text;
    open_store(1 << 20);
    cr_assert(!FAILED(records_list(records, 5, &keep, &text)));
    cr_assert(slice_equal(text, S("[]")));
}

Test(records, a_listing_that_does_not_fit_is_said)
{
    slice text;
    struct arena small;
    open_store(1 << 20);
    for (uint32_t n = 0; n < 10; n++)
        add(n, "release", 4000, true);
    cr_assert(!FAILED(arena_map(&small, 8192, ARENA_PLAIN)));
    cr_assert_eq(records_list(records, 10, &small, &text).reason, NO_MEMORY);
    arena_unmap(&small);
}

static void *write_many(void *number)
{
    struct arena own;
    uint32_t base = *(uint32_t *)number;
    cr_assert(!FAILED(arena_map(&own, 1 << 20, ARENA_PLAIN)));
    for (uint32_t n = 0; n < 300; n++) {
        struct record r;
        uint8_t id[16];
        id_of(base + n, id);
        arena_reset(&own, 1 << 20);
        record_begin(&r, &own, "release", id);
        records_add(records, &r, n % 2);
    }
    arena_unmap(&own);
    return NULL;
}

Test(records, threads_write_and_list_at_once)
{
    pthread_t threads[4];
    uint32_t bases[4] = {1000, 2000, 3000, 4000};
    open_store(1 << 18);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, write_many, &bases[i]);
    for (int i = 0; i < 50; i++) {
        slice text;
        const json *v;
        keep.used = 0;
        cr_assert(!FAILED(records_list(records, 20, &keep, &text)));
        cr_assert(!FAILED(json_parse(&keep, text, &v)));
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}
