/* SPDX-License-Identifier: Apache-2.0
 *
 * The trials of `trusteectl plugin check`: each runs in a child process of its own, see report.h.
 */
#ifndef CLI_PLUGIN_TRIALS_H
#define CLI_PLUGIN_TRIALS_H

#include "cli/plugin/harness.h"

#define THREADS_MAX 4
#define SUPPLIED_MAX 24

/* `user` of every body is this; what it says of the plugin is found out by the first trial. */
struct examination {
    struct target target;
    uint32_t option; /* the row that `trial_option` tries */
};

void trial_describe(void *user, struct report *r); /* the loader's own checks; the dump goes to r->output */
void trial_start(void *user, struct report *r);    /* init, self_test and fini, again and again */
void trial_option(void *user, struct report *r);   /* hostile values of one option */
void trial_evidence(void *user, struct report *r);
void trial_tampering(void *user, struct report *r);
void trial_bindings(void *user, struct report *r);
void trial_allocations(void *user, struct report *r);
void trial_cancelled(void *user, struct report *r);
void trial_collateral(void *user, struct report *r);
void trial_challenges(void *user, struct report *r);
void trial_threads(void *user, struct report *r);
void trial_leaks(void *user, struct report *r);
void trial_storage(void *user, struct report *r);
void trial_storage_limits(void *user, struct report *r);
void trial_storage_threads(void *user, struct report *r);
void trial_policy(void *user, struct report *r);
void trial_policy_leaks(void *user, struct report *r);

/* --- what several of them use (common.c) --- */

/* Bytes of the heap in use. */
uint64_t heap_in_use(void);
/* Calls `once` again and again, and finds out whether the heap grows each time. */
void look_for_leak(struct report *r, const char *what, void (*once)(void *user, unsigned n), void *user,
                   unsigned calls);
/* Runs `body` in several threads at once; each gets its number. */
struct crowd {
    void (*body)(void *user, unsigned thread);
    void *user;
};
void run_crowd(const struct crowd *c);

/* --- verifiers (verifier.c) --- */

/* One verify() with memory of its own; the evidence cannot be written to while it runs. */
struct appraisal {
    struct harness *harness;
    struct arena scratch, input;
    struct ask asks[2]; /* in turn, so that what keeps the last one is noticed */
    struct ask *ask;
    struct ask_writer claims;
    trustee_verify_in in;
    trustee_verify_out out;
    trustee_need needs[TRUSTEE_NEEDS_MAX];
    trustee_collateral supplied[SUPPLIED_MAX]; /* what the sources had for earlier calls */
    size_t supplied_count;
    struct arena items;
    uint64_t fail_at;
    bool fail_rest, cancelled;
    uint8_t report_data[48];
};
bool appraisal_begin(struct appraisal *x, struct harness *h);
void appraisal_end(struct appraisal *x);
/* Calls verify() and judges its answer. `genuine_is_fine`: for evidence that was given as good, which also gets the
 * collateral that it wants. */
trustee_status appraise(struct appraisal *x, slice text, const char *name, bool genuine_is_fine);

#endif
