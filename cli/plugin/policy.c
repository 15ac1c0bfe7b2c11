/* SPDX-License-Identifier: Apache-2.0
 *
 * Policy engines: hostile policies must neither break anything nor allow anything.
 */
#include "cli/plugin/trials.h"

#include <stdio.h>

#include "cli/plugin/evidence.h"

#define SCRATCH_SIZE ((size_t)32 << 20)
#define NOW INT64_C(1790000000)

struct engine_session {
    struct harness harness;
    struct arena scratch, texts;
    struct dice dice;
};

static struct engine_session *begin(void *user, struct report *r)
{
    static struct engine_session s;
    const struct examination *e = user;
    if (!harness_ready(&s.harness, &e->target, r) || FAILED(arena_map(&s.scratch, SCRATCH_SIZE, ARENA_PLAIN)) ||
        FAILED(arena_map(&s.texts, SCRATCH_SIZE, ARENA_PLAIN)))
        return NULL;
    s.dice = dice_of(e->target.seed);
    return &s;
}

/* --- compiling --- */

struct compiled {
    void *policy;
    trustee_status status;
};

static void judge_compiled(struct harness *h, const struct compiled *c, const trustee_policy_error *error,
                           const uint8_t *room, size_t size, const char *what)
{
    bool beyond = error->length > error->capacity;
    for (uint64_t i = error->capacity; i < size; i++)
        beyond |= room[i] != 0x5a;
    if (beyond)
        report_find(h->report, "write at most error->capacity bytes, and set error->length to what was written",
                    "compile wrote beyond the room for its message, for %s", what);
    if (!status_is_known(c->status))
        report_find(h->report, "answer one of the values of <trustee/abi.h>",
                    "compile answered %d, which is not in abi.h, for %s", (int)c->status, what);
    else if (c->status == TRUSTEE_REJECT && error->length == 0 && error->capacity)
        report_find(h->report, "say in error->room what is wrong, with line and column",
                    "compile refused %s without a word", what);
}

static struct compiled compile(struct harness *h, slice text, uint64_t capacity, const char *what)
{
    uint8_t room[512];
    struct compiled c = {.policy = NULL};
    trustee_policy_info info = {.size = sizeof info};
    trustee_policy_error error = {.size = sizeof error, .room = room, .capacity = capacity};
    memset(room, 0x5a, sizeof room);
    harness_enter(h);
    struct call_watch w = call_begin(h->report, "compile of %s", what);
    c.status = h->policy.compile(h->instance, S("check"), text, &c.policy, &info, &error);
    call_end(h->report, &w);
    harness_leave(h);
    judge_compiled(h, &c, &error, room, sizeof room, what);
    return c;
}

static void release(struct harness *h, const struct compiled *c)
{
    if (c->status != TRUSTEE_OK)
        return;
    harness_enter(h);
    struct call_watch w = call_begin(h->report, "release");
    h->policy.release(h->instance, c->policy);
    call_end(h->report, &w);
    harness_leave(h);
}

/* --- evaluating --- */

struct evaluation {
    struct harness *harness;
    struct arena *scratch;
    uint64_t fail_at;
    bool cancelled;
    bool allows; /* the answer has "allow": true */
};

static trustee_tree no_reference(trustee_request *req, trustee_slice name)
{
    (void)ask_of(req);
    (void)name;
    return (trustee_tree){NULL, 0};
}

static trustee_status evaluate(struct evaluation *x, const struct compiled *c, trustee_tree input, const char *what)
{
    static const trustee_slice rules[] = {TRUSTEE_TEXT("allow"), TRUSTEE_TEXT("trust_claims")};
    struct harness *h = x->harness;
    struct ask a;
    struct ask_writer out = {.ask = &a};
    tree answer = {NULL, 0};
    ask_begin(&a, h, x->scratch);
    if (FAILED(claims_begin(&out.writer, x->scratch, 4096)))
        return TRUSTEE_E_NOMEM;
    a.fail_at = x->fail_at;
    a.fail_rest = true;
    a.cancelled = x->cancelled;
    trustee_policy_in in = {.size = sizeof in,
                            .rule_count = 2,
                            .rules = rules,
                            .input = input,
                            .now = NOW,
                            .deadline_ms = 1000,
                            .reference = no_reference};
    harness_enter(h);
    struct call_watch w = call_begin(h->report, "evaluate of %s", what);
    trustee_status s = h->policy.evaluate(h->instance, ask_handle(&a), c->policy, &in, &out.writer);
    call_end(h->report, &w);
    harness_leave(h);
    bool whole = out.writer.depth == 1 && !FAILED(claims_end(&out.writer, &answer));
    const node *allow = whole ? tree_at(answer, S("/allow")) : NULL;
    x->allows = s == TRUSTEE_OK && allow && allow->type == TRUSTEE_NODE_BOOL && allow->integer;
    if (!status_is_known(s))
        report_find(h->report, "answer one of the values of <trustee/abi.h>", "evaluate answered %d for %s", (int)s,
                    what);
    if (s == TRUSTEE_OK && !whole && !x->fail_at)
        report_find(h->report, "write {rule: value} into `out`, and close what you open",
                    "evaluate answered OK with an answer that is malformed, for %s", what);
    ask_end(&a);
    return s;
}

static trustee_tree input_of(struct engine_session *s, slice text)
{
    const json *v = NULL;
    struct trustee_writer w;
    tree out = {NULL, 0};
    if (FAILED(json_parse(&s->texts, text, &v)) || FAILED(claims_begin(&w, &s->texts, 8192)))
        return out;
    slice key = NO_SLICE;
    for (const json *m = json_type(v) == TRUSTEE_NODE_OBJECT ? json_next(v, NULL, &key) : NULL; m;
         m = json_next(v, m, &key))
        claims_json(&w, key, m);
    return FAILED(claims_end(&w, &out)) ? (tree){NULL, 0} : out;
}

