/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int say(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("trusteectl: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return code;
}

static void remove_arguments(struct cli *c, int at, int count)
{
    for (int i = at; i + count < c->argc; i++)
        c->argv[i] = c->argv[i + count];
    c->argc -= count;
}

const char *take_option(struct cli *c, const char *name)
{
    for (int i = 0; i + 1 < c->argc; i++)
        if (strcmp(c->argv[i], name) == 0) {
            const char *value = c->argv[i + 1];
            remove_arguments(c, i, 2);
            return value;
        }
    return NULL;
}

bool take_flag(struct cli *c, const char *name)
{
    for (int i = 0; i < c->argc; i++)
        if (strcmp(c->argv[i], name) == 0) {
            remove_arguments(c, i, 1);
            return true;
        }
    return false;
}

bool read_input(const char *file, size_t limit, struct arena *a, slice *out)
{
    int fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    uint8_t *room = fd >= 0 ? arena_alloc(a, limit + 1, 1) : NULL;
    if (!room) {
        say(0, "%s: %s", file, fd < 0 ? strerror(errno) : "out of memory");
        return false;
    }
    size_t got = 0;
    ssize_t n = 1;
    while (got <= limit && (n = read(fd, room + got, limit + 1 - got)) > 0)
        got += (size_t)n;
    if (n < 0)
        say(0, "%s: %s; expected a file, or - for standard input", file, strerror(errno));
    if (fd != STDIN_FILENO)
        close(fd);
    if (n < 0)
        return false;
    if (got > limit) {
        say(0, "%s: larger than %zu bytes", file, limit);
        return false;
    }
    *out = slice_of(room, got);
    return true;
}

void print_safely(slice s)
{
    for (size_t i = 0; i < s.len; i++)
        putchar(s.ptr[i] < 32 || s.ptr[i] == 127 ? '?' : s.ptr[i]);
}

const char *c_text(struct cli *c, slice s)
{
    slice copy = arena_printf(&c->arena, "%.*s", SLICE_ARG(s));
    return copy.ptr ? (const char *)copy.ptr : "";
}

bool write_file(const char *path, slice bytes, unsigned mode, bool replace)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (replace ? O_TRUNC : O_EXCL), mode);
    size_t written = 0;
    while (fd >= 0 && written < bytes.len) {
        ssize_t n = write(fd, bytes.ptr + written, bytes.len - written);
        if (n <= 0)
            break;
        written += (size_t)n;
    }
    bool good = fd >= 0 && written == bytes.len && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    if (!good)
        say(0, "%s: %s", path, errno == EEXIST ? "is there already; it is left as it is" : strerror(errno));
    if (fd >= 0)
        close(fd);
    return good;
}

const char *encode_segment(struct cli *c, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    struct text t = text_begin(&c->arena);
    for (; *text; text++) {
        uint8_t byte = (uint8_t)*text;
        char escaped[3] = {'%', hex[byte >> 4], hex[byte & 15]};
        if (slice_is_name(slice_of(&byte, 1), "-_.~"))
            text_add(&t, slice_of(&byte, 1));
        else
            text_add(&t, slice_of(escaped, 3));
    }
    text_add(&t, slice_of("", 1));
    slice s = text_end(&t);
    return s.ptr ? (const char *)s.ptr : "";
}
