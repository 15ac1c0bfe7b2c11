/* SPDX-License-Identifier: Apache-2.0
 *
 * Seeing whether a policy loads, without a service: the daemon's own trial, in a child process with limits.
 */
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/crypto/jose.h"
#include "core/policy/trial.h"

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
    slice program = arena_printf(&c->arena, "%s/trusteed", self), config = arena_printf(&c->arena, "%s/trusteed.ini", c->home);
    const char *argv[] = {(const char *)program.ptr, "--try-policy", "--config", (const char *)config.ptr, NULL};
    struct policy_trial trial = {argv, 15000};
    hash_sha256(text, hash);
    result r = policy_try(&trial, hash, text, &error);
    if (!FAILED(r)) {
        printf("%s: good\n", c->argv[0]);
        return 0;
    }
    return say(EXIT_REFUSED, "%s:%u:%u: %s", c->argv[0], error.line, error.column,
               error.text[0] ? error.text : reason_text(r.reason));
}
