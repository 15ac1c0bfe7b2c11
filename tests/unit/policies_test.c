/* SPDX-License-Identifier: Apache-2.0
 *
 * The owner's policies: which one is in force, and what becomes of one that is bad. Engine and storage are stand-ins
 * behind their facades; the trial's child is a shell script.
 */
#include "core/policy/policies.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock/clock.h"
#include "core/crypto/jose.h"
#include "core/log/log.h"
#include "core/policy/trial.h"

/* --- the stand-ins --- */

static struct item {
    char space[32], key[96];
    char *value;
} items[200];
static size_t item_count;
static bool put_fails, get_fails, list_fails;
static int compiled, released;

static struct item *item_of(slice space, slice key)
{
    for (size_t i = 0; i < item_count; i++)
        if (slice_equal(space, slice_text(items[i].space)) && slice_equal(key, slice_text(items[i].key)))
            return &items[i];
    return NULL;
}

static void store_item(slice space, slice key, slice value)
{
    struct item *i = item_of(space, key);
    if (!i) {
        i = &items[item_count++];
        snprintf(i->space, sizeof i->space, "%.*s", SLICE_ARG(space));
        snprintf(i->key, sizeof i->key, "%.*s", SLICE_ARG(key));
    }
    free(i->value);
    i->value = strndup((const char *)value.ptr, value.len);
}

result store_get(const struct store *s, struct trustee_request *req, slice space, slice key, struct arena *into,
                 size_t limit, slice *value)
{
    (void)s, (void)req;
    struct item *i = item_of(space, key);
    ENSURE(!get_fails, STORAGE);
    ENSURE(i, RELEASE_NOT_FOUND);
    ENSURE(strlen(i->value) <= limit, HTTP_BODY_TOO_LARGE);
    *value = arena_copy(into, slice_text(i->value));
    return value->ptr ? OK : FAIL(NO_MEMORY);
}

result store_put(const struct store *s, struct trustee_request *req, slice space, slice key, slice value)
{
    (void)s, (void)req;
    ENSURE(!put_fails, STORAGE);
    store_item(space, key, value);
    return OK;
}

result store_list(const struct store *s, struct trustee_request *req, slice space, slice prefix,
                  void (*name)(void *user, slice name, uint64_t size), void *user)
{
    (void)s, (void)req, (void)prefix;
    ENSURE(!list_fails, STORAGE);
    for (size_t i = item_count; i-- > 0;)
        if (slice_equal(space, slice_text(items[i].space)))
            name(user, slice_text(items[i].key), strlen(items[i].value));
    return OK;
}

slice engine_sha256(const struct engine *e)
{
    (void)e;
    return S("0123");
}

slice engine_suffix(const struct engine *e)
{
    (void)e;
    return S(".rego");
}

result engine_compile(const struct engine *e, slice name, slice text, void **policy, trustee_policy_info *info,
                      struct policy_error *error)
{
    (void)e, (void)name, (void)info;
    *error = (struct policy_error){0};
    if (slice_starts(text, S("bad"))) {
        *error = (struct policy_error){3, 5, "unexpected bad"};
        return FAIL(POLICY_REFUSED);
    }
    if (slice_starts(text, S("deep")))
        return FAIL(POLICY_LIMIT);
    __atomic_add_fetch(&compiled, 1, __ATOMIC_RELAXED);
    *policy = malloc(1);
    return OK;
}

void engine_release(const struct engine *e, void *policy)
{
    (void)e;
    __atomic_add_fetch(&released, 1, __ATOMIC_RELAXED);
    free(policy);
}

result engine_evaluate(const struct engine *e, struct trustee_request *req, void *policy, const trustee_policy_in *in,
                       tree *out)
{
    (void)e, (void)req, (void)policy, (void)in;
    *out = (tree){NULL, 0};
    return OK;
}

/* --- set up --- */

static struct arena arena;
static struct trustee_request req;
static struct policies *policies;
static struct policy_trial no_trial = {NULL, 0};
static struct policy_error error;

static void setup(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    log_set_level(LOG_ERROR);
    cr_assert(!FAILED(arena_map(&arena, (size_t)64 << 20, ARENA_PLAIN)));
    req = (struct trustee_request){.scratch = &arena};
}

static void teardown(void)
{
    policies_close(policies);
    cr_assert_eq(compiled, released);
    for (size_t i = 0; i < item_count; i++)
        free(items[i].value);
    arena_unmap(&arena);
}

