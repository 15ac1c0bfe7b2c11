/* SPDX-License-Identifier: Apache-2.0
 *
 * Init-data: a TOML text that the guest was launched with, whose digest the TEE has measured.
 */
#ifndef GUEST_INIT_DATA_H
#define GUEST_INIT_DATA_H

#include "guest/failure.h"

/* Digest of the whole text by the algorithm that its top-level key `algorithm` names: sha256, sha384, sha512. Reads no
 * more TOML than that key: the service reads the rest. AGENT_CONFIG with `why` filled. */
MUST_CHECK result init_data_digest(slice toml, uint8_t out[64], size_t *length, struct failure *why);

#endif
