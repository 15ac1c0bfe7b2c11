/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of an event log's claims share: a log to write to, a host, and its claims as text.
 */
#ifndef TESTS_EVENTLOG_FIXTURE_H
#define TESTS_EVENTLOG_FIXTURE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/tcg/eventlog.h"
#include "tests/support/fake_host.h"
#include "tests/support/forge_eventlog.h"

#define EV_POST_CODE 1
#define EV_NO_ACTION 3
#define EV_SEPARATOR 4
#define EV_ACTION 5
#define EV_EVENT_TAG 6
#define EV_PLATFORM_CONFIG_FLAGS 10
#define EV_COMPACT_HASH 12
#define EV_IPL 13
#define DRIVER_CONFIG 0x80000001
#define VARIABLE_BOOT 0x80000002
#define APPLICATION 0x80000003
#define EFI_ACTION 0x80000007
#define FIRMWARE_BLOB2 0x8000000a
#define HANDOFF_TABLES2 0x8000000b
#define VARIABLE_BOOT2 0x8000000c
#define VARIABLE_AUTHORITY 0x800000e0

#define RTMRS 0x1e
#define ARENA_SIZE (512u << 20)

static struct forge_log l;
static struct fake_host host;
static tree claims;

static inline void begin(void)
{
    forge_log_begin(&l, (const uint16_t[]){TPM_ALG_SHA384}, 1);
    fake_host_begin(&host);
    arena_unmap(&host.arena);
    cr_assert(!FAILED(arena_map(&host.arena, ARENA_SIZE, ARENA_PLAIN)));
    fake_request(&host);
}

static inline void end(void)
{
    cr_expect(!l.failed);
    forge_log_end(&l);
    fake_host_end(&host);
}

static inline enum reason claims_of(slice log, uint16_t algorithm, uint32_t registers)
{
    struct eventlog_proof proof = {log, algorithm, registers};
    struct trustee_writer w;
    fake_request(&host);
    cr_assert(!FAILED(claims_begin(&w, &host.arena, 4u << 20)));
    result r = eventlog_claims(&host.table, fake_handle(&host), &w, S("log"), &proof);
    result ended = claims_end(&w, &claims);
    cr_expect(FAILED(r) || !FAILED(ended), "the claims are not well-formed");
    return (enum reason)r.reason;
}

static inline void reads(void)
{
    enum reason r = claims_of(forge_log_bytes(&l), TPM_ALG_SHA384, RTMRS);
    cr_assert(r == REASON_OK, "%s", reason_id(r));
}

static inline void refuses(enum reason why)
{
    enum reason r = claims_of(forge_log_bytes(&l), TPM_ALG_SHA384, RTMRS);
    cr_expect(r == why, "%s, expected %s", reason_id(r), reason_id(why));
}

/* Compact JSON with sorted members; "(none)" where there is nothing. */
static inline const char *claim(const char *pointer)
{
    const node *n = tree_at(claims, slice_text(pointer));
    struct text t = text_begin(&host.arena);
    if (!n)
        return "(none)";
    tree_json(&t, claims, n, true);
    text_add(&t, S("\0"));
    return (const char *)text_end(&t).ptr;
}

#define is(pointer, expected) cr_expect_str_eq(claim(pointer), expected)

static inline size_t count(void)
{
    const node *log = tree_at(claims, S("/log"));
    return log ? (size_t)log->integer : 0;
}

/* The details of the last event. */
static inline const char *told(void)
{
    char pointer[64];
    reads();
    (void)snprintf(pointer, sizeof pointer, "/log/%zu/details", count() - 1);
    return claim(pointer);
}

#define tells(expected) cr_expect_str_eq(told(), expected)
#define NOTHING "{}"

static inline void again(void)
{
    forge_log_end(&l);
    forge_log_begin(&l, (const uint16_t[]){TPM_ALG_SHA384}, 1);
}

#define SECURE_BOOT(data, length)                                                           \
    "{\"unicode_name\":\"SecureBoot\",\"unicode_name_length\":10,\"variable_data\":\"" data \
    "\",\"variable_data_length\":" length ",\"variable_name\":\"61dfe48b-ca93-d211-aa0d-00e098032b8c\"}"

#endif