TestSuite(policies, .init = setup, .fini = teardown);

static enum reason open_all(void)
{
    return policies_open(NULL, NULL, &no_trial, &req, &policies).reason;
}

static enum reason set(const char *id, slice text)
{
    return policies_set(policies, &req, POLICY_APPRAISAL, slice_text(id), text, &error).reason;
}

static enum reason set_resource(slice text)
{
    return policies_set(policies, &req, POLICY_RESOURCE, S(POLICY_RESOURCE_ID), text, &error).reason;
}

/* The text in force, whether it is a shipped one and whether it can be evaluated. */
static void in_force(enum policy_space space, const char *id, const char *text, bool usable)
{
    tree answer;
    struct policy *p = policies_pin(policies, space, slice_text(id));
    trustee_policy_in in = {.size = sizeof in};
    cr_assert(p, "%s", id);
    cr_assert_eq(p->shipped, text == NULL);
    if (text)
        cr_assert(slice_equal(p->text, slice_text(text)), "%.*s", SLICE_ARG(p->text));
    cr_assert_eq(policy_evaluate(p, &req, &in, &answer).reason, usable ? REASON_OK : POLICY_FAULT);
    policy_unpin(p);
}

#define SPACE S("attestation_service_policy")

/* --- which one is in force --- */

Test(policies, what_nobody_has_set_is_the_shipped_one)
{
    cr_assert_eq(open_all(), REASON_OK);
    in_force(POLICY_RESOURCE, POLICY_RESOURCE_ID, NULL, true);
    in_force(POLICY_APPRAISAL, "default_cpu", NULL, true);
}

Test(policies, there_is_no_policy_under_another_id_or_space)
{
    cr_assert_eq(open_all(), REASON_OK);
    cr_assert_null(policies_pin(policies, POLICY_APPRAISAL, S("default_toaster")));
    cr_assert_null(policies_pin(policies, POLICY_APPRAISAL, S(POLICY_RESOURCE_ID)));
    cr_assert_null(policies_pin(policies, POLICY_RESOURCE, S("default_cpu")));
    cr_assert_null(policies_pin(policies, POLICY_RESOURCE, S("")));
}

Test(policies, a_policy_that_is_set_is_in_force_and_stored_at_once)
{
    cr_assert_eq(open_all(), REASON_OK);
    cr_assert_eq(set("default_cpu", S("mine")), REASON_OK);
    in_force(POLICY_APPRAISAL, "default_cpu", "mine", true);
    cr_assert_str_eq(item_of(SPACE, S("default_cpu.rego"))->value, "mine");
    cr_assert_eq(set_resource(S("my release")), REASON_OK);
    in_force(POLICY_RESOURCE, POLICY_RESOURCE_ID, "my release", true);
    cr_assert_str_eq(item_of(S("kbs"), S("resource-policy.rego"))->value, "my release");
}

Test(policies, a_stored_policy_stands_instead_of_the_shipped_one)
{
    store_item(SPACE, S("default_cpu.rego"), S("stored"));
    store_item(S("kbs"), S("resource-policy.rego"), S("stored release"));
    cr_assert_eq(open_all(), REASON_OK);
    in_force(POLICY_APPRAISAL, "default_cpu", "stored", true);
    in_force(POLICY_RESOURCE, POLICY_RESOURCE_ID, "stored release", true);
}

Test(policies, a_broken_stored_policy_denies_and_is_not_replaced_by_the_shipped_one)
{
    store_item(SPACE, S("default_cpu.rego"), S("bad"));
    store_item(S("kbs"), S("resource-policy.rego"), S("bad"));
    cr_assert_eq(open_all(), REASON_OK);
    in_force(POLICY_APPRAISAL, "default_cpu", "bad", false);
    in_force(POLICY_RESOURCE, POLICY_RESOURCE_ID, "bad", false);
    cr_assert_eq(set("default_cpu", S("mended")), REASON_OK);
    in_force(POLICY_APPRAISAL, "default_cpu", "mended", true);
}

