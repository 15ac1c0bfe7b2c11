/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/file/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void file_log(const struct file_store *s, uint32_t level, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (n > 0)
        s->host->log(s->host->ctx, level, slice_of(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
}

trustee_status file_failure(const struct file_store *s, const char *what, slice key, int error)
{
    char room[128];
    switch (error) {
    case ENOENT:
    case ENAMETOOLONG:
        return TRUSTEE_NOT_FOUND;
    case ELOOP: /* a symlink */
    case EXDEV: /* ..data leads out of its folder */
    case ENXIO: /* a socket, a device without a driver */
    case ENODEV:
    case EISDIR:
    case ENOTDIR:
        file_log(s, TRUSTEE_LOG_WARN, "%s %.*s is not served: it is not a regular file, or a symlink leads to it", what,
                 SLICE_ARG(key));
        return TRUSTEE_NOT_FOUND;
    default:
        file_log(s, TRUSTEE_LOG_ERROR, "%s %.*s: %s", what, SLICE_ARG(key), strerror_r(error, room, sizeof room));
        return TRUSTEE_E_AGAIN;
    }
}
