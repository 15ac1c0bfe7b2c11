/* SPDX-License-Identifier: Apache-2.0
 *
 * A trial in a process of its own: a plugin that crashes, hangs, exits or eats memory is a finding, and not our end.
 * trusteectl has one thread at this point, so a plain fork is safe.
 */
#include "cli/plugin/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MEMORY_MAX ((rlim_t)3 << 30)
#define WHOLE_TRIAL_SECONDS 120u
#define ALTERNATE_STACK ((size_t)64 << 10)

static struct report *shared;
static const uint8_t *input_base;
static size_t input_size;

void trial_watch_input(const void *base, size_t size)
{
    input_base = base;
    input_size = size;
}

/* Notes where it happened, and lets it happen again without us. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    const uint8_t *at = info->si_addr;
    shared->fault_address = (uintptr_t)at;
    shared->fault_in_input = input_base && at >= input_base && at < input_base + input_size;
    signal(number, SIG_DFL);
}

static void watch_faults(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack = {.ss_sp = malloc(ALTERNATE_STACK), .ss_size = ALTERNATE_STACK};
    if (stack.ss_sp)
        sigaltstack(&stack, NULL);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigaction(faults[i], &action, NULL);
}

/* A plugin has nothing to say to our terminal, and nothing to read from it. */
static void detach(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return;
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        (void)dup2(null, fd);
    (void)close(null);
}

static void limit(void)
{
    struct rlimit core = {0, 0}, memory = {MEMORY_MAX, MEMORY_MAX}, cpu = {WHOLE_TRIAL_SECONDS, WHOLE_TRIAL_SECONDS};
    setrlimit(RLIMIT_CORE, &core);
    setrlimit(RLIMIT_CPU, &cpu);
#ifndef __SANITIZE_ADDRESS__
    setrlimit(RLIMIT_AS, &memory);
#else
    (void)memory;
#endif
}

static void in_child(const struct trial *t, struct report *r)
{
    shared = r;
    (void)setpgid(0, 0);
    limit();
    detach();
    watch_faults();
    t->body(t->user, r);
    r->finished = true;
    _exit(0);
}

/* --- the parent's side --- */

enum ending { ENDED, TOO_SLOW };

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static enum ending wait_for(pid_t child, const struct trial *t, const struct report *r, int *status)
{
    const struct timespec pause = {0, 2000000};
    uint64_t start = monotonic_ns();
    for (;;) {
        pid_t ended = waitpid(child, status, WNOHANG);
        if (ended == child || (ended < 0 && errno != EINTR))
            return ENDED;
        uint64_t began = r->began_ns, now = monotonic_ns();
        if ((began && now > began && now - began > t->seconds * UINT64_C(1000000000)) ||
            now - start > WHOLE_TRIAL_SECONDS * UINT64_C(1000000000)) {
            (void)kill(-child, SIGKILL);
            (void)kill(child, SIGKILL);
            (void)waitpid(child, status, 0);
            return TOO_SLOW;
        }
        nanosleep(&pause, NULL);
    }
}

static void tell_signal(struct report *r, int number)
{
    if (r->fault_in_input)
        report_find(r, "what the host passes is borrowed and read-only: copy what is to be changed",
                    "it wrote to its input, in %s", r->stage);
    else if (number == SIGSEGV || number == SIGBUS)
        report_find(r,
                    "check every length and every answer of the host before use; find the place with: gdb --args "
                    "trusteed …, or a build with -fsanitize=address,undefined",
                    "it crashed with %s at address 0x%llx, in %s", sigdescr_np(number),
                    (unsigned long long)r->fault_address, r->stage);
    else
        report_find(r, "a plugin answers TRUSTEE_E_INTERNAL where it cannot go on; it never ends the process",
                    "it ended the process by %s, in %s", sigdescr_np(number), r->stage);
}

static void tell(struct report *r, const struct trial *t, enum ending how, int status)
{
    if (how == TOO_SLOW)
        report_find(r, "bound every loop by the size of its input, wait for nothing, and ask host->cancelled",
                    "it did not return within %u s, in %s", t->seconds, r->stage);
    else if (WIFSIGNALED(status))
        tell_signal(r, WTERMSIG(status));
    else if (!r->finished)
        report_find(r, "never call exit, _exit or quick_exit: answer TRUSTEE_E_INTERNAL",
                    "it ended the process with exit code %d, in %s", WEXITSTATUS(status), r->stage);
}

bool trial_run(const struct trial *t, struct report *r)
{
    int status = 0;
    (void)snprintf(r->check, sizeof r->check, "%s", t->name);
    (void)snprintf(r->stage, sizeof r->stage, "loading");
    r->began_ns = r->calls = 0;
    r->finished = r->fault_in_input = false;
    r->fault_address = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        report_find(r, "free some memory or processes, and try again", "no child process can be started: %s",
                    strerror(errno));
        return false;
    }
    if (child == 0)
        in_child(t, r);
    enum ending how = wait_for(child, t, r, &status);
    report_settle(r);
    tell(r, t, how, status);
    if (how == ENDED && kill(-child, SIGKILL) == 0)
        report_find(r, "a plugin starts no processes", "it left a process of its own behind");
    return r->finished;
}
