/* SPDX-License-Identifier: Apache-2.0
 *
 * Init-data: a TOML text that the guest was launched with, whose digest the TEE has measured.
 */
#ifndef GUEST_INIT_DATA_H
#define GUEST_INIT_DATA_H

#include "guest/failure.h"
#include "lib/base/arena.h"

struct init_data {
    slice text; /* as it was measured and is sent */
    uint8_t digest[64];
    size_t digest_size; /* 0: there is no init-data */
};

/* Digest of the whole text by the algorithm that its key `algorithm` names: sha256, sha384, sha512. The arena is used
 * to read the TOML. AGENT_CONFIG with `why` filled; NO_MEMORY. */
MUST_CHECK result init_data_take(slice toml, struct arena *a, struct init_data *out, struct failure *why);

#endif
