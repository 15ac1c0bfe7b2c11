/* SPDX-License-Identifier: Apache-2.0
 *
 * trusteectl plugin check: runs the trials that suit the plugin, and says what to mend.
 */
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/plugin/trials.h"
#include "cli/verifiers.h"

#define DEFAULT_NOW INT64_C(1790000000)
#define INPUT_MAX ((size_t)4 << 20)
#define MAX_OPTIONS 256

struct checking {
    struct cli *cli;
    struct report *report;
    struct examination examination;
    struct sources sources;
    const char *options[OPTIONS_MAX];
    char file[PATH_MAX], folder[64];
    const json *dump;
    unsigned trials;
    uint64_t slowest_ns; /* of all trials */
    char slowest[200];
};

/* --- the command line --- */

static bool take_hex(struct checking *c, const char *hex, slice *out)
{
    slice text = slice_text(hex);
    size_t length;
    uint8_t *room = arena_alloc(&c->cli->arena, text.len / 2 + 1, 1);
    if (!room || !hex_decode(room, text.len / 2, text, &length))
        return false;
    *out = slice_of(room, length);
    return true;
}

static int take_number(struct cli *cli, const char *name, uint64_t most, uint64_t *out)
{
    const char *text = take_option(cli, name);
    if (text && (!slice_u64(slice_text(text), out) || *out == 0 || *out > most))
        return say(EXIT_USAGE, "%s takes a number from 1 to %llu", name, (unsigned long long)most);
    return 0;
}

static int take_limits(struct checking *c)
{
    struct target *t = &c->examination.target;
    uint64_t seconds = 10;
    t->seed = 1;
    t->slow_ms = 1000;
    int code = take_number(c->cli, "--seconds", 60, &seconds);
    if (!code)
        code = take_number(c->cli, "--slow", 60000, &t->slow_ms);
    if (!code)
        code = take_number(c->cli, "--seed", UINT64_MAX, &t->seed);
    t->seconds = (unsigned)seconds;
    return code;
}

static int take_inputs(struct checking *c)
{
    struct target *t = &c->examination.target;
    const char *evidence = take_option(c->cli, "--evidence"), *policy = take_option(c->cli, "--policy");
    const char *report_data = take_option(c->cli, "--report-data"), *at = take_option(c->cli, "--at"), *option;
    if (evidence && !read_input(evidence, INPUT_MAX, &c->cli->arena, &t->evidence))
        return EXIT_USAGE;
    if (policy && !read_input(policy, INPUT_MAX, &c->cli->arena, &t->policy))
        return EXIT_USAGE;
    t->now = evidence ? (int64_t)time(NULL) : DEFAULT_NOW;
    if (at && !parse_time(at, &t->now))
        return say(EXIT_USAGE, "--at takes a time, such as 2026-11-24T00:00:00Z");
    if (report_data && !take_hex(c, report_data, &t->report_data))
        return say(EXIT_USAGE, "--report-data takes hex digits");
    while ((option = take_option(c->cli, "--option"))) {
        const char *equals = strchr(option, '=');
        if (!equals || equals == option || !equals[1] || t->option_count == OPTIONS_MAX)
            return say(EXIT_USAGE, "--option takes KEY=VALUE; '%s' is none", option);
        c->options[t->option_count++] = option;
    }
    t->options = c->options;
    t->sources = &c->sources;
    int code = take_sources(c->cli, &c->sources);
    return code ? code : take_limits(c);
}

static int take_file(struct checking *c)
{
    struct cli *cli = c->cli;
    if (cli->argc != 1 || *cli->argv[0] == '-')
        return say(EXIT_USAGE, "plugin check takes the file of one plugin, such as ./acme.so");
    if (!realpath(cli->argv[0], c->file))
        return say(EXIT_USAGE, "%s: %s", cli->argv[0], strerror(errno));
    c->examination.target.file = c->file;
    return 0;
}

/* --- running --- */

