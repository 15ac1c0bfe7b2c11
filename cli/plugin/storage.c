/* SPDX-License-Identifier: Apache-2.0
 *
 * Storage plugins: what is put is what is got, in the bounds of <trustee/storage.h>.
 */
#include "cli/plugin/trials.h"

#include <stdio.h>

#define SCRATCH_SIZE ((size_t)16 << 20)
#define SPACE S("repository")
#define LARGE ((size_t)256 << 10)

struct keeping {
    struct harness harness;
    struct arena scratch;
};

static bool writes(const struct harness *h)
{
    return h->storage.put && h->storage.del && !(h->storage.flags & TRUSTEE_STORAGE_READ_ONLY);
}

/* --- the four calls, each with a request of its own --- */

static void known(struct harness *h, const char *function, trustee_status s)
{
    if (!status_is_known(s))
        report_find(h->report, "answer one of the values of <trustee/abi.h>", "%s answered %d, which is not in abi.h",
                    function, (int)s);
}

static trustee_status get(struct harness *h, struct ask_sink *sink, slice key, const char *what)
{
    struct ask *a = sink->ask;
    a->secret = true;
    harness_enter(h);
    struct call_watch w = call_begin(h->report, "get of %s", what);
    trustee_status s = h->storage.get(h->instance, ask_handle(a), SPACE, key, (trustee_sink *)(void *)sink);
    call_end(h->report, &w);
    harness_leave(h);
    known(h, "get", s);
    if (s == TRUSTEE_OK && !sink->committed)
        report_find(h->report, "reserve room in the sink, fill it, and commit", "get of %s answered OK without a value",
                    what);
    ask_end(a);
    return s;
}

static trustee_status put(struct keeping *k, slice key, slice value, uint64_t flags, const char *what)
{
    struct harness *h = &k->harness;
    struct ask a;
    ask_begin(&a, h, &k->scratch);
    harness_enter(h);
    struct call_watch w = call_begin(h->report, "put of %s", what);
    trustee_status s = h->storage.put(h->instance, ask_handle(&a), SPACE, key, value, flags);
    call_end(h->report, &w);
    harness_leave(h);
    known(h, "put", s);
    ask_end(&a);
    return s;
}

static trustee_status del(struct keeping *k, slice key, const char *what)
{
    struct harness *h = &k->harness;
    struct ask a;
    ask_begin(&a, h, &k->scratch);
    harness_enter(h);
    struct call_watch w = call_begin(h->report, "del of %s", what);
    trustee_status s = h->storage.del(h->instance, ask_handle(&a), SPACE, key);
    call_end(h->report, &w);
    harness_leave(h);
    known(h, "del", s);
    ask_end(&a);
    return s;
}

static trustee_status list(struct keeping *k, slice prefix, struct ask_sink *sink)
{
    struct harness *h = &k->harness;
    struct ask a;
    ask_begin(&a, h, &k->scratch);
    sink->ask = &a;
    harness_enter(h);
    struct call_watch w = call_begin(h->report, "list");
    trustee_status s = h->storage.list(h->instance, ask_handle(&a), SPACE, prefix, (trustee_sink *)(void *)sink);
    call_end(h->report, &w);
    harness_leave(h);
    known(h, "list", s);
    ask_end(&a);
    return s;
}

static trustee_status get_into(struct keeping *k, struct ask_sink *sink, struct ask *a, slice key, const char *what)
{
    ask_begin(a, &k->harness, &k->scratch);
    sink->ask = a;
    return get(&k->harness, sink, key, what);
}

static void expect(struct keeping *k, trustee_status is, trustee_status should, const char *what, const char *remedy)
{
    if (is != should)
        report_find(k->harness.report, remedy, "%s: it answered %s, and %s is right", what, status_text(is),
                    status_text(should));
}

/* A back end that is not there answers nothing, and that is no fault of the plugin. */
static bool begin(struct keeping *k, void *user, struct report *r)
{
    const struct examination *e = user;
    struct ask_sink sink = {.limit = 4096};
    struct ask a;
    if (!harness_ready(&k->harness, &e->target, r) || FAILED(arena_map(&k->scratch, SCRATCH_SIZE, ARENA_PLAIN)))
        return false;
    if (get_into(k, &sink, &a, S("default/check/missing"), "a key that is not there") != TRUSTEE_E_AGAIN)
        return true;
    report_note(r, "its back end cannot be reached: give one with --option KEY=VALUE, or its calls are not tried");
    harness_stop(&k->harness);
    return false;
}

