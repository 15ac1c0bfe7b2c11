/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/snp/report.h"

#define ECDSA_P384_SHA384 1
#define SCALAR_SIZE 48 /* of P-384 */

static bool all_zero(slice s)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < s.len; i++)
        seen |= s.ptr[i];
    return seen == 0;
}

static uint64_t number_at(slice report, size_t offset, size_t size)
{
    uint64_t number = 0;
    slice bytes = slice_sub(report, offset, size);
    for (size_t i = bytes.len; i > 0; i--)
        number = number << 8 | bytes.ptr[i - 1];
    return number;
}

static struct snp_version version_at(slice report, size_t offset)
{
    slice v = slice_sub(report, offset, 3);
    return (struct snp_version){.build = v.ptr[0], .minor = v.ptr[1], .major = v.ptr[2]};
}

/* --- what the specification calls reserved -------------------------------------------------------------------------
 */

static bool ranges_are_zero(slice report, uint32_t version)
{
    size_t cpuid_end = version >= SNP_REPORT_VERSION_CPUID ? SNP_AT_CPUID + 3 : SNP_AT_CPUID;
    size_t vectors_end =
        version >= SNP_REPORT_VERSION_MITIGATION ? SNP_AT_CURRENT_MITIGATION + 8 : SNP_AT_LAUNCH_MITIGATION;
    const size_t ranges[][2] = {
        {SNP_AT_KEY_INFO + 4, SNP_AT_REPORT_DATA},
        {cpuid_end, SNP_AT_CHIP_ID},
        {SNP_AT_CURRENT_VERSION + 3, SNP_AT_COMMITTED_VERSION},
        {SNP_AT_COMMITTED_VERSION + 3, SNP_AT_LAUNCH_TCB},
        {vectors_end, SNP_AT_SIGNATURE},
        {SNP_AT_SIGNATURE + 2 * SNP_SIGNATURE_PART, SNP_REPORT_SIZE},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (!all_zero(slice_sub(report, ranges[i][0], ranges[i][1] - ranges[i][0])))
            return false;
    return true;
}

static result check_reserved(const struct snp_report *r)
{
    unsigned signing_key = snp_signing_key(r);
    ENSURE(ranges_are_zero(r->bytes, r->version), AMD_REPORT_RESERVED);
    ENSURE((r->policy & SNP_POLICY_RESERVED_ONE) && !(r->policy & SNP_POLICY_RESERVED_ZERO), AMD_REPORT_RESERVED);
    ENSURE(r->key_info >> 5 == 0, AMD_REPORT_RESERVED);
    ENSURE(signing_key <= SNP_SIGNED_BY_VLEK || signing_key == SNP_SIGNED_BY_NONE, AMD_REPORT_RESERVED);
    return OK;
}

/* --- the fields ----------------------------------------------------------------------------------------------------
 */

static void read_numbers(struct snp_report *r)
{
    slice b = r->bytes;
    r->guest_svn = (uint32_t)number_at(b, SNP_AT_GUEST_SVN, 4);
    r->policy = number_at(b, SNP_AT_POLICY, 8);
    r->vmpl = (uint32_t)number_at(b, SNP_AT_VMPL, 4);
    r->platform_info = number_at(b, SNP_AT_PLATFORM_INFO, 8);
    r->key_info = (uint32_t)number_at(b, SNP_AT_KEY_INFO, 4);
    r->current = version_at(b, SNP_AT_CURRENT_VERSION);
    r->committed = version_at(b, SNP_AT_COMMITTED_VERSION);
    r->has_cpuid = r->version >= SNP_REPORT_VERSION_CPUID;
    if (r->has_cpuid) {
        r->cpu_family = b.ptr[SNP_AT_CPUID];
        r->cpu_model = b.ptr[SNP_AT_CPUID + 1];
        r->cpu_stepping = b.ptr[SNP_AT_CPUID + 2];
    }
    r->has_mitigations = r->version >= SNP_REPORT_VERSION_MITIGATION;
    if (r->has_mitigations) {
        r->launch_mitigations = number_at(b, SNP_AT_LAUNCH_MITIGATION, 8);
        r->current_mitigations = number_at(b, SNP_AT_CURRENT_MITIGATION, 8);
    }
}

static void read_views(struct snp_report *r)
{
    slice b = r->bytes;
    r->family_id = slice_sub(b, SNP_AT_FAMILY_ID, 16);
    r->image_id = slice_sub(b, SNP_AT_IMAGE_ID, 16);
    r->current_tcb = slice_sub(b, SNP_AT_CURRENT_TCB, SNP_TCB_SIZE);
    r->report_data = slice_sub(b, SNP_AT_REPORT_DATA, 64);
    r->measurement = slice_sub(b, SNP_AT_MEASUREMENT, 48);
    r->host_data = slice_sub(b, SNP_AT_HOST_DATA, 32);
    r->id_key_digest = slice_sub(b, SNP_AT_ID_KEY_DIGEST, 48);
    r->author_key_digest = slice_sub(b, SNP_AT_AUTHOR_KEY_DIGEST, 48);
    r->report_id = slice_sub(b, SNP_AT_REPORT_ID, 32);
    r->report_id_ma = slice_sub(b, SNP_AT_REPORT_ID_MA, 32);
    r->reported_tcb = slice_sub(b, SNP_AT_REPORTED_TCB, SNP_TCB_SIZE);
    r->chip_id = slice_sub(b, SNP_AT_CHIP_ID, SNP_CHIP_ID_SIZE);
    r->committed_tcb = slice_sub(b, SNP_AT_COMMITTED_TCB, SNP_TCB_SIZE);
    r->launch_tcb = slice_sub(b, SNP_AT_LAUNCH_TCB, SNP_TCB_SIZE);
    r->to_sign = slice_sub(b, 0, SNP_SIGNED_SIZE);
}

static result read_scalar(slice report, size_t offset, slice *out)
{
    slice part = slice_sub(report, offset, SNP_SIGNATURE_PART);
    *out = slice_sub(part, 0, SCALAR_SIZE);
    ENSURE(all_zero(slice_sub(part, SCALAR_SIZE, SNP_SIGNATURE_PART - SCALAR_SIZE)), AMD_REPORT_SIGNATURE);
    ENSURE(!all_zero(*out), AMD_REPORT_SIGNATURE);
    return OK;
}

result snp_report_read(slice bytes, struct snp_report *out)
{
    *out = (struct snp_report){.bytes = bytes};
    ENSURE(bytes.len == SNP_REPORT_SIZE, AMD_REPORT_SIZE);
    out->version = (uint32_t)number_at(bytes, SNP_AT_VERSION, 4);
    ENSURE(out->version >= SNP_REPORT_VERSION_MIN && out->version <= SNP_REPORT_VERSION_MAX, AMD_REPORT_VERSION);
    ENSURE(number_at(bytes, SNP_AT_SIGNATURE_ALGORITHM, 4) == ECDSA_P384_SHA384, AMD_REPORT_ALGORITHM);
    read_numbers(out);
    read_views(out);
    TRY(check_reserved(out));
    TRY(read_scalar(bytes, SNP_AT_SIGNATURE, &out->r));
    return read_scalar(bytes, SNP_AT_SIGNATURE + SNP_SIGNATURE_PART, &out->s);
}

bool snp_chip_id_is_masked(const struct snp_report *r)
{
    return all_zero(r->chip_id);
}

static slice reversed(slice little_endian, uint8_t out[SCALAR_SIZE])
{
    for (size_t i = 0; i < SCALAR_SIZE; i++)
        out[i] = little_endian.ptr[SCALAR_SIZE - 1 - i];
    return slice_of(out, SCALAR_SIZE);
}

result snp_report_verify(const struct snp_report *r, const struct public_key *key)
{
    uint8_t big_r[SCALAR_SIZE], big_s[SCALAR_SIZE];
    ENSURE(public_key_type(key) == KEY_P384, SIGNATURE_SCHEME);
    struct raw_signature signature = {
        .scheme = SIGNATURE_ECDSA, .hash = HASH_SHA384, .r = reversed(r->r, big_r), .s = reversed(r->s, big_s)};
    return signature_verify(key, &signature, r->to_sign);
}
