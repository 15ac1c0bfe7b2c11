/* SPDX-License-Identifier: Apache-2.0
 *
 * The owner's policies: the resource policy and the appraisal policies, compiled when they are set. What nobody has set
 * is the policy that ships. Setting one first tries it in a child process with limits, then compiles it here, then
 * stores it durably, then makes it visible; whatever fails, the old one stays.
 */
#ifndef CORE_POLICY_POLICIES_H
#define CORE_POLICY_POLICIES_H

#include "core/plugin/plugin.h"

#define POLICY_TEXT_MAX (256u * 1024u)
#define POLICY_RESOURCE_ID "resource-policy"

enum policy_space {
    POLICY_RESOURCE,  /* namespace "kbs" */
    POLICY_APPRAISAL, /* namespace "attestation_service_policy" */
};

/* One compiled policy; immutable, counted. */
struct policy {
    enum policy_space space;
    char id[64];
    uint8_t hash[32]; /* SHA-256 of the text */
    slice text;
    void *compiled;
    trustee_policy_info info;
    bool shipped;
    const struct engine *engine;
    unsigned references; /* atomic */
    unsigned slow;       /* atomic: an evaluation took so long that the next ones go to the pool */
};

/* How long an evaluation may take on a worker's own thread, where everybody whom that worker serves waits for it. One
 * that takes longer fails with POLICY_SLOW, is begun again on a pool thread with all of [policy] timeout, and so are all
 * later ones of that policy. Several hundred times what the shipped policies take. */
#define POLICY_WORKER_MS 20

struct policies;

/* How a policy is tried before it is believed: a program and its arguments that read the text on standard input, exit 0
 * if it is fine, and 1 with "LINE COLUMN TEXT" on standard output if not. */
struct policy_trial {
    const char *const *argv; /* NULL: no trial, for tests */
    unsigned timeout_ms;
};

/* Loads all stored policies and the shipped ones. A stored policy that no longer compiles is kept as a policy that
 * always fails, so that nothing falls back to a laxer one; a warning says so. `req` is for the storage. */
MUST_CHECK result policies_open(const struct engine *engine, const struct store *store,
                                const struct policy_trial *trial, struct trustee_request *req, struct policies **out);
void policies_close(struct policies *p);

/* The policy in force, pinned; NULL where there is none (deny). `id`: POLICY_RESOURCE_ID, "default_cpu", … */
struct policy *policies_pin(struct policies *p, enum policy_space space, slice id);
void policy_unpin(struct policy *p);
/* Evaluates. A policy that did not compile: POLICY_FAULT; POLICY_SLOW with POLICY_WORKER_MS as the deadline. */
MUST_CHECK result policy_evaluate(struct policy *p, struct trustee_request *req, const trustee_policy_in *in,
                                  tree *out);

/* Whether a policy of the space in force has been slow: then what evaluates it does so on a pool thread, so that a
 * policy that runs away holds up a worker for POLICY_WORKER_MS at most, and once. */
bool policies_slow(struct policies *p, enum policy_space space);

/* Blocks: pool thread. POLICY_ID, POLICY_REFUSED (with `error`), POLICY_LIMIT, STORAGE, POLICY_FAULT. */
MUST_CHECK result policies_set(struct policies *p, struct trustee_request *req, enum policy_space space, slice id,
                               slice text, struct policy_error *error);
/* Ids of a space in the order of their names, the shipped ones that are in force included. */
void policies_list(struct policies *p, enum policy_space space, void (*each)(void *user, const struct policy *policy),
                   void *user);
/* Digest of all appraisal policies in force, with their ids. */
void policies_appraisal_digest(struct policies *p, uint8_t out[32]);
/* A number that grows with each change. */
uint64_t policies_generation(const struct policies *p);

/* The policies that ship, made from policy/ at build time. */
struct shipped_policy {
    const char *id;
    enum policy_space space;
    const uint8_t *text;
    const uint8_t *end;
};
extern const struct shipped_policy SHIPPED_POLICIES[];
extern const size_t SHIPPED_POLICY_COUNT;

#endif
