/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifier for quotes of a TPM 2.0 over the SHA-256 bank, as guests with a plain (v)TPM send them.
 *
 * What it proves: the holder of the attestation key ak_public quoted these 24 PCRs for this challenge. Whether that key
 * lies inside a TPM is proved by a certificate (ak_cert_chain and the option ak_ca) or by nothing but the word of
 * whoever lists the key in a policy's reference values. The claim ak_certified says which.
 */
#ifndef PLUGIN_TPM_H
#define PLUGIN_TPM_H

#include <trustee/verifier.h>

#include "lib/x509/x509.h"

#define TPM_TEE "tpm"
#define TPM_PCR_SIZE 32
#define TPM_NONCE_SIZE 32
#define TPM_INIT_DATA_PCR 8

enum tpm_reason {
#define TPM_REASON(symbol, id, text, remedy) REFUSED_##symbol,
#include "plugins/tpm/reasons.def"
#undef TPM_REASON
    TPM_REASON_COUNT
};
extern const trustee_reason tpm_reasons[TPM_REASON_COUNT];

/* One instance; immutable after init. */
struct tpm {
    const trustee_host *host;
    uint32_t schemes; /* bit TPM_SCHEME_BIT: allowed */
    bool require_safe_clock;
    bool require_ak_certificate;
    struct x509_trust *ak_ca;
};

#define TPM_SCHEME_BIT(scheme, hash) (UINT32_C(1) << ((uint32_t)(scheme)*HASH_COUNT + (uint32_t)(hash)))
#define TPM_SCHEMES                                                                              \
    "rsassa-sha256, rsassa-sha384, rsassa-sha512, rsapss-sha256, rsapss-sha384, rsapss-sha512, " \
    "ecdsa-sha256, ecdsa-sha384, ecdsa-sha512"
/* Reads a list of schemes as the option has it. False for an unknown name and for an empty list. */
bool tpm_schemes(slice list, uint32_t *out);
/* The name of a scheme, as in the option. */
slice tpm_scheme_name(enum signature_scheme scheme, enum hash hash);

/* trustee_verifier.verify */
trustee_status tpm_verify(void *instance, trustee_request *req, const trustee_verify_in *in, trustee_verify_out *out);
/* trustee_plugin.self_test: recorded quotes hold, and do not with one bit changed. */
trustee_status tpm_self_test(void *instance);

#endif
