/* SPDX-License-Identifier: Apache-2.0 */
/* Serves the sample TEE without saying that it is insecure. */
#define PLUGIN_NAME "unmarked-sample"
#define TEES                                                                                     \
    {                                                                                            \
        TRUSTEE_TEXT("sample"), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_EXACT, 0, TRUSTEE_BIND_ECHO, 0 \
    }
#include "template.h"