static void judge_time(struct checking *c)
{
    struct report *r = c->report;
    if (r->slowest_ns > c->slowest_ns) {
        c->slowest_ns = r->slowest_ns;
        memcpy(c->slowest, r->slowest, sizeof c->slowest);
    }
    if (r->slowest_ns <= c->examination.target.slow_ms * 1000000u)
        return;
    (void)snprintf(r->check, sizeof r->check, "time");
    report_find(r, "calls run on threads that serve everybody: bound the work by the size of the input",
                "%s took %llu ms of CPU time", r->slowest, (unsigned long long)(r->slowest_ns / 1000000u));
}

static bool try(struct checking *c, const char *name, void (*body)(void *user, struct report *r))
{
    struct trial t = {name, body, &c->examination, c->examination.target.seconds};
    c->trials++;
    bool ended = trial_run(&t, c->report);
    judge_time(c);
    c->report->slowest_ns = 0;
    return ended;
}

static bool offers(const struct checking *c, slice kind)
{
    const json *interfaces = json_get(c->dump, S("interfaces"));
    for (const json *i = json_next(interfaces, NULL, NULL); i; i = json_next(interfaces, i, NULL))
        if (slice_equal(json_text(json_get(i, S("kind"))), kind))
            return true;
    return false;
}

static void try_interfaces(struct checking *c)
{
    static const struct {
        slice kind;
        const char *name;
        void (*body)(void *user, struct report *r);
    } trials[] = {
        {TRUSTEE_TEXT("verifier"), "evidence", trial_evidence},
        {TRUSTEE_TEXT("verifier"), "tampering", trial_tampering},
        {TRUSTEE_TEXT("verifier"), "bindings", trial_bindings},
        {TRUSTEE_TEXT("verifier"), "allocations", trial_allocations},
        {TRUSTEE_TEXT("verifier"), "deadline", trial_cancelled},
        {TRUSTEE_TEXT("verifier"), "collateral", trial_collateral},
        {TRUSTEE_TEXT("verifier"), "challenges", trial_challenges},
        {TRUSTEE_TEXT("verifier"), "threads", trial_threads},
        {TRUSTEE_TEXT("verifier"), "leaks", trial_leaks},
        {TRUSTEE_TEXT("storage"), "storage", trial_storage},
        {TRUSTEE_TEXT("storage"), "storage limits", trial_storage_limits},
        {TRUSTEE_TEXT("storage"), "storage threads", trial_storage_threads},
        {TRUSTEE_TEXT("policy"), "policies", trial_policy},
        {TRUSTEE_TEXT("policy"), "policy threads", trial_policy_leaks},
    };
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++)
        if (offers(c, trials[i].kind))
            (void)try(c, trials[i].name, trials[i].body);
}

static void run_all(struct checking *c)
{
    if (!try(c, "descriptor", trial_describe) || !c->report->output_size ||
        FAILED(json_parse(&c->cli->arena, slice_of(c->report->output, c->report->output_size), &c->dump)))
        return;
    size_t before = report_faults(c->report);
    if (!try(c, "start", trial_start) || report_faults(c->report) > before)
        return;
    size_t options = json_count(json_get(c->dump, S("options")));
    for (uint32_t i = 0; i < options && i < MAX_OPTIONS; i++) {
        c->examination.option = i;
        (void)try(c, "options", trial_option);
    }
    try_interfaces(c);
}

/* --- the report --- */

/* What a plugin wrote goes to a terminal: without control characters. */
static void print_finding(const struct finding *f)
{
    printf("  %-8s %s: ", f->note ? "note" : "FINDING", f->check);
    print_safely(slice_of(f->what, strnlen(f->what, sizeof f->what)));
    if (f->times > 1)
        printf(" (%u such)", f->times);
    if (!f->note) {
        printf("\n           mend: ");
        print_safely(slice_of(f->remedy, strnlen(f->remedy, sizeof f->remedy)));
    }
    putchar('\n');
}

