/* SPDX-License-Identifier: Apache-2.0
 *
 * Types of events (TCG PC Client Platform Firmware Profile 1.06, section 10.4.1) that something here depends on.
 */
#ifndef LIB_TCG_EVENT_TYPES_H
#define LIB_TCG_EVENT_TYPES_H

#include "lib/base/bytes.h"

#define EV_POST_CODE 0x01u
#define EV_NO_ACTION 0x03u
#define EV_SEPARATOR 0x04u
#define EV_ACTION 0x05u
#define EV_EVENT_TAG 0x06u
#define EV_PLATFORM_CONFIG_FLAGS 0x0au
#define EV_COMPACT_HASH 0x0cu
#define EV_IPL 0x0du
#define EV_OMIT_BOOT_DEVICE_EVENTS 0x12u
#define EV_EFI_VARIABLE_DRIVER_CONFIG 0x80000001u
#define EV_EFI_VARIABLE_BOOT 0x80000002u
#define EV_EFI_BOOT_SERVICES_APPLICATION 0x80000003u
#define EV_EFI_ACTION 0x80000007u
#define EV_EFI_PLATFORM_FIRMWARE_BLOB2 0x8000000au
#define EV_EFI_HANDOFF_TABLES2 0x8000000bu
#define EV_EFI_VARIABLE_BOOT2 0x8000000cu
#define EV_EFI_VARIABLE_AUTHORITY 0x800000e0u

/* "EV_SEPARATOR"; ptr NULL for a type that is not defined. Static. */
slice event_type_name(uint32_t type);

#endif
