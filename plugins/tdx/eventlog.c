/* SPDX-License-Identifier: Apache-2.0
 *
 * The confidential-computing event log beside a quote. It counts for nothing unless its digests lead to the registers
 * that the quote has signed.
 */
#include "lib/tcg/eventlog.h"

#include "plugins/tdx/tdx.h"

#define RTMR_COUNT 4
#define FIRST_INDEX 1 /* index 0 of the log is MRTD; RTMR n has n + 1 */
#define RTMR_BITS 0x1eu

/* Upstream's attester leaves the member out, or sends null or an empty text, where the guest has no log. */
static bool read_log(struct dcap_appraisal *a, struct tdx_eventlog *out)
{
    struct dcap_call *c = &a->call;
    const trustee_value *member;
    *out = (struct tdx_eventlog){NO_SLICE};
    trustee_status found = c->host->value_get(c->req, a->in->evidence, S("/cc_eventlog"), &member);
    if (found == TRUSTEE_NOT_FOUND || (found == TRUSTEE_OK && c->host->value_type(member) == TRUSTEE_NODE_NULL))
        return true;
    if (found == TRUSTEE_OK)
        found = c->host->value_base64(c->req, member, S(""), TRUSTEE_BASE64_STD, &out->bytes);
    if (found < 0)
        return dcap_fault(c, found);
    return dcap_check(c, TDX_CHECK_EVENTLOG_FORM, found == TRUSTEE_OK, S("base64"),
                      found == TRUSTEE_OK ? S("base64") : S("something else"));
}

/* Upstream's words, for those who look for them. */
static bool mismatch(struct dcap_call *c, size_t index, slice calculated, slice given)
{
    const trustee_reason *reason = &c->verifier->reasons[TDX_CHECK_EVENTLOG_REPLAY];
    struct arena a = dcap_scratch(c, 512);
    slice text = a.base ? arena_printf(&a,
                                       "Eventlog does not pass measurement replay CC Event Log Measurement Register "
                                       "[index = %zu]. Calculated value: %.*s, Given value: %.*s",
                                       index, SLICE_ARG(calculated), SLICE_ARG(given))
                        : NO_SLICE;
    c->host->check(c->req, reason->id, 0, given, calculated);
    c->host->reject(c->req, reason->id, text.ptr ? text : reason->text);
    return dcap_fault(c, TRUSTEE_REJECT);
}

static bool check_registers(struct dcap_appraisal *a, const struct eventlog_replay *replay)
{
    struct dcap_call *c = &a->call;
    for (size_t i = 0; i < RTMR_COUNT; i++) {
        slice calculated = slice_of(replay->registers[FIRST_INDEX + i], replay->size), given = a->quote.td.rtmr[i];
        if (!slice_equal(calculated, given))
            return mismatch(c, FIRST_INDEX + i, dcap_hex(c, calculated), dcap_hex(c, given));
    }
    return dcap_check(c, TDX_CHECK_EVENTLOG_REPLAY, true, S("RTMR 0 to 3"), S("RTMR 0 to 3"));
}

bool tdx_eventlog_check(struct dcap_appraisal *a, struct tdx_eventlog *out)
{
    struct eventlog_replay replay;
    if (!read_log(a, out))
        return false;
    if (out->bytes.len == 0)
        return true;
    return dcap_check_result(&a->call, TDX_CHECK_EVENTLOG_STRUCTURE,
                             eventlog_replay(out->bytes, TPM_ALG_SHA384, &replay)) &&
           check_registers(a, &replay);
}

bool tdx_eventlog_claims(struct dcap_appraisal *a, const struct tdx_eventlog *log, trustee_writer *w)
{
    struct dcap_call *c = &a->call;
    const struct eventlog_proof proof = {.log = log->bytes, .algorithm = TPM_ALG_SHA384, .registers = RTMR_BITS};
    if (log->bytes.len == 0)
        return true;
    result r = eventlog_claims(c->host, c->req, w, S("uefi_event_logs"), &proof);
    return !FAILED(r) || dcap_check_result(c, TDX_CHECK_EVENTLOG_DATA, r);
}
