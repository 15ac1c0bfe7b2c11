/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading what cannot be asked its size beforehand: attributes of the kernel, small files.
 */
#ifndef GUEST_FILE_H
#define GUEST_FILE_H

#include "lib/base/arena.h"

/* Reads to the end, into the arena. IO with errno set; NO_MEMORY when there are more than `limit` bytes. */
MUST_CHECK result descriptor_read(int fd, size_t limit, struct arena *a, slice *out);
MUST_CHECK result file_read(const char *path, size_t limit, struct arena *a, slice *out);

#endif
