/* SPDX-License-Identifier: Apache-2.0
 *
 * Decisions and tokens, for people.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/crypto/jose.h"

static bool colours(void)
{
    return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

static const char *mark(bool good)
{
    if (!colours())
        return good ? "ok  " : "FAIL";
    return good ? "\033[32mok  \033[0m" : "\033[31mFAIL\033[0m";
}

static void line(const char *label, slice s)
{
    if (!s.len)
        return;
    printf("  %-11s ", label);
    print_safely(s);
    putchar('\n');
}

static slice member(const json *v, const char *name)
{
    return json_text(json_get(v, slice_text(name)));
}

static void print_time(const json *v)
{
    int64_t t = 0;
    char text[40];
    struct tm tm;
    (void)json_i64(json_get(v, S("time")), &t);
    time_t when = (time_t)t;
    gmtime_r(&when, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm);
    line("when", slice_text(text));
}

static bool check_passed(const json *c)
{
    bool passed;
    return json_bool(json_get(c, S("passed")), &passed) && passed;
}

/* Where something failed, what passed is only counted, unless all of it is asked for. */
static void print_checks(const json *checks, bool all)
{
    size_t failed = 0, count = json_count(checks);
    for (const json *c = json_next(checks, NULL, NULL); c; c = json_next(checks, c, NULL))
        failed += !check_passed(c);
    for (const json *c = json_next(checks, NULL, NULL); c; c = json_next(checks, c, NULL)) {
        bool passed = check_passed(c);
        if (passed && failed && !all)
            continue;
        printf("    %s ", mark(passed));
        print_safely(member(c, "name"));
        if (member(c, "expected").len && !passed) {
            printf("\n           expected ");
            print_safely(member(c, "expected"));
        }
        if (member(c, "actual").len) {
            printf(passed ? "  (" : "\n           found    ");
            print_safely(member(c, "actual"));
            printf(passed ? ")" : "");
        }
        putchar('\n');
    }
    if (failed && !all && count > failed)
        printf("    %s %zu other check%s passed (--all shows them)\n", mark(true), count - failed,
               count - failed == 1 ? "" : "s");
}

static void print_record(struct cli *c, const json *v)
{
    bool allowed = false;
    (void)json_bool(json_get(v, S("allowed")), &allowed);
    print_safely(member(v, "kind"));
    printf(allowed ? ": allowed\n" : ": refused\n");
    if (!allowed) {
        line("reason", member(v, "reason"));
        line("meaning", member(v, "text"));
        line("remedy", member(v, "remedy"));
    }
    line("id", member(v, "id"));
    print_time(v);
    line("from", member(v, "peer"));
    line("who", member(v, "subject"));
    line("TEE", member(v, "tee"));
    line("path", member(v, "path"));
    line("status", member(v, "status"));
    struct text t = text_begin(&c->arena);
    const json *vector = json_get(v, S("trustworthiness_vector"));
    if (vector)
        json_write(&t, vector);
    line("vector", text_end(&t));
    line("policy", member(v, "policy_hash"));
    const json *missing = json_get(v, S("missing_reference_values"));
    for (const json *m = missing ? json_next(missing, NULL, NULL) : NULL; m; m = json_next(missing, m, NULL)) {
        printf("  missing     reference value ");
        print_safely(json_text(m));
        printf(" (trusteectl reference-value set ");
        print_safely(json_text(m));
        printf(" VALUE)\n");
    }
    const json *checks = json_get(v, S("checks"));
    if (checks) {
        puts("  checks");
        print_checks(checks, c->all);
    }
}

/* A release stands on an attestation: its record says why the token is what it is. */
static int explain_attestation(struct cli *c, const json *release)
{
    struct answer a;
    slice id = member(release, "attestation");
    if (!id.len || !slice_is_name(id, ""))
        return 0;
    slice path = arena_printf(&c->arena, "/admin/v1/decisions/%.*s", SLICE_ARG(id));
    printf("\nIts token came from this ");
    int code = call(c, "GET", (const char *)path.ptr, NO_SLICE, NULL, &a);
    const json *v = !code && a.status == 200 ? answer_json(c, &a) : NULL;
    if (v)
        print_record(c, v);
    else
        puts("attestation, whose record has left the store.");
    return code;
}

