/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tcg/event_types.h"

#define NAME(text) TRUSTEE_TEXT("EV_" text)

static const slice PLAIN[] = {
    NAME("PREBOOT_CERT"),
    NAME("POST_CODE"),
    NAME("UNUSED"),
    NAME("NO_ACTION"),
    NAME("SEPARATOR"),
    NAME("ACTION"),
    NAME("EVENT_TAG"),
    NAME("S_CRTM_CONTENTS"),
    NAME("S_CRTM_VERSION"),
    NAME("CPU_MICROCODE"),
    NAME("PLATFORM_CONFIG_FLAGS"),
    NAME("TABLE_OF_DEVICES"),
    NAME("COMPACT_HASH"),
    NAME("IPL"),
    NAME("IPL_PARTITION_DATA"),
    NAME("NONHOST_CODE"),
    NAME("NONHOST_CONFIG"),
    NAME("NONHOST_INFO"),
    NAME("OMIT_BOOT_DEVICE_EVENTS"),
};

static const struct {
    uint32_t type;
    slice name;
} EFI[] = {
    {0x80000000, NAME("EFI_EVENT_BASE")},
    {0x80000001, NAME("EFI_VARIABLE_DRIVER_CONFIG")},
    {0x80000002, NAME("EFI_VARIABLE_BOOT")},
    {0x80000003, NAME("EFI_BOOT_SERVICES_APPLICATION")},
    {0x80000004, NAME("EFI_BOOT_SERVICES_DRIVER")},
    {0x80000005, NAME("EFI_RUNTIME_SERVICES_DRIVER")},
    {0x80000006, NAME("EFI_GPT_EVENT")},
    {0x80000007, NAME("EFI_ACTION")},
    {0x80000008, NAME("EFI_PLATFORM_FIRMWARE_BLOB")},
    {0x80000009, NAME("EFI_HANDOFF_TABLES")},
    {0x8000000a, NAME("EFI_PLATFORM_FIRMWARE_BLOB2")},
    {0x8000000b, NAME("EFI_HANDOFF_TABLES2")},
    {0x8000000c, NAME("EFI_VARIABLE_BOOT2")},
    {0x80000010, NAME("EFI_HCRTM_EVENT")},
    {0x800000e0, NAME("EFI_VARIABLE_AUTHORITY")},
    {0x800000e1, NAME("EFI_SPDM_FIRMWARE_BLOB")},
    {0x800000e2, NAME("EFI_SPDM_FIRMWARE_CONFIG")},
};

slice event_type_name(uint32_t type)
{
    if (type < sizeof PLAIN / sizeof *PLAIN)
        return PLAIN[type];
    for (size_t i = 0; i < sizeof EFI / sizeof *EFI; i++)
        if (EFI[i].type == type)
            return EFI[i].name;
    return NO_SLICE;
}
