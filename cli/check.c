/* SPDX-License-Identifier: Apache-2.0
 *
 * Seeing whether a policy loads, without a service: the daemon's own trial, in a child process with limits.
 */
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/crypto/jose.h"
#include "core/policy/trial.h"

/* The INI of the home folder; where there is none, one that names the policy engine alone. */
static const char *config_file(struct cli *c)
{
    char plugins[PATH_MAX];
    slice own = arena_printf(&c->arena, "%s/trusteed.ini", c->home);
    if (own.ptr && access((const char *)own.ptr, R_OK) == 0)
        return (const char *)own.ptr;
    find_plugins(plugins);
    int fd = memfd_create("trusteed.ini", 0); /* the child inherits it */
    slice path = arena_printf(&c->arena, "/proc/self/fd/%d", fd);
    if (fd < 0 || dprintf(fd, "[http]\ntls = no\n[plugins]\ndirectory = %s\n[plugin rego]\n", plugins) < 0)
        return "";
    return (const char *)path.ptr;
}

static int print_verdict(struct cli *c, bool good, const char *why, const struct policy_error *error)
{
    struct text t = text_begin(&c->arena);
    text_lit(&t, "{\"file\":");
    text_json(&t, slice_text(c->argv[0]));
    text_add(&t, good ? S(",\"good\":true") : S(",\"good\":false"));
    if (!good) {
        text_lit(&t, ",\"text\":");
        text_json(&t, slice_text(why));
        text_lit(&t, ",\"line\":");
        text_u64(&t, error->line);
        text_lit(&t, ",\"column\":");
        text_u64(&t, error->column);
    }
    text_lit(&t, "}");
    printf("%.*s\n", SLICE_ARG(text_end(&t)));
    return good ? 0 : EXIT_REFUSED;
}

static int say_verdict(struct cli *c, result r, const struct policy_error *error)
{
    const char *why = error->text[0] ? error->text : reason_text((enum reason)r.reason);
    if (c->json)
        return print_verdict(c, !FAILED(r), why, error);
    if (!FAILED(r)) {
        printf("%s: good\n", c->argv[0]);
        return 0;
    }
    if (!error->line)
        return say(EXIT_REFUSED, "%s: %s", c->argv[0], why);
    return say(EXIT_REFUSED, "%s:%u:%u: %s", c->argv[0], error->line, error->column, why);
}

int cmd_policy_check(struct cli *c)
{
    slice text;
    uint8_t hash[32];
    struct policy_error error = {0};
    char self[PATH_MAX];
    if (c->argc != 1)
        return say(EXIT_USAGE, "policy check takes a file");
    if (!read_input(c->argv[0], POLICY_TEXT_MAX, &c->arena, &text))
        return EXIT_REFUSED;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return EXIT_FAILURE;
    self[n] = 0;
    *strrchr(self, '/') = 0;
    slice program = arena_printf(&c->arena, "%s/trusteed", self);
    const char *argv[] = {(const char *)program.ptr, "--try-policy", "--config", config_file(c), NULL};
    if (!program.ptr || access(argv[0], X_OK) != 0)
        return say(EXIT_FAILURE, "policy check runs trusteed, and there is none beside this program");
    struct policy_trial trial = {argv, 15000};
    hash_sha256(text, hash);
    result r = policy_try(&trial, hash, text, &error);
    return say_verdict(c, r, &error);
}
