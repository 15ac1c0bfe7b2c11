/* SPDX-License-Identifier: Apache-2.0
 *
 * Replies of the KBS protocol: what a refusal looks like. interface §1.3.
 */
#ifndef CORE_API_REPLY_H
#define CORE_API_REPLY_H

#include "core/service.h"

/* Upstream's names for a refusal: the last part of `type`, and `detail`. */
struct api_refusal {
    const char *variant;
    slice detail;
};

/* Answers with ErrorInformation: {"type","detail","reason","id"}; under compat_status = upstream without the last two
 * and with upstream's status. `id` of the exchange names the record. */
void reply_refusal(struct http_exchange *x, enum reason why, const struct api_refusal *as);
/* The same, when it is known how long to wait: `retry_after` in seconds; 0: as the reason's class has it. */
void reply_refusal_for(struct http_exchange *x, enum reason why, const struct api_refusal *as, unsigned retry_after);
void reply_ok(struct http_exchange *x, const char *content_type, slice body);
/* The same, with the session cookie set. */
void reply_json_with_cookie(struct http_exchange *x, slice body, slice cookie, int64_t expiry);
/* The body of an error that HTTP itself answers. */
slice reply_error_body(struct http_exchange *x, enum reason why);
/* The HTTP status of a class. */
unsigned reply_status(enum reason_class class);

#endif
