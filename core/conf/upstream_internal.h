/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the conversion of upstream's configuration: upstream.c reads and writes, upstream_map.c says what
 * becomes of what.
 */
#ifndef CORE_CONF_UPSTREAM_INTERNAL_H
#define CORE_CONF_UPSTREAM_INTERNAL_H

#include "lib/claims/claims.h"

struct conversion_line {
    struct conversion_line *next;
    const char *section, *key; /* key NULL: the section must stand there, if empty */
    slice value;
    bool written;
};
struct conversion_note {
    struct conversion_note *next;
    slice text;
};

struct conversion {
    struct arena *arena;
    const char *file, *plugins, *folder;
    tree document;
    bool *used; /* a node each: somebody has taken it */
    struct conversion_line *lines, **tail;
    struct conversion_note *notes, **last_note;
    char *error;
    size_t error_size;
};

/* CONFIG_VALUE, with "file: text" as the error. */
MUST_CHECK result conversion_refuse(struct conversion *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A node and all below it counts as taken. */
void conversion_use(struct conversion *c, const node *n);
/* NULL where there is none; a scalar counts as taken. */
const node *conversion_get(struct conversion *c, const node *from, const char *name);
const node *conversion_at(struct conversion *c, const char *pointer);
/* A line of the INI; `section` and `key` live as long as the conversion. */
MUST_CHECK result conversion_put(struct conversion *c, const char *section, const char *key, slice value);
void conversion_note(struct conversion *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Everything, section by section. */
MUST_CHECK result upstream_map(struct conversion *c);

#endif
