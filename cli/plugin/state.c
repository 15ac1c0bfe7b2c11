/* SPDX-License-Identifier: Apache-2.0
 *
 * What belongs to the whole process, and is therefore none of a plugin's business.
 */
#include <dirent.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/plugin/report.h"

#define SIGNALS 65
#define DESCRIPTORS 1024

extern char **environ;

struct state {
    struct sigaction actions[SIGNALS];
    sigset_t mask;
    char locale[256], directory[PATH_MAX];
    mode_t umask;
    uint64_t environment;
    size_t threads;
    struct itimerval timer;
    bool open[DESCRIPTORS];
};

static uint64_t hash_environment(void)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (char **e = environ; e && *e; e++)
        for (const char *c = *e;; c++) {
            h = (h ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
            if (!*c)
                break;
        }
    return h;
}

/* Numbers that are names in a folder of /proc. */
static size_t list_numbers(const char *folder, bool seen[DESCRIPTORS])
{
    size_t count = 0;
    DIR *d = opendir(folder);
    for (const struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        uint64_t n;
        if (!slice_u64(slice_text(e->d_name), &n) || (seen && n == (uint64_t)dirfd(d)))
            continue;
        count++;
        if (seen && n < DESCRIPTORS)
            seen[n] = true;
    }
    if (d)
        (void)closedir(d);
    return count;
}

struct state *state_take(void)
{
    struct state *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    for (int n = 1; n < SIGNALS; n++)
        (void)sigaction(n, NULL, &s->actions[n]);
    (void)sigprocmask(SIG_SETMASK, NULL, &s->mask);
    const char *locale = setlocale(LC_ALL, NULL);
    (void)snprintf(s->locale, sizeof s->locale, "%s", locale ? locale : "");
    if (!getcwd(s->directory, sizeof s->directory))
        s->directory[0] = 0;
    s->umask = umask(077);
    (void)umask(s->umask);
    s->environment = hash_environment();
    (void)getitimer(ITIMER_REAL, &s->timer);
    s->threads = list_numbers("/proc/self/task", NULL);
    (void)list_numbers("/proc/self/fd", s->open);
    return s;
}

void state_free(struct state *s)
{
    free(s);
}

static void compare_signals(const struct state *a, const struct state *b, struct report *r, const char *when)
{
    for (int n = 1; n < SIGNALS; n++)
        if (a->actions[n].sa_handler != b->actions[n].sa_handler)
            report_find(r, "leave signals alone: they are the service's",
                        "after %s the process has another handler of %s", when,
                        sigabbrev_np(n) ? sigabbrev_np(n) : "a signal");
    for (int n = 1; n < SIGNALS; n++)
        if (sigismember(&a->mask, n) != sigismember(&b->mask, n))
            report_find(r, "leave signals alone: they are the service's",
                        "after %s the process has another mask of signals", when);
    if (b->timer.it_value.tv_sec || b->timer.it_value.tv_usec)
        report_find(r, "no alarm, no setitimer: deadlines are the host's, see host->cancelled",
                    "after %s a timer of the process runs", when);
}

static void compare_descriptors(const struct state *a, const struct state *b, struct report *r, const char *when)
{
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        char link[64], target[256] = "";
        if (a->open[fd] == b->open[fd])
            continue;
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, target, sizeof target - 1);
        target[n > 0 ? n : 0] = 0;
        if (b->open[fd])
            report_find(r, "close what you open before the function returns, at the latest in fini",
                        "after %s a file descriptor is left open: %s", when, target);
        else
            report_find(r, "close only what you opened",
                        "after %s file descriptor %d, which was not its own, is closed", when, fd);
    }
}

void state_compare(const struct state *before, struct report *r, const char *when, bool threads)
{
    struct state *now = state_take();
    if (!now || !before)
        return state_free(now);
    compare_signals(before, now, r, when);
    compare_descriptors(before, now, r, when);
    if (strcmp(before->locale, now->locale) != 0)
        report_find(r, "never call setlocale: other plugins parse numbers", "after %s the locale is %s", when,
                    now->locale);
    if (strcmp(before->directory, now->directory) != 0)
        report_find(r, "never call chdir: use absolute paths", "after %s the working directory is %s", when,
                    now->directory);
    if (before->umask != now->umask)
        report_find(r, "never call umask: give open() the mode that you want, then fchmod",
                    "after %s the umask is %03o", when, (unsigned)now->umask);
    if (before->environment != now->environment)
        report_find(r, "never call setenv, putenv or unsetenv: options come from host->conf_text",
                    "after %s the environment is another", when);
    if (threads && now->threads > before->threads)
        report_find(r, "a plugin has no threads of its own; at the latest fini ends them",
                    "after %s a thread of its own runs on", when);
    state_free(now);
}
