/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tcg/event_details.h"

#include "lib/tcg/device_path.h"
#include "lib/tcg/efi_text.h"
#include "lib/tcg/event_types.h"

#define TAG_AAEL 0x4141454cu

/* --- texts --- */

static slice without_nuls(struct arena *scratch, slice s)
{
    uint8_t *room = arena_alloc(scratch, s.len + 1, 1);
    size_t n = 0;
    for (size_t i = 0; room && i < s.len; i++)
        if (s.ptr[i] != 0)
            room[n++] = s.ptr[i];
    return slice_of(room, n);
}

static result text(struct arena *scratch, const struct event *e, struct event_details *out)
{
    (void)scratch;
    ENSURE(slice_is_utf8(e->data), EVENTLOG_DATA);
    out->form = DETAILS_TEXT;
    out->text = e->data;
    return OK;
}

static result label(struct arena *scratch, const struct event *e, struct event_details *out)
{
    out->label = true;
    return text(scratch, e, out);
}

/* UEFI_PLATFORM_FIRMWARE_BLOB2, UEFI_HANDOFF_TABLE_POINTERS2: a counted name, usually with its NUL, then addresses */
static result blob(struct arena *scratch, const struct event *e, struct event_details *out)
{
    struct reader r = reader_of(e->data);
    uint8_t length;
    (void)scratch;
    ENSURE(read_u8(&r, &length) && read_bytes(&r, length, &out->text), EVENTLOG_DATA);
    if (length && out->text.ptr[length - 1] == 0)
        out->text.len--;
    ENSURE(slice_is_utf8(out->text), EVENTLOG_DATA);
    out->label = true;
    out->form = DETAILS_TEXT;
    return OK;
}

/* --- EV_IPL: what boot loaders measure --- */

/* A loader of Google's writes names in UTF-16 behind these. */
static const slice UTF16_MARK = TRUSTEE_TEXT(".\0");

/* GRUB writes a kind, then the very text that it measures; sometimes with a NUL, and one or two more follow it. */
static const slice COMMANDS[] = {
    TRUSTEE_TEXT("grub_cmd: "),       TRUSTEE_TEXT("grub_cmd "),        TRUSTEE_TEXT("grub_kernel_cmdline "),
    TRUSTEE_TEXT("kernel_cmdline: "), TRUSTEE_TEXT("module_cmdline: "),
};

static result utf16_name(struct arena *scratch, slice data, struct event_details *out)
{
    ENSURE(data.len > 0 && data.len % 2 == 0, EVENTLOG_DATA);
    struct text t = text_begin(scratch);
    text_utf16(&t, slice_of(data.ptr, data.len - 2), NULL);
    out->text = text_end(&t);
    return out->text.ptr ? OK : FAIL(NO_MEMORY);
}

static void find_command(slice data, struct event_details *out)
{
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++) {
        if (!slice_starts(out->text, COMMANDS[i]))
            continue;
        size_t from = COMMANDS[i].len, whole = out->text.len;
        out->label = false;
        out->part = slice_of(data.ptr + from, whole - from);
        out->more = data.len > whole ? 1 : 0;
    }
}

static result boot_loader(struct arena *scratch, const struct event *e, struct event_details *out)
{
    ENSURE(e->data.len >= 2, EVENTLOG_DATA);
    out->label = true;
    out->form = DETAILS_TEXT;
    if (slice_starts(e->data, UTF16_MARK))
        return utf16_name(scratch, slice_sub(e->data, 2, e->data.len), out);
    out->text = slice_of(e->data.ptr, slice_find(e->data, 0));
    if (slice_is_utf8(out->text)) {
        find_command(e->data, out);
        return OK;
    }
    out->form = DETAILS_HEX;
    out->text = e->data;
    out->label = false;
    return OK;
}

/* --- EV_PLATFORM_CONFIG_FLAGS --- */

/* Control characters are left out of the text: U+0000 to U+001F and U+007F to U+009F. */
static bool printable(const uint8_t *at, size_t left)
{
    if (*at == 0xc2 && left > 1 && at[1] >= 0x80 && at[1] < 0xa0)
        return false;
    return *at >= 0x20 && *at != 0x7f;
}

/* td-shim: a name of 16 bytes, a length, then what was measured */
static bool td_shim_info(slice data, slice *info)
{
    struct reader r = reader_of(data);
    slice name, rest;
    uint32_t length;
    if (!read_bytes(&r, 16, &name) || !read_u32le(&r, &length) || !read_bytes(&r, length, &rest) || !read_done(&r))
        return false;
    *info = rest;
    return true;
}

static bool is_one_name(slice data)
{
    for (size_t i = slice_find(data, 0); i < data.len; i++)
        if (data.ptr[i] != 0)
            return false;
    return true;
}

static slice cleaned(struct arena *scratch, slice data)
{
    uint8_t *room = arena_alloc(scratch, data.len + 1, 1);
    size_t n = 0;
    for (size_t i = 0; room && i < data.len; i++) {
        const uint8_t *at = data.ptr + i;
        if (*at == 0x10)
            room[n++] = ' ';
        else if (printable(at, data.len - i))
            room[n++] = *at;
        else if (*at == 0xc2)
            i++;
    }
    return slice_of(room, n);
}

