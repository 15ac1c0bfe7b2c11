/* SPDX-License-Identifier: Apache-2.0
 *
 * trusteectl convert-config: upstream's configuration as our INI.
 */
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/conf/upstream.h"

#define CONFIG_SIZE_MAX (1u << 20)

int cmd_convert_config(struct cli *c)
{
    char plugins[PATH_MAX], folder[PATH_MAX], error[2048] = "";
    const char *named = take_option(c, "--plugins");
    struct upstream_config converted;
    slice text, line;
    if (c->argc != 1)
        return say(EXIT_USAGE, "convert-config takes a file: kbs-config.toml or .json");
    if (!upstream_config_is(c->argv[0]))
        return say(EXIT_USAGE, "%s: the name must end in .toml or .json, which says what it is", c->argv[0]);
    find_plugins(plugins);
    if (named && !realpath(named, plugins))
        return say(EXIT_REFUSED, "%s: there is no such folder", named);
    if (!getcwd(folder, sizeof folder) || !read_input(c->argv[0], CONFIG_SIZE_MAX, &c->arena, &text))
        return EXIT_REFUSED;
    if (FAILED(upstream_config_convert(c->argv[0], text, plugins, folder, &c->arena, &converted, error, sizeof error)))
        return say(EXIT_REFUSED, "%s", error);
    fwrite(converted.ini.ptr, 1, converted.ini.len, stdout);
    while (converted.notes.len && slice_split(&converted.notes, '\n', &line))
        if (line.len)
            say(0, "%.*s", SLICE_ARG(line));
    return 0;
}
