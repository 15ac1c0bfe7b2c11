/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/measure/kernel.h"

#include "lib/signature/digest.h"

/* --- PE images --- */

#define SECTIONS_MAX 96 /* as many as Windows loads */
#define SECTION_SIZE 40
#define DIRECTORY_CERTIFICATES 4

struct section {
    uint32_t at, size;
};

struct pe {
    slice image;
    size_t checksum;     /* where the checksum is, four bytes */
    size_t certificates; /* where the directory's entry of certificates is, eight bytes; 0: there is none */
    uint32_t certificates_size;
    uint32_t headers_size;
    struct section sections[SECTIONS_MAX]; /* with content, by where they are in the file */
    size_t section_count;
};

static bool number_at(slice s, size_t at, size_t width, uint32_t *out)
{
    struct reader r = reader_of(slice_sub(s, at, width));
    uint16_t small = 0;
    bool read = width == 2 ? read_u16le(&r, &small) : read_u32le(&r, out);
    if (width == 2)
        *out = small;
    return read;
}

/* By insertion: they are few, and usually in order. */
static void add_section(struct pe *pe, struct section s)
{
    size_t i = pe->section_count++;
    for (; i > 0 && pe->sections[i - 1].at > s.at; i--)
        pe->sections[i] = pe->sections[i - 1];
    pe->sections[i] = s;
}

static result read_sections(struct pe *pe, size_t at, uint32_t count)
{
    ENSURE(count <= SECTIONS_MAX, MEASURE_KERNEL);
    for (uint32_t i = 0; i < count; i++, at += SECTION_SIZE) {
        struct section s;
        ENSURE(number_at(pe->image, at + 16, 4, &s.size) && number_at(pe->image, at + 20, 4, &s.at), MEASURE_KERNEL);
        if (s.size == 0)
            continue;
        ENSURE(s.at <= pe->image.len && s.size <= pe->image.len - s.at, MEASURE_KERNEL);
        add_section(pe, s);
    }
    return OK;
}

static result read_pe(slice image, struct pe *pe)
{
    uint32_t header, signature, count, optional_size, magic, directories;
    *pe = (struct pe){.image = image};
    ENSURE(slice_starts(image, S("MZ")) && number_at(image, 0x3c, 4, &header), MEASURE_KERNEL);
    ENSURE(number_at(image, header, 4, &signature) && signature == 0x4550, MEASURE_KERNEL);
    size_t coff = (size_t)header + 4, optional = coff + 20;
    ENSURE(number_at(image, coff + 2, 2, &count) && number_at(image, coff + 16, 2, &optional_size), MEASURE_KERNEL);
    ENSURE(number_at(image, optional, 2, &magic) && (magic == 0x10b || magic == 0x20b), MEASURE_KERNEL);
    size_t directory = optional + (magic == 0x20b ? 112 : 96);
    ENSURE(number_at(image, optional + 60, 4, &pe->headers_size), MEASURE_KERNEL);
    ENSURE(number_at(image, directory - 4, 4, &directories), MEASURE_KERNEL);
    pe->checksum = optional + 64;
    if (directories > DIRECTORY_CERTIFICATES) {
        pe->certificates = directory + 8 * DIRECTORY_CERTIFICATES;
        ENSURE(number_at(image, pe->certificates + 4, 4, &pe->certificates_size), MEASURE_KERNEL);
    }
    size_t measured = pe->certificates ? pe->certificates + 8 : pe->checksum + 4;
    ENSURE(pe->headers_size >= measured && pe->headers_size <= image.len, MEASURE_KERNEL);
    return read_sections(pe, optional + optional_size, count);
}

static slice between(slice s, size_t from, size_t to)
{
    return slice_sub(s, from, to - from);
}

static result add_headers(struct digester *d, const struct pe *pe)
{
    size_t from = pe->checksum + 4;
    TRY(digester_add(d, between(pe->image, 0, pe->checksum)));
    if (pe->certificates) {
        TRY(digester_add(d, between(pe->image, from, pe->certificates)));
        from = pe->certificates + 8;
    }
    return digester_add(d, between(pe->image, from, pe->headers_size));
}

static result add_rest(struct digester *d, const struct pe *pe)
{
    uint64_t sum = pe->headers_size;
    for (size_t i = 0; i < pe->section_count; i++) {
        TRY(digester_add(d, slice_sub(pe->image, pe->sections[i].at, pe->sections[i].size)));
        sum += pe->sections[i].size;
    }
    if (sum >= pe->image.len)
        return OK;
    ENSURE(pe->certificates_size <= pe->image.len - sum, MEASURE_KERNEL);
    return digester_add(d, slice_sub(pe->image, sum, pe->image.len - sum - pe->certificates_size));
}

