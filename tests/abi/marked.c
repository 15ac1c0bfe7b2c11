/* SPDX-License-Identifier: Apache-2.0 */
/* The honest one, but it says itself that it proves nothing. */
#define PLUGIN_NAME "marked"
#include <trustee/abi.h>
#define FLAGS_REQUIRED TRUSTEE_PLUGIN_INSECURE
#include "honest.c"
