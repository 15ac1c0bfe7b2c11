/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/selftest.h"

#include <stdlib.h>

#include "lib/dcap/recording.h"

#define MEMORY (1u << 20)

/* --- a host for the test alone: memory, and nothing that is remembered
 * ------------------------------------------------ */

static struct arena *arena_of(trustee_request *req)
{
    return (struct arena *)(void *)req;
}

static void *bench_alloc(trustee_request *req, uint64_t size, uint64_t align)
{
    return arena_alloc(arena_of(req), size, align);
}

static void bench_check(trustee_request *req, slice name, uint32_t passed, slice expected, slice actual)
{
    (void)req, (void)name, (void)passed, (void)expected, (void)actual;
}

static void bench_reject(trustee_request *req, slice reason, slice text)
{
    (void)req, (void)reason, (void)text;
}

static const void *bench_get(trustee_request *req, slice cls, slice digest)
{
    (void)req, (void)cls, (void)digest;
    return NULL;
}

static trustee_status bench_put(trustee_request *req, slice cls, slice digest, void *value, void (*drop)(void *value),
                                int64_t not_after)
{
    (void)req, (void)cls, (void)digest, (void)value, (void)drop, (void)not_after;
    return TRUSTEE_E_LIMIT;
}

static const trustee_host BENCH = {
    .size = sizeof(trustee_host),
    .arena_alloc = bench_alloc,
    .check = bench_check,
    .reject = bench_reject,
    .cache_get = bench_get,
    .cache_put = bench_put,
};

/* --- the recording
 * ------------------------------------------------------------------------------------------------------ */

static slice decoded(struct arena *a, slice base64)
{
    size_t length, room = BASE64_DECODED_MAX(base64.len);
    uint8_t *bytes = arena_alloc(a, room, 1);
    return bytes && base64_decode(bytes, room, base64, &length) ? slice_of(bytes, length) : NO_SLICE;
}

static trustee_status judge(const struct dcap_verifier *v, struct arena *a, const struct dcap_recording *r, slice quote)
{
    const slice chain = decoded(a, r->signer_chain);
    const trustee_collateral items[] = {
        {S(DCAP_KIND_TCB_INFO), r->tcb_info_key, decoded(a, r->tcb_info), chain},
        {S(DCAP_KIND_QE_IDENTITY), v->tdx ? S("tdx") : S("sgx"), decoded(a, r->qe_identity), chain},
        {S(DCAP_KIND_PCK_CRL), r->pck_crl_key, decoded(a, r->pck_crl), NO_SLICE},
        {S(DCAP_KIND_ROOT_CRL), S("root"), decoded(a, r->root_crl), NO_SLICE},
    };
    const trustee_verify_in in = {
        .size = sizeof in, .collateral = items, .collateral_count = sizeof items / sizeof *items, .now = RECORDED_AT};
    trustee_need needs[TRUSTEE_NEEDS_MAX];
    trustee_verify_out out = {.size = sizeof out, .needs = needs};
    struct dcap_appraisal appraisal = dcap_begin(v, (trustee_request *)(void *)a, &in);
    bool good =
        dcap_read_quote(&appraisal, quote) && dcap_appraise(&appraisal, &out) && appraisal.tcb.status == TCB_UP_TO_DATE;
    dcap_end(&appraisal);
    return good ? TRUSTEE_OK : appraisal.call.status;
}

static bool passes(const struct dcap_verifier *v, struct arena *a, const struct dcap_recording *r)
{
    slice quote = decoded(a, r->quote);
    if (!quote.ptr || judge(v, a, r, quote) != TRUSTEE_OK)
        return false;
    /* the last byte of what is signed */
    struct dcap_quote read;
    if (FAILED(dcap_quote_read(quote, &read)))
        return false;
    a->base[read.signed_bytes.ptr + read.signed_bytes.len - 1 - a->base] ^= 1;
    return judge(v, a, r, quote) == TRUSTEE_REJECT;
}

trustee_status dcap_self_test(const struct dcap_verifier *v)
{
    const struct dcap_recording *r = v->tdx ? &DCAP_RECORDING_TDX : &DCAP_RECORDING_SGX;
    struct arena a = {.base = malloc(MEMORY), .size = MEMORY};
    struct dcap_verifier own = {
        .host = &BENCH, .reasons = v->reasons, .tdx = v->tdx, .options = {.accepted = UINT32_C(1) << TCB_UP_TO_DATE}};
    if (!a.base)
        return TRUSTEE_E_NOMEM;
    bool good = !FAILED(dcap_trust_begin(&own.trust)) && !FAILED(dcap_trust_add(&own.trust, decoded(&a, r->root))) &&
                passes(&own, &a, r);
    dcap_trust_end(&own.trust);
    free(a.base);
    if (good)
        return TRUSTEE_OK;
    v->host->log(v->host->ctx, TRUSTEE_LOG_ERROR, S("a recorded quote is judged wrongly"));
    return TRUSTEE_E_INTERNAL;
}
