/* SPDX-License-Identifier: Apache-2.0 */
/* Requires what no service has. */
#define PLUGIN_NAME "unknown-flag"
#define FLAGS_REQUIRED (UINT64_C(1) << 40)
#include "template.h"
