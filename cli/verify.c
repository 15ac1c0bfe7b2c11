/* SPDX-License-Identifier: Apache-2.0
 *
 * trusteectl verify: one piece of evidence, judged by the daemon's own verifiers, without the daemon and without a
 * network. 0: accepted; 1: refused; 2: not decided, for something is missing or was given wrongly.
 */
#include "cli/verify.h"

#include <stdlib.h>
#include <time.h>

#include "core/attest/initdata.h"
#include "core/record/record.h"

#define ARENA_SIZE ((size_t)512 << 20) /* of addresses: memory that is never touched costs none */
#define ROUNDS_MAX 4                   /* NEED may be answered three times, as in the service */
#define EXPECTED_MAX 128
#define CANDIDATES_MAX 64 /* items of one name in one source */

/* --- arguments --- */

static bool take_hex(struct cli *c, struct arena *a, const char *name, slice *out)
{
    size_t length = 0;
    const char *text = take_option(c, name);
    uint8_t *room = arena_alloc(a, EXPECTED_MAX, 1);
    if (!text || !room)
        return true;
    if (!hex_decode(room, EXPECTED_MAX, slice_text(text), &length) || length < 32 || length > 64)
        return say(0, "%s takes 32 to 64 bytes in hex; '%s' is none", name, text), false;
    *out = slice_of(room, length);
    return true;
}

/* A digest in hex, or the file whose digest it is. */
static bool take_init_data(struct cli *c, struct arena *a, slice *out)
{
    const char *text = take_option(c, "--init-data");
    size_t length = 0;
    slice toml;
    const json *member;
    struct init_data *data = arena_new(a, struct init_data);
    uint8_t *room = arena_alloc(a, 64, 1);
    if (!text || !room || !data)
        return true;
    if (hex_decode(room, 64, slice_text(text), &length) && length >= 32) {
        *out = slice_of(room, length);
        return true;
    }
    if (!read_input(text, (size_t)1 << 20, a, &toml))
        return say(0, "--init-data takes a digest of 32 to 64 bytes in hex, or a TOML file"), false;
    struct text t = text_begin(a);
    text_lit(&t, "{\"format\":\"toml\",\"body\":");
    text_json(&t, toml);
    text_lit(&t, "}");
    if (FAILED(json_parse(a, text_end(&t), &member)) || FAILED(init_data_from(member, a, data)))
        return say(0, "--init-data %s: expected TOML with version, algorithm and [data]", text), false;
    *out = slice_of(data->digest, data->digest_size);
    return true;
}

static bool take_time(struct cli *c, int64_t *out)
{
    const char *text = take_option(c, "--at");
    *out = (int64_t)time(NULL);
    if (text && !parse_time(text, out))
        return say(0, "--at takes a time such as 2026-11-24T00:00:00Z, or seconds since 1970; '%s' is none", text),
               false;
    return true;
}

static int take_arguments(struct verification *v)
{
    struct cli *c = v->cli;
    const char *tee = take_option(c, "--tee"), *file = take_option(c, "--evidence"),
               *log = take_option(c, "--eventlog");
    c->all = take_flag(c, "--all");
    if (!take_verifier_options(c, &v->options) || !take_time(c, &v->now) ||
        !take_hex(c, &v->arena, "--report-data", &v->report_data) || !take_init_data(c, &v->arena, &v->init_data))
        return EXIT_USAGE;
    int code = take_sources(c, &v->sources);
    if (code)
        return code;
    if (c->argc)
        return say(EXIT_USAGE,
                   "verify takes options alone; '%s' is none of them, or lacks its value; see trusteectl help",
                   c->argv[0]);
    if (!file)
        return say(EXIT_USAGE, "verify takes --evidence FILE, or - for standard input");
    struct evidence_in in = {file, tee ? tee : "auto", log, &v->sources};
    return evidence_read(c, &v->arena, &in, &v->evidence);
}

