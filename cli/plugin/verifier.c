/* SPDX-License-Identifier: Apache-2.0
 *
 * Hostile evidence for verifiers. None of it was signed by anybody, so that no answer may ever be GENUINE.
 */
#include "cli/plugin/trials.h"

#include <stdio.h>
#include <sys/mman.h>

#include "cli/plugin/evidence.h"
#include "cli/verifiers.h"

#define SCRATCH_SIZE ((size_t)8 << 20)
#define INPUT_SIZE ((size_t)16 << 20)
#define ITEMS_SIZE ((size_t)32 << 20)
#define TEXTS_SIZE ((size_t)64 << 20)
#define NOW INT64_C(1790000000)
#define CLAIM_NODES 16384
#define RANDOM_ROUNDS 400

bool appraisal_begin(struct appraisal *x, struct harness *h)
{
    *x = (struct appraisal){.harness = h};
    if (FAILED(arena_map(&x->scratch, SCRATCH_SIZE, ARENA_PLAIN)) ||
        FAILED(arena_map(&x->items, ITEMS_SIZE, ARENA_PLAIN)) || FAILED(arena_map(&x->input, INPUT_SIZE, ARENA_PLAIN)))
        return false;
    memset(x->report_data, 0xa5, sizeof x->report_data);
    slice name = harness_tee(h, 0).name;
    x->in = (trustee_verify_in){.size = sizeof x->in,
                                .tee = name,
                                .report_data = slice_of(x->report_data, sizeof x->report_data),
                                .now = h->target->now};
    if (h->target->report_data.len)
        x->in.report_data = h->target->report_data;
    return true;
}

void appraisal_end(struct appraisal *x)
{
    arena_unmap(&x->input);
    arena_unmap(&x->items);
    arena_unmap(&x->scratch);
}

/* --- judging the answer --- */

static const char *const SAY_WHY = "answer TRUSTEE_REJECT after host->reject with one of your own reasons";

static void judge_genuine(struct appraisal *x, const char *name)
{
    struct report *r = x->harness->report;
    if (x->harness->about.flags_required & TRUSTEE_PLUGIN_INSECURE)
        return;
    report_find(r,
                "give the verdict at one place alone, after every signature, chain and binding has been checked; "
                "this admits anybody",
                "it called evidence GENUINE that nobody signed: %s", name);
}

static void judge_ok(struct appraisal *x, const char *name, bool genuine_is_fine)
{
    struct report *r = x->harness->report;
    if (x->out.verdict != TRUSTEE_VERDICT_GENUINE)
        report_find(r, SAY_WHY, "verify answered OK without a verdict for %s", name);
    else if (x->ask->rejected)
        report_find(r, "return right after host->reject", "verify rejected %s, and then called it GENUINE", name);
    else if (!genuine_is_fine)
        judge_genuine(x, name);
    else if (x->claims.writer.failed && !x->fail_at)
        report_find(r, "close each put_object and put_array with put_end, and give no key twice",
                    "its claims are malformed for %s", name);
}

static void judge_need(struct appraisal *x, const char *name)
{
    struct report *r = x->harness->report;
    if (x->out.need_count == 0 || x->out.need_count > TRUSTEE_NEEDS_MAX) {
        report_find(r, "fill out->needs with 1 to 8 items and set out->need_count",
                    "verify answered NEED with %llu items for %s", (unsigned long long)x->out.need_count, name);
        return;
    }
    for (uint64_t i = 0; i < x->out.need_count; i++)
        if (!text_is_sane(x->needs[i].kind, 64) || x->needs[i].kind.len == 0 || x->needs[i].key.len == 0 ||
            !text_is_sane(x->needs[i].key, 1024))
            report_find(r, "kind and key are short text, as the list in <trustee/verifier.h> has them",
                        "verify answered NEED of an item without kind or key for %s", name);
}

