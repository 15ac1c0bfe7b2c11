/* SPDX-License-Identifier: Apache-2.0 */
/* Believes its evidence, {"report_data": base64, "init_data": base64, "measurement": text}, and claims what a verifier
 * claims: for tests of what the service makes of good evidence. honest-echo cannot carry init-data. */
#include <trustee/abi.h>
#ifndef PLUGIN_NAME
#define PLUGIN_NAME "honest"
#endif
#define OWN_VERIFY
#define TEES                                                                                                 \
    {TRUSTEE_TEXT(PLUGIN_NAME), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_PAD, 64, TRUSTEE_BIND_PAD, 48},            \
        {TRUSTEE_TEXT(PLUGIN_NAME "-gpu"), TRUSTEE_TEXT("gpu"), TRUSTEE_BIND_PAD, 64, TRUSTEE_BIND_NONE, 0}, \
    {                                                                                                        \
        TRUSTEE_TEXT(PLUGIN_NAME "-echo"), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_PAD, 64, TRUSTEE_BIND_ECHO, 0   \
    }
#include "template.h"

static trustee_status verify(void *instance, trustee_request *req, const trustee_verify_in *in, trustee_verify_out *out)
{
    const trustee_slice report_data = TRUSTEE_TEXT("/report_data"), init_data = TRUSTEE_TEXT("/init_data");
    const trustee_slice measurement = TRUSTEE_TEXT("/measurement"), name = TRUSTEE_TEXT("measurement");
    trustee_slice text;
    (void)instance;
    if (host->value_base64(req, in->evidence, report_data, TRUSTEE_BASE64_STD, &out->report_data) != TRUSTEE_OK ||
        host->value_text(req, in->evidence, report_data, &out->report_data_claim) != TRUSTEE_OK)
        return TRUSTEE_E_INVAL;
    if (host->value_base64(req, in->evidence, init_data, TRUSTEE_BASE64_STD, &out->init_data) == TRUSTEE_OK)
        (void)host->value_text(req, in->evidence, init_data, &out->init_data_claim);
    if (host->value_text(req, in->evidence, measurement, &text) == TRUSTEE_OK)
        host->put_text(out->claims, name, text);
    out->verdict = TRUSTEE_VERDICT_GENUINE;
    return TRUSTEE_OK;
}
