/* SPDX-License-Identifier: Apache-2.0 */
/* Does not find itself able, and says why. */
#include <trustee/abi.h>
#define PLUGIN_NAME "failing-self-test"
#define SELF_TEST self_test
static trustee_status self_test(void *instance);
#include "template.h"

static trustee_status self_test(void *instance)
{
    const trustee_slice why = TRUSTEE_TEXT("two and two are five");
    (void)instance;
    host->log(host->ctx, TRUSTEE_LOG_ERROR, why);
    return TRUSTEE_E_INTERNAL;
}
