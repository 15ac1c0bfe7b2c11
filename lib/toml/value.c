/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/toml/parser.h"

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* The characters of a bare value. */
static slice token(struct parser *p)
{
    size_t start = p->at;
    while (toml_peek(p) >= 0 && slice_is_name(slice_of(&p->text.ptr[p->at], 1), "+-_.:"))
        p->at++;
    /* A date and a time may be separated by one space. */
    slice t = slice_sub(p->text, start, p->at - start);
    bool date = t.len == 10 && t.ptr[4] == '-' && t.ptr[7] == '-';
    if (date && toml_peek(p) == ' ' && p->at + 1 < p->text.len && is_digit(p->text.ptr[p->at + 1])) {
        p->at++;
        while (toml_peek(p) >= 0 && slice_is_name(slice_of(&p->text.ptr[p->at], 1), "+-_.:"))
            p->at++;
    }
    return slice_sub(p->text, start, p->at - start);
}

/* Digits of a base with single underscores between them, without the underscores. False on anything else. */
static bool digits(slice s, unsigned base, char *out, size_t room)
{
    size_t n = 0;
    bool after_digit = false;
    for (size_t i = 0; i < s.len; i++) {
        int c = s.ptr[i];
        if (c == '_' && after_digit && i + 1 < s.len) {
            after_digit = false;
            continue;
        }
        unsigned value = is_digit(c) ? (unsigned)(c - '0') : (c | 32) >= 'a' ? (unsigned)((c | 32) - 'a' + 10) : 99;
        if (value >= base || n + 1 >= room)
            return false;
        out[n++] = (char)c;
        after_digit = true;
    }
    out[n] = 0;
    return n > 0 && after_digit;
}

static bool accumulate(const char *text, unsigned base, bool negative, int64_t *out)
{
    uint64_t n = 0, limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    for (; *text; text++) {
        unsigned value = is_digit(*text) ? (unsigned)(*text - '0') : (unsigned)((*text | 32) - 'a' + 10);
        if (n > (limit - value) / base)
            return false;
        n = n * base + value;
    }
    *out = negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

static bool integer(slice s, int64_t *out)
{
    char text[72];
    bool sign = s.len && (s.ptr[0] == '+' || s.ptr[0] == '-'), negative = sign && s.ptr[0] == '-';
    static const struct {
        const char *prefix;
        unsigned base;
    } bases[] = {{"0x", 16}, {"0o", 8}, {"0b", 2}};
    for (size_t i = 0; i < 3; i++)
        if (!sign && slice_starts(s, slice_text(bases[i].prefix)))
            return digits(slice_sub(s, 2, s.len), bases[i].base, text, sizeof text) &&
                   accumulate(text, bases[i].base, false, out);
    s = slice_sub(s, sign, s.len);
    if (!digits(s, 10, text, sizeof text) || (text[0] == '0' && text[1]))
        return false;
    return accumulate(text, 10, negative, out);
}

/* A float as JSON writes it: no plus sign in front, no underscores. ptr NULL when it is none. */
static slice decimal(struct parser *p, slice s)
{
    char part[64];
    struct text t = text_begin(p->arena);
    bool sign = s.len && (s.ptr[0] == '+' || s.ptr[0] == '-');
    if (sign && s.ptr[0] == '-')
        text_lit(&t, "-");
    s = slice_sub(s, sign, s.len);
    size_t e = 0;
    while (e < s.len && (s.ptr[e] | 32) != 'e')
        e++;
    slice mantissa = slice_sub(s, 0, e), exponent = slice_sub(s, e + 1, s.len);
    size_t dot = slice_find(mantissa, '.');
    /* What is neither is an integer, and one that did not fit 64 bits must not lose digits as a float. */
    if (e == s.len && dot == mantissa.len)
        return NO_SLICE;
    if (!digits(slice_sub(mantissa, 0, dot), 10, part, sizeof part) || (part[0] == '0' && part[1]))
        return NO_SLICE;
    text_add(&t, slice_text(part));
    if (dot < mantissa.len) {
        if (!digits(slice_sub(mantissa, dot + 1, mantissa.len), 10, part, sizeof part))
            return NO_SLICE;
        text_lit(&t, ".");
        text_add(&t, slice_text(part));
    }
    if (e < s.len) {
        bool signed_exponent = exponent.len && (exponent.ptr[0] == '+' || exponent.ptr[0] == '-');
        text_lit(&t, "e");
        text_add(&t, slice_sub(exponent, 0, signed_exponent));
        if (!digits(slice_sub(exponent, signed_exponent, exponent.len), 10, part, sizeof part))
            return NO_SLICE;
        text_add(&t, slice_text(part));
    }
    return text_end(&t);
}

bool toml_bare_value(struct parser *p, struct item *out)
{
    slice s = token(p);
    if (slice_equal(s, S("true")) || slice_equal(s, S("false"))) {
        out->kind = BOOLEAN;
        out->integer = s.len == 4;
        return true;
    }
    out->kind = INTEGER;
    if (integer(s, &out->integer))
        return true;
    out->kind = RAW;
    out->text = s;
    if (toml_is_date_or_time(s))
        return true;
    out->kind = NUMBER;
    out->text = s.len && s.len < 64 ? decimal(p, s) : NO_SLICE;
    return out->text.ptr ? true : toml_fail(p, "expected a value");
}