static void print_report(const struct checking *c, size_t faults)
{
    const struct report *r = c->report;
    slice name = json_text(json_get(c->dump, S("name"))), version = json_text(json_get(c->dump, S("version")));
    printf("%s", c->file);
    if (name.ptr) {
        printf(": ");
        print_safely(name);
        printf(" ");
        print_safely(version);
    }
    putchar('\n');
    for (unsigned notes = 0; notes < 2; notes++)
        for (uint32_t i = 0; i < r->count && i < FINDINGS_MAX; i++)
            if (r->findings[i].note == (notes == 1))
                print_finding(&r->findings[i]);
    if (c->slowest_ns) {
        printf("  slowest  ");
        print_safely(slice_text(c->slowest));
        printf(": %llu.%02llu ms of CPU time\n", (unsigned long long)(c->slowest_ns / 1000000u),
               (unsigned long long)(c->slowest_ns / 10000u % 100u));
    }
    printf("%u trials, %llu calls, %zu finding%s\n", c->trials, (unsigned long long)r->all_calls, faults,
           faults == 1 ? "" : "s");
}

static slice clean(struct cli *cli, const char *text, size_t size)
{
    slice s = slice_of(text, strnlen(text, size));
    return slice_is_utf8(s) ? s : arena_printf(&cli->arena, "(not UTF-8)");
}

static void write_finding(struct checking *c, struct text *t, const struct finding *f)
{
    text_lit(t, "{\"check\":");
    text_json(t, clean(c->cli, f->check, sizeof f->check));
    text_lit(t, ",\"what\":");
    text_json(t, clean(c->cli, f->what, sizeof f->what));
    if (!f->note) {
        text_lit(t, ",\"remedy\":");
        text_json(t, clean(c->cli, f->remedy, sizeof f->remedy));
    }
    text_lit(t, ",\"times\":");
    text_u64(t, f->times);
    text_lit(t, "}");
}

static void write_findings(struct checking *c, struct text *t, bool notes)
{
    bool first = true;
    for (uint32_t i = 0; i < c->report->count && i < FINDINGS_MAX; i++) {
        if (c->report->findings[i].note != notes)
            continue;
        if (!first)
            text_lit(t, ",");
        first = false;
        write_finding(c, t, &c->report->findings[i]);
    }
}

static void print_json(struct checking *c, size_t faults)
{
    struct text t = text_begin(&c->cli->arena);
    text_lit(&t, "{\"file\":");
    text_json(&t, slice_text(c->file));
    text_lit(&t, ",\"name\":");
    text_json(&t, json_text(json_get(c->dump, S("name"))));
    text_lit(&t, ",\"trials\":");
    text_u64(&t, c->trials);
    text_lit(&t, ",\"calls\":");
    text_u64(&t, c->report->all_calls);
    text_lit(&t, ",\"slowest\":");
    text_json(&t, clean(c->cli, c->slowest, sizeof c->slowest));
    text_lit(&t, ",\"slowest_us\":");
    text_u64(&t, c->slowest_ns / 1000u);
    text_add(&t, faults ? S(",\"good\":false,\"findings\":[") : S(",\"good\":true,\"findings\":["));
    write_findings(c, &t, false);
    text_lit(&t, "],\"notes\":[");
    write_findings(c, &t, true);
    text_lit(&t, "]}\n");
    slice s = text_end(&t);
    fwrite(s.ptr, 1, s.len, stdout);
}

/* --- our folder --- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

int cmd_plugin_check(struct cli *cli)
{
    struct checking c = {.cli = cli, .folder = "/tmp/trustee-check-XXXXXX"};
    int code = take_inputs(&c);
    if (!code)
        code = take_file(&c);
    if (code)
        return code;
    c.report = report_new();
    if (!c.report || !mkdtemp(c.folder))
        return say(EXIT_REFUSED, "%s: %s", c.report ? c.folder : "no memory", strerror(errno));
    c.examination.target.folder = c.folder;
    run_all(&c);
    size_t faults = report_faults(c.report);
    if (cli->json)
        print_json(&c, faults);
    else
        print_report(&c, faults);
    (void)nftw(c.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    report_free(c.report);
    sources_close(&c.sources);
    return faults ? EXIT_REFUSED : 0;
}