/* --- what is put is what is got --- */

static void round_trip(struct keeping *k, slice key, slice value, const char *what)
{
    struct ask_sink sink = {.limit = SCRATCH_SIZE / 2};
    struct ask a;
    trustee_status s = put(k, key, value, 0, what);
    if (s == TRUSTEE_E_LIMIT)
        return;
    expect(k, s, TRUSTEE_OK, what, "a value of any bytes can be put; E_LIMIT where it is too large");
    if (s != TRUSTEE_OK)
        return;
    s = get_into(k, &sink, &a, key, what);
    if (s != TRUSTEE_OK || !slice_equal(sink.value, value))
        report_find(k->harness.report, "keep all bytes as they are, zeros too, and the exact length",
                    "what was put is not what get gives: %s (%s)", what, status_text(s));
}

static void try_missing(struct keeping *k)
{
    struct ask_sink sink = {.limit = 4096};
    struct ask a;
    expect(k, get_into(k, &sink, &a, S("default/check/missing"), "a key that is not there"), TRUSTEE_NOT_FOUND,
           "get of a key that is not there", "answer TRUSTEE_NOT_FOUND");
    if (writes(&k->harness))
        expect(k, del(k, S("default/check/missing"), "a key that is not there"), TRUSTEE_NOT_FOUND,
               "del of a key that is not there", "answer TRUSTEE_NOT_FOUND");
}

static void try_values(struct keeping *k)
{
    static uint8_t bytes[LARGE];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    round_trip(k, S("default/check/empty"), S(""), "an empty value");
    round_trip(k, S("default/check/one"), S("\0"), "a value of one zero byte");
    round_trip(k, S("default/check/one"), slice_of(bytes, 4096), "a value that is overwritten by a longer one");
    round_trip(k, S("default/check/one"), S("short"), "a value that is overwritten by a shorter one");
    round_trip(k, S("default/check/large"), slice_of(bytes, sizeof bytes), "a value of 256 KiB");
    round_trip(k, S("single"), S("x"), "a key of one segment");
    round_trip(k, S("a/b/c/d/e"), S("x"), "a key of five segments");
}

static void try_listing(struct keeping *k)
{
    struct ask_sink sink = {.wanted = S("default/check/one")};
    trustee_status s = list(k, S("default/check/"), &sink);
    if (s != TRUSTEE_OK || !sink.found)
        report_find(k->harness.report, "give each key of the namespace that begins with the prefix to sink_name, whole",
                    "list does not name a key that was put (%s)", status_text(s));
    struct ask_sink none = {.wanted = S("x")};
    s = list(k, S("no/such/prefix"), &none);
    if (s != TRUSTEE_OK || none.names)
        report_find(k->harness.report, "no name is no fault: answer OK; compare the whole prefix",
                    "list of a prefix that nothing has gives %llu names (%s)", (unsigned long long)none.names,
                    status_text(s));
}

static void try_flags(struct keeping *k)
{
    expect(k, put(k, S("default/check/one"), S("again"), TRUSTEE_PUT_NEW, "a key that exists, as new"), TRUSTEE_REJECT,
           "put with TRUSTEE_PUT_NEW of a key that exists", "refuse it with TRUSTEE_REJECT, and leave the old value");
    expect(k, del(k, S("default/check/one"), "a key that exists"), TRUSTEE_OK, "del of a key that exists",
           "take it away");
    struct ask_sink sink = {.limit = 4096};
    struct ask a;
    expect(k, get_into(k, &sink, &a, S("default/check/one"), "a deleted key"), TRUSTEE_NOT_FOUND,
           "get of a key after del", "what is deleted is gone");
}

static void try_ready(struct keeping *k)
{
    uint8_t why[64];
    static const uint64_t rooms[] = {0, 1, sizeof why};
    struct harness *h = &k->harness;
    for (size_t i = 0; h->storage.ready && i < sizeof rooms / sizeof *rooms; i++) {
        uint64_t length = 0;
        memset(why, 0x5a, sizeof why);
        struct call_watch w = call_begin(h->report, "ready with room for %llu bytes", (unsigned long long)rooms[i]);
        trustee_status s = h->storage.ready(h->instance, why, rooms[i], &length);
        call_end(h->report, &w);
        known(h, "ready", s);
        bool beyond = length > rooms[i];
        for (uint64_t n = rooms[i]; n < sizeof why; n++)
            beyond |= why[n] != 0x5a;
        if (beyond)
            report_find(h->report, "write at most `capacity` bytes, and set the length to what was written",
                        "ready wrote beyond the room that it was given");
    }
}

