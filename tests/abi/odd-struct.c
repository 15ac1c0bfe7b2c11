/* SPDX-License-Identifier: Apache-2.0 */
/* A size that is no multiple of 8. */
#define PLUGIN_NAME "odd-struct"
#define DESCRIPTOR_SIZE (sizeof(trustee_plugin) + 4)
#include "template.h"
