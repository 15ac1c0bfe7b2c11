/* SPDX-License-Identifier: Apache-2.0
 *
 * The documents follow the sections of the TOML 1.0 specification; what must come out is said as JSON.
 */
#include "lib/toml/toml.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct arena arena;
static struct toml_error error;

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)64 << 20, ARENA_PLAIN)));
}

static void teardown(void)
{
    arena_unmap(&arena);
}

TestSuite(toml, .init = setup, .fini = teardown);

static void reads(slice text, const char *json_text_)
{
    tree t;
    cr_assert_eq(toml_parse(text, &arena, &t, &error).reason, REASON_OK, "%.*s: %u:%u %s", SLICE_ARG(text), error.line,
                 error.column, error.text);
    struct text out = text_begin(&arena);
    tree_json(&out, t, tree_root(t), false);
    slice json = text_end(&out);
    cr_assert(slice_equal(json, slice_text(json_text_)), "%.*s\n gives %.*s\n not   %s", SLICE_ARG(text),
              SLICE_ARG(json), json_text_);
}
#define READS(toml, expected) reads(S(toml), expected)

static void refuses(slice text, unsigned line, unsigned column, const char *why)
{
    tree t;
    error = (struct toml_error){0};
    cr_assert_eq(toml_parse(text, &arena, &t, &error).reason, JSON_SYNTAX, "%.*s", SLICE_ARG(text));
    cr_assert(error.line == line && error.column == column && strstr(error.text, why), "%.*s: %u:%u %s, not %u:%u %s",
              SLICE_ARG(text), error.line, error.column, error.text, line, column, why);
    cr_assert_eq(t.count, 0);
}
#define REFUSES(toml, line, column, why) refuses(S(toml), line, column, why)

Test(toml, an_empty_document_is_an_empty_table)
{
    READS("", "{}");
    READS("# only a comment", "{}");
    READS("\n\r\n \t# c\n", "{}");
}

Test(toml, comments_end_with_their_line)
{
    READS("key = \"value\" # a comment\nother = \"# not a comment\"",
          "{\"key\":\"value\",\"other\":\"# not a comment\"}");
}

Test(toml, keys_are_bare_quoted_or_dotted)
{
    READS("key = 1\nbare_key = 2\nbare-key = 3\n1234 = 4", "{\"key\":1,\"bare_key\":2,\"bare-key\":3,\"1234\":4}");
    READS("\"127.0.0.1\" = 1\n\"character encoding\" = 2\n'quoted \"value\"' = 3",
          "{\"127.0.0.1\":1,\"character encoding\":2,\"quoted \\\"value\\\"\":3}");
    READS("\"\" = \"blank\"\n", "{\"\":\"blank\"}");
    READS("name = 1\nphysical.color = 2\nphysical . shape = 3\nsite.\"google.com\" = true",
          "{\"name\":1,\"physical\":{\"color\":2,\"shape\":3},\"site\":{\"google.com\":true}}");
    READS("3.14159 = 'pi'", "{\"3\":{\"14159\":\"pi\"}}");
}

Test(toml, dotted_keys_may_be_out_of_order)
{
    READS("apple.type = 1\norange.type = 2\napple.skin = 3",
          "{\"apple\":{\"type\":1,\"skin\":3},\"orange\":{\"type\":2}}");
}

Test(toml, basic_strings_have_escapes)
{
    READS("a = \"I'm a string. \\\"You can quote me\\\". Jos\\u00E9\"",
          "{\"a\":\"I'm a string. \\\"You can quote me\\\". Jos\xc3\xa9\"}");
    READS("a = \"\\b\\t\\n\\f\\r\\\\\"", "{\"a\":\"\\b\\t\\n\\f\\r\\\\\"}");
    READS("a = \"\\U0001F600 \\u20ac \\u007f\"", "{\"a\":\"\xf0\x9f\x98\x80 \xe2\x82\xac \x7f\"}");
    READS("a = \"tab\there\"", "{\"a\":\"tab\\there\"}");
}

Test(toml, long_strings_drop_their_first_newline_only)
{
    READS("a = \"\"\"\nRoses are red\nViolets are blue\"\"\"", "{\"a\":\"Roses are red\\nViolets are blue\"}");
    READS("a = \"\"\"\r\nx\r\ny\"\"\"", "{\"a\":\"x\\r\\ny\"}");
    READS("a = '''\nThe first newline is\ntrimmed in raw strings.\n   Not \\so.\n'''",
          "{\"a\":\"The first newline is\\ntrimmed in raw strings.\\n   Not \\\\so.\\n\"}");
}

