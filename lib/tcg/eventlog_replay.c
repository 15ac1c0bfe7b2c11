/* SPDX-License-Identifier: Apache-2.0
 *
 * register = digest(register || event's digest), as TPM2_PCR_Extend and TDG.MR.RTMR.EXTEND compute it.
 */
#include "lib/tcg/eventlog.h"

#include "lib/tcg/algorithm.h"
#include "lib/tcg/event_types.h"

/* Section 10.4.5.3: the locality from which PCR 0 was first extended is the last byte of what it began with. */
static result start_locality(const struct event *e, struct eventlog_replay *out)
{
    slice signature = S("StartupLocality\0");
    if (e->index != 0 || !slice_starts(e->data, signature))
        return OK;
    ENSURE(e->data.len == signature.len + 1 && !(out->extended & 1), EVENTLOG_DATA);
    uint8_t locality = e->data.ptr[signature.len];
    ENSURE(locality == 0 || locality == 3 || locality == 4, EVENTLOG_DATA);
    out->registers[0][out->size - 1] = locality;
    return OK;
}

static result extend(struct digester *d, const struct event *e, uint16_t algorithm, struct eventlog_replay *out)
{
    slice measured = event_digest_of(e, algorithm);
    if (e->type == EV_NO_ACTION)
        return start_locality(e, out);
    ENSURE(e->index < EVENTLOG_REGISTERS, EVENTLOG_REGISTER);
    if (!measured.ptr)
        return OK;
    uint8_t *value = out->registers[e->index];
    TRY(digester_of(d, slice_of(value, out->size), measured, value));
    out->extended |= UINT32_C(1) << e->index;
    out->events++;
    return OK;
}

static result replay(struct eventlog *log, struct digester *d, uint16_t algorithm, struct eventlog_replay *out)
{
    struct event e;
    for (bool end = false;;) {
        TRY(eventlog_next(log, &e, &end));
        if (end)
            return OK;
        TRY(extend(d, &e, algorithm, out));
    }
}

static bool has(const struct eventlog *log, uint16_t algorithm)
{
    for (size_t i = 0; i < log->algorithm_count; i++)
        if (log->algorithms[i] == algorithm)
            return true;
    return false;
}

result eventlog_replay(slice bytes, uint16_t algorithm, struct eventlog_replay *out)
{
    struct eventlog log;
    struct digester d;
    *out = (struct eventlog_replay){0};
    TRY(eventlog_open(bytes, &log));
    ENSURE(has(&log, algorithm), EVENTLOG_ALGORITHM);
    result r = digester_begin(&d, log_algorithm(algorithm)->digest);
    out->size = d.size;
    if (!FAILED(r))
        r = replay(&log, &d, algorithm, out);
    digester_end(&d);
    return r;
}
