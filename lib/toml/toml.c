/* SPDX-License-Identifier: Apache-2.0
 *
 * TOML 1.0 (toml.io/en/v1.0.0) in two steps: the text becomes a tree of items, because tables may be opened in any
 * order; the tree is then written as claims.
 */
#include "lib/toml/toml.h"

#define DEPTH_MAX 24
#define KEYS_MAX 10000u

enum kind { TABLE, ARRAY, STRING, INTEGER, NUMBER, BOOLEAN, RAW /* a date or time, as it stands */ };

struct item {
    enum kind kind;
    bool closed;         /* an inline table or array: nothing can be added from outside */
    bool defined;        /* a table that had its own [header] */
    bool dotted;         /* a table made by a dotted key */
    bool of_tables;      /* an array made by [[header]] */
    slice key, text;
    int64_t integer;
    struct item *first, *last, *next;
};

struct parser {
    slice text;
    size_t at;
    uint32_t line;
    size_t line_start;
    struct arena *arena;
    unsigned depth, keys;
    const char *error;
    bool no_memory;
};

static bool fail(struct parser *p, const char *error)
{
    if (!p->error)
        p->error = error;
    return false;
}

static int peek(const struct parser *p)
{
    return p->at < p->text.len ? p->text.ptr[p->at] : -1;
}

static bool next_is(const struct parser *p, const char *s)
{
    return slice_starts(slice_sub(p->text, p->at, p->text.len), slice_text(s));
}

static bool take(struct parser *p, const char *s)
{
    if (!next_is(p, s))
        return false;
    p->at += strlen(s);
    return true;
}

static void blanks(struct parser *p)
{
    while (peek(p) == ' ' || peek(p) == '\t')
        p->at++;
}

static bool newline(struct parser *p)
{
    if (!take(p, "\n") && !take(p, "\r\n"))
        return false;
    p->line++;
    p->line_start = p->at;
    return true;
}

/* Control characters but the tab are not allowed anywhere. */
static bool comment(struct parser *p)
{
    if (peek(p) != '#')
        return true;
    while (peek(p) >= 0 && peek(p) != '\n' && !next_is(p, "\r\n")) {
        int c = peek(p);
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return fail(p, "a control character in a comment");
        p->at++;
    }
    return true;
}

/* Blanks, comments and line ends. */
static bool space(struct parser *p)
{
    do {
        blanks(p);
        if (!comment(p))
            return false;
    } while (newline(p));
    return true;
}

static bool line_end(struct parser *p)
{
    blanks(p);
    if (!comment(p))
        return false;
    return peek(p) < 0 || newline(p) || fail(p, "expected the end of the line");
}

static struct item *item_new(struct parser *p, enum kind kind, slice key)
{
    struct item *i = arena_new(p->arena, struct item);
    if (!i || p->keys++ >= KEYS_MAX) {
        p->no_memory = !i;
        fail(p, "too many keys");
        return NULL;
    }
    *i = (struct item){.kind = kind, .key = key};
    return i;
}

static void append(struct item *parent, struct item *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
}

static struct item *find(const struct item *table, slice key)
{
    for (struct item *i = table->first; i; i = i->next)
        if (slice_equal(i->key, key))
            return i;
    return NULL;
}

/* --- strings --------------------------------------------------------------------------------------------------------- */
static bool put_utf8(struct parser *p, struct text *t, uint32_t c)
{
    uint8_t b[4];
    size_t n;
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return fail(p, "not a Unicode scalar value");
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
        return fail(p, "expected hex digits");
    p->at += digits;
    return put_utf8(p, t, (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3]);
}

/* A backslash at the end of a line swallows all white space that follows. */
static bool line_escape(struct parser *p)
{
    size_t start = p->at;
    blanks(p);
    if (!newline(p)) {
        p->at = start;
        return false;
    }
    do
        blanks(p);
    while (newline(p));
    return true;
}

static bool escape(struct parser *p, struct text *t, bool many_lines)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    int c = peek(p);
    const char *hit = c > 0 ? strchr(from, c) : NULL;
    if (hit) {
        p->at++;
        text_add(t, slice_of(&to[hit - from], 1));
        return true;
    }
    if (take(p, "u"))
        return hex_escape(p, t, 4);
    if (take(p, "U"))
        return hex_escape(p, t, 8);
    if (many_lines && line_escape(p))
        return true;
    return fail(p, "unknown escape");
}

static bool string_char(struct parser *p, struct text *t, char quote, bool many_lines)
{
    int c = peek(p);
    if (c < 0)
        return fail(p, "the string does not end");
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
        return fail(p, "a control character or line end in a string");
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
    return fail(p, "out of memory");
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
    while (!take(p, one))
        if (!string_char(p, &t, quote, false))
            return false;
    return string_finish(p, &t, out);
}

static bool string(struct parser *p, bool may_be_long, slice *out)
{
    if (may_be_long && take(p, "\"\"\""))
        return long_string(p, '"', out);
    if (may_be_long && take(p, "'''"))
        return long_string(p, '\'', out);
    if (take(p, "\""))
        return short_string(p, '"', out);
    return take(p, "'") ? short_string(p, '\'', out) : fail(p, "expected a string");
}

