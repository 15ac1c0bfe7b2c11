/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/claims/claims.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;
static struct trustee_writer w;

static void begin(void)
{
    cr_assert(!FAILED(arena_map(&arena, 64 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(claims_begin(&w, &arena, 100000)));
}

static void end(void)
{
    arena_unmap(&arena);
}

TestSuite(claims, .init = begin, .fini = end, .timeout = 60);

static tree ended(void)
{
    tree t;
    result r = claims_end(&w, &t);
    cr_assert(!FAILED(r), "%s", reason_id((enum reason)r.reason));
    return t;
}

static void refuses(enum reason why)
{
    tree t;
    result r = claims_end(&w, &t);
    cr_expect(r.reason == why, "%s, expected %s", reason_id((enum reason)r.reason), reason_id(why));
    cr_expect(t.nodes == NULL && t.count == 0);
}

static slice written(tree of, bool sorted)
{
    struct text t = text_begin(&arena);
    tree_json(&t, of, tree_root(of), sorted);
    return text_end(&t);
}

static void expect_text(slice actual, slice expected)
{
    cr_expect(slice_equal(actual, expected), "got %.*s, expected %.*s", SLICE_ARG(actual), SLICE_ARG(expected));
}

static const json *parsed(slice text)
{
    const json *v;
    cr_assert(!FAILED(json_parse(&arena, text, &v)));
    return v;
}

static tree tree_of(slice text)
{
    struct trustee_writer other;
    tree t;
    cr_assert(!FAILED(claims_begin(&other, &arena, 1000)));
    claims_json(&other, S("v"), parsed(text));
    cr_assert(!FAILED(claims_end(&other, &t)));
    return t;
}

Test(claims, every_kind_of_value_is_written_and_read)
{
    claims_text(&w, S("text"), S("a\"b"));
    claims_hex(&w, S("hex"), S("\x01\xff"));
    claims_base64(&w, S("b64"), S("\xfb\xff"));
    claims_base64url(&w, S("b64u"), S("\xfb\xff"));
    claims_i64(&w, S("i"), -5);
    claims_bool(&w, S("t"), true);
    claims_null(&w, S("n"));
    claims_number(&w, S("d"), S("1.50"));
    claims_number(&w, S("int"), S("17"));
    claims_array(&w, S("a"));
    claims_i64(&w, NO_SLICE, 1);
    claims_object(&w, NO_SLICE);
    claims_close(&w);
    claims_close(&w);
    tree t = ended();
    expect_text(
        written(t, false),
        S("{\"text\":\"a\\\"b\",\"hex\":\"01ff\",\"b64\":\"+/8=\",\"b64u\":\"-_8\",\"i\":-5,\"t\":true,\"n\":null,"
          "\"d\":1.50,\"int\":17,\"a\":[1,{}]}"));
    cr_expect(tree_get(t, tree_root(t), S("int"))->type == TRUSTEE_NODE_INT);
    cr_expect(tree_get(t, tree_root(t), S("d"))->type == TRUSTEE_NODE_NUMBER);
    cr_expect(tree_get(t, tree_root(t), S("a"))->integer == 2);
    cr_expect(tree_root(t)->integer == 10);
    cr_expect(tree_root(t)->next == t.count);
    expect_text(node_text(tree_get(t, tree_root(t), S("hex"))), S("01ff"));
    cr_expect(node_text(tree_get(t, tree_root(t), S("i"))).ptr == NULL);
    cr_expect(tree_get(t, tree_root(t), S("absent")) == NULL);
    cr_expect(node_text(NULL).ptr == NULL);
}

Test(claims, texts_and_keys_are_copied)
{
    char key[] = "key", text[] = "text";
    claims_text(&w, slice_text(key), slice_text(text));
    memset(key, 'x', 3);
    memset(text, 'y', 4);
    expect_text(written(ended(), false), S("{\"key\":\"text\"}"));
}

Test(claims, what_is_open_is_closed_at_the_end)
{
    claims_object(&w, S("a"));
    claims_array(&w, S("b"));
    expect_text(written(ended(), false), S("{\"a\":{\"b\":[]}}"));
}

Test(claims, unused_nodes_are_given_back)
{
    tree t = ended();
    cr_expect(arena.base + arena.used == (const uint8_t *)(t.nodes + t.count));
}

Test(claims, a_key_twice_is_refused)
{
    claims_i64(&w, S("a"), 1);
    claims_object(&w, S("b"));
    claims_i64(&w, S("a"), 1);
    claims_close(&w);
    claims_i64(&w, S("a"), 1);
    refuses(ATTEST_CLAIMS);
}

static void many_keys(int count)
{
    for (int i = 0; i < count; i++)
        claims_i64(&w, arena_printf(&arena, "key %d", i), i);
}

Test(claims, a_key_twice_among_many_is_refused)
{
    many_keys(20000);
    claims_null(&w, S("key 700"));
    refuses(ATTEST_CLAIMS);
}

Test(claims, many_keys_are_accepted_and_sorted)
{
    many_keys(20000);
    slice text = written(ended(), true);
    cr_expect(slice_starts(
        text, S("{\"key 0\":0,\"key 1\":1,\"key 10\":10,\"key 100\":100,\"key 1000\":1000,\"key 10000\":")));
    cr_expect(json_count(parsed(text)) == 20000);
}

Test(claims, a_key_in_an_array_is_refused)
{
    claims_array(&w, S("a"));
    claims_i64(&w, S("k"), 1);
    refuses(ATTEST_CLAIMS);
}

Test(claims, the_root_cannot_be_closed)
{
    claims_close(&w);
    refuses(ATTEST_CLAIMS);
}

Test(claims, nothing_is_written_after_the_end)
{
    ended();
    claims_i64(&w, S("late"), 1);
    refuses(ATTEST_CLAIMS);
}

Test(claims, text_that_is_not_utf8_is_refused)
{
    claims_text(&w, S("a"), S("\xff"));
    refuses(ATTEST_CLAIMS);
}

Test(claims, a_key_that_is_not_utf8_is_refused)
{
    claims_i64(&w, S("\xff"), 1);
    refuses(ATTEST_CLAIMS);
}

Test(claims, a_number_that_is_none_is_refused)
{
    const char *texts[] = {"",   "-",  "01",  "1.", ".5",  "1e",  "1e+",  "NaN",
                           "1 ", " 1", "0x1", "+1", "1,2", "--1", "1.e5", "1e5.0"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tree t;
        cr_assert(!FAILED(claims_begin(&w, &arena, 10)));
        claims_number(&w, S("n"), slice_text(texts[i]));
        cr_expect(claims_end(&w, &t).reason == ATTEST_CLAIMS, "%s", texts[i]);
    }
}

Test(claims, nesting_is_bounded)
{
    for (int i = 1; i < CLAIMS_DEPTH_MAX; i++)
        claims_object(&w, S("deeper"));
    cr_expect(!w.failed);
    claims_object(&w, S("too deep"));
    refuses(ATTEST_CLAIMS);
}

Test(claims, json_that_nests_too_deeply_is_refused)
{
    struct text t = text_begin(&arena);
    for (int i = 0; i < CLAIMS_DEPTH_MAX; i++)
        text_lit(&t, "[");
    for (int i = 0; i < CLAIMS_DEPTH_MAX; i++)
        text_lit(&t, "]");
    claims_json(&w, S("v"), parsed(text_end(&t)));
    refuses(ATTEST_CLAIMS);
}

Test(claims, too_many_nodes_are_a_matter_of_memory)
{
    cr_assert(!FAILED(claims_begin(&w, &arena, 3)));
    claims_i64(&w, S("a"), 1);
    claims_i64(&w, S("b"), 2);
    cr_expect(!w.failed);
    claims_i64(&w, S("c"), 3);
    refuses(NO_MEMORY);
}

Test(claims, a_tree_grows_around_its_texts)
{
    uint8_t name[8];
    for (uint32_t i = 0; i < 1000; i++) {
        slice key = arena_printf(&arena, "k%u", i);
        claims_text(&w, key, key);
    }
    tree t = ended();
    cr_assert_eq(t.count, 1001);
    for (uint32_t i = 0; i < 1000; i++) {
        int n = snprintf((char *)name, sizeof name, "k%u", i);
        const node *found = tree_get(t, tree_root(t), slice_of(name, (size_t)n));
        cr_assert(found && slice_equal(found->text, slice_of(name, (size_t)n)), "%u", i);
    }
}

Test(claims, capacity_that_is_not_used_is_never_touched)
{
    struct trustee_writer big;
    tree t;
    arena_reset(&arena, 0);
    cr_assert(!FAILED(claims_begin(&big, &arena, 16384)));
    claims_i64(&big, S("a"), 1);
    cr_assert(!FAILED(claims_end(&big, &t)));
    cr_expect_lt(arena.high, 4096);
}

Test(claims, text_that_does_not_fit_is_a_matter_of_memory)
{
    arena.used = arena.size - 10;
    claims_text(&w, S("a"), S("0123456789"));
    refuses(NO_MEMORY);
}

Test(claims, a_json_value_is_copied_whole)
{
    slice text =
        S("{\"z\":[1,-0,1.0,{\"\":\"x\\u0000y\"},[]],\"a\":null,\"t\":true,\"f\":false,\"big\":18446744073709551616}");
    claims_json(&w, S("v"), parsed(text));
    tree t = ended();
    expect_text(written(t, false), arena_printf(&arena, "{\"v\":%.*s}", SLICE_ARG(text)));
    cr_expect(node_text(tree_at(t, S("/v/z/3/"))).len == 3);
}

Test(claims, a_subtree_is_copied_whole)
{
    slice text = S("{\"z\":[1,-0,1.0,{\"\":\"x\"},[]],\"a\":null}");
    tree from = tree_of(text);
    claims_subtree(&w, S("copy"), from, tree_at(from, S("/v")));
    claims_subtree(&w, S("leaf"), from, tree_at(from, S("/v/z/3/")));
    expect_text(written(ended(), false), arena_printf(&arena, "{\"copy\":%.*s,\"leaf\":\"x\"}", SLICE_ARG(text)));
}

Test(claims, copying_nothing_is_refused)
{
    claims_json(&w, S("v"), NULL);
    refuses(ATTEST_CLAIMS);
}

Test(claims, pointers_walk_objects_and_arrays)
{
    tree t = tree_of(S("{\"a/b\":[0,{\"m~n\":\"found\"}]}"));
    expect_text(node_text(tree_at(t, S("/v/a~1b/1/m~0n"))), S("found"));
    cr_expect(tree_at(t, S("")) == tree_root(t));
    cr_expect(tree_at(t, S("/v/a~1b/2")) == NULL);
    cr_expect(tree_at(t, S("/v/a~1b/01")) == NULL);
    cr_expect(tree_at(t, S("v")) == NULL);
    cr_expect(tree_at(t, S("/v/a~1b/0/x")) == NULL);
    cr_expect(tree_at((tree){NULL, 0}, S("")) == NULL);
}

Test(claims, sorting_is_by_bytes_at_every_level)
{
    tree t = tree_of(S("{\"b\":{\"z\":1,\"a\":2},\"a\":[{\"d\":1,\"c\":2}],\"B\":0,\"aa\":0,\"\\u00e9\":0}"));
    expect_text(written(t, true),
                S("{\"v\":{\"B\":0,\"a\":[{\"c\":2,\"d\":1}],\"aa\":0,\"b\":{\"a\":2,\"z\":1},\"\xc3\xa9\":0}}"));
}

static bool equal(slice x, slice y)
{
    tree a = tree_of(x), b = tree_of(y);
    return tree_equal(a, tree_root(a), b, tree_root(b));
}

Test(claims, equality_ignores_the_order_of_members_only)
{
    cr_expect(equal(S("{\"a\":1,\"b\":[1,\"x\"],\"c\":null}"), S("{\"c\":null,\"b\":[1,\"x\"],\"a\":1}")));
    cr_expect(!equal(S("[1,2]"), S("[2,1]")));
    cr_expect(!equal(S("{\"a\":1}"), S("{\"a\":2}")));
    cr_expect(!equal(S("{\"a\":1}"), S("{\"b\":1}")));
    cr_expect(!equal(S("{\"a\":1}"), S("{\"a\":1,\"b\":1}")));
    cr_expect(!equal(S("{\"a\":1}"), S("{\"a\":true}")));
    cr_expect(!equal(S("\"1\""), S("1")));
    cr_expect(!equal(S("1.0"), S("1")));
    cr_expect(!equal(S("[]"), S("{}")));
    cr_expect(tree_equal((tree){NULL, 0}, NULL, (tree){NULL, 0}, NULL));
}

Test(claims, a_tree_that_points_backwards_is_not_walked_for_ever)
{
    node nodes[3] = {{.type = TRUSTEE_NODE_ARRAY, .next = 3, .integer = 2},
                     {.type = TRUSTEE_NODE_ARRAY, .next = 0},
                     {.type = TRUSTEE_NODE_ARRAY, .next = 1}};
    cr_expect(slice_starts(written((tree){nodes, 3}, false), S("[")));
    nodes[1].next = 900;
    cr_expect(slice_starts(written((tree){nodes, 3}, false), S("[")));
}
