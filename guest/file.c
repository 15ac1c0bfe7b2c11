/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

result descriptor_read(int fd, size_t limit, struct arena *a, slice *out)
{
    struct text t = text_begin(a);
    *out = NO_SLICE;
    for (;;) {
        uint8_t chunk[4096];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        ENSURE(n >= 0, IO);
        if (n == 0)
            break;
        text_add(&t, slice_of(chunk, (size_t)n));
        ENSURE(!t.failed && a->used - t.start <= limit, NO_MEMORY);
    }
    *out = text_end(&t);
    return OK;
}

result file_read(const char *path, size_t limit, struct arena *a, slice *out)
{
    *out = NO_SLICE;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ENSURE(fd >= 0, IO);
    result r = descriptor_read(fd, limit, a, out);
    int error = errno;
    close(fd);
    errno = error;
    return r;
}
