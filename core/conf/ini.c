/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conf/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)
#define LINE_MAX_BYTES ((size_t)64 << 10)
#define SECTIONS_MAX 4096u
#define NAME_EXTRA "-_./"
#define NEAREST_MAX 64u

struct parser {
    struct arena *arena;
    struct ini *ini;
    struct ini_section *section; /* the one that lines belong to now */
    struct ini_section **next_section;
    struct ini_entry **next_entry;
    unsigned sections;
    uint32_t line;
    char *error;
    size_t error_size;
};

void ini_error(const struct ini *ini, uint32_t line, uint32_t column, char *error, size_t error_size,
               const char *format, ...)
{
    va_list args;
    int n = line ? snprintf(error, error_size, "%.*s:%u:%u: ", SLICE_ARG(ini->file), line, column)
                 : snprintf(error, error_size, "%.*s: ", SLICE_ARG(ini->file));
    if (n < 0 || (size_t)n >= error_size)
        return;
    va_start(args, format);
    (void)vsnprintf(error + n, error_size - (size_t)n, format, args);
    va_end(args);
}

/* Columns count bytes from 1. */
#define SYNTAX(p, column, ...) \
    (ini_error((p)->ini, (p)->line, (uint32_t)(column), (p)->error, (p)->error_size, __VA_ARGS__), FAIL(CONFIG_SYNTAX))

static result out_of_memory(struct parser *p)
{
    return SYNTAX(p, 1, "the file has more entries than there is memory for; make it smaller");
}

/* --- one line --- */

static result check_bytes(struct parser *p, slice line)
{
    if (line.len > LINE_MAX_BYTES)
        return SYNTAX(p, LINE_MAX_BYTES + 1,
                      "the line is longer than 64 KiB; put long values into a file of their own");
    for (size_t i = 0; i < line.len; i++) {
        uint8_t c = line.ptr[i];
        if ((c < 32 && c != '\t') || c == 127)
            return SYNTAX(p, i + 1, "control character 0x%02x; only text and tabs may stand here, remove it", c);
    }
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] >= 0x80 && !slice_is_utf8(line))
            return SYNTAX(p, i + 1, "the line is not UTF-8; save the file as UTF-8");
    return OK;
}

static const struct ini_section *twin(const struct parser *p, slice kind, slice name)
{
    const struct ini_section *s = p->ini->sections;
    while (s && !(slice_equal(s->kind, kind) && slice_equal(s->name, name)))
        s = s->next;
    return s;
}

static result add_section(struct parser *p, slice kind, slice name, size_t column)
{
    const struct ini_section *first = twin(p, kind, name);
    if (first)
        return SYNTAX(p, column, "section [%.*s%s%.*s] stands twice, first in line %u; put all its keys under one",
                      SLICE_ARG(kind), name.len ? " " : "", SLICE_ARG(name), first->line);
    if (++p->sections > SECTIONS_MAX)
        return SYNTAX(p, column, "more than %u sections; split the configuration", SECTIONS_MAX);
    struct ini_section *s = arena_new(p->arena, struct ini_section);
    if (!s)
        return out_of_memory(p);
    *s = (struct ini_section){.kind = kind, .name = name, .line = p->line, .column = (uint32_t)column};
    *p->next_section = s;
    p->next_section = &s->next;
    p->section = s;
    p->next_entry = &s->entries;
    return OK;
}

/* `text` begins with '[' at `column` and has no blanks at its end. */
static result parse_section(struct parser *p, slice text, size_t column)
{
    size_t end = slice_find(text, ']');
    if (end == text.len)
        return SYNTAX(p, column + text.len, "the section's ']' is missing; expected [name] or [kind name]");
    if (end + 1 < text.len)
        return SYNTAX(p, column + end + 1, "text after ']'; put it, and comments too, on a line of its own");
    slice inside = slice_of(text.ptr + 1, end - 1);
    size_t space = slice_find(inside, ' ');
    slice kind = slice_sub(inside, 0, space), name = slice_sub(inside, space + 1, inside.len);
    bool named = space < inside.len;
    if (!slice_is_name(kind, NAME_EXTRA) || (named && !slice_is_name(name, NAME_EXTRA)))
        return SYNTAX(p, column + 1,
                      "this is no section name; expected [name] or [kind name], of letters, digits, '-', '_', '.' and "
                      "'/', with one space between kind and name");
    return add_section(p, kind, name, column);
}

/* `text` has no blanks at its ends and begins at `column`. */
static result parse_entry(struct parser *p, slice text, size_t column)
{
    size_t equals = slice_find(text, '=');
    if (equals == text.len)
        return SYNTAX(p, column,
                      "no '=' in this line; expected key = value, [section], or a comment that begins with #");
    slice key = slice_trim(slice_sub(text, 0, equals));
    if (key.len == 0)
        return SYNTAX(p, column, "no key before '='; expected key = value");
    if (!slice_is_name(key, NAME_EXTRA))
        return SYNTAX(p, column, "this is no key; expected letters, digits, '-', '_', '.' and '/', then '='");
    if (!p->section)
        return SYNTAX(p, column, "the key '%.*s' stands before the first section; put a line such as [http] before it",
                      SLICE_ARG(key));
    slice value = slice_trim(slice_sub(text, equals + 1, text.len));
    size_t value_at = value.len ? (size_t)(value.ptr - text.ptr) : equals + 1;
    struct ini_entry *e = arena_new(p->arena, struct ini_entry);
    if (!e)
        return out_of_memory(p);
    *e = (struct ini_entry){.key = key,
                            .value = value,
                            .line = p->line,
                            .key_column = (uint32_t)column,
                            .value_column = (uint32_t)(column + value_at)};
    *p->next_entry = e;
    p->next_entry = &e->next;
    return OK;
}

