/* SPDX-License-Identifier: Apache-2.0
 *
 * A host for plugins under test: the whole host table over one arena, with nothing of the service behind it. No test
 * framework in here, so that unit tests, fuzz targets and programs can use it alike.
 *
 *     struct fake_host h;
 *     fake_host_begin(&h);
 *     fake_option(&h, "require_safe_clock", "yes");
 *     fake_load(&h, trustee_plugin_describe_v1());
 *     fake_verify(&h, "tpm", evidence, &in);      h.status, h.out, h.reason, h.claims; fake_check(&h, "tpm.nonce")
 *     fake_host_end(&h);
 */
#ifndef TESTS_FAKE_HOST_H
#define TESTS_FAKE_HOST_H

#include <trustee/verifier.h>

#include "lib/base/arena.h"
#include "lib/claims/claims.h"

#define FAKE_OPTIONS_MAX 32
#define FAKE_CHECKS_MAX 256
#define FAKE_CACHE_MAX 16

struct fake_option {
    slice name, value; /* for type FILE: the content */
};

struct fake_entry {
    slice cls;
    uint8_t digest[32];
    void *value;
    void (*drop)(void *value);
};

struct fake_record {
    slice name, expected, actual;
    bool passed;
};

/* What a trustee_sink points to here. */
struct fake_sink {
    struct fake_host *host;
    slice value;  /* after commit */
    size_t names; /* how many sink_name() gave */
    slice last_name;
    uint8_t *room;
    size_t size;
};

struct fake_host {
    trustee_host table;
    const trustee_plugin *plugin;
    void *instance;
    struct fake_option options[FAKE_OPTIONS_MAX];
    size_t option_count;
    struct fake_entry cache[FAKE_CACHE_MAX];
    size_t cache_count, cache_hits, cache_puts;
    bool cache_refuses; /* cache_put() answers TRUSTEE_E_LIMIT */
    bool cancelled;
    bool quiet; /* no log on stderr */
    size_t logged;

    /* the request: begun by every fake_request() and fake_verify() */
    struct arena arena;
    struct fake_record checks[FAKE_CHECKS_MAX];
    size_t check_count;
    slice reason, reason_text; /* of the first reject() */

    /* what verify() answered */
    trustee_status status;
    trustee_verify_out out;
    trustee_need needs[TRUSTEE_NEEDS_MAX];
    tree claims; /* empty unless the claims were well-formed */
    bool claims_failed;
};

void fake_host_begin(struct fake_host *h);
/* Calls the plugin's fini, drops the cache and unmaps the arena. */
void fake_host_end(struct fake_host *h);

/* Options that the plugin will find; the table's defaults stand in for what is not given. Texts are not copied. */
void fake_option(struct fake_host *h, const char *name, const char *value);
void fake_option_bytes(struct fake_host *h, const char *name, slice content);
/* init() and self_test(). What the first of them that fails answers, or TRUSTEE_OK. */
trustee_status fake_load(struct fake_host *h, const trustee_plugin *plugin);

/* Forgets the last request. The cache stays. */
void fake_request(struct fake_host *h);
trustee_request *fake_handle(struct fake_host *h);

/* Begins a request, parses the evidence and calls verify(). `in` has the binding, collateral and time; the rest is
 * filled in. True only for TRUSTEE_OK with GENUINE and well-formed claims. Text that is no JSON: false, with
 * TRUSTEE_E_INVAL as status. */
bool fake_verify(struct fake_host *h, slice tee, slice evidence, const trustee_verify_in *in);

/* 1: passed, 0: failed, -1: not made. */
int fake_check(const struct fake_host *h, const char *name);
/* A text or an integer of the claims as text, by JSON pointer; ptr NULL where there is none. */
slice fake_claim(struct fake_host *h, const char *pointer);

#endif
