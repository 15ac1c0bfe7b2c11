/* SPDX-License-Identifier: Apache-2.0 */
/* A default that its own type refuses. */
#define PLUGIN_NAME "bad-default"
#define OPTIONS                                                                                    \
    {                                                                                              \
        TRUSTEE_TEXT("n"), TRUSTEE_TEXT(""), TRUSTEE_TEXT("many"), TRUSTEE_OPTION_NUMBER, 0, 0, 9, \
        {                                                                                          \
            NULL, 0                                                                                \
        }                                                                                          \
    }
#include "template.h"
