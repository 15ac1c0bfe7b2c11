/* SPDX-License-Identifier: Apache-2.0 */
#include "core/metrics/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define TEES_MAX 32
#define BUCKETS_MAX 8 /* the last one is for what is above all bounds */

static const struct {
    const char *name, *help;
} COUNTERS[METRIC_COUNT] = {
    [METRIC_AUTH_REQUESTS] = {"kbs_auth_requests_total", "Challenges asked for"},
    [METRIC_AUTH_SUCCESSES] = {"kbs_auth_successes_total", "Challenges given"},
    [METRIC_AUTH_ERRORS] = {"kbs_auth_errors_total", "Requests for a challenge that were refused"},
    [METRIC_ATTESTATION_REQUESTS] = {"kbs_attestation_requests_total", "Attestations asked for"},
    [METRIC_ATTESTATION_ERRORS] = {"kbs_attestation_errors_total", "Attestations that were refused before a verifier"},
    [METRIC_POLICY_EVALUATIONS] = {"kbs_policy_evaluations_total", "Evaluations of the resource policy"},
    [METRIC_POLICY_APPROVALS] = {"kbs_policy_approvals_total", "Evaluations that allowed"},
    [METRIC_POLICY_VIOLATIONS] = {"kbs_policy_violations_total", "Evaluations that did not allow"},
    [METRIC_POLICY_ERRORS] = {"kbs_policy_errors_total", "Evaluations that failed"},
    [METRIC_RESOURCE_READS] = {"kbs_resource_reads_total", "Resources released"},
    [METRIC_RESOURCE_WRITES] = {"kbs_resource_writes_total", "Resources written"},
    [METRIC_RESOURCE_DELETES] = {"kbs_resource_deletes_total", "Resources deleted"},
    [METRIC_HTTP_REQUESTS] = {"kbs_http_requests_total", "HTTP requests answered"},
};

struct histogram {
    const char *name, *help;
    const char *const *labels; /* upper bounds as text */
    const uint64_t *bounds;
    size_t count;
    double scale; /* of the sum */
};

static const char *const DURATION_LABELS[] = {"0.0005", "0.001", "0.005", "0.01", "0.05", "0.5", "1"};
static const uint64_t DURATION_BOUNDS[] = {500000, 1000000, 5000000, 10000000, 50000000, 500000000, 1000000000};
static const char *const SIZE_LABELS[] = {"32", "128", "512", "2048", "8192"};
static const uint64_t SIZE_BOUNDS[] = {32, 128, 512, 2048, 8192};

enum { H_DURATION, H_REQUEST, H_RESPONSE, HISTOGRAMS };
static const struct histogram HISTOGRAM[HISTOGRAMS] = {
    {"kbs_http_request_duration_seconds", "Time from the last byte of a request to its reply", DURATION_LABELS,
     DURATION_BOUNDS, 7, 1e-9},
    {"kbs_http_request_size_bytes", "Sizes of request bodies", SIZE_LABELS, SIZE_BOUNDS, 5, 1},
    {"kbs_http_response_size_bytes", "Sizes of reply bodies", SIZE_LABELS, SIZE_BOUNDS, 5, 1},
};

struct tee_counter {
    char name[32];
    _Atomic uint64_t successes, failures;
};

struct metrics {
    _Atomic uint64_t counters[METRIC_COUNT];
    struct {
        _Atomic uint64_t buckets[BUCKETS_MAX], sum;
    } histograms[HISTOGRAMS];
    _Atomic int64_t connections;
    pthread_mutex_t lock; /* of adding a TEE */
    struct tee_counter tees[TEES_MAX];
    _Atomic size_t tee_count;
};

result metrics_new(struct metrics **out)
{
    struct metrics *m = calloc(1, sizeof *m);
    ENSURE(m, NO_MEMORY);
    pthread_mutex_init(&m->lock, NULL);
    *out = m;
    return OK;
}

void metrics_free(struct metrics *m)
{
    free(m);
}

