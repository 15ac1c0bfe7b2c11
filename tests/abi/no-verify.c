/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier that cannot verify. */
#define PLUGIN_NAME "no-verify"
#define VERIFY NULL
#define UNUSED_VERIFY __attribute__((unused))
#include "template.h"
