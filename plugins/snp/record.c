/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/snp/snp.h"

bool snp_fault(struct appraisal *a, trustee_status status)
{
    a->status = status;
    return false;
}

bool snp_check(struct appraisal *a, enum snp_reason name, bool passed, slice expected, slice actual)
{
    a->host->check(a->req, snp_reasons[name].id, passed, expected, actual);
    if (passed)
        return true;
    a->host->reject(a->req, snp_reasons[name].id, snp_reasons[name].text);
    return snp_fault(a, TRUSTEE_REJECT);
}

bool snp_is_fault(result r)
{
    return r.reason == NO_MEMORY || r.reason == CRYPTO;
}

bool snp_library_fault(struct appraisal *a, result r)
{
    return snp_fault(a, r.reason == NO_MEMORY ? TRUSTEE_E_NOMEM : TRUSTEE_E_INTERNAL);
}

/* Texts for the record are best effort: one that does not fit is left out. */
slice snp_hex(struct appraisal *a, slice bytes)
{
    struct text t = text_begin(&a->arena);
    text_hex(&t, bytes);
    return text_end(&t);
}

slice snp_decimal(struct appraisal *a, uint64_t number)
{
    struct text t = text_begin(&a->arena);
    text_u64(&t, number);
    return text_end(&t);
}

slice snp_hex64(struct appraisal *a, uint64_t number)
{
    uint8_t big_endian[8];
    for (size_t i = 0; i < sizeof big_endian; i++)
        big_endian[i] = (uint8_t)(number >> (56 - 8 * i));
    return snp_hex(a, slice_of(big_endian, sizeof big_endian));
}

slice snp_tcb_text(struct appraisal *a, const struct snp_tcb *tcb)
{
    const uint8_t parts[] = {tcb->bootloader, tcb->tee, tcb->snp, tcb->microcode};
    struct text t = text_begin(&a->arena);
    if (tcb->has_fmc) {
        text_u64(&t, tcb->fmc);
        text_lit(&t, ".");
    }
    for (size_t i = 0; i < sizeof parts; i++) {
        if (i)
            text_lit(&t, ".");
        text_u64(&t, parts[i]);
    }
    return text_end(&t);
}

slice snp_version_text(struct appraisal *a, const struct snp_version *v)
{
    struct text t = text_begin(&a->arena);
    text_u64(&t, v->major);
    text_lit(&t, ".");
    text_u64(&t, v->minor);
    text_lit(&t, ".");
    text_u64(&t, v->build);
    return text_end(&t);
}
