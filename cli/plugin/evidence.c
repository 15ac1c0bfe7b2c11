/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plugin/evidence.h"

#include <stdio.h>

struct dice dice_of(uint64_t seed)
{
    return (struct dice){(seed + 1) * UINT64_C(0x9e3779b97f4a7c15)};
}

/* xorshift64*: only that a seed gives the same documents everywhere matters. */
uint64_t dice_roll(struct dice *d, uint64_t below)
{
    d->state ^= d->state >> 12;
    d->state ^= d->state << 25;
    d->state ^= d->state >> 27;
    uint64_t n = d->state * UINT64_C(0x2545f4914f6cdd1d);
    return below ? (n >> 16) % below : n;
}

/* --- fixed documents --- */

static slice repeated(struct arena *a, const char *begin, const char *middle, const char *end, size_t times)
{
    struct text t = text_begin(a);
    for (size_t i = 0; i < times; i++)
        text_add(&t, slice_text(begin));
    text_add(&t, slice_text(middle));
    for (size_t i = 0; i < times; i++)
        text_add(&t, slice_text(end));
    return text_end(&t);
}

static slice wide(struct arena *a, size_t members)
{
    struct text t = text_begin(a);
    text_lit(&t, "{");
    for (size_t i = 0; i < members; i++) {
        text_add(&t, i ? S(",\"m") : S("\"m"));
        text_u64(&t, i);
        text_lit(&t, "\":{\"a\":[1,\"b\",null]}");
    }
    text_lit(&t, "}");
    return text_end(&t);
}

static slice huge(struct arena *a)
{
    struct text t = text_begin(a);
    text_lit(&t, "{\"quote\":\"");
    uint8_t *room = text_room(&t, (size_t)192 << 10);
    if (room)
        memset(room, 'A', (size_t)192 << 10);
    text_lit(&t, "\"}");
    return text_end(&t);
}

bool evidence_fixed(struct arena *a, size_t n, slice *text, const char **name)
{
    static const struct {
        const char *name, *text;
    } small[] = {
        {"an empty object", "{}"},
        {"an empty array", "[]"},
        {"null", "null"},
        {"a bool", "true"},
        {"zero", "0"},
        {"a negative number", "-9223372036854775808"},
        {"a number beyond 64 bits", "1e999"},
        {"an empty string", "\"\""},
        {"a string", "\"AAAA\""},
        {"an array of everything", "[null,true,0,1.5,\"\",[],{}]"},
        {"a member with an empty name", "{\"\":\"\"}"},
        {"control characters", "{\"quote\":\"\\u0000\\u0001\\n\\ud83d\\ude00\",\"report\":\"\\\\\\\"\"}"},
        {"format directives", "{\"quote\":\"%s%n%x%%\",\"report\":\"%1000000d\"}"},
        {"members of wrong types", "{\"quote\":{\"quote\":[]},\"report\":5,\"report_data\":[],\"signature\":null}"},
    };
    const size_t count = sizeof small / sizeof *small;
    if (n < count) {
        *name = small[n].name;
        *text = slice_text(small[n].text);
        return true;
    }
    switch (n - count) {
    case 0:
        *name = "arrays 60 deep";
        *text = repeated(a, "[", "0", "]", 60);
        return true;
    case 1:
        *name = "objects 60 deep";
        *text = repeated(a, "{\"quote\":", "0", "}", 60);
        return true;
    case 2:
        *name = "an object of 2,000 members";
        *text = wide(a, 2000);
        return true;
    case 3:
        *name = "a string of 192 KiB";
        *text = huge(a);
        return true;
    default:
        return false;
    }
}

/* --- documents of what was asked for --- */

slice bytes_random(struct arena *a, struct dice *d)
{
    static const uint16_t lengths[] = {0,   1,   4,   16,  20,  31,   32,   33,   48,   63,   64,   65,  96,
                                       128, 145, 256, 432, 584, 1020, 1024, 1184, 1200, 2048, 4096, 9000};
    size_t length = lengths[dice_roll(d, sizeof lengths / sizeof *lengths)];
    uint8_t *room = arena_alloc(a, length + 1, 1);
    if (!room)
        return NO_SLICE;
    uint64_t style = dice_roll(d, 4);
    for (size_t i = 0; i < length; i++)
        room[i] = style == 0 ? 0 : style == 1 ? 0xff : (uint8_t)dice_roll(d, 256);
    /* What formats begin with: a small version, a DER sequence, the length of the rest. */
    if (length > 4 && style == 2)
        memcpy(room, dice_roll(d, 2) ? "\x30\x82\x01\x00" : "\x04\x00\x02\x00", 4);
    if (length > 4 && style == 3)
        room[0] = (uint8_t)dice_roll(d, 8);
    return slice_of(room, length);
}

static void write_bytes(struct text *t, enum wanted kind, slice bytes)
{
    text_lit(t, "\"");
    if (kind == WANTS_HEX)
        text_hex(t, bytes);
    else if (kind == WANTS_BASE64URL)
        text_base64url(t, bytes);
    else
        text_base64(t, bytes);
    text_lit(t, "\"");
}

static void write_array(struct text *t, slice bytes)
{
    text_lit(t, "[");
    for (size_t i = 0; i < bytes.len; i++) {
        if (i)
            text_lit(t, ",");
        text_u64(t, bytes.ptr[i]);
    }
    text_lit(t, "]");
}

