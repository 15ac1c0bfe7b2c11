/* SPDX-License-Identifier: Apache-2.0
 *
 * Plugins that misbehave, one for each MISBEHAVE that it is compiled with: `trusteectl plugin check` must find each.
 * Built by tests/scenario/plugin_sdk_test.py.
 */
#define PLUGIN_NAME "rogue"
#define OWN_VERIFY
#ifdef ROGUE_PARALLEL
#define THREADS TRUSTEE_THREADS_PARALLEL
#endif
#include "../template.h"

#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT(literal) ((trustee_slice)TRUSTEE_TEXT(literal))

struct call {
    trustee_request *req;
    const trustee_verify_in *in;
    trustee_verify_out *out;
};

static unsigned calls;

static trustee_status rejects(const struct call *c)
{
    host->reject(c->req, TEXT("rogue.bad"), TEXT("it is bad"));
    return TRUSTEE_REJECT;
}

/* --- what ends the process --- */

static trustee_status crash(const struct call *c)
{
    trustee_slice text = {NULL, 0};
    if (host->value_text(c->req, c->in->evidence, TEXT("/quote"), &text) == TRUSTEE_OK)
        *(volatile int *)16 = 1;
    return rejects(c);
}

static trustee_status deeper(const struct call *c, volatile uint64_t *depth)
{
    volatile uint64_t mine[512] = {*depth + 1};
    return deeper(c, mine) + (trustee_status)mine[7];
}

static trustee_status overflow(const struct call *c)
{
    uint64_t depth = 0;
    return deeper(c, &depth);
}

static trustee_status leaves(const struct call *c)
{
    (void)c;
    exit(0);
}

static trustee_status aborts(const struct call *c)
{
    (void)c;
    abort();
}

static trustee_status writes_input(const struct call *c)
{
    trustee_slice text = {NULL, 0};
    if (host->value_text(c->req, c->in->evidence, TEXT("/quote"), &text) == TRUSTEE_OK && text.len)
        *(uint8_t *)(uintptr_t)text.ptr = 0;
    return rejects(c);
}

/* --- what takes too long, or too much --- */

static trustee_status hang(const struct call *c)
{
    for (;;)
        (void)pause();
    return rejects(c);
}

static trustee_status slow(const struct call *c)
{
    volatile uint64_t n = 0;
    if (++calls == 9)
        while (n < 400000000)
            n++;
    return rejects(c);
}

static trustee_status leak(const struct call *c)
{
    char *lost = malloc(48);
    if (lost)
        memset(lost, 1, 48);
    __asm__ volatile("" : : "r"(lost) : "memory");
    return rejects(c);
}

static trustee_status leaks_descriptor(const struct call *c)
{
    if (++calls == 3)
        (void)!open("/dev/null", O_RDONLY | O_CLOEXEC);
    return rejects(c);
}

/* --- what believes --- */

static trustee_status believe(const struct call *c)
{
    c->out->report_data = c->in->report_data;
    c->out->verdict = TRUSTEE_VERDICT_GENUINE;
    return TRUSTEE_OK;
}

static trustee_status believes(const struct call *c)
{
    return ++calls % 50 ? rejects(c) : believe(c);
}

static trustee_status believes_starving(const struct call *c)
{
    return host->arena_alloc(c->req, 16, 8) ? rejects(c) : believe(c);
}

static trustee_status believes_late(const struct call *c)
{
    return host->cancelled(c->req) ? believe(c) : rejects(c);
}

static trustee_status believes_old_clocks(const struct call *c)
{
    return c->in->now < 0 ? believe(c) : rejects(c);
}

static trustee_status believes_without_challenge(const struct call *c)
{
    return c->in->report_data.len ? rejects(c) : believe(c);
}

/* --- what changes the process --- */

static trustee_status changes_directory(const struct call *c)
{
    (void)!chdir("/");
    return rejects(c);
}

static trustee_status changes_umask(const struct call *c)
{
    (void)umask(0777);
    return rejects(c);
}

static trustee_status changes_environment(const struct call *c)
{
    (void)setenv("ROGUE", "1", 1);
    return rejects(c);
}

