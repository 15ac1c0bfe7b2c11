/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object that is no plugin. */
#define PLUGIN_NAME "no-symbol"
#define ENTRY something_else
#include "template.h"
