/* SPDX-License-Identifier: Apache-2.0
 *
 * One call of a verifier of DCAP evidence or collateral: the host, the record of what was checked, and what outlives
 * the request. Steps answer true, or leave in `status` why not.
 */
#ifndef LIB_DCAP_CALL_H
#define LIB_DCAP_CALL_H

#include <trustee/verifier.h>

#include "lib/base/arena.h"
#include "lib/dcap/options.h"
#include "lib/dcap/trust.h"
#include "lib/signature/digest.h"

enum dcap_check {
#define DCAP_REASON(symbol, id, text, remedy) DCAP_CHECK_##symbol,
#include "lib/dcap/reasons.def"
#undef DCAP_REASON
    DCAP_CHECK_COUNT
};

/* What a plugin is to this folder. Immutable after init. */
struct dcap_verifier {
    const trustee_host *host;
    const trustee_reason *reasons; /* by number: those of enum dcap_check first, the plugin's own after them */
    bool tdx;                      /* else SGX */
    struct dcap_options options;
    struct dcap_trust trust;
};

#define DCAP_OWNED_MAX 12

struct dcap_call {
    const struct dcap_verifier *verifier;
    const trustee_host *host;
    trustee_request *req;
    int64_t now;
    trustee_status status;
    struct digester hasher; /* set up by the first digest */
    struct {
        slice cls;
        uint8_t digest[32];
        void *value;
        void (*drop)(void *value);
    } owned[DCAP_OWNED_MAX]; /* what was found by this call */
    size_t owned_count;
};

struct dcap_call dcap_call_begin(const struct dcap_verifier *v, trustee_request *req, int64_t now);
/* Hands what was found to the cache, if the call has come to a good end or needs collateral; else frees it: nobody who
 * is refused may push others out of the cache. Frees what the call set up. */
void dcap_call_end(struct dcap_call *c);

/* --- the record --- */
/* Records a check by its number, and refuses when it failed. */
bool dcap_check(struct dcap_call *c, unsigned check, bool passed, slice expected, slice actual);
/* A check of a function of lib/: refuses, or is a fault where memory or cryptography failed. */
bool dcap_check_result(struct dcap_call *c, unsigned check, result r);
/* Nothing about the evidence: a fault of ours. */
bool dcap_fault(struct dcap_call *c, trustee_status status);
bool dcap_library_fault(struct dcap_call *c, result r);

/* Texts in the request's memory; ptr NULL when it is full. */
slice dcap_hex(struct dcap_call *c, slice bytes);
slice dcap_decimal(struct dcap_call *c, uint64_t number);
slice dcap_date(struct dcap_call *c, int64_t unix_seconds);
slice dcap_text(struct dcap_call *c, const char *before, slice text);
/* One block of the request's memory for functions that take an arena; base NULL when it is full. */
struct arena dcap_scratch(struct dcap_call *c, size_t size);

/* --- what outlives the request --- */
/* SHA-256 of a followed by b. Where both vary in length, a is a digest itself, so that nothing can slide from one into
 * the other. False: a fault. */
bool dcap_digest(struct dcap_call *c, slice a, slice b, uint8_t out[32]);
/* The same of two parts of any length. */
bool dcap_digest_pair(struct dcap_call *c, slice a, slice b, uint8_t out[32]);
const void *dcap_cached(struct dcap_call *c, slice cls, const uint8_t digest[32]);
/* Keeps a verified fact until the call ends. Takes ownership. */
bool dcap_keep(struct dcap_call *c, slice cls, const uint8_t digest[32], void *value, void (*drop)(void *value));

#endif
