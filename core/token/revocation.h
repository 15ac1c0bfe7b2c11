/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens of ours that were issued before a time are refused, whatever they say. The time is kept in the storage, in
 * seconds since 1970 as decimal text, and never goes back. Thread-safe.
 */
#ifndef CORE_TOKEN_REVOCATION_H
#define CORE_TOKEN_REVOCATION_H

#include "core/plugin/plugin.h"

struct revocation;
/* Reads the time that is stored; none: nothing is revoked. TOKEN_CLAIMS when it is not a number, STORAGE. */
MUST_CHECK result revocation_open(const struct store *store, struct trustee_request *req, struct revocation **out);
void revocation_close(struct revocation *r);
/* Tokens with an earlier iat are refused. */
int64_t revocation_before(const struct revocation *r);
/* Durable before it counts. Pool thread. A time before the one in force leaves that one. STORAGE. */
MUST_CHECK result revocation_set(struct revocation *r, struct trustee_request *req, int64_t before);

#endif
