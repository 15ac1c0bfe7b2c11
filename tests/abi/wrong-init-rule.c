/* SPDX-License-Identifier: Apache-2.0 */
/* Binds the init-data of TPM evidence in its own way. */
#define PLUGIN_NAME "wrong-init-rule"
#define TEES                                                                                      \
    {                                                                                             \
        TRUSTEE_TEXT("tpm"), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_TRUNCATE, 32, TRUSTEE_BIND_NONE, 0 \
    }
#include "template.h"
