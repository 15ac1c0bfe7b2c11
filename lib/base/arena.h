/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of one request: mapped once, handed out in order, given back all at once.
 */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include "lib/base/bytes.h"

enum arena_kind {
    ARENA_PLAIN,
    ARENA_SECRET, /* locked into memory, left out of core files, wiped when reset */
};

struct arena {
    uint8_t *base;
    size_t size;
    size_t used;
    size_t high; /* high-water mark since the last reset */
    enum arena_kind kind;
    bool locked; /* SECRET: the kernel let us lock it */
};

/* Maps `size` bytes. Memory that is never touched costs none. */
MUST_CHECK result arena_map(struct arena *a, size_t size, enum arena_kind kind);
void arena_unmap(struct arena *a);
/* Gives everything back: wipes a SECRET arena up to its high-water mark; returns pages beyond `keep` bytes to the
 * kernel, so that one large request does not hold memory for ever. */
void arena_reset(struct arena *a, size_t keep);

/* NULL when full. `align` is a power of two up to 64. The memory is not cleared, except that fresh pages are zero. */
void *arena_alloc(struct arena *a, size_t size, size_t align);
#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type), _Alignof(type)))
#define arena_array(a, type, n)                                                                                        \
    ((size_t)(n) > SIZE_MAX / sizeof(type) ? NULL : (type *)arena_alloc((a), (size_t)(n) * sizeof(type), _Alignof(type)))
/* A copy; its ptr is NULL when full. */
slice arena_copy(struct arena *a, slice s);
/* A formatted text, also NUL-terminated (not counted); its ptr is NULL when full. */
slice arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Text that grows at the end of an arena. Nothing else may be allocated from the arena until text_end. */
struct text {
    struct arena *arena;
    size_t start;
    bool failed;
};
struct text text_begin(struct arena *a);
void text_add(struct text *t, slice s);
#define text_lit(t, literal) text_add((t), S(literal))
void text_u64(struct text *t, uint64_t number);
void text_i64(struct text *t, int64_t number);
void text_hex(struct text *t, slice bytes);
void text_base64(struct text *t, slice bytes);
void text_base64url(struct text *t, slice bytes);
/* A JSON string with its quotes: control characters, '"' and '\' escaped, everything else as it is. */
void text_json(struct text *t, slice s);
/* Room for exactly `length` bytes that the caller fills; NULL when full. */
uint8_t *text_room(struct text *t, size_t length);
/* The text so far; its ptr is NULL when something did not fit. */
slice text_end(struct text *t);

#endif
