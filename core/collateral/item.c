/* SPDX-License-Identifier: Apache-2.0
 *
 * Which kinds and keys there are. What is not of these forms is never looked up, stored, or put into a path or URL.
 */
#include "core/collateral/item.h"

#define PARTS_MAX 5

struct parts {
    slice at[PARTS_MAX];
    size_t count;
};

static bool split(slice text, uint8_t by, struct parts *out)
{
    slice part;
    out->count = 0;
    while (slice_split(&text, by, &part)) {
        if (out->count == PARTS_MAX || part.len == 0)
            return false;
        out->at[out->count++] = part;
    }
    return true;
}

static bool is_hex(slice s, size_t least, size_t most)
{
    if (s.len < least || s.len > most || s.len % 2)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!(s.ptr[i] >= '0' && s.ptr[i] <= '9') && !(s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))
            return false;
    return true;
}

static bool is_either(slice s, slice a, slice b)
{
    return slice_equal(s, a) || slice_equal(s, b);
}

static bool is_svns(slice s)
{
    struct parts p;
    uint64_t svn;
    if (!split(s, '-', &p) || p.count < 4)
        return false;
    for (size_t i = 0; i < p.count; i++)
        if (!slice_u64(p.at[i], &svn) || svn > 255)
            return false;
    return true;
}

static bool is_product(slice s)
{
    return s.len && s.len <= 16 && slice_is_name(s, "");
}

static bool is_tcb_info(const struct parts *p)
{
    return p->count == 2 && is_either(p->at[0], S("tdx"), S("sgx")) && is_hex(p->at[1], 12, 12);
}

static bool is_qe_identity(const struct parts *p)
{
    return p->count == 1 && is_either(p->at[0], S("tdx"), S("sgx"));
}

static bool is_pck_crl(const struct parts *p)
{
    return p->count == 1 && is_either(p->at[0], S("platform"), S("processor"));
}

static bool is_root_crl(const struct parts *p)
{
    return p->count == 1 && slice_equal(p->at[0], S("root"));
}

/* An encrypted PPID is one block of RSA-2048 or RSA-3072. */
static bool is_pck(const struct parts *p)
{
    return p->count == 5 && is_hex(p->at[0], 32, 32) && is_hex(p->at[1], 32, 32) && is_hex(p->at[2], 4, 4) &&
           is_hex(p->at[3], 4, 4) && (slice_equal(p->at[4], S("-")) || is_hex(p->at[4], 512, 768));
}

static bool is_vcek(const struct parts *p)
{
    return p->count == 3 && is_product(p->at[0]) && (is_hex(p->at[1], 128, 128) || is_hex(p->at[1], 16, 16)) &&
           is_svns(p->at[2]);
}

static bool is_amd_issuer(const struct parts *p)
{
    return p->count == 2 && is_product(p->at[0]) && is_either(p->at[1], S("vcek"), S("vlek"));
}

static const struct {
    slice kind;
    bool (*key)(const struct parts *p);
} forms[] = {
    {TRUSTEE_TEXT("intel/tcb-info"), is_tcb_info}, {TRUSTEE_TEXT("intel/qe-identity"), is_qe_identity},
    {TRUSTEE_TEXT("intel/pck-crl"), is_pck_crl},   {TRUSTEE_TEXT("intel/root-crl"), is_root_crl},
    {TRUSTEE_TEXT("intel/pck"), is_pck},           {TRUSTEE_TEXT("amd/vcek"), is_vcek},
    {TRUSTEE_TEXT("amd/ca-chain"), is_amd_issuer}, {TRUSTEE_TEXT("amd/crl"), is_amd_issuer},
};

bool collateral_is_name(slice kind, slice key)
{
    struct parts p;
    if (key.len == 0 || key.len > COLLATERAL_KEY_MAX || !split(key, '/', &p))
        return false;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (slice_equal(kind, forms[i].kind))
            return forms[i].key(&p);
    return false;
}
