/* SPDX-License-Identifier: Apache-2.0 */
/* Built before reload, self_test and challenge existed. */
#define PLUGIN_NAME "older"
#define DESCRIPTOR_SIZE offsetof(trustee_plugin, reload)
#define VERIFIER_SIZE offsetof(trustee_verifier, challenge)
#include "template.h"
