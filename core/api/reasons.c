/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/reasons.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/api/reply.h"
#include "core/plugin/plugin.h"

static void own_reasons(FILE *out)
{
    fputs("## The service and the agent\n\n| Reason | Class | Status | Meaning | What to do |\n|---|---|---|---|---|\n",
          out);
    for (unsigned i = REASON_OK + 1; i < REASON_COUNT; i++) {
        enum reason why = (enum reason)i;
        fprintf(out, "| `%s` | %s | %u | %s | %s |\n", reason_id(why), reason_class_name(reason_class(why)),
                reply_status(reason_class(why)), reason_text(why), reason_remedy(why));
    }
}

static int is_plugin(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0;
}

result reasons_reference(const char *plugin_directory, FILE *out, char *error, size_t error_size)
{
    struct dirent **files = NULL;
    char path[PATH_MAX];
    result r = OK;
    own_reasons(out);
    int count = scandir(plugin_directory, &files, is_plugin, alphasort);
    if (count < 0)
        snprintf(error, error_size, "%s: %s; name a folder of plugins", plugin_directory, strerror(errno));
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", plugin_directory, files[i]->d_name);
        if (!FAILED(r))
            r = plugin_reasons(path, out, error, error_size);
        free(files[i]);
    }
    free(files);
    return count < 0 ? FAIL(IO) : r;
}