/* What the evidence is to be bound to. Where nobody says it, its own field: then nothing is compared. */
static int choose_report_data(struct verification *v)
{
    static const uint8_t nothing[64];
    v->compared = v->report_data.len > 0;
    if (v->compared)
        return 0;
    slice own = v->evidence.field;
    slice tee = verifier_tee(v->verifier)->name;
    bool known = slice_equal(tee, S("tdx")) || slice_equal(tee, S("sgx")) || slice_equal(tee, S("snp")) ||
                 slice_equal(tee, S("tpm")) || slice_equal(tee, S("sample")) || slice_equal(tee, S("sampledevice"));
    if (!own.len && !known)
        return say(EXIT_USAGE, "where evidence of '%.*s' has its report data is not known here; say --report-data HEX",
                   SLICE_ARG(tee));
    /* Malformed evidence is refused for its form before anything is compared. */
    v->report_data = own.len ? own : slice_of(nothing, sizeof nothing);
    return 0;
}

/* --- collateral --- */

struct candidate {
    const trustee_need *need;
    size_t source, nth;
    struct collateral_item item;
    struct collateral_facts facts;
};

/* A statement that lies without its signers' chain takes that of another source. */
static void lend_chain(struct verification *v, struct collateral_item *item)
{
    struct collateral_item other;
    static const char *const names[][2] = {{"intel/qe-identity", "tdx"}, {"intel/qe-identity", "sgx"}};
    bool statement = slice_equal(item->kind, S("intel/tcb-info")) || slice_equal(item->kind, S("intel/qe-identity"));
    for (size_t i = 0; statement && !item->chain.len && i < v->sources.count; i++)
        for (size_t n = 0; n < 2 && !item->chain.len; n++)
            if (!FAILED(collateral_offline_get(v->sources.at[i], slice_text(names[n][0]), slice_text(names[n][1]),
                                               &v->arena, &other)))
                item->chain = other.chain;
}

static void note_not_genuine(struct verification *v, const struct candidate *k, const struct record *why)
{
    if (v->not_genuine.reason.len)
        return;
    v->not_genuine = *why;
    v->not_genuine.path = arena_printf(&v->arena, "%.*s %.*s", SLICE_ARG(k->need->kind), SLICE_ARG(k->need->key));
    v->not_genuine.status = slice_text(v->sources.paths[k->source]);
}

/* One item of one source: judged as the service judges what it keeps. Why it is not genuine is noted once, for the case
 * that there is no better one. */
static result try_candidate(struct verification *v, struct candidate *k)
{
    struct record why;
    TRY(collateral_offline_get_nth(v->sources.at[k->source], k->need, k->nth, &v->arena, &k->item));
    lend_chain(v, &k->item);
    record_begin(&why, &v->arena, "collateral", (const uint8_t[16]){0});
    struct judgement j = {&v->verifiers, &v->scratch, &why, v->now};
    result r = judge_item(&j, &k->item, &k->facts);
    arena_reset(&v->scratch, 0);
    if (!FAILED(r) || r.reason == PLUGIN_NOT_SUPPORTED)
        return OK;
    note_not_genuine(v, k, &why);
    return FAIL(ATTEST_REFUSED);
}

static void take_candidate(struct verification *v, const struct candidate *k)
{
    v->items[v->item_count] = (trustee_collateral){k->item.kind, k->item.key, k->item.bytes, k->item.chain};
    v->used[v->item_count++] = (struct used_item){k->facts, v->sources.paths[k->source]};
}

enum supply { SUPPLIED, MISSING, NOT_GENUINE };

/* The first that is genuine and in force; one that has expired is better than none, for the verifier says so. */
static enum supply supply_one(struct verification *v, const trustee_need *need, bool optional)
{
    enum supply found = MISSING;
    struct candidate k = {.need = need}, expired = {0};
    if (v->item_count == ITEMS_MAX)
        return MISSING;
    for (k.source = 0; k.source < v->sources.count; k.source++)
        for (k.nth = 0; k.nth < CANDIDATES_MAX; k.nth++) {
            result r = try_candidate(v, &k);
            if (FAILED(r) && r.reason != ATTEST_REFUSED)
                break;
            found = FAILED(r) ? NOT_GENUINE : found;
            if (!FAILED(r) && (!k.facts.not_after || k.facts.not_after > v->now)) {
                take_candidate(v, &k);
                return SUPPLIED;
            }
            expired = !FAILED(r) && !expired.need ? k : expired;
        }
    if (!expired.need || optional)
        return found;
    take_candidate(v, &expired);
    return SUPPLIED;
}

static bool is_supplied(const struct verification *v, const trustee_need *need)
{
    for (size_t i = 0; i < v->item_count; i++)
        if (slice_equal(v->items[i].kind, need->kind) && slice_equal(v->items[i].key, need->key))
            return true;
    return false;
}

