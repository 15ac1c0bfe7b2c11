/* SPDX-License-Identifier: Apache-2.0 */
/* Serves a TEE under an alias. */
#define PLUGIN_NAME "alias-tee"
#define TEES                                                                                               \
    {                                                                                                      \
        TRUSTEE_TEXT("nvidiadpu"), TRUSTEE_TEXT("nvidia-dpu"), TRUSTEE_BIND_EXACT, 0, TRUSTEE_BIND_NONE, 0 \
    }
#include "template.h"