/* --- numbers, dates, truth ------------------------------------------------------------------------------------------ */
static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* The characters of a bare value. */
static slice token(struct parser *p)
{
    size_t start = p->at;
    while (peek(p) >= 0 && slice_is_name(slice_of(&p->text.ptr[p->at], 1), "+-_.:"))
        p->at++;
    /* A date and a time may be separated by one space. */
    slice t = slice_sub(p->text, start, p->at - start);
    bool date = t.len == 10 && t.ptr[4] == '-' && t.ptr[7] == '-';
    if (date && peek(p) == ' ' && p->at + 1 < p->text.len && is_digit(p->text.ptr[p->at + 1])) {
        p->at++;
        while (peek(p) >= 0 && slice_is_name(slice_of(&p->text.ptr[p->at], 1), "+-_.:"))
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

/* RFC 3339 date, time or both, by shape: digits where digits belong. */
static bool is_date_or_time(slice s)
{
    static const char *const shapes[] = {"dddd-dd-dd", "dd:dd:dd"};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(shapes[i]);
        bool fits = s.len >= n;
        for (size_t k = 0; fits && k < n; k++)
            fits = shapes[i][k] == 'd' ? is_digit(s.ptr[k]) : s.ptr[k] == shapes[i][k];
        if (!fits)
            continue;
        slice rest = slice_sub(s, n, s.len);
        if (!rest.len)
            return true;
        if (i == 0)
            return rest.len > 8 && strchr("Tt ", rest.ptr[0]) && is_date_or_time(slice_sub(rest, 1, rest.len));
        return strchr(".Zz+-", rest.ptr[0]) != NULL;
    }
    return false;
}

static bool bare_value(struct parser *p, struct item *out)
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
    if (is_date_or_time(s))
        return true;
    out->kind = NUMBER;
    out->text = s.len && s.len < 64 ? decimal(p, s) : NO_SLICE;
    return out->text.ptr ? true : fail(p, "expected a value");
}

/* --- values, keys, tables -------------------------------------------------------------------------------------------- */
static bool value(struct parser *p, struct item *out);
static bool assignment(struct parser *p, struct item *table);

static bool array(struct parser *p, struct item *out)
{
    out->kind = ARRAY;
    out->closed = true;
    while (space(p) && !take(p, "]")) {
        struct item *element = item_new(p, ARRAY, NO_SLICE);
        if (!element || !value(p, element) || !space(p))
            return false;
        append(out, element);
        if (!take(p, ",") && peek(p) != ']')
            return fail(p, "expected ',' or ']'");
    }
    return !p->error;
}

static void close_tables(struct item *table)
{
    table->closed = true;
    for (struct item *i = table->first; i; i = i->next)
        if (i->kind == TABLE && !i->closed)
            close_tables(i);
}

static bool inline_table(struct parser *p, struct item *out)
{
    out->kind = TABLE;
    blanks(p);
    if (!take(p, "}"))
        do {
            blanks(p);
            if (!assignment(p, out))
                return false;
            blanks(p);
            if (take(p, "}"))
                break;
            if (!take(p, ","))
                return fail(p, "expected ',' or '}'");
        } while (true);
    close_tables(out);
    return true;
}

static bool value(struct parser *p, struct item *out)
{
    bool good;
    if (++p->depth > DEPTH_MAX)
        return fail(p, "nested too deeply");
    if (take(p, "[")) {
        good = array(p, out);
    } else if (take(p, "{")) {
        good = inline_table(p, out);
    } else if (peek(p) == '"' || peek(p) == '\'') {
        out->kind = STRING;
        good = string(p, true, &out->text);
    } else {
        good = bare_value(p, out);
    }
    p->depth--;
    return good;
}

static bool simple_key(struct parser *p, slice *out)
{
    if (peek(p) == '"' || peek(p) == '\'')
        return string(p, false, out);
    size_t start = p->at;
    while (peek(p) >= 0 && slice_is_name(slice_of(&p->text.ptr[p->at], 1), "_-"))
        p->at++;
    *out = slice_sub(p->text, start, p->at - start);
    return out->len ? true : fail(p, "expected a key");
}

/* The parts of a dotted key; *count of them. */
static bool dotted_key(struct parser *p, slice *parts, size_t *count)
{
    *count = 0;
    do {
        blanks(p);
        if (*count == DEPTH_MAX)
            return fail(p, "nested too deeply");
        if (!simple_key(p, &parts[(*count)++]))
            return false;
        blanks(p);
    } while (take(p, "."));
    return true;
}

/* The table below `table` that a dotted key goes through. */
static struct item *through(struct parser *p, struct item *table, slice key)
{
    struct item *next = find(table, key);
    if (!next) {
        next = item_new(p, TABLE, key);
        if (!next)
            return NULL;
        next->dotted = true;
        append(table, next);
        return next;
    }
    if (next->kind == TABLE && !next->closed && next->dotted)
        return next;
    fail(p, "the key is there already");
    return NULL;
}