static result parse_line(struct parser *p, slice line)
{
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    TRY(check_bytes(p, line));
    slice text = slice_trim(line);
    if (text.len == 0 || *text.ptr == '#' || *text.ptr == ';')
        return OK;
    size_t column = (size_t)(text.ptr - line.ptr) + 1;
    return *text.ptr == '[' ? parse_section(p, text, column) : parse_entry(p, text, column);
}

/* --- a text, a file --- */

/* `text` lives as long as the arena. */
static result parse_text(struct arena *a, slice text, struct ini *out, char *error, size_t error_size)
{
    struct parser p = {
        .arena = a, .ini = out, .next_section = &out->sections, .line = 1, .error = error, .error_size = error_size};
    if (text.len > FILE_MAX)
        return SYNTAX(&p, 1, "the file is larger than 1 MiB; a configuration is not");
    if (slice_starts(text, S("\xef\xbb\xbf")))
        return SYNTAX(&p, 1, "the file begins with a byte order mark; save it as UTF-8 without one");
    slice line;
    for (; slice_split(&text, '\n', &line); p.line++)
        TRY(parse_line(&p, line));
    return OK;
}

result ini_parse(struct arena *a, slice file, slice text, struct ini *out, char *error, size_t error_size)
{
    *out = (struct ini){.file = arena_copy(a, file)};
    slice copy = text.len > FILE_MAX ? text : arena_copy(a, text);
    if (!out->file.ptr || !copy.ptr) {
        (void)snprintf(error, error_size, "%.*s: no memory to read it; make it smaller", SLICE_ARG(file));
        return FAIL(NO_MEMORY);
    }
    return parse_text(a, copy, out, error, error_size);
}

#define UNUSABLE(ini, error, size, ...) (ini_error((ini), 0, 0, (error), (size), __VA_ARGS__), FAIL(CONFIG_FILE))

static result read_whole(int fd, struct arena *a, const struct ini *ini, slice *text, char *error, size_t error_size)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return UNUSABLE(ini, error, error_size, "not a regular file; name the configuration file itself");
    /* One byte more than is allowed: a file that is too large is told from one that just fits. */
    uint8_t *room = arena_alloc(a, FILE_MAX + 1, 1);
    if (!room)
        return UNUSABLE(ini, error, error_size, "no memory to read it");
    size_t length = 0;
    ssize_t n;
    while (length <= FILE_MAX && (n = read(fd, room + length, FILE_MAX + 1 - length)) != 0) {
        if (n < 0 && errno != EINTR)
            return UNUSABLE(ini, error, error_size, "cannot be read: %s", strerror(errno));
        length += n > 0 ? (size_t)n : 0;
    }
    *text = slice_of(room, length);
    a->used -= FILE_MAX + 1 - length;
    return OK;
}

result ini_read(struct arena *a, const char *file, struct ini *out, char *error, size_t error_size)
{
    slice text;
    *out = (struct ini){.file = arena_copy(a, slice_text(file))};
    /* Not blocking: a FIFO put in the file's place must not hang the start. */
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return UNUSABLE(out, error, error_size, "cannot be opened: %s; check the path and who may read it",
                        strerror(errno));
    result r = read_whole(fd, a, out, &text, error, error_size);
    (void)close(fd);
    TRY(r);
    return parse_text(a, text, out, error, error_size);
}

struct ini_section *ini_section(const struct ini *ini, slice kind, slice name)
{
    struct ini_section *s = ini->sections;
    while (s && !(slice_equal(s->kind, kind) && slice_equal(s->name, name)))
        s = s->next;
    return s;
}

/* --- did you mean --- */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* '-' and '_' are mixed up by everybody. */
static uint8_t folded(uint8_t c)
{
    return c == '-' ? '_' : c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* How many insertions, deletions, substitutions and swaps of neighbours lead from a to b. */
static unsigned distance(slice a, slice b)
{
    unsigned rows[3][NEAREST_MAX + 1];
    for (unsigned j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned *now = rows[i % 3], *up = rows[(i + 2) % 3], *upper = rows[(i + 1) % 3];
        now[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            uint8_t x = folded(a.ptr[i - 1]), y = folded(b.ptr[j - 1]);
            now[j] = least(least(up[j], now[j - 1]) + 1, up[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == folded(b.ptr[j - 2]) && folded(a.ptr[i - 2]) == y)
                now[j] = least(now[j], upper[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

slice ini_nearest(slice word, const slice *names, size_t count)
{
    slice best = NO_SLICE;
    unsigned least_so_far = (unsigned)least((unsigned)(word.len / 3 + 1), 4);
    if (word.len == 0 || word.len > NEAREST_MAX)
        return best;
    for (size_t i = 0; i < count; i++) {
        if (names[i].len == 0 || names[i].len > NEAREST_MAX)
            continue;
        unsigned d = distance(word, names[i]);
        if (d >= least_so_far)
            continue;
        least_so_far = d;
        best = names[i];
    }
    return best;
}