Test(toml, a_backslash_at_the_end_of_a_line_swallows_white_space)
{
    READS("a = \"\"\"\nThe quick brown \\\n\n\n  fox jumps over \\\n    the lazy dog.\"\"\"",
          "{\"a\":\"The quick brown fox jumps over the lazy dog.\"}");
    READS("a = \"\"\"\\\n       The quick \\   \n  fox.\\\n       \"\"\"", "{\"a\":\"The quick fox.\"}");
}

Test(toml, up_to_two_quotes_stand_anywhere_in_a_long_string)
{
    READS("a = \"\"\"Here are two: \"\". Enough.\"\"\"", "{\"a\":\"Here are two: \\\"\\\". Enough.\"}");
    READS("a = \"\"\"\"This,\" she said.\"\"\"\"\"", "{\"a\":\"\\\"This,\\\" she said.\\\"\\\"\"}");
    READS("a = ''''That,' she said.'''''", "{\"a\":\"'That,' she said.''\"}");
    REFUSES("a = \"\"\"x\"\"\"\"\"\"", 1, 14, "end of the line");
}

Test(toml, literal_strings_are_as_they_stand)
{
    READS("a = 'C:\\Users\\nodejs'\nb = '<\\i\\c*\\s*>'",
          "{\"a\":\"C:\\\\Users\\\\nodejs\",\"b\":\"<\\\\i\\\\c*\\\\s*>\"}");
}

Test(toml, integers)
{
    READS("a = +99\nb = 42\nc = 0\nd = -17\ne = -0\nf = +0", "{\"a\":99,\"b\":42,\"c\":0,\"d\":-17,\"e\":0,\"f\":0}");
    READS("a = 1_000\nb = 5_349_221\nc = 1_2_3_4_5", "{\"a\":1000,\"b\":5349221,\"c\":12345}");
    READS("a = 0xDEADBEEF\nb = 0xdead_beef\nc = 0o01234567\nd = 0o755\ne = 0b11010110",
          "{\"a\":3735928559,\"b\":3735928559,\"c\":342391,\"d\":493,\"e\":214}");
    READS("a = 9223372036854775807\nb = -9223372036854775808",
          "{\"a\":9223372036854775807,\"b\":-9223372036854775808}");
}

Test(toml, an_integer_that_does_not_fit_is_refused_and_does_not_become_a_float)
{
    REFUSES("a = 9223372036854775808", 1, 24, "value");
    REFUSES("a = -9223372036854775809", 1, 25, "value");
    REFUSES("a = 0x8000000000000000", 1, 23, "value");
}

Test(toml, malformed_integers_are_refused)
{
    static const char *const bad[] = {"01",   "-01", "1__0", "_1",  "1_",  "0x",   "0xg", "0o8", "0b2",
                                      "+0x1", "0X1", "1a",   "- 1", "++1", "0x_1", "0_",  "--1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        slice text = arena_printf(&arena, "a = %s", bad[i]);
        tree t;
        cr_assert_eq(toml_parse(text, &arena, &t, &error).reason, JSON_SYNTAX, "%s", bad[i]);
    }
}

Test(toml, floats_become_numbers)
{
    READS("a = +1.0\nb = 3.1415\nc = -0.01\nd = 5e+22\ne = 1e06\nf = -2E-2\ng = 6.626e-34\nh = 224_617.445_991_228",
          "{\"a\":1.0,\"b\":3.1415,\"c\":-0.01,\"d\":5e+22,\"e\":1e06,\"f\":-2e-2,\"g\":6.626e-34,\"h\":224617."
          "445991228}");
}

Test(toml, malformed_floats_infinity_and_nan_are_refused)
{
    static const char *const bad[] = {".7",   "7.",    "3.e+20", "1.2.3", "1e",   "1e+", "1e1.5", "1_.0",
                                      "1._0", "03.14", "inf",    "+inf",  "-nan", "nan", "1.0.",  "e5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        slice text = arena_printf(&arena, "a = %s", bad[i]);
        tree t;
        cr_assert_eq(toml_parse(text, &arena, &t, &error).reason, JSON_SYNTAX, "%s", bad[i]);
    }
}

Test(toml, truth_is_in_lower_case)
{
    READS("a = true\nb = false", "{\"a\":true,\"b\":false}");
    REFUSES("a = True", 1, 9, "value");
    REFUSES("a = truer", 1, 10, "value");
}

