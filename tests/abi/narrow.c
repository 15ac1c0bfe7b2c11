/* SPDX-License-Identifier: Apache-2.0 */
/* A TEE of its own, whose evidence binds too little. */
#define PLUGIN_NAME "narrow"
#define TEES                                                                                         \
    {                                                                                                \
        TRUSTEE_TEXT("narrow"), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_TRUNCATE, 16, TRUSTEE_BIND_NONE, 0 \
    }
#include "template.h"
