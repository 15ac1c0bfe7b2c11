/* SPDX-License-Identifier: Apache-2.0
 *
 * The release of one resource: token, policy, binding, storage, encryption. Storage is touched only after policy and
 * bindings allowed, so that a refusal says nothing about what exists.
 */
#ifndef CORE_RELEASE_H
#define CORE_RELEASE_H

#include "core/service.h"

/* The token of a request: of its session if the cookie names an attested one, else the bearer's. TOKEN_MISSING,
 * TOKEN_…; the record has the reason. */
MUST_CHECK result release_token(struct http_exchange *x, struct record *record, struct token *out);
/* Whether a resource path is REPOSITORY/TYPE/TAG as upstream allows them. */
bool resource_path_is_valid(slice path);
/* Releases the resource `path` of the plugin `plugin` ("resource") to the owner of the token, as a flattened JWE in the
 * slot. RELEASE_…, POLICY_SLOW on a worker's thread; the record says why. Runs on the worker's thread, or on a pool thread where the storage blocks. */
MUST_CHECK result release(struct http_exchange *x, const struct token *token, struct record *record, slice *jwe);

#endif
