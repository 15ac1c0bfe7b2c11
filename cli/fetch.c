/* SPDX-License-Identifier: Apache-2.0
 *
 * trusteectl collateral fetch: brings into the folder what a platform or a piece of evidence takes, from the services
 * that the daemon asks, by the daemon's own store: judged, never older than what is there.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/collateral.h"
#include "core/clock/clock.h"
#include "core/collateral/collateral.h"

#define NEEDS_MAX 256
#define ROUNDS_MAX 4
#define WAIT_MORE 5  /* seconds beyond the time of one transfer */
#define WAIT_AGAIN 3 /* seconds, once no origin has answered */

struct fetching {
    struct shelf *shelf;
    struct collateral_store *store;
    struct arena judging;   /* of the store's thread */
    struct shelf_list list; /* what came */
    trustee_collateral items[NEEDS_MAX];
    size_t item_count;
    int code;

    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done, silent;
    enum collateral_outcome outcome;
    unsigned retry_after;
    char why[256];
};

/* --- the store --- */

static result judge(void *user, const struct collateral_item *item, int64_t now, struct collateral_facts *out,
                    char *why, size_t why_size)
{
    struct fetching *f = user;
    struct record record;
    record_begin(&record, &f->judging, "collateral", (const uint8_t[16]){0});
    struct judgement j = {&f->shelf->verifiers, &f->judging, &record, now};
    result r = judge_item(&j, item, out);
    (void)snprintf(why, why_size, "%.*s %.*s", SLICE_ARG(record.reason), SLICE_ARG(record.text));
    arena_reset(&f->judging, 0);
    return r;
}

static void ended(void *user, const struct collateral_end *end)
{
    struct fetching *f = user;
    (void)pthread_mutex_lock(&f->lock);
    f->done = true;
    f->outcome = end->worst;
    f->retry_after = end->retry_after;
    (void)snprintf(f->why, sizeof f->why, "%.*s", SLICE_ARG(end->why));
    (void)pthread_cond_signal(&f->ended);
    (void)pthread_mutex_unlock(&f->lock);
}

/* Without an INI of the service the settings are the service's defaults. */
static int read_settings(struct shelf *s)
{
    char error[1024] = "", path[64];
    if (s->has_config)
        return 0;
    int fd = memfd_create("trusteed.ini", MFD_CLOEXEC);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    bool good =
        fd >= 0 && dprintf(fd, "[http]\ntls = no\n") > 0 && !FAILED(config_read(path, &s->config, error, sizeof error));
    if (fd >= 0)
        (void)close(fd);
    s->has_config = good;
    return good ? 0 : say(EXIT_USAGE, "%s", *error ? error : "out of memory");
}

static int open_store(struct fetching *f)
{
    char error[512] = "", path[PATH_MAX];
    struct shelf *s = f->shelf;
    int code = read_settings(s);
    if (code)
        return code;
    struct collateral_settings *settings = &s->config.collateral;
    settings->directory = arena_copy(&s->arena, slice_text(realpath(s->directory, path) ? path : s->directory));
    if (!settings->network)
        return say(EXIT_USAGE, "[collateral] network = no: nothing is fetched here");
    if (FAILED(collateral_open(settings, judge, f, &f->store, error, sizeof error)))
        return say(EXIT_USAGE, "%s", *error ? error : "out of memory");
    return 0;
}

/* --- one item --- */

static const char *outcome_text(enum collateral_outcome o)
{
    static const char *const texts[] = {"there", "THERE IS NONE", "NOT GENUINE", "BUSY", "UNREACHABLE"};
    return texts[o];
}

static int outcome_code(enum collateral_outcome o)
{
    static const int codes[] = {0, EXIT_NOT_FOUND, EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_UNREACHABLE};
    return codes[o];
}

static bool take(struct fetching *f, const trustee_need *need)
{
    const struct collateral_item *item;
    struct arena *a = &f->shelf->arena;
    if (f->item_count == NEEDS_MAX || !collateral_pin(f->store, need, f->shelf->now, true, &item))
        return false;
    trustee_collateral *to = &f->items[f->item_count++];
    *to = (trustee_collateral){arena_copy(a, item->kind), arena_copy(a, item->key), arena_copy(a, item->bytes),
                               item->chain.len ? arena_copy(a, item->chain) : NO_SLICE};
    shelf_add(&f->list, item, collateral_facts_of(item));
    collateral_unpin(f->store, item);
    if (f->list.count)
        f->list.at[f->list.count - 1].state = "there";
    return true;
}

