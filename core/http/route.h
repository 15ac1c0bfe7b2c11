/* SPDX-License-Identifier: Apache-2.0
 *
 * The route table, with the lengths of its patterns measured once.
 */
#ifndef CORE_HTTP_ROUTE_H
#define CORE_HTTP_ROUTE_H

#include "core/http/http.h"

struct route_row {
    const struct http_route *route;
    slice pattern; /* without the "*" */
    bool any_rest;
};

struct route_table {
    struct route_row *rows;
    size_t count;
};

struct route_match {
    const struct http_route *route; /* NULL: none */
    slice rest;
    const char *allow; /* not NULL: the path exists, for these methods only (405) */
};

MUST_CHECK result route_table_make(struct route_table *t, const struct http_settings *settings);
void route_table_free(struct route_table *t);
/* `method` is one HTTP_METHOD_…, or 0 for any other. */
struct route_match route_find(const struct route_table *t, unsigned method, slice path);

#endif
