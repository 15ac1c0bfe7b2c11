/* SPDX-License-Identifier: Apache-2.0
 *
 * Interface "verifier", major 1: judges the evidence of one or more kinds of TEE.
 *
 * A verifier is a pure function of (evidence, expected binding, collateral, time, options). It opens no socket and no
 * file and does not read the clock, so that every verdict can be reproduced from a recording.
 *
 * A verifier is not trusted whole: besides its verdict it returns the report-data and init-data fields exactly as they
 * were signed, and the service compares them again itself.
 */
#ifndef TRUSTEE_VERIFIER_H
#define TRUSTEE_VERIFIER_H

#include <trustee/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRUSTEE_VERIFIER_MAJOR 1u

/* How a field of `width` bytes carries an expected value of n bytes.
 * PAD: the value, then zeros up to the width; n greater than the width refuses.
 * TRUNCATE: as PAD where n <= width, else the value's first `width` bytes.
 * EXACT: the field has n bytes and equals the value (width is ignored).
 * PCR: the field is SHA-256(32 zero bytes || value): a fresh PCR extended once; n must be 32.
 * ECHO: the TEE cannot carry it: nothing is compared; the service echoes the expected value as the claim "init_data",
 * in base64, unless the plugin gives a text of its own, and marks the claim as unchecked.
 * Whatever the rule, fewer than 32 bytes of the expected value never bind. */
#define TRUSTEE_BIND_NONE 0u
#define TRUSTEE_BIND_PAD 1u
#define TRUSTEE_BIND_TRUNCATE 2u
#define TRUSTEE_BIND_EXACT 3u
#define TRUSTEE_BIND_PCR 4u
#define TRUSTEE_BIND_ECHO 5u

/* One kind of TEE that the verifier takes. For the names of the KBS protocol the service has the rules itself and
 * refuses a plugin that declares others. */
typedef struct trustee_tee {
    trustee_slice name;         /* as in the protocol: "tpm", "tdx", … */
    trustee_slice device_class; /* "cpu", "gpu", … */
    uint32_t report_rule;       /* TRUSTEE_BIND_… */
    uint32_t report_width;      /* bytes */
    uint32_t init_rule;
    uint32_t init_width;
} trustee_tee;

/* Collateral: something signed by the vendor that judging the evidence takes. Named by typed keys, never by URL; the
 * service builds the URL from the origins of its configuration. Hex digits are lower-case.
 *
 * kind                key                                          bytes                        chain
 * intel/tcb-info      (tdx|sgx)/FMSPC                              PCS answer, verbatim JSON    of the TCB signing key
 * intel/qe-identity   tdx | sgx                                    PCS answer, verbatim JSON    of the TCB signing key
 * intel/pck-crl       platform | processor                         DER                          of the PCK CA
 * intel/root-crl      root                                         DER                          absent
 * intel/pck           QEID/CPUSVN/PCESVN/PCEID/ENCRYPTED-PPID      the PCK certificate, PEM     of the PCK CA
 *                     (hex as it stands in the certification data; ENCRYPTED-PPID "-" where there is none)
 * amd/vcek            PRODUCT/CHIP-ID/BL-TEE-SNP-UCODE[-FMC]       DER                          absent
 *                     (Milan, Genoa, Turin, …; 64 bytes of chip id in hex, 8 for Turin; decimal numbers)
 * amd/ca-chain        PRODUCT/(vcek|vlek)                          PEM: ASK or ASVK, then ARK   absent
 * amd/crl             PRODUCT/(vcek|vlek)                          DER                          absent */
typedef struct trustee_need {
    trustee_slice kind;
    trustee_slice key;
    uint64_t flags; /* TRUSTEE_NEED_… */
} trustee_need;

/* OPTIONAL: where it cannot be had, the call is made again with the item all the same, its bytes absent. A verifier
 * that cannot do without it, because no other came either, asks for it once more without the flag: that ends the call.
 * LATER: as OPTIONAL, but nobody waits for it: what is not at hand is brought for later calls. */
#define TRUSTEE_NEED_OPTIONAL UINT64_C(1)
#define TRUSTEE_NEED_LATER UINT64_C(2)

typedef struct trustee_collateral {
    trustee_slice kind;
    trustee_slice key;
    trustee_slice bytes; /* absent: an optional item that could not be had */
    trustee_slice chain; /* PEM certificates that came beside the bytes, leaf first */
} trustee_collateral;

/* What a verifier says of an item of collateral that it has found genuine. */
typedef struct trustee_collateral_facts {
    uint32_t size;
    uint32_t reserved;
    int64_t issued;    /* Unix seconds; 0: the kind has none */
    int64_t not_after; /* Unix seconds from which it is stale (nextUpdate); 0: never */
    uint64_t number;   /* CRL number, tcbEvaluationDataNumber; 0: the kind has none */
} trustee_collateral_facts;