static void note_failure(struct fetching *f, const trustee_need *need, bool optional)
{
    struct collateral_item item = {.kind = need->kind, .key = need->key};
    struct collateral_facts none = {0};
    size_t before = f->list.count;
    shelf_add(&f->list, &item, &none);
    if (f->list.count == before)
        return;
    f->list.at[before].state = outcome_text(f->outcome);
    f->list.at[before].why = arena_copy(&f->shelf->arena, slice_text(f->why));
    if (!optional)
        f->code = f->code ? f->code : outcome_code(f->outcome);
}

static uint64_t deadline(const struct fetching *f)
{
    uint64_t seconds = f->silent ? WAIT_AGAIN : f->shelf->config.collateral.timeout + WAIT_MORE;
    return clock_monotonic_ns() + seconds * UINT64_C(1000000000);
}

/* Waits for it: trusteectl has nothing else to do. */
static bool fetch(struct fetching *f, trustee_need need, bool optional)
{
    struct collateral_want want = {
        .needs = &need, .count = 1, .peer = S("trusteectl"), .deadline_ns = deadline(f), .done = ended, .user = f};
    f->done = false;
    f->outcome = COLLATERAL_UNREACHABLE;
    f->why[0] = 0;
    if (!FAILED(collateral_fetch(f->store, &want))) {
        (void)pthread_mutex_lock(&f->lock);
        while (!f->done)
            (void)pthread_cond_wait(&f->ended, &f->lock);
        (void)pthread_mutex_unlock(&f->lock);
    }
    f->silent |= f->outcome == COLLATERAL_UNREACHABLE;
    if (f->outcome == COLLATERAL_HERE && take(f, &need))
        return true;
    note_failure(f, &need, optional);
    return false;
}

/* --- what is wanted --- */

static trustee_need need_of(struct fetching *f, slice kind, slice key)
{
    struct arena *a = &f->shelf->arena;
    return (trustee_need){arena_copy(a, kind), arena_copy(a, key), 0};
}

/* What makes an AMD certificate useful where there is no network: the list that revokes its issuers. */
static void fetch_amd_list(struct fetching *f, slice vcek_key)
{
    slice product = slice_sub(vcek_key, 0, slice_find(vcek_key, '/'));
    slice key = arena_printf(&f->shelf->arena, "%.*s/vcek", SLICE_ARG(product));
    (void)fetch(f, need_of(f, S("amd/crl"), key), true);
    (void)fetch(f, need_of(f, S("amd/ca-chain"), key), true);
}

static bool is_there(const struct fetching *f, const trustee_need *need)
{
    for (size_t i = 0; i < f->item_count; i++)
        if (slice_equal(f->items[i].kind, need->kind) && slice_equal(f->items[i].key, need->key))
            return true;
    return false;
}

/* Needs that are alternatives (an SNP chip of unknown generation) may fail as long as one of them came. */
static bool fetch_needs(struct fetching *f, const struct verified *answer)
{
    size_t before = f->item_count;
    int code = f->code;
    for (size_t i = 0; i < answer->need_count; i++) {
        const trustee_need *need = &answer->needs[i];
        if (is_there(f, need) || !fetch(f, need_of(f, need->kind, need->key), false))
            continue;
        if (slice_equal(need->kind, S("amd/vcek"))) {
            fetch_amd_list(f, need->key);
            f->code = code;
            return true;
        }
    }
    return f->item_count > before;
}

static int fetch_for_evidence(struct fetching *f, const struct evidence *e)
{
    static const uint8_t nothing[64];
    struct shelf *s = f->shelf;
    struct record record;
    struct trustee_request req;
    struct verified answer;
    const struct verifier *verifier = verifiers_find(&s->verifiers, e->tee);
    if (!verifier)
        return say(EXIT_USAGE, "no verifier for '%.*s'", SLICE_ARG(e->tee));
    trustee_verify_in in = {.size = sizeof in,
                            .tee = verifier_tee(verifier)->name,
                            .evidence = e->value,
                            .report_data = e->field.len ? e->field : slice_of(nothing, sizeof nothing),
                            .collateral = f->items,
                            .now = s->now};
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        in.collateral_count = f->item_count;
        record_begin(&record, &s->arena, "verification", (const uint8_t[16]){0});
        request_begin(&req, &s->arena, NULL, &record, 0);
        result r = verifier_verify(verifier, &req, &in, &answer);
        bool more = r.reason == ATTEST_COLLATERAL && fetch_needs(f, &answer);
        request_end(&req);
        if (FAILED(r) && r.reason != ATTEST_COLLATERAL)
            say(0, "the evidence itself is refused: %.*s; trusteectl verify tells more", SLICE_ARG(record.reason));
        if (!more)
            break;
    }
    return f->code;
}

