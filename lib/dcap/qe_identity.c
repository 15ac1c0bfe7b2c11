/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/qe_identity.h"

#include <stdlib.h>

#include "lib/dcap/fields.h"
#include "lib/dcap/statement.h"

/* The only version, and the identities of quoting enclaves alone: "QVE" is a verifying one. */
static bool read_kind(const json *body, bool *tdx)
{
    uint64_t version;
    *tdx = field_is(body, S("id"), S("TD_QE"));
    return field_number(body, S("version"), 2, &version) && version == 2 && (*tdx || field_is(body, S("id"), S("QE")));
}

static bool read_fields(const json *body, struct qe_identity *q)
{
    uint64_t product;
    if (!field_number(body, S("isvprodid"), UINT16_MAX, &product))
        return false;
    q->isv_prod_id = (uint16_t)product;
    return field_hex(body, S("miscselect"), q->misc_select, sizeof q->misc_select) &&
           field_hex(body, S("miscselectMask"), q->misc_select_mask, sizeof q->misc_select_mask) &&
           field_hex(body, S("attributes"), q->attributes, sizeof q->attributes) &&
           field_hex(body, S("attributesMask"), q->attributes_mask, sizeof q->attributes_mask) &&
           field_hex(body, S("mrsigner"), q->mrsigner, sizeof q->mrsigner);
}

result qe_identity_read(const json *body, struct qe_identity **out)
{
    const json *levels = field_list(body, S("tcbLevels"), LEVELS_MAX);
    ENSURE(levels, DCAP_COLLATERAL_FORM);
    size_t weight = isv_levels_weight(levels);
    struct qe_identity *q = calloc(1, sizeof *q + weight);
    ENSURE(q, NO_MEMORY);
    struct block b = {(uint8_t *)(q + 1), weight};
    if (!read_kind(body, &q->tdx) || !statement_dates(body, &q->statement) || !read_fields(body, q) ||
        !isv_levels_read(levels, &b, &q->levels)) {
        free(q);
        return FAIL(DCAP_COLLATERAL_FORM);
    }
    *out = q;
    return OK;
}

static result make(const struct statement *s, struct tcb_signer *signer, struct qe_identity **out)
{
    TRY(statement_verify(s, signer));
    TRY(qe_identity_read(s->body, out));
    (*out)->signer = tcb_signer_hold(signer);
    (*out)->statement.signer = tcb_signer_path(signer);
    return OK;
}

result qe_identity_new_by(struct tcb_signer *signer, slice answer, struct arena *scratch, struct qe_identity **out)
{
    struct statement s;
    size_t used = scratch->used;
    *out = NULL;
    result r = statement_read(answer, S("enclaveIdentity"), scratch, &s);
    if (!FAILED(r))
        r = make(&s, signer, out);
    scratch->used = used;
    return r;
}

result qe_identity_new(const struct x509_trust *trust, slice answer, slice chain, struct arena *scratch,
                       struct qe_identity **out)
{
    struct statement s;
    struct tcb_signer *signer = NULL;
    size_t used = scratch->used;
    *out = NULL;
    result r = statement_read(answer, S("enclaveIdentity"), scratch, &s);
    if (!FAILED(r))
        r = tcb_signer_new(trust, chain, scratch, &signer);
    if (!FAILED(r))
        r = make(&s, signer, out);
    tcb_signer_release(signer);
    scratch->used = used;
    return r;
}

void qe_identity_free(struct qe_identity *q)
{
    if (q)
        tcb_signer_release(q->signer);
    free(q);
}

const struct dcap_statement *qe_identity_statement(const struct qe_identity *q)
{
    return &q->statement;
}

bool qe_identity_is_tdx(const struct qe_identity *q)
{
    return q->tdx;
}

/* --- judging --------------------------------------------------------------------------------------------------------
 */

/* What the identity gives is not masked itself: one whose value has bits outside its mask fits nothing. */
static bool fits(const uint8_t *have, const uint8_t *mask, const uint8_t *want, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((have[i] & mask[i]) != want[i])
            return false;
    return true;
}

result qe_identity_judge(const struct qe_identity *q, const struct enclave_report *qe, struct tcb_verdict *out)
{
    const uint8_t misc[4] = {(uint8_t)qe->misc_select, (uint8_t)(qe->misc_select >> 8),
                             (uint8_t)(qe->misc_select >> 16), (uint8_t)(qe->misc_select >> 24)};
    ENSURE(slice_equal(qe->mr_signer, slice_of(q->mrsigner, sizeof q->mrsigner)), DCAP_QE_MRSIGNER);
    ENSURE(qe->isv_prod_id == q->isv_prod_id, DCAP_QE_PRODUCT);
    ENSURE(fits(misc, q->misc_select_mask, q->misc_select, sizeof misc), DCAP_QE_MISCSELECT);
    ENSURE(fits(qe->attributes.ptr, q->attributes_mask, q->attributes, sizeof q->attributes), DCAP_QE_ATTRIBUTES);
    ENSURE(!(qe->flags & ENCLAVE_FLAG_DEBUG), DCAP_QE_ATTRIBUTES);
    const struct tcb_level *level = isv_levels_find(&q->levels, qe->isv_svn);
    ENSURE(level, DCAP_QE_NO_LEVEL);
    level_verdict(level, out);
    return OK;
}