typedef struct trustee_verify_in {
    uint32_t size;
    uint32_t reserved;
    trustee_slice tee;             /* the name under which the evidence came */
    const trustee_value *evidence; /* the evidence's JSON value */
    trustee_slice report_data;     /* the expected hash of nonce and key, untouched: 48 bytes for SHA-384 */
    trustee_slice init_data;       /* the expected init-data digest; absent when the request carries no init-data */
    const trustee_collateral *collateral;
    uint64_t collateral_count;
    int64_t now; /* Unix seconds */
    /* SHA-256 of the extra-params of the challenge that is answered, as challenge() gave them: what the answer says of
     * them counts only if it is the same. Absent where there is no challenge. */
    trustee_slice challenge_extra;
} trustee_verify_in;

#define TRUSTEE_VERDICT_NONE 0u /* denies */
#define TRUSTEE_VERDICT_GENUINE 1u
#define TRUSTEE_NEEDS_MAX 8u

typedef struct trustee_verify_out {
    uint32_t size;
    uint32_t verdict;       /* TRUSTEE_VERDICT_… */
    trustee_writer *claims; /* an open object: the TEE's own claims go here */
    /* The fields as the hardware signed them. report_data is required. init_data stays absent where the evidence has no
     * such field: for PCR, ECHO and NONE the service then says init_data_checked = false in the claims, for the other
     * rules it refuses. */
    trustee_slice report_data;
    trustee_slice init_data;
    /* Texts for the claims "report_data" and "init_data", as upstream's clients and policies know them; absent: none.
     */
    trustee_slice report_data_claim;
    trustee_slice init_data_claim;
    int64_t not_after;   /* Unix seconds until which this verdict may be relied on; 0: no limit */
    trustee_need *needs; /* room for TRUSTEE_NEEDS_MAX, given by the host; filled with TRUSTEE_NEED */
    uint64_t need_count;
} trustee_verify_out;

typedef struct trustee_verifier {
    uint32_t size;
    uint32_t tee_size; /* sizeof(trustee_tee) */
    uint64_t flags;    /* none yet */
    const trustee_tee *tees;
    uint64_t tee_count;
    uint64_t max_evidence; /* bytes of JSON that are read at most; 0: the service's limit */
    /* Judges one piece of evidence. TRUSTEE_OK with verdict GENUINE: all signatures, chains and bindings hold. Anything
     * else denies. May be called again with the same evidence and more collateral after TRUSTEE_NEED. */
    trustee_status (*verify)(void *instance, trustee_request *req, const trustee_verify_in *in,
                             trustee_verify_out *out);
    /* Makes the nonce and extra-params of a challenge where the TEE has its own form; NULL: the service's. */
    trustee_status (*challenge)(void *instance, trustee_request *req, trustee_slice tee, const trustee_value *params,
                                trustee_slice *nonce, trustee_slice *extra_params);
    /* Whether an item of collateral is genuine: signed up to a trusted root and about its own key. The service asks
     * before it keeps anything that came from outside, so that nothing forged is ever stored; it never lets issued and
     * number of one kind and key go back. Time is judged only so far that nothing issued in the future is genuine: what
     * is stale may still be kept, for verify() judges time itself. TRUSTEE_REJECT refuses (say why with reject);
     * TRUSTEE_E_NOTSUP for kinds that this verifier does not use. NULL: this verifier takes no collateral. */
    trustee_status (*judge_collateral)(void *instance, trustee_request *req, const trustee_collateral *item,
                                       int64_t now, trustee_collateral_facts *out);
} trustee_verifier;

/* Compares a field with an expected value by one of the rules above, in constant time over the whole field.
 * Returns 1 when it binds, else 0. PCR needs a hash and is done by the service alone. */
static inline int trustee_bind_equal(trustee_slice field, trustee_slice expected, uint32_t rule, uint64_t width)
{
    uint8_t difference = 0;
    uint64_t n = expected.len;

    if (rule == TRUSTEE_BIND_EXACT)
        width = n;
    if (rule != TRUSTEE_BIND_PAD && rule != TRUSTEE_BIND_TRUNCATE && rule != TRUSTEE_BIND_EXACT)
        return 0;
    if (rule == TRUSTEE_BIND_TRUNCATE && n > width)
        n = width;
    if (field.len != width || n > width || n < 32)
        return 0;
    for (uint64_t i = 0; i < width; i++)
        difference |= (uint8_t)(field.ptr[i] ^ (i < n ? expected.ptr[i] : 0));
    return difference == 0;
}

#ifdef __cplusplus
}
#endif
#endif
