/* SPDX-License-Identifier: Apache-2.0
 *
 * What objects of JSON and of claims have in common: finding a key that stands twice, putting keys in order, and
 * walking a JSON pointer (RFC 6901).
 */
#ifndef LIB_JSON_KEYS_H
#define LIB_JSON_KEYS_H

#include "lib/base/arena.h"

/* Objects of at most this many members are compared pair by pair and sorted on the stack. */
#define KEYS_FEW 16

/* A set of keys for objects with many members. It stores where a key stands, not the key, and its hash is seeded from
 * the process's own random bytes, so that nobody can choose keys that collide. */
typedef slice key_reader(const void *context, uint32_t index);
struct key_set {
    uint32_t *slots; /* index + 1, 0 where empty */
    size_t mask;
    uint64_t seed[2];
    key_reader *key;
    const void *context;
};
/* Bytes that a set for `members` keys takes. */
size_t key_set_size(size_t members);
/* Takes its room from the arena; false when that is full. The caller gives the room back. */
bool key_set_begin(struct key_set *set, struct arena *a, size_t members, key_reader *key, const void *context);
/* False when the key at `index` is in the set already. */
bool key_set_add(struct key_set *set, uint32_t index);

/* One member of an object that is to be written in order. */
struct member {
    slice key;
    const void *value;
};
typedef int key_order(slice a, slice b);
int key_order_bytes(slice a, slice b);
/* By UTF-16 code units, as RFC 8785 section 3.2.3 has it; both are UTF-8. */
int key_order_utf16(slice a, slice b);
void members_sort(struct member *members, size_t count, key_order *order);

/* Room for `count` members: `few` where that suffices, else at the end of the text, to be given back. `few` has
 * KEYS_FEW entries. NULL when full. */
struct member *members_begin(struct text *t, struct member *few, size_t count, size_t *mark);
/* Gives the room back by moving what was written after it. */
void members_end(struct text *t, size_t mark, size_t count);

/* Takes the next token off a pointer. False at its end, or when it does not begin with '/' (then *pointer is left). */
bool pointer_token(slice *pointer, slice *token);
/* The token, unescaped, is this key. */
bool pointer_token_is(slice token, slice key);

/* A number as RFC 8259 has it and nothing else. */
bool number_is_json(slice text);
/* An integer that fits: no fraction, no exponent, not "-0". */
bool number_i64(slice text, int64_t *out);

#endif
