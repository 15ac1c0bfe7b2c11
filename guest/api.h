/* SPDX-License-Identifier: Apache-2.0
 *
 * The requests of the workload: which there are, who may make them, what they are answered.
 */
#ifndef GUEST_API_H
#define GUEST_API_H

#include "core/http/http.h"
#include "guest/agent.h"

/* The service pointer of the HTTP server is a struct agent. */
extern const struct http_route API_ROUTES[];
extern const size_t API_ROUTE_COUNT;

void api_fallback(struct http_exchange *x);
slice api_error_body(struct http_exchange *x, enum reason why);

/* Whether a request's Host names this machine's loopback: localhost, 127.0.0.0/8 or [::1], with any port. A browser
 * that was led here by a name of somebody else's (DNS rebinding) sends that name. */
bool host_is_local(slice host);

#endif