static bool assignment(struct parser *p, struct item *table)
{
    slice parts[DEPTH_MAX];
    size_t count;
    if (!dotted_key(p, parts, &count))
        return false;
    if (!take(p, "="))
        return fail(p, "expected '='");
    for (size_t i = 0; i + 1 < count; i++)
        if (!(table = through(p, table, parts[i])))
            return false;
    if (find(table, parts[count - 1]))
        return fail(p, "the key is there already");
    struct item *item = item_new(p, TABLE, parts[count - 1]);
    blanks(p);
    if (!item || !value(p, item))
        return false;
    append(table, item);
    return true;
}

/* One step of a [header]: into a table, or into the last table of an array of tables. */
static struct item *descend(struct parser *p, struct item *table, slice key)
{
    struct item *next = find(table, key);
    if (!next) {
        next = item_new(p, TABLE, key);
        if (next)
            append(table, next);
        return next;
    }
    if (next->kind == ARRAY && next->of_tables)
        return next->last;
    if (next->kind == TABLE && !next->closed)
        return next;
    fail(p, "the key is there already and is no table");
    return NULL;
}

static struct item *open_table(struct parser *p, struct item *parent, slice key)
{
    struct item *table = find(parent, key);
    if (!table) {
        table = item_new(p, TABLE, key);
        if (table)
            append(parent, table);
    } else if (table->kind != TABLE || table->closed || table->defined || table->dotted) {
        fail(p, "the table is there already");
        return NULL;
    }
    if (table)
        table->defined = true;
    return table;
}

static struct item *open_array(struct parser *p, struct item *parent, slice key)
{
    struct item *array_item = find(parent, key), *element;
    if (!array_item) {
        array_item = item_new(p, ARRAY, key);
        if (!array_item)
            return NULL;
        array_item->of_tables = true;
        append(parent, array_item);
    } else if (array_item->kind != ARRAY || !array_item->of_tables) {
        fail(p, "the key is there already and is no array of tables");
        return NULL;
    }
    element = item_new(p, TABLE, NO_SLICE);
    if (element)
        append(array_item, element);
    return element;
}

static struct item *header(struct parser *p, struct item *root)
{
    slice parts[DEPTH_MAX];
    size_t count;
    bool many = take(p, "[[");
    if (!many && !take(p, "["))
        return NULL;
    if (!dotted_key(p, parts, &count))
        return NULL;
    if (!take(p, many ? "]]" : "]")) {
        fail(p, "expected ']'");
        return NULL;
    }
    struct item *table = root;
    for (size_t i = 0; i + 1 < count && table; i++)
        table = descend(p, table, parts[i]);
    if (!table)
        return NULL;
    table = many ? open_array(p, table, parts[count - 1]) : open_table(p, table, parts[count - 1]);
    return table && line_end(p) ? table : NULL;
}

static struct item *document(struct parser *p)
{
    struct item *root = item_new(p, TABLE, NO_SLICE), *table = root;
    while (root && space(p) && peek(p) >= 0) {
        if (peek(p) == '[')
            table = header(p, root);
        else if (!assignment(p, table) || !line_end(p))
            return NULL;
        if (!table)
            return NULL;
    }
    return p->error ? NULL : root;
}

/* --- claims ---------------------------------------------------------------------------------------------------------- */
static void write_item(struct trustee_writer *w, slice key, const struct item *i)
{
    switch (i->kind) {
    case TABLE:
    case ARRAY:
        if (i->kind == TABLE)
            claims_object(w, key);
        else
            claims_array(w, key);
        for (const struct item *child = i->first; child; child = child->next)
            write_item(w, i->kind == TABLE ? child->key : NO_SLICE, child);
        claims_close(w);
        return;
    case STRING:
    case RAW:
        claims_text(w, key, i->text);
        return;
    case INTEGER:
        claims_i64(w, key, i->integer);
        return;
    case NUMBER:
        claims_number(w, key, i->text);
        return;
    case BOOLEAN:
        claims_bool(w, key, i->integer != 0);
        return;
    }
}

static result parse(slice text, struct arena *a, struct item **root, struct toml_error *error)
{
    struct parser p = {.text = text, .line = 1, .arena = a};
    *root = slice_is_utf8(text) ? document(&p) : NULL;
    if (*root)
        return OK;
    *error = (struct toml_error){p.line, (uint32_t)(p.at - p.line_start) + 1, p.error ? p.error : "not UTF-8"};
    return p.no_memory ? FAIL(NO_MEMORY) : FAIL(JSON_SYNTAX);
}

result toml_claims(slice text, struct arena *a, struct trustee_writer *w, slice key, struct toml_error *error)
{
    struct item *root;
    TRY(parse(text, a, &root, error));
    write_item(w, key, root);
    return OK;
}

result toml_parse(slice text, struct arena *a, tree *out, struct toml_error *error)
{
    struct item *root;
    struct trustee_writer w;
    TRY(parse(text, a, &root, error));
    TRY(claims_begin(&w, a, KEYS_MAX + 1));
    for (const struct item *child = root->first; child; child = child->next)
        write_item(&w, child->key, child);
    return claims_end(&w, out);
}
