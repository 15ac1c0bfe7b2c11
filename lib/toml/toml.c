/* SPDX-License-Identifier: Apache-2.0
 *
 * TOML 1.0 (toml.io/en/v1.0.0) in two steps: the text becomes a tree of items, because tables may be opened in any
 * order; the tree is then written as claims. Here: keys, tables, arrays, and the claims.
 */
#include "lib/toml/parser.h"

/* --- values, keys, tables --- */
static bool value(struct parser *p, struct item *out);
static bool assignment(struct parser *p, struct item *table);

static bool array(struct parser *p, struct item *out)
{
    out->kind = ARRAY;
    out->closed = true;
    while (toml_space(p) && !toml_take(p, "]")) {
        struct item *element = toml_item(p, ARRAY, NO_SLICE, out);
        if (!element || !value(p, element) || !toml_space(p))
            return false;
        toml_append(out, element);
        if (!toml_take(p, ",") && toml_peek(p) != ']')
            return toml_fail(p, "expected ',' or ']'");
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
    toml_blanks(p);
    if (!toml_take(p, "}"))
        do {
            toml_blanks(p);
            if (!assignment(p, out))
                return false;
            toml_blanks(p);
            if (toml_take(p, "}"))
                break;
            if (!toml_take(p, ","))
                return toml_fail(p, "expected ',' or '}'");
        } while (true);
    close_tables(out);
    return true;
}

static bool value(struct parser *p, struct item *out)
{
    if (toml_take(p, "["))
        return array(p, out);
    if (toml_take(p, "{"))
        return inline_table(p, out);
    if (toml_peek(p) != '"' && toml_peek(p) != '\'')
        return toml_bare_value(p, out);
    out->kind = STRING;
    return toml_string(p, true, &out->text);
}

static bool simple_key(struct parser *p, slice *out)
{
    if (toml_peek(p) == '"' || toml_peek(p) == '\'')
        return toml_string(p, false, out);
    size_t start = p->at;
    while (toml_peek(p) >= 0 && slice_is_name(slice_of(&p->text.ptr[p->at], 1), "_-"))
        p->at++;
    *out = slice_sub(p->text, start, p->at - start);
    return out->len ? true : toml_fail(p, "expected a key");
}

/* The parts of a dotted key; *count of them. */
static bool dotted_key(struct parser *p, slice *parts, size_t *count)
{
    *count = 0;
    do {
        toml_blanks(p);
        if (*count == TOML_DEPTH_MAX)
            return toml_fail(p, "nested too deeply");
        if (!simple_key(p, &parts[(*count)++]))
            return false;
        toml_blanks(p);
    } while (toml_take(p, "."));
    return true;
}

/* The table below `table` that a dotted key goes through. */
static struct item *through(struct parser *p, struct item *table, slice key)
{
    struct item *next = toml_find(table, key);
    if (!next) {
        next = toml_item(p, TABLE, key, table);
        if (!next)
            return NULL;
        next->dotted = true;
        toml_append(table, next);
        return next;
    }
    if (next->kind == TABLE && !next->closed && next->dotted)
        return next;
    toml_fail(p, "the key is there already");
    return NULL;
}

static bool assignment(struct parser *p, struct item *table)
{
    slice parts[TOML_DEPTH_MAX];
    size_t count;
    if (!dotted_key(p, parts, &count))
        return false;
    if (!toml_take(p, "="))
        return toml_fail(p, "expected '='");
    for (size_t i = 0; i + 1 < count; i++)
        if (!(table = through(p, table, parts[i])))
            return false;
    if (toml_find(table, parts[count - 1]))
        return toml_fail(p, "the key is there already");
    struct item *item = toml_item(p, TABLE, parts[count - 1], table);
    toml_blanks(p);
    if (!item || !value(p, item))
        return false;
    toml_append(table, item);
    return true;
}

/* One step of a [header]: into a table, or into the last table of an array of tables. */
static struct item *descend(struct parser *p, struct item *table, slice key)
{
    struct item *next = toml_find(table, key);
    if (!next) {
        next = toml_item(p, TABLE, key, table);
        if (next)
            toml_append(table, next);
        return next;
    }
    if (next->kind == ARRAY && next->of_tables)
        return next->last;
    if (next->kind == TABLE && !next->closed)
        return next;
    toml_fail(p, "the key is there already and is no table");
    return NULL;
}

static struct item *open_table(struct parser *p, struct item *parent, slice key)
{
    struct item *table = toml_find(parent, key);
    if (!table) {
        table = toml_item(p, TABLE, key, parent);
        if (table)
            toml_append(parent, table);
    } else if (table->kind != TABLE || table->closed || table->defined || table->dotted) {
        toml_fail(p, "the table is there already");
        return NULL;
    }
    if (table)
        table->defined = true;
    return table;
}

static struct item *open_array(struct parser *p, struct item *parent, slice key)
{
    struct item *array_item = toml_find(parent, key), *element;
    if (!array_item) {
        array_item = toml_item(p, ARRAY, key, parent);
        if (!array_item)
            return NULL;
        array_item->of_tables = true;
        toml_append(parent, array_item);
    } else if (array_item->kind != ARRAY || !array_item->of_tables) {
        toml_fail(p, "the key is there already and is no array of tables");
        return NULL;
    }
    element = toml_item(p, TABLE, NO_SLICE, array_item);
    if (element)
        toml_append(array_item, element);
    return element;
}

static struct item *header(struct parser *p, struct item *root)
{
    slice parts[TOML_DEPTH_MAX];
    size_t count;
    bool many = toml_take(p, "[[");
    if (!many && !toml_take(p, "["))
        return NULL;
    if (!dotted_key(p, parts, &count))
        return NULL;
    if (!toml_take(p, many ? "]]" : "]")) {
        toml_fail(p, "expected ']'");
        return NULL;
    }
    struct item *table = root;
    for (size_t i = 0; i + 1 < count && table; i++)
        table = descend(p, table, parts[i]);
    if (!table)
        return NULL;
    table = many ? open_array(p, table, parts[count - 1]) : open_table(p, table, parts[count - 1]);
    return table && toml_line_end(p) ? table : NULL;
}

static struct item *document(struct parser *p)
{
    struct item *root = toml_item(p, TABLE, NO_SLICE, NULL), *table = root;
    while (root && toml_space(p) && toml_peek(p) >= 0) {
        if (toml_peek(p) == '[')
            table = header(p, root);
        else if (!assignment(p, table) || !toml_line_end(p))
            return NULL;
        if (!table)
            return NULL;
    }
    return p->error ? NULL : root;
}

/* --- claims --- */
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
    struct parser p = {.text = text, .line = 1, .arena = a, .random = (uint64_t)(uintptr_t)a->base};
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
    *out = (tree){NULL, 0};
    TRY(parse(text, a, &root, error));
    TRY(claims_begin(&w, a, TOML_ITEMS_MAX + 1));
    for (const struct item *child = root->first; child; child = child->next)
        write_item(&w, child->key, child);
    return claims_end(&w, out);
}
