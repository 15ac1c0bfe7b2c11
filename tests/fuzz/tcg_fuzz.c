/* SPDX-License-Identifier: Apache-2.0
 *
 * TPMS_ATTEST, TPMT_SIGNATURE and TPMT_PUBLIC from any bytes: every view lies inside what was parsed.
 */
#include <stdlib.h>

#include "lib/tcg/tpm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(slice whole, slice part)
{
    if (part.len && (part.ptr < whole.ptr || part.len > whole.len || part.ptr > whole.ptr + (whole.len - part.len)))
        abort();
}

static void read_quote(slice in)
{
    struct tpm_quote q;
    if (FAILED(tpm_read_quote(in, &q)))
        return;
    inside(in, q.qualified_signer);
    inside(in, q.extra_data);
    inside(in, q.pcr_digest);
    if (q.selection_count > TPM_SELECTIONS_MAX)
        abort();
}

static void read_signature(slice in)
{
    struct tpm_signature s;
    struct raw_signature raw;
    if (FAILED(tpm_read_signature(in, &s)) || FAILED(tpm_raw_signature(&s, &raw)))
        return;
    inside(in, raw.bytes);
    inside(in, raw.r);
    inside(in, raw.s);
}

static void read_public(slice in)
{
    struct tpm_public p;
    if (FAILED(tpm_read_public(in, &p)))
        return;
    inside(in, p.policy);
    inside(in, p.modulus);
    inside(in, p.x);
    inside(in, p.y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice in = slice_of(data, size), inner;
    read_quote(in);
    read_signature(in);
    read_public(in);
    if (!FAILED(tpm_read_2b(in, &inner)))
        inside(in, inner);
    return 0;
}
