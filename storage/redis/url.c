/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/redis/redis.h"

static const char *text_of(slice s, struct arena *a)
{
    return (const char *)arena_printf(a, "%.*s", SLICE_ARG(s)).ptr;
}

/* RFC 3986 section 2.1. Its ptr is NULL for a bad escape. */
static slice decoded(slice s, struct arena *a)
{
    uint8_t *out = arena_alloc(a, s.len + 1, 1);
    size_t length = 0, n;
    if (!out)
        return NO_SLICE;
    for (size_t i = 0; i < s.len; i++) {
        out[length] = s.ptr[i];
        if (s.ptr[i] == '%') {
            if (!hex_decode(&out[length], 1, slice_sub(s, i + 1, 2), &n) || n != 1)
                return NO_SLICE;
            i += 2;
        }
        length++;
    }
    return slice_of(out, length);
}

static size_t find_last(slice s, uint8_t byte)
{
    size_t i = s.len;
    while (i > 0 && s.ptr[i - 1] != byte)
        i--;
    return i > 0 ? i - 1 : s.len;
}

static bool read_user(slice user, struct arena *a, struct redis_settings *out)
{
    size_t colon = slice_find(user, ':');
    out->username = decoded(slice_sub(user, 0, colon), a);
    out->password = decoded(slice_sub(user, colon + 1, user.len), a);
    return out->username.ptr && out->password.ptr;
}

/* host, host:port or [IPv6]:port */
static bool read_host(slice host, struct arena *a, struct redis_settings *out)
{
    uint64_t number = 0;
    bool bracketed = host.len && host.ptr[0] == '[';
    size_t end = bracketed ? slice_find(host, ']') : slice_find(host, ':');
    if (bracketed && end == host.len)
        return false;
    slice name = bracketed ? slice_sub(host, 1, end - 1) : slice_sub(host, 0, end);
    slice rest = slice_sub(host, bracketed ? end + 1 : end, host.len);
    slice port = rest.len ? slice_sub(rest, 1, rest.len) : S("6379");
    if (!name.len || !slice_is_name(name, ".-_:") || (rest.len && rest.ptr[0] != ':') || !slice_u64(port, &number) ||
        number == 0 || number > 65535)
        return false;
    out->host = text_of(name, a);
    out->port = text_of(port, a);
    return out->host && out->port;
}

bool redis_url(slice url, struct arena *a, struct redis_settings *out)
{
    size_t colon = slice_find(url, ':');
    slice scheme = slice_sub(url, 0, colon), rest = slice_sub(url, colon, url.len);
    if (!slice_starts(rest, S("://")))
        return false;
    rest = slice_sub(rest, 3, rest.len);
    if (slice_equal(scheme, S("unix"))) {
        out->path = text_of(rest, a);
        return out->path && out->path[0] == '/';
    }
    out->tls = slice_equal(scheme, S("rediss"));
    if (!out->tls && !slice_equal(scheme, S("redis")))
        return false;
    size_t slash = find_last(rest, '/'), at;
    slice database = slice_sub(rest, slash + 1, rest.len), authority = slice_sub(rest, 0, slash);
    if (database.len && (!slice_u64(database, &out->database) || out->database > 65535))
        return false;
    at = find_last(authority, '@');
    if (at < authority.len && !read_user(slice_sub(authority, 0, at), a, out))
        return false;
    return read_host(at < authority.len ? slice_sub(authority, at + 1, authority.len) : authority, a, out);
}
