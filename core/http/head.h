/* SPDX-License-Identifier: Apache-2.0
 *
 * The head of one request: what llhttp reports is collected as views into the connection's read buffer, and the checks
 * that llhttp leaves to its user are made (RFC 9112 sections 2 to 6, RFC 9110 section 5.3).
 */
#ifndef CORE_HTTP_HEAD_H
#define CORE_HTTP_HEAD_H

#include "core/http/http.h"

#define TARGET_LIMIT 4096 /* bytes of the request target: what the service serves has short names */

enum known_header {
    HEADER_HOST,
    HEADER_COOKIE,
    HEADER_AUTHORIZATION,
    HEADER_CONTENT_TYPE,
    HEADER_TRACEPARENT,
    HEADER_EXPECT,
    HEADER_CONTENT_ENCODING,
    HEADER_TRANSFER_ENCODING,
    HEADER_CONTENT_LENGTH,
    HEADER_KNOWN, /* their number */
};

/* Why HTTP itself answers, and with which status; status 0: nothing is wrong. */
struct refusal {
    unsigned status;
    enum reason why;
    const char *allow; /* of a 405 */
};
#define NO_REFUSAL ((struct refusal){0, REASON_OK, NULL})
#define REFUSE(status, why) ((struct refusal){(status), (why), NULL})

struct head {
    uint8_t *target; /* in the read buffer; decoded in place by target_parse */
    size_t target_length;
    slice name, value; /* of the header that is being read */
    slice header[HEADER_KNOWN];
    unsigned seen; /* bit per known header */
    unsigned count;
    unsigned major, minor; /* of the version */
    struct refusal bad;
};

/* Takes the header name/value just read and forgets them; sets head->bad when they are not acceptable. */
void head_take_header(struct head *h, unsigned count_limit);
static inline bool head_has(const struct head *h, enum known_header which)
{
    return (h->seen >> which & 1) != 0;
}
/* Judges the complete head, without target and route. */
struct refusal head_check(const struct head *h);
/* True when the client waits for "100 Continue". */
bool head_expects_continue(const struct head *h);

/* Splits the target into path and query and decodes the path once, in place. Takes the origin form, and the absolute
 * form when its authority is the Host header's. */
struct refusal target_parse(struct head *h, slice *path, slice *query);

#endif
