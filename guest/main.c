/* SPDX-License-Identifier: Apache-2.0
 *
 * trustee-agent: attests a confidential guest and hands its workload what the service releases to it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/log/log.h"
#include "guest/server.h"

#define CONFIG_MEMORY ((size_t)8 << 20)
#define ONCE_MEMORY ((size_t)32 << 20)
#define SECRET_MEMORY ((size_t)16 << 20)

static const char *environment(const char *name)
{
    return getenv(name);
}

static result write_all(slice s)
{
    while (s.len) {
        ssize_t n = write(STDOUT_FILENO, s.ptr, s.len);
        if (n < 0 && errno == EINTR)
            continue;
        ENSURE(n > 0, IO);
        s = slice_sub(s, (size_t)n, s.len);
    }
    return OK;
}

static result once_with(struct agent *a, struct kbs_memory memory, struct failure *why)
{
    const struct settings *s = agent_settings(a);
    slice out;
    if (s->mode == MODE_ONCE)
        TRY(agent_resource(a, s->once_path, memory, &out, why));
    else
        TRY(agent_evidence(a, s->evidence_data, memory.plain, &out, why));
    return write_all(out);
}

static result once(struct agent *a, struct failure *why)
{
    struct arena plain, secret = {0};
    TRY(arena_map(&plain, ONCE_MEMORY, ARENA_PLAIN));
    result r = arena_map(&secret, SECRET_MEMORY, ARENA_SECRET);
    if (!FAILED(r))
        r = once_with(a, (struct kbs_memory){&plain, &secret}, why);
    arena_unmap(&secret);
    arena_unmap(&plain);
    return r;
}

static result run(int argc, char **argv, struct arena *memory, struct settings *s, struct failure *why)
{
    struct config_sources from = {.environment = environment, .cmdline_file = "/proc/cmdline"};
    struct agent *agent;
    TRY(config_load(argc, argv, &from, memory, s, why));
    if (s->mode == MODE_HELP || s->mode == MODE_VERSION)
        return write_all(slice_text(s->mode == MODE_HELP ? CONFIG_HELP : "trustee-agent " TRUSTEE_VERSION "\n"));
    TRY(kbs_start());
    TRY(agent_new(s, &agent, why));
    result r = s->mode == MODE_SERVE ? server_run(agent, why) : once(agent, why);
    agent_free(agent);
    return r;
}

/* Signals are for server_run alone; keys must not end up in a core file; the TPM's library tells us, not the console.
 */
static void prepare_process(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)setenv("TSS2_LOG", "all+NONE", 0);
}

int main(int argc, char **argv)
{
    struct failure why = {0};
    struct settings settings = {0};
    struct arena memory;
    prepare_process();
    if (FAILED(arena_map(&memory, CONFIG_MEMORY, ARENA_PLAIN)))
        return 1;
    result r = run(argc, argv, &memory, &settings, &why);
    if (FAILED(r))
        log_error("agent", "%s: %s", reason_id(r.reason), why.text[0] ? why.text : reason_text(r.reason));
    if (FAILED(r) && why.id[0])
        log_error("agent", "the service's record: %s", why.id);
    arena_unmap(&memory);
    return failure_exit_code(r.reason);
}
