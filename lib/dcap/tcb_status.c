/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/collateral.h"

static const char *const NAMES[] = {
    [TCB_UP_TO_DATE] = "UpToDate",
    [TCB_SW_HARDENING_NEEDED] = "SWHardeningNeeded",
    [TCB_CONFIGURATION_NEEDED] = "ConfigurationNeeded",
    [TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] = "ConfigurationAndSWHardeningNeeded",
    [TCB_OUT_OF_DATE] = "OutOfDate",
    [TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] = "OutOfDateConfigurationNeeded",
    [TCB_RELAUNCH_ADVISED] = "TDRelaunchAdvised",
    [TCB_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] = "TDRelaunchAdvisedConfigurationNeeded",
    [TCB_REVOKED] = "Revoked",
};
_Static_assert(sizeof NAMES / sizeof *NAMES == TCB_STATUS_COUNT, "every status has a name");

slice tcb_status_name(enum tcb_status s)
{
    return slice_text(NAMES[s]);
}

bool tcb_status_from(slice name, enum tcb_status *out)
{
    for (int s = 0; s < TCB_STATUS_COUNT; s++) {
        if (!slice_equal(name, slice_text(NAMES[s])))
            continue;
        *out = (enum tcb_status)s;
        return true;
    }
    return false;
}
