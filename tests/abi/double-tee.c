/* SPDX-License-Identifier: Apache-2.0 */
/* Names a TEE twice. */
#define PLUGIN_NAME "double-tee"
#define ONE                                                                                     \
    {                                                                                           \
        TRUSTEE_TEXT("double"), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_PAD, 64, TRUSTEE_BIND_NONE, 0 \
    }
#define TEES ONE, ONE
#include "template.h"