static int fetch_for_fmspc(struct fetching *f, slice tee, const char *fmspc)
{
    static const char *const cas[] = {"platform", "processor"};
    struct arena *a = &f->shelf->arena;
    char lower[16] = "";
    for (size_t i = 0; fmspc[i] && i + 1 < sizeof lower; i++)
        lower[i] = (char)(fmspc[i] >= 'A' && fmspc[i] <= 'F' ? fmspc[i] | 0x20 : fmspc[i]);
    trustee_need info = {S("intel/tcb-info"), arena_printf(a, "%.*s/%s", SLICE_ARG(tee), lower), 0};
    if (!collateral_is_name(info.kind, info.key))
        return say(EXIT_USAGE, "--fmspc takes the 12 hex digits of a platform, with --tee tdx or sgx");
    (void)fetch(f, info, false);
    (void)fetch(f, need_of(f, S("intel/qe-identity"), tee), false);
    for (size_t i = 0; i < 2; i++)
        (void)fetch(f, need_of(f, S("intel/pck-crl"), slice_text(cas[i])), false);
    (void)fetch(f, need_of(f, S("intel/root-crl"), S("root")), false);
    return f->code;
}

static int fetch_for_chip(struct fetching *f, const char *chip, const char *product, const char *tcb)
{
    slice key = arena_printf(&f->shelf->arena, "%s/%s/%s", product ? product : "", chip, tcb ? tcb : "");
    if (!collateral_is_name(S("amd/vcek"), key))
        return say(EXIT_USAGE,
                   "a chip takes --product Milan, --chip-id HEX (lower case) and --tcb BL-TEE-SNP-UCODE[-FMC]");
    if (fetch(f, need_of(f, S("amd/vcek"), key), false))
        fetch_amd_list(f, key);
    return f->code;
}

/* Everything in the folder that has expired. */
static int fetch_expired(struct fetching *f)
{
    struct shelf_list have = {.shelf = f->shelf};
    int code = shelf_list(f->shelf, &have);
    for (size_t i = 0; !code && i < have.count; i++) {
        const struct shelf_item *x = &have.at[i];
        if (x->facts.not_after && x->facts.not_after <= f->shelf->now)
            (void)fetch(f, need_of(f, x->item.kind, x->item.key), false);
    }
    free(have.at);
    return code ? code : f->code;
}

/* --- the command --- */

struct wanted {
    const char *tee, *evidence, *fmspc, *chip, *product, *tcb;
    struct evidence value;
};

static int take_wanted(struct shelf *s, struct wanted *w)
{
    struct cli *c = s->cli;
    static const struct sources none;
    *w = (struct wanted){.tee = take_option(c, "--tee"),
                         .evidence = take_option(c, "--evidence"),
                         .fmspc = take_option(c, "--fmspc"),
                         .chip = take_option(c, "--chip-id"),
                         .product = take_option(c, "--product"),
                         .tcb = take_option(c, "--tcb")};
    if (c->argc)
        return say(EXIT_USAGE, "collateral fetch: '%s' is too much, or lacks its value; see trusteectl help",
                   c->argv[0]);
    if (!!w->evidence + !!w->fmspc + !!w->chip > 1)
        return say(EXIT_USAGE, "collateral fetch takes one of --evidence, --fmspc and --chip-id");
    struct evidence_in in = {w->evidence, w->tee ? w->tee : "auto", NULL, &none};
    return w->evidence ? evidence_read(c, &s->arena, &in, &w->value) : 0;
}

static int fetch_wanted(struct fetching *f, const struct wanted *w)
{
    if (w->evidence)
        return fetch_for_evidence(f, &w->value);
    if (w->fmspc)
        return fetch_for_fmspc(f, slice_text(w->tee), w->fmspc);
    return w->chip ? fetch_for_chip(f, w->chip, w->product, w->tcb) : fetch_expired(f);
}

static int run(struct fetching *f)
{
    struct wanted w;
    int code = take_wanted(f->shelf, &w);
    if (!code)
        code = shelf_verifiers(f->shelf);
    if (!code)
        code = open_store(f);
    if (!code)
        code = fetch_wanted(f, &w);
    if (f->list.count || (!code && f->shelf->cli->json))
        shelf_print(&f->list);
    else if (!code)
        puts("nothing was wanted that is not there already");
    return code;
}

int cmd_collateral_fetch(struct cli *c)
{
    struct shelf *s = calloc(1, sizeof *s);
    struct fetching *f = calloc(1, sizeof *f);
    if (!s || !f || FAILED(arena_map(&f->judging, (size_t)256 << 20, ARENA_PLAIN)))
        return say(EXIT_USAGE, "out of memory");
    *f = (struct fetching){.shelf = s, .judging = f->judging, .list = {.shelf = s}};
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_cond_init(&f->ended, NULL);
    int code = shelf_open(c, s, true);
    if (!code)
        code = run(f);
    collateral_stop(f->store);
    collateral_close(f->store);
    shelf_close(s);
    arena_unmap(&f->judging);
    free(f->list.at);
    free(f);
    free(s);
    return code;
}