Test(toml, dates_and_times_are_texts_as_they_stand)
{
    READS("a = 1979-05-27T07:32:00Z\nb = 1979-05-27T00:32:00.999999-07:00\nc = 1979-05-27 07:32:00Z",
          "{\"a\":\"1979-05-27T07:32:00Z\",\"b\":\"1979-05-27T00:32:00.999999-07:00\",\"c\":\"1979-05-27 07:32:00Z\"}");
    READS("a = 1979-05-27T07:32:00\nb = 1979-05-27\nc = 07:32:00\nd = 00:32:00.999999 # c\ne = 2000-02-29",
          "{\"a\":\"1979-05-27T07:32:00\",\"b\":\"1979-05-27\",\"c\":\"07:32:00\",\"d\":\"00:32:00.999999\","
          "\"e\":\"2000-02-29\"}");
}

Test(toml, impossible_dates_and_times_are_refused)
{
    static const char *const bad[] = {"1979-13-01",
                                      "1979-00-01",
                                      "1979-02-29",
                                      "1900-02-29",
                                      "1979-05-32",
                                      "1979-05-00",
                                      "24:00:00",
                                      "07:60:00",
                                      "07:32:61",
                                      "07:32",
                                      "07:32:00.",
                                      "07:32:00Z",
                                      "07:32:00+01:00",
                                      "1979-05-27T",
                                      "1979-05-27T07:32:00+1:00",
                                      "1979-05-27T07:32:00x",
                                      "1979-05-27T07:32:00+24:00",
                                      "79-05-27",
                                      "1979-5-27",
                                      "1979-05-27T07:32:00Z1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        slice text = arena_printf(&arena, "a = %s", bad[i]);
        tree t;
        cr_assert_eq(toml_parse(text, &arena, &t, &error).reason, JSON_SYNTAX, "%s", bad[i]);
    }
}

Test(toml, arrays_span_lines_and_may_end_with_a_comma)
{
    READS("a = [ 1, 2, 3 ]\nb = [ [ 1, 2 ], [\"a\", \"b\"] ]\nc = []",
          "{\"a\":[1,2,3],\"b\":[[1,2],[\"a\",\"b\"]],\"c\":[]}");
    READS("a = [\n  1, # one\n\n  2,\n]", "{\"a\":[1,2]}");
    READS("a = [ 0.1, \"x\", { n = 1, e.f = 2 } ]", "{\"a\":[0.1,\"x\",{\"n\":1,\"e\":{\"f\":2}}]}");
}

Test(toml, malformed_arrays_are_refused)
{
    REFUSES("a = [1 2]", 1, 8, "',' or ']'");
    REFUSES("a = [1,,2]", 1, 8, "value");
    REFUSES("a = [,1]", 1, 6, "value");
    REFUSES("a = [1", 1, 7, "',' or ']'");
    REFUSES("a = [", 1, 6, "value");
    REFUSES("a = [1]]", 1, 8, "end of the line");
}

Test(toml, tables_nest_by_their_headers)
{
    READS("[table-1]\nkey1 = 1\n[table-2]\nkey1 = 2", "{\"table-1\":{\"key1\":1},\"table-2\":{\"key1\":2}}");
    READS("[dog.\"tater.man\"]\ntype.name = \"pug\"", "{\"dog\":{\"tater.man\":{\"type\":{\"name\":\"pug\"}}}}");
    READS("[ g .  h  . 'i' ]\n", "{\"g\":{\"h\":{\"i\":{}}}}");
    READS("[x.y.z.w]\n[x]\na = 1", "{\"x\":{\"y\":{\"z\":{\"w\":{}}},\"a\":1}}");
    READS("[fruit]\napple.color = 1\napple.taste.sweet = true\n[fruit.apple.texture]\nsmooth = true",
          "{\"fruit\":{\"apple\":{\"color\":1,\"taste\":{\"sweet\":true},\"texture\":{\"smooth\":true}}}}");
}

Test(toml, inline_tables)
{
    READS("name = { first = \"Tom\", last = 'P' }\npoint = {x=1,y=2}\nanimal = { type.name = \"pug\" }\nempty = {}",
          "{\"name\":{\"first\":\"Tom\",\"last\":\"P\"},\"point\":{\"x\":1,\"y\":2},\"animal\":{\"type\":{\"name\":"
          "\"pug\"}},"
          "\"empty\":{}}");
}

Test(toml, inline_tables_stand_on_one_line_without_a_last_comma_and_are_closed)
{
    REFUSES("a = { b = 1, }", 1, 14, "key");
    REFUSES("a = { b = 1\n}", 1, 12, "',' or '}'");
    REFUSES("a = {\nb = 1}", 1, 6, "key");
    REFUSES("a = { b = 1 c = 2 }", 1, 13, "',' or '}'");
    REFUSES("a = { b = 1, b = 2 }", 1, 17, "there already");
    REFUSES("[product]\ntype = { name = 1 }\ntype.edible = false", 3, 14, "there already");
    REFUSES("a = { b = 1 }\n[a.c]", 2, 6, "there already");
    REFUSES("a = { b.c = 1 }\n[a.b.d]", 2, 8, "there already");
    REFUSES("a = { b = { c = 1 }, b.d = 2 }", 1, 27, "there already");
}

