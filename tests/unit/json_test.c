/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/json.h"

#include <criterion/criterion.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

static struct arena arena;

static void map_arena(void)
{
    cr_assert(!FAILED(arena_map(&arena, 256 << 20, ARENA_PLAIN)));
}

static void unmap_arena(void)
{
    arena_unmap(&arena);
}

TestSuite(json, .init = map_arena, .fini = unmap_arena, .timeout = 60);

static const json *parsed(slice text)
{
    const json *v;
    result r = json_parse(&arena, text, &v);
    cr_assert(!FAILED(r), "%.*s: %s", SLICE_ARG(slice_sub(text, 0, 60)), reason_id((enum reason)r.reason));
    return v;
}

static void refuses(slice text, enum reason why)
{
    const json *v;
    size_t used = arena.used;
    result r = json_parse(&arena, text, &v);
    cr_expect(r.reason == why, "%.*s: %s, expected %s", SLICE_ARG(slice_sub(text, 0, 60)),
              reason_id((enum reason)r.reason), reason_id(why));
    cr_expect(v == NULL);
    cr_expect(arena.used == used);
}

static slice canonical(slice text)
{
    const json *v = parsed(text);
    struct text t = text_begin(&arena);
    result r = json_canonical(&t, v);
    cr_assert(!FAILED(r), "%.*s: %s", SLICE_ARG(slice_sub(text, 0, 60)), reason_id((enum reason)r.reason));
    return text_end(&t);
}

static void canonical_refuses(slice text)
{
    const json *v = parsed(text);
    struct text t = text_begin(&arena);
    cr_expect(json_canonical(&t, v).reason == JSON_NUMBER, "%.*s", SLICE_ARG(text));
}

static void expect_text(slice actual, slice expected)
{
    cr_expect(slice_equal(actual, expected), "got %.*s, expected %.*s", SLICE_ARG(actual), SLICE_ARG(expected));
}

/* `count` times `part` between `head` and `tail`. */
static slice repeated(const char *head, const char *part, size_t count, const char *tail)
{
    struct text t = text_begin(&arena);
    text_add(&t, slice_text(head));
    for (size_t i = 0; i < count; i++)
        text_add(&t, slice_text(part));
    text_add(&t, slice_text(tail));
    return text_end(&t);
}

/* --- parsing
 * ----------------------------------------------------------------------------------------------------------- */

Test(json, every_kind_of_value_is_read)
{
    const json *v = parsed(
        S(" {\"n\":null,\"t\":true,\"f\":false,\"i\":-7,\"d\":1.5,\"s\":\"a\\u00e9\\n\",\"a\":[1,2],\"o\":{}} "));
    int64_t i;
    uint64_t u;
    bool b;
    cr_expect(json_type(v) == TRUSTEE_NODE_OBJECT);
    cr_expect(json_count(v) == 8);
    cr_expect(json_is_null(json_get(v, S("n"))));
    cr_expect(json_bool(json_get(v, S("t")), &b) && b);
    cr_expect(json_bool(json_get(v, S("f")), &b) && !b);
    cr_expect(json_i64(json_get(v, S("i")), &i) && i == -7);
    cr_expect(!json_u64(json_get(v, S("i")), &u));
    cr_expect(json_type(json_get(v, S("i"))) == TRUSTEE_NODE_INT);
    cr_expect(json_type(json_get(v, S("d"))) == TRUSTEE_NODE_NUMBER);
    cr_expect(!json_i64(json_get(v, S("d")), &i));
    expect_text(json_number(json_get(v, S("d"))), S("1.5"));
    expect_text(json_text(json_get(v, S("s"))), S("a\xc3\xa9\n"));
    cr_expect(json_count(json_get(v, S("a"))) == 2);
    cr_expect(json_count(json_get(v, S("o"))) == 0);
    cr_expect(json_next(json_get(v, S("o")), NULL, NULL) == NULL);
}

