/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tcg/device_path.h"

#include <stdio.h>

#include "lib/tcg/efi_text.h"

#define END_OF_PATH 0x7f
#define END_ENTIRE 0xff
#define HEADER_SIZE 4

static bool read_node(struct reader *path, struct device_node *out)
{
    uint16_t length;
    return read_u8(path, &out->type) && read_u8(path, &out->subtype) && read_u16le(path, &length) &&
           length >= HEADER_SIZE && read_bytes(path, (size_t)length - HEADER_SIZE, &out->data);
}

result device_path_check(slice path)
{
    struct reader r = reader_of(path);
    for (size_t n = 0; n <= DEVICE_PATH_NODES_MAX; n++) {
        struct device_node node;
        ENSURE(read_node(&r, &node), EVENTLOG_DATA);
        if (node.type != END_OF_PATH)
            continue;
        ENSURE(node.subtype == END_ENTIRE && node.data.len == 0 && r.left.len == 0, EVENTLOG_DATA);
        return OK;
    }
    return FAIL(EVENTLOG_DATA);
}

bool device_path_next(struct reader *path, struct device_node *out)
{
    return read_node(path, out) && out->type != END_OF_PATH;
}

/* --- texts of nodes; false where the data is not as the kind has it --- */

static bool pci(struct text *t, slice data)
{
    if (data.len < 2)
        return false;
    text_lit(t, "Pci(");
    text_u64(t, data.ptr[0]);
    text_lit(t, ",");
    text_u64(t, data.ptr[1]);
    text_lit(t, ")");
    return true;
}

/* The vendor of an EISA id is three letters of five bits. */
static bool acpi(struct text *t, slice data)
{
    struct reader r = reader_of(data);
    uint32_t hid, uid;
    char text[40];
    if (!read_u32le(&r, &hid) || !read_u32le(&r, &uid))
        return false;
    (void)snprintf(text, sizeof text, "ACPI(%c%c%c%04X,%u)", '@' + (int)(hid >> 10 & 31), '@' + (int)(hid >> 5 & 31),
                   '@' + (int)(hid & 31), hid >> 16, uid);
    text_add(t, slice_text(text));
    return true;
}

static bool usb(struct text *t, slice data)
{
    if (data.len < 2)
        return false;
    text_lit(t, "USB(");
    text_u64(t, data.ptr[0]);
    text_lit(t, ",");
    text_u64(t, data.ptr[1]);
    text_lit(t, ")");
    return true;
}

/* 32 bytes of address, of which Ethernet uses six, and the type of the interface */
static bool mac(struct text *t, slice data)
{
    char text[3];
    size_t used = 31;
    if (data.len != 33)
        return false;
    while (used > 6 && data.ptr[used - 1] == 0)
        used--;
    text_lit(t, "Mac(");
    for (size_t i = 0; i < used; i++) {
        (void)snprintf(text, sizeof text, "%02X", data.ptr[i]);
        text_add(t, slice_text(text));
    }
    text_lit(t, ",0x");
    text_hex(t, slice_sub(data, 32, 1));
    text_lit(t, ")");
    return true;
}

/* Claims have the octets in the order of a little-endian number; see docs/event-logs.md. */
static void address(struct text *t, uint32_t ip)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
    text_add(t, slice_text(text));
}

static bool ipv4(struct text *t, slice data)
{
    struct reader r = reader_of(data);
    uint32_t local, remote, gateway, mask;
    uint16_t local_port, remote_port, protocol;
    uint8_t origin;
    if (!read_u32le(&r, &local) || !read_u32le(&r, &remote) || !read_u16le(&r, &local_port) ||
        !read_u16le(&r, &remote_port) || !read_u16le(&r, &protocol) || !read_u8(&r, &origin) ||
        !read_u32le(&r, &gateway) || !read_u32le(&r, &mask))
        return false;
    text_lit(t, "IPv4(");
    address(t, remote);
    text_add(t, protocol == 6 ? S(",TCP,") : protocol == 17 ? S(",UDP,") : S(",,"));
    text_add(t, origin == 0 ? S("DHCP,") : origin == 1 ? S("Static,") : S(","));
    address(t, local);
    if (gateway || mask) {
        text_lit(t, ",");
        text_u64(t, gateway);
        text_lit(t, ",");
        text_u64(t, mask);
    }
    text_lit(t, ")");
    return true;
}

