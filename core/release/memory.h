/* SPDX-License-Identifier: Apache-2.0
 *
 * Permissions that a resource policy gave a moment ago, so that a workload that asks again costs no evaluation. A key
 * names everything that the answer depends on: the policy, the whole token, path and query. Only what was allowed is
 * remembered, only for policies that read neither clock nor randomness, and the token itself is judged at every use.
 * Thread-safe, bounded.
 */
#ifndef CORE_RELEASE_MEMORY_H
#define CORE_RELEASE_MEMORY_H

#include "lib/base/bytes.h"

struct release_memory;
MUST_CHECK result release_memory_new(struct release_memory **out);
void release_memory_free(struct release_memory *m);
bool release_memory_has(struct release_memory *m, const uint8_t key[32]);
void release_memory_add(struct release_memory *m, const uint8_t key[32]);

#endif