Test(json, absent_values_are_absent_all_the_way)
{
    const json *v = parsed(S("{\"a\":[]}"));
    int64_t i;
    cr_expect(json_get(v, S("b")) == NULL);
    cr_expect(json_get(NULL, S("b")) == NULL);
    cr_expect(json_get(json_get(v, S("a")), S("b")) == NULL);
    cr_expect(json_text(NULL).ptr == NULL);
    cr_expect(json_text(v).ptr == NULL);
    cr_expect(!json_i64(NULL, &i));
    cr_expect(!json_is_null(NULL));
    cr_expect(json_type(NULL) == TRUSTEE_NODE_NULL);
    cr_expect(json_count(NULL) == 0);
    cr_expect(json_at(NULL, S("")) == NULL);
}

Test(json, an_empty_string_is_a_string)
{
    slice s = json_text(parsed(S("\"\"")));
    cr_expect(s.ptr && s.len == 0);
}

Test(json, members_are_walked_in_document_order)
{
    const json *v = parsed(S("{\"z\":{\"q\":[1,[2]]},\"a\":2,\"m\":[]}"));
    const char *expected[] = {"z", "a", "m"};
    size_t n = 0;
    slice key;
    for (const json *m = json_next(v, NULL, &key); m; m = json_next(v, m, &key))
        expect_text(key, slice_text(expected[n++]));
    cr_expect(n == 3);
}

/* The document and the answers are those of RFC 6901 section 5. */
Test(json, pointers_find_what_rfc_6901_says)
{
    const json *v = parsed(S("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
                             "\"k\\\"l\":6,\" \":7,\"m~n\":8}"));
    const char *pointers[] = {"/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n"};
    cr_expect(json_at(v, S("")) == v);
    cr_expect(json_at(v, S("/foo")) == json_get(v, S("foo")));
    expect_text(json_text(json_at(v, S("/foo/0"))), S("bar"));
    expect_text(json_text(json_at(v, S("/foo/1"))), S("baz"));
    for (int64_t i = 0, got = -1; i < 9; i++)
        cr_expect(json_i64(json_at(v, slice_text(pointers[i])), &got) && got == i, "%s", pointers[i]);
}

Test(json, pointers_that_name_nothing_find_nothing)
{
    const json *v = parsed(S("{\"foo\":[\"bar\"],\"m~n\":8}"));
    const char *pointers[] = {"foo",  "/foo/1", "/foo/00", "/foo/-", "/foo/+0", "/foo/0/0",
                              "/bar", "/m~n",   "/m~",     "/m~2n",  "/foo/",   "/foo/99999999999999999999999"};
    for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++)
        cr_expect(json_at(v, slice_text(pointers[i])) == NULL, "%s", pointers[i]);
}

