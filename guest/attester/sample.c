/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence of no TEE at all, for tests and for trying things out. Services refuse it unless they are told otherwise.
 */
#include "guest/attester/attester.h"

static bool sample_present(const struct attester_options *o)
{
    (void)o;
    return true;
}

static result sample_gather(const struct attester_query *q, struct arena *a, slice *evidence, struct failure *why)
{
    (void)why;
    struct text t = text_begin(a);
    text_lit(&t, "{\"report_data\":\"");
    text_base64(&t, q->report_data);
    text_lit(&t, "\",\"svn\":\"1\"}");
    *evidence = text_end(&t);
    return OK;
}

const struct attester attester_sample = {
    .option = "sample",
    .tee = "sample",
    .report_data_max = 4096,
    .insecure = true,
    .present = sample_present,
    .gather = sample_gather,
};
