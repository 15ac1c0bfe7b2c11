/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tcg/efi_text.h"

#include <stdio.h>

#define REPLACEMENT UINT32_C(0xfffd)

/* RFC 2781 section 2.2 */
static uint32_t next_character(struct reader *r)
{
    uint16_t unit = 0, low = 0;
    (void)read_u16le(r, &unit);
    if ((unit & 0xf800) != 0xd800)
        return unit;
    struct reader ahead = *r;
    if (unit >= 0xdc00 || !read_u16le(&ahead, &low) || (low & 0xfc00) != 0xdc00)
        return REPLACEMENT;
    *r = ahead;
    return UINT32_C(0x10000) + ((uint32_t)(unit & 0x3ff) << 10 | (low & 0x3ff));
}

static size_t put_utf8(uint8_t *out, uint32_t c)
{
    static const uint8_t FIRST[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)(FIRST[n] | c);
    return n;
}

void text_utf16(struct text *t, slice utf16, bool *whole)
{
    size_t units = utf16.len / 2, used = 0;
    struct reader r = reader_of(slice_of(utf16.ptr, 2 * units));
    uint8_t *room = text_room(t, 3 * units);
    bool all = true;
    while (room && r.left.len) {
        slice before = r.left;
        uint32_t c = next_character(&r);
        /* The replacement itself may also stand in the text. */
        all &= c != REPLACEMENT || (before.ptr[0] == 0xfd && before.ptr[1] == 0xff);
        used += put_utf8(room + used, c);
    }
    if (room)
        t->arena->used -= 3 * units - used;
    if (whole)
        *whole = all;
}

void text_guid(struct text *t, slice guid)
{
    struct reader r = reader_of(guid);
    char text[37];
    uint32_t a = 0;
    uint16_t b = 0, c = 0, d = 0, e = 0;
    uint32_t f = 0;
    (void)read_u32le(&r, &a);
    (void)read_u16le(&r, &b);
    (void)read_u16le(&r, &c);
    (void)read_u16be(&r, &d);
    (void)read_u16be(&r, &e);
    (void)read_u32be(&r, &f);
    (void)snprintf(text, sizeof text, "%08X-%04X-%04X-%04X-%04X%08X", a, b, c, d, e, f);
    text_add(t, slice_text(text));
}

void text_guid_raw(struct text *t, slice guid)
{
    static const size_t PARTS[] = {4, 2, 2, 2, 6};
    size_t at = 0;
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; at += PARTS[i++]) {
        if (i)
            text_lit(t, "-");
        text_hex(t, slice_sub(guid, at, PARTS[i]));
    }
}

void text_0x(struct text *t, uint64_t number)
{
    char text[19];
    (void)snprintf(text, sizeof text, "0x%llx", (unsigned long long)number);
    text_add(t, slice_text(text));
}
