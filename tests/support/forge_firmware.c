/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/forge_firmware.h"

void forge_put(uint8_t *at, uint64_t number, size_t width)
{
    for (size_t i = 0; i < width; i++, number >>= 8)
        at[i] = (uint8_t)number;
}

static void pattern(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(7 * i + (i >> 8));
}

/* --- firmware --- */

static const char TABLE[] = "\xde\x82\xb5\x96\xb2\x1f\xf7\x45\xba\xea\xa3\x66\xc5\x5a\x08\x2d";

static const struct {
    enum forge_entry entry;
    const char *guid;
    uint32_t data[2];
    size_t count;
} ENTRIES[] = {
    {FORGE_ENTRY_RESET, "\xde\x71\xf7\x00\x7e\x1a\xcb\x4f\x89\x0e\x68\xc7\x7e\x2f\xb4\x4e", {0x80b004}, 1},
    {FORGE_ENTRY_HASHES, "\x1f\x37\x55\x72\x3b\x3a\x04\x4b\x92\x7b\x1d\xa6\xef\xa8\xd4\x54", {0x810c00, 0x400}, 2},
    {FORGE_ENTRY_SEV,
     "\x66\x65\x88\xdc\x4a\x98\x98\x47\xa7\x5e\x55\x85\xa7\xbf\x67\xcc",
     {FORGE_IMAGE_SIZE - FORGE_SEV},
     1},
    {FORGE_ENTRY_TDVF,
     "\x35\x65\x7a\xe4\x4a\x98\x98\x47\x86\x5e\x46\x85\xa7\xbf\x8e\xc2",
     {FORGE_IMAGE_SIZE - FORGE_TDVF},
     1},
};

size_t forge_firmware_table(void)
{
    return FORGE_IMAGE_SIZE - 32 - 18;
}

static void put_table(uint8_t *image, unsigned entries)
{
    size_t end = forge_firmware_table(), at = end;
    for (size_t i = 0; i < sizeof ENTRIES / sizeof *ENTRIES; i++) {
        size_t size = 18 + 4 * ENTRIES[i].count;
        if (!(entries & ENTRIES[i].entry))
            continue;
        at -= size;
        for (size_t n = 0; n < ENTRIES[i].count; n++)
            forge_put(image + at + 4 * n, ENTRIES[i].data[n], 4);
        forge_put(image + at + size - 18, size, 2);
        memcpy(image + at + size - 16, ENTRIES[i].guid, 16);
    }
    forge_put(image + end, 18 + end - at, 2);
    memcpy(image + end + 2, TABLE, 16);
}

static void put_sev(uint8_t *image)
{
    static const uint32_t SECTIONS[][3] = {{0x800000, 0x9000, 1},
                                           {0x80d000, 0x1000, 2},
                                           {0x80e000, 0x1000, 3},
                                           {0x80f000, 0x1000, 4},
                                           {0x810000, 0x1000, 0x10}};
    memcpy(image, "ASEV", 4);
    forge_put(image + 4, 16 + sizeof SECTIONS, 4);
    forge_put(image + 8, 1, 4);
    forge_put(image + 12, 5, 4);
    for (size_t i = 0; i < 15; i++)
        forge_put(image + 16 + 4 * i, SECTIONS[i / 3][i % 3], 4);
}

static void put_tdvf(uint8_t *image)
{
    static const struct {
        uint32_t offset, length;
        uint64_t address, size;
        uint32_t kind, attributes;
    } SECTIONS[] = {{0, FORGE_IMAGE_SIZE, 0xffffc000, FORGE_IMAGE_SIZE, 0, 1},
                    {0x1000, 0x1000, 0xffc84000, 0x1000, 1, 0},
                    {0, 0, 0x810000, 0x10000, 3, 0},
                    {0, 0, 0x809000, 0x2000, 2, 0},
                    {0, 0, 0x900000, 0x3000, 4, 2}};
    memcpy(image, "TDVF", 4);
    forge_put(image + 4, 16 + 32 * 5, 4);
    forge_put(image + 8, 1, 4);
    forge_put(image + 12, 5, 4);
    for (size_t i = 0; i < 5; i++) {
        uint8_t *at = image + 16 + 32 * i;
        forge_put(at, SECTIONS[i].offset, 4);
        forge_put(at + 4, SECTIONS[i].length, 4);
        forge_put(at + 8, SECTIONS[i].address, 8);
        forge_put(at + 16, SECTIONS[i].size, 8);
        forge_put(at + 24, SECTIONS[i].kind, 4);
        forge_put(at + 28, SECTIONS[i].attributes, 4);
    }
}

void forge_firmware(uint8_t image[FORGE_IMAGE_SIZE], unsigned entries)
{
    pattern(image, FORGE_IMAGE_SIZE);
    put_table(image, entries);
    put_sev(image + FORGE_SEV);
    put_tdvf(image + FORGE_TDVF);
}

/* --- kernels --- */

void forge_kernel(uint8_t kernel[FORGE_KERNEL_SIZE])
{
    static const uint32_t SECTIONS[][2] = {{0x1000, 0x2000}, {0x200, 0x600}, {0x800, 0x800}};
    uint8_t *coff = kernel + FORGE_PE + 4, *optional = coff + 20, *sections = optional + 160;
    pattern(kernel, FORGE_KERNEL_SIZE);
    memset(kernel, 0, 0x200);
    memcpy(kernel, "MZ", 2);
    forge_put(kernel + 0x3c, FORGE_PE, 4);
    memcpy(kernel + FORGE_PE, "PE\0", 4);
    forge_put(coff, 0x8664, 2);
    forge_put(coff + 2, 3, 2);
    forge_put(coff + 16, 160, 2);
    forge_put(optional, 0x20b, 2);
    forge_put(optional + 60, 0x200, 4);
    forge_put(optional + 64, 0x12345678, 4); /* the checksum, which is not measured */
    forge_put(optional + 108, 6, 4);
    for (size_t i = 0; i < 3; i++) {
        forge_put(sections + 40 * i + 16, SECTIONS[i][1], 4);
        forge_put(sections + 40 * i + 20, SECTIONS[i][0], 4);
    }
    kernel[0x1f1] = 3;
    memcpy(kernel + 0x202, "HdrS", 4);
    forge_put(kernel + 0x206, 0x20f, 2);
    forge_put(kernel + 0x210, 0x0100, 2);
    forge_put(kernel + 0x226, 0, 2);
    forge_put(kernel + 0x22c, 0x7fffffff, 4);
    forge_put(kernel + 0x236, 0x7f, 2);
}