Test(toml, arrays_of_tables)
{
    READS("[[products]]\nname = 1\n[[products]]  # empty\n[[products]]\nname = 2",
          "{\"products\":[{\"name\":1},{},{\"name\":2}]}");
    READS("[[fruits]]\nname = 'apple'\n[fruits.physical]\ncolor = 1\n[[fruits.varieties]]\nname = "
          "2\n[[fruits.varieties]]\n"
          "name = 3\n[[fruits]]\nname = 4\n[[fruits.varieties]]\nname = 5",
          "{\"fruits\":[{\"name\":\"apple\",\"physical\":{\"color\":1},\"varieties\":[{\"name\":2},{\"name\":3}]},"
          "{\"name\":4,\"varieties\":[{\"name\":5}]}]}");
}

Test(toml, a_name_is_one_thing_only)
{
    REFUSES("a = 1\na = 2", 2, 4, "there already");
    REFUSES("spelling = 1\n\"spelling\" = 2", 2, 13, "there already");
    REFUSES("fruit.apple = 1\nfruit.apple.smooth = true", 2, 21, "there already");
    REFUSES("[fruit]\n[fruit]", 2, 8, "there already");
    REFUSES("[fruit]\napple = 1\n[fruit.apple]", 3, 14, "there already");
    REFUSES("[fruit]\napple.color = 1\n[fruit.apple]", 3, 14, "there already");
    REFUSES("[fruit]\napple.taste.sweet = 1\n[fruit.apple.taste]", 3, 20, "there already");
    REFUSES("[fruit.physical]\ncolor = 1\n[[fruit]]", 3, 10, "no array of tables");
    REFUSES("fruits = []\n[[fruits]]", 2, 11, "no array of tables");
    REFUSES("[[fruits]]\nname = 1\n[fruits]", 3, 9, "there already");
    REFUSES("[[f]]\n[[f.v]]\n[f.v]", 3, 6, "there already");
    REFUSES("[a.b.c]\n[a]\nb.d = 1", 3, 6, "there already");
    REFUSES("a = 1\n[a.b]", 2, 6, "no table");
    REFUSES("[[a]]\n[b]\n[[b]]", 3, 6, "no array of tables");
}

Test(toml, malformed_lines_are_refused_where_they_are_wrong)
{
    REFUSES("key = # invalid", 1, 7, "value");
    REFUSES("first = \"Tom\" last = \"P\"", 1, 15, "end of the line");
    REFUSES("= \"no key name\"", 1, 1, "key");
    REFUSES("key", 1, 4, "'='");
    REFUSES("a.\nb = 1", 1, 3, "key");
    REFUSES("a..b = 1", 1, 3, "key");
    REFUSES("\"\"\"k\"\"\" = 1", 1, 3, "'='");
    REFUSES("k k = 1", 1, 3, "'='");
    REFUSES("[]", 1, 2, "key");
    REFUSES("[a", 1, 3, "']'");
    REFUSES("[[a]", 1, 4, "']'");
    REFUSES("[a] b = 1", 1, 5, "end of the line");
    REFUSES("[a.]", 1, 4, "key");
    REFUSES("ok = 1\n\n  \xc3\xa9 = 1", 3, 3, "key");
    REFUSES("a = 1\rb = 2", 1, 6, "end of the line");
}

Test(toml, malformed_strings_are_refused)
{
    REFUSES("a = \"x", 1, 7, "does not end");
    REFUSES("a = 'x\n'", 1, 7, "line end");
    REFUSES("a = \"x\n\"", 1, 7, "line end");
    REFUSES("a = \"\"\"x\"\"", 1, 11, "does not end");
    REFUSES("a = \"\\x\"", 1, 7, "escape");
    REFUSES("a = \"\\u12\"", 1, 8, "hex");
    REFUSES("a = \"\\ud800\"", 1, 12, "Unicode");
    REFUSES("a = \"\\U00110000\"", 1, 16, "Unicode");
    REFUSES("a = \"\x01\"", 1, 6, "control");
    REFUSES("a = \"\x7f\"", 1, 6, "control");
    REFUSES("a = '''\x1b'''", 1, 8, "control");
    REFUSES("a = \"\"\"\\ x\"\"\"", 1, 9, "escape");
    REFUSES("# \x02", 1, 3, "control");
    refuses(slice_of("a = 'x\0'", 8), 1, 7, "control");
}

