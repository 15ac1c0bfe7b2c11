/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/route.h"

#include <stdlib.h>

#define ALL_METHODS 15u

static const char *const ALLOW[ALL_METHODS + 1] = {
    [0] = "GET, POST, PUT, DELETE",
    [1] = "GET",
    [2] = "POST",
    [3] = "GET, POST",
    [4] = "PUT",
    [5] = "GET, PUT",
    [6] = "POST, PUT",
    [7] = "GET, POST, PUT",
    [8] = "DELETE",
    [9] = "GET, DELETE",
    [10] = "POST, DELETE",
    [11] = "GET, POST, DELETE",
    [12] = "PUT, DELETE",
    [13] = "GET, PUT, DELETE",
    [14] = "POST, PUT, DELETE",
    [15] = "GET, POST, PUT, DELETE",
};

result route_table_make(struct route_table *t, const struct http_settings *settings)
{
    *t = (struct route_table){.count = settings->route_count};
    t->rows = calloc(t->count ? t->count : 1, sizeof *t->rows);
    ENSURE(t->rows, NO_MEMORY);
    for (size_t i = 0; i < t->count; i++) {
        slice pattern = slice_text(settings->routes[i].pattern);
        bool any_rest = slice_ends(pattern, S("/*"));
        t->rows[i] = (struct route_row){&settings->routes[i], slice_sub(pattern, 0, pattern.len - any_rest), any_rest};
    }
    return OK;
}

void route_table_free(struct route_table *t)
{
    free(t->rows);
    *t = (struct route_table){0};
}

static bool row_takes(const struct route_row *row, slice path)
{
    if (!row->any_rest)
        return slice_equal(path, row->pattern);
    return path.len > row->pattern.len && slice_starts(path, row->pattern);
}

/* Upstream answers these itself, with 401 or 404: the fallback handler knows how. */
static bool left_to_fallback(slice path)
{
    return slice_starts(path, S("/kbs/v0/")) || slice_equal(path, S("/healthz"));
}

struct route_match route_find(const struct route_table *t, unsigned method, slice path)
{
    unsigned methods = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct route_row *row = &t->rows[i];
        if (!row_takes(row, path))
            continue;
        if (row->route->methods & method)
            return (struct route_match){row->route, slice_sub(path, row->pattern.len, path.len), NULL};
        methods |= row->route->methods & ALL_METHODS;
    }
    if (method == 0)
        return (struct route_match){.allow = ALLOW[slice_starts(path, S("/kbs/v0/")) ? 0 : methods]};
    if (methods != 0 && !left_to_fallback(path))
        return (struct route_match){.allow = ALLOW[methods]};
    return (struct route_match){0};
}