static void write_any(struct text *t, struct dice *d)
{
    static const char *const some[] = {"null",
                                       "true",
                                       "false",
                                       "0",
                                       "1",
                                       "-1",
                                       "255",
                                       "65536",
                                       "4294967296",
                                       "18446744073709551615",
                                       "1e999",
                                       "\"\"",
                                       "\"x\"",
                                       "\"=\"",
                                       "[]",
                                       "{}",
                                       "[0]",
                                       "[\"AAAA\",\"AAAA\"]",
                                       "{\"a\":{\"b\":{}}}",
                                       "\"-----BEGIN CERTIFICATE-----\"",
                                       "\"0\"",
                                       "\"{}\"",
                                       "\"[]\"",
                                       "\"\\u0000\"",
                                       "\"..%2f..\"",
                                       "[[[[[[]]]]]]",
                                       "[-1,256,1.5]"};
    text_add(t, slice_text(some[dice_roll(d, sizeof some / sizeof *some)]));
}

static void write_value(struct text *t, enum wanted kind, struct dice *d, slice bytes, unsigned valid)
{
    static const char *const numbers[] = {"0", "1",   "2",     "3",          "4",
                                          "5", "255", "65535", "4294967295", "18446744073709551615"};
    static const char *const texts[] = {
        "\"\"", "\"1\"", "\"sha256\"", "\"{}\"", "\"00\"", "\"ffffffffffffffff\"", "\"UpToDate\""};
    if (dice_roll(d, 10) >= valid || kind == WANTS_ANY)
        write_any(t, d);
    else if (kind == WANTS_NUMBER)
        text_add(t, slice_text(numbers[dice_roll(d, sizeof numbers / sizeof *numbers)]));
    else if (kind == WANTS_BOOL)
        text_add(t, dice_roll(d, 2) ? S("true") : S("false"));
    else if (kind == WANTS_TEXT && dice_roll(d, 2))
        text_add(t, slice_text(texts[dice_roll(d, sizeof texts / sizeof *texts)]));
    else if (kind == WANTS_BYTES)
        write_array(t, bytes);
    else
        write_bytes(t, kind, bytes);
}

struct writing {
    const struct harness *harness;
    struct dice *dice;
    struct arena *spare; /* bytes; not the arena of the text */
    struct text text;
    unsigned valid;
};

static slice segment_after(const struct learned *l, slice prefix)
{
    slice p = slice_text(l->pointer);
    if (!slice_starts(p, prefix) || p.len <= prefix.len || p.ptr[prefix.len] != '/')
        return NO_SLICE;
    p = slice_sub(p, prefix.len + 1, p.len);
    return slice_sub(p, 0, slice_find(p, '/'));
}

static bool came_before(const struct harness *h, size_t nth, slice prefix, slice segment)
{
    for (size_t i = 0; i < nth; i++) {
        slice s = segment_after(&h->learned[i], prefix);
        if (s.ptr && slice_equal(s, segment))
            return true;
    }
    return false;
}

static const struct learned *exactly(const struct harness *h, slice pointer)
{
    for (size_t i = 0; i < h->learned_count; i++)
        if (slice_equal(slice_text(h->learned[i].pointer), pointer))
            return &h->learned[i];
    return NULL;
}

static void write_object(struct writing *w, slice prefix);

static void write_member(struct writing *w, slice prefix, slice segment)
{
    char room[POINTER_MAX];
    int n = snprintf(room, sizeof room, "%.*s/%.*s", SLICE_ARG(prefix), SLICE_ARG(segment));
    slice path = slice_of(room, n > 0 && (size_t)n < sizeof room ? (size_t)n : 0);
    bool deeper = false;
    for (size_t i = 0; i < w->harness->learned_count; i++)
        deeper |= segment_after(&w->harness->learned[i], path).ptr != NULL;
    text_json(&w->text, segment);
    text_lit(&w->text, ":");
    const struct learned *l = exactly(w->harness, path);
    if (deeper && path.len && dice_roll(w->dice, 10) < w->valid)
        write_object(w, path);
    else
        write_value(&w->text, l ? l->kind : WANTS_ANY, w->dice, bytes_random(w->spare, w->dice), w->valid);
}

static void write_object(struct writing *w, slice prefix)
{
    const struct harness *h = w->harness;
    bool first = true;
    text_lit(&w->text, "{");
    for (size_t i = 0; i < h->learned_count; i++) {
        slice segment = segment_after(&h->learned[i], prefix);
        if (!segment.ptr || came_before(h, i, prefix, segment) || dice_roll(w->dice, 10) > w->valid)
            continue;
        if (!first)
            text_lit(&w->text, ",");
        first = false;
        write_member(w, prefix, segment);
    }
    text_lit(&w->text, "}");
}

slice evidence_random(struct arena *a, const struct harness *h, struct dice *d, unsigned valid)
{
    const size_t spare_size = (size_t)1 << 20;
    uint8_t *room = arena_alloc(a, spare_size, 16);
    if (!room)
        return NO_SLICE;
    struct arena spare = {.base = room, .size = spare_size};
    struct writing w = {.harness = h, .dice = d, .spare = &spare, .text = text_begin(a), .valid = valid};
    write_object(&w, S(""));
    return text_end(&w.text);
}
