/* SPDX-License-Identifier: Apache-2.0
 *
 * Event logs from any bytes: reading, replay, and claims over a host of the tests. Besides whole logs, the bytes are
 * taken as the data of one event whose digest is right, so that what is read of data is reached from any seed.
 */
#include <stdlib.h>

#include "lib/tcg/eventlog.h"
#include "tests/support/fake_host.h"
#include "tests/support/forge_eventlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fake_host host;

static void inside(slice whole, slice part)
{
    if (part.len && (part.ptr < whole.ptr || part.len > whole.len || part.ptr > whole.ptr + (whole.len - part.len)))
        abort();
}

static void read_events(slice bytes)
{
    struct eventlog log;
    struct event e;
    bool over = false;
    if (FAILED(eventlog_open(bytes, &log)))
        return;
    while (!FAILED(eventlog_next(&log, &e, &over)) && !over) {
        inside(bytes, e.data);
        if (e.digest_count > log.algorithm_count)
            abort();
        for (size_t i = 0; i < e.digest_count; i++)
            inside(bytes, e.digests[i].bytes);
    }
}

/* Claims are well-formed whenever they are not refused. */
static void tell(slice bytes, uint16_t algorithm, uint32_t registers)
{
    struct eventlog_proof proof = {bytes, algorithm, registers};
    struct trustee_writer w;
    tree out;
    fake_request(&host);
    if (FAILED(claims_begin(&w, &host.arena, 1u << 15)))
        abort();
    result r = eventlog_claims(&host.table, fake_handle(&host), &w, S("log"), &proof);
    result ended = claims_end(&w, &out);
    if (!FAILED(r) && ended.reason == ATTEST_CLAIMS)
        abort();
}

static void one_event(slice in)
{
    static const uint32_t TYPES[] = {0x01,       0x04,       0x05,       0x06,       0x0a,       0x0d,
                                     0x80000001, 0x80000002, 0x80000003, 0x80000007, 0x8000000a, 0x800000e0};
    struct forge_log l;
    if (in.len < 3)
        return;
    forge_log_begin(&l, (const uint16_t[]){TPM_ALG_SHA256}, 1);
    slice bytes = slice_sub(in, 3, in.len);
    if (in.ptr[1] & 1)
        forge_plain(&l, 1, 4, S("\0\0\0\0"));
    forge_event(&l, 1, TYPES[in.ptr[0] % (sizeof TYPES / sizeof *TYPES)], slice_sub(bytes, in.ptr[2], bytes.len),
                bytes);
    tell(forge_log_bytes(&l), TPM_ALG_SHA256, 2);
    forge_log_end(&l);
}

/* The bytes as one node of a device path. */
static void one_node(slice in)
{
    struct forge_log l, data = {0};
    if (in.len < 2 || in.len > 1024)
        return;
    for (int i = 0; i < 3; i++)
        forge_number(&data, 0, 8);
    forge_number(&data, in.len + 6, 8);
    forge_bytes(&data, slice_of(in.ptr, 2));
    forge_number(&data, in.len + 2, 2);
    forge_bytes(&data, slice_sub(in, 2, in.len));
    forge_bytes(&data, S("\x7f\xff\4\0"));
    forge_log_begin(&l, (const uint16_t[]){TPM_ALG_SHA256}, 1);
    forge_event(&l, 1, 0x80000003, S("image"), forge_log_bytes(&data));
    tell(forge_log_bytes(&l), TPM_ALG_SHA256, 2);
    forge_log_end(&l);
    forge_log_end(&data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t ALGORITHMS[] = {TPM_ALG_SHA1, TPM_ALG_SHA256, TPM_ALG_SHA384, TPM_ALG_SHA512,
                                          TPM_ALG_SM3_256};
    slice in = slice_of(data, size);
    struct eventlog_replay replay;
    if (!host.arena.base)
        fake_host_begin(&host);
    read_events(in);
    for (size_t i = 0; i < sizeof ALGORITHMS / sizeof *ALGORITHMS; i++) {
        if (FAILED(eventlog_replay(in, ALGORITHMS[i], &replay)))
            continue;
        tell(in, ALGORITHMS[i], replay.extended);
    }
    one_event(in);
    one_node(in);
    return 0;
}
