/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/judge_mutations.h"

#include <stdlib.h>

#define TRAILING_MAX (64u << 10)

size_t mutation_stride(size_t otherwise)
{
#ifdef __SANITIZE_ADDRESS__
    otherwise = otherwise * 16 + 1; /* as many as fit the same time */
#endif
    return getenv("TRUSTEE_EXHAUSTIVE") ? 1 : otherwise;
}

static void judge_one(struct judge *j, slice quote, struct mutations *m, size_t at, size_t value)
{
    bool genuine = judge_quote(j, quote);
    bool unexplained = !genuine && (j->host.status != TRUSTEE_REJECT || j->host.reason.len == 0);
    m->tried++;
    if ((genuine || unexplained) && m->accepted + m->unexplained == 0) {
        m->at = at;
        m->value = value;
    }
    m->accepted += genuine;
    m->unexplained += unexplained;
}

/* A copy of the quote that can be changed, with `room` bytes after it. */
static uint8_t *copy_of(struct judge *j, slice what, size_t room)
{
    uint8_t *copy = arena_alloc(&j->arena, what.len + room + 1, 1);
    forge_must(copy, "memory");
    memcpy(copy, what.ptr, what.len);
    return copy;
}

struct mutations mutate_bits(struct judge *j, size_t from, size_t to, size_t stride)
{
    struct mutations m = {0};
    slice quote = j->out.quote;
    uint8_t *copy = copy_of(j, quote, 0);
    for (size_t bit = from * 8; bit < to * 8; bit += stride) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        judge_one(j, slice_of(copy, quote.len), &m, bit / 8, bit % 8);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    return m;
}

struct mutations mutate_truncations(struct judge *j)
{
    struct mutations m = {0};
    for (size_t n = 0; n < j->out.quote.len; n++)
        judge_one(j, slice_sub(j->out.quote, 0, n), &m, n, 0);
    return m;
}

struct field {
    size_t at, width;
};

/* Where lengths and types lie. */
static size_t fields_of(const struct judge *j, struct field out[8])
{
    const struct forge_dcap_out *o = &j->out;
    size_t n = 0;
    if (j->k.version == 5) {
        out[n++] = (struct field){FORGE_HEADER_SIZE, 2};
        out[n++] = (struct field){FORGE_HEADER_SIZE + 2, 4};
    }
    out[n++] = (struct field){o->signed_to, 4};
    if (j->k.version > 3) {
        out[n++] = (struct field){o->qe_report - 6, 2};
        out[n++] = (struct field){o->qe_report - 4, 4};
    }
    out[n++] = (struct field){o->auth_data, 2};
    out[n++] = (struct field){o->certification, 2};
    out[n++] = (struct field){o->certification + 2, 4};
    return n;
}

static uint64_t number_at(const uint8_t *bytes, size_t width)
{
    uint64_t value = 0;
    for (size_t i = width; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static void set_number_at(uint8_t *bytes, size_t width, uint64_t value)
{
    for (size_t i = 0; i < width; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

struct mutations mutate_lengths(struct judge *j)
{
    struct mutations m = {0};
    struct field fields[8];
    slice quote = j->out.quote;
    uint8_t *copy = copy_of(j, quote, 0);
    size_t count = fields_of(j, fields);
    for (size_t i = 0; i < count; i++) {
        uint8_t *at = copy + fields[i].at;
        size_t width = fields[i].width;
        uint64_t good = number_at(at, width), most = width == 2 ? UINT16_MAX : UINT32_MAX;
        /* 5 is taken for 6 as the outer type. */
        const uint64_t values[] = {0,        1,        2,         most,      most - 1,   most / 2, most / 2 + 1,
                                   good + 1, good - 1, good + 64, good - 64, good + 256, good * 2, quote.len};
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            set_number_at(at, width, values[v]);
            bool same = number_at(at, width) == good || (width == 2 && good == 6 && number_at(at, width) == 5);
            if (!same)
                judge_one(j, slice_of(copy, quote.len), &m, fields[i].at, (size_t)values[v]);
        }
        set_number_at(at, width, good);
    }
    return m;
}

struct mutations mutate_trailing(struct judge *j, uint8_t byte)
{
    static const size_t sizes[] = {
        1, 2, 3, 7, 8, 39, 70, 255, 256, 1023, 4096, 16384, 32768, TRAILING_MAX - 1, TRAILING_MAX};
    struct mutations m = {0};
    slice quote = j->out.quote;
    uint8_t *copy = copy_of(j, quote, TRAILING_MAX);
    memset(copy + quote.len, byte, TRAILING_MAX);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        judge_one(j, slice_of(copy, quote.len + sizes[i]), &m, sizes[i], byte);
    return m;
}

static bool is_hex_letter(uint8_t c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* The signature's digits in the other case say the same. */
static bool says_the_same(slice bytes, size_t bit)
{
    size_t signature = bytes.len > 132 ? bytes.len - 132 : 0;
    return bytes.len && bytes.ptr[0] == '{' && bit / 8 >= signature && bit % 8 == 5 &&
           is_hex_letter(bytes.ptr[bit / 8]);
}

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"

/* Where the first block's text ends. */
static size_t end_of_leaf(slice chain)
{
    const uint8_t *end = memmem(chain.ptr, chain.len, "\n-----END", 9);
    forge_must(end, "the end of a certificate");
    return (size_t)(end - chain.ptr);
}

static const trustee_collateral *item_of(const struct judge *j, const char *kind)
{
    for (size_t i = 0; i < j->item_count; i++)
        if (slice_equal(j->items[i].kind, slice_text(kind)))
            return &j->items[i];
    return NULL;
}

struct mutations mutate_collateral(struct judge *j, const char *kind, bool chain, size_t stride)
{
    struct mutations m = {0};
    const trustee_collateral *item = item_of(j, kind);
    forge_must(item, "an item of this kind");
    trustee_collateral good = *item;
    slice what = chain ? good.chain : good.bytes;
    uint8_t *copy = copy_of(j, what, 0);
    slice changed = slice_of(copy, what.len);
    size_t from = chain ? strlen(PEM_BEGIN) : 0, to = chain ? end_of_leaf(what) : what.len;
    for (size_t bit = from * 8; bit < to * 8; bit += stride) {
        if (says_the_same(what, bit))
            continue;
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        judge_exchange(j, kind, chain ? good.bytes : changed, chain ? changed : good.chain);
        judge_one(j, j->out.quote, &m, bit / 8, bit % 8);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    judge_exchange(j, kind, good.bytes, good.chain);
    return m;
}
