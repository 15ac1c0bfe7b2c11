/* SPDX-License-Identifier: Apache-2.0
 *
 * Known answer: a report of version 3, signed by another implementation (python3-cryptography) with a key made for it,
 * holds, and does not with any one of its signed fields changed. AMD's own roots were verified when they were loaded.
 */
#include "plugins/snp/snp.h"

static const char KEY[] =
    "3076301006072a8648ce3d020106052b810400220362000412eb587c7df97c09f3c4d38dbede36383bb06cfcf905af8e"
    "b6352ec8af83d6ff2ae42eced31629908c22c9c772f99d07d62ed651bc66a127bbfe4286f95473bdfb096e72b00fca56"
    "c52bb9cd7487a6f063bee628932cfc6e8797768ec75a6226";
/* little-endian, as the firmware writes them */
static const char R[] =
    "4168dca8456368d013c0207ec16a5ed059cfd3bb097dba45769ed642baf0353f1f2cdbb9f48cf70ad3536c6461691370";
static const char S_[] =
    "9a4d9fc4cb0ef66773262523d678467b8ac402fa036e8d407c6affc9c224096463791cb651566bcb07f5b3b0332d412a";

static bool unhex(const char *hex, uint8_t *out, size_t room)
{
    size_t length;
    return hex_decode(out, room, slice_text(hex), &length);
}

static bool make_report(uint8_t report[SNP_REPORT_SIZE])
{
    memset(report, 0, SNP_REPORT_SIZE);
    report[SNP_AT_VERSION] = 3;
    report[SNP_AT_POLICY + 2] = 3; /* SMT, and the bit that must be one */
    report[SNP_AT_SIGNATURE_ALGORITHM] = 1;
    for (uint8_t i = 0; i < 64; i++)
        report[SNP_AT_REPORT_DATA + i] = i;
    report[SNP_AT_CPUID] = 0x19;
    report[SNP_AT_CPUID + 1] = 1;
    report[SNP_AT_CPUID + 2] = 1;
    return unhex(R, report + SNP_AT_SIGNATURE, SNP_SIGNATURE_PART) &&
           unhex(S_, report + SNP_AT_SIGNATURE + SNP_SIGNATURE_PART, SNP_SIGNATURE_PART);
}

static bool holds(uint8_t report[SNP_REPORT_SIZE], const struct public_key *key)
{
    struct snp_report read;
    return !FAILED(snp_report_read(slice_of(report, SNP_REPORT_SIZE), &read)) && !FAILED(snp_report_verify(&read, key));
}

static bool passes(void)
{
    static const size_t fields[] = {SNP_AT_REPORT_DATA, SNP_AT_MEASUREMENT, SNP_AT_CHIP_ID, SNP_AT_REPORTED_TCB};
    uint8_t spki[SPKI_SIZE_MAX], report[SNP_REPORT_SIZE];
    struct public_key *key;
    size_t length;
    if (!make_report(report) || !hex_decode(spki, sizeof spki, slice_text(KEY), &length) ||
        FAILED(public_key_new(slice_of(spki, length), &key)))
        return false;
    bool good = holds(report, key);
    for (size_t i = 0; good && i < sizeof fields / sizeof *fields; i++) {
        report[fields[i]] ^= 1;
        good = !holds(report, key);
        report[fields[i]] ^= 1;
    }
    public_key_free(key);
    return good;
}

trustee_status snp_self_test(void *instance)
{
    const struct snp *snp = instance;
    if (passes())
        return TRUSTEE_OK;
    snp->host->log(snp->host->ctx, TRUSTEE_LOG_ERROR, S("snp: a known report is judged wrongly"));
    return TRUSTEE_E_INTERNAL;
}