Test(policies, stored_names_that_are_no_ids_are_left_alone)
{
    store_item(SPACE, S("README"), S("bad"));
    store_item(SPACE, S(".hidden.rego"), S("bad"));
    store_item(SPACE, S("a/b.rego"), S("bad"));
    store_item(S("kbs"), S("other.rego"), S("bad"));
    cr_assert_eq(open_all(), REASON_OK);
    cr_assert_null(policies_pin(policies, POLICY_APPRAISAL, S("README")));
    cr_assert_null(policies_pin(policies, POLICY_RESOURCE, S("other")));
}

/* --- refusals --- */

Test(policies, a_policy_that_does_not_compile_is_refused_with_its_place_and_the_old_one_stays)
{
    cr_assert_eq(open_all(), REASON_OK);
    cr_assert_eq(set("default_cpu", S("mine")), REASON_OK);
    uint64_t generation = policies_generation(policies);
    cr_assert_eq(set("default_cpu", S("bad")), POLICY_REFUSED);
    cr_assert(error.line == 3 && error.column == 5 && strcmp(error.text, "unexpected bad") == 0);
    cr_assert_eq(set("default_cpu", S("deep")), POLICY_LIMIT);
    in_force(POLICY_APPRAISAL, "default_cpu", "mine", true);
    cr_assert_str_eq(item_of(SPACE, S("default_cpu.rego"))->value, "mine");
    cr_assert_eq(policies_generation(policies), generation);
}

Test(policies, a_policy_that_cannot_be_stored_does_not_come_into_force)
{
    cr_assert_eq(open_all(), REASON_OK);
    put_fails = true;
    cr_assert_eq(set("default_cpu", S("mine")), STORAGE);
    in_force(POLICY_APPRAISAL, "default_cpu", NULL, true);
}

Test(policies, a_policy_over_256_kib_is_refused)
{
    uint8_t *room = arena_alloc(&arena, POLICY_TEXT_MAX + 1, 1);
    memset(room, 'x', POLICY_TEXT_MAX + 1);
    cr_assert_eq(open_all(), REASON_OK);
    cr_assert_eq(set("a", slice_of(room, POLICY_TEXT_MAX + 1)), POLICY_LIMIT);
    cr_assert_eq(set("a", slice_of(room, POLICY_TEXT_MAX)), REASON_OK);
}

Test(policies, an_id_that_is_no_name_is_refused)
{
    static const char *const ids[] = {
        "",    "../x", "a/b",      ".a",
        "a b", "a\nb", "\xc3\xa9", "0123456789012345678901234567890123456789012345678901234567890123"};
    cr_assert_eq(open_all(), REASON_OK);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        cr_assert_eq(set(ids[i], S("x")), POLICY_ID, "%s", ids[i]);
    cr_assert_eq(policies_set(policies, &req, POLICY_APPRAISAL, slice_of("a\0b", 3), S("x"), &error).reason, POLICY_ID);
    cr_assert_eq(policies_set(policies, &req, POLICY_RESOURCE, S("other"), S("x"), &error).reason, POLICY_ID);
    cr_assert_eq(item_count, 0);
}

static enum reason set_number(unsigned n)
{
    char id[16];
    snprintf(id, sizeof id, "p%u", n);
    return set(id, S("x"));
}

Test(policies, a_full_table_refuses_stores_nothing_and_loads_again)
{
    unsigned n = 0;
    cr_assert_eq(open_all(), REASON_OK);
    while (set_number(n) == REASON_OK)
        n++;
    cr_assert_eq(set_number(n), POLICY_LIMIT);
    cr_assert_eq(item_count, n);
    cr_assert_eq(set("default_cpu", S("mine")), REASON_OK);
    policies_close(policies);
    cr_assert_eq(open_all(), REASON_OK);
    in_force(POLICY_APPRAISAL, "default_cpu", "mine", true);
    in_force(POLICY_RESOURCE, POLICY_RESOURCE_ID, NULL, true);
}

Test(policies, more_stored_policies_than_can_be_held_stop_the_start)
{
    char name[32];
    store_item(SPACE, S("default_cpu.rego"), S("strict"));
    for (int i = 0; i < 150; i++) {
        snprintf(name, sizeof name, "p%d.rego", i);
        store_item(SPACE, slice_text(name), S("x"));
    }
    cr_assert_eq(open_all(), POLICY_LIMIT);
}

Test(policies, a_storage_that_fails_stops_the_start)
{
    store_item(SPACE, S("default_cpu.rego"), S("strict"));
    get_fails = true;
    cr_assert_eq(open_all(), STORAGE);
    get_fails = false;
    list_fails = true;
    cr_assert_eq(open_all(), STORAGE);
}

