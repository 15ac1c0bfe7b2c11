/* SPDX-License-Identifier: Apache-2.0
 *
 * Interface "policy", major 1: evaluates the owner's policies.
 *
 * A policy is compiled once, when it is set, and evaluated many times. Whatever an evaluation does not say
 * explicitly denies.
 */
#ifndef TRUSTEE_POLICY_H
#define TRUSTEE_POLICY_H

#include <trustee/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRUSTEE_POLICY_MAJOR 1u

/* Where a policy text is wrong. Lines and columns count from 1; 0 when unknown. `text` is written by the plugin into
 * `room` (capacity bytes), `length` says how much of it. */
typedef struct trustee_policy_error {
    uint32_t size;
    uint32_t line;
    uint32_t column;
    uint32_t length;
    uint8_t *room;
    uint64_t capacity;
} trustee_policy_error;

/* What compiling found out. */
typedef struct trustee_policy_info {
    uint32_t size;
    uint32_t reserved;
    uint64_t flags; /* TRUSTEE_POLICY_… */
    /* The first members of `input` that the policy can read ("tpm" of input.tpm), comma-separated text that lives as
     * long as the policy. Meaningless with READS_ALL. Results may be remembered by the values of these members. */
    trustee_slice reads;
} trustee_policy_info;

#define TRUSTEE_POLICY_IMPURE UINT64_C(1)    /* reads the clock or randomness: never remember its results */
#define TRUSTEE_POLICY_READS_ALL UINT64_C(2) /* the members of input it reads cannot be told */

/* One evaluation. */
typedef struct trustee_policy_in {
    uint32_t size;
    uint32_t rule_count;
    const trustee_slice *rules; /* what is asked: "allow", "trust_claims", … of package policy */
    trustee_tree input;         /* the document `input` */
    trustee_tree data;    /* merged into `data`; count 0: none. Says what is asked for, never a secret: an engine may
                           * keep a bounded number of them prepared, which is the one exception to rule 5 of host.h */
    int64_t now;          /* the only clock that the policy sees, Unix seconds */
    uint64_t deadline_ms; /* give up after so many milliseconds */
    /* The value of a reference value, or a tree with count 0 where there is none. Missing ones are recorded by the
     * host. Valid until the evaluation ends. May be NULL: the policy then sees none. */
    trustee_tree (*reference)(trustee_request *req, trustee_slice name);
} trustee_policy_in;

typedef struct trustee_policy {
    uint32_t size;
    uint32_t reserved;
    uint64_t flags;
    trustee_slice language; /* "rego" */
    trustee_slice suffix;   /* of policy files: ".rego" */
    /* Checks and compiles. `policy` is the handle of the compiled policy, owned by the plugin until release(). On
     * TRUSTEE_REJECT `error` says where and why. Main thread or pool thread; may take long, so it is run first in a
     * child process with limits. */
    trustee_status (*compile)(void *instance, trustee_slice name, trustee_slice text, void **policy,
                              trustee_policy_info *info, trustee_policy_error *error);
    void (*release)(void *instance, void *policy);
    /* Evaluates the rules of in->rules and writes one object {rule: value} to `out`, an open object; a rule that is
     * undefined is left out. Several threads may evaluate one policy at once if the plugin is PARALLEL. */
    trustee_status (*evaluate)(void *instance, trustee_request *req, void *policy, const trustee_policy_in *in,
                               trustee_writer *out);
} trustee_policy;

#ifdef __cplusplus
}
#endif
#endif