static void judge(struct appraisal *x, trustee_status s, const char *name, bool genuine_is_fine)
{
    struct report *r = x->harness->report;
    bool starved = x->fail_at || x->cancelled;
    if (!status_is_known(s))
        report_find(r, "answer one of the values of <trustee/abi.h>; a variable may not be initialised",
                    "verify answered %d, which is not in abi.h, for %s", (int)s, name);
    else if (s == TRUSTEE_OK)
        judge_ok(x, name, genuine_is_fine);
    else if (s == TRUSTEE_NEED)
        judge_need(x, name);
    else if (s == TRUSTEE_REJECT && !x->ask->rejected)
        report_find(r, SAY_WHY, "verify answered REJECT without saying why, for %s", name);
    else if (s == TRUSTEE_E_NOMEM && !starved)
        report_find(r, "check the length first: what is too long is TRUSTEE_REJECT, not a fault",
                    "verify answered E_NOMEM for %s, with %zu MiB of memory left", name, SCRATCH_SIZE >> 20);
    else if (s != TRUSTEE_REJECT && !starved && s != TRUSTEE_E_LIMIT)
        report_find(r, SAY_WHY,
                    "verify answered %s for %s: the client gets 503, and people think that the plugin is broken",
                    status_text(s), name);
}

/* --- one call --- */

static bool parse(struct appraisal *x, slice text)
{
    (void)mprotect(x->input.base, x->input.size, PROT_READ | PROT_WRITE);
    x->input.used = 0;
    return !FAILED(json_parse(&x->input, text, &x->in.evidence));
}

static trustee_status call_verify(struct appraisal *x, const char *name, bool genuine_is_fine)
{
    struct harness *h = x->harness;
    x->ask = x->ask == &x->asks[0] ? &x->asks[1] : &x->asks[0];
    ask_begin(x->ask, h, &x->scratch);
    x->ask->fail_at = x->fail_at;
    x->ask->fail_rest = x->fail_rest;
    x->ask->cancelled = x->cancelled;
    x->ask->evidence = x->in.evidence;
    x->claims.ask = x->ask;
    if (FAILED(claims_begin(&x->claims.writer, &x->scratch, CLAIM_NODES)))
        return TRUSTEE_REJECT;
    memset(x->needs, 0, sizeof x->needs);
    x->out = (trustee_verify_out){.size = sizeof x->out, .claims = &x->claims.writer, .needs = x->needs};
    (void)mprotect(x->input.base, x->input.size, PROT_READ);
    harness_enter(h);
    struct call_watch w = call_begin(h->report, "verify of %s", name);
    trustee_status s = h->verifier.verify(h->instance, ask_handle(x->ask), &x->in, &x->out);
    call_end(h->report, &w);
    harness_leave(h);
    if (x->claims.writer.depth != 1)
        x->claims.writer.failed = true;
    judge(x, s, name, genuine_is_fine);
    ask_end(x->ask);
    return s;
}

/* --- collateral for good evidence --- */

static bool is_supplied(const struct appraisal *x, const trustee_need *n)
{
    for (size_t i = 0; i < x->supplied_count; i++)
        if (slice_equal(x->supplied[i].kind, n->kind) && slice_equal(x->supplied[i].key, n->key))
            return true;
    return false;
}

/* What cannot be had and is optional is handed over without bytes. */
static bool supply(struct appraisal *x, const trustee_need *n)
{
    const struct sources *sources = x->harness->target->sources;
    struct collateral_item item = {.kind = NO_SLICE};
    result r = FAIL(COLLATERAL_ABSENT);
    if (x->supplied_count == SUPPLIED_MAX || is_supplied(x, n))
        return false;
    for (size_t i = 0; i < sources->count && FAILED(r); i++)
        r = collateral_offline_get(sources->at[i], n->kind, n->key, &x->items, &item);
    if (FAILED(r) && !(n->flags & (TRUSTEE_NEED_OPTIONAL | TRUSTEE_NEED_LATER)))
        return false;
    x->supplied[x->supplied_count++] =
        (trustee_collateral){arena_copy(&x->items, n->kind), arena_copy(&x->items, n->key),
                             FAILED(r) ? NO_SLICE : item.bytes, FAILED(r) ? NO_SLICE : item.chain};
    return true;
}

static bool supply_all(struct appraisal *x)
{
    bool more = false;
    for (uint64_t i = 0; i < x->out.need_count && i < TRUSTEE_NEEDS_MAX; i++)
        more |= supply(x, &x->needs[i]);
    return more;
}

trustee_status appraise(struct appraisal *x, slice text, const char *name, bool genuine_is_fine)
{
    struct harness *h = x->harness;
    bool supplied = genuine_is_fine && h->target->sources && h->target->sources->count;
    if (!text.ptr || (h->verifier.max_evidence && text.len > h->verifier.max_evidence) || !parse(x, text))
        return TRUSTEE_REJECT;
    if (supplied) {
        x->in.collateral = x->supplied;
        x->in.collateral_count = x->supplied_count;
    }
    trustee_status s = call_verify(x, name, genuine_is_fine);
    for (unsigned round = 0; supplied && s == TRUSTEE_NEED && round < 3 && supply_all(x); round++) {
        x->in.collateral_count = x->supplied_count;
        s = call_verify(x, name, genuine_is_fine);
    }
    if (supplied) {
        x->in.collateral = NULL;
        x->in.collateral_count = 0;
    }
    return s;
}