Test(policies, names_that_find_no_memory_stop_the_start)
{
    store_item(SPACE, S("default_cpu.rego"), S("strict"));
    struct arena small;
    cr_assert(!FAILED(arena_map(&small, 4096, ARENA_PLAIN)));
    small.used = small.size;
    req.scratch = &small;
    cr_assert_eq(open_all(), NO_MEMORY);
    arena_unmap(&small);
}

/* --- what others see of it --- */

static void append_id(void *user, const struct policy *p)
{
    struct text *t = user;
    text_add(t, slice_text(p->id));
    text_lit(t, " ");
}

Test(policies, a_listing_is_in_the_order_of_names)
{
    store_item(SPACE, S("zebra.rego"), S("x"));
    store_item(SPACE, S("ant.rego"), S("x"));
    cr_assert_eq(open_all(), REASON_OK);
    struct text t = text_begin(&arena);
    policies_list(policies, POLICY_APPRAISAL, append_id, &t);
    slice s = text_end(&t), id, before = S("");
    cr_assert(slice_starts(s, S("ant default_cpu ")) && slice_ends(s, S(" zebra ")), "%.*s", SLICE_ARG(s));
    while (slice_split(&s, ' ', &id) && id.len) {
        cr_assert(strcmp((const char *)before.ptr, (const char *)arena_printf(&arena, "%.*s", SLICE_ARG(id)).ptr) < 0);
        before = arena_printf(&arena, "%.*s", SLICE_ARG(id));
    }
}

Test(policies, each_change_makes_a_generation_and_another_digest)
{
    uint8_t first[32], second[32], third[32];
    cr_assert_eq(open_all(), REASON_OK);
    uint64_t generation = policies_generation(policies);
    policies_appraisal_digest(policies, first);
    cr_assert_eq(set("default_cpu", S("mine")), REASON_OK);
    cr_assert_gt(policies_generation(policies), generation);
    policies_appraisal_digest(policies, second);
    cr_assert(memcmp(first, second, 32) != 0);
    cr_assert_eq(set_resource(S("release")), REASON_OK);
    policies_appraisal_digest(policies, third);
    cr_assert(memcmp(second, third, 32) == 0, "the resource policy is no part of an attestation");
}

Test(policies, the_digest_tells_apart_which_policy_stands_under_which_id)
{
    uint8_t one[32], two[32];
    cr_assert_eq(open_all(), REASON_OK);
    cr_assert_eq(set("a", S("x")), REASON_OK);
    policies_appraisal_digest(policies, one);
    policies_close(policies);
    snprintf(items[0].key, sizeof items[0].key, "b.rego");
    cr_assert_eq(open_all(), REASON_OK);
    policies_appraisal_digest(policies, two);
    cr_assert(memcmp(one, two, 32) != 0);
}

Test(policies, a_pinned_policy_outlives_its_successor)
{
    cr_assert_eq(open_all(), REASON_OK);
    cr_assert_eq(set("default_cpu", S("one")), REASON_OK);
    struct policy *p = policies_pin(policies, POLICY_APPRAISAL, S("default_cpu"));
    cr_assert_eq(set("default_cpu", S("two")), REASON_OK);
    cr_assert(slice_equal(p->text, S("one")));
    policy_unpin(p);
    in_force(POLICY_APPRAISAL, "default_cpu", "two", true);
}

static bool stop;

static void *pin_all_the_time(void *unused)
{
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        struct policy *p = policies_pin(policies, POLICY_APPRAISAL, S("default_cpu"));
        uint8_t hash[32];
        hash_sha256(p->text, hash);
        if (memcmp(hash, p->hash, 32) != 0)
            abort();
        policy_unpin(p);
    }
    return unused;
}

Test(policies, evaluations_that_race_with_changes_see_one_whole_policy)
{
    pthread_t threads[3];
    cr_assert_eq(open_all(), REASON_OK);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, pin_all_the_time, NULL);
    for (int i = 0; i < 500; i++) {
        size_t mark = arena.used;
        cr_assert_eq(set("default_cpu", arena_printf(&arena, "policy %d", i)), REASON_OK);
        arena.used = mark;
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

/* --- the trial --- */

static enum reason tried(const char *script, slice text, unsigned timeout_ms)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    struct policy_trial trial = {argv, timeout_ms};
    uint8_t hash[32];
    hash_sha256(arena_printf(&arena, "%s%.*s", script, SLICE_ARG(text)), hash);
    error = (struct policy_error){0};
    return policy_try(&trial, hash, text, &error).reason;
}

