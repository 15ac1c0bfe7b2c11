/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/attester/snp_report.h"

#include <stdlib.h>

#include "lib/json/json.h"

/* A report with its certificate table: refused, or written as JSON that can be read and holds the report data. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    slice whole = slice_of(data, size), text;
    const json *document;
    if (!arena.base && FAILED(arena_map(&arena, (size_t)64 << 20, ARENA_PLAIN)))
        abort();
    arena_reset(&arena, arena.size);
    slice report = slice_sub(whole, 0, SNP_REPORT_SIZE);
    result r = snp_evidence_json(report, slice_sub(whole, SNP_REPORT_SIZE, size), &arena, &text);
    if (FAILED(r) != (text.ptr == NULL))
        abort();
    if (FAILED(r))
        return 0;
    if (FAILED(json_parse(&arena, text, &document)))
        abort();
    if (json_count(json_at(document, S("/attestation_report/report_data"))) != 64)
        abort();
    return 0;
}
