/* SPDX-License-Identifier: Apache-2.0 */
/* A TEE of its own, whose evidence binds nothing. */
#define PLUGIN_NAME "unbound"
#define TEES                                                                                     \
    {                                                                                            \
        TRUSTEE_TEXT("unbound"), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_NONE, 0, TRUSTEE_BIND_NONE, 0 \
    }
#include "template.h"
