/* SPDX-License-Identifier: Apache-2.0
 *
 * The section [collateral] as it was read. Its options, defaults and bounds are in core/conf/config.c.
 */
#ifndef CORE_COLLATERAL_SETTINGS_H
#define CORE_COLLATERAL_SETTINGS_H

#include "core/conf/bind.h"

enum collateral_tcb_update { TCB_UPDATE_STANDARD, TCB_UPDATE_EARLY };

struct collateral_settings {
    slice directory; /* our own folder; empty: none, and nothing outlives the process */
    struct bind_list offline;
    bool network;
    struct bind_list intel_pccs, intel_pcs, amd_kds,
        intel_root_crl;  /* base URLs, in the order in which they are asked */
    unsigned tcb_update; /* enum collateral_tcb_update */
    slice ca, proxy;
    uint64_t timeout, wait;              /* seconds: of one transfer, of one attestation */
    uint64_t item_limit, memory;         /* bytes */
    uint64_t address_budget, key_budget; /* fetches a minute of keys that nothing has authenticated */
    uint64_t refresh, prefetch;          /* seconds */
};

#endif