static void bump(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

void metrics_add(struct metrics *m, enum metric which)
{
    bump(&m->counters[which], 1);
}

static struct tee_counter *tee_find(struct metrics *m, slice tee)
{
    size_t count = atomic_load(&m->tee_count);
    for (size_t i = 0; i < count; i++)
        if (slice_equal(slice_text(m->tees[i].name), tee))
            return &m->tees[i];
    return NULL;
}

static struct tee_counter *tee_add(struct metrics *m, slice tee)
{
    pthread_mutex_lock(&m->lock);
    struct tee_counter *c = tee_find(m, tee);
    size_t count = atomic_load(&m->tee_count);
    if (!c && count < TEES_MAX && tee.len < sizeof c->name) {
        c = &m->tees[count];
        memcpy(c->name, tee.ptr, tee.len);
        atomic_store(&m->tee_count, count + 1);
    }
    pthread_mutex_unlock(&m->lock);
    return c;
}

void metrics_attestation(struct metrics *m, slice tee, bool success)
{
    struct tee_counter *c = tee_find(m, tee);
    if (!c)
        c = tee_add(m, tee);
    if (c)
        bump(success ? &c->successes : &c->failures, 1);
}

static void observe(struct metrics *m, int which, uint64_t value)
{
    size_t i = 0;
    while (i < HISTOGRAM[which].count && value > HISTOGRAM[which].bounds[i])
        i++;
    bump(&m->histograms[which].buckets[i], 1);
    bump(&m->histograms[which].sum, value);
}

void metrics_request(struct metrics *m, uint64_t duration_ns, size_t request_bytes, size_t response_bytes)
{
    metrics_add(m, METRIC_HTTP_REQUESTS);
    observe(m, H_DURATION, duration_ns);
    observe(m, H_REQUEST, request_bytes);
    observe(m, H_RESPONSE, response_bytes);
}

void metrics_connections(struct metrics *m, int delta)
{
    atomic_fetch_add_explicit(&m->connections, delta, memory_order_relaxed);
}

static void head(struct text *t, const char *name, const char *help, const char *type)
{
    text_lit(t, "# HELP ");
    text_add(t, slice_text(name));
    text_lit(t, " ");
    text_add(t, slice_text(help));
    text_lit(t, "\n# TYPE ");
    text_add(t, slice_text(name));
    text_lit(t, " ");
    text_add(t, slice_text(type));
    text_lit(t, "\n");
}

static void sample(struct text *t, const char *name, const char *suffix, slice labels, uint64_t value)
{
    text_add(t, slice_text(name));
    text_add(t, slice_text(suffix));
    text_add(t, labels);
    text_lit(t, " ");
    text_u64(t, value);
    text_lit(t, "\n");
}

static void histogram_text(struct metrics *m, int which, struct text *t)
{
    const struct histogram *h = &HISTOGRAM[which];
    uint64_t below = 0;
    head(t, h->name, h->help, "histogram");
    for (size_t i = 0; i <= h->count; i++) {
        below += atomic_load(&m->histograms[which].buckets[i]);
        text_add(t, slice_text(h->name));
        text_lit(t, "_bucket{le=\"");
        text_add(t, slice_text(i < h->count ? h->labels[i] : "+Inf"));
        sample(t, "\"}", "", NO_SLICE, below);
    }
    uint64_t sum = atomic_load(&m->histograms[which].sum);
    text_add(t, slice_text(h->name));
    text_lit(t, "_sum ");
    text_u64(t, h->scale < 1 ? sum / 1000000000 : sum);
    if (h->scale < 1) {
        uint64_t rest = sum % 1000000000;
        text_lit(t, ".");
        for (uint64_t digit = 100000000; digit; digit /= 10)
            text_u64(t, rest / digit % 10);
    }
    text_lit(t, "\n");
    sample(t, h->name, "_count", NO_SLICE, below);
}

static void tees_text(struct metrics *m, bool successes, struct text *t)
{
    const char *name = successes ? "kbs_attestation_successes_total" : "kbs_attestation_failures_total";
    head(t, name, successes ? "Attestations that held" : "Attestations that a verifier refused", "counter");
    size_t count = atomic_load(&m->tee_count);
    for (size_t i = 0; i < count; i++) {
        text_add(t, slice_text(name));
        text_lit(t, "{tee_type=");
        text_json(t, slice_text(m->tees[i].name));
        sample(t, "}", "", NO_SLICE, atomic_load(successes ? &m->tees[i].successes : &m->tees[i].failures));
    }
}

void metrics_text(struct metrics *m, const struct metrics_extra *extra, size_t extra_count, struct text *t)
{
    head(t, "kbs_build_info", "Version of the service", "gauge");
    sample(t, "kbs_build_info", "{version=\"" TRUSTEE_VERSION "\"}", NO_SLICE, 1);
    for (int i = 0; i < METRIC_COUNT; i++) {
        head(t, COUNTERS[i].name, COUNTERS[i].help, "counter");
        sample(t, COUNTERS[i].name, "", NO_SLICE, atomic_load(&m->counters[i]));
    }
    tees_text(m, true, t);
    tees_text(m, false, t);
    for (int i = 0; i < HISTOGRAMS; i++)
        histogram_text(m, i, t);
    head(t, "kbs_http_active_connections", "Open connections", "gauge");
    int64_t open = atomic_load(&m->connections);
    sample(t, "kbs_http_active_connections", "", NO_SLICE, open > 0 ? (uint64_t)open : 0);
    for (size_t i = 0; i < extra_count; i++) {
        head(t, extra[i].name, extra[i].help, "gauge");
        sample(t, extra[i].name, "", NO_SLICE, extra[i].value);
    }
}
