/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_round(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page;
}

result arena_map(struct arena *a, size_t size, enum arena_kind kind)
{
    *a = (struct arena){.size = page_round(size), .kind = kind};
    void *memory = mmap(NULL, a->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ENSURE(memory != MAP_FAILED, NO_MEMORY);
    a->base = memory;
    if (kind == ARENA_SECRET) {
        /* On fault: a secret page is locked before it holds anything, untouched ones cost nothing. */
        a->locked = mlock2(memory, a->size, MLOCK_ONFAULT) == 0;
        (void)madvise(memory, a->size, MADV_DONTDUMP);
        (void)madvise(memory, a->size, MADV_DONTFORK);
    }
    return OK;
}

void arena_unmap(struct arena *a)
{
    if (!a->base)
        return;
    arena_reset(a, 0);
    munmap(a->base, a->size);
    *a = (struct arena){0};
}

void arena_reset(struct arena *a, size_t keep)
{
    if (a->kind == ARENA_SECRET)
        secret_wipe(a->base, a->high);
    keep = page_round(keep);
    if (a->high > keep) {
        if (a->locked)
            (void)munlock(a->base + keep, page_round(a->high) - keep);
        (void)madvise(a->base + keep, page_round(a->high) - keep, MADV_DONTNEED);
        if (a->locked)
            (void)mlock2(a->base + keep, page_round(a->high) - keep, MLOCK_ONFAULT);
    }
    a->used = a->high = 0;
}

void *arena_alloc(struct arena *a, size_t size, size_t align)
{
    size_t start = (a->used + align - 1) & ~(align - 1);
    if (start < a->used || start > a->size || size > a->size - start)
        return NULL;
    a->used = start + size;
    if (a->used > a->high)
        a->high = a->used;
    return a->base + start;
}

slice arena_copy(struct arena *a, slice s)
{
    uint8_t *room = arena_alloc(a, s.len, 1);
    if (!room)
        return NO_SLICE;
    if (s.len)
        memcpy(room, s.ptr, s.len);
    return slice_of(room, s.len);
}

slice arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    size_t left = a->size - a->used;
    va_start(args, format);
    int n = vsnprintf((char *)a->base + a->used, left, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= left)
        return NO_SLICE;
    return slice_of(arena_alloc(a, (size_t)n + 1, 1), (size_t)n);
}

struct text text_begin(struct arena *a)
{
    return (struct text){a, a->used, false};
}

uint8_t *text_room(struct text *t, size_t length)
{
    uint8_t *room = t->failed ? NULL : arena_alloc(t->arena, length, 1);
    if (!room)
        t->failed = true;
    return room;
}

void text_add(struct text *t, slice s)
{
    uint8_t *room = text_room(t, s.len);
    if (room && s.len)
        memcpy(room, s.ptr, s.len);
}

void text_u64(struct text *t, uint64_t number)
{
    uint8_t digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (uint8_t)('0' + number % 10);
    while (number /= 10);
    text_add(t, slice_of(digits + at, sizeof digits - at));
}

void text_i64(struct text *t, int64_t number)
{
    if (number < 0)
        text_lit(t, "-");
    text_u64(t, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

void text_hex(struct text *t, slice bytes)
{
    uint8_t *room = text_room(t, HEX_SIZE(bytes.len));
    if (room)
        hex_encode(room, bytes);
}

void text_base64(struct text *t, slice bytes)
{
    uint8_t *room = text_room(t, BASE64_SIZE(bytes.len));
    if (room)
        base64_encode(room, bytes);
}

void text_base64url(struct text *t, slice bytes)
{
    uint8_t *room = text_room(t, BASE64URL_SIZE(bytes.len));
    if (room)
        base64url_encode(room, bytes);
}

static void text_escape(struct text *t, uint8_t c)
{
    static const char short_form[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    uint8_t escaped[6] = {'\\', c};
    size_t length = 2;
    if (c < 32 && short_form[c]) {
        escaped[1] = (uint8_t)short_form[c];
    } else if (c < 32) {
        memcpy(escaped + 1, "u00", 3);
        hex_encode(escaped + 4, slice_of(&c, 1));
        length = 6;
    }
    text_add(t, slice_of(escaped, length));
}

#define EACH_BYTE UINT64_C(0x0101010101010101)
#define HIGH_BITS (EACH_BYTE << 7)

/* The high bit of each byte of `w` that is zero; bits above the first such byte may be wrong. */
static uint64_t zero_bytes(uint64_t w)
{
    return (w - EACH_BYTE) & ~w & HIGH_BITS;
}

/* How many of the first bytes a JSON string holds as they are. */
static size_t plain_length(slice s)
{
    size_t i = 0;
    for (uint64_t w; s.len - i >= sizeof w; i += sizeof w) {
        memcpy(&w, s.ptr + i, sizeof w);
        uint64_t control = (w - EACH_BYTE * 32) & ~w & HIGH_BITS;
        if (control | zero_bytes(w ^ EACH_BYTE * '"') | zero_bytes(w ^ EACH_BYTE * '\\'))
            break;
    }
    while (i < s.len && s.ptr[i] >= 32 && s.ptr[i] != '"' && s.ptr[i] != '\\')
        i++;
    return i;
}

void text_json(struct text *t, slice s)
{
    text_lit(t, "\"");
    for (;;) {
        size_t plain = plain_length(s);
        text_add(t, slice_of(s.ptr, plain));
        if (plain == s.len)
            break;
        text_escape(t, s.ptr[plain]);
        s = slice_sub(s, plain + 1, s.len);
    }
    text_lit(t, "\"");
}

slice text_end(struct text *t)
{
    return t->failed ? NO_SLICE : slice_of(t->arena->base + t->start, t->arena->used - t->start);
}