static result flags(struct arena *scratch, const struct event *e, struct event_details *out)
{
    out->form = DETAILS_TEXT;
    out->label = !td_shim_info(e->data, &out->part) && is_one_name(e->data);
    out->text = slice_is_utf8(e->data) ? cleaned(scratch, e->data) : S("");
    return out->text.ptr ? OK : FAIL(NO_MEMORY);
}

/* --- EV_EVENT_TAG --- */

static bool split_word(slice *rest, slice *word)
{
    return slice_find(*rest, ' ') < rest->len && slice_split(rest, ' ', word) && word->len > 0;
}

/* "<domain> <operation> <content>", written by the attestation agent while the guest runs */
static result agent_line(slice line, struct event_details *out)
{
    slice rest = line;
    ENSURE(line.len <= AAEL_SIZE_MAX && slice_is_utf8(line), EVENTLOG_DATA);
    ENSURE(split_word(&rest, &out->domain) && split_word(&rest, &out->operation), EVENTLOG_DATA);
    out->content = rest;
    out->part = line;
    out->label = false;
    out->form = DETAILS_AAEL;
    return OK;
}

static result tag(struct arena *scratch, const struct event *e, struct event_details *out)
{
    struct reader r = reader_of(e->data);
    uint32_t id, size;
    slice line;
    ENSURE(read_u32le(&r, &id) && read_u32le(&r, &size) && read_bytes(&r, size, &line), EVENTLOG_DATA);
    out->label = true;
    if (slice_is_utf8(line)) {
        out->form = DETAILS_TEXT;
        out->text = without_nuls(scratch, line);
        ENSURE(out->text.ptr, NO_MEMORY);
    }
    if (id != TAG_AAEL)
        return OK;
    ENSURE(read_done(&r), EVENTLOG_DATA);
    return agent_line(line, out);
}

/* --- EFI --- */

/* UEFI_VARIABLE_DATA: the two lengths and what they count fill the data exactly */
static result variable(struct arena *scratch, const struct event *e, struct event_details *out)
{
    struct reader r = reader_of(e->data);
    uint64_t units, size;
    bool whole = false;
    ENSURE(read_bytes(&r, EFI_GUID_SIZE, &out->guid) && read_u64le(&r, &units) && read_u64le(&r, &size), EVENTLOG_DATA);
    ENSURE(units <= r.left.len / 2 && size == r.left.len - 2 * units, EVENTLOG_DATA);
    ENSURE(read_bytes(&r, 2 * units, &out->name) && read_bytes(&r, size, &out->value), EVENTLOG_DATA);
    struct text t = text_begin(scratch);
    text_utf16(&t, out->name, &whole);
    out->text = text_end(&t);
    ENSURE(out->text.ptr, NO_MEMORY);
    ENSURE(whole, EVENTLOG_DATA);
    out->form = DETAILS_VARIABLE;
    /* Firmware of the old form measures the value alone. */
    out->part = e->type == EV_EFI_VARIABLE_BOOT ? out->value : NO_SLICE;
    return OK;
}

/* UEFI_IMAGE_LOAD_EVENT: the digest is the image's Authenticode digest */
static result image(struct arena *scratch, const struct event *e, struct event_details *out)
{
    struct reader r = reader_of(e->data);
    slice addresses;
    uint64_t length;
    (void)scratch;
    ENSURE(read_bytes(&r, 24, &addresses) && read_u64le(&r, &length) && length == r.left.len, EVENTLOG_DATA);
    out->label = true;
    if (length == 0)
        return OK;
    out->path = r.left;
    out->form = DETAILS_PATH;
    return device_path_check(out->path);
}

static const struct {
    uint32_t type;
    result (*read)(struct arena *scratch, const struct event *e, struct event_details *out);
} KINDS[] = {
    {EV_POST_CODE, label},
    {EV_ACTION, text},
    {EV_EVENT_TAG, tag},
    {EV_PLATFORM_CONFIG_FLAGS, flags},
    {EV_COMPACT_HASH, label},
    {EV_IPL, boot_loader},
    {EV_OMIT_BOOT_DEVICE_EVENTS, text},
    {EV_EFI_VARIABLE_DRIVER_CONFIG, variable},
    {EV_EFI_VARIABLE_BOOT, variable},
    {EV_EFI_BOOT_SERVICES_APPLICATION, image},
    {EV_EFI_ACTION, text},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB2, blob},
    {EV_EFI_HANDOFF_TABLES2, blob},
    {EV_EFI_VARIABLE_BOOT2, variable},
    {EV_EFI_VARIABLE_AUTHORITY, variable},
};

result event_details(struct arena *scratch, const struct event *e, struct event_details *out)
{
    *out = (struct event_details){.form = DETAILS_NONE};
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (KINDS[i].type == e->type)
            return KINDS[i].read(scratch, e, out);
    return OK;
}
