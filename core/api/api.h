/* SPDX-License-Identifier: Apache-2.0
 *
 * The endpoints: one table, and the handlers by subject.
 */
#ifndef CORE_API_H
#define CORE_API_H

#include <stdio.h>

#include "core/api/reply.h"

extern const struct http_route API_ROUTES[];
extern const size_t API_ROUTE_COUNT;
/* "GET", … */
const char *api_method_name(enum http_method m);
/* The table as JSON, for tests that try every row. */
void api_dump_routes(FILE *out);

/* Judges an administrator before the body is read; answers a refusal itself. */
bool api_authorize(struct http_exchange *x);
/* What no route takes. */
void api_fallback(struct http_exchange *x);

/* attestation */
void api_auth(struct http_exchange *x);
void api_attest(struct http_exchange *x);

/* resources */
void api_resource_get(struct http_exchange *x);
void api_resource_put(struct http_exchange *x); /* PUT: not a verb of this protocol */
void api_resource_post(struct http_exchange *x);
void api_resource_delete(struct http_exchange *x);
void api_resources_list(struct http_exchange *x);
void api_unknown_plugin(struct http_exchange *x);

/* policies */
void api_resource_policy_set(struct http_exchange *x);
void api_resource_policy_ids(struct http_exchange *x);
void api_attestation_policy_set(struct http_exchange *x);
void api_policies_list(struct http_exchange *x);
void api_policy_text(struct http_exchange *x);

/* reference values */
void api_reference_value_get(struct http_exchange *x);
void api_reference_value_post(struct http_exchange *x);
void api_reference_values_list(struct http_exchange *x);
void api_reference_value_delete(struct http_exchange *x);

/* tokens */
void api_revoke(struct http_exchange *x);

/* records and state */
void api_records_list(struct http_exchange *x);
void api_record_get(struct http_exchange *x);
void api_jwks(struct http_exchange *x);
void api_healthz(struct http_exchange *x);
void api_readyz(struct http_exchange *x);
void api_metrics(struct http_exchange *x);

/* A record of an administrative act of this exchange, with role and subject. */
void api_record_admin(struct http_exchange *x, struct record *r);
/* Ends a record: keeps it, and says in the log what was refused. */
void api_record_end(struct http_exchange *x, struct record *r, bool trusted);

#endif
