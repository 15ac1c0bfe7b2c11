/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/measure/vmsa.h"

struct segment {
    size_t at;
    uint16_t selector, attributes;
};

/* Real mode after a reset: every limit is 64 KiB. The base of CS is the vector's upper half. */
#define AT_CS 0x10
static const struct segment SEGMENTS[] = {
    {0x00, 0, 0x93}, {AT_CS, 0xf000, 0x9b}, {0x20, 0, 0x93}, {0x30, 0, 0x93}, {0x40, 0, 0x93},
    {0x50, 0, 0x93}, {0x60, 0, 0},          {0x70, 0, 0x82}, {0x80, 0, 0},    {0x90, 0, 0x8b},
};

static const struct {
    size_t at;
    uint64_t value;
    size_t width;
} REGISTERS[] = {
    {0x0d0, 0x1000, 8},          /* EFER: SVME, which KVM sets */
    {0x148, 0x40, 8},            /* CR4: MCE, which KVM sets */
    {0x158, 0x10, 8},            /* CR0 */
    {0x160, 0x400, 8},           /* DR7 */
    {0x168, 0xffff0ff0, 8},      /* DR6 */
    {0x170, 2, 8},               /* RFLAGS */
    {0x268, 0x7040600070406, 8}, /* PAT */
    {0x3e8, 1, 8},               /* XCR0 */
    {0x408, 0x1f80, 4},          /* MXCSR */
    {0x410, 0x37f, 2},           /* FCW */
};
#define AT_RIP 0x178
#define AT_RDX 0x310
#define AT_FEATURES 0x3b0

static void put(uint8_t *page, size_t at, uint64_t number, size_t width)
{
    for (size_t i = 0; i < width; i++, number >>= 8)
        page[at + i] = (uint8_t)number;
}

void vmsa_fill(uint8_t page[VMSA_SIZE], uint32_t vector, uint32_t signature, uint64_t features)
{
    memset(page, 0, VMSA_SIZE);
    for (size_t i = 0; i < sizeof SEGMENTS / sizeof *SEGMENTS; i++) {
        put(page, SEGMENTS[i].at, SEGMENTS[i].selector, 2);
        put(page, SEGMENTS[i].at + 2, SEGMENTS[i].attributes, 2);
        put(page, SEGMENTS[i].at + 4, 0xffff, 4);
    }
    for (size_t i = 0; i < sizeof REGISTERS / sizeof *REGISTERS; i++)
        put(page, REGISTERS[i].at, REGISTERS[i].value, REGISTERS[i].width);
    put(page, AT_CS + 8, vector & 0xffff0000, 8);
    put(page, AT_RIP, vector & 0xffff, 8);
    put(page, AT_RDX, signature, 8);
    put(page, AT_FEATURES, features, 8);
}
