/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/snp/report.h"

result snp_tcb_read(slice bytes, enum snp_tcb_layout layout, struct snp_tcb *out)
{
    const uint8_t *b = bytes.ptr;
    *out = (struct snp_tcb){0};
    ENSURE(bytes.len == SNP_TCB_SIZE, AMD_REPORT_SIZE);
    if (layout == SNP_TCB_TURIN) {
        *out = (struct snp_tcb){true, b[0], b[1], b[2], b[3], b[7]};
        ENSURE((b[4] | b[5] | b[6]) == 0, AMD_REPORT_RESERVED);
        return OK;
    }
    *out = (struct snp_tcb){false, 0, b[0], b[1], b[6], b[7]};
    ENSURE((b[2] | b[3] | b[4] | b[5]) == 0, AMD_REPORT_RESERVED);
    return OK;
}

void snp_tcb_write(const struct snp_tcb *tcb, enum snp_tcb_layout layout, uint8_t out[SNP_TCB_SIZE])
{
    const uint8_t turin[SNP_TCB_SIZE] = {tcb->fmc, tcb->bootloader, tcb->tee, tcb->snp, 0, 0, 0, tcb->microcode};
    const uint8_t milan[SNP_TCB_SIZE] = {tcb->bootloader, tcb->tee, 0, 0, 0, 0, tcb->snp, tcb->microcode};
    memcpy(out, layout == SNP_TCB_TURIN ? turin : milan, SNP_TCB_SIZE);
}

bool snp_tcb_equal(const struct snp_tcb *a, const struct snp_tcb *b)
{
    return snp_tcb_at_most(a, b) && snp_tcb_at_most(b, a);
}

bool snp_tcb_at_most(const struct snp_tcb *a, const struct snp_tcb *b)
{
    return a->fmc <= b->fmc && a->bootloader <= b->bootloader && a->tee <= b->tee && a->snp <= b->snp &&
           a->microcode <= b->microcode;
}

bool snp_version_at_most(const struct snp_version *a, const struct snp_version *b)
{
    unsigned older = (unsigned)a->major << 16 | (unsigned)a->minor << 8 | a->build;
    unsigned newer = (unsigned)b->major << 16 | (unsigned)b->minor << 8 | b->build;
    return older <= newer;
}

bool snp_tcb_parse(slice text, struct snp_tcb *out)
{
    uint8_t parts[5];
    size_t count = 0;
    slice part;
    while (slice_split(&text, '.', &part)) {
        uint64_t number;
        if (count == 5 || !slice_u64(part, &number) || number > UINT8_MAX)
            return false;
        parts[count++] = (uint8_t)number;
    }
    if (count == 4)
        *out = (struct snp_tcb){false, 0, parts[0], parts[1], parts[2], parts[3]};
    if (count == 5)
        *out = (struct snp_tcb){true, parts[0], parts[1], parts[2], parts[3], parts[4]};
    return count == 4 || count == 5;
}
