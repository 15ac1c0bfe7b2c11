/* SPDX-License-Identifier: Apache-2.0 */
/* Says that it proves nothing. */
#define PLUGIN_NAME "insecure"
#define FLAGS_REQUIRED TRUSTEE_PLUGIN_INSECURE
#include "template.h"
