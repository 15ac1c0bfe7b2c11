/* SPDX-License-Identifier: Apache-2.0
 *
 * The Prometheus text format 0.0.4: every line is parsed.
 */
#include "core/metrics/metrics.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static struct arena arena;
static struct metrics *metrics;

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)8 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(metrics_new(&metrics)));
}

static void teardown(void)
{
    metrics_free(metrics);
    arena_unmap(&arena);
}

TestSuite(metrics, .init = setup, .fini = teardown);

static slice text_with(const struct metrics_extra *extra, size_t count)
{
    struct text t = text_begin(&arena);
    metrics_text(metrics, extra, count, &t);
    slice s = text_end(&t);
    cr_assert(s.ptr);
    return s;
}

/* The value of a sample, by name and labels to the letter; -1: it is not there. */
static double sample(const char *name)
{
    slice rest = text_with(NULL, 0), line;
    while (slice_split(&rest, '\n', &line)) {
        slice head = arena_printf(&arena, "%s ", name);
        if (slice_starts(line, head))
            return atof((const char *)arena_printf(&arena, "%.*s", SLICE_ARG(slice_sub(line, head.len, line.len))).ptr);
    }
    return -1;
}

static bool is_metric_name(slice s)
{
    return slice_is_name(s, "_:") && !(s.ptr[0] >= '0' && s.ptr[0] <= '9');
}

/* name{label="value",…} number */
static void check_sample(slice line, slice family, slice type)
{
    size_t brace = slice_find(line, '{'), space = line.len;
    while (space > 0 && line.ptr[space - 1] != ' ')
        space--;
    slice name = slice_sub(line, 0, brace < line.len ? brace : space - 1);
    slice number = slice_sub(line, space, line.len);
    cr_assert(is_metric_name(name), "%.*s", SLICE_ARG(line));
    if (brace < line.len) {
        slice labels = slice_sub(line, brace + 1, space - 1 - brace - 1);
        cr_assert(slice_ends(labels, S("\"}")) && slice_find(labels, '=') < labels.len, "%.*s", SLICE_ARG(line));
    }
    char copy[64], *end;
    snprintf(copy, sizeof copy, "%.*s", SLICE_ARG(number));
    strtod(copy, &end);
    cr_assert(*copy && !*end, "%.*s", SLICE_ARG(line));
    slice rest = slice_sub(name, family.len, name.len);
    bool histogram = slice_equal(type, S("histogram"));
    cr_assert(slice_starts(name, family));
    cr_assert(histogram
                  ? slice_equal(rest, S("_bucket")) || slice_equal(rest, S("_sum")) || slice_equal(rest, S("_count"))
                  : rest.len == 0,
              "%.*s", SLICE_ARG(line));
}

static void check_format(slice text)
{
    slice line, family = S("-"), type = S("-"), seen[64];
    size_t families = 0;
    cr_assert(slice_ends(text, S("\n")));
    text.len--;
    while (slice_split(&text, '\n', &line)) {
        slice words = line, hash, kind;
        if (line.ptr[0] != '#') {
            check_sample(line, family, type);
            continue;
        }
        cr_assert(slice_split(&words, ' ', &hash) && slice_split(&words, ' ', &kind) &&
                  slice_split(&words, ' ', &family));
        if (slice_equal(kind, S("HELP"))) {
            cr_assert(words.len && slice_find(words, '\\') == words.len);
            for (size_t i = 0; i < families; i++)
                cr_assert_not(slice_equal(seen[i], family), "%.*s stands twice", SLICE_ARG(family));
            seen[families++] = family;
            continue;
        }
        cr_assert(slice_equal(kind, S("TYPE")) && slice_equal(family, seen[families - 1]));
        type = words;
        cr_assert(slice_equal(type, S("counter")) || slice_equal(type, S("gauge")) ||
                  slice_equal(type, S("histogram")));
    }
}

Test(metrics, every_line_is_of_the_text_format)
{
    static const struct metrics_extra extra[] = {{"trustee_one", "One", 1}, {"trustee_two", "Two", UINT64_MAX}};
    check_format(text_with(NULL, 0));
    metrics_request(metrics, 1234567, 10, 100000);
    metrics_attestation(metrics, S("az-snp-vtpm"), true);
    metrics_attestation(metrics, S("tdx"), false);
    check_format(text_with(extra, 2));
}

