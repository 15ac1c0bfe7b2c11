/* SPDX-License-Identifier: Apache-2.0
 *
 * Runtime data: what evidence is bound to. interface §1.5: the hash of the canonical JSON (RFC 8785) of
 * {"additional-evidence", "nonce", "tee-pubkey"} for the primary evidence, of {"nonce", "tee-pubkey"} for a device's.
 */
#ifndef CORE_ATTEST_RUNTIME_H
#define CORE_ATTEST_RUNTIME_H

#include "lib/json/json.h"

#define RUNTIME_DIGEST_SIZE 48 /* SHA-384 */

struct runtime_data {
    const json *nonce, *key, *additional; /* a string, an object, a string or NULL */
    uint8_t primary[RUNTIME_DIGEST_SIZE], device[RUNTIME_DIGEST_SIZE];
    uint8_t binding[16]; /* names (nonce, key) in the session store */
};

/* Takes the members out of an attestation request and hashes them. ATTEST_REQUEST, JSON_NUMBER, NO_MEMORY. */
MUST_CHECK result runtime_data_from(const json *request, struct arena *a, struct runtime_data *out);

#endif
