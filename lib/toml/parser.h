/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of lib/toml share. Nobody else includes it. A function that gives false has left the first error in
 * the parser, and the parser stands where it was noticed.
 */
#ifndef LIB_TOML_PARSER_H
#define LIB_TOML_PARSER_H

#include "lib/toml/toml.h"

#define TOML_DEPTH_MAX 24u
#define TOML_ITEMS_MAX 10000u

enum kind { TABLE, ARRAY, STRING, INTEGER, NUMBER, BOOLEAN, RAW /* a date or time, as it stands */ };

struct item {
    enum kind kind;
    bool closed;    /* an inline table or array: nothing can be added from outside */
    bool defined;   /* a table that had its own [header] */
    bool dotted;    /* a table made by a dotted key */
    bool of_tables; /* an array made by [[header]] */
    unsigned depth; /* 0: the document */
    slice key, text;
    int64_t integer;
    struct item *first, *last, *next; /* members in the order of the text */
    struct item *root;                /* of the members' search tree */
    struct item *left, *right;        /* in the search tree of its table */
    uint64_t rank;
};

struct parser {
    slice text;
    size_t at;
    uint32_t line;
    size_t line_start;
    struct arena *arena;
    unsigned items;
    uint64_t random;
    const char *error; /* static; NULL: none yet */
    bool no_memory;
};

/* --- scan.c: characters and strings --- */
bool toml_fail(struct parser *p, const char *error); /* false */
int toml_peek(const struct parser *p);               /* the next byte, -1 at the end */
bool toml_take(struct parser *p, const char *s);     /* steps over s if it stands here; no error if not */
void toml_blanks(struct parser *p);
bool toml_space(struct parser *p);    /* blanks, comments and line ends */
bool toml_line_end(struct parser *p); /* blanks and a comment, then the end of the line or of the text */
bool toml_string(struct parser *p, bool may_be_long, slice *out);

/* --- value.c: numbers, dates and truth values --- */
bool toml_bare_value(struct parser *p, struct item *out);

/* --- date.c --- */
bool toml_is_date_or_time(slice s); /* a date, a time of day, or both, then with or without an offset; RFC 3339 */

/* --- table.c: the tree of items --- */

/* An item below `parent` that is not in its table yet (toml_append does that); NULL after toml_fail. */
struct item *toml_item(struct parser *p, enum kind kind, slice key, const struct item *parent);
void toml_append(struct item *parent, struct item *child);
struct item *toml_find(const struct item *table, slice key); /* NULL: none */

#endif
