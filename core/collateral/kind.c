/* SPDX-License-Identifier: Apache-2.0 */
#include "core/collateral/kind.h"

#define KIB(n) ((size_t)(n) << 10)

const struct collateral_kind COLLATERAL_KIND[COLLATERAL_KINDS] = {
    {TRUSTEE_TEXT("intel/tcb-info"), VENDOR_INTEL, FORM_JSON, .chain = true, .renewed = true, .limit = KIB(1024)},
    {TRUSTEE_TEXT("intel/qe-identity"), VENDOR_INTEL, FORM_JSON, .chain = true, .renewed = true, .limit = KIB(256)},
    {TRUSTEE_TEXT("intel/pck-crl"), VENDOR_INTEL, FORM_DER, .chain = true, .renewed = true, .limit = KIB(8192)},
    {TRUSTEE_TEXT("intel/root-crl"), VENDOR_INTEL, FORM_DER, .renewed = true, .limit = KIB(8192)},
    {TRUSTEE_TEXT("intel/pck"), VENDOR_INTEL, FORM_PEM, .chain = true, .platform = true, .limit = KIB(64)},
    {TRUSTEE_TEXT("amd/vcek"), VENDOR_AMD, FORM_DER, .platform = true, .limit = KIB(64)},
    {TRUSTEE_TEXT("amd/ca-chain"), VENDOR_AMD, FORM_PEM, .limit = KIB(64)},
    {TRUSTEE_TEXT("amd/crl"), VENDOR_AMD, FORM_DER, .renewed = true, .limit = KIB(8192)},
};

const struct collateral_kind *collateral_kind_of(slice name)
{
    for (size_t i = 0; i < COLLATERAL_KINDS; i++)
        if (slice_equal(COLLATERAL_KIND[i].name, name))
            return &COLLATERAL_KIND[i];
    return NULL;
}
