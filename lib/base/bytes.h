/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes never travel without their length. `slice` is the ABI's trustee_slice: borrowed, read-only.
 */
#ifndef LIB_BYTES_H
#define LIB_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <trustee/abi.h>

#include "lib/base/result.h"

typedef trustee_slice slice;

#define NO_SLICE ((slice){NULL, 0})
/* A slice over a string literal, as an expression. */
#define S(literal) ((slice){(const uint8_t *)("" literal), sizeof(literal) - 1})
/* printf("%.*s", SLICE_ARG(s)) */
#define SLICE_ARG(s) (int)(s).len, (const char *)((s).ptr ? (s).ptr : (const uint8_t *)"")

static inline slice slice_of(const void *bytes, size_t length)
{
    return (slice){(const uint8_t *)bytes, length};
}

static inline slice slice_text(const char *text)
{
    return text ? slice_of(text, strlen(text)) : NO_SLICE;
}

/* Not for secrets: see secret_equal. */
static inline bool slice_equal(slice a, slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool slice_equal_nocase(slice a, slice b); /* ASCII only */
bool slice_starts(slice s, slice prefix);
bool slice_ends(slice s, slice suffix);
/* The part from `from` on, at most `length` bytes; empty where there is none. */
slice slice_sub(slice s, size_t from, size_t length);
/* Index of the first `byte`, or s.len. */
size_t slice_find(slice s, uint8_t byte);
slice slice_trim(slice s); /* without spaces and tabs at both ends */
/* Cuts the part before the first `byte` off `rest` and steps over it; the whole rest where there is none.
 * False when `rest` was exhausted (rest->ptr == NULL) already. */
bool slice_split(slice *rest, uint8_t byte, slice *part);
/* Unsigned decimal without sign, spaces or leading zeros; false on anything else or overflow. */
bool slice_u64(slice s, uint64_t *out);
bool slice_is_utf8(slice s);
/* Every byte is in "A-Za-z0-9" or in `extra`. */
bool slice_is_name(slice s, const char *extra);

/* In constant time for a given length. */
bool secret_equal(slice a, slice b);
/* Overwrites memory in a way that the compiler may not drop. */
void secret_wipe(void *bytes, size_t length);

/* A cursor over bytes: parsers that read like the format. Every read checks the length first; after the first failure
 * all further reads fail too. */
struct reader {
    slice left;
    bool failed;
};

static inline struct reader reader_of(slice s)
{
    return (struct reader){s, false};
}
bool read_u8(struct reader *r, uint8_t *out);
bool read_u16le(struct reader *r, uint16_t *out);
bool read_u32le(struct reader *r, uint32_t *out);
bool read_u64le(struct reader *r, uint64_t *out);
bool read_u16be(struct reader *r, uint16_t *out);
bool read_u32be(struct reader *r, uint32_t *out);
bool read_u64be(struct reader *r, uint64_t *out);
bool read_bytes(struct reader *r, size_t length, slice *out);
/* True when nothing failed and nothing is left. */
bool read_done(const struct reader *r);

/* Sizes of encoded text, without a terminating NUL, and what decoding needs at most. */
#define HEX_SIZE(n) ((size_t)(n) * 2)
#define BASE64_SIZE(n) (((size_t)(n) + 2) / 3 * 4)
#define BASE64URL_SIZE(n) (((size_t)(n) * 4 + 2) / 3)
#define BASE64_DECODED_MAX(n) ((size_t)(n) / 4 * 3 + 3)

/* Encoders write to `out`, which has room, and return the number of bytes written. Not in constant time. */
size_t hex_encode(uint8_t *out, slice in);
size_t base64_encode(uint8_t *out, slice in);    /* RFC 4648 section 4, padded */
size_t base64url_encode(uint8_t *out, slice in); /* RFC 4648 section 5, no padding */
/* Decoders are strict: no white space, canonical padding, unused bits zero. `room` is the size of `out` in bytes;
 * *length tells how much was written. May work in place (out == in.ptr). */
bool hex_decode(uint8_t *out, size_t room, slice in, size_t *length);
bool base64_decode(uint8_t *out, size_t room, slice in, size_t *length);
bool base64url_decode(uint8_t *out, size_t room, slice in, size_t *length);

#endif
