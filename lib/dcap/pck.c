/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/pck.h"

#include "lib/x509/der.h"

/* 1.2.840.113741.1.13.1, and below it .1 PPID, .2 TCB (.1 to .16 components, .17 PCESVN, .18 CPUSVN), .3 PCE id,
 * .4 FMSPC, .5 SGX type, .6 platform instance, .7 configuration (.1 dynamic, .2 cached keys, .3 SMT). */
#define EXTENSION_OID "\x2a\x86\x48\x86\xf8\x4d\x01\x0d\x01"
#define PPID 1
#define TCB 2
#define PCE_ID 3
#define FMSPC 4
#define SGX_TYPE 5
#define INSTANCE 6
#define CONFIGURATION 7
#define MEMBER_COUNT 7
#define COMPONENT_COUNT 16
#define PCE_SVN 17
#define CPU_SVN 18
#define TCB_COUNT 18
#define CONFIGURATION_COUNT 3

/* One {OBJECT IDENTIFIER, value}: the identifier is `prefix` with one octet more, 1 to `most`; *value is left at what
 * follows it. Each may stand once. */
struct members {
    slice prefix;
    uint8_t most;
    uint32_t seen; /* bit n: member n */
};

static result next_member(struct reader *r, struct members *m, uint8_t *number, struct reader *value)
{
    slice pair, oid;
    ENSURE(der_read(r, DER_SEQUENCE, &pair), DCAP_PCK_EXTENSION);
    *value = reader_of(pair);
    ENSURE(der_read(value, DER_OID, &oid), DCAP_PCK_EXTENSION);
    ENSURE(oid.len == m->prefix.len + 1 && slice_starts(oid, m->prefix), DCAP_PCK_EXTENSION);
    *number = oid.ptr[oid.len - 1];
    ENSURE(*number >= 1 && *number <= m->most, DCAP_PCK_EXTENSION);
    ENSURE(!(m->seen & (UINT32_C(1) << *number)), DCAP_PCK_EXTENSION);
    m->seen |= UINT32_C(1) << *number;
    return OK;
}

static bool has_all(const struct members *m, uint8_t first, uint8_t last)
{
    for (uint8_t i = first; i <= last; i++)
        if (!(m->seen & (UINT32_C(1) << i)))
            return false;
    return true;
}

static result read_octets(struct reader *value, uint8_t *out, size_t size)
{
    slice octets;
    ENSURE(der_read(value, DER_OCTET_STRING, &octets) && octets.len == size, DCAP_PCK_EXTENSION);
    memcpy(out, octets.ptr, size);
    return OK;
}

static result read_svn(struct reader *value, uint64_t most, uint64_t *out)
{
    ENSURE(der_read_u64(value, out) && *out <= most, DCAP_PCK_EXTENSION);
    return OK;
}

static result read_tcb_member(struct reader *value, uint8_t number, struct pck *out)
{
    uint64_t svn = 0;
    if (number == CPU_SVN)
        return read_octets(value, out->cpu_svn, sizeof out->cpu_svn);
    TRY(read_svn(value, number == PCE_SVN ? UINT16_MAX : UINT8_MAX, &svn));
    if (number == PCE_SVN)
        out->pce_svn = (uint16_t)svn;
    else
        out->components[number - 1] = (uint8_t)svn;
    return OK;
}

static result read_tcb(struct reader *value, struct pck *out)
{
    slice content;
    struct members m = {.prefix = S(EXTENSION_OID "\x02"), .most = TCB_COUNT};
    ENSURE(der_read(value, DER_SEQUENCE, &content), DCAP_PCK_EXTENSION);
    for (struct reader r = reader_of(content); !read_done(&r);) {
        uint8_t number;
        struct reader member;
        TRY(next_member(&r, &m, &number, &member));
        TRY(read_tcb_member(&member, number, out));
        ENSURE(read_done(&member), DCAP_PCK_EXTENSION);
    }
    ENSURE(has_all(&m, 1, TCB_COUNT), DCAP_PCK_EXTENSION);
    return OK;
}

