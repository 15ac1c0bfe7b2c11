/* SPDX-License-Identifier: Apache-2.0
 *
 * One status out of several. What is expected here was read in Intel's quote verification library (convergeTcbStatuses
 * and checkForRelaunch of its version of July 2026), and stands in docs/tcb-status.md.
 */
#include "lib/dcap/collateral.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define UP TCB_UP_TO_DATE
#define SW TCB_SW_HARDENING_NEEDED
#define CONF TCB_CONFIGURATION_NEEDED
#define CONF_SW TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED
#define OLD TCB_OUT_OF_DATE
#define OLD_CONF TCB_OUT_OF_DATE_CONFIGURATION_NEEDED
#define GONE TCB_REVOKED
#define RELAUNCH TCB_RELAUNCH_ADVISED
#define RELAUNCH_CONF TCB_RELAUNCH_ADVISED_CONFIGURATION_NEEDED

static struct platform_verdict platform;
static struct tcb_verdict qe, merged;

static void begin(void)
{
    platform = (struct platform_verdict){.platform.tcb_date = 300};
    qe = (struct tcb_verdict){.tcb_date = 300};
}

TestSuite(dcap_merge, .init = begin, .timeout = 60);

static void is(enum tcb_status expected)
{
    cr_expect(merged.status == expected, "%s instead of %s", (const char *)tcb_status_name(merged.status).ptr,
              (const char *)tcb_status_name(expected).ptr);
}

/* What a platform's status becomes: all parts current; one of them out of date; one revoked. */
static const struct {
    enum tcb_status platform, current, outdated, revoked;
} RULES[] = {
    {UP, UP, OLD, GONE},          {SW, SW, OLD, GONE},
    {CONF, CONF, OLD_CONF, GONE}, {CONF_SW, CONF_SW, OLD_CONF, GONE},
    {OLD, OLD, OLD, GONE},        {OLD_CONF, OLD_CONF, OLD_CONF, GONE},
    {GONE, GONE, GONE, GONE},
};
#define RULE_COUNT (sizeof RULES / sizeof *RULES)

static enum tcb_status expected_of(size_t rule, enum tcb_status a, enum tcb_status b)
{
    if (a == GONE || b == GONE)
        return RULES[rule].revoked;
    return a == OLD || b == OLD ? RULES[rule].outdated : RULES[rule].current;
}

Test(dcap_merge, platform_and_quoting_enclave_converge_by_the_table)
{
    static const enum tcb_status parts[] = {UP, OLD, GONE};
    for (size_t i = 0; i < RULE_COUNT; i++)
        for (size_t n = 0; n < 3; n++) {
            platform.platform.status = RULES[i].platform;
            qe.status = parts[n];
            tcb_merge(&platform, &qe, &merged);
            is(expected_of(i, parts[n], UP));
        }
}

Test(dcap_merge, a_tdx_module_counts_as_the_quoting_enclave_does)
{
    static const enum tcb_status parts[] = {UP, OLD, GONE};
    platform.has_module = true;
    for (size_t i = 0; i < RULE_COUNT; i++)
        for (size_t n = 0; n < 3; n++)
            for (size_t m = 0; m < 3; m++) {
                platform.platform.status = RULES[i].platform;
                platform.module.status = parts[n];
                qe.status = parts[m];
                tcb_merge(&platform, &qe, &merged);
                is(expected_of(i, parts[n], parts[m]));
            }
}

Test(dcap_merge, a_module_that_was_not_judged_does_not_count)
{
    platform.module.status = GONE;
    tcb_merge(&platform, &qe, &merged);
    is(UP);
}

/* Launched with, runs now, and what comes of it. */
static const struct {
    enum tcb_status launched, now, merged;
} RELAUNCHES[] = {
    {OLD, UP, RELAUNCH},
    {OLD, SW, RELAUNCH},
    {OLD, CONF, RELAUNCH_CONF},
    {OLD, CONF_SW, RELAUNCH_CONF},
    {OLD, OLD, OLD},
    {OLD, OLD_CONF, OLD},
    {OLD_CONF, UP, RELAUNCH_CONF},
    {OLD_CONF, SW, RELAUNCH_CONF},
    {OLD_CONF, CONF, RELAUNCH_CONF},
    {OLD_CONF, CONF_SW, RELAUNCH_CONF},
    {OLD_CONF, OLD, OLD_CONF},
    {OLD_CONF, OLD_CONF, OLD_CONF},
    {UP, UP, UP},
    {UP, OLD, UP},
    {SW, UP, SW},
    {CONF, UP, CONF},
    {CONF_SW, UP, CONF_SW},
    {GONE, UP, GONE},
    /* Intel's library leaves these at what the TD was launched with. */
    {UP, GONE, GONE},
    {OLD, GONE, GONE},
};

Test(dcap_merge, a_relaunch_is_advised_where_only_what_was_launched_with_is_out_of_date)
{
    platform.has_current = true;
    for (size_t i = 0; i < sizeof RELAUNCHES / sizeof *RELAUNCHES; i++) {
        platform.platform.status = RELAUNCHES[i].launched;
        platform.current_platform.status = RELAUNCHES[i].now;
        tcb_merge(&platform, &qe, &merged);
        is(RELAUNCHES[i].merged);
    }
}

