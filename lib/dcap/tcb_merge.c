/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/collateral.h"

/* --- statuses; docs/tcb-status.md ------------------------------------------------------------------------------------
 */

/* What a platform's status becomes when module or QE is out of date. Theirs know no other shades. */
static enum tcb_status out_of_date(enum tcb_status platform)
{
    switch (platform) {
    case TCB_UP_TO_DATE:
    case TCB_SW_HARDENING_NEEDED:
        return TCB_OUT_OF_DATE;
    case TCB_CONFIGURATION_NEEDED:
    case TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED:
        return TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
    default:
        return platform;
    }
}

static enum tcb_status converged(enum tcb_status platform, enum tcb_status part)
{
    if (part == TCB_REVOKED)
        return TCB_REVOKED;
    return part == TCB_OUT_OF_DATE ? out_of_date(platform) : platform;
}

static bool wants_configuration(enum tcb_status s)
{
    return s == TCB_CONFIGURATION_NEEDED || s == TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED ||
           s == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
}

static bool is_out_of_date(enum tcb_status s)
{
    return s == TCB_OUT_OF_DATE || s == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
}

/* A TD that was launched by what is out of date, on a platform that no longer is. What runs now and is revoked counts,
 * although Intel's library would not look at it. */
static enum tcb_status with_relaunch(enum tcb_status launched, enum tcb_status now)
{
    if (now == TCB_REVOKED)
        return TCB_REVOKED;
    if (!is_out_of_date(launched) || is_out_of_date(now))
        return launched;
    return wants_configuration(launched) || wants_configuration(now) ? TCB_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
                                                                     : TCB_RELAUNCH_ADVISED;
}

/* --- verdicts --------------------------------------------------------------------------------------------------------
 */

static int compare(slice a, slice b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* In order and once each, as Intel's library lists them. */
static void add_advisory(struct tcb_verdict *out, slice advisory)
{
    size_t at = out->advisory_count;
    int order = 1;
    while (at > 0 && (order = compare(advisory, out->advisories[at - 1])) < 0)
        at--;
    if (order == 0 || out->advisory_count == ADVISORIES_MAX)
        return;
    memmove(&out->advisories[at + 1], &out->advisories[at], (out->advisory_count - at) * sizeof *out->advisories);
    out->advisories[at] = advisory;
    out->advisory_count++;
}

static void add_advisories(struct tcb_verdict *out, const struct tcb_verdict *part)
{
    for (size_t i = 0; i < part->advisory_count; i++)
        add_advisory(out, part->advisories[i]);
}

static void add(struct tcb_verdict *out, const struct tcb_verdict *part)
{
    out->status = converged(out->status, part->status);
    if (part->tcb_date < out->tcb_date)
        out->tcb_date = part->tcb_date;
    add_advisories(out, part);
}

static void merge(const struct tcb_verdict *platform, const struct tcb_verdict *module, const struct tcb_verdict *qe,
                  struct tcb_verdict *out)
{
    out->status = platform->status;
    out->tcb_date = platform->tcb_date;
    out->advisory_count = 0;
    add_advisories(out, platform);
    add(out, qe);
    if (module)
        add(out, module);
}

void tcb_merge_current(const struct platform_verdict *platform, const struct tcb_verdict *qe, struct tcb_verdict *out)
{
    if (platform->has_current)
        merge(&platform->current_platform, platform->has_current_module ? &platform->current_module : NULL, qe, out);
    else
        merge(&platform->platform, platform->has_module ? &platform->module : NULL, qe, out);
}

void tcb_merge(const struct platform_verdict *platform, const struct tcb_verdict *qe, struct tcb_verdict *out)
{
    struct tcb_verdict now;
    merge(&platform->platform, platform->has_module ? &platform->module : NULL, qe, out);
    if (!platform->has_current)
        return;
    tcb_merge_current(platform, qe, &now);
    out->status = with_relaunch(out->status, now.status);
}