Test(metrics, upstreams_families_are_there)
{
    static const char *const names[] = {"kbs_http_requests_total",
                                        "kbs_http_active_connections",
                                        "kbs_resource_reads_total",
                                        "kbs_resource_writes_total",
                                        "kbs_resource_deletes_total",
                                        "kbs_policy_evaluations_total",
                                        "kbs_policy_approvals_total",
                                        "kbs_policy_violations_total",
                                        "kbs_policy_errors_total",
                                        "kbs_auth_requests_total",
                                        "kbs_auth_successes_total",
                                        "kbs_auth_errors_total",
                                        "kbs_attestation_requests_total",
                                        "kbs_attestation_errors_total",
                                        "kbs_http_request_duration_seconds_count",
                                        "kbs_http_request_size_bytes_sum",
                                        "kbs_http_response_size_bytes_count"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert_eq(sample(names[i]), 0, "%s", names[i]);
}

Test(metrics, counters_count_what_they_are_for)
{
    metrics_add(metrics, METRIC_AUTH_REQUESTS);
    metrics_add(metrics, METRIC_AUTH_REQUESTS);
    metrics_add(metrics, METRIC_RESOURCE_READS);
    cr_assert_eq(sample("kbs_auth_requests_total"), 2);
    cr_assert_eq(sample("kbs_resource_reads_total"), 1);
    cr_assert_eq(sample("kbs_auth_errors_total"), 0);
}

Test(metrics, attestations_are_counted_by_tee)
{
    metrics_attestation(metrics, S("tdx"), true);
    metrics_attestation(metrics, S("tdx"), true);
    metrics_attestation(metrics, S("snp"), false);
    cr_assert_eq(sample("kbs_attestation_successes_total{tee_type=\"tdx\"}"), 2);
    cr_assert_eq(sample("kbs_attestation_failures_total{tee_type=\"tdx\"}"), 0);
    cr_assert_eq(sample("kbs_attestation_failures_total{tee_type=\"snp\"}"), 1);
}

Test(metrics, tee_names_are_bounded)
{
    for (int i = 0; i < 1000; i++)
        metrics_attestation(metrics, arena_printf(&arena, "tee%d", i), true);
    metrics_attestation(metrics, S("a-name-that-is-longer-than-any-tee-has"), true);
    slice rest = text_with(NULL, 0), line;
    int count = 0;
    while (slice_split(&rest, '\n', &line))
        count += slice_starts(line, S("kbs_attestation_successes_total{"));
    cr_assert_eq(count, 32);
}

Test(metrics, a_histogram_is_cumulative_and_bounds_are_included)
{
    metrics_request(metrics, 500000, 32, 33);         /* 0.5 ms */
    metrics_request(metrics, 500001, 8192, 8193);     /* just above */
    metrics_request(metrics, 2500000000, 0, 1 << 20); /* 2.5 s */
    cr_assert_eq(sample("kbs_http_request_duration_seconds_bucket{le=\"0.0005\"}"), 1);
    cr_assert_eq(sample("kbs_http_request_duration_seconds_bucket{le=\"0.001\"}"), 2);
    cr_assert_eq(sample("kbs_http_request_duration_seconds_bucket{le=\"1\"}"), 2);
    cr_assert_eq(sample("kbs_http_request_duration_seconds_bucket{le=\"+Inf\"}"), 3);
    cr_assert_eq(sample("kbs_http_request_duration_seconds_count"), 3);
    cr_assert_float_eq(sample("kbs_http_request_duration_seconds_sum"), 2.501000001, 1e-9);
    cr_assert_eq(sample("kbs_http_request_size_bytes_bucket{le=\"32\"}"), 2);
    cr_assert_eq(sample("kbs_http_request_size_bytes_bucket{le=\"8192\"}"), 3);
    cr_assert_eq(sample("kbs_http_response_size_bytes_bucket{le=\"32\"}"), 0);
    cr_assert_eq(sample("kbs_http_response_size_bytes_bucket{le=\"8192\"}"), 1);
    cr_assert_eq(sample("kbs_http_response_size_bytes_bucket{le=\"+Inf\"}"), 3);
    cr_assert_eq(sample("kbs_http_requests_total"), 3);
}

Test(metrics, connections_go_up_and_down_and_never_below_zero)
{
    metrics_connections(metrics, 1);
    metrics_connections(metrics, 1);
    metrics_connections(metrics, -1);
    cr_assert_eq(sample("kbs_http_active_connections"), 1);
    metrics_connections(metrics, -5);
    cr_assert_eq(sample("kbs_http_active_connections"), 0);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *count(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        metrics_request(metrics, (uint64_t)i * 100000, (size_t)i, 1);
        metrics_attestation(metrics, i % 2 ? S("tdx") : S("snp"), true);
    }
    return unused;
}

Test(metrics, threads_lose_nothing_and_each_answer_agrees_with_itself)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, count, NULL);
    for (int i = 0; i < 20; i++) {
        arena.used = 0;
        check_format(text_with(NULL, 0));
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(sample("kbs_http_requests_total"), THREADS * ROUNDS);
    cr_assert_eq(sample("kbs_http_request_size_bytes_count"), THREADS * ROUNDS);
    cr_assert_eq(sample("kbs_attestation_successes_total{tee_type=\"tdx\"}"), THREADS * ROUNDS / 2);
    cr_assert_eq(sample("kbs_attestation_successes_total{tee_type=\"snp\"}"), THREADS * ROUNDS / 2);
}
