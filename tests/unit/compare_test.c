/* SPDX-License-Identifier: Apache-2.0
 *
 * Which reference value a device does not meet, as the record tells it.
 */
#include "core/attest/compare.h"

#include <criterion/criterion.h>

#include "core/clock/clock.h"

static struct arena arena;
static struct record record;

static void setup(void)
{
    static const uint8_t id[16];
    cr_assert(!FAILED(arena_map(&arena, (size_t)64 << 20, ARENA_PLAIN)));
    record_begin(&record, &arena, "attestation", id);
}

static void teardown(void)
{
    arena_unmap(&arena);
}

TestSuite(compare, .init = setup, .fini = teardown);

static tree tree_of(slice text, const char *name)
{
    const json *v;
    struct trustee_writer w;
    tree t;
    cr_assert(!FAILED(json_parse(&arena, text, &v)), "%.*s", SLICE_ARG(text));
    cr_assert(!FAILED(claims_begin(&w, &arena, 100000)));
    claims_json(&w, slice_text(name), v);
    cr_assert(!FAILED(claims_end(&w, &t)));
    return t;
}

/* A value lies in the store with its own node as the root. */
static tree value_of(slice text)
{
    tree t = tree_of(text, "value");
    return (tree){t.nodes + 1, t.count - 1};
}

static const struct record_check *compared(const char *claims, const char *name, const char *value)
{
    record.checks = record.last_check = NULL;
    compare_reference(&record, tree_of(slice_text(claims), "tpm"), slice_text(name), value_of(slice_text(value)));
    cr_assert(record.checks && !record.checks->next);
    return record.checks;
}

Test(compare, a_value_that_stands_among_the_claims_is_met)
{
    const struct record_check *c = compared("{\"pcr11\":\"aa\",\"svn\":3}", "tpm_pcr11", "[\"bb\",\"aa\"]");
    cr_assert(slice_equal(c->name, S("reference.tpm_pcr11")));
    cr_assert(c->passed);
    cr_assert(compared("{\"pcr11\":\"aa\",\"svn\":3}", "svn", "3")->passed);
    cr_assert(compared("{\"log\":[{\"digest\":\"aa\"}]}", "anything", "[\"aa\"]")->passed);
    cr_assert(compared("{\"debug\":false}", "debug", "[false]")->passed);
}

Test(compare, a_value_that_stands_nowhere_is_not_met_and_the_claim_of_its_name_is_shown)
{
    const struct record_check *c = compared("{\"pcr11\":\"aa\",\"pcr1\":\"bb\"}", "tpm_pcr11", "[\"cc\"]");
    cr_assert_not(c->passed);
    cr_assert(slice_equal(c->actual, S("\"aa\"")), "%.*s", SLICE_ARG(c->actual));
    cr_assert(slice_starts(c->expected, S("[\"cc\"")), "%.*s", SLICE_ARG(c->expected));
}

Test(compare, without_a_claim_of_that_name_it_says_so)
{
    cr_assert(slice_equal(compared("{\"pcr1\":\"aa\"}", "tpm_pcr11", "[\"cc\"]")->actual,
                          S("no claim has one of these values")));
}

Test(compare, a_claim_whose_name_merely_ends_alike_is_not_shown)
{
    cr_assert(slice_equal(compared("{\"cr11\":\"aa\"}", "tpm_pcr11", "[\"cc\"]")->actual,
                          S("no claim has one of these values")));
}

Test(compare, values_of_another_type_are_not_the_same)
{
    cr_assert_not(compared("{\"svn\":\"3\"}", "svn", "[3]")->passed);
    cr_assert_not(compared("{\"svn\":1}", "svn", "[true]")->passed);
    cr_assert_not(compared("{\"svn\":{}}", "svn", "[{}]")->passed);
}

Test(compare, a_long_value_is_cut_between_characters)
{
    for (unsigned pad = 0; pad < 4; pad++) {
        struct text t = text_begin(&arena);
        text_lit(&t, "[\"");
        for (unsigned i = 0; i < pad; i++)
            text_lit(&t, "x");
        for (unsigned i = 0; i < 400; i++)
            text_lit(&t, "\xe2\x82\xac");
        text_lit(&t, "\"]");
        slice value = text_end(&t);
        record.checks = record.last_check = NULL;
        compare_reference(&record, tree_of(S("{}"), "tpm"), S("x"), value_of(value));
        cr_assert(slice_is_utf8(record.checks->expected));
        cr_assert(record.checks->expected.len <= 300 && record.checks->expected.len > 290);
    }
}

Test(compare, many_values_and_many_claims_cost_a_bounded_time)
{
    struct text t = text_begin(&arena);
    text_lit(&t, "[0");
    for (unsigned i = 1; i < 50000; i++) {
        text_lit(&t, ",");
        text_u64(&t, i);
    }
    text_lit(&t, "]");
    slice values = text_end(&t);
    t = text_begin(&arena);
    text_lit(&t, "[\"0\"");
    for (unsigned i = 1; i < 50000; i++)
        text_lit(&t, ",\"x\"");
    text_lit(&t, "]");
    slice claims = text_end(&t);
    tree c = tree_of(claims, "tpm"), v = value_of(values);
    uint64_t start = clock_thread_cpu_ns();
    compare_reference(&record, c, S("x"), v);
    cr_assert_lt(clock_thread_cpu_ns() - start, UINT64_C(500000000));
    cr_assert_not(record.checks->passed);
}