static slice long_text(void)
{
    uint8_t *room = arena_alloc(&arena, POLICY_TEXT_MAX, 1);
    memset(room, 'x', POLICY_TEXT_MAX);
    return slice_of(room, POLICY_TEXT_MAX);
}

Test(policies, a_trial_that_ends_well_passes)
{
    cr_assert_eq(tried("cat >/dev/null", S("text"), 5000), REASON_OK);
    cr_assert_eq(tried("cat >/dev/null", S(""), 5000), REASON_OK);
}

Test(policies, the_child_gets_the_whole_text)
{
    cr_assert_eq(tried("test \"$(wc -c)\" -eq 262144", long_text(), 5000), REASON_OK);
}

Test(policies, a_refusal_has_the_place_and_text_that_the_child_printed)
{
    cr_assert_eq(tried("cat >/dev/null; echo '12 34 rule is not closed'; exit 1", S("x"), 5000), POLICY_REFUSED);
    cr_assert(error.line == 12 && error.column == 34);
    cr_assert_str_eq(error.text, "rule is not closed");
}

Test(policies, a_child_that_prints_nonsense_refuses_all_the_same)
{
    cr_assert_eq(tried("cat >/dev/null; echo nonsense; exit 1", S("x"), 5000), POLICY_REFUSED);
    cr_assert_eq(error.line, 0);
}

Test(policies, a_child_that_is_killed_is_a_limit)
{
    cr_assert_eq(tried("kill -9 $$", S("x"), 5000), POLICY_LIMIT);
    cr_assert_eq(tried("kill -SEGV $$", S("x"), 5000), POLICY_LIMIT);
    cr_assert(strstr(error.text, "time or memory"));
}

Test(policies, a_child_that_does_not_end_is_killed_in_time)
{
    uint64_t start = clock_monotonic_ms();
    cr_assert_eq(tried("exec sleep 60", S("x"), 300), POLICY_LIMIT);
    cr_assert_eq(tried("exec sleep 60", long_text(), 300), POLICY_LIMIT);
    cr_assert_eq(tried("exec sleep 60 >&-", S("x"), 300), POLICY_LIMIT);
    cr_assert_lt(clock_monotonic_ms() - start, 5000);
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1);
}

Test(policies, a_child_that_floods_its_output_does_no_harm)
{
    cr_assert_eq(tried("cat >/dev/null; exec yes 1 2 loud 2>/dev/null", S("x"), 5000), POLICY_REFUSED);
    cr_assert_eq(
        tried("cat >/dev/null; trap '' PIPE; yes 2>/dev/null | head -c 1000000 2>/dev/null; exit 1", S("x"), 5000),
        POLICY_REFUSED);
}

Test(policies, a_child_that_does_not_take_the_whole_text_has_not_tried_it)
{
    cr_assert_eq(tried("exit 0", long_text(), 5000), POLICY_FAULT);
}

Test(policies, any_other_exit_code_is_a_fault_and_not_the_policys)
{
    cr_assert_eq(tried("exit 2", S("x"), 5000), POLICY_FAULT);
    cr_assert_eq(tried("exit 3", S("x"), 5000), POLICY_FAULT);
    cr_assert(strstr(error.text, "exit code 3"), "%s", error.text);
}

Test(policies, a_program_that_is_not_there_is_a_fault)
{
    static const char *const argv[] = {"/nonexistent/trusteed", NULL};
    static const uint8_t hash[32] = {42};
    struct policy_trial trial = {argv, 1000};
    cr_assert_eq(policy_try(&trial, hash, S("x"), &error).reason, POLICY_FAULT);
}

Test(policies, a_verdict_is_remembered_by_its_hash_and_only_if_it_was_good)
{
    static const uint8_t good[32] = {1}, refused[32] = {2};
    const char *yes[] = {"/bin/sh", "-c", "cat >/dev/null", NULL},
               *no[] = {"/bin/sh", "-c", "cat >/dev/null; exit 1", NULL};
    struct policy_trial passes = {yes, 5000}, fails = {no, 5000};
    cr_assert_eq(policy_try(&passes, good, S("x"), &error).reason, REASON_OK);
    cr_assert_eq(policy_try(&fails, good, S("x"), &error).reason, REASON_OK);
    cr_assert_eq(policy_try(&fails, refused, S("x"), &error).reason, POLICY_REFUSED);
    cr_assert_eq(policy_try(&passes, refused, S("x"), &error).reason, REASON_OK);
}