Test(dcap_merge, modules_take_part_in_finding_whether_a_relaunch_is_advised)
{
    platform.has_current = platform.has_module = platform.has_current_module = true;
    platform.module.status = OLD;
    tcb_merge(&platform, &qe, &merged);
    is(RELAUNCH);
    platform.platform.status = platform.current_platform.status = CONF;
    tcb_merge(&platform, &qe, &merged);
    is(RELAUNCH_CONF);
    platform.current_module.status = OLD;
    tcb_merge(&platform, &qe, &merged);
    is(OLD_CONF);
}

Test(dcap_merge, an_old_quoting_enclave_is_old_now_as_well_so_that_a_relaunch_mends_nothing)
{
    platform.has_current = true;
    qe.status = OLD;
    tcb_merge(&platform, &qe, &merged);
    is(OLD);
}

Test(dcap_merge, what_runs_now_is_judged_apart)
{
    platform.has_current = platform.has_module = platform.has_current_module = true;
    platform.platform.status = OLD;
    platform.module.status = OLD;
    platform.current_platform = (struct tcb_verdict){.status = SW, .tcb_date = 500};
    platform.current_module = (struct tcb_verdict){.tcb_date = 400};
    qe.tcb_date = 450;
    tcb_merge_current(&platform, &qe, &merged);
    is(SW);
    cr_expect(merged.tcb_date == 400);
}

Test(dcap_merge, without_a_second_svn_what_runs_now_is_what_was_launched_with)
{
    platform.has_module = true;
    platform.module.status = OLD;
    tcb_merge_current(&platform, &qe, &merged);
    is(OLD);
}

Test(dcap_merge, the_date_is_the_earliest_of_those_that_count)
{
    platform.module.tcb_date = 100;
    qe.tcb_date = 200;
    tcb_merge(&platform, &qe, &merged);
    cr_expect(merged.tcb_date == 200);
    platform.has_module = true;
    tcb_merge(&platform, &qe, &merged);
    cr_expect(merged.tcb_date == 100);
    platform.has_current = true;
    platform.current_platform.tcb_date = 50;
    tcb_merge(&platform, &qe, &merged);
    cr_expect(merged.tcb_date == 100);
}

static void advise(struct tcb_verdict *v, slice advisory)
{
    v->advisories[v->advisory_count++] = advisory;
}

Test(dcap_merge, advisories_come_from_all_parts_in_order_and_once)
{
    platform.has_module = true;
    advise(&platform.platform, S("INTEL-SA-00615"));
    advise(&platform.platform, S("INTEL-SA-00289"));
    advise(&qe, S("INTEL-SA-00477"));
    advise(&qe, S("INTEL-SA-00615"));
    advise(&platform.module, S("INTEL-SA-00036"));
    advise(&platform.module, S("INTEL-SA-0003"));
    tcb_merge(&platform, &qe, &merged);
    static const char *const expected[] = {"INTEL-SA-0003", "INTEL-SA-00036", "INTEL-SA-00289", "INTEL-SA-00477",
                                           "INTEL-SA-00615"};
    cr_assert(merged.advisory_count == 5);
    for (size_t i = 0; i < 5; i++)
        cr_expect(slice_equal(merged.advisories[i], slice_text(expected[i])));
}

Test(dcap_merge, three_full_lists_of_advisories_fit)
{
    static char names[ADVISORIES_MAX][8];
    struct tcb_verdict *parts[] = {&platform.platform, &qe, &platform.module};
    platform.has_module = true;
    for (size_t i = 0; i < ADVISORIES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "A%03zu", i);
        advise(parts[i % 3], slice_text(names[i]));
    }
    tcb_merge(&platform, &qe, &merged);
    cr_expect(merged.advisory_count == ADVISORIES_MAX);
    for (size_t i = 0; i < ADVISORIES_MAX; i++)
        cr_expect(slice_equal(merged.advisories[i], slice_text(names[i])));
}

Test(dcap_merge, every_status_has_the_name_that_intel_writes)
{
    static const char *const names[] = {
        [UP] = "UpToDate",
        [SW] = "SWHardeningNeeded",
        [CONF] = "ConfigurationNeeded",
        [CONF_SW] = "ConfigurationAndSWHardeningNeeded",
        [OLD] = "OutOfDate",
        [OLD_CONF] = "OutOfDateConfigurationNeeded",
        [RELAUNCH] = "TDRelaunchAdvised",
        [RELAUNCH_CONF] = "TDRelaunchAdvisedConfigurationNeeded",
        [GONE] = "Revoked",
    };
    enum tcb_status s;
    for (int i = 0; i < TCB_STATUS_COUNT; i++) {
        cr_expect(slice_equal(tcb_status_name((enum tcb_status)i), slice_text(names[i])));
        cr_expect(tcb_status_from(slice_text(names[i]), &s) && (int)s == i);
    }
    cr_expect(!tcb_status_from(S("uptodate"), &s) && !tcb_status_from(S("UpToDate "), &s));
    cr_expect(!tcb_status_from(NO_SLICE, &s) && !tcb_status_from(S("Fine"), &s));
}
