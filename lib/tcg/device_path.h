/* SPDX-License-Identifier: Apache-2.0
 *
 * Device paths (UEFI 2.10, section 10.3): what an image was loaded from, node by node.
 */
#ifndef LIB_TCG_DEVICE_PATH_H
#define LIB_TCG_DEVICE_PATH_H

#include "lib/base/arena.h"

#define DEVICE_PATH_NODES_MAX 256

struct device_node {
    uint8_t type, subtype;
    slice data; /* what follows the node's header */
};

/* One whole path: nodes that fill it, the last one and no other being "end entire". EVENTLOG_DATA, also for more than
 * DEVICE_PATH_NODES_MAX. */
MUST_CHECK result device_path_check(slice path);
/* The next node of a path that was checked; false at its end. */
bool device_path_next(struct reader *path, struct device_node *out);
/* The node as claims name it: "Pci(0,1)", "File(\EFI\BOOT\BOOTX64.EFI)", or "Path(type,subtype,hex)" where there is no
 * such form for it. ptr NULL when the arena is full; two bytes for each of the node and 128 more suffice. */
slice device_node_text(struct arena *a, const struct device_node *node);

#endif
