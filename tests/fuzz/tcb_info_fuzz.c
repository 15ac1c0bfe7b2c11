/* SPDX-License-Identifier: Apache-2.0
 *
 * TCB info from any bytes: as an answer whose signature cannot hold (the trusted root's key is nobody's), and its
 * inside read without a signature and judged for a platform that the same bytes describe.
 */
#include <stdlib.h>

#include "lib/dcap/statement.h"
#include "lib/dcap/tcb_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t room[4 << 20];

static void must(bool good)
{
    if (!good)
        abort();
}

static bool holds(const struct tcb_verdict *v)
{
    for (size_t i = 0; i < v->advisory_count; i++)
        if (!v->advisories[i].len || v->advisories[i].len > 64)
            return false;
    return v->advisory_count <= ADVISORIES_MAX && v->status < TCB_STATUS_COUNT && v->tcb_date >= 0;
}

static void judge(const struct tcb_info *t, const uint8_t *platform)
{
    static struct platform_verdict verdict;
    static struct tcb_verdict qe, merged;
    static uint8_t zero[8];
    struct pck pck = {.pce_svn = 65535};
    struct td_report td = {.tee_tcb_svn = slice_of(platform, 16),
                           .tee_tcb_svn2 = slice_of(platform, 16),
                           .mrsigner_seam = t->module_count ? slice_of(t->modules[0].mrsigner, 48) : NO_SLICE,
                           .seam_attributes = slice_of(zero, 8)};
    memcpy(pck.fmspc, t->fmspc, sizeof pck.fmspc);
    memcpy(pck.pce_id, t->pce_id, sizeof pck.pce_id);
    memset(pck.components, 255, sizeof pck.components);
    if (FAILED(tcb_info_judge(t, &pck, t->tdx ? &td : NULL, &verdict)))
        return;
    must(holds(&verdict.platform) && (!verdict.has_module || holds(&verdict.module)));
    tcb_merge(&verdict, &qe, &merged);
    must(holds(&merged));
    tcb_merge_current(&verdict, &qe, &merged);
    must(holds(&merged));
}

static void read_inside(slice in, const uint8_t *platform)
{
    struct arena a = {.base = room, .size = sizeof room};
    struct tcb_info *t;
    const json *answer;
    if (FAILED(json_parse(&a, in, &answer)) || FAILED(tcb_info_read(json_get(answer, S("tcbInfo")), &t)))
        return;
    must(t->level_count > 0 && t->statement.issued < t->statement.next_update);
    must(t->tdx == (t->module_count > 0));
    judge(t, platform);
    tcb_info_free(t);
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
    struct tcb_info *t;
    struct statement s;
    must(trust || (!FAILED(x509_trust_new(&trust)) && !FAILED(x509_trust_add_der(trust, INTEL_SGX_ROOT_CA))));
    if (!FAILED(statement_read(in, S("tcbInfo"), &a, &s)))
        check_span(&a, &s);
    a.used = 0;
    must(FAILED(tcb_info_new(trust, in, in, &a, &t)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t platform[16] = {0};
    memcpy(platform, data, size < sizeof platform ? size : sizeof platform);
    if (size < sizeof platform)
        return 0;
    slice in = slice_of(data + sizeof platform, size - sizeof platform);
    read_answer(in);
    read_inside(in, platform);
    return 0;
}
