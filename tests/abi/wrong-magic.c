/* SPDX-License-Identifier: Apache-2.0 */
/* Not a descriptor. */
#define PLUGIN_NAME "wrong-magic"
#define MAGIC UINT64_C(0x1122334455667788)
#include "template.h"
