/* SPDX-License-Identifier: Apache-2.0
 *
 * What a plugin is, how it starts and ends, and what it does with options.
 */
#include "cli/plugin/trials.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/plugin/plugin.h"

/* --- the descriptor: the loader's own checks --- */

void trial_describe(void *user, struct report *r)
{
    const struct examination *e = user;
    char error[1024] = "", *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct call_watch w = call_begin(r, "loading and " TRUSTEE_PLUGIN_SYMBOL);
    result dumped = out ? plugin_dump(e->target.file, out, error, sizeof error) : FAIL(NO_MEMORY);
    call_end(r, &w);
    r->slowest_ns = 0; /* hashing the file is not the plugin's doing */
    if (out)
        (void)fclose(out);
    if (FAILED(dumped))
        report_find(r, "the service refuses to load it for this; see docs/plugin-guide.md", "%s",
                    *error ? error : reason_text((enum reason)dumped.reason));
    else if (size <= sizeof r->output) {
        memcpy(r->output, text, size);
        r->output_size = size;
    }
    free(text);
}

/* --- init, self test, fini --- */

struct starting {
    struct harness harness;
    struct report *report;
    bool good;
};

static void tell_start(struct harness *h, trustee_status s)
{
    report_find(h->report,
                *h->complaint ? "mend that, or give the option that it takes with --option KEY=VALUE"
                              : "say why with host->log before init or self_test answers an error",
                "%s answered %s: %s", h->running ? "self_test" : "init", status_text(s),
                *h->complaint ? h->complaint : "it did not log why");
}

static void start_once(void *user, unsigned n)
{
    struct starting *x = user;
    (void)n;
    trustee_status s = x->good ? harness_start(&x->harness) : TRUSTEE_OK;
    if (s != TRUSTEE_OK) {
        tell_start(&x->harness, s);
        x->good = false;
    }
    harness_stop(&x->harness);
}

static void advise(const struct harness *h)
{
    if (!h->about.self_test)
        report_note(h->report, "it has no self_test: a known-answer test at the start finds a broken build or library");
    if (h->about.license.len == 0 || h->about.vendor.len == 0 || h->about.description.len == 0)
        report_note(h->report, "its descriptor lacks vendor, license or description, which operators read");
}

void trial_start(void *user, struct report *r)
{
    static struct starting x;
    const struct examination *e = user;
    char why[256] = "";
    struct state *before = state_take();
    x = (struct starting){.report = r, .good = true};
    if (!harness_open(&x.harness, &e->target, r))
        return;
    state_compare(before, r, "loading", true);
    if (!harness_settle(&x.harness, why, sizeof why)) {
        report_find(r, "give it with --option KEY=VALUE", "%s", why);
        return;
    }
    advise(&x.harness);
    start_once(&x, 0);
    state_compare(before, r, "init, self_test and fini", true);
    if (x.good)
        look_for_leak(r, "starting and ending it", start_once, &x, 32);
}

/* --- hostile values of options --- */

static void try_value(struct harness *h, const trustee_option *o, slice text, slice file, const char *what)
{
    char why[256];
    if (!harness_settle(h, why, sizeof why))
        return;
    harness_unset(h, o->name);
    /* What does not fit its type never reaches a plugin: the service refuses it. */
    if (text.ptr && !harness_set(h, o, text, file))
        return;
    trustee_status s = harness_start(h);
    if (s != TRUSTEE_OK && s != TRUSTEE_E_CONFIG && s != TRUSTEE_E_NOMEM && !h->running)
        report_find(h->report, "answer TRUSTEE_E_CONFIG for a value that cannot work",
                    "init answered %s for the option %.*s with %s", status_text(s), SLICE_ARG(o->name), what);
    else if (s != TRUSTEE_OK && !*h->complaint)
        report_find(h->report, "say with host->log what is wrong with which option, and what is expected",
                    "the option %.*s with %s is refused, and nothing says why", SLICE_ARG(o->name), what);
    harness_stop(h);
}

