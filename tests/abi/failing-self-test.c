/* SPDX-License-Identifier: Apache-2.0 */
/* Does not find itself able. */
#define PLUGIN_NAME "failing-self-test"
#define SELF_TEST self_test
#include <trustee/abi.h>

static trustee_status self_test(void *instance)
{
    (void)instance;
    return TRUSTEE_E_INTERNAL;
}
#include "template.h"