void trial_storage(void *user, struct report *r)
{
    static struct keeping k;
    if (!begin(&k, user, r))
        return;
    try_ready(&k);
    try_missing(&k);
    if (writes(&k.harness)) {
        try_values(&k);
        try_listing(&k);
        try_flags(&k);
    }
    harness_stop(&k.harness);
}

/* --- short of memory --- */

static void get_short(struct keeping *k, uint64_t fail_at)
{
    struct ask_sink sink = {.limit = SCRATCH_SIZE / 2};
    struct ask a;
    ask_begin(&a, &k->harness, &k->scratch);
    a.fail_at = fail_at;
    a.fail_rest = true;
    sink.ask = &a;
    trustee_status s = get(&k->harness, &sink, S("default/check/value"), "a value, where an allocation fails");
    if (s == TRUSTEE_OK && !slice_equal(sink.value, S("0123456789")))
        report_find(k->harness.report, "answer TRUSTEE_E_LIMIT where sink_reserve gives NULL",
                    "get answered OK, with another value, where an allocation failed");
}

static void get_large(struct keeping *k)
{
    struct ask_sink sink = {.limit = 4};
    struct ask a;
    trustee_status s = get_into(k, &sink, &a, S("default/check/value"), "a value that does not fit the sink");
    if (s != TRUSTEE_E_LIMIT && s != TRUSTEE_E_NOMEM)
        report_find(k->harness.report, "answer TRUSTEE_E_LIMIT where sink_reserve gives NULL",
                    "get of a value that does not fit answered %s", status_text(s));
}

void trial_storage_limits(void *user, struct report *r)
{
    static struct keeping k;
    if (!begin(&k, user, r))
        return;
    if (writes(&k.harness) && put(&k, S("default/check/value"), S("0123456789"), 0, "ten bytes") == TRUSTEE_OK) {
        for (uint64_t n = 1; n <= 50; n++)
            get_short(&k, n);
        get_large(&k);
    }
    harness_stop(&k.harness);
}

/* --- threads, leaks --- */

static void work_in_crowd(void *user, unsigned thread)
{
    struct keeping *shared = user;
    char name[64];
    struct arena scratch;
    if (FAILED(arena_map(&scratch, SCRATCH_SIZE, ARENA_PLAIN)))
        return;
    for (unsigned n = 0; n < 24; n++) {
        struct harness *h = &shared->harness;
        struct ask a;
        struct ask_sink sink = {.ask = &a, .limit = 4096};
        int length = snprintf(name, sizeof name, "default/thread-%u/key-%u", thread, n % 5);
        slice key = slice_of(name, (size_t)length);
        ask_begin(&a, h, &scratch);
        harness_enter(h);
        struct call_watch w = call_begin(h->report, "put, get and del in several threads");
        trustee_status s = h->storage.put(h->instance, ask_handle(&a), SPACE, key, key, 0);
        harness_leave(h);
        ask_end(&a);
        ask_begin(&a, h, &scratch);
        trustee_status got = get(h, &sink, key, "a key of this thread's own");
        call_end(h->report, &w);
        if (s == TRUSTEE_OK && (got != TRUSTEE_OK || !slice_equal(sink.value, key)))
            report_find(h->report, "guard shared state with a lock, or declare TRUSTEE_THREADS_SERIAL",
                        "with several threads get does not give what was put (%s)", status_text(got));
    }
    arena_unmap(&scratch);
}

static void use_once(void *user, unsigned n)
{
    struct keeping *k = user;
    struct ask_sink sink = {.limit = 4096}, names = {.wanted = NO_SLICE};
    struct ask a;
    (void)n;
    if (writes(&k->harness))
        for (unsigned twice = 0; twice < 2; twice++)
            (void)put(k, S("default/check/again"), S("value"), 0, "one value again and again");
    (void)get_into(k, &sink, &a, S("default/check/again"), "one value again and again");
    (void)list(k, S("default/"), &names);
    if (writes(&k->harness))
        (void)del(k, S("default/check/again"), "one value again and again");
}

void trial_storage_threads(void *user, struct report *r)
{
    static struct keeping k;
    if (!begin(&k, user, r))
        return;
    struct state *before = state_take();
    if (writes(&k.harness))
        run_crowd(&(struct crowd){work_in_crowd, &k});
    look_for_leak(r, "put, get, list and del", use_once, &k, 64);
    state_compare(before, r, "put, get, list and del", false);
    harness_stop(&k.harness);
}
