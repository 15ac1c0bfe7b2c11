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
    size_t n = 0;
    for (size_t i = 0; i < in.len; i += 3) {
        size_t left = in.len - i;
        uint32_t group = (uint32_t)in.ptr[i] << 16;
        if (left > 1)
            group |= (uint32_t)in.ptr[i + 1] << 8;
        if (left > 2)
            group |= in.ptr[i + 2];
        out[n++] = (uint8_t)alphabet[group >> 18];
        out[n++] = (uint8_t)alphabet[group >> 12 & 63];
        if (left > 1)
            out[n++] = (uint8_t)alphabet[group >> 6 & 63];
        else if (padded)
            out[n++] = '=';
        if (left > 2)
            out[n++] = (uint8_t)alphabet[group & 63];
        else if (padded)
            out[n++] = '=';
    }
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

/* Values of the characters that both alphabets share, and of '+', '/', '-', '_'; 64 is none. */
#define NO 64
static const uint8_t VALUE[256] = {
    ['+'] = 62, ['/'] = 63, ['-'] = 62, ['_'] = 63,
    ['A'] = 0, ['B'] = 1, ['C'] = 2, ['D'] = 3, ['E'] = 4, ['F'] = 5, ['G'] = 6, ['H'] = 7, ['I'] = 8,
    ['J'] = 9, ['K'] = 10, ['L'] = 11, ['M'] = 12, ['N'] = 13, ['O'] = 14, ['P'] = 15, ['Q'] = 16, ['R'] = 17,
    ['S'] = 18, ['T'] = 19, ['U'] = 20, ['V'] = 21, ['W'] = 22, ['X'] = 23, ['Y'] = 24, ['Z'] = 25,
    ['a'] = 26, ['b'] = 27, ['c'] = 28, ['d'] = 29, ['e'] = 30, ['f'] = 31, ['g'] = 32, ['h'] = 33, ['i'] = 34,
    ['j'] = 35, ['k'] = 36, ['l'] = 37, ['m'] = 38, ['n'] = 39, ['o'] = 40, ['p'] = 41, ['q'] = 42, ['r'] = 43,
    ['s'] = 44, ['t'] = 45, ['u'] = 46, ['v'] = 47, ['w'] = 48, ['x'] = 49, ['y'] = 50, ['z'] = 51,
    ['0'] = 52, ['1'] = 53, ['2'] = 54, ['3'] = 55, ['4'] = 56, ['5'] = 57, ['6'] = 58, ['7'] = 59, ['8'] = 60,
    ['9'] = 61,
};

static uint32_t digit(uint8_t c, bool url)
{
    uint32_t value = VALUE[c];
    if (value == 0 && c != 'A')
        return NO;
    if (value >= 62)
        return (c == '-' || c == '_') == url ? value : NO;
    return value;
}

/* `in` has no padding here. */
static bool decode(uint8_t *out, size_t room, slice in, bool url, size_t *length)
{
    size_t n = 0, whole = in.len / 4 * 4, rest = in.len % 4;
    if (rest == 1 || in.len / 4 * 3 + (rest ? rest - 1 : 0) > room)
        return false;
    for (size_t i = 0; i < whole; i += 4) {
        uint32_t a = digit(in.ptr[i], url), b = digit(in.ptr[i + 1], url), c = digit(in.ptr[i + 2], url),
                 d = digit(in.ptr[i + 3], url);
        if ((a | b | c | d) & NO)
            return false;
        out[n++] = (uint8_t)(a << 2 | b >> 4);
        out[n++] = (uint8_t)(b << 4 | c >> 2);
        out[n++] = (uint8_t)(c << 6 | d);
    }
    if (rest) {
        uint32_t a = digit(in.ptr[whole], url), b = digit(in.ptr[whole + 1], url);
        uint32_t c = rest == 3 ? digit(in.ptr[whole + 2], url) : 0;
        if (((a | b | c) & NO) || (rest == 2 ? b & 15 : c & 3))
            return false;
        out[n++] = (uint8_t)(a << 2 | b >> 4);
        if (rest == 3)
            out[n++] = (uint8_t)(b << 4 | c >> 2);
    }
    *length = n;
    return true;
}

bool base64_decode(uint8_t *out, size_t room, slice in, size_t *length)
{
    if (in.len % 4)
        return false;
    for (int i = 0; i < 2 && in.len && in.ptr[in.len - 1] == '='; i++)
        in.len--;
    return decode(out, room, in, false, length);
}

bool base64url_decode(uint8_t *out, size_t room, slice in, size_t *length)
{
    return decode(out, room, in, true, length);
}
