/* SPDX-License-Identifier: Apache-2.0
 *
 * The plugin's verify() through the fake host. An input that begins with '{' is the evidence; any other gives the bytes
 * of ak_public, message and signature, the first two after two bytes of length, so that the parsers behind the JSON are
 * reached.
 */
#include <stdlib.h>

#include "tests/support/fake_host.h"
#include "tests/support/test_tpm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const trustee_plugin *trustee_plugin_describe_v1(void);

static slice evidence_of(struct arena *a, slice in)
{
    static const uint8_t pcrs[TEST_PCRS][32];
    struct test_evidence e = {.pcrs = pcrs, .pcr_count = TEST_PCRS};
    struct reader r = reader_of(in);
    uint16_t length;
    if (slice_starts(in, S("{")))
        return in;
    if (read_u16be(&r, &length))
        read_bytes(&r, length, &e.ak);
    if (read_u16be(&r, &length))
        read_bytes(&r, length, &e.message);
    e.signature = r.left;
    return test_evidence(a, &e);
}

static void judge(struct fake_host *h, slice evidence)
{
    static const uint8_t zeros[48];
    trustee_verify_in in = {.report_data = slice_of(zeros, sizeof zeros), .now = TEST_NOW};
    bool genuine = fake_verify(h, S("tpm"), evidence, &in);
    if (h->claims_failed || (genuine && h->reason.len) || (h->status == TRUSTEE_REJECT && !h->reason.len))
        abort();
    if (h->status != TRUSTEE_OK && h->out.verdict != TRUSTEE_VERDICT_NONE)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake_host host;
    static struct arena arena;
    if (!arena.base) {
        if (FAILED(arena_map(&arena, 16u << 20, ARENA_PLAIN)))
            abort();
        fake_host_begin(&host);
        if (fake_load(&host, trustee_plugin_describe_v1()) != TRUSTEE_OK)
            abort();
    }
    if (size > 256 * 1024)
        return 0;
    arena_reset(&arena, arena.size);
    judge(&host, evidence_of(&arena, slice_of(data, size)));
    return 0;
}
