/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/head.h"

/* Absolute form: "http://authority/path". Returns the bytes before the path, or 0 when it is not for this host. */
static size_t authority_end(slice target, slice host)
{
    slice rest = target;
    if (slice_starts(rest, S("http://")))
        rest = slice_sub(rest, 7, rest.len);
    else if (slice_starts(rest, S("https://")))
        rest = slice_sub(rest, 8, rest.len);
    else
        return 0;
    slice authority = slice_sub(rest, 0, slice_find(rest, '/'));
    if (authority.len == 0 || authority.len == rest.len || !slice_equal_nocase(authority, host))
        return 0;
    return target.len - rest.len + authority.len;
}

/* What a path may not contain after decoding. A decoded '/' would change the number of segments, and a backslash is
 * one to some file systems. */
static bool path_byte_is_valid(uint8_t c, bool encoded)
{
    return c >= 0x20 && c != 0x7f && c != '\\' && !(encoded && c == '/');
}

/* One byte of the path, decoded; *at steps over it. */
static bool decode_byte(slice raw, size_t *at, uint8_t *out)
{
    bool encoded = raw.ptr[*at] == '%';
    size_t length;
    *out = raw.ptr[*at];
    if (encoded && !hex_decode(out, 1, slice_sub(raw, *at + 1, 2), &length))
        return false;
    if (encoded && length != 1)
        return false;
    *at += encoded ? 3 : 1;
    return path_byte_is_valid(*out, encoded);
}

static bool decode_path(uint8_t *out, slice raw, slice *path)
{
    size_t length = 0;
    for (size_t at = 0; at < raw.len;)
        if (!decode_byte(raw, &at, &out[length++]))
            return false;
    *path = slice_of(out, length);
    return slice_is_utf8(*path);
}

struct refusal target_parse(struct head *h, slice *path, slice *query)
{
    slice target = slice_of(h->target, h->target_length);
    size_t start = 0;
    if (target.len > TARGET_LIMIT)
        return REFUSE(414, HTTP_HEAD_TOO_LARGE);
    if (target.len && target.ptr[0] != '/')
        start = authority_end(target, h->header[HEADER_HOST]);
    slice rest = slice_sub(target, start, target.len);
    if (!slice_starts(rest, S("/")) || slice_find(rest, '#') != rest.len)
        return REFUSE(400, HTTP_PATH);
    size_t path_length = slice_find(rest, '?');
    *query = path_length == rest.len ? NO_SLICE : slice_sub(rest, path_length + 1, rest.len);
    if (!decode_path(h->target + start, slice_sub(rest, 0, path_length), path))
        return REFUSE(400, HTTP_PATH);
    return NO_REFUSAL;
}
