/* SPDX-License-Identifier: Apache-2.0
 *
 * QE identity from any bytes: as an answer whose signature cannot hold (the trusted root's key is nobody's), and its
 * inside read without a signature and judged for an enclave that the same bytes describe.
 */
#include <stdlib.h>

#include "lib/dcap/qe_identity.h"
#include "lib/dcap/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t room[4 << 20];

static void must(bool good)
{
    if (!good)
        abort();
}

static void judge(const struct qe_identity *q, const uint8_t *enclave)
{
    static struct tcb_verdict verdict;
    struct enclave_report qe = {.attributes = slice_of(enclave, 16),
                                .mr_signer = slice_of(q->mrsigner, sizeof q->mrsigner),
                                .isv_prod_id = q->isv_prod_id,
                                .isv_svn = (uint16_t)(enclave[0] | enclave[1] << 8)};
    if (FAILED(qe_identity_judge(q, &qe, &verdict)))
        return;
    must(verdict.status == TCB_UP_TO_DATE || verdict.status == TCB_OUT_OF_DATE || verdict.status == TCB_REVOKED);
    must(verdict.advisory_count <= LEVEL_ADVISORIES_MAX);
}

static void read_inside(slice in, const uint8_t *enclave)
{
    struct arena a = {.base = room, .size = sizeof room};
    struct qe_identity *q;
    const json *answer;
    if (FAILED(json_parse(&a, in, &answer)) || FAILED(qe_identity_read(json_get(answer, S("enclaveIdentity")), &q)))
        return;
    must(q->levels.count > 0 && q->statement.issued < q->statement.next_update);
    judge(q, enclave);
    qe_identity_free(q);
}

/* What is signed is what is read. */
static void check_span(struct arena *a, const struct statement *s)
{
    const json *again;
    result r = json_parse(a, s->verbatim, &again);
    if (r.reason == JSON_BUDGET) /* the rest of the answer gave it a little more */
        return;
    must(!FAILED(r));
    struct text t = text_begin(a);
    json_write(&t, s->body);
    slice read = text_end(&t);
    t = text_begin(a);
    json_write(&t, again);
    must(slice_equal(read, text_end(&t)));
}

static void read_answer(slice in)
{
    static struct x509_trust *trust;
    struct arena a = {.base = room, .size = sizeof room};
    struct qe_identity *q;
    struct statement s;
    must(trust || (!FAILED(x509_trust_new(&trust)) && !FAILED(x509_trust_add_der(trust, INTEL_SGX_ROOT_CA))));
    if (!FAILED(statement_read(in, S("enclaveIdentity"), &a, &s)))
        check_span(&a, &s);
    a.used = 0;
    must(FAILED(qe_identity_new(trust, in, in, &a, &q)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 16)
        return 0;
    slice in = slice_of(data + 16, size - 16);
    read_answer(in);
    read_inside(in, data);
    return 0;
}