/* --- what every trial of verifiers begins with --- */

struct session {
    struct harness harness;
    struct appraisal appraisal;
    struct arena texts;
    struct dice dice;
};

static struct session *begin(void *user, struct report *r)
{
    static struct session s; /* in a child of its own: one at a time */
    const struct examination *e = user;
    if (!harness_ready(&s.harness, &e->target, r) || !appraisal_begin(&s.appraisal, &s.harness) ||
        FAILED(arena_map(&s.texts, TEXTS_SIZE, ARENA_PLAIN)))
        return NULL;
    trial_watch_input(s.appraisal.input.base, s.appraisal.input.size);
    s.dice = dice_of(e->target.seed);
    return &s;
}

static void all_fixed(struct session *s)
{
    slice text;
    const char *name;
    for (size_t n = 0; s->texts.used = 0, evidence_fixed(&s->texts, n, &text, &name); n++)
        (void)appraise(&s->appraisal, text, name, false);
}

/* One document at random; the harder it is tried, the more of it is as it is asked for. */
static trustee_status one_random(struct session *s, unsigned n)
{
    char name[64];
    s->texts.used = 0;
    slice text = evidence_random(&s->texts, &s->harness, &s->dice, n % 3 == 0 ? 6 : 9);
    (void)snprintf(name, sizeof name, "a random document, number %u", n);
    return appraise(&s->appraisal, text, n < RANDOM_ROUNDS ? name : "a random document", false);
}

void trial_evidence(void *user, struct report *r)
{
    struct session *s = begin(user, r);
    if (!s)
        return;
    struct state *before = state_take();
    for (uint64_t t = 0; t < s->harness.verifier.tee_count; t++) {
        s->appraisal.in.tee = harness_tee(&s->harness, t).name;
        all_fixed(s);
        for (unsigned n = 0; n < RANDOM_ROUNDS; n++)
            (void)one_random(s, n);
    }
    state_compare(before, r, "verify", true);
    report_note(r, "it looks at %zu places of the evidence, and was given %u documents made of them",
                s->harness.learned_count, RANDOM_ROUNDS);
    harness_stop(&s->harness);
}

/* --- bindings, clock --- */

void trial_bindings(void *user, struct report *r)
{
    static const size_t sizes[] = {0, 1, 31, 32, 33, 47, 48, 64, 65, 4096};
    static const int64_t times[] = {0, -1, INT64_MIN, INT64_MAX, NOW};
    static uint8_t bytes[4096];
    struct session *s = begin(user, r);
    if (!s)
        return;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        s->appraisal.in.report_data = slice_of(sizes[i] ? bytes : NULL, sizes[i]);
        for (size_t k = 0; k < 3; k++) {
            size_t size = sizes[(i + 2 * k) % (sizeof sizes / sizeof *sizes)];
            s->appraisal.in.init_data = slice_of(size ? bytes : NULL, size);
            s->appraisal.in.now = times[(i + k) % (sizeof times / sizeof *times)];
            (void)appraise(&s->appraisal, S("{}"), "an empty object with odd sizes of report data", false);
            for (unsigned n = 0; n < 20; n++)
                (void)one_random(s, n + RANDOM_ROUNDS);
        }
    }
    harness_stop(&s->harness);
}

/* --- memory, deadline --- */

static void starve(struct session *s, slice text, const char *name, bool good)
{
    for (uint64_t n = 1; n <= 50; n++)
        for (unsigned rest = 0; rest < 2; rest++) {
            s->appraisal.fail_at = n;
            s->appraisal.fail_rest = rest;
            (void)appraise(&s->appraisal, text, name, good);
        }
    s->appraisal.fail_at = 0;
}

void trial_allocations(void *user, struct report *r)
{
    struct session *s = begin(user, r);
    if (!s)
        return;
    for (unsigned n = 0; n < 60; n++)
        (void)one_random(s, n);
    const struct target *t = s->harness.target;
    if (t->evidence.len)
        starve(s, t->evidence, "the good evidence, where an allocation fails", true);
    for (unsigned n = 0; n < 8; n++) {
        s->texts.used = 0;
        slice text = evidence_random(&s->texts, &s->harness, &s->dice, 10);
        starve(s, text, "a random document, where an allocation fails", false);
    }
    harness_stop(&s->harness);
}

