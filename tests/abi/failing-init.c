/* SPDX-License-Identifier: Apache-2.0 */
/* Does not want to start. */
#define PLUGIN_NAME "failing-init"
#define INIT_STATUS TRUSTEE_E_CONFIG
#include "template.h"
