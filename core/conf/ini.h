/* SPDX-License-Identifier: Apache-2.0
 *
 * A strict INI reader that remembers where everything stood.
 *
 *   [section] or [kind name]       names: letters, digits, '-', '_', '.', '/'; kind and name separated by one space
 *   key = value                    value: the rest of the line without blanks at its ends; never truncated
 *   # comment, ; comment           only at the beginning of a line (after blanks)
 *
 * Refused with file:line:column: a line that is none of these, text after ']', a key outside a section, an empty key, a
 * section that stands twice, control characters, NUL, a BOM, text that is not UTF-8, files over 1 MiB, lines over
 * 64 KiB. CRLF line ends are accepted. Keys may repeat here; who reads them says whether they may.
 */
#ifndef CORE_CONF_INI_H
#define CORE_CONF_INI_H

#include <stdio.h>

#include "lib/base/arena.h"

struct ini_entry {
    struct ini_entry *next;
    slice key, value;
    uint32_t line, key_column, value_column; /* from 1 */
    bool used;                               /* for "unknown key" */
};

struct ini_section {
    struct ini_section *next;
    slice kind, name; /* "[plugin tpm]": "plugin", "tpm"; "[http]": "http", empty */
    uint32_t line, column;
    struct ini_entry *entries;
    bool used;
};

struct ini {
    slice file; /* as it was given, for messages */
    struct ini_section *sections;
};

/* Parses a text; everything lives in the arena. On failure CONFIG_SYNTAX and `error` = "file:line:column: what, what was
 * expected, what to do". */
MUST_CHECK result ini_parse(struct arena *a, slice file, slice text, struct ini *out, char *error, size_t error_size);
MUST_CHECK result ini_read(struct arena *a, const char *file, struct ini *out, char *error, size_t error_size);
struct ini_section *ini_section(const struct ini *ini, slice kind, slice name); /* NULL: none */
/* Formats "file:line:column: text" into error. */
void ini_error(const struct ini *ini, uint32_t line, uint32_t column, char *error, size_t error_size,
               const char *format, ...) __attribute__((format(printf, 6, 7)));
/* The nearest of `count` names to `word` if it is near enough for "did you mean", else empty. */
slice ini_nearest(slice word, const slice *names, size_t count);

#endif
