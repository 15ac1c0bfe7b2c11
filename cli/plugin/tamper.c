/* SPDX-License-Identifier: Apache-2.0
 *
 * Good evidence, changed byte by byte: what still is GENUINE then was never verified.
 */
#include "cli/plugin/trials.h"

#include <stdio.h>

#define PLACES 64u /* of a member */
#define TEXTS_SIZE ((size_t)64 << 20)

struct tampering {
    struct harness harness;
    struct appraisal appraisal;
    struct arena texts, good;
    const json *evidence;
    size_t changed;
};

/* --- the evidence with one member replaced --- */

struct replacing {
    struct text *text;
    slice pointer; /* what of it is still below */
    slice with;    /* JSON */
};

static void write_replaced(const struct replacing *x, const json *v);

static void write_object(const struct replacing *x, const json *v)
{
    slice rest = slice_sub(x->pointer, 1, x->pointer.len), wanted = slice_sub(rest, 0, slice_find(rest, '/')), key;
    struct replacing below = *x;
    bool first = true;
    below.pointer = slice_sub(rest, wanted.len, rest.len);
    text_lit(x->text, "{");
    for (const json *m = json_next(v, NULL, &key); m; m = json_next(v, m, &key)) {
        if (!first)
            text_lit(x->text, ",");
        first = false;
        text_json(x->text, key);
        text_lit(x->text, ":");
        if (slice_equal(key, wanted))
            write_replaced(&below, m);
        else
            json_write(x->text, m);
    }
    text_lit(x->text, "}");
}

static void write_replaced(const struct replacing *x, const json *v)
{
    if (x->pointer.len == 0)
        text_add(x->text, x->with);
    else if (json_type(v) == TRUSTEE_NODE_OBJECT)
        write_object(x, v);
    else
        json_write(x->text, v);
}

static slice replaced(struct tampering *t, slice pointer, slice with)
{
    struct text text = text_begin(&t->texts);
    struct replacing x = {.text = &text, .pointer = pointer, .with = with};
    write_replaced(&x, t->evidence);
    return text_end(&text);
}

/* --- one member --- */

/* An array of numbers 0..255. */
static bool decode_array(struct tampering *t, const json *array, slice *out)
{
    uint8_t *bytes = json_type(array) == TRUSTEE_NODE_ARRAY ? arena_alloc(&t->texts, json_count(array), 1) : NULL;
    size_t n = 0;
    uint64_t byte;
    for (const json *v = NULL; bytes && (v = json_next(array, v, NULL));) {
        if (!json_u64(v, &byte) || byte > 255)
            return false;
        bytes[n++] = (uint8_t)byte;
    }
    *out = slice_of(bytes, n);
    return n > 0;
}

static slice encode_array(struct tampering *t, slice bytes)
{
    struct text text = text_begin(&t->texts);
    for (size_t i = 0; i < bytes.len; i++) {
        text_add(&text, i ? S(",") : S("["));
        text_u64(&text, bytes.ptr[i]);
    }
    text_lit(&text, "]");
    return text_end(&text);
}

static bool decode(struct tampering *t, const struct learned *l, slice *out)
{
    slice text = json_text(json_at(t->evidence, slice_text(l->pointer)));
    size_t length = 0, room = BASE64_DECODED_MAX(text.len);
    if (l->kind == WANTS_BYTES)
        return decode_array(t, json_at(t->evidence, slice_text(l->pointer)), out);
    uint8_t *bytes = text.len ? arena_alloc(&t->texts, room, 1) : NULL;
    if (!bytes)
        return false;
    bool good = l->kind == WANTS_HEX         ? hex_decode(bytes, room, text, &length)
                : l->kind == WANTS_BASE64URL ? base64url_decode(bytes, room, text, &length)
                : l->kind == WANTS_BASE64    ? base64_decode(bytes, room, text, &length)
                                             : false;
    *out = slice_of(bytes, length);
    return good && length;
}

static slice encode(struct tampering *t, enum wanted kind, slice bytes)
{
    if (kind == WANTS_BYTES)
        return encode_array(t, bytes);
    struct text text = text_begin(&t->texts);
    text_lit(&text, "\"");
    if (kind == WANTS_HEX)
        text_hex(&text, bytes);
    else if (kind == WANTS_BASE64URL)
        text_base64url(&text, bytes);
    else
        text_base64(&text, bytes);
    text_lit(&text, "\"");
    return text_end(&text);
}