static result read_configuration(struct reader *value, struct pck *out)
{
    slice content;
    bool *const flags[] = {&out->dynamic_platform, &out->cached_keys, &out->smt_enabled};
    struct members m = {.prefix = S(EXTENSION_OID "\x07"), .most = CONFIGURATION_COUNT};
    ENSURE(der_read(value, DER_SEQUENCE, &content), DCAP_PCK_EXTENSION);
    for (struct reader r = reader_of(content); !read_done(&r);) {
        uint8_t number;
        struct reader member;
        TRY(next_member(&r, &m, &number, &member));
        ENSURE(der_read_boolean(&member, flags[number - 1]) && read_done(&member), DCAP_PCK_EXTENSION);
    }
    out->has_configuration = true;
    return OK;
}

static result read_sgx_type(struct reader *value, struct pck *out)
{
    slice content;
    ENSURE(der_read(value, DER_ENUMERATED, &content) && content.len == 1, DCAP_PCK_EXTENSION);
    ENSURE(content.ptr[0] <= 2, DCAP_PCK_EXTENSION);
    out->sgx_type = content.ptr[0];
    return OK;
}

static result read_member(struct reader *value, uint8_t number, struct pck *out)
{
    switch (number) {
    case PPID:
        return read_octets(value, out->ppid, sizeof out->ppid);
    case TCB:
        return read_tcb(value, out);
    case PCE_ID:
        return read_octets(value, out->pce_id, sizeof out->pce_id);
    case FMSPC:
        return read_octets(value, out->fmspc, sizeof out->fmspc);
    case SGX_TYPE:
        return read_sgx_type(value, out);
    case INSTANCE:
        out->has_instance = true;
        return read_octets(value, out->platform_instance_id, sizeof out->platform_instance_id);
    case CONFIGURATION:
        return read_configuration(value, out);
    default:
        return FAIL(DCAP_PCK_EXTENSION);
    }
}

static bool names(slice name, slice what)
{
    return name.len > 0 && memmem(name.ptr, name.len, what.ptr, what.len) != NULL;
}

bool pck_is_platform_ca(slice name)
{
    return names(name, S("Intel SGX PCK Platform CA"));
}

/* Intel's profile has the instance and its configuration in the platform CA's certificates, and in no others of its. */
static result check_profile(slice issuer, const struct pck *pck)
{
    if (pck->platform_ca)
        ENSURE(pck->has_instance && pck->has_configuration, DCAP_PCK_EXTENSION);
    if (names(issuer, S("Intel SGX PCK Processor CA")))
        ENSURE(!pck->has_instance && !pck->has_configuration, DCAP_PCK_EXTENSION);
    return OK;
}

result pck_read(const struct certificate *leaf, struct pck *out)
{
    slice value, content;
    struct members m = {.prefix = S(EXTENSION_OID), .most = MEMBER_COUNT};
    *out = (struct pck){0};
    ENSURE(certificate_extension(leaf, S(EXTENSION_OID), &value), DCAP_PCK_EXTENSION);
    struct reader whole = reader_of(value);
    ENSURE(der_read(&whole, DER_SEQUENCE, &content) && read_done(&whole), DCAP_PCK_EXTENSION);
    for (struct reader r = reader_of(content); !read_done(&r);) {
        uint8_t number;
        struct reader member;
        TRY(next_member(&r, &m, &number, &member));
        TRY(read_member(&member, number, out));
        ENSURE(read_done(&member), DCAP_PCK_EXTENSION);
    }
    ENSURE(has_all(&m, PPID, SGX_TYPE), DCAP_PCK_EXTENSION);
    out->platform_ca = pck_is_platform_ca(leaf->issuer);
    return check_profile(leaf->issuer, out);
}
