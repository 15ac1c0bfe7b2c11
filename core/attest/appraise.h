/* SPDX-License-Identifier: Apache-2.0
 *
 * Appraisal: from a device's evidence claims to its trustworthiness vector, by the owner's policy for its class.
 */
#ifndef CORE_ATTEST_APPRAISE_H
#define CORE_ATTEST_APPRAISE_H

#include "core/policy/policies.h"
#include "core/refval/refval.h"
#include "core/token/ear.h"

/* Remembers answers of policies that read neither clock nor randomness, by policy, reference values and exactly those
 * members of the input that the policy can read. Thread-safe, bounded. */
struct appraisal_memory;
MUST_CHECK result appraisal_memory_new(struct appraisal_memory **out);
void appraisal_memory_free(struct appraisal_memory *m);

/* A plugin's request together with the reference values that it is judged by. `base` comes first, so that the
 * reference callback of a policy can find the rest. */
struct appraisal_request {
    struct trustee_request base;
    const struct refval_snapshot *values;
    int64_t now;
    struct record_name *asked; /* reference values that exist and that the policy asked for, of this device */
};

struct appraisal_in {
    struct policy *policy;
    tree evidence; /* annotated evidence of one device: the policy's input */
    tree data; /* merged into the policy's data: what it is told of the service; the same for the service's life */
    uint64_t timeout_ms;
};

/* APPRAISAL_FAILED, APPRAISAL_VECTOR, POLICY_SLOW, NO_MEMORY; the record has the reference values that were missing and, where the
 * device is not affirmed, those that it does not meet. */
MUST_CHECK result appraise(struct appraisal_memory *m, struct appraisal_request *req, const struct appraisal_in *in,
                           struct ear_appraisal *out);

#endif
