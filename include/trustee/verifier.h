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

/* Collateral: something signed by the vendor that judging the evidence takes. Named by typed keys, never by URL. */
typedef struct trustee_need {
    trustee_slice kind; /* "intel/tcb-info", "amd/vcek", … */
    trustee_slice key;  /* as the kind defines it */
} trustee_need;

typedef struct trustee_collateral {
    trustee_slice kind;
    trustee_slice key;
    trustee_slice bytes;
    uint64_t generation;
} trustee_collateral;

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
    /* Texts for the claims "report_data" and "init_data", as upstream's clients and policies know them; absent: none. */
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
