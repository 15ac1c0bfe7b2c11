/* SPDX-License-Identifier: Apache-2.0
 *
 * What a verification found, for people and as JSON.
 */
#include <stdlib.h>
#include <unistd.h>

#include "cli/verify.h"
#include "lib/base/result.h"

#define NAME_WIDTH_MAX 44
#define LIST_MAX 8   /* elements of a list that are printed without --all */
#define TEXT_MAX 160 /* bytes of a value that are printed without --all */

static bool colours(void)
{
    return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

static const char *mark(bool good)
{
    if (!colours())
        return good ? "✓" : "✗";
    return good ? "\033[32m✓\033[0m" : "\033[31m✗\033[0m";
}

static const char *outcome_name(enum outcome o)
{
    static const char *const names[] = {"accepted", "refused", "undecided"};
    return names[o];
}

/* Why, and what to do about it. */
struct why {
    slice reason, text, meaning, remedy;
};

static struct why why_of(const struct verification *v, enum outcome o)
{
    struct why w = {v->record.reason, v->record.text, NO_SLICE, NO_SLICE};
    if (o == UNDECIDED && v->missing_count)
        w = (struct why){
            S("attest.collateral"), NO_SLICE, S("collateral that the verifier needs is missing"),
            S("give it with --collateral; where there is a network, trusteectl collateral fetch --evidence "
              "FILE brings it into a folder")};
    else
        explain_reason(&v->verifiers, w.reason, &w.meaning, &w.remedy);
    return w;
}

/* --- for people --- */

static void print_line(const char *label, slice value)
{
    if (!value.len)
        return;
    printf("  %-12s ", label);
    print_safely(value);
    putchar('\n');
}

static int name_width(const struct record *r)
{
    size_t widest = 0;
    for (const struct record_check *c = r->checks; c; c = c->next)
        widest = c->name.len > widest ? c->name.len : widest;
    return widest > NAME_WIDTH_MAX ? NAME_WIDTH_MAX : (int)widest;
}

static void print_check(const struct record_check *c, int width, bool all)
{
    printf("  %s ", mark(c->passed));
    print_safely(c->name);
    int pad = width - (int)c->name.len;
    if (c->passed) {
        slice actual = c->actual.len ? c->actual : c->expected;
        if (actual.len)
            printf("%*s  ", pad > 0 ? pad : 0, "");
        print_safely(all ? actual : slice_sub(actual, 0, TEXT_MAX));
        printf(!all && actual.len > TEXT_MAX ? "…\n" : "\n");
        return;
    }
    putchar('\n');
    if (c->expected.len) {
        printf("      expected ");
        print_safely(c->expected);
        putchar('\n');
    }
    if (c->actual.len) {
        printf("      actual   ");
        print_safely(c->actual);
        putchar('\n');
    }
}

static void print_leaf(slice path, slice value, bool all)
{
    printf("  ");
    print_safely(path);
    printf(" = ");
    print_safely(all ? value : slice_sub(value, 0, TEXT_MAX));
    printf(!all && value.len > TEXT_MAX ? "…\n" : "\n");
}

static slice leaf_text(struct arena *a, tree t, const node *n)
{
    struct text text = text_begin(a);
    tree_json(&text, t, n, false);
    return text_end(&text);
}

static void print_claims(struct verification *v, tree t, const node *n, slice path)
{
    struct arena *a = &v->scratch;
    bool list = n->type == TRUSTEE_NODE_ARRAY, all = v->cli->all;
    if ((!list && n->type != TRUSTEE_NODE_OBJECT) || n->integer == 0) {
        print_leaf(path, leaf_text(a, t, n), all);
        return;
    }
    int64_t i = 0;
    for (const node *m = tree_next(t, n, NULL); m; m = tree_next(t, n, m), i++) {
        if (list && !all && i == LIST_MAX) {
            printf("  ");
            print_safely(path);
            printf("[…] %lld more; --all or --json shows them\n", (long long)(n->integer - i));
            return;
        }
        slice below = list       ? arena_printf(a, "%.*s[%lld]", SLICE_ARG(path), (long long)i)
                      : path.len ? arena_printf(a, "%.*s.%.*s", SLICE_ARG(path), SLICE_ARG(m->key))
                                 : m->key;
        print_claims(v, t, m, below);
    }
}

static void print_missing(const struct verification *v)
{
    printf("Missing collateral\n");
    for (size_t i = 0; i < v->missing_count; i++) {
        printf("  %s ", mark(false));
        print_safely(v->missing[i].kind);
        printf("  ");
        print_safely(v->missing[i].key);
        putchar('\n');
    }
    putchar('\n');
}

static void print_why(const struct verification *v, enum outcome o)
{
    struct why w = why_of(v, o);
    print_line("reason", w.reason);
    print_line("meaning", w.meaning);
    print_line("details", slice_equal(w.text, w.meaning) ? NO_SLICE : w.text);
    print_line("remedy", w.remedy);
    if (v->refused_source.len && o == REFUSED)
        print_line("in", v->refused_source);
}

static void print_collateral(struct verification *v)
{
    if (v->item_count)
        printf("\nCollateral\n");
    for (size_t i = 0; i < v->item_count; i++) {
        if (!v->items[i].bytes.len) /* optional, and not there */
            continue;
        const struct collateral_facts *f = &v->used[i].facts;
        printf("  %s ", mark(true));
        print_safely(v->items[i].kind);
        printf("  ");
        print_safely(slice_sub(v->items[i].key, 0, 64));
        printf("  issued %s, expires %s", time_text(v->cli, f->issued), time_text(v->cli, f->not_after));
        if (f->number)
            printf(", number %llu", (unsigned long long)f->number);
        putchar('\n');
    }
}

void verification_print(struct verification *v, enum outcome o)
{
    int width = name_width(&v->record);
    printf("Evidence of ");
    print_safely(v->evidence.tee);
    printf(" at %s: %s\n", time_text(v->cli, v->now), outcome_name(o));
    if (o != ACCEPTED)
        print_why(v, o);
    if (v->record.checks)
        printf("\nChecks\n");
    for (const struct record_check *c = v->record.checks; c; c = c->next)
        print_check(c, width, v->cli->all);
    if (!v->compared)
        printf("  - report data not compared: --report-data says what is expected\n");
    if (!v->init_data.len)
        printf("  - init-data not compared: --init-data says what is expected\n");
    else if (o == ACCEPTED && !v->answer.init_data_checked)
        printf("  - init-data not compared: this evidence has no place for it\n");
    putchar('\n');
    if (v->missing_count && o == UNDECIDED)
        print_missing(v);
    if (o == ACCEPTED) {
        printf("Claims\n");
        print_claims(v, v->answer.claims, tree_root(v->answer.claims), NO_SLICE);
        if (verifier_insecure(v->verifier))
            printf("\nThis verifier proves nothing: its evidence is for tests.\n");
    }
    print_collateral(v);
}

/* --- JSON --- */

static void member(struct text *t, const char *name, slice value)
{
    if (!value.len)
        return;
    text_lit(t, ",");
    text_json(t, slice_text(name));
    text_lit(t, ":");
    text_json(t, value);
}

static void write_checks(struct text *t, const struct record *r)
{
    text_lit(t, ",\"checks\":[");
    for (const struct record_check *c = r->checks; c; c = c->next) {
        text_add(t, c == r->checks ? S("{\"name\":") : S(",{\"name\":"));
        text_json(t, c->name);
        text_add(t, c->passed ? S(",\"passed\":true") : S(",\"passed\":false"));
        member(t, "expected", c->expected);
        member(t, "actual", c->actual);
        text_lit(t, "}");
    }
    text_lit(t, "]");
}

static void write_name(struct text *t, slice kind, slice key)
{
    text_lit(t, "{\"kind\":");
    text_json(t, kind);
    text_lit(t, ",\"key\":");
    text_json(t, key);
}

static void write_collateral(struct text *t, const struct verification *v)
{
    text_lit(t, ",\"missing\":[");
    for (size_t i = 0; i < v->missing_count; i++) {
        text_add(t, i ? S(",") : S(""));
        write_name(t, v->missing[i].kind, v->missing[i].key);
        text_lit(t, "}");
    }
    text_lit(t, "],\"collateral\":[");
    for (size_t i = 0, n = 0; i < v->item_count; i++) {
        if (!v->items[i].bytes.len)
            continue;
        text_add(t, n++ ? S(",") : S(""));
        write_name(t, v->items[i].kind, v->items[i].key);
        member(t, "source", slice_text(v->used[i].source));
        text_lit(t, ",\"issued\":");
        text_i64(t, v->used[i].facts.issued);
        text_lit(t, ",\"not_after\":");
        text_i64(t, v->used[i].facts.not_after);
        text_lit(t, ",\"number\":");
        text_u64(t, v->used[i].facts.number);
        text_lit(t, "}");
    }
    text_lit(t, "]");
}

static void write_verdict(struct text *t, const struct verification *v, enum outcome o)
{
    struct why w = o == ACCEPTED ? (struct why){0} : why_of(v, o);
    text_lit(t, "{\"verdict\":");
    text_json(t, slice_text(outcome_name(o)));
    member(t, "tee", v->evidence.tee);
    member(t, "plugin", verifier_plugin_name(v->verifier));
    text_lit(t, ",\"time\":");
    text_i64(t, v->now);
    member(t, "reason", w.reason);
    member(t, "meaning", w.meaning);
    member(t, "details", w.text);
    member(t, "remedy", w.remedy);
    member(t, "refused_source", o == REFUSED ? v->refused_source : NO_SLICE);
    text_add(t, v->compared ? S(",\"report_data_compared\":true") : S(",\"report_data_compared\":false"));
    text_add(t, v->answer.init_data_checked ? S(",\"init_data_compared\":true") : S(",\"init_data_compared\":false"));
    text_add(t, verifier_insecure(v->verifier) ? S(",\"insecure\":true") : S(",\"insecure\":false"));
}

void verification_json(struct verification *v, enum outcome o)
{
    struct text t = text_begin(&v->scratch);
    write_verdict(&t, v, o);
    write_checks(&t, &v->record);
    write_collateral(&t, v);
    if (o == ACCEPTED) {
        text_lit(&t, ",\"not_after\":");
        text_i64(&t, v->answer.not_after);
        member(&t, "report_data", v->answer.report_data_claim);
        member(&t, "init_data", v->answer.init_data_claim);
        text_lit(&t, ",\"claims\":");
        tree_json(&t, v->answer.claims, tree_root(v->answer.claims), false);
    }
    text_lit(&t, "}\n");
    slice text = text_end(&t);
    (void)fwrite(text.ptr, 1, text.len, stdout);
}