/* --- the trials --- */

static slice hostile_policy(struct engine_session *s, size_t n, const char **name)
{
    static const struct {
        const char *name, *text;
    } small[] = {
        {"an empty policy", ""},
        {"a line break", "\n"},
        {"a policy of garbage", "\x01\x02 %s%n ]]]] }}}}"},
        {"text that is not UTF-8", "package policy\n\xff\xfe\xfd"},
        {"an unfinished policy", "package policy\nallow {"},
        {"an unfinished string", "package policy\nx := \"abc"},
        {"a comment", "# allow"},
    };
    if (n < sizeof small / sizeof *small) {
        *name = small[n].name;
        return slice_text(small[n].text);
    }
    *name = "a random policy";
    return n < sizeof small / sizeof *small + 60 ? bytes_random(&s->texts, &s->dice) : NO_SLICE;
}

static void try_policy(struct engine_session *s, slice text, const char *name, uint64_t capacity)
{
    struct evaluation x = {.harness = &s->harness, .scratch = &s->scratch};
    struct compiled c = compile(&s->harness, text, capacity, name);
    if (c.status == TRUSTEE_OK) {
        (void)evaluate(&x, &c, input_of(s, S("{}")), name);
        if (x.allows && !slice_equal(text, s->harness.target->policy))
            report_find(s->harness.report, "refuse at compile what is not a policy; what is not said denies",
                        "%s allows", name);
    }
    release(&s->harness, &c);
}

static void try_good(struct engine_session *s)
{
    struct evaluation x = {.harness = &s->harness, .scratch = &s->scratch};
    slice text, policy = s->harness.target->policy;
    const char *name;
    struct compiled c = compile(&s->harness, policy, 512, "the good policy");
    if (c.status != TRUSTEE_OK) {
        report_find(s->harness.report, "give a policy that compiles with --policy", "the good policy does not compile");
        return;
    }
    for (size_t n = 0; s->texts.used = 0, evidence_fixed(&s->texts, n, &text, &name); n++)
        (void)evaluate(&x, &c, input_of(s, text), name);
    for (x.fail_at = 1; x.fail_at <= 50; x.fail_at++)
        (void)evaluate(&x, &c, input_of(s, S("{}")), "the good policy, where an allocation fails");
    x.fail_at = 0;
    x.cancelled = true;
    (void)evaluate(&x, &c, input_of(s, S("{}")), "the good policy, after the deadline");
    release(&s->harness, &c);
}

void trial_policy(void *user, struct report *r)
{
    static const uint64_t capacities[] = {512, 0, 8};
    struct engine_session *s = begin(user, r);
    if (!s)
        return;
    struct state *before = state_take();
    const char *name;
    for (size_t n = 0;; n++) {
        s->texts.used = 0;
        slice text = hostile_policy(s, n, &name);
        if (!text.ptr)
            break;
        try_policy(s, text, name, capacities[n % 3]);
    }
    if (s->harness.target->policy.len)
        try_good(s);
    else
        report_note(r, "no policy was given: evaluate is hardly tried; say --policy FILE");
    state_compare(before, r, "compile and evaluate", true);
    harness_stop(&s->harness);
}

/* --- threads, leaks --- */

struct crowd_work {
    struct harness *harness;
    struct compiled compiled;
    trustee_tree input;
    bool allows;
};

static void evaluate_in_crowd(void *user, unsigned thread)
{
    struct crowd_work *work = user;
    struct arena scratch;
    (void)thread;
    if (FAILED(arena_map(&scratch, SCRATCH_SIZE, ARENA_PLAIN)))
        return;
    struct evaluation x = {.harness = work->harness, .scratch = &scratch};
    for (unsigned n = 0; n < 50; n++) {
        (void)evaluate(&x, &work->compiled, work->input, "the good policy in several threads");
        if (x.allows != work->allows)
            report_find(work->harness->report, "keep no state of an evaluation in the policy or the instance",
                        "evaluate answers otherwise beside other calls than alone");
    }
    arena_unmap(&scratch);
}

static void compile_once(void *user, unsigned n)
{
    struct engine_session *s = user;
    const char *name;
    if (n == 0)
        s->dice = dice_of(1);
    s->texts.used = s->scratch.used = 0;
    slice text = s->harness.target->policy;
    if (!text.len || n % 2)
        text = hostile_policy(s, n % 8, &name);
    try_policy(s, text, s->harness.target->policy.len ? "policies again and again" : "hostile policies again and again",
               512);
}

void trial_policy_leaks(void *user, struct report *r)
{
    static struct crowd_work work;
    struct engine_session *s = begin(user, r);
    if (!s)
        return;
    work = (struct crowd_work){.harness = &s->harness, .input = input_of(s, S("{}"))};
    if (s->harness.target->policy.len) {
        struct evaluation x = {.harness = &s->harness, .scratch = &s->scratch};
        work.compiled = compile(&s->harness, s->harness.target->policy, 512, "the good policy");
        if (work.compiled.status == TRUSTEE_OK) {
            (void)evaluate(&x, &work.compiled, work.input, "the good policy");
            work.allows = x.allows;
            run_crowd(&(struct crowd){evaluate_in_crowd, &work});
        }
        release(&s->harness, &work.compiled);
    }
    look_for_leak(r, "compile, evaluate and release", compile_once, s, 64);
    harness_stop(&s->harness);
}
