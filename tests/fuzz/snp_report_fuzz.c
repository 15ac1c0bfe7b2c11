/* SPDX-License-Identifier: Apache-2.0
 *
 * The parsers of lib/snp: a report, firmware versions, an operator's texts, and a certificate of a signing key.
 */
#include <stdlib.h>

#include "lib/snp/name.h"
#include "lib/snp/vek.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

static bool within(slice view, slice whole)
{
    return view.len == 0 || (view.ptr >= whole.ptr && view.ptr + view.len <= whole.ptr + whole.len);
}

static void read_report(slice input)
{
    struct snp_report r;
    if (FAILED(snp_report_read(input, &r)))
        return;
    must(r.version >= SNP_REPORT_VERSION_MIN && r.version <= SNP_REPORT_VERSION_MAX);
    must(within(r.chip_id, input) && within(r.launch_tcb, input) && within(r.to_sign, input) && within(r.s, input));
    for (int layout = SNP_TCB_MILAN; layout <= SNP_TCB_TURIN; layout++) {
        uint8_t back[SNP_TCB_SIZE];
        struct snp_tcb tcb;
        if (FAILED(snp_tcb_read(r.reported_tcb, (enum snp_tcb_layout)layout, &tcb)))
            continue;
        snp_tcb_write(&tcb, (enum snp_tcb_layout)layout, back);
        must(slice_equal(r.reported_tcb, slice_of(back, sizeof back)));
    }
}

static void read_certificate(slice input)
{
    struct certificate c;
    struct snp_vek_facts facts;
    snp_name_read(input);
    if (FAILED(certificate_read(input, &c)) || FAILED(snp_vek_read(&c, &facts)))
        return;
    must(within(facts.generation, input) && within(facts.chip_id, input) && within(facts.provider, input));
}

static void read_texts(slice input)
{
    struct snp_generations g;
    struct snp_tcb tcb;
    snp_generations_known(&g);
    snp_tcb_parse(input, &tcb);
    if (snp_generations_add(&g, input))
        must(g.count >= 3 && g.count <= SNP_GENERATIONS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice input = slice_of(data, size);
    read_report(input);
    read_certificate(input);
    read_texts(input);
    return 0;
}