static bool fibre(struct text *t, slice data)
{
    if (data.len < 16)
        return false;
    text_lit(t, "FibreEx(0x");
    text_hex(t, slice_sub(data, 0, 8));
    text_lit(t, ",0x");
    text_hex(t, slice_sub(data, 8, 8));
    text_lit(t, ")");
    return true;
}

static bool hard_drive(struct text *t, slice data)
{
    struct reader r = reader_of(data);
    uint32_t number, mbr = 0;
    uint64_t start, size;
    slice signature;
    uint8_t format, signature_type;
    if (!read_u32le(&r, &number) || !read_u64le(&r, &start) || !read_u64le(&r, &size) ||
        !read_bytes(&r, EFI_GUID_SIZE, &signature) || !read_u8(&r, &format) || !read_u8(&r, &signature_type) ||
        (format != 1 && format != 2))
        return false;
    text_lit(t, "HD(");
    text_u64(t, number);
    if (format == 1) {
        struct reader id = reader_of(signature);
        char text[16];
        (void)read_u32le(&id, &mbr);
        (void)snprintf(text, sizeof text, ",MBR,0x%08x", mbr);
        text_add(t, slice_text(text));
    } else {
        text_lit(t, ",GPT,");
        text_guid(t, signature);
    }
    if (number) {
        text_lit(t, ",");
        text_0x(t, start);
        text_lit(t, ",");
        text_0x(t, size);
    }
    text_lit(t, ")");
    return true;
}

static bool vendor_media(struct text *t, slice data)
{
    if (data.len < EFI_GUID_SIZE)
        return false;
    text_lit(t, "VenMedia(");
    text_guid(t, slice_sub(data, 0, EFI_GUID_SIZE));
    text_lit(t, ",");
    text_hex(t, slice_sub(data, EFI_GUID_SIZE, data.len));
    text_lit(t, ")");
    return true;
}

static bool file(struct text *t, slice data)
{
    if (data.len < 2 || data.len % 2)
        return false;
    text_lit(t, "File(");
    text_utf16(t, slice_of(data.ptr, data.len - 2), NULL);
    text_lit(t, ")");
    return true;
}

/* BIOS boot specification */
static bool bbs(struct text *t, slice data)
{
    static const char *const NAMES[] = {NULL, "FLOPPY", "HARD_DRIVE", "CDROM", "PCMCIA", "USB", "EMBEDDED_NETWORK"};
    struct reader r = reader_of(data);
    uint16_t device, status;
    if (!read_u16le(&r, &device) || !read_u16le(&r, &status))
        return false;
    slice description = slice_of(r.left.ptr, slice_find(r.left, 0));
    if (!slice_is_utf8(description))
        return false;
    text_lit(t, "BBS(");
    if (device > 0 && device < sizeof NAMES / sizeof *NAMES)
        text_add(t, slice_text(NAMES[device]));
    else if (device == 0x80 || device == 0xff)
        text_add(t, device == 0x80 ? S("DEV") : S("UNKNOWN"));
    else
        text_u64(t, device);
    text_lit(t, ",");
    text_add(t, description);
    text_lit(t, ",");
    text_u64(t, status);
    text_lit(t, ")");
    return true;
}

static const struct {
    uint8_t type, subtype;
    bool (*text)(struct text *t, slice data);
} KINDS[] = {
    {1, 0x01, pci},   {2, 0x01, acpi},       {3, 0x05, usb},          {3, 0x0b, mac},  {3, 0x0c, ipv4},
    {3, 0x15, fibre}, {4, 0x01, hard_drive}, {4, 0x03, vendor_media}, {4, 0x04, file}, {5, 0x01, bbs},
};

static slice plain(struct arena *a, const struct device_node *node)
{
    struct text t = text_begin(a);
    text_lit(&t, "Path(");
    text_u64(&t, node->type);
    text_lit(&t, ",");
    text_u64(&t, node->subtype);
    text_lit(&t, ",");
    text_hex(&t, node->data);
    text_lit(&t, ")");
    return text_end(&t);
}

slice device_node_text(struct arena *a, const struct device_node *node)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        struct text t = text_begin(a);
        if (KINDS[i].type == node->type && KINDS[i].subtype == node->subtype && KINDS[i].text(&t, node->data))
            return text_end(&t);
    }
    return plain(a, node);
}
