/* SPDX-License-Identifier: Apache-2.0 */
/* Built against a later version, whose structs are longer. */
#define PLUGIN_NAME "newer"
#define DESCRIPTOR_SIZE (sizeof(trustee_plugin) + 32)
#define VERIFIER_SIZE (sizeof(trustee_verifier) + 32)
#define FLAGS_OPTIONAL (UINT64_C(1) << 40)
#include "template.h"
