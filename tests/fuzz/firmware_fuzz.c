/* SPDX-License-Identifier: Apache-2.0
 *
 * Firmware images and kernels from any bytes. The bytes are laid over a good image (the first two say where), so that
 * tables and metadata are reached, and are taken as they are as well.
 */
#include <stdlib.h>

#include "lib/measure/firmware.h"
#include "lib/measure/kernel.h"
#include "lib/measure/snp.h"
#include "lib/measure/tdx.h"
#include "tests/support/forge_firmware.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(slice whole, slice part)
{
    if (part.len && (part.ptr < whole.ptr || part.len > whole.len || part.ptr > whole.ptr + (whole.len - part.len)))
        abort();
}

static void read_sections(const struct firmware *f)
{
    struct reader r;
    struct sev_section sev;
    struct tdvf_section td;
    bool end = false;
    if (!FAILED(firmware_sev_sections(f, &r)))
        while (!FAILED(sev_section_next(&r, &sev, &end)) && !end)
            ;
    end = false;
    if (!FAILED(firmware_tdvf_sections(f, &r)))
        while (!FAILED(tdvf_section_next(f, &r, &td, &end)) && !end)
            inside(f->image, td.content);
}

/* Whether the sections are few enough for an input to take no longer than the fuzzer waits. */
static bool is_quick(const struct firmware *f)
{
    struct reader r;
    struct tdvf_section td;
    struct sev_section sev;
    uint64_t total = 0;
    bool end = false;
    if (!FAILED(firmware_tdvf_sections(f, &r)))
        while (!FAILED(tdvf_section_next(f, &r, &td, &end)) && !end)
            total += td.size;
    end = false;
    if (!FAILED(firmware_sev_sections(f, &r)))
        while (!FAILED(sev_section_next(&r, &sev, &end)) && !end)
            total += sev.size;
    return total < 1 << 20;
}

static void measure_firmware(slice image)
{
    struct firmware f;
    uint8_t digest[48];
    struct snp_guest guest = {.firmware = image, .direct = true, .kernel = image, .processors = 2, .features = 1};
    if (FAILED(firmware_open(image, &f)))
        return;
    inside(image, f.table);
    read_sections(&f);
    if (!is_quick(&f))
        return;
    (void)!FAILED(snp_launch_digest(&guest, digest));
    (void)!FAILED(tdx_mrtd(image, false, digest));
    (void)!FAILED(tdx_mrtd(image, true, digest));
}

static void measure_kernel(uint8_t *kernel, size_t size)
{
    struct tdx_measurement m;
    struct tdx_boot boot = {slice_of(kernel, size), slice_of(kernel, size & 31), S("quiet"), size & 32};
    (void)!FAILED(tdx_measure_boot(&boot, &m));
    if (size >= SETUP_HEADER_SIZE)
        (void)!FAILED(kernel_patch(kernel, S("quiet"), size, (uint64_t)size << 12));
}

static void lay_over(uint8_t *good, size_t room, slice in)
{
    if (in.len < 2)
        return;
    size_t at = (size_t)(in.ptr[0] | in.ptr[1] << 8) % room;
    slice part = slice_sub(in, 2, room - at);
    if (part.len)
        memcpy(good + at, part.ptr, part.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t image[FORGE_IMAGE_SIZE], kernel[FORGE_KERNEL_SIZE];
    slice in = slice_of(data, size);
    measure_firmware(in);
    forge_firmware(image, FORGE_ENTRY_ALL);
    lay_over(image, sizeof image, in);
    measure_firmware(slice_of(image, sizeof image));
    forge_kernel(kernel);
    lay_over(kernel, sizeof kernel, in);
    measure_kernel(kernel, sizeof kernel);
    uint8_t *copy = malloc(size + 1);
    if (copy && size) {
        memcpy(copy, data, size);
        measure_kernel(copy, size);
    }
    free(copy);
    return 0;
}
