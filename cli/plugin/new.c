/* SPDX-License-Identifier: Apache-2.0
 *
 * trusteectl plugin new: a complete project out of cli/templates, which lie in this program.
 */
#include "cli/plugin/templates.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "core/plugin/plugin.h"

/* Becomes identifiers of C, targets of make and paths, so it has nothing that means anything to any of them. */
static bool is_good_name(slice s)
{
    bool good = s.len >= 1 && s.len <= 32 && slice_is_name(s, "-") && s.ptr[0] >= 'a' && s.ptr[0] <= 'z' &&
                s.ptr[s.len - 1] != '-';
    for (size_t i = 0; good && i < s.len; i++)
        good = !(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z') && !(i && s.ptr[i] == '-' && s.ptr[i - 1] == '-');
    return good;
}

static bool is_shipped(slice s)
{
    static const char *const names[] = {"sample", "sgx", "snp", "tdx", "tpm", "file", "memory", "rego"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_equal(s, slice_text(names[i])))
            return true;
    return tee_is_known(s);
}

/* --- substitution: @NAME@, and @IDENT@ with underscores --- */

static void add_word(struct text *t, slice name, bool identifier)
{
    for (size_t i = 0; i < name.len; i++)
        text_add(t, identifier && name.ptr[i] == '-' ? S("_") : slice_sub(name, i, 1));
}

static slice fill(struct arena *a, slice text, slice name)
{
    struct text t = text_begin(a);
    while (text.len) {
        size_t at = slice_find(text, '@');
        text_add(&t, slice_sub(text, 0, at));
        text = slice_sub(text, at, text.len);
        slice word = slice_starts(text, S("@NAME@"))    ? S("@NAME@")
                     : slice_starts(text, S("@IDENT@")) ? S("@IDENT@")
                                                        : NO_SLICE;
        if (word.len)
            add_word(&t, name, word.len == sizeof "@IDENT@" - 1);
        else
            text_add(&t, slice_sub(text, 0, 1));
        text = slice_sub(text, word.len ? word.len : 1, text.len);
    }
    return text_end(&t);
}

/* --- writing --- */

static bool make_parent(struct cli *c, const char *folder, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return true;
    const char *parent = c_text(c, arena_printf(&c->arena, "%s/%.*s", folder, (int)(slash - path), path));
    return mkdir(parent, 0755) == 0 || errno == EEXIST || (say(0, "%s: %s", parent, strerror(errno)), false);
}

static bool write_one(struct cli *c, const char *folder, const struct plugin_template *t, slice name)
{
    slice path = fill(&c->arena, slice_text(t->path), name);
    slice text = fill(&c->arena, slice_of(t->begin, (size_t)(t->end - t->begin)), name);
    const char *relative = c_text(c, path);
    if (!text.ptr || !make_parent(c, folder, relative))
        return false;
    return write_file(c_text(c, arena_printf(&c->arena, "%s/%s", folder, relative)), text, 0644, false);
}

static bool is_of(const struct plugin_template *t, const char *kind)
{
    return strcmp(t->kind, kind) == 0 || strcmp(t->kind, "common") == 0;
}

static int write_all(struct cli *c, const char *folder, const char *kind, slice name)
{
    if (mkdir(folder, 0755) != 0)
        return say(EXIT_REFUSED, "%s: %s", folder,
                   errno == EEXIST ? "is there already; choose another name, or --directory" : strerror(errno));
    for (size_t i = 0; i < PLUGIN_TEMPLATE_COUNT; i++)
        if (is_of(&PLUGIN_TEMPLATES[i], kind) && !write_one(c, folder, &PLUGIN_TEMPLATES[i], name))
            return EXIT_REFUSED;
    printf("%s: a %s plugin that builds and passes its tests:\n\n  cd %s && make test\n\n"
           "README.md says what to fill in; `make check` runs trusteectl plugin check on it.\n",
           folder, kind, folder);
    return 0;
}

static int check_kind(const char *kind)
{
    if (!kind)
        return say(EXIT_USAGE, "plugin new wants --kind verifier, policy or storage");
    if (strcmp(kind, "attester") == 0)
        return say(EXIT_USAGE, "there are no attester plugins yet: trustee-agent's attesters are built into it; "
                               "--kind takes verifier, policy or storage");
    if (strcmp(kind, "verifier") != 0 && strcmp(kind, "policy") != 0 && strcmp(kind, "storage") != 0)
        return say(EXIT_USAGE, "--kind takes verifier, policy or storage, and not '%s'", kind);
    return 0;
}

int cmd_plugin_new(struct cli *c)
{
    const char *kind = take_option(c, "--kind"), *folder = take_option(c, "--directory");
    int code = check_kind(kind);
    if (code)
        return code;
    if (c->argc != 1)
        return say(EXIT_USAGE, "plugin new takes one NAME, --kind and --directory");
    slice name = slice_text(c->argv[0]);
    if (!is_good_name(name))
        return say(EXIT_USAGE,
                   "'%s' is no name for a plugin: a lower-case letter, then at most 31 letters, digits and "
                   "single '-'",
                   c->argv[0]);
    if (is_shipped(name))
        return say(EXIT_USAGE, "'%s' is the name of a TEE of the protocol or of a shipped plugin; choose another",
                   c->argv[0]);
    return write_all(c, folder ? folder : c->argv[0], kind, name);
}
