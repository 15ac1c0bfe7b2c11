/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/keys.h"

#include <sys/auxv.h>

static size_t slots_for(size_t members)
{
    size_t slots = 32;
    while (slots < members + members / 2)
        slots *= 2;
    return slots;
}

size_t key_set_size(size_t members)
{
    return slots_for(members) * sizeof(uint32_t);
}

bool key_set_begin(struct key_set *set, struct arena *a, size_t members, key_reader *key, const void *context)
{
    size_t slots = slots_for(members);
    *set = (struct key_set){arena_array(a, uint32_t, slots), slots - 1, {0x9e3779b97f4a7c15u, 1}, key, context};
    if (!set->slots)
        return false;
    memset(set->slots, 0, slots * sizeof(uint32_t));
    /* Sixteen bytes that the kernel drew for this process: no system call, and a sandbox cannot take them away. */
    const void *random = (const void *)getauxval(AT_RANDOM); // NOLINT: the interface is an integer
    if (random)
        memcpy(set->seed, random, sizeof set->seed);
    return true;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t key_hash(const struct key_set *set, slice key)
{
    uint64_t state = set->seed[0] ^ key.len, odd = set->seed[1] | 1;
    for (size_t at = 0; at < key.len; at += 8) {
        uint64_t word = 0;
        memcpy(&word, key.ptr + at, key.len - at < 8 ? key.len - at : 8);
        state = mix(state ^ word ^ 0xa0761d6478bd642fu, odd ^ (at << 1));
    }
    return mix(state ^ set->seed[1], 0xe7037ed1a0b428dbu);
}

bool key_set_add(struct key_set *set, uint32_t index)
{
    slice key = set->key(set->context, index);
    size_t at = (size_t)key_hash(set, key) & set->mask;
    for (; set->slots[at]; at = (at + 1) & set->mask)
        if (slice_equal(key, set->key(set->context, set->slots[at] - 1)))
            return false;
    set->slots[at] = index + 1;
    return true;
}

static size_t common_prefix(slice a, slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len, at = 0;
    while (at < shorter && a.ptr[at] == b.ptr[at])
        at++;
    return at;
}

int key_order_bytes(slice a, slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

int key_order_utf16(slice a, slice b)
{
    size_t at = common_prefix(a, b);
    if (at == a.len || at == b.len)
        return (a.len > b.len) - (a.len < b.len);
    uint8_t x = a.ptr[at], y = b.ptr[at];
    /* UTF-8 sorts as code points do. UTF-16 differs in one thing: what needs a surrogate pair (lead byte F0 and up)
     * comes before U+E000..U+FFFF (lead bytes EE and EF). */
    bool swapped = (x >= 0xf0 && (y == 0xee || y == 0xef)) || (y >= 0xf0 && (x == 0xee || x == 0xef));
    return swapped ? y - x : x - y;
}

static void sort_few(struct member *members, size_t count, key_order *order)
{
    for (size_t i = 1; i < count; i++) {
        struct member m = members[i];
        size_t at = i;
        for (; at > 0 && order(members[at - 1].key, m.key) > 0; at--)
            members[at] = members[at - 1];
        members[at] = m;
    }
}

static void sift_down(struct member *heap, size_t root, size_t count, key_order *order)
{
    struct member m = heap[root];
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && order(heap[child].key, heap[child + 1].key) < 0)
            child++;
        if (order(m.key, heap[child].key) >= 0)
            break;
        heap[root] = heap[child];
    }
    heap[root] = m;
}

/* Heapsort for the many: no recursion, no memory, no input that makes it slow. */
void members_sort(struct member *members, size_t count, key_order *order)
{
    if (count <= KEYS_FEW) {
        sort_few(members, count, order);
        return;
    }
    for (size_t i = count / 2; i-- > 0;)
        sift_down(members, i, count, order);
    for (size_t left = count; left-- > 1;) {
        struct member last = members[left];
        members[left] = members[0];
        members[0] = last;
        sift_down(members, 0, left, order);
    }
}

struct member *members_begin(struct text *t, struct member *few, size_t count, size_t *mark)
{
    *mark = t->arena->used;
    if (count <= KEYS_FEW)
        return few;
    struct member *room = t->failed ? NULL : arena_array(t->arena, struct member, count);
    if (!room)
        t->failed = true;
    return room;
}

void members_end(struct text *t, size_t mark, size_t count)
{
    if (count <= KEYS_FEW || t->failed)
        return;
    size_t aligned = (mark + _Alignof(struct member) - 1) & ~(_Alignof(struct member) - 1);
    size_t from = aligned + count * sizeof(struct member);
    memmove(t->arena->base + mark, t->arena->base + from, t->arena->used - from);
    t->arena->used -= from - mark;
}

bool pointer_token(slice *pointer, slice *token)
{
    if (pointer->len == 0 || *pointer->ptr != '/')
        return false;
    slice rest = slice_of(pointer->ptr + 1, pointer->len - 1);
    size_t end = slice_find(rest, '/');
    *token = slice_of(rest.ptr, end);
    *pointer = slice_of(rest.ptr + end, rest.len - end);
    return true;
}

bool pointer_token_is(slice token, slice key)
{
    size_t at = 0;
    for (size_t i = 0; i < token.len; i++, at++) {
        uint8_t c = token.ptr[i];
        if (c == '~') {
            if (++i == token.len || (token.ptr[i] != '0' && token.ptr[i] != '1'))
                return false;
            c = token.ptr[i] == '0' ? '~' : '/';
        }
        if (at == key.len || key.ptr[at] != c)
            return false;
    }
    return at == key.len;
}

static size_t digits_at(slice text, size_t at)
{
    size_t n = 0;
    while (at + n < text.len && text.ptr[at + n] >= '0' && text.ptr[at + n] <= '9')
        n++;
    return n;
}

bool number_is_json(slice text)
{
    size_t at = text.len && text.ptr[0] == '-', n = digits_at(text, at);
    if (n == 0 || (n > 1 && text.ptr[at] == '0'))
        return false;
    at += n;
    if (at < text.len && text.ptr[at] == '.') {
        n = digits_at(text, ++at);
        at += n;
    }
    if (n && at < text.len && (text.ptr[at] | 32) == 'e') {
        at++;
        if (at < text.len && (text.ptr[at] == '+' || text.ptr[at] == '-'))
            at++;
        n = digits_at(text, at);
        at += n;
    }
    return n && at == text.len;
}

bool number_i64(slice text, int64_t *out)
{
    bool negative = text.len && text.ptr[0] == '-';
    uint64_t magnitude;
    if (!slice_u64(slice_sub(text, negative, text.len), &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + negative || (negative && magnitude == 0))
        return false;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}
