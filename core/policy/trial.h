/* SPDX-License-Identifier: Apache-2.0
 *
 * Trying a policy in a child process before it is loaded here: a policy engine may run out of its stack, loop or take
 * all memory on a hostile policy, and then only the child dies. The child is spawned, never forked from the threaded
 * daemon. A verdict is remembered by the hash of the text for the life of this process, and in the storage beside the
 * policy for the next ones, as long as the engine's file is the same.
 */
#ifndef CORE_POLICY_TRIAL_H
#define CORE_POLICY_TRIAL_H

#include "core/policy/policies.h"

/* POLICY_REFUSED with `error`; POLICY_LIMIT when the child was killed or took too long; POLICY_FAULT when it
 * could not be started or ended in any other way; OK at once when argv is NULL. */
MUST_CHECK result policy_try(const struct policy_trial *trial, const uint8_t hash[32], slice text,
                             struct policy_error *error);
/* Lets a text pass that an earlier process has tried. False: the verdict, as policy_verdict() writes it, is not of this
 * text and this engine. */
bool policy_recall(const struct engine *engine, const uint8_t hash[32], slice verdict);
/* The verdict on a text that has passed; ptr NULL when the arena is full. */
slice policy_verdict(const struct engine *engine, const uint8_t hash[32], struct arena *a);
/* The child's side: reads the text from standard input, puts limits on itself, compiles and evaluates it once with an
 * empty input, and says the outcome on standard output. Returns the exit code. */
int policy_trial_main(const struct engine *engine);
/* Puts limits on memory (512 MiB), CPU time (5 s) and core files of this process. */
void policy_trial_limits(void);

#endif