static bool is_genuine(struct tampering *t, slice text, const char *name)
{
    return appraise(&t->appraisal, text, name, true) == TRUSTEE_OK &&
           t->appraisal.out.verdict == TRUSTEE_VERDICT_GENUINE;
}

static bool believes_change(struct tampering *t, const struct learned *l, size_t at)
{
    char name[POINTER_MAX + 64];
    slice bytes;
    t->texts.used = 0;
    if (!decode(t, l, &bytes))
        return false;
    t->changed++;
    t->texts.base[bytes.ptr - t->texts.base + (ptrdiff_t)at] ^= 1;
    (void)snprintf(name, sizeof name, "good evidence with byte %zu of %s changed", at, l->pointer);
    return is_genuine(t, replaced(t, slice_text(l->pointer), encode(t, l->kind, bytes)), name);
}

/* Some bytes mean nothing, such as line breaks of PEM and certificates beyond the root; most do. */
static void change_member(struct tampering *t, const struct learned *l)
{
    slice bytes;
    size_t believed = 0, tried = 0, first = 0;
    t->texts.used = 0;
    if (!decode(t, l, &bytes))
        return;
    size_t length = bytes.len, step = (length + PLACES - 1) / PLACES;
    for (size_t at = 0; at < length; at += step, tried++)
        if (believes_change(t, l, at) && !believed++)
            first = at;
    if (believed * 4 > tried)
        report_find(t->harness.report, "verify the signature over all of it before any of it is believed",
                    "of %zu changed bytes of %s, %zu leave the evidence GENUINE; the first is byte %zu", tried,
                    l->pointer, believed, first);
}

/* --- the whole --- */

static void another_challenge(struct tampering *t)
{
    static uint8_t other[48];
    slice right = t->appraisal.in.report_data;
    t->appraisal.in.report_data = slice_of(other, sizeof other);
    if (is_genuine(t, t->harness.target->evidence, "good evidence for another challenge"))
        report_find(t->harness.report, "compare the signed report data with trustee_bind_equal",
                    "it called evidence GENUINE that answers another challenge");
    t->appraisal.in.report_data = right;
}

static bool good_is_good(struct tampering *t)
{
    const char *why = "";
    trustee_status s = appraise(&t->appraisal, t->harness.target->evidence, "the good evidence", true);
    if (s == TRUSTEE_OK && t->appraisal.out.verdict == TRUSTEE_VERDICT_GENUINE)
        return true;
    if (s == TRUSTEE_NEED) {
        report_note(t->harness.report,
                    "the good evidence wants collateral: give it with --collateral, or what is signed is not tried");
        return false;
    }
    if (!t->harness.target->report_data.len)
        why = "; say what it binds with --report-data HEX";
    report_find(t->harness.report, "give good evidence, its report data and its time, or mend verify",
                "the good evidence is refused: %s%s%.*s%s", status_text(s), t->appraisal.ask->rejected ? ", " : "",
                (int)strnlen(t->appraisal.ask->reason, sizeof t->appraisal.ask->reason), t->appraisal.ask->reason, why);
    return false;
}

void trial_tampering(void *user, struct report *r)
{
    static struct tampering t;
    const struct examination *e = user;
    if (!e->target.evidence.len || !harness_ready(&t.harness, &e->target, r) ||
        !appraisal_begin(&t.appraisal, &t.harness) || FAILED(arena_map(&t.texts, TEXTS_SIZE, ARENA_PLAIN)) ||
        FAILED(arena_map(&t.good, TEXTS_SIZE, ARENA_PLAIN)))
        return;
    if (FAILED(json_parse(&t.good, e->target.evidence, &t.evidence))) {
        report_find(r, "give one JSON document", "the good evidence is no JSON");
        return;
    }
    trial_watch_input(t.appraisal.input.base, t.appraisal.input.size);
    if (good_is_good(&t)) {
        another_challenge(&t);
        for (size_t i = 0; i < t.harness.learned_count; i++)
            change_member(&t, &t.harness.learned[i]);
        report_note(r, "%zu documents were made of the good evidence by changing it", t.changed);
    }
    harness_stop(&t.harness);
}