static void refuse_item(struct verification *v)
{
    slice name = v->not_genuine.path, reason = v->not_genuine.reason;
    record_check(&v->record, arena_printf(&v->arena, "collateral %.*s", SLICE_ARG(name)), false, S("genuine"),
                 v->not_genuine.text.len ? v->not_genuine.text : reason);
    record_refuse_as(&v->record, CLASS_EVIDENCE, reason.len ? reason : S("plugin.fault"), v->not_genuine.text);
    v->refused_source = v->not_genuine.status;
}

/* Brings what the verifier asked for; what it can do without is given without bytes. UNDECIDED: something that it
 * cannot do without is missing. */
static enum outcome supply(struct verification *v, const struct verified *answer)
{
    size_t before = v->item_count;
    v->missing_count = 0;
    memset(&v->not_genuine, 0, sizeof v->not_genuine);
    for (size_t i = 0; i < answer->need_count; i++) {
        const trustee_need *need = &answer->needs[i];
        bool again = is_supplied(v, need);
        if (!again && supply_one(v, need, need->flags & TRUSTEE_NEED_LATER) != MISSING)
            continue;
        trustee_need kept = {arena_copy(&v->arena, need->kind), arena_copy(&v->arena, need->key), need->flags};
        if (!again && need->flags && v->item_count < ITEMS_MAX)
            v->items[v->item_count++] = (trustee_collateral){.kind = kept.kind, .key = kept.key};
        else
            v->missing[v->missing_count++] = kept;
    }
    if (v->item_count > before)
        return ACCEPTED;
    if (!v->not_genuine.reason.len)
        return UNDECIDED;
    refuse_item(v);
    return REFUSED;
}

/* --- the verdict --- */

static enum outcome outcome_of(const struct verification *v, result r)
{
    if (!FAILED(r))
        return ACCEPTED;
    bool ours = r.reason == PLUGIN_FAULT || r.reason == NO_MEMORY || r.reason == INTERNAL;
    (void)v;
    return ours ? UNDECIDED : REFUSED;
}

static enum outcome judge_evidence(struct verification *v)
{
    trustee_verify_in in = {.size = sizeof in,
                            .tee = verifier_tee(v->verifier)->name,
                            .evidence = v->evidence.value,
                            .report_data = v->report_data,
                            .init_data = v->init_data,
                            .collateral = v->items,
                            .now = v->now};
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        in.collateral_count = v->item_count;
        result r = verifier_verify(v->verifier, &v->request, &in, &v->answer);
        if (r.reason != ATTEST_COLLATERAL)
            return outcome_of(v, r);
        enum outcome o = supply(v, &v->answer);
        if (o != ACCEPTED)
            return o;
    }
    record_refuse(&v->record, ATTEST_COLLATERAL, S("the verifier asked too often"));
    return UNDECIDED;
}

static int verify(struct verification *v)
{
    int code = take_arguments(v);
    if (!code)
        code = verifiers_load(v->cli, &v->options, v->evidence.tee, &v->verifiers);
    if (code)
        return code;
    v->verifier = verifiers_find(&v->verifiers, v->evidence.tee);
    code = v->verifier ? choose_report_data(v) : say(EXIT_USAGE, "no verifier for '%.*s'", SLICE_ARG(v->evidence.tee));
    if (code)
        return code;
    record_begin(&v->record, &v->arena, "verification", (const uint8_t[16]){0});
    request_begin(&v->request, &v->arena, NULL, &v->record, 0);
    enum outcome o = judge_evidence(v);
    if (v->cli->json)
        verification_json(v, o);
    else
        verification_print(v, o);
    request_end(&v->request);
    return o == ACCEPTED ? 0 : o == REFUSED ? EXIT_REFUSED : EXIT_USAGE;
}

int cmd_verify(struct cli *c)
{
    struct verification *v = calloc(1, sizeof *v);
    if (!v || FAILED(arena_map(&v->arena, ARENA_SIZE, ARENA_PLAIN)) ||
        FAILED(arena_map(&v->scratch, ARENA_SIZE / 4, ARENA_PLAIN)))
        return say(EXIT_USAGE, "out of memory");
    v->cli = c;
    int code = verify(v);
    verifiers_free(&v->verifiers);
    sources_close(&v->sources);
    arena_unmap(&v->scratch);
    arena_unmap(&v->arena);
    free(v);
    return code;
}
