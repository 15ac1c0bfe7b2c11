/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/toml/parser.h"

bool toml_fail(struct parser *p, const char *error)
{
    if (!p->error)
        p->error = error;
    return false;
}

int toml_peek(const struct parser *p)
{
    return p->at < p->text.len ? p->text.ptr[p->at] : -1;
}

static bool next_is(const struct parser *p, const char *s)
{
    return slice_starts(slice_sub(p->text, p->at, p->text.len), slice_text(s));
}

bool toml_take(struct parser *p, const char *s)
{
    if (!next_is(p, s))
        return false;
    p->at += strlen(s);
    return true;
}

void toml_blanks(struct parser *p)
{
    while (toml_peek(p) == ' ' || toml_peek(p) == '\t')
        p->at++;
}

static bool newline(struct parser *p)
{
    if (!toml_take(p, "\n") && !toml_take(p, "\r\n"))
        return false;
    p->line++;
    p->line_start = p->at;
    return true;
}

/* Control characters but the tab are not allowed anywhere. */
static bool comment(struct parser *p)
{
    if (toml_peek(p) != '#')
        return true;
    while (toml_peek(p) >= 0 && toml_peek(p) != '\n' && !next_is(p, "\r\n")) {
        int c = toml_peek(p);
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return toml_fail(p, "a control character in a comment");
        p->at++;
    }
    return true;
}

/* Blanks, comments and line ends. */
bool toml_space(struct parser *p)
{
    do {
        toml_blanks(p);
        if (!comment(p))
            return false;
    } while (newline(p));
    return true;
}

bool toml_line_end(struct parser *p)
{
    toml_blanks(p);
    if (!comment(p))
        return false;
    return toml_peek(p) < 0 || newline(p) || toml_fail(p, "expected the end of the line");
}

static bool put_utf8(struct parser *p, struct text *t, uint32_t c)
{
    uint8_t b[4];
    size_t n;
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return toml_fail(p, "not a Unicode scalar value");
    if (c < 0x80) {
        b[0] = (uint8_t)c;
        n = 1;
    } else if (c < 0x800) {
        b[0] = (uint8_t)(0xc0 | c >> 6);
        n = 2;
    } else if (c < 0x10000) {
        b[0] = (uint8_t)(0xe0 | c >> 12);
        n = 3;
    } else {
        b[0] = (uint8_t)(0xf0 | c >> 18);
        n = 4;
    }
    for (size_t i = 1; i < n; i++)
        b[i] = (uint8_t)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
    text_add(t, slice_of(b, n));
    return true;
}

static bool hex_escape(struct parser *p, struct text *t, size_t digits)
{
    uint8_t bytes[4] = {0};
    size_t length;
    slice hex = slice_sub(p->text, p->at, digits);
    if (hex.len != digits || !hex_decode(bytes + 4 - digits / 2, digits / 2, hex, &length))
        return toml_fail(p, "expected hex digits");
    p->at += digits;
    return put_utf8(p, t, (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3]);
}

/* A backslash at the end of a line swallows all white space that follows. */
static bool line_escape(struct parser *p)
{
    size_t start = p->at;
    toml_blanks(p);
    if (!newline(p)) {
        p->at = start;
        return false;
    }
    do
        toml_blanks(p);
    while (newline(p));
    return true;
}

static bool escape(struct parser *p, struct text *t, bool many_lines)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    int c = toml_peek(p);
    const char *hit = c > 0 ? strchr(from, c) : NULL;
    if (hit) {
        p->at++;
        text_add(t, slice_of(&to[hit - from], 1));
        return true;
    }
    if (toml_take(p, "u"))
        return hex_escape(p, t, 4);
    if (toml_take(p, "U"))
        return hex_escape(p, t, 8);
    if (many_lines && line_escape(p))
        return true;
    return toml_fail(p, "unknown escape");
}

static bool string_char(struct parser *p, struct text *t, char quote, bool many_lines)
{
    int c = toml_peek(p);
    if (c < 0)
        return toml_fail(p, "the string does not end");
    if (many_lines && next_is(p, "\r\n")) {
        newline(p);
        text_lit(t, "\r\n");
        return true;
    }
    if (many_lines && c == '\n') {
        newline(p);
        text_lit(t, "\n");
        return true;
    }
    if ((c < 0x20 && c != '\t') || c == 0x7f)
        return toml_fail(p, "a control character or line end in a string");
    p->at++;
    if (quote == '"' && c == '\\')
        return escape(p, t, many_lines);
    text_add(t, slice_of(&p->text.ptr[p->at - 1], 1));
    return true;
}

static bool string_finish(struct parser *p, struct text *t, slice *out)
{
    *out = text_end(t);
    if (out->ptr)
        return true;
    p->no_memory = true;
    return toml_fail(p, "out of memory");
}

/* Up to two quotes may stand right before the three that end it. */
static bool long_string(struct parser *p, char quote, slice *out)
{
    const char end[] = {quote, quote, quote, 0}, one[] = {quote, 0};
    struct text t = text_begin(p->arena);
    newline(p);
    while (!next_is(p, end))
        if (!string_char(p, &t, quote, true))
            return false;
    p->at += 3;
    for (int extra = 0; extra < 2 && next_is(p, one); extra++) {
        text_add(&t, slice_text(one));
        p->at++;
    }
    return string_finish(p, &t, out);
}

static bool short_string(struct parser *p, char quote, slice *out)
{
    const char one[] = {quote, 0};
    struct text t = text_begin(p->arena);
    while (!toml_take(p, one))
        if (!string_char(p, &t, quote, false))
            return false;
    return string_finish(p, &t, out);
}

bool toml_string(struct parser *p, bool may_be_long, slice *out)
{
    if (may_be_long && toml_take(p, "\"\"\""))
        return long_string(p, '"', out);
    if (may_be_long && toml_take(p, "'''"))
        return long_string(p, '\'', out);
    if (toml_take(p, "\""))
        return short_string(p, '"', out);
    return toml_take(p, "'") ? short_string(p, '\'', out) : toml_fail(p, "expected a string");
}
