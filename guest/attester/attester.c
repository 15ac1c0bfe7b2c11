/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/attester/attester.h"

#include <pthread.h>

/* In the order of detection: what proves more comes first. */
static const struct attester *const ATTESTERS[] = {&attester_tdx, &attester_snp, &attester_tpm, &attester_sample};
#define ATTESTER_COUNT (sizeof ATTESTERS / sizeof *ATTESTERS)

static result attester_detect(const struct attester_options *o, const struct attester **out, struct failure *why)
{
    for (size_t i = 0; i < ATTESTER_COUNT; i++) {
        if (ATTESTERS[i]->insecure || !ATTESTERS[i]->present(o))
            continue;
        *out = ATTESTERS[i];
        return OK;
    }
    return failure_set(why, AGENT_EVIDENCE, "evidence",
                       "no TEE found: neither TDX nor SNP under %s, and no TPM device; --tee names one", o->tsm_path);
}

result attester_find(slice option, const struct attester_options *o, const struct attester **out, struct failure *why)
{
    *out = NULL;
    if (slice_equal(option, S("auto")))
        return attester_detect(o, out, why);
    for (size_t i = 0; i < ATTESTER_COUNT; i++) {
        if (!slice_equal(option, slice_text(ATTESTERS[i]->option)))
            continue;
        *out = ATTESTERS[i];
        return OK;
    }
    return failure_set(why, AGENT_CONFIG, "configuration", "unknown TEE \"%.*s\": use auto, tdx, snp, tpm or sample",
                       (int)(option.len < 32 ? option.len : 32), (const char *)option.ptr);
}

result attester_gather(const struct attester *t, const struct attester_query *q, struct arena *a, slice *evidence,
                       struct failure *why)
{
    *evidence = NO_SLICE;
    if (q->report_data.len > t->report_data_max)
        return failure_set(why, AGENT_REQUEST, "evidence", "%s takes at most %zu bytes of report data, not %zu", t->tee,
                           t->report_data_max, (size_t)q->report_data.len);
    /* A TPM without a resource manager has one user at a time, and so has a report folder. */
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&one_at_a_time);
    result r = t->gather(q, a, evidence, why);
    pthread_mutex_unlock(&one_at_a_time);
    TRY(r);
    ENSURE(evidence->ptr, NO_MEMORY);
    return OK;
}
