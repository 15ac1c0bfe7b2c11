/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/forge_eventlog.h"

#include <openssl/evp.h>
#include <stdlib.h>

static const struct {
    uint16_t id;
    const char *name;
} ALGORITHMS[] = {{0x0004, "SHA1"}, {0x000b, "SHA256"}, {0x000c, "SHA384"}, {0x000d, "SHA512"}, {0x0012, "SM3"}};

static size_t digest(struct forge_log *l, uint16_t id, slice a, slice b, uint8_t *out)
{
    unsigned size = 0;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    for (size_t i = 0; c && i < sizeof ALGORITHMS / sizeof *ALGORITHMS; i++)
        if (ALGORITHMS[i].id == id && EVP_DigestInit_ex(c, EVP_get_digestbyname(ALGORITHMS[i].name), NULL) == 1) {
            EVP_DigestUpdate(c, a.ptr, a.len);
            EVP_DigestUpdate(c, b.ptr, b.len);
            EVP_DigestFinal_ex(c, out, &size);
        }
    EVP_MD_CTX_free(c);
    l->failed |= size == 0;
    return size;
}

/* --- fields --- */

void forge_bytes(struct forge_log *l, slice bytes)
{
    if (l->room - l->size < bytes.len) {
        size_t room = 2 * (l->room + bytes.len) + 4096;
        uint8_t *bigger = realloc(l->bytes, room);
        if (!bigger) {
            l->failed = true;
            return;
        }
        l->bytes = bigger;
        l->room = room;
    }
    if (bytes.len)
        memcpy(l->bytes + l->size, bytes.ptr, bytes.len);
    l->size += bytes.len;
}

void forge_number(struct forge_log *l, uint64_t number, size_t width)
{
    for (size_t i = 0; i < width; i++, number >>= 8) {
        uint8_t byte = (uint8_t)number;
        forge_bytes(l, slice_of(&byte, 1));
    }
}

static void forge_utf16(struct forge_log *l, const char *text)
{
    for (; *text; text++)
        forge_number(l, (uint8_t)*text, 2);
}

/* --- the log --- */

void forge_header(struct forge_log *l, uint32_t type, slice data)
{
    static const uint8_t NO_DIGEST[20];
    forge_number(l, 0, 4);
    forge_number(l, type, 4);
    forge_bytes(l, slice_of(NO_DIGEST, sizeof NO_DIGEST));
    forge_number(l, data.len, 4);
    forge_bytes(l, data);
}

void forge_log_begin(struct forge_log *l, const uint16_t *algorithms, size_t count)
{
    struct forge_log data = {0};
    uint8_t scratch[EVENT_DIGEST_MAX];
    *l = (struct forge_log){.algorithm_count = count};
    forge_bytes(&data, S("Spec ID Event03\0"));
    forge_number(&data, 0, 4);
    forge_bytes(&data, S("\0\2\0\2"));
    forge_number(&data, count, 4);
    for (size_t i = 0; i < count; i++) {
        l->algorithms[i] = algorithms[i];
        forge_number(&data, algorithms[i], 2);
        forge_number(&data, digest(l, algorithms[i], NO_SLICE, NO_SLICE, scratch), 2);
    }
    forge_number(&data, 0, 1);
    if (count)
        forge_header(l, 3, forge_log_bytes(&data));
    forge_log_end(&data);
}

void forge_log_end(struct forge_log *l)
{
    free(l->bytes);
    l->bytes = NULL;
}

slice forge_log_bytes(const struct forge_log *l)
{
    return slice_of(l->bytes, l->size);
}

slice forge_log_register(const struct forge_log *l, uint32_t index)
{
    uint8_t scratch[EVENT_DIGEST_MAX];
    struct forge_log none = {0};
    return slice_of(l->registers[index], digest(&none, l->algorithms[0], NO_SLICE, NO_SLICE, scratch));
}

void forge_event(struct forge_log *l, uint32_t index, uint32_t type, slice measured, slice data)
{
    uint8_t value[EVENT_DIGEST_MAX];
    l->last = l->size;
    forge_number(l, index, 4);
    forge_number(l, type, 4);
    forge_number(l, l->algorithm_count, 4);
    for (size_t i = 0; i < l->algorithm_count; i++) {
        size_t size = digest(l, l->algorithms[i], measured, NO_SLICE, value);
        forge_number(l, l->algorithms[i], 2);
        forge_bytes(l, slice_of(value, size));
        if (i == 0 && type != 3 && index < EVENTLOG_REGISTERS)
            digest(l, l->algorithms[0], slice_of(l->registers[index], size), slice_of(value, size),
                   l->registers[index]);
    }
    forge_number(l, data.len, 4);
    forge_bytes(l, data);
}

