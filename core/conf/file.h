/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that the configuration names.
 */
#ifndef CORE_CONF_FILE_H
#define CORE_CONF_FILE_H

#include "lib/base/arena.h"

/* Reads a whole file of at most `limit` bytes into the arena. `secret`: it must not be readable by others than its owner
 * and group. CONFIG_FILE with a text in `error`: which option, which file, what is wrong. */
MUST_CHECK result file_read(const char *option, slice path, size_t limit, bool secret, struct arena *a, slice *out,
                            char *error, size_t error_size);

#endif
