/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/http.h"

#define COOKIES_LOOKED_AT 64

bool http_cookie(slice header, slice name, slice *value)
{
    slice pair;
    for (int i = 0; i < COOKIES_LOOKED_AT && slice_split(&header, ';', &pair); i++) {
        pair = slice_trim(pair);
        size_t equals = slice_find(pair, '=');
        if (equals == pair.len || !slice_equal(slice_sub(pair, 0, equals), name))
            continue;
        *value = slice_sub(pair, equals + 1, pair.len);
        return true;
    }
    return false;
}

bool http_bearer(slice authorization, slice *token)
{
    authorization = slice_trim(authorization);
    size_t space = slice_find(authorization, ' ');
    if (space == authorization.len || !slice_equal_nocase(slice_sub(authorization, 0, space), S("Bearer")))
        return false;
    *token = slice_trim(slice_sub(authorization, space, authorization.len));
    /* RFC 6750 section 2.1: b64token, and nothing after it. */
    return token->len > 0 && slice_is_name(*token, "-._~+/=");
}