static trustee_status changes_locale(const struct call *c)
{
    (void)setlocale(LC_ALL, "C.UTF-8");
    return rejects(c);
}

static trustee_status changes_signals(const struct call *c)
{
    (void)signal(SIGTERM, SIG_IGN);
    return rejects(c);
}

static trustee_status closes_all(const struct call *c)
{
    for (int fd = 0; fd < 64; fd++)
        (void)close(fd);
    return rejects(c);
}

static void *idle(void *user)
{
    for (;;)
        (void)pause();
    return user;
}

static trustee_status leaves_thread(const struct call *c)
{
    pthread_t thread;
    if (++calls == 1)
        (void)pthread_create(&thread, NULL, idle, NULL);
    return rejects(c);
}

static trustee_status leaves_process(const struct call *c)
{
    if (++calls == 1 && fork() == 0)
        for (;;)
            (void)pause();
    return rejects(c);
}

/* --- what breaks the contract --- */

static trustee_status rejects_silently(const struct call *c)
{
    (void)c;
    return TRUSTEE_REJECT;
}

static trustee_status no_verdict(const struct call *c)
{
    (void)c;
    return TRUSTEE_OK;
}

static trustee_status odd_status(const struct call *c)
{
    (void)c;
    return 4711;
}

static trustee_status faults(const struct call *c)
{
    (void)c;
    return TRUSTEE_E_INTERNAL;
}

static trustee_status foreign_reason(const struct call *c)
{
    host->reject(c->req, TEXT("tdx.quote"), TEXT("it is bad"));
    return TRUSTEE_REJECT;
}

static trustee_status empty_need(const struct call *c)
{
    c->out->need_count = 9;
    return TRUSTEE_NEED;
}

static trustee_status odd_alignment(const struct call *c)
{
    (void)host->arena_alloc(c->req, 16, 3);
    return rejects(c);
}

static trustee_status binary_record(const struct call *c)
{
    host->check(c->req, TEXT("rogue.check"), 1, TEXT("\xff\xfe"), TEXT(""));
    return rejects(c);
}

static trustee_status keeps_request(const struct call *c)
{
    static trustee_request *kept;
    if (kept)
        (void)host->cancelled(kept);
    kept = c->req;
    return rejects(c);
}

static void *ask(void *user)
{
    const struct call *c = user;
    (void)host->cancelled(c->req);
    return NULL;
}

static trustee_status other_thread(const struct call *c)
{
    struct call copy = *c;
    pthread_t thread;
    if (pthread_create(&thread, NULL, ask, &copy) == 0)
        pthread_join(thread, NULL);
    return rejects(c);
}

/* Answers depend on what was there before. */
static trustee_status remembers(const struct call *c)
{
    return ++calls % 7 ? rejects(c) : TRUSTEE_E_LIMIT;
}

static trustee_status bad_collateral(const struct call *c)
{
    c->out->needs[0] = (trustee_need){TEXT(""), TEXT("")};
    c->out->need_count = 1;
    return TRUSTEE_NEED;
}

static trustee_status verify(void *instance, trustee_request *req, const trustee_verify_in *in, trustee_verify_out *out)
{
    trustee_status (*const all[])(const struct call *) = {crash,
                                                          overflow,
                                                          leaves,
                                                          aborts,
                                                          writes_input,
                                                          hang,
                                                          slow,
                                                          leak,
                                                          leaks_descriptor,
                                                          believes,
                                                          believes_starving,
                                                          believes_late,
                                                          believes_old_clocks,
                                                          believes_without_challenge,
                                                          changes_directory,
                                                          changes_umask,
                                                          changes_environment,
                                                          changes_locale,
                                                          changes_signals,
                                                          closes_all,
                                                          leaves_thread,
                                                          leaves_process,
                                                          rejects_silently,
                                                          no_verdict,
                                                          odd_status,
                                                          faults,
                                                          foreign_reason,
                                                          empty_need,
                                                          odd_alignment,
                                                          binary_record,
                                                          keeps_request,
                                                          other_thread,
                                                          remembers,
                                                          bad_collateral};
    (void)instance;
    (void)all; /* none of them is unused */
    return MISBEHAVE(&(struct call){req, in, out});
}
