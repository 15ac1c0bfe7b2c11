/* SPDX-License-Identifier: Apache-2.0 */
/* Serves the TEE of good.c. */
#define PLUGIN_NAME "twin"
#define TEES                                                                                  \
    {                                                                                         \
        TRUSTEE_TEXT("good"), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_PAD, 64, TRUSTEE_BIND_PAD, 48 \
    }
#include "template.h"