static result digest_pe(struct digester *d, const struct pe *pe, uint8_t *out)
{
    TRY(digester_start(d));
    TRY(add_headers(d, pe));
    TRY(add_rest(d, pe));
    return digester_finish(d, out);
}

result pe_digest(slice image, uint8_t out[PE_DIGEST_SIZE])
{
    struct pe pe;
    struct digester d;
    TRY(read_pe(image, &pe));
    result r = digester_begin(&d, DIGEST_SHA384);
    if (!FAILED(r))
        r = digest_pe(&d, &pe, out);
    digester_end(&d);
    return r;
}

/* --- the setup header --- */

#define AT_SIGNATURE 0x202
#define AT_PROTOCOL 0x206
#define AT_LOADER 0x210
#define AT_FLAGS 0x211
#define AT_INITRD 0x218
#define AT_INITRD_SIZE 0x21c
#define AT_HEAP_END 0x224
#define AT_COMMAND_LINE 0x228
#define AT_INITRD_MAX 0x22c
#define AT_EXTENDED_FLAGS 0x236

#define LOADED_HIGH 0x01
#define CAN_USE_HEAP 0x80
#define ABOVE_4G 0x02
#define QEMU_LOADER 0xb0
#define REAL_ADDRESS 0x10000u
#define COMMAND_LINE_ADDRESS 0x20000u
#define ACPI_SIZE 0x28000u /* what QEMU keeps for ACPI tables at the end of low memory */

static void put(uint8_t *header, size_t at, uint32_t number, size_t width)
{
    for (size_t i = 0; i < width; i++, number >>= 8)
        header[at + i] = (uint8_t)number;
}

/* What q35 has below 4 GiB. */
static uint64_t low_memory(uint64_t memory)
{
    uint64_t limit = memory >= 0xb0000000 ? 0x80000000 : 0xb0000000;
    return memory < limit ? memory : limit;
}

static result place_initrd(uint8_t *header, uint32_t protocol, size_t size, uint64_t memory)
{
    slice h = slice_of(header, SETUP_HEADER_SIZE);
    uint32_t flags = 0, highest = UINT32_MAX;
    uint64_t low = low_memory(memory);
    ENSURE(low > ACPI_SIZE, MEASURE_INITRD);
    if (protocol >= 0x20c)
        (void)number_at(h, AT_EXTENDED_FLAGS, 2, &flags);
    if (!(flags & ABOVE_4G))
        (void)number_at(h, AT_INITRD_MAX, 4, &highest);
    if (highest >= low - ACPI_SIZE)
        highest = (uint32_t)(low - ACPI_SIZE - 1);
    ENSURE(size < highest, MEASURE_INITRD);
    put(header, AT_INITRD, (highest - (uint32_t)size) & ~UINT32_C(4095), 4);
    put(header, AT_INITRD_SIZE, (uint32_t)size, 4);
    return OK;
}

static bool contains(slice s, slice part)
{
    for (size_t i = 0; i + part.len <= s.len; i++)
        if (memcmp(s.ptr + i, part.ptr, part.len) == 0)
            return true;
    return false;
}

result kernel_patch(uint8_t header[SETUP_HEADER_SIZE], slice command_line, size_t initrd_size, uint64_t memory)
{
    slice h = slice_of(header, SETUP_HEADER_SIZE);
    uint32_t signature, protocol;
    ENSURE(number_at(h, AT_SIGNATURE, 4, &signature) && signature == 0x53726448, MEASURE_KERNEL);
    ENSURE(number_at(h, AT_PROTOCOL, 2, &protocol) && protocol >= 0x203, MEASURE_KERNEL);
    ENSURE(header[AT_FLAGS] & LOADED_HIGH, MEASURE_KERNEL);
    ENSURE(!contains(command_line, S("vga=")), MEASURE_COMMAND_LINE);
    if (initrd_size)
        TRY(place_initrd(header, protocol, initrd_size, memory));
    header[AT_LOADER] = QEMU_LOADER;
    header[AT_FLAGS] |= CAN_USE_HEAP;
    put(header, AT_HEAP_END, COMMAND_LINE_ADDRESS - REAL_ADDRESS - 0x200, 2);
    put(header, AT_COMMAND_LINE, COMMAND_LINE_ADDRESS, 4);
    return OK;
}
