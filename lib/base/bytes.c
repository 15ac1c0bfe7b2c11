/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/bytes.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool slice_equal_nocase(slice a, slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool slice_starts(slice s, slice prefix)
{
    return s.len >= prefix.len && slice_equal(slice_of(s.ptr, prefix.len), prefix);
}

bool slice_ends(slice s, slice suffix)
{
    return s.len >= suffix.len && slice_equal(slice_of(s.ptr + (s.len - suffix.len), suffix.len), suffix);
}

slice slice_sub(slice s, size_t from, size_t length)
{
    if (from >= s.len)
        return NO_SLICE;
    size_t left = s.len - from;
    return slice_of(s.ptr + from, length < left ? length : left);
}

size_t slice_find(slice s, uint8_t byte)
{
    const uint8_t *hit = s.len ? memchr(s.ptr, byte, s.len) : NULL;
    return hit ? (size_t)(hit - s.ptr) : s.len;
}

slice slice_trim(slice s)
{
    while (s.len && (*s.ptr == ' ' || *s.ptr == '\t'))
        s = slice_of(s.ptr + 1, s.len - 1);
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

bool slice_split(slice *rest, uint8_t byte, slice *part)
{
    if (!rest->ptr)
        return false;
    size_t at = slice_find(*rest, byte);
    *part = slice_of(rest->ptr, at);
    *rest = at < rest->len ? slice_of(rest->ptr + at + 1, rest->len - at - 1) : NO_SLICE;
    return true;
}

bool slice_u64(slice s, uint64_t *out)
{
    uint64_t n = 0;
    if (s.len == 0 || s.len > 20 || (s.len > 1 && s.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t digit = (uint8_t)(s.ptr[i] - '0');
        if (digit > 9 || n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

/* Length of the well-formed sequence at the start of s (RFC 3629 section 4), 0 if there is none. */
static size_t utf8_sequence(slice s)
{
    const uint8_t *p = s.ptr;
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || s.len < n)
        return 0;
    uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

bool slice_is_utf8(slice s)
{
    while (s.len) {
        size_t n = utf8_sequence(s);
        if (n == 0)
            return false;
        s = slice_of(s.ptr + n, s.len - n);
    }
    return true;
}

bool slice_is_name(slice s, const char *extra)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
        if (!plain && (c == 0 || !strchr(extra, c)))
            return false;
    }
    return s.len > 0;
}

bool secret_equal(slice a, slice b)
{
    volatile uint8_t difference = 0;
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        difference |= (uint8_t)(a.ptr[i] ^ b.ptr[i]);
    return difference == 0;
}

void secret_wipe(void *bytes, size_t length)
{
    if (length)
        memset(bytes, 0, length);
    __asm__ __volatile__("" : : "r"(bytes) : "memory");
}

bool read_bytes(struct reader *r, size_t length, slice *out)
{
    if (r->failed || r->left.len < length) {
        r->failed = true;
        *out = NO_SLICE;
        return false;
    }
    *out = slice_of(r->left.ptr, length);
    r->left = slice_of(r->left.ptr + length, r->left.len - length);
    return true;
}

static bool read_number(struct reader *r, size_t width, bool big_endian, uint64_t *out)
{
    slice s;
    *out = 0;
    if (!read_bytes(r, width, &s))
        return false;
    for (size_t i = 0; i < width; i++)
        *out = *out << 8 | s.ptr[big_endian ? i : width - 1 - i];
    return true;
}

#define READ_NUMBER(name, type, width, big_endian)                                                                     \
    bool name(struct reader *r, type *out)                                                                             \
    {                                                                                                                  \
        uint64_t n;                                                                                                    \
        bool good = read_number(r, width, big_endian, &n);                                                             \
        *out = (type)n;                                                                                                \
        return good;                                                                                                   \
    }
READ_NUMBER(read_u8, uint8_t, 1, false)
READ_NUMBER(read_u16le, uint16_t, 2, false)
READ_NUMBER(read_u32le, uint32_t, 4, false)
READ_NUMBER(read_u64le, uint64_t, 8, false)
READ_NUMBER(read_u16be, uint16_t, 2, true)
READ_NUMBER(read_u32be, uint32_t, 4, true)
READ_NUMBER(read_u64be, uint64_t, 8, true)

bool read_done(const struct reader *r)
{
    return !r->failed && r->left.len == 0;
}