Test(toml, text_that_is_not_utf8_is_refused)
{
    REFUSES("a = \"\xff\"", 1, 1, "UTF-8");
    REFUSES("a = \"\xed\xa0\x80\"", 1, 1, "UTF-8");
    REFUSES("\xef\xbb\xbf"
            "a = 1",
            1, 1, "key");
}

static slice nested(size_t levels, const char *open, const char *close)
{
    struct text t = text_begin(&arena);
    text_lit(&t, "a = ");
    for (size_t i = 0; i < levels; i++)
        text_add(&t, slice_text(open));
    text_lit(&t, "1");
    for (size_t i = 0; i < levels; i++)
        text_add(&t, slice_text(close));
    return text_end(&t);
}

static enum reason outcome(slice text)
{
    tree t;
    return toml_parse(text, &arena, &t, &error).reason;
}

Test(toml, nesting_is_bounded_whatever_it_is_made_of)
{
    cr_assert_eq(outcome(nested(23, "[", "]")), REASON_OK);
    cr_assert_eq(outcome(nested(24, "[", "]")), JSON_SYNTAX);
    cr_assert_eq(outcome(nested(100000, "[", "]")), JSON_SYNTAX);
    cr_assert(strstr(error.text, "nested"));
    cr_assert_eq(outcome(nested(23, "{b=", "}")), REASON_OK);
    cr_assert_eq(outcome(nested(24, "{b=", "}")), JSON_SYNTAX);
    cr_assert_eq(outcome(nested(12, "{b.c.d=", "}")), JSON_SYNTAX);
    cr_assert(strstr(error.text, "nested"));
    cr_assert_eq(outcome(S("[a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y]")), JSON_SYNTAX);
    cr_assert_eq(outcome(S("[a.b.c.d.e.f.g.h.i.j.k.l]\na.b.c.d.e.f.g.h.i.j.k.l = [[1]]")), JSON_SYNTAX);
    cr_assert(strstr(error.text, "nested"));
}

static slice many_keys(unsigned count)
{
    struct text t = text_begin(&arena);
    for (unsigned i = 0; i < count; i++) {
        text_lit(&t, "k");
        text_u64(&t, i);
        text_lit(&t, "=1\n");
    }
    return text_end(&t);
}

Test(toml, the_number_of_keys_is_bounded)
{
    cr_assert_eq(outcome(many_keys(9999)), REASON_OK);
    cr_assert_eq(outcome(many_keys(10000)), JSON_SYNTAX);
    cr_assert(strstr(error.text, "too many"));
    cr_assert_eq(outcome(many_keys(100000)), JSON_SYNTAX);
}

/* Against a list that is as simple as it can be. */
Test(toml, members_keep_their_order_and_doubles_are_found_among_thousands)
{
    char expected[200000], *at = expected;
    struct text t = text_begin(&arena);
    for (unsigned i = 0; i < 5000; i++) {
        unsigned n = i * 7919 % 5003;
        at += sprintf(at, "%c\"%u\":%u", i ? ',' : '{', n, i);
        text_u64(&t, n);
        text_lit(&t, "=");
        text_u64(&t, i);
        text_lit(&t, "\n");
    }
    strcpy(at, "}");
    slice text = text_end(&t);
    reads(text, expected);
    for (unsigned i = 0; i < 5000; i += 271) {
        slice twice = arena_printf(&arena, "%.*s%u = 1", SLICE_ARG(text), i * 7919 % 5003);
        cr_assert_eq(outcome(twice), JSON_SYNTAX);
        cr_assert_eq(error.line, 5001);
    }
}

Test(toml, memory_that_runs_out_is_said)
{
    struct arena small;
    tree t;
    cr_assert(!FAILED(arena_map(&small, 4096, ARENA_PLAIN)));
    slice text = many_keys(200);
    cr_assert_eq(toml_parse(text, &small, &t, &error).reason, NO_MEMORY);
    arena_unmap(&small);
}

Test(toml, a_document_can_become_a_member_of_claims)
{
    struct trustee_writer w;
    tree t;
    cr_assert(!FAILED(claims_begin(&w, &arena, 64)));
    cr_assert(!FAILED(toml_claims(S("a = 1\n[b]\nc = 'x'"), &arena, &w, S("aa.toml"), &error)));
    cr_assert(!FAILED(claims_end(&w, &t)));
    cr_assert(slice_equal(node_text(tree_at(t, S("/aa.toml/b/c"))), S("x")));
}
