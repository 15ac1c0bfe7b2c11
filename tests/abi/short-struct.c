/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor without fini. */
#define PLUGIN_NAME "short-struct"
#define DESCRIPTOR_SIZE offsetof(trustee_plugin, fini)
#include "template.h"
