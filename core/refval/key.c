/* SPDX-License-Identifier: Apache-2.0 */
#include "core/refval/entry.h"

#include "core/crypto/jose.h"

#define PLAIN_MAX 200    /* bytes of a file name, in which a "/" takes four */
#define HEX_NAME_MAX 120 /* bytes of a name whose hex form fits into a file name */
#define SEGMENTS_MAX 16

static bool is_segment(slice s)
{
    return slice_is_name(s, "-_.") && s.ptr[0] != '.';
}

static bool is_storage_key(slice name)
{
    slice rest = name, segment;
    size_t segments = 0, size = name.len;
    for (; slice_split(&rest, '/', &segment); segments++)
        if (!is_segment(segment))
            return false;
    size += 3 * (segments - 1);
    return segments <= SEGMENTS_MAX && size <= PLAIN_MAX;
}

static bool is_hex(slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!memchr("0123456789abcdef", s.ptr[i], 16))
            return false;
    return true;
}

/* Whether a name looks like the key of another name. */
static bool is_encoded(slice name)
{
    slice rest = slice_sub(name, 2, name.len);
    bool hex_form = slice_starts(name, S("x-")) && rest.len > 0 && rest.len % 2 == 0;
    bool hash_form = slice_starts(name, S("h-")) && rest.len == 64;
    return (hex_form || hash_form) && is_hex(rest);
}

result refval_key(slice name, uint8_t room[REFVAL_KEY_MAX], slice *key)
{
    uint8_t digest[32];
    ENSURE(refval_name_valid(name), REFERENCE_REQUEST);
    if (is_storage_key(name) && !is_encoded(name)) {
        memcpy(room, name.ptr, name.len);
        *key = slice_of(room, name.len);
        return OK;
    }
    bool hex = name.len <= HEX_NAME_MAX;
    if (!hex)
        hash_sha256(name, digest);
    memcpy(room, hex ? "x-" : "h-", 2);
    *key = slice_of(room, 2 + hex_encode(room + 2, hex ? name : slice_of(digest, sizeof digest)));
    return OK;
}
