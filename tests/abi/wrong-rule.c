/* SPDX-License-Identifier: Apache-2.0 */
/* Binds TDX evidence in its own way. */
#define PLUGIN_NAME "wrong-rule"
#define TEES                                                                                  \
    {                                                                                         \
        TRUSTEE_TEXT("tdx"), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_EXACT, 0, TRUSTEE_BIND_PAD, 48 \
    }
#include "template.h"
