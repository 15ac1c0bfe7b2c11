/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/query.h"

static slice query_decode(slice value, struct arena *a)
{
    uint8_t *room = arena_alloc(a, value.len + 1, 1);
    size_t n = 0, length;
    if (!room)
        return NO_SLICE;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        if (c != '%') {
            room[n++] = c == '+' ? ' ' : c;
            continue;
        }
        slice digits = slice_sub(value, i + 1, 2);
        if (digits.len != 2 || !hex_decode(room + n, 1, digits, &length))
            return NO_SLICE;
        n++;
        i += 2;
    }
    return slice_of(room, n);
}

slice query_value(slice query, slice name, struct arena *a)
{
    slice part;
    while (slice_split(&query, '&', &part)) {
        slice key;
        if (slice_split(&part, '=', &key) && slice_equal(key, name))
            return query_decode(part, a);
    }
    return NO_SLICE;
}
