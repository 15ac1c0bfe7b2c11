/* SPDX-License-Identifier: Apache-2.0
 *
 * The attestation key of a TPM: how it signs, and its public part as others know it.
 */
#ifndef GUEST_TPM_KEY_H
#define GUEST_TPM_KEY_H

#include <tss2/tss2_tpm2_types.h>

#include "lib/base/arena.h"

/* The scheme to ask a quote for: the key's own, or where it leaves the choice RSASSA or ECDSA with SHA-256.
 * AGENT_EVIDENCE for a key that is neither RSA nor ECC. */
MUST_CHECK result tpm_key_scheme(const TPMT_PUBLIC *key, TPMT_SIG_SCHEME *scheme);
/* DER SubjectPublicKeyInfo (RFC 5280) in the arena. AGENT_EVIDENCE for other keys than RSA and ECC on a NIST curve. */
MUST_CHECK result tpm_key_info(const TPMT_PUBLIC *key, struct arena *a, slice *out);

#endif