static void try_numbers(struct harness *h, const trustee_option *o)
{
    static const uint64_t some[] = {0, 1, 2, 1024, UINT32_MAX, INT64_MAX, UINT64_MAX};
    char text[32];
    for (size_t i = 0; i < sizeof some / sizeof *some + 2; i++) {
        uint64_t n = i < sizeof some / sizeof *some ? some[i] : i % 2 ? o->min : o->max;
        int length = snprintf(text, sizeof text, "%llu", (unsigned long long)n);
        try_value(h, o, slice_of(text, (size_t)length), NO_SLICE, text);
    }
}

static slice long_text(struct arena *a, size_t size)
{
    uint8_t *room = arena_alloc(a, size, 1);
    if (room)
        memset(room, 'x', size);
    return slice_of(room, room ? size : 0);
}

static void try_texts(struct harness *h, const trustee_option *o)
{
    static const char *const some[] = {"x",
                                       "-1",
                                       "0",
                                       ",",
                                       ",,,,",
                                       "%s%n%s%n",
                                       "../../../../etc/passwd",
                                       "\xc3\xbc\xe2\x82\xac",
                                       "yes no",
                                       "{\"a\":1}",
                                       "UpToDate,,UpToDate",
                                       "1.2.3.4.5.6.7.8.9"};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        try_value(h, o, slice_text(some[i]), NO_SLICE, some[i]);
    try_value(h, o, long_text(&h->arena, 4000), NO_SLICE, "4,000 bytes of text");
}

static void try_paths(struct harness *h, const trustee_option *o)
{
    slice missing = arena_printf(&h->arena, "%s/missing/deeper", h->target->folder);
    try_value(h, o, missing, NO_SLICE, "a path that is not there");
    try_value(h, o, S("/dev/null"), NO_SLICE, "/dev/null");
    try_value(h, o, S("/proc/self/status"), NO_SLICE, "a file of /proc");
}

static void try_files(struct harness *h, const trustee_option *o)
{
    static const char *const some[] = {"",
                                       "\n",
                                       "garbage",
                                       "-----BEGIN CERTIFICATE-----\n",
                                       "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n",
                                       "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
                                       "{}",
                                       "\x30\x82\xff\xff\x30"};
    slice path = S("/nowhere/file");
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        try_value(h, o, path, slice_of(some[i], strlen(some[i])), "the content of a file that is none of its own");
    try_value(h, o, path, long_text(&h->arena, (size_t)1 << 20), "a file of 1 MiB");
    uint8_t *zeros = arena_alloc(&h->arena, 65536, 1);
    if (zeros)
        try_value(h, o, path, slice_of(zeros, 65536), "a file of zeros");
}

void trial_option(void *user, struct report *r)
{
    static struct harness h;
    const struct examination *e = user;
    if (!harness_open(&h, &e->target, r) || e->option >= h.about.option_count)
        return;
    trustee_option o = harness_option(&h, e->option);
    (void)snprintf(r->check, sizeof r->check, "option %.*s", SLICE_ARG(slice_sub(o.name, 0, 32)));
    if (!(o.flags & TRUSTEE_OPTION_REQUIRED) && o.fallback.len == 0)
        try_value(&h, &o, NO_SLICE, NO_SLICE, "no value");
    switch (o.type) {
    case TRUSTEE_OPTION_TEXT:
        return try_texts(&h, &o);
    case TRUSTEE_OPTION_BOOL:
        try_value(&h, &o, S("yes"), NO_SLICE, "yes");
        return try_value(&h, &o, S("no"), NO_SLICE, "no");
    case TRUSTEE_OPTION_PATH:
        return try_paths(&h, &o);
    case TRUSTEE_OPTION_FILE:
        return try_files(&h, &o);
    default:
        return try_numbers(&h, &o);
    }
}