int cmd_explain(struct cli *c)
{
    struct answer a;
    c->all = take_flag(c, "--all");
    bool one = c->argc == 1;
    if (c->argc > 1)
        return say(EXIT_USAGE, "explain takes one id, or none for the newest decisions");
    slice path = one ? arena_printf(&c->arena, "/admin/v1/decisions/%s", encode_segment(c, c->argv[0]))
                     : S("/admin/v1/decisions?limit=10");
    int code = call_ok(c, "GET", (const char *)path.ptr, NO_SLICE, NULL, &a);
    if (code)
        return code;
    if (c->json) {
        fwrite(a.body.ptr, 1, a.body.len, stdout);
        putchar('\n');
        return 0;
    }
    const json *v = answer_json(c, &a);
    if (!v)
        return EXIT_REFUSED;
    if (one) {
        print_record(c, v);
        return explain_attestation(c, v);
    }
    for (const json *r = json_next(v, NULL, NULL); r; r = json_next(v, r, NULL)) {
        print_record(c, r);
        putchar('\n');
    }
    return 0;
}

/* --- tokens
 * ------------------------------------------------------------------------------------------------------------ */
static void print_submod(struct cli *c, slice name, const json *s)
{
    struct text t = text_begin(&c->arena);
    json_write(&t, json_get(s, S("ear.trustworthiness-vector")));
    slice vector = text_end(&t);
    printf("  ");
    print_safely(name);
    printf(": ");
    print_safely(member(s, "ear.status"));
    printf("  ");
    print_safely(vector);
    putchar('\n');
    const json *evidence = json_get(s, S("ear.veraison.annotated-evidence"));
    slice key;
    for (const json *m = evidence ? json_next(evidence, NULL, &key) : NULL; m; m = json_next(evidence, m, &key)) {
        t = text_begin(&c->arena);
        json_write(&t, m);
        printf("    ");
        print_safely(key);
        printf(" = ");
        print_safely(slice_sub(text_end(&t), 0, 400));
        putchar('\n');
    }
}

static void print_validity(const json *claims)
{
    int64_t exp = 0;
    char text[64];
    struct tm tm;
    if (!json_i64(json_get(claims, S("exp")), &exp))
        return;
    time_t when = (time_t)exp;
    gmtime_r(&when, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm);
    printf("  until %s%s\n", text, time(NULL) >= when ? "  EXPIRED" : "");
}

int cmd_token_show(struct cli *c)
{
    slice input, key;
    struct jws j;
    if (c->argc != 1)
        return say(EXIT_USAGE, "token show takes a file with a token, or - for standard input");
    if (!read_input(c->argv[0], 1u << 20, &c->arena, &input))
        return EXIT_REFUSED;
    while (input.len && (input.ptr[input.len - 1] == '\n' || input.ptr[input.len - 1] == ' '))
        input.len--;
    if (FAILED(jws_parse(&c->arena, input, &j)))
        return say(EXIT_REFUSED, "this is no token: three base64url parts with points between them were expected");
    if (c->json) {
        printf("{\"header\":%.*s,\"claims\":%.*s}\n", SLICE_ARG(j.header_text), SLICE_ARG(j.payload_text));
        return 0;
    }
    printf("token of ");
    print_safely(member(j.payload, "iss"));
    printf(" (signature not checked here)\n");
    print_validity(j.payload);
    const json *submods = json_get(j.payload, S("submods"));
    for (const json *s = submods ? json_next(submods, NULL, &key) : NULL; s; s = json_next(submods, s, &key))
        print_submod(c, key, s);
    return 0;
}
