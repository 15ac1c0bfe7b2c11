/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters in the Prometheus text format 0.0.4, with upstream's names and meaning. Thread-safe, no locks.
 */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include "lib/base/arena.h"

enum metric {
    METRIC_AUTH_REQUESTS,
    METRIC_AUTH_SUCCESSES,
    METRIC_AUTH_ERRORS,
    METRIC_ATTESTATION_REQUESTS,
    METRIC_ATTESTATION_ERRORS,
    METRIC_POLICY_EVALUATIONS,
    METRIC_POLICY_APPROVALS,
    METRIC_POLICY_VIOLATIONS,
    METRIC_POLICY_ERRORS,
    METRIC_RESOURCE_READS,
    METRIC_RESOURCE_WRITES,
    METRIC_RESOURCE_DELETES,
    METRIC_HTTP_REQUESTS,
    METRIC_COUNT,
};

struct metrics;
MUST_CHECK result metrics_new(struct metrics **out);
void metrics_free(struct metrics *m);
void metrics_add(struct metrics *m, enum metric which);
/* One attestation of a TEE; at most 32 TEE names are told apart. */
void metrics_attestation(struct metrics *m, slice tee, bool success);
void metrics_request(struct metrics *m, uint64_t duration_ns, size_t request_bytes, size_t response_bytes);
void metrics_connections(struct metrics *m, int delta);
/* Numbers that are looked up when they are asked for. */
struct metrics_extra {
    const char *name, *help;
    uint64_t value;
};
/* The text, appended to `t`. */
void metrics_text(struct metrics *m, const struct metrics_extra *extra, size_t extra_count, struct text *t);

#endif
