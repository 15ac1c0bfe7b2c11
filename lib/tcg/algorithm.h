/* SPDX-License-Identifier: Apache-2.0
 *
 * Digest algorithms as event logs name them (TCG Algorithm Registry).
 */
#ifndef LIB_TCG_ALGORITHM_H
#define LIB_TCG_ALGORITHM_H

#include "lib/base/bytes.h"
#include "lib/signature/digest.h"

struct log_algorithm {
    uint16_t id; /* TPM_ALG_… */
    enum digest digest;
    slice name; /* in claims */
};
/* NULL for one that is not known. Static. */
const struct log_algorithm *log_algorithm(uint16_t id);

#endif
