/* SPDX-License-Identifier: Apache-2.0
 *
 * Appraisal and its memory. The policy and the reference values are stand-ins that count how often they are asked.
 */
#include "core/attest/appraise.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define NOW INT64_C(1800000000)

/* --- the stand-ins --- */

static struct {
    uint64_t generation;
    int64_t expiration;
    tree digest; /* of the reference value "tpm_digest", until it expires */
} values;
static unsigned asked;
static result outcome;
static slice answer_text;
static bool reads_unknown; /* the policy asks for a value that nobody has set */

static struct arena arena;

uint64_t refval_generation(const struct refval_snapshot *s)
{
    (void)s;
    return values.generation;
}

tree refval_lookup(const struct refval_snapshot *s, slice name, int64_t now)
{
    (void)s;
    bool there = slice_equal(name, S("tpm_digest")) && now < values.expiration;
    return there ? values.digest : (tree){NULL, 0};
}

void refval_list(const struct refval_snapshot *s, int64_t now,
                 bool (*visit)(void *user, const struct refval_item *item), void *user)
{
    (void)s;
    struct refval_item never = {.name = S("a"), .expiration = INT64_MAX};
    struct refval_item item = {.name = S("tpm_digest"),
                               .expiration = values.expiration,
                               .expired = values.expiration <= now,
                               .value = values.digest};
    if (visit(user, &never))
        visit(user, &item);
}

static void copy_members(struct trustee_writer *w, slice text)
{
    const json *v;
    slice key;
    cr_assert(!FAILED(json_parse(&arena, text, &v)), "%.*s", SLICE_ARG(text));
    for (const json *m = json_next(v, NULL, &key); m; m = json_next(v, m, &key))
        claims_json(w, key, m);
}

static tree tree_of(slice text)
{
    struct trustee_writer w;
    tree t;
    cr_assert(!FAILED(claims_begin(&w, &arena, 256)));
    copy_members(&w, text);
    cr_assert(!FAILED(claims_end(&w, &t)));
    return t;
}

/* Affirms where input.tpm.digest is the reference value; else what `answer_text` says. */
result policy_evaluate(struct policy *p, struct trustee_request *req, const trustee_policy_in *in, tree *out)
{
    (void)p;
    asked++;
    TRY(outcome);
    tree wanted = in->reference(req, S("tpm_digest"));
    if (reads_unknown)
        cr_assert_eq(in->reference(req, S("nobody_set_this")).count, 0);
    if (answer_text.ptr) {
        *out = tree_of(answer_text);
        return OK;
    }
    slice digest = node_text(tree_at(in->input, S("/tpm/digest")));
    bool same = wanted.count && slice_equal(digest, wanted.nodes[0].text);
    *out = tree_of(same ? S("{\"trust_claims\":{\"executables\":3}}") : S("{\"trust_claims\":{\"executables\":33}}"));
    return OK;
}

/* --- set up --- */

static struct appraisal_memory *memory;
static struct record record;
static struct policy policy = {.hash = {1}, .info = {.reads = TRUSTEE_TEXT("tpm")}};
static struct ear_appraisal appraisal;

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)64 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(appraisal_memory_new(&memory)));
    tree t = tree_of(S("{\"v\":\"aa\"}"));
    values.digest = (tree){t.nodes + 1, 1};
    values.generation = 1;
    values.expiration = NOW + 1000;
}

static void teardown(void)
{
    appraisal_memory_free(memory);
    arena_unmap(&arena);
}

TestSuite(appraise, .init = setup, .fini = teardown);

static enum reason judged(const char *evidence, int64_t now)
{
    static const uint8_t id[16];
    record_begin(&record, &arena, "attestation", id);
    struct appraisal_request req = {.base = {.scratch = &arena, .record = &record}, .now = now};
    struct appraisal_in in = {.policy = &policy, .evidence = tree_of(slice_text(evidence)), .timeout_ms = 1000};
    return appraise(memory, &req, &in, &appraisal).reason;
}

#define GOOD "{\"tpm\":{\"digest\":\"aa\"},\"runtime_data_claims\":{\"nonce\":\"1\"}}"
#define BAD "{\"tpm\":{\"digest\":\"bb\"}}"

static void is(const char *evidence, int64_t now, enum ear_tier tier, unsigned times_asked)
{
    cr_assert_eq(judged(evidence, now), REASON_OK);
    cr_assert_eq(ear_status(&appraisal), tier);
    cr_assert_eq(asked, times_asked, "%u", asked);
}

Test(appraise, the_same_question_is_asked_once_and_has_the_same_answer)
{
    is(GOOD, NOW, EAR_AFFIRMING, 1);
    struct ear_appraisal first = appraisal;
    is(GOOD, NOW + 1, EAR_AFFIRMING, 1);
    cr_assert(memcmp(first.vector, appraisal.vector, sizeof first.vector) == 0);
    cr_assert(memcmp(first.set, appraisal.set, sizeof first.set) == 0);
}

Test(appraise, members_that_the_policy_does_not_read_make_no_other_question)
{
    is(GOOD, NOW, EAR_AFFIRMING, 1);
    is("{\"tpm\":{\"digest\":\"aa\"},\"runtime_data_claims\":{\"nonce\":\"2\"}}", NOW, EAR_AFFIRMING, 1);
}

Test(appraise, other_claims_are_another_question)
{
    is(GOOD, NOW, EAR_AFFIRMING, 1);
    is(BAD, NOW, EAR_WARNING, 2);
    is("{\"tpm\":{\"digest\":\"aa\",\"x\":1}}", NOW, EAR_AFFIRMING, 3);
    is("{\"snp\":{\"digest\":\"aa\"}}", NOW, EAR_WARNING, 4);
    is("{\"tpm\":null}", NOW, EAR_WARNING, 5);
    is(GOOD, NOW, EAR_AFFIRMING, 5);
}

