/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of cli/templates, which tools/embed-templates puts into the program.
 */
#ifndef CLI_PLUGIN_TEMPLATES_H
#define CLI_PLUGIN_TEMPLATES_H

#include <stddef.h>
#include <stdint.h>

struct plugin_template {
    const char *kind; /* "verifier", "policy", "storage", or "common" to all */
    const char *path; /* in the project, with @NAME@ */
    const uint8_t *begin, *end;
};
extern const struct plugin_template PLUGIN_TEMPLATES[];
extern const size_t PLUGIN_TEMPLATE_COUNT;

#endif
