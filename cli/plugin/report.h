/* SPDX-License-Identifier: Apache-2.0
 *
 * What `trusteectl plugin check` finds. The report lies in memory that is shared with the child process in which the
 * plugin runs, so that it outlives whatever the plugin does to that process.
 */
#ifndef CLI_PLUGIN_REPORT_H
#define CLI_PLUGIN_REPORT_H

#include <stdatomic.h>

#include "lib/base/bytes.h"

#define FINDINGS_MAX 64

struct finding {
    bool note; /* worth knowing, and no fault */
    uint32_t times;
    const void *kind; /* the format of `what`: findings of one kind are told once */
    char check[48];   /* "descriptor", "options", "evidence", … */
    char what[400];
    char remedy[320];
};

struct report {
    struct finding findings[FINDINGS_MAX];
    uint32_t count;
    char check[48];              /* the trial that runs */
    char stage[200];             /* the call that runs: where a crash or hang happened */
    _Atomic uint64_t began_ns;   /* of that call, CLOCK_MONOTONIC; 0: none runs */
    _Atomic uint64_t calls;      /* of the trial */
    _Atomic uint64_t slowest_ns; /* CPU time of the slowest call so far */
    _Atomic uint64_t all_calls;
    char slowest[200]; /* which one that was */
    bool finished;     /* the trial came to its end */
    uintptr_t fault_address;
    bool fault_in_input; /* the plugin wrote to what it was given */
    size_t output_size;  /* of `output`: what the trial `describe` says, JSON */
    char output[(size_t)1 << 18];
};

struct report *report_new(void); /* NULL: no memory */
void report_free(struct report *r);

/* Says what is wrong and what to do. The same format once more only counts. Any thread of the child. */
void report_find(struct report *r, const char *remedy, const char *format, ...) __attribute__((format(printf, 3, 4)));
void report_note(struct report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* After the child has ended: what a plugin may have scribbled over is made safe to read. */
void report_settle(struct report *r);
size_t report_faults(const struct report *r); /* without notes */

/* Brackets one call of the plugin. */
struct call_watch {
    uint64_t cpu_ns;
};
struct call_watch call_begin(struct report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void call_end(struct report *r, const struct call_watch *w);

/* --- the child (child.c) --- */

/* One group of checks, run in a child process of its own. */
struct trial {
    const char *name;
    void (*body)(void *user, struct report *r);
    void *user;
    unsigned seconds; /* at most for one call */
};
/* Runs it; whatever end it takes is in the report. False when it did not come to its end, or could not be started. */
bool trial_run(const struct trial *t, struct report *r);
/* In the child: memory that the plugin may only read while it is called; writing to it is told apart from other faults.
 */
void trial_watch_input(const void *base, size_t size);

/* --- the state of the process (state.c) --- */

struct state;
struct state *state_take(void); /* NULL: no memory */
void state_free(struct state *s);
/* A finding for each thing that changed since `before`; `when` is "init", "the calls", … Threads count only where
 * `threads`. Takes the new state. */
void state_compare(const struct state *before, struct report *r, const char *when, bool threads);

#endif
