/* SPDX-License-Identifier: Apache-2.0
 *
 * Attesting this machine, with the guest agent's own code.
 */
#include <stdlib.h>
#include <time.h>

#include "cli/cli.h"
#include "guest/agent.h"

static const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

/* The agent's settings from our options, by the agent's own reader. */
static result agent_start(struct cli *c, struct settings *settings, struct agent **agent, struct failure *why)
{
    char *argv[16] = {NULL};
    int argc = 0;
    struct config_sources from = {no_environment, "/dev/null"};
    const char *tee = take_option(c, "--tee"), *tcti = take_option(c, "--tcti"), *ak = take_option(c, "--ak-handle");
    slice params = arena_printf(&c->arena, "cc_kbc::%s", c_text(c, c->url));
    const char *words[][2] = {{"--aa-kbc-params", (const char *)params.ptr},
                              {"--tee", tee},
                              {"--tcti", tcti},
                              {"--ak-handle", ak},
                              {"--kbs-cert", c->ca.len ? c_text(c, c->ca) : NULL}};
    argv[argc++] = arena_alloc(&c->arena, 16, 1);
    memcpy(argv[0], "trusteectl", 11);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (size_t k = 0; words[i][1] && k < 2; k++)
            memcpy(&argv[argc++], &words[i][k], sizeof *argv);
    TRY(config_load(argc, argv, &from, &c->arena, settings, why));
    TRY(kbs_start());
    return agent_new(settings, agent, why);
}

static int fail(result r, const struct failure *why)
{
    say(0, "%s: %s", why->step ? why->step : "attest", why->text);
    if (why->id[0])
        fprintf(stderr, "            trusteectl explain %s tells more\n", why->id);
    return failure_exit_code(r.reason);
}

/* A token has no character that JSON escapes. */
static void print_token(const struct cli *c, slice token)
{
    printf(c->json ? "{\"token\":\"%.*s\"}\n" : "%.*s\n", SLICE_ARG(token));
}

int cmd_attest(struct cli *c)
{
    struct settings settings;
    struct agent *agent = NULL;
    struct failure why = {0};
    slice answer;
    const json *v;
    struct kbs_memory memory = {&c->arena, &c->secret};
    result r = agent_start(c, &settings, &agent, &why);
    if (!FAILED(r) && c->argc) {
        agent_free(agent);
        return say(EXIT_USAGE, "attest takes nothing more; '%s' is too much", c->argv[0]);
    }
    if (!FAILED(r))
        r = agent_token(agent, memory, &answer, &why);
    agent_free(agent);
    if (FAILED(r))
        return fail(r, &why);
    if (FAILED(json_parse(&c->secret, answer, &v)))
        return say(EXIT_FAILURE, "the agent's answer is not JSON");
    print_token(c, json_text(json_get(v, S("token"))));
    return 0;
}

int cmd_secret_get(struct cli *c)
{
    struct settings settings;
    struct agent *agent = NULL;
    struct failure why = {0};
    slice secret;
    struct kbs_memory memory = {&c->arena, &c->secret};
    result r = agent_start(c, &settings, &agent, &why);
    if (!FAILED(r) && c->argc != 1) {
        agent_free(agent);
        return say(EXIT_USAGE, "secret get takes one path");
    }
    if (!FAILED(r))
        r = agent_resource(agent, slice_text(c->argv[0]), memory, &secret, &why);
    agent_free(agent);
    if (FAILED(r))
        return fail(r, &why);
    fwrite(secret.ptr, 1, secret.len, stdout);
    return 0;
}

int cmd_admin_token(struct cli *c)
{
    slice token;
    uint64_t life = 3600;
    const char *role = take_option(c, "--role"), *text = take_option(c, "--life");
    if (text && (!slice_u64(slice_text(text), &life) || life == 0 || life > 31536000))
        return say(EXIT_USAGE, "--life takes seconds, at most a year");
    if (c->argc)
        return say(EXIT_USAGE, "admin-token takes nothing more; '%s' is too much", c->argv[0]);
    if (!c->admin_key.len)
        return say(EXIT_USAGE, "no admin_key in %s/trusteectl.ini", c->home);
    if (FAILED(admin_token(c, (unsigned)life, role ? role : c_text(c, c->role), &token)))
        return say(EXIT_REFUSED, "the token cannot be signed");
    print_token(c, token);
    return 0;
}

int cmd_revoke(struct cli *c)
{
    struct answer a;
    uint64_t before = (uint64_t)time(NULL) + 1;
    const char *text = take_option(c, "--before");
    if ((text && !slice_u64(slice_text(text), &before)) || c->argc)
        return say(EXIT_USAGE,
                   "revoke takes --before and a time in seconds since 1970 (date +%%s), or nothing for now");
    slice body = arena_printf(&c->arena, "{\"before\":%llu}", (unsigned long long)before);
    int code = call_ok(c, "POST", "/admin/v1/revoke", body, NULL, &a);
    if (!code && !c->json)
        printf("attestation tokens issued before %llu are refused from now on\n", (unsigned long long)before);
    return code;
}