Test(policies, setting_asks_the_trial_first)
{
    const char *no[] = {"/bin/sh", "-c", "cat >/dev/null; echo '1 2 tried'; exit 1", NULL};
    struct policy_trial fails = {no, 5000};
    cr_assert(!FAILED(policies_open(NULL, NULL, &fails, &req, &policies)));
    int before = compiled;
    cr_assert_eq(set("default_cpu", S("not tried before")), POLICY_REFUSED);
    cr_assert_str_eq(error.text, "tried");
    cr_assert_eq(compiled, before);
    in_force(POLICY_APPRAISAL, "default_cpu", NULL, true);
}

#define VERDICT_KEY S("policy-verdicts/attestation_service_policy/default_cpu")

static slice verdict_of(const char *text, const char *engine)
{
    uint8_t hash[32];
    char hex[65] = "";
    hash_sha256(slice_text(text), hash);
    hex_encode((uint8_t *)hex, slice_of(hash, sizeof hash));
    return arena_printf(&arena, "passed %s %s", hex, engine);
}

Test(policies, a_passed_trial_is_kept_beside_the_policy)
{
    const char *yes[] = {"/bin/sh", "-c", "cat >/dev/null", NULL};
    struct policy_trial passes = {yes, 5000};
    cr_assert(!FAILED(policies_open(NULL, NULL, &passes, &req, &policies)));
    cr_assert_eq(set("default_cpu", S("fine")), REASON_OK);
    struct item *kept = item_of(S("kbs"), VERDICT_KEY);
    cr_assert(kept && slice_equal(slice_text(kept->value), verdict_of("fine", "0123")), "%s", kept ? kept->value : "");
}

Test(policies, what_an_earlier_process_has_tried_is_not_tried_at_the_next_start)
{
    const char *no[] = {"/bin/sh", "-c", "cat >/dev/null; exit 1", NULL};
    struct policy_trial fails = {no, 5000};
    store_item(S("attestation_service_policy"), S("default_cpu.rego"), S("tried before"));
    store_item(S("kbs"), VERDICT_KEY, verdict_of("tried before", "0123"));
    cr_assert(!FAILED(policies_open(NULL, NULL, &fails, &req, &policies)));
    struct policy *p = policies_pin(policies, POLICY_APPRAISAL, S("default_cpu"));
    cr_assert(p && p->compiled);
    policy_unpin(p);
}

Test(policies, a_verdict_on_another_text_or_by_another_engine_counts_for_nothing)
{
    const char *no[] = {"/bin/sh", "-c", "cat >/dev/null; exit 1", NULL};
    struct policy_trial fails = {no, 5000};
    slice verdicts[] = {verdict_of("another", "0123"), verdict_of("text", "9999"), S("passed"), S("")};
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        store_item(S("attestation_service_policy"), S("default_cpu.rego"), S("text"));
        store_item(S("kbs"), VERDICT_KEY, verdicts[i]);
        cr_assert(!FAILED(policies_open(NULL, NULL, &fails, &req, &policies)));
        struct policy *p = policies_pin(policies, POLICY_APPRAISAL, S("default_cpu"));
        cr_assert(p && !p->compiled, "%zu", i);
        policy_unpin(p);
        policies_close(policies);
        policies = NULL;
    }
}

Test(policies, the_trial_leaves_no_descriptor_open)
{
    int before = dup(0);
    close(before);
    cr_assert_eq(tried("exit 1", S("x"), 5000), POLICY_REFUSED);
    cr_assert_eq(tried("cat >/dev/null", S("y"), 5000), REASON_OK);
    const char *argv[] = {"/nonexistent", NULL};
    struct policy_trial trial = {argv, 5000};
    static const uint8_t hash[32] = {77};
    cr_assert_eq(policy_try(&trial, hash, S("x"), &error).reason, POLICY_FAULT);
    int after = dup(0);
    close(after);
    cr_assert_eq(before, after);
}
