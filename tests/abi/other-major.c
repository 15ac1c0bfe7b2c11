/* SPDX-License-Identifier: Apache-2.0 */
/* Built for another major version of the ABI. */
#define PLUGIN_NAME "other-major"
#define ENTRY trustee_plugin_describe_v2
#include "template.h"
