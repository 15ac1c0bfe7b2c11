/* SPDX-License-Identifier: Apache-2.0
 *
 * Quotes from any bytes: whatever is read lies inside them, and says of itself what the quote is.
 */
#include <stdlib.h>

#include "lib/dcap/quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(slice whole, slice part)
{
    if (part.len && (part.ptr < whole.ptr || part.len > whole.len || part.ptr > whole.ptr + (whole.len - part.len)))
        abort();
}

static void must(bool good)
{
    if (!good)
        abort();
}

static void is_whole(slice bytes, const struct dcap_quote *q)
{
    const slice parts[] = {q->header,       q->vendor_id,       q->user_data,         q->body,
                           q->signed_bytes, q->signature,       q->attestation_key,   q->qe_signature,
                           q->qe_auth_data, q->qe_report_bytes, q->certification_data};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        inside(bytes, parts[i]);
    must(q->version >= 3 && q->version <= 5 && q->key_type == 2);
    must(q->signature.len == 64 && q->attestation_key.len == 64 && q->qe_signature.len == 64);
    must(q->qe_report_bytes.len == 384 && q->certification_type >= 1 && q->certification_type <= 5);
    must((q->tee_type == 0) == (q->body_type == DCAP_BODY_SGX) && (q->version > 3 || q->tee_type == 0));
    must(q->body.len == (q->body_type == DCAP_BODY_SGX ? 384u : q->body_type == DCAP_BODY_TDX10 ? 584u : 648u));
    must(q->padding < bytes.len && q->signed_bytes.ptr == bytes.ptr);
    must(q->certification_data.ptr + q->certification_data.len + q->padding == bytes.ptr + bytes.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dcap_quote q;
    struct enclave_report e;
    slice bytes = slice_of(data, size);
    if (!FAILED(dcap_quote_read(bytes, &q)))
        is_whole(bytes, &q);
    (void)!FAILED(enclave_report_read(bytes, &e));
    return 0;
}
