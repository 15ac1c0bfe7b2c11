/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the name of an option that every plugin has. */
#define PLUGIN_NAME "common-option"
#define OPTIONS                                                                          \
    {                                                                                    \
        TRUSTEE_TEXT("path"), TRUSTEE_TEXT(""), {NULL, 0}, TRUSTEE_OPTION_TEXT, 0, 0, 0, \
        {                                                                                \
            NULL, 0                                                                      \
        }                                                                                \
    }
#include "template.h"