Test(appraise, a_change_of_reference_values_is_another_question)
{
    is(GOOD, NOW, EAR_AFFIRMING, 1);
    tree t = tree_of(S("{\"v\":\"cc\"}"));
    values.digest = (tree){t.nodes + 1, 1};
    values.generation++;
    is(GOOD, NOW, EAR_WARNING, 2);
}

Test(appraise, an_answer_is_not_remembered_beyond_the_expiry_of_a_value)
{
    is(GOOD, NOW, EAR_AFFIRMING, 1);
    is(GOOD, NOW + 999, EAR_AFFIRMING, 1);
    is(GOOD, NOW + 1000, EAR_WARNING, 2);
    is(GOOD, NOW + 2000, EAR_WARNING, 2);
}

Test(appraise, another_policy_is_another_question)
{
    is(GOOD, NOW, EAR_AFFIRMING, 1);
    policy.hash[31] = 1;
    is(GOOD, NOW, EAR_AFFIRMING, 2);
}

Test(appraise, a_policy_that_reads_the_clock_is_asked_each_time)
{
    policy.info.flags = TRUSTEE_POLICY_IMPURE;
    is(GOOD, NOW, EAR_AFFIRMING, 1);
    is(GOOD, NOW, EAR_AFFIRMING, 2);
}

Test(appraise, a_policy_whose_input_cannot_be_told_is_asked_each_time)
{
    policy.info.flags = TRUSTEE_POLICY_READS_ALL;
    is(GOOD, NOW, EAR_AFFIRMING, 1);
    is(GOOD, NOW, EAR_AFFIRMING, 2);
}

Test(appraise, a_failure_is_a_refusal_and_is_not_remembered)
{
    outcome = FAIL(POLICY_LIMIT);
    cr_assert_eq(judged(GOOD, NOW), APPRAISAL_FAILED);
    cr_assert_eq(judged(GOOD, NOW), APPRAISAL_FAILED);
    cr_assert_eq(asked, 2);
    outcome = FAIL(NO_MEMORY);
    cr_assert_eq(judged(GOOD, NOW), NO_MEMORY);
    outcome = OK;
    is(GOOD, NOW, EAR_AFFIRMING, 4);
}

Test(appraise, a_bad_vector_is_refused_remembered_or_not)
{
    answer_text = S("{\"trust_claims\":{\"hardware\":258}}");
    cr_assert_eq(judged(GOOD, NOW), APPRAISAL_VECTOR);
    cr_assert_eq(judged(GOOD, NOW), APPRAISAL_VECTOR);
}

static bool is_missing(const char *name)
{
    for (const struct record_name *n = record.missing; n; n = n->next)
        if (slice_equal(n->name, slice_text(name)))
            return true;
    return false;
}

Test(appraise, missing_values_are_recorded_from_memory_too)
{
    reads_unknown = true;
    is(GOOD, NOW, EAR_AFFIRMING, 1);
    cr_assert(is_missing("nobody_set_this"));
    is(GOOD, NOW, EAR_AFFIRMING, 1);
    cr_assert(is_missing("nobody_set_this"));
    cr_assert_not(is_missing("tpm_digest"));
}

Test(appraise, what_was_not_met_is_explained_from_memory_too)
{
    for (int round = 0; round < 2; round++) {
        is(BAD, NOW, EAR_WARNING, 1);
        cr_assert(record.checks, "round %d", round);
        cr_assert(slice_equal(record.checks->name, S("reference.tpm_digest")));
        cr_assert_not(record.checks->passed);
        cr_assert(slice_equal(record.checks->actual, S("\"bb\"")), "%.*s", SLICE_ARG(record.checks->actual));
    }
    is(GOOD, NOW, EAR_AFFIRMING, 2);
    cr_assert_null(record.checks);
}

Test(appraise, extensions_come_back_from_memory)
{
    answer_text =
        S("{\"trust_claims\":{\"hardware\":2},\"extensions\":[{\"name\":\"x\",\"key\":1,\"value\":[1,\"\\u20ac\"]}]}");
    for (int round = 0; round < 2; round++) {
        is(GOOD, NOW, EAR_AFFIRMING, 1);
        cr_assert(slice_equal(node_text(tree_at(appraisal.answer, S("/extensions/0/value/1"))), S("\xe2\x82\xac")));
    }
}

Test(appraise, an_answer_too_long_to_remember_is_still_an_answer)
{
    struct text t = text_begin(&arena);
    text_lit(&t, "{\"trust_claims\":{\"hardware\":2},\"extensions\":[{\"name\":\"x\",\"key\":1,\"value\":\"");
    for (int i = 0; i < 3000; i++)
        text_lit(&t, "x");
    text_lit(&t, "\"}]}");
    answer_text = text_end(&t);
    is(GOOD, NOW, EAR_AFFIRMING, 1);
    is(GOOD, NOW, EAR_AFFIRMING, 2);
}

Test(appraise, thousands_of_questions_do_not_mix_up_their_answers)
{
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 2000; i++) {
            char evidence[96];
            size_t mark = arena.used;
            snprintf(evidence, sizeof evidence, "{\"tpm\":{\"digest\":\"%s\",\"n\":%d}}", i % 2 ? "aa" : "bb", i / 2);
            cr_assert_eq(judged(evidence, NOW), REASON_OK);
            cr_assert_eq(ear_status(&appraisal), i % 2 ? EAR_AFFIRMING : EAR_WARNING);
            arena.used = mark;
        }
    cr_assert_lt(asked, 6000);
}
