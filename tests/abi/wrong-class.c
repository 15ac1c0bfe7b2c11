/* SPDX-License-Identifier: Apache-2.0 */
/* Calls a device a CPU. */
#define PLUGIN_NAME "wrong-class"
#define TEES                                                                                         \
    {                                                                                                \
        TRUSTEE_TEXT("nvidia"), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_TRUNCATE, 32, TRUSTEE_BIND_NONE, 0 \
    }
#include "template.h"