void trial_cancelled(void *user, struct report *r)
{
    struct session *s = begin(user, r);
    if (!s)
        return;
    s->appraisal.cancelled = true;
    all_fixed(s);
    for (unsigned n = 0; n < 60; n++)
        (void)one_random(s, n);
    harness_stop(&s->harness);
}

/* --- collateral --- */

static void try_item(struct session *s, const trustee_collateral *item)
{
    struct harness *h = &s->harness;
    struct ask ask;
    trustee_collateral_facts facts = {.size = sizeof facts};
    ask_begin(&ask, h, &s->appraisal.scratch);
    harness_enter(h);
    struct call_watch w = call_begin(h->report, "judge_collateral of %.*s", SLICE_ARG(item->kind));
    trustee_status status = h->verifier.judge_collateral(h->instance, ask_handle(&ask), item, NOW, &facts);
    call_end(h->report, &w);
    harness_leave(h);
    if (status == TRUSTEE_OK)
        report_find(h->report, "answer OK only for what is signed up to a trusted root and about its own key",
                    "judge_collateral called garbage of kind %.*s genuine", SLICE_ARG(item->kind));
    else if (!status_is_known(status))
        report_find(h->report, "answer one of the values of <trustee/abi.h>",
                    "judge_collateral answered %d, which is not in abi.h", (int)status);
    else if (status == TRUSTEE_REJECT && !ask.rejected)
        report_find(h->report, SAY_WHY, "judge_collateral answered REJECT without saying why, for %.*s",
                    SLICE_ARG(item->kind));
    ask_end(&ask);
}

static slice garbage(struct session *s, unsigned n)
{
    static const char *const texts[] = {"",
                                        "{}",
                                        "null",
                                        "{\"tcbInfo\":{},\"signature\":\"\"}",
                                        "-----BEGIN CERTIFICATE-----\n",
                                        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
                                        "0"};
    return n < sizeof texts / sizeof *texts ? slice_text(texts[n]) : bytes_random(&s->texts, &s->dice);
}

/* Kinds of the header, and one that there is not. */
static const char *const kinds[][2] = {{"intel/tcb-info", "tdx/50806f000000"},
                                       {"intel/qe-identity", "tdx"},
                                       {"intel/pck-crl", "platform"},
                                       {"intel/root-crl", "root"},
                                       {"intel/pck", "-/-/-/-/-"},
                                       {"amd/vcek", "Milan/00/1-2-3-4"},
                                       {"amd/ca-chain", "Genoa/vcek"},
                                       {"amd/crl", "Turin/vlek"},
                                       {"no/such-kind", "x"}};
#define KINDS (sizeof kinds / sizeof *kinds)

static void verify_with_garbage(struct session *s, unsigned n)
{
    trustee_collateral items[TRUSTEE_NEEDS_MAX];
    struct appraisal *x = &s->appraisal;
    uint64_t count = x->out.need_count <= TRUSTEE_NEEDS_MAX ? x->out.need_count : 0;
    for (uint64_t i = 0; i < count; i++)
        items[i] = (trustee_collateral){arena_copy(&s->texts, x->needs[i].kind), arena_copy(&s->texts, x->needs[i].key),
                                        garbage(s, n), garbage(s, n + 3)};
    x->in.collateral = items;
    x->in.collateral_count = count;
    slice text = evidence_random(&s->texts, &s->harness, &s->dice, 10);
    (void)appraise(x, text, "a random document with collateral of garbage", false);
    x->in.collateral = NULL;
    x->in.collateral_count = 0;
}

void trial_collateral(void *user, struct report *r)
{
    struct session *s = begin(user, r);
    if (!s)
        return;
    for (unsigned n = 0; n < 20; n++)
        for (size_t k = 0; k < KINDS && s->harness.verifier.judge_collateral; k++) {
            s->texts.used = 0;
            trustee_collateral item = {slice_text(kinds[k][0]), slice_text(n % 2 ? kinds[k][1] : ""), garbage(s, n),
                                       garbage(s, n / 2)};
            try_item(s, &item);
        }
    for (unsigned n = 0; n < 100; n++)
        if (one_random(s, n) == TRUSTEE_NEED)
            verify_with_garbage(s, n);
    harness_stop(&s->harness);
}

