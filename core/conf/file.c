/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct problem {
    const char *option;
    slice path;
    char *error;
    size_t size;
};

static result fail(const struct problem *p, const char *what)
{
    snprintf(p->error, p->size, "%s = %.*s: %s", p->option, SLICE_ARG(p->path), what);
    return FAIL(CONFIG_FILE);
}

static result read_open(int fd, size_t limit, bool secret, struct arena *a, slice *out, const struct problem *p)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return fail(p, "not a regular file");
    if (secret && (st.st_mode & 07) != 0)
        return fail(p, "holds a secret but others can read it; run: chmod o= FILE");
    uint8_t *room = arena_alloc(a, limit + 1, 1);
    if (!room)
        return FAIL(NO_MEMORY);
    size_t got = 0;
    ssize_t n;
    while (got <= limit && (n = read(fd, room + got, limit + 1 - got)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(p, strerror(errno));
        got += (size_t)n;
    }
    if (got > limit)
        return fail(p, "larger than expected");
    a->used -= limit + 1 - got;
    *out = slice_of(room, got);
    return OK;
}

result file_read(const char *option, slice path, size_t limit, bool secret, struct arena *a, slice *out, char *error,
                 size_t error_size)
{
    char name[4096];
    struct problem p = {option, path, error, error_size};
    if (path.len >= sizeof name)
        return fail(&p, "path too long");
    memcpy(name, path.ptr, path.len);
    name[path.len] = 0;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        snprintf(error, error_size, "%s = %.*s: %s; check the path, and that uid %u may read it", option,
                 SLICE_ARG(path), strerror(errno), (unsigned)geteuid());
        return FAIL(CONFIG_FILE);
    }
    result r = read_open(fd, limit, secret, a, out, &p);
    close(fd);
    return r;
}
