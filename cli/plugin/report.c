/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plugin/report.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct report *report_new(void)
{
    void *room = mmap(NULL, sizeof(struct report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return room == MAP_FAILED ? NULL : room;
}

void report_free(struct report *r)
{
    if (r)
        munmap(r, sizeof *r);
}

/* What is wrong with evidence comes back in every trial that has evidence; options and members are each their own. */
static bool is_same_place(const struct finding *a, const struct finding *b)
{
    bool option = slice_starts(slice_text(b->check), S("option "));
    if (option)
        return strcmp(a->check, b->check) == 0;
    return strcmp(b->check, "tampering") != 0 || strcmp(a->what, b->what) == 0;
}

static void add(struct report *r, const struct finding *f)
{
    pthread_mutex_lock(&lock);
    for (uint32_t i = 0; i < r->count; i++) {
        struct finding *known = &r->findings[i];
        if (known->kind == f->kind && is_same_place(known, f)) {
            known->times++;
            pthread_mutex_unlock(&lock);
            return;
        }
    }
    if (r->count < FINDINGS_MAX)
        r->findings[r->count++] = *f;
    pthread_mutex_unlock(&lock);
}

void report_find(struct report *r, const char *remedy, const char *format, ...)
{
    struct finding f = {.times = 1, .kind = format};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(f.what, sizeof f.what, format, args);
    va_end(args);
    (void)snprintf(f.check, sizeof f.check, "%s", r->check);
    (void)snprintf(f.remedy, sizeof f.remedy, "%s", remedy);
    add(r, &f);
}

void report_note(struct report *r, const char *format, ...)
{
    struct finding f = {.times = 1, .note = true, .kind = format};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(f.what, sizeof f.what, format, args);
    va_end(args);
    (void)snprintf(f.check, sizeof f.check, "%s", r->check);
    add(r, &f);
}

void report_settle(struct report *r)
{
    r->count = r->count < FINDINGS_MAX ? r->count : FINDINGS_MAX;
    r->output_size = r->output_size < sizeof r->output ? r->output_size : 0;
    r->check[sizeof r->check - 1] = r->stage[sizeof r->stage - 1] = r->slowest[sizeof r->slowest - 1] = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        struct finding *f = &r->findings[i];
        f->check[sizeof f->check - 1] = f->what[sizeof f->what - 1] = f->remedy[sizeof f->remedy - 1] = 0;
    }
}

size_t report_faults(const struct report *r)
{
    size_t n = 0;
    for (uint32_t i = 0; i < r->count; i++)
        n += !r->findings[i].note;
    return n;
}

/* --- calls --- */

static uint64_t now_of(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct call_watch call_begin(struct report *r, const char *format, ...)
{
    char stage[sizeof r->stage];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(stage, sizeof stage, format, args);
    va_end(args);
    pthread_mutex_lock(&lock);
    memcpy(r->stage, stage, sizeof stage);
    pthread_mutex_unlock(&lock);
    r->began_ns = now_of(CLOCK_MONOTONIC);
    return (struct call_watch){now_of(CLOCK_THREAD_CPUTIME_ID)};
}

void call_end(struct report *r, const struct call_watch *w)
{
    uint64_t spent = now_of(CLOCK_THREAD_CPUTIME_ID) - w->cpu_ns;
    r->began_ns = 0;
    r->calls++;
    r->all_calls++;
    if (spent <= r->slowest_ns)
        return;
    r->slowest_ns = spent;
    pthread_mutex_lock(&lock);
    memcpy(r->slowest, r->stage, sizeof r->slowest);
    pthread_mutex_unlock(&lock);
}
