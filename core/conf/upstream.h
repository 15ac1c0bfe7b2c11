/* SPDX-License-Identifier: Apache-2.0
 *
 * Upstream's configuration of its key broker (TOML or JSON, interface §1.10), rewritten as our INI, so that its
 * operator, charts and users change the image and nothing else. What would silently weaken or lose something (another
 * storage, another attestation service) is refused; what has no meaning here is left out and told.
 */
#ifndef CORE_CONF_UPSTREAM_H
#define CORE_CONF_UPSTREAM_H

#include "lib/base/arena.h"

struct upstream_config {
    slice ini;   /* text, as ini_parse() takes it */
    slice notes; /* a line for each thing that was left out or is done otherwise */
};

/* Whether a file's name says that it is upstream's: .toml, .json, .yaml or .yml. */
bool upstream_config_is(const char *file);

/* `plugins` is the folder whose plugins are named in the INI, as far as they are there; relative paths are taken as
 * beginning at `folder`. Everything lives in `a`. CONFIG_SYNTAX, CONFIG_VALUE with "file: key: what, what to do" in
 * `error`. */
MUST_CHECK result upstream_config_convert(const char *file, slice text, const char *plugins, const char *folder,
                                          struct arena *a, struct upstream_config *out, char *error, size_t error_size);

/* The folder of plugins beside this program, as it is built or as it is installed; else /usr/lib/trustee/plugins. */
void plugins_beside(char *room, size_t size);

#endif
