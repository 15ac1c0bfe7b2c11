/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing is wrong with this one. */
#define PLUGIN_NAME "good"

#include "template.h"
