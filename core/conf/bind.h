/* SPDX-License-Identifier: Apache-2.0
 *
 * From INI sections to structs, by a table: the same rows check the values, fill the struct, and print the help and the
 * reference page, so that none of the three can differ from the others.
 *
 * Every refusal reads "file:line:column: what is wrong; what was expected; what to do". Values of SECRET options are
 * never repeated. No option may be given twice unless it is MANY, and none may be empty: leave the line out to have the
 * default.
 *
 *     struct http_conf { slice address; uint64_t body_limit; bool tls; unsigned level; struct bind_list allow; };
 *     static const struct bind_option http_options[] = {
 *         {"address", BIND_TEXT, BIND_AT(struct http_conf, address), .fallback = "127.0.0.1:8080", .help = "…"},
 *         {"body_limit", BIND_SIZE, BIND_AT(struct http_conf, body_limit), .fallback = "2MiB", .min = 1024, .max = …},
 *         {"level", BIND_CHOICE, BIND_AT(struct http_conf, level), .fallback = "info", .choices = levels},
 *         {"allow", BIND_TEXT, BIND_AT(struct http_conf, allow), .flags = BIND_MANY, .help = "…"},
 *     };
 */
#ifndef CORE_CONF_BIND_H
#define CORE_CONF_BIND_H

#include "core/conf/ini.h"

enum bind_type {
    BIND_TEXT,     /* slice */
    BIND_BOOL,     /* bool: yes or no */
    BIND_NUMBER,   /* uint64_t: decimal */
    BIND_SIZE,     /* uint64_t: bytes, with an optional suffix KiB, MiB or GiB */
    BIND_DURATION, /* uint64_t: seconds, with an optional suffix s, m, h or d */
    BIND_PATH,     /* slice: an absolute path without ".." */
    BIND_CHOICE,   /* unsigned: index of one of `choices` */
};

#define BIND_REQUIRED 1u
#define BIND_MANY 2u   /* TEXT and PATH only: the target is a struct bind_list */
#define BIND_SECRET 4u /* never shown, neither in messages nor in help */

struct bind_list {
    const slice *items;
    size_t count;
};

struct bind_option {
    const char *key;
    enum bind_type type;
    size_t offset, size;  /* of the target: BIND_AT */
    const char *fallback; /* as it would stand in the INI; NULL: none, and the target stays zero */
    uint64_t min, max;    /* of NUMBER, SIZE (bytes), DURATION (seconds), length of TEXT and PATH; both 0: any */
    unsigned flags;
    const char *const *choices; /* NULL-terminated */
    const char *help;           /* one line */
};

#define BIND_AT(type, member) offsetof(type, member), sizeof(((type *)0)->member)

struct bind_table {
    const char *kind; /* "http", or "plugin" for [plugin NAME] */
    const char *name; /* how help writes the name ("NAME"); NULL: the section has none */
    const char *help;
    const struct bind_option *options;
    size_t count;
};

/* What every function here works with. Slices in filled structs live as long as the INI; lists in `arena`. */
struct bind {
    const struct ini *ini;
    struct arena *arena;
    char *error;
    size_t error_size;
};

/* Fills `target` from section [kind name], defaults where it or a key is absent, and marks what it used. CONFIG_VALUE:
 * unknown or repeated key, missing required one, bad value; NO_MEMORY. */
MUST_CHECK result bind_section(const struct bind *b, const struct bind_table *t, slice name, void *target);
/* Refuses a section that nothing has used, with the nearest of the tables' kinds: CONFIG_VALUE. */
MUST_CHECK result bind_finish(const struct bind *b, const struct bind_table *const *tables, size_t count);

/* A commented INI section with all options and their defaults, for `--help-config`. */
void bind_help(const struct bind_table *t, FILE *out);
/* The same as a section of Markdown, for the reference page. */
void bind_reference(const struct bind_table *t, FILE *out);
/* The same as a section of the manual page trusteed.ini(5), in troff's man macros. */
void bind_man(const struct bind_table *t, FILE *out);

/* --- the pieces, for tables that are not static (the options of plugins) --- */

/* What a value must be. */
struct bind_rule {
    enum bind_type type;
    unsigned flags; /* SECRET matters */
    uint64_t min, max;
    const char *const *choices;
};

/* One value as its type has it: NUMBER, SIZE, DURATION, BOOL and CHOICE give `number`, all give `text`. */
struct bind_value {
    slice text;
    uint64_t number;
};

/* False with a text of what was expected, when the value does not fit. */
bool bind_parse(const struct bind_rule *rule, slice text, struct bind_value *out, char *expected, size_t size);
/* bind_parse for an entry of the INI, with position and key in the message. CONFIG_VALUE. */
MUST_CHECK result bind_entry(const struct bind *b, const struct ini_entry *e, const struct bind_rule *rule,
                             struct bind_value *out);
/* Refusals with their messages. All give CONFIG_VALUE. */
MUST_CHECK result bind_unknown_key(const struct bind *b, const struct ini_section *s, const struct ini_entry *e,
                                   const slice *names, size_t count);
MUST_CHECK result bind_repeated_key(const struct bind *b, const struct ini_entry *e, const struct ini_entry *first);
MUST_CHECK result bind_missing_key(const struct bind *b, const struct ini_section *s, slice kind, slice name,
                                   slice key);
/* "text", "yes or no", …: what help calls a type. */
const char *bind_type_name(enum bind_type type);

#endif
