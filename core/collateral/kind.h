/* SPDX-License-Identifier: Apache-2.0
 *
 * What the store knows about each kind of collateral: whose it is, its form, and how it grows old.
 */
#ifndef CORE_COLLATERAL_KIND_H
#define CORE_COLLATERAL_KIND_H

#include "core/collateral/item.h"

enum collateral_vendor { VENDOR_INTEL, VENDOR_AMD, VENDOR_COUNT };
enum collateral_form { FORM_DER, FORM_JSON, FORM_PEM };

struct collateral_kind {
    slice name;
    enum collateral_vendor vendor;
    enum collateral_form form;
    bool chain;    /* a chain comes beside the bytes */
    bool platform; /* one for each machine, and its key is authenticated by nothing before the item itself is */
    bool renewed;  /* its vendor signs it anew from time to time, under the same key */
    size_t limit;  /* bytes; the configuration may allow less */
};

#define COLLATERAL_KINDS 8
extern const struct collateral_kind COLLATERAL_KIND[COLLATERAL_KINDS];
/* NULL: there is no such kind. */
const struct collateral_kind *collateral_kind_of(slice name);

#endif
