/* SPDX-License-Identifier: Apache-2.0
 *
 * Init-data: a document that the guest was started with, whose digest the hardware vouches for. interface §1.5.
 */
#ifndef CORE_ATTEST_INITDATA_H
#define CORE_ATTEST_INITDATA_H

#include "lib/claims/claims.h"

struct init_data {
    bool present;
    slice body; /* the TOML text */
    uint8_t digest[64];
    size_t digest_size; /* bytes */
};

/* Reads the member `init-data` of an attestation request (NULL and JSON null: absent) and hashes its body with the
 * algorithm that it names. ATTEST_INIT_DATA_FORMAT. */
MUST_CHECK result init_data_from(const json *member, struct arena *a, struct init_data *out);
/* Writes its claims as member `key`: aa.toml and cdh.toml as objects, of policy.rego the policy data as
 * agent_policy_claims, everything else as text; null where there is no init-data. ATTEST_INIT_DATA_FORMAT. */
MUST_CHECK result init_data_claims(const struct init_data *d, struct trustee_writer *w, slice key, struct arena *a);

#endif
