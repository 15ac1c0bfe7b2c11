/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/measure/firmware.h"

#define GUID_SIZE 16
#define ENTRY_SIZE 18 /* size and GUID, which follow an entry's data */
#define BEHIND_TABLE 32
#define SEV_SECTION_SIZE 12
#define TDVF_SECTION_SIZE 32

/* 96b582de-1fb2-45f7-baea-a366c55a082d */
static const slice TABLE = TRUSTEE_TEXT("\xde\x82\xb5\x96\xb2\x1f\xf7\x45\xba\xea\xa3\x66\xc5\x5a\x08\x2d");
/* 00f771de-1a7e-4fcb-890e-68c77e2fb44e */
static const slice RESET_VECTOR = TRUSTEE_TEXT("\xde\x71\xf7\x00\x7e\x1a\xcb\x4f\x89\x0e\x68\xc7\x7e\x2f\xb4\x4e");
/* 7255371f-3a3b-4b04-927b-1da6efa8d454 */
static const slice HASHES = TRUSTEE_TEXT("\x1f\x37\x55\x72\x3b\x3a\x04\x4b\x92\x7b\x1d\xa6\xef\xa8\xd4\x54");
/* dc886566-984a-4798-a75e-5585a7bf67cc */
static const slice SEV_METADATA = TRUSTEE_TEXT("\x66\x65\x88\xdc\x4a\x98\x98\x47\xa7\x5e\x55\x85\xa7\xbf\x67\xcc");
/* e47a6535-984a-4798-865e-4685a7bf8ec2 */
static const slice TDVF_METADATA = TRUSTEE_TEXT("\x35\x65\x7a\xe4\x4a\x98\x98\x47\x86\x5e\x46\x85\xa7\xbf\x8e\xc2");

/* --- the table --- */

/* The entry at the end of `rest`, cut off it. */
static bool last_entry(slice *rest, slice *guid, slice *data)
{
    uint16_t size;
    if (rest->len < ENTRY_SIZE)
        return false;
    struct reader r = reader_of(slice_sub(*rest, rest->len - ENTRY_SIZE, ENTRY_SIZE));
    if (!read_u16le(&r, &size) || size < ENTRY_SIZE || size > rest->len || !read_bytes(&r, GUID_SIZE, guid))
        return false;
    rest->len -= size;
    *data = slice_of(rest->ptr + rest->len, (size_t)size - ENTRY_SIZE);
    return true;
}

result firmware_open(slice image, struct firmware *out)
{
    slice guid, data;
    ENSURE(image.len > 0 && image.len <= FIRMWARE_SIZE_MAX && image.len % PAGE_SIZE_4K == 0, MEASURE_FIRMWARE);
    slice rest = slice_of(image.ptr, image.len - BEHIND_TABLE);
    ENSURE(last_entry(&rest, &guid, &data) && slice_equal(guid, TABLE), MEASURE_FIRMWARE);
    *out = (struct firmware){.image = image, .table = data};
    for (rest = data; rest.len;)
        ENSURE(last_entry(&rest, &guid, &data), MEASURE_FIRMWARE);
    return OK;
}

slice firmware_entry(const struct firmware *f, slice wanted)
{
    slice rest = f->table, guid, data;
    while (last_entry(&rest, &guid, &data))
        if (slice_equal(guid, wanted))
            return data;
    return NO_SLICE;
}

uint64_t firmware_base(const struct firmware *f)
{
    return FOUR_GIB - f->image.len;
}

static result entry_number(const struct firmware *f, slice guid, enum reason why, uint32_t *out)
{
    struct reader r = reader_of(firmware_entry(f, guid));
    ENSURE(read_u32le(&r, out), why);
    return OK;
}

result firmware_reset_vector(const struct firmware *f, uint32_t *out)
{
    return entry_number(f, RESET_VECTOR, MEASURE_METADATA, out);
}

result firmware_hash_table(const struct firmware *f, uint32_t *out)
{
    TRY(entry_number(f, HASHES, MEASURE_HASHES, out));
    ENSURE(*out != 0, MEASURE_HASHES);
    return OK;
}

/* --- metadata --- */

/* A description that lies so many bytes before the image's end: signature, size, version 1, number of sections. */
static result open_metadata(const struct firmware *f, slice guid, slice signature, size_t section, struct reader *out)
{
    uint32_t distance, size, version, count;
    slice found, sections;
    TRY(entry_number(f, guid, MEASURE_METADATA, &distance));
    ENSURE(distance <= f->image.len, MEASURE_METADATA);
    struct reader r = reader_of(slice_sub(f->image, f->image.len - distance, distance));
    ENSURE(read_bytes(&r, signature.len, &found) && slice_equal(found, signature), MEASURE_METADATA);
    ENSURE(read_u32le(&r, &size) && read_u32le(&r, &version) && version == 1, MEASURE_METADATA);
    ENSURE(read_u32le(&r, &count) && count > 0 && count <= r.left.len / section, MEASURE_METADATA);
    ENSURE(read_bytes(&r, count * section, &sections), MEASURE_METADATA);
    *out = reader_of(sections);
    return OK;
}

result firmware_sev_sections(const struct firmware *f, struct reader *out)
{
    return open_metadata(f, SEV_METADATA, S("ASEV"), SEV_SECTION_SIZE, out);
}

result sev_section_next(struct reader *sections, struct sev_section *out, bool *end)
{
    *end = sections->left.len == 0;
    if (*end)
        return OK;
    ENSURE(read_u32le(sections, &out->address) && read_u32le(sections, &out->size) && read_u32le(sections, &out->kind),
           MEASURE_METADATA);
    ENSURE(out->address % PAGE_SIZE_4K == 0 && out->size % PAGE_SIZE_4K == 0, MEASURE_METADATA);
    return OK;
}

result firmware_tdvf_sections(const struct firmware *f, struct reader *out)
{
    return open_metadata(f, TDVF_METADATA, S("TDVF"), TDVF_SECTION_SIZE, out);
}

result tdvf_section_next(const struct firmware *f, struct reader *sections, struct tdvf_section *out, bool *end)
{
    uint32_t offset, length;
    *end = sections->left.len == 0;
    if (*end)
        return OK;
    ENSURE(read_u32le(sections, &offset) && read_u32le(sections, &length) && read_u64le(sections, &out->address) &&
               read_u64le(sections, &out->size) && read_u32le(sections, &out->kind) &&
               read_u32le(sections, &out->attributes),
           MEASURE_METADATA);
    ENSURE(out->address % PAGE_SIZE_4K == 0 && out->size % PAGE_SIZE_4K == 0, MEASURE_METADATA);
    ENSURE(out->address <= FOUR_GIB && out->size <= FOUR_GIB - out->address, MEASURE_METADATA);
    ENSURE(length <= out->size && offset <= f->image.len && length <= f->image.len - offset, MEASURE_METADATA);
    out->content = slice_of(f->image.ptr + offset, length);
    return OK;
}
