/* SPDX-License-Identifier: Apache-2.0 */
/* Built before reload, self_test, challenge and an option's value under profile restricted existed. */
#define PLUGIN_NAME "older"
#define DESCRIPTOR_SIZE offsetof(trustee_plugin, reload)
#define VERIFIER_SIZE offsetof(trustee_verifier, challenge)
#define OPTION_SIZE offsetof(trustee_option, restricted)
#include "template.h"
