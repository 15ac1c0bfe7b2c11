/* SPDX-License-Identifier: Apache-2.0
 *
 * Hex and base64. Decoders take the canonical form only: two texts never decode to the same bytes.
 */
#include "lib/base/bytes.h"

static const char HEX[] = "0123456789abcdef";
static const char STANDARD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char URL_SAFE[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t hex_encode(uint8_t *out, slice in)
{
    for (size_t i = 0; i < in.len; i++) {
        uint8_t byte = in.ptr[i];
        out[2 * i] = (uint8_t)HEX[byte >> 4];
        out[2 * i + 1] = (uint8_t)HEX[byte & 15];
    }
    return in.len * 2;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_decode(uint8_t *out, size_t room, slice in, size_t *length)
{
    if (in.len % 2 || in.len / 2 > room)
        return false;
    for (size_t i = 0; i < in.len / 2; i++) {
        int high = hex_value(in.ptr[2 * i]), low = hex_value(in.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    *length = in.len / 2;
    return true;
}

static size_t encode(uint8_t *out, slice in, const char *alphabet, bool padded)
{
    size_t n = 0, i = 0;
    for (; in.len - i >= 3; i += 3, n += 4) {
        uint32_t group = (uint32_t)in.ptr[i] << 16 | (uint32_t)in.ptr[i + 1] << 8 | in.ptr[i + 2];
        out[n] = (uint8_t)alphabet[group >> 18];
        out[n + 1] = (uint8_t)alphabet[group >> 12 & 63];
        out[n + 2] = (uint8_t)alphabet[group >> 6 & 63];
        out[n + 3] = (uint8_t)alphabet[group & 63];
    }
    size_t left = in.len - i;
    if (left == 0)
        return n;
    uint32_t group = (uint32_t)in.ptr[i] << 16 | (left > 1 ? (uint32_t)in.ptr[i + 1] << 8 : 0);
    out[n++] = (uint8_t)alphabet[group >> 18];
    out[n++] = (uint8_t)alphabet[group >> 12 & 63];
    if (left > 1)
        out[n++] = (uint8_t)alphabet[group >> 6 & 63];
    for (; padded && left < 3; left++)
        out[n++] = '=';
    return n;
}

size_t base64_encode(uint8_t *out, slice in)
{
    return encode(out, in, STANDARD, true);
}

size_t base64url_encode(uint8_t *out, slice in)
{
    return encode(out, in, URL_SAFE, false);
}

/* Values of characters plus 1, so that 0 is none. */
#define SHARED                                                                                                     \
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, \
    ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19,    \
    ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,    \
    ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37,    \
    ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46,    \
    ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55,    \
    ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62
static const uint8_t STANDARD_VALUE[256] = {SHARED, ['+'] = 63, ['/'] = 64};
static const uint8_t URL_VALUE[256] = {SHARED, ['-'] = 63, ['_'] = 64};

/* One to four characters as a number; false when one of them is no digit. */
static bool group_of(const uint8_t *value, slice digits, uint32_t *out)
{
    uint32_t group = 0;
    bool good = true;
    for (size_t i = 0; i < digits.len; i++) {
        uint32_t v = value[digits.ptr[i]];
        good = good && v;
        group = group << 6 | ((v - 1) & 63);
    }
    *out = group;
    return good;
}

/* The two or three characters behind the last whole group; bits that encode nothing must be zero. */
static bool decode_rest(uint8_t *out, slice digits, const uint8_t *value)
{
    uint32_t group;
    if (!group_of(value, digits, &group) || (group & (digits.len == 2 ? 15 : 3)))
        return false;
    if (digits.len == 2) {
        out[0] = (uint8_t)(group >> 4);
        return true;
    }
    out[0] = (uint8_t)(group >> 10);
    out[1] = (uint8_t)(group >> 2);
    return true;
}

/* `in` has no padding here. */
static bool decode(uint8_t *out, size_t room, slice in, const uint8_t *value, size_t *length)
{
    size_t n = 0, rest = in.len % 4, whole = in.len - rest;
    if (rest == 1 || whole / 4 * 3 + (rest ? rest - 1 : 0) > room)
        return false;
    for (size_t i = 0; i < whole; i += 4, n += 3) {
        uint32_t a = value[in.ptr[i]], b = value[in.ptr[i + 1]], c = value[in.ptr[i + 2]], d = value[in.ptr[i + 3]];
        if (!a || !b || !c || !d)
            return false;
        uint32_t group = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
        out[n] = (uint8_t)(group >> 16);
        out[n + 1] = (uint8_t)(group >> 8);
        out[n + 2] = (uint8_t)group;
    }
    if (rest && !decode_rest(out + n, slice_of(in.ptr + whole, rest), value))
        return false;
    *length = n + (rest ? rest - 1 : 0);
    return true;
}

bool base64_decode(uint8_t *out, size_t room, slice in, size_t *length)
{
    if (in.len % 4)
        return false;
    for (int i = 0; i < 2 && in.len && in.ptr[in.len - 1] == '='; i++)
        in.len--;
    return decode(out, room, in, STANDARD_VALUE, length);
}

bool base64url_decode(uint8_t *out, size_t room, slice in, size_t *length)
{
    return decode(out, room, in, URL_VALUE, length);
}
