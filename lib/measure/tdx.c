/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/measure/tdx.h"

#include "lib/measure/firmware.h"
#include "lib/measure/kernel.h"
#include "lib/signature/digest.h"

/* --- MRTD --- */

#define CHUNK_SIZE 256
#define RECORD_SIZE 128
#define AT_ADDRESS 16
#define PAGES_MAX (UINT64_C(1) << 18) /* a gigabyte is more than any firmware begins with */

struct td {
    struct firmware firmware;
    struct digester digester;
    uint64_t pages;
};

/* What the TDX module hashes of each call: its name and the guest's address. */
static result add_record(struct td *td, slice name, uint64_t address)
{
    uint8_t record[RECORD_SIZE] = {0};
    memcpy(record, name.ptr, name.len);
    for (size_t i = 0; i < 8; i++)
        record[AT_ADDRESS + i] = (uint8_t)(address >> 8 * i);
    return digester_add(&td->digester, slice_of(record, sizeof record));
}

static result add_page(struct td *td, const struct tdvf_section *s, uint64_t at)
{
    if (s->attributes & TDVF_ADDED_LATER)
        return OK;
    return add_record(td, S("MEM.PAGE.ADD"), s->address + at);
}

static result measure_page(struct td *td, const struct tdvf_section *s, uint64_t at)
{
    static const uint8_t ZEROS[CHUNK_SIZE];
    if (!(s->attributes & TDVF_MEASURED))
        return OK;
    for (uint64_t end = at + PAGE_SIZE_4K; at < end; at += CHUNK_SIZE) {
        slice content = slice_sub(s->content, at, CHUNK_SIZE);
        TRY(add_record(td, S("MR.EXTEND"), s->address + at));
        TRY(digester_add(&td->digester, content));
        TRY(digester_add(&td->digester, slice_of(ZEROS, CHUNK_SIZE - content.len)));
    }
    return OK;
}

static result add_section(struct td *td, const struct tdvf_section *s, bool two_passes)
{
    td->pages += s->size / PAGE_SIZE_4K;
    ENSURE(td->pages <= PAGES_MAX, MEASURE_METADATA);
    for (uint64_t at = 0; at < s->size; at += PAGE_SIZE_4K) {
        TRY(add_page(td, s, at));
        if (!two_passes)
            TRY(measure_page(td, s, at));
    }
    for (uint64_t at = 0; two_passes && at < s->size; at += PAGE_SIZE_4K)
        TRY(measure_page(td, s, at));
    return OK;
}

static result add_sections(struct td *td, bool two_passes, uint8_t *out)
{
    struct reader sections;
    struct tdvf_section s;
    TRY(firmware_tdvf_sections(&td->firmware, &sections));
    TRY(digester_start(&td->digester));
    for (bool end = false;;) {
        TRY(tdvf_section_next(&td->firmware, &sections, &s, &end));
        if (end)
            return digester_finish(&td->digester, out);
        TRY(add_section(td, &s, two_passes));
    }
}

result tdx_mrtd(slice firmware, bool two_passes, uint8_t out[TDX_DIGEST_SIZE])
{
    struct td td = {0};
    TRY(firmware_open(firmware, &td.firmware));
    result r = digester_begin(&td.digester, DIGEST_SHA384);
    if (!FAILED(r))
        r = add_sections(&td, two_passes, out);
    digester_end(&td.digester);
    return r;
}

/* --- RTMR 1 and 2 --- */

static result extend(struct digester *d, uint8_t *rtmr, const uint8_t *measured)
{
    return digester_of(d, slice_of(rtmr, TDX_DIGEST_SIZE), slice_of(measured, TDX_DIGEST_SIZE), rtmr);
}

static result extend_with(struct digester *d, uint8_t *rtmr, slice data)
{
    uint8_t measured[TDX_DIGEST_SIZE];
    TRY(digester_of(d, data, NO_SLICE, measured));
    return extend(d, rtmr, measured);
}

/* What the firmware logs of a boot that ends its services. */
static result measure_firmware(struct digester *d, const struct tdx_boot *boot, struct tdx_measurement *out)
{
    TRY(extend(d, out->rtmr_1, out->kernel));
    TRY(extend_with(d, out->rtmr_1, S("Calling EFI Application from Boot Option")));
    if (!boot->separator_before)
        TRY(extend_with(d, out->rtmr_1, S("\0\0\0\0")));
    TRY(extend_with(d, out->rtmr_1, S("Exit Boot Services Invocation")));
    return extend_with(d, out->rtmr_1, S("Exit Boot Services Returned with Success"));
}

static result add_utf16(struct digester *d, slice ascii)
{
    for (size_t i = 0; i < ascii.len; i++) {
        uint8_t unit[2] = {ascii.ptr[i], 0};
        ENSURE(ascii.ptr[i] >= 0x20 && ascii.ptr[i] < 0x7f, MEASURE_COMMAND_LINE);
        TRY(digester_add(d, slice_of(unit, 2)));
    }
    return OK;
}

/* OVMF hands the command line on as UTF-16 with its NUL, and says in it where the initrd is. */
static result digest_parameters(struct digester *d, const struct tdx_boot *boot, uint8_t *out)
{
    TRY(digester_start(d));
    TRY(add_utf16(d, boot->command_line));
    if (boot->initrd.len)
        TRY(add_utf16(d, S(" initrd=initrd")));
    TRY(digester_add(d, S("\0\0")));
    return digester_finish(d, out);
}

/* What the kernel's EFI stub logs. */
static result measure_stub(struct digester *d, const struct tdx_boot *boot, struct tdx_measurement *out)
{
    TRY(digest_parameters(d, boot, out->parameters));
    TRY(extend(d, out->rtmr_2, out->parameters));
    return boot->initrd.len ? extend_with(d, out->rtmr_2, boot->initrd) : OK;
}

static result measure_boot(struct digester *d, const struct tdx_boot *boot, struct tdx_measurement *out)
{
    TRY(measure_firmware(d, boot, out));
    return measure_stub(d, boot, out);
}

result tdx_measure_boot(const struct tdx_boot *boot, struct tdx_measurement *out)
{
    struct digester d;
    *out = (struct tdx_measurement){0};
    TRY(pe_digest(boot->kernel, out->kernel));
    result r = digester_begin(&d, DIGEST_SHA384);
    if (!FAILED(r))
        r = measure_boot(&d, boot, out);
    digester_end(&d);
    return r;
}