Test(json, what_is_not_one_document_is_refused)
{
    slice texts[] = {
        S(""),
        S(" "),
        S("["),
        S("{"),
        S("{\"a\"}"),
        S("{\"a\":}"),
        S("[1,]"),
        S("{\"a\":1,}"),
        S("[1 2]"),
        S("nul"),
        S("True"),
        S("'a'"),
        S("\"a"),
        S("\"\\"),
        S("\"\\\""),
        S("\"a\nb\""),
        S("\"\\x\""),
        S("\"\\u12\""),
        S("01"),
        S("+1"),
        S("1."),
        S(".5"),
        S("1e"),
        S("-"),
        S("0x10"),
        S("NaN"),
        S("Infinity"),
        S("[1]]"),
        S("{} {}"),
        S("1 2"),
        S("[1]x"),
        S("/* c */1"),
        S("[1] // c"),
        S("\xef\xbb\xbf{}"),
        S("\"\xff\""),
        S("\"\xc0\x80\""),
        S("\"\xed\xa0\x80\""),
        S("\"\xf4\x90\x80\x80\""),
        S("\"\\ud800\""),
        S("\"\\udc00\""),
        S("\"\\ud800\\u0041\""),
        S("[1]\0"),
        S("\0[1]"),
        S("[\0]"),
        S("{\"a\":1]"),
        S("]"),
        S("}"),
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refuses(texts[i], JSON_SYNTAX);
}

Test(json, a_member_that_stands_twice_is_refused)
{
    refuses(S("{\"a\":1,\"a\":1}"), JSON_DUPLICATE);
    refuses(S("{\"a\":1,\"b\":{\"c\":1,\"d\":2,\"c\":3}}"), JSON_DUPLICATE);
    refuses(S("[0,[{\"\":1,\"\":1}]]"), JSON_DUPLICATE);
    parsed(S("[{\"a\":1},{\"a\":1}]"));
    parsed(S("{\"a\":{\"a\":{\"a\":1}}}"));
}

Test(json, a_member_that_stands_twice_after_unescaping_is_refused)
{
    refuses(S("{\"tee\":1,\"\\u0074ee\":2}"), JSON_DUPLICATE);
    refuses(S("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}"), JSON_DUPLICATE);
}

static slice large_object(size_t members, const char *last)
{
    struct text t = text_begin(&arena);
    text_lit(&t, "{");
    for (size_t i = 0; i < members; i++) {
        text_lit(&t, "\"key ");
        text_u64(&t, i);
        text_lit(&t, "\":null,");
    }
    text_add(&t, slice_text(last));
    text_lit(&t, ":0}");
    return text_end(&t);
}

Test(json, one_member_twice_among_many_is_refused)
{
    for (size_t members = 10; members < 100000; members *= 3) {
        refuses(large_object(members, "\"key 7\""), JSON_DUPLICATE);
        cr_expect(json_count(parsed(large_object(members, "\"another\""))) == members + 1);
    }
}

Test(json, a_large_object_is_checked_in_time_that_grows_with_its_size)
{
    slice text = large_object(200000, "\"another\"");
    cr_expect(json_count(parsed(text)) == 200001);
}

Test(json, nesting_is_bounded)
{
    struct text t = text_begin(&arena);
    for (int i = 0; i < 64; i++)
        text_lit(&t, "[");
    for (int i = 0; i < 64; i++)
        text_lit(&t, "]");
    parsed(text_end(&t));
    refuses(repeated("", "[", 65, ""), JSON_DEPTH);
    refuses(repeated("", "{\"a\":", 65, ""), JSON_DEPTH);
    refuses(repeated("", "[", 100000, ""), JSON_DEPTH);
    parsed(S("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\""));
}

Test(json, brackets_in_strings_do_not_nest)
{
    parsed(repeated("\"", "\\\\\\\"[{", 200, "\""));
    parsed(repeated("[\"\\\\\"", ",\"\\\\\",\"[\"", 200, "]"));
}

Test(json, memory_stays_below_eight_times_the_text)
{
    slice text = repeated("[{}", ",{}", 600000, "]");
    size_t before = arena.used;
    arena.high = before;
    parsed(text);
    cr_expect(arena.high - before <= 8 * text.len + 4096, "%zu for %zu", arena.high - before, (size_t)text.len);
    refuses(repeated("[0", ",0", 600000, "]"), JSON_BUDGET);
    parsed(repeated("[0", ",0", 100, "]"));
}

Test(json, a_full_arena_is_a_budget_and_not_a_crash)
{
    slice text = S("{\"a\":[1,2,3,4,5,6,7,8,9],\"b\":\"text\"}");
    struct arena small;
    cr_assert(!FAILED(arena_map(&small, 4096, ARENA_PLAIN)));
    for (size_t room = 0; room < 1024; room++) {
        const json *v;
        small.used = small.size - room;
        result r = json_parse(&small, text, &v);
        cr_expect(FAILED(r) ? r.reason == JSON_BUDGET && !v : json_count(v) == 2);
        small.used = 0;
    }
    arena_unmap(&small);
}

Test(json, numbers_keep_their_text)
{
    slice big = repeated("", "7", 100000, "");
    expect_text(json_number(parsed(big)), big);
    cr_expect(json_type(parsed(S("1e999"))) == TRUSTEE_NODE_NUMBER);
    cr_expect(json_type(parsed(S("18446744073709551616"))) == TRUSTEE_NODE_NUMBER);
    cr_expect(json_type(parsed(S("9223372036854775808"))) == TRUSTEE_NODE_NUMBER);
    cr_expect(json_type(parsed(S("9223372036854775807"))) == TRUSTEE_NODE_INT);
    cr_expect(json_type(parsed(S("-9223372036854775808"))) == TRUSTEE_NODE_INT);
    cr_expect(json_type(parsed(S("-9223372036854775809"))) == TRUSTEE_NODE_NUMBER);
    cr_expect(json_type(parsed(S("-0"))) == TRUSTEE_NODE_NUMBER);
    cr_expect(json_type(parsed(S("1.0"))) == TRUSTEE_NODE_NUMBER);
    int64_t i;
    uint64_t u;
    cr_expect(json_i64(parsed(S("-9223372036854775808")), &i) && i == INT64_MIN);
    cr_expect(json_u64(parsed(S("18446744073709551615")), &u) && u == UINT64_MAX);
    cr_expect(!json_u64(parsed(S("18446744073709551616")), &u));
    cr_expect(!json_u64(parsed(S("1e2")), &u));
    cr_expect(!json_i64(parsed(S("-0")), &i));
}

/* --- canonical form
 * ---------------------------------------------------------------------------------------------------- */

/* The hash is the one that the protocol's own tests assert for this object. */
Test(json, the_protocols_own_example_has_its_hash)
{
    uint8_t digest[SHA384_DIGEST_LENGTH], hex[2 * SHA384_DIGEST_LENGTH];
    slice text = canonical(S("{\"b\":1,\"a\":\"test\",\"c\":{\"d\":\"e\"}}"));
    expect_text(text, S("{\"a\":\"test\",\"b\":1,\"c\":{\"d\":\"e\"}}"));
    SHA384(text.ptr, text.len, digest);
    hex_encode(hex, slice_of(digest, sizeof digest));
    expect_text(slice_of(hex, sizeof hex), S("e71ce8e70d814ba6639c3612ebee0ff1f76f650f8dbb5e47157e0f3f525cd22c"
                                             "4597480a186427c813ca941da78870c3"));
}

/* RFC 8785 section 3.2.3. */
Test(json, members_are_sorted_by_utf16_code_units)
{
    slice text = canonical(
        S("{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\","
          "\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
          "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}"));
    const char *order[] = {"Carriage Return", "One", "Control", "Latin Small", "Euro Sign", "Emoji", "Hebrew"};
    const uint8_t *last = text.ptr;
    for (size_t i = 0; i < 7; i++) {
        const uint8_t *at = memmem(text.ptr, text.len, order[i], strlen(order[i]));
        cr_expect(at && at > last, "%s", order[i]);
        last = at;
    }
}

/* RFC 8785 section 3.2.2.2 and 3.2.2. */
Test(json, strings_are_escaped_as_rfc_8785_says)
{
    expect_text(canonical(S("\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\"")),
                S("\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\""));
    expect_text(canonical(S("\"\\u0008\\u0009\\u000A\\u000C\\u000D\\u001F\\u007f\\u0000\"")),
                S("\"\\b\\t\\n\\f\\r\\u001f\x7f\\u0000\""));
    expect_text(canonical(S(" [ null , true , false ] ")), S("[null,true,false]"));
}

/* Appendix B of RFC 8785, the numbers that are their own canonical text. */
Test(json, numbers_in_ecmascript_form_are_taken_as_they_are)
{
    const char *numbers[] = {"0",
                             "5e-324",
                             "-5e-324",
                             "1.7976931348623157e+308",
                             "-1.7976931348623157e+308",
                             "9007199254740992",
                             "-9007199254740992",
                             "9.999999999999997e+22",
                             "1e+23",
                             "1.0000000000000001e+23",
                             "999999999999999.8",
                             "0.000001",
                             "1e-7",
                             "9.999999999999997e-7",
                             "333333333.3333332",
                             "333333333.33333325",
                             "333333333.3333333",
                             "333333333.3333334",
                             "333333333.33333343",
                             "-0.0000033333333333333333",
                             "1424953923781206.2",
                             "4.5",
                             "0.002",
                             "1e-27",
                             "4.35",
                             "123.456",
                             "1e+30",
                             "-1",
                             "10",
                             "0.1"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        expect_text(canonical(slice_text(numbers[i])), slice_text(numbers[i]));
}

Test(json, other_texts_of_a_number_are_refused)
{
    const char *numbers[] = {"1.0",
                             "1e2",
                             "1E2",
                             "-0",
                             "-0.0",
                             "0.0",
                             "0e0",
                             "1e0",
                             "1.50",
                             "1e23",
                             "1E+23",
                             "1e+023",
                             "1e021",
                             "0.0000001",
                             "9007199254740993",
                             "-9007199254740993",
                             "18446744073709551615",
                             "18446744073709551616",
                             "100000000000000000000",
                             "295147905179352830000",
                             "1e999",
                             "-1e999",
                             "1e-999",
                             "4.4999999999999999999",
                             "0.10",
                             "1.7976931348623159e+308",
                             "0.1000000000000000055",
                             "10e1",
                             "1000000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        canonical_refuses(slice_text(numbers[i]));
    canonical_refuses(S("{\"a\":[{\"b\":1.0}]}"));
}

Test(json, many_members_are_sorted_too)
{
    slice text = canonical(large_object(20000, "\"a\""));
    const json *v = parsed(text);
    slice key, last = NO_SLICE;
    size_t n = 0;
    for (const json *m = json_next(v, NULL, &key); m; m = json_next(v, m, &key), n++) {
        size_t shorter = key.len < last.len ? key.len : last.len;
        int order = shorter ? memcmp(last.ptr, key.ptr, shorter) : 0;
        cr_assert(order < 0 || (order == 0 && last.len < key.len) || n == 0);
        last = key;
    }
    cr_expect(n == 20001);
}

Test(json, large_objects_inside_large_objects_are_sorted)
{
    struct text t = text_begin(&arena);
    for (int depth = 0; depth < 20; depth++) {
        text_lit(&t, "{");
        for (int i = 40; i > 0; i--) {
            text_lit(&t, "\"");
            text_add(&t, slice_of(&"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"[i], 1));
            text_lit(&t, "\":1,");
        }
        text_lit(&t, "\"in\":");
    }
    text_lit(&t, "2");
    for (int depth = 0; depth < 20; depth++)
        text_lit(&t, "}");
    slice once = canonical(text_end(&t));
    expect_text(canonical(once), once);
    slice open = slice_sub(once, 0, 13);
    expect_text(open, S("{\"0\":1,\"1\":1,"));
}

Test(json, canonical_says_when_the_arena_is_full)
{
    const json *v = parsed(S("{\"a\":\"0123456789012345678901234567890123456789\"}"));
    struct arena small;
    cr_assert(!FAILED(arena_map(&small, 4096, ARENA_PLAIN)));
    small.used = small.size - 20;
    struct text t = text_begin(&small);
    cr_expect(json_canonical(&t, v).reason == NO_MEMORY);
    arena_unmap(&small);
}

Test(json, a_document_is_written_in_its_own_order)
{
    const json *v =
        parsed(S(" { \"z\" : [ 1.0 , -0, 1e5, {} , [] ] , \"a\" : \"\\u0041\\n/\", \"n\":null, \"t\":true } "));
    struct text t = text_begin(&arena);
    json_write(&t, v);
    expect_text(text_end(&t), S("{\"z\":[1.0,-0,1e5,{},[]],\"a\":\"A\\n/\",\"n\":null,\"t\":true}"));
}
