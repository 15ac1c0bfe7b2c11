/* SPDX-License-Identifier: Apache-2.0
 *
 * The attestation result as an EAT Attestation Result (EAR) token, JWS compact ES256, with upstream's claims and
 * header. draft-ietf-rats-ar4si (trustworthiness vector), draft-fv-rats-ear.
 */
#ifndef CORE_TOKEN_EAR_H
#define CORE_TOKEN_EAR_H

#include "core/crypto/jose.h"
#include "lib/claims/claims.h"

enum ear_claim {
    EAR_INSTANCE_IDENTITY,
    EAR_CONFIGURATION,
    EAR_EXECUTABLES,
    EAR_FILE_SYSTEM,
    EAR_HARDWARE,
    EAR_RUNTIME_OPAQUE,
    EAR_STORAGE_OPAQUE,
    EAR_SOURCED_DATA,
    EAR_CLAIMS,
};

enum ear_tier { EAR_NONE, EAR_AFFIRMING, EAR_WARNING, EAR_CONTRAINDICATED };

/* One device's appraisal. */
struct ear_appraisal {
    int8_t vector[EAR_CLAIMS];
    bool set[EAR_CLAIMS];
    tree answer; /* the policy's answer, when it has the array `extensions` of {name, key, value}; else empty */
};

const char *ear_claim_name(enum ear_claim c); /* "instance-identity", … */
/* The tier of one value: -1..1 none; 2..31 and -32..-2 affirming; 32..95 and -96..-33 warning; else contraindicated. */
enum ear_tier ear_tier_of(int value);
enum ear_tier ear_status(const struct ear_appraisal *a); /* the worst of the vector */
const char *ear_tier_name(enum ear_tier t);
/* Takes over what an appraisal policy answered: `trust_claims` (an object name -> integer, or NULL when undefined: all
 * eight are 0) and `extensions` (NULL: none). APPRAISAL_VECTOR for an unknown name or anything but an integer in
 * -128..127, and for extensions that are not at most 64 of {name, key, value}, each name once and none of EAR's own. */
MUST_CHECK result ear_appraisal_from(tree answer, struct ear_appraisal *out);
/* The vector as JSON, set members only, in the standard order. */
void ear_vector_json(struct text *t, const struct ear_appraisal *a);

/* One submodule of the token. */
struct ear_submod {
    slice name; /* "cpu0" */
    const struct ear_appraisal *appraisal;
    tree evidence; /* annotated evidence: an object */
};

struct ear_settings {
    const char *profile, *issuer, *developer, *build, *policy_id;
    unsigned life;      /* seconds */
    bool verbose;       /* false: leave additional-evidence out of runtime_data_claims */
    slice certificates; /* JSON array of base64 DER for x5c, or empty */
    slice certificate_url;
};

struct ear_issuer; /* settings and the prepared header */
/* The signer and the settings live as long as the issuer. */
MUST_CHECK result ear_issuer_new(const struct jws_signer *signer, const struct ear_settings *settings,
                                 struct ear_issuer **out);
void ear_issuer_free(struct ear_issuer *i);
/* What a token is about, besides its submodules. */
struct ear_subject {
    const struct ear_submod *submods;
    size_t count;
    slice generation; /* names the appraisal policies and reference values that it stands on */
    slice decision;   /* id of the record of this attestation, in hex */
};
#define EAR_GENERATION_CLAIM "trustee.generation"
#define EAR_DECISION_CLAIM "trustee.decision"
/* The key that tokens are verified with, as a JWK with its certificates; lives as long as the issuer. */
slice ear_issuer_jwk(const struct ear_issuer *i);
/* The signed token, written at the arena's end. TOKEN_SIZE: nobody would take it. */
MUST_CHECK result ear_issue(const struct ear_issuer *i, const struct ear_subject *subject, int64_t now, struct arena *a,
                            slice *out);

#endif