void forge_plain(struct forge_log *l, uint32_t index, uint32_t type, slice data)
{
    forge_event(l, index, type, data, data);
}

/* --- events --- */

static const slice GLOBAL_VARIABLE = TRUSTEE_TEXT("\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c");

void forge_variable(struct forge_log *l, uint32_t index, uint32_t type, const char *name, slice value, bool value_only)
{
    struct forge_log data = {0};
    forge_bytes(&data, GLOBAL_VARIABLE);
    forge_number(&data, strlen(name), 8);
    forge_number(&data, value.len, 8);
    forge_utf16(&data, name);
    forge_bytes(&data, value);
    slice whole = forge_log_bytes(&data);
    forge_event(l, index, type, value_only ? value : whole, whole);
    forge_log_end(&data);
}

void forge_application(struct forge_log *l, uint32_t index, const char *file, slice measured)
{
    struct forge_log data = {0};
    size_t name = 2 * strlen(file) + 2;
    forge_number(&data, 0x7cb30018, 8);
    forge_number(&data, measured.len, 8);
    forge_number(&data, 0, 8);
    forge_number(&data, 4 + name + 4, 8);
    forge_bytes(&data, S("\4\4"));
    forge_number(&data, 4 + name, 2);
    forge_utf16(&data, file);
    forge_number(&data, 0, 2);
    forge_bytes(&data, S("\x7f\xff\4\0"));
    forge_event(l, index, 0x80000003, measured, forge_log_bytes(&data));
    forge_log_end(&data);
}

void forge_tag(struct forge_log *l, uint32_t index, uint32_t id, slice text, slice measured)
{
    struct forge_log data = {0};
    forge_number(&data, id, 4);
    forge_number(&data, text.len, 4);
    forge_bytes(&data, text);
    slice whole = forge_log_bytes(&data);
    forge_event(l, index, 6, measured.ptr ? measured : whole, whole);
    forge_log_end(&data);
}

void forge_agent_line(struct forge_log *l, uint32_t index, const char *line)
{
    forge_tag(l, index, 0x4141454c, slice_text(line), NO_SLICE);
}

/* UEFI_PLATFORM_FIRMWARE_BLOB2 of the firmware volume at the end of the first 4 GiB */
static void firmware_blob(struct forge_log *l, slice firmware)
{
    struct forge_log data = {0};
    slice name = S("Fv(00000000-0000-0000-0000-000000000000)\0");
    forge_number(&data, name.len, 1);
    forge_bytes(&data, name);
    forge_number(&data, UINT64_C(0x100000000) - firmware.len, 8);
    forge_number(&data, firmware.len, 8);
    forge_event(l, 1, 0x8000000a, firmware, forge_log_bytes(&data));
    forge_log_end(&data);
}

void forge_guest(struct forge_log *l, const struct forge_boot *boot)
{
    slice separator = S("\0\0\0\0");
    firmware_blob(l, boot->firmware);
    forge_variable(l, 1, 0x80000001, "SecureBoot", boot->secure_boot ? S("\1") : S("\0"), false);
    forge_variable(l, 1, 0x80000001, "PK", S(""), false);
    forge_plain(l, 1, 4, separator);
    forge_event(l, 1, 10, S("tables of ACPI"), S("ACPI DATA"));
    forge_variable(l, 1, 0x80000002, "BootOrder", S("\0\0"), true);
    forge_plain(l, 2, 0x80000007, S("Calling EFI Application from Boot Option"));
    forge_plain(l, 2, 4, separator);
    forge_application(l, 2, "kernel", boot->kernel);
    forge_tag(l, 3, 0x8f3b22ed, S("LOADED_IMAGE::LoadOptions\0"), boot->command_line);
    forge_tag(l, 3, 0x8f3b22ec, S("Linux initrd\0"), boot->initrd);
    forge_plain(l, 2, 0x80000007, S("Exit Boot Services Invocation"));
    forge_plain(l, 2, 0x80000007, S("Exit Boot Services Returned with Success"));
}
