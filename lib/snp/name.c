/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/snp/name.h"

#include "lib/x509/der.h"

#define OID_COMMON_NAME S("\x55\x04\x03")

/* One AttributeTypeAndValue of a RelativeDistinguishedName. */
static bool read_attribute(struct reader *names, slice *oid, slice *value)
{
    slice set, pair;
    if (!der_read(names, DER_SET, &set))
        return false;
    struct reader s = reader_of(set);
    if (!der_read(&s, DER_SEQUENCE, &pair) || !read_done(&s))
        return false;
    struct reader p = reader_of(pair);
    *value = NO_SLICE;
    if (!der_read(&p, DER_OID, oid))
        return false;
    uint8_t tag = der_next_is(&p, DER_UTF8_STRING) ? DER_UTF8_STRING : DER_PRINTABLE_STRING;
    return !slice_equal(*oid, OID_COMMON_NAME) || (der_read(&p, tag, value) && read_done(&p));
}

/* Empty unless there is exactly one. */
static slice common_name(slice name)
{
    struct reader r = reader_of(name);
    slice content, found = NO_SLICE;
    if (!der_read(&r, DER_SEQUENCE, &content) || !read_done(&r))
        return NO_SLICE;
    struct reader names = reader_of(content);
    while (names.left.len) {
        slice oid, value;
        if (!read_attribute(&names, &oid, &value) || (value.len && found.len))
            return NO_SLICE;
        if (value.len)
            found = value;
    }
    return found;
}

struct snp_name snp_name_read(slice name)
{
    static const struct {
        slice prefix;
        enum snp_role role;
    } roles[] = {
        {TRUSTEE_TEXT("ARK-"), SNP_ROLE_ARK},
        {TRUSTEE_TEXT("SEV-VLEK-"), SNP_ROLE_ASVK},
        {TRUSTEE_TEXT("SEV-"), SNP_ROLE_ASK},
    };
    slice cn = common_name(name);
    if (slice_equal(cn, S("SEV-VCEK")))
        return (struct snp_name){SNP_ROLE_VCEK, NO_SLICE};
    if (slice_equal(cn, S("SEV-VLEK")))
        return (struct snp_name){SNP_ROLE_VLEK, NO_SLICE};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (slice_starts(cn, roles[i].prefix) && cn.len > roles[i].prefix.len)
            return (struct snp_name){roles[i].role, slice_sub(cn, roles[i].prefix.len, cn.len)};
    return (struct snp_name){SNP_ROLE_NONE, NO_SLICE};
}
