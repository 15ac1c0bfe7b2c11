/* SPDX-License-Identifier: Apache-2.0
 *
 * The page of reasons, docs/reasons.md.
 */
#ifndef CORE_API_REASONS_H
#define CORE_API_REASONS_H

#include <stdio.h>

#include "lib/base/result.h"

/* All reasons as Markdown: the service's own, then those of every plugin file (*.so) in the directory, by name. */
MUST_CHECK result reasons_reference(const char *plugin_directory, FILE *out, char *error, size_t error_size);

#endif