/* --- challenges --- */

static void one_challenge(struct session *s, slice text, const char *name)
{
    struct harness *h = &s->harness;
    struct ask ask;
    const json *params = NULL;
    slice nonce = NO_SLICE, extra = NO_SLICE;
    s->appraisal.input.used = 0;
    (void)mprotect(s->appraisal.input.base, s->appraisal.input.size, PROT_READ | PROT_WRITE);
    if (FAILED(json_parse(&s->appraisal.input, text, &params)))
        return;
    (void)mprotect(s->appraisal.input.base, s->appraisal.input.size, PROT_READ);
    ask_begin(&ask, h, &s->appraisal.scratch);
    ask.evidence = params;
    harness_enter(h);
    struct call_watch w = call_begin(h->report, "challenge with %s", name);
    trustee_status status =
        h->verifier.challenge(h->instance, ask_handle(&ask), s->appraisal.in.tee, params, &nonce, &extra);
    call_end(h->report, &w);
    harness_leave(h);
    if (!status_is_known(status))
        report_find(h->report, "answer one of the values of <trustee/abi.h>",
                    "challenge answered %d, which is not in abi.h", (int)status);
    else if (status == TRUSTEE_OK && (nonce.len == 0 || !text_is_sane(nonce, 65536) || !text_is_sane(extra, 65536)))
        report_find(h->report, "give a nonce of UTF-8 text, and extra-params as text",
                    "challenge answered OK without a nonce, or with one that is no text, for %s", name);
    ask_end(&ask);
}

void trial_challenges(void *user, struct report *r)
{
    struct session *s = begin(user, r);
    slice text;
    const char *name;
    for (size_t n = 0; s && s->harness.verifier.challenge && evidence_fixed(&s->texts, n, &text, &name); n++)
        one_challenge(s, text, name);
    if (s)
        harness_stop(&s->harness);
}

/* --- threads --- */

#define SHARED_TEXTS 24
#define THREAD_ROUNDS 12

struct crowd_work {
    struct harness *harness;
    slice texts[SHARED_TEXTS];
    trustee_status expected[SHARED_TEXTS];
};

static void appraise_in_crowd(void *user, unsigned thread)
{
    struct crowd_work *work = user;
    struct appraisal x;
    if (!appraisal_begin(&x, work->harness))
        return;
    for (unsigned round = 0; round < THREAD_ROUNDS; round++)
        for (unsigned i = 0; i < SHARED_TEXTS; i++) {
            unsigned n = (i * 7 + thread) % SHARED_TEXTS;
            trustee_status s = appraise(&x, work->texts[n], "random documents in several threads", false);
            if (s != work->expected[n])
                report_find(work->harness->report,
                            "a verdict is a function of its input: no state of a call in the instance or in statics; "
                            "or declare TRUSTEE_THREADS_SERIAL",
                            "verify answered %s alone and %s beside other calls, for the same evidence",
                            status_text(work->expected[n]), status_text(s));
        }
    appraisal_end(&x);
}

void trial_threads(void *user, struct report *r)
{
    static struct crowd_work work;
    struct session *s = begin(user, r);
    if (!s)
        return;
    work.harness = &s->harness;
    for (unsigned n = 0; n < 40; n++)
        (void)one_random(s, n);
    s->texts.used = 0;
    for (unsigned n = 0; n < SHARED_TEXTS; n++) {
        work.texts[n] = evidence_random(&s->texts, &s->harness, &s->dice, 9);
        work.expected[n] = appraise(&s->appraisal, work.texts[n], "a random document", false);
    }
    /* Threads write to arenas of their own, which the watch of the input does not know. */
    trial_watch_input(NULL, 0);
    run_crowd(&(struct crowd){appraise_in_crowd, &work});
    harness_stop(&s->harness);
}

/* --- leaks --- */

static void appraise_once(void *user, unsigned n)
{
    struct session *s = user;
    if (n == 0)
        s->dice = dice_of(s->harness.target->seed);
    if (s->harness.target->evidence.len && n % 4 == 0)
        (void)appraise(&s->appraisal, s->harness.target->evidence, "the good evidence", true);
    else
        (void)one_random(s, n);
}

void trial_leaks(void *user, struct report *r)
{
    struct session *s = begin(user, r);
    if (!s)
        return;
    for (unsigned n = 0; n < 40; n++)
        (void)one_random(s, n);
    look_for_leak(r, "verify", appraise_once, s, 128);
    harness_stop(&s->harness);
}
