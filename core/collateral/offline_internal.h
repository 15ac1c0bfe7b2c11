/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of other people's formats share. Nobody but core/collateral/offline*.c includes it.
 */
#ifndef CORE_COLLATERAL_OFFLINE_INTERNAL_H
#define CORE_COLLATERAL_OFFLINE_INTERNAL_H

#include "core/collateral/item.h"
#include "lib/json/json.h"

#define OFFLINE_ITEMS_MAX 65536

/* Items found in files, in the order of their finding. */
struct offline_items {
    struct arena *arena; /* of the items, and of what they are made of */
    struct offline_item {
        struct collateral_item item;
        slice issued;     /* issueDate of a statement of Intel's, as it is written; else empty */
        bool for_any_key; /* belongs to one piece of evidence: given for every key of its kind that nothing else has */
        bool nameless;    /* its own key cannot be told: not listed */
    } * at;
    size_t count, room;
    slice tcb_chain;    /* PEM of a TCB signing chain that lay beside, for items without one */
    slice pck_chain[2]; /* of the PCK CAs: platform, processor */
    char why[256];      /* what was wrong with the last file that was refused */
};
/* Sets `why` and gives COLLATERAL_CORRUPT. */
MUST_CHECK result items_refuse(struct offline_items *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds one item. `alone`: it is given for any key, too; without it an item whose key is no name is dropped. STORAGE
 * where there are too many, NO_MEMORY. */
MUST_CHECK result items_add(struct offline_items *to, const struct collateral_item *item, bool alone);
/* Gives chains that lie beside to items that came without; to statements of Intel's at last the published one. */
void items_lend_chains(struct offline_items *to);

/* PEM of Intel's TCB signing certificate that was current when a statement was issued. */
slice intel_signing_chain(slice issue_date);
/* PEM of the CA that issues PCK certificates, and their revocation list. */
slice intel_pck_ca_chain(bool processor);

/* Takes the items out of one file, whatever it is; a file that is nothing known adds none. `alone`: it is the only one
 * that was named. COLLATERAL_CORRUPT for JSON that is broken or of a known form with wrong members, STORAGE,
 * NO_MEMORY. */
MUST_CHECK result offline_read_file(struct offline_items *to, slice bytes, bool alone);
/* JSON: PCS answers, the collateral of one quote, PcsClientTool, our own export. */
MUST_CHECK result offline_read_json(struct offline_items *to, slice text, bool alone);
MUST_CHECK result offline_read_pcs_tool(struct offline_items *to, const json *document);
MUST_CHECK result offline_read_export(struct offline_items *to, const json *document);
/* Certificates and revocation lists, PEM or DER. */
MUST_CHECK result offline_read_pem(struct offline_items *to, slice pem, bool alone);
MUST_CHECK result offline_read_der(struct offline_items *to, slice der, bool alone);
/* Whether it begins like DER or like PEM. */
bool offline_is_der(slice bytes);
bool offline_is_pem(slice bytes);

/* Adds a list under the names that its issuer tells, or else under those of `as`, whose chain it takes. */
MUST_CHECK result offline_add_crl(struct offline_items *to, slice der, const struct collateral_item *as, bool alone);
/* The same from text: hex or PEM. */
MUST_CHECK result offline_read_list(struct offline_items *to, slice text, const struct collateral_item *as, bool alone);
/* A PCK certificate and its issuers in PEM, for any key. */
MUST_CHECK result offline_add_pck(struct offline_items *to, slice pem);
bool offline_pck_is_processor(struct arena *a, slice pem); /* else: of the platform CA */
/* {"MEMBER":STATEMENT,"signature":"SIGNATURE"}: the statement verbatim, for it is what was signed. */
MUST_CHECK result offline_join(struct arena *a, slice member, slice statement, slice signature, slice *out);
/* A PCS answer's kind and key by its content; false: it is none. */
bool offline_name_answer(struct arena *a, const json *answer, slice *kind, slice *key);
/* Lower-case hex text to bytes in the arena; false: it is none. */
bool offline_unhex(struct arena *a, slice hex, slice *out);
slice offline_lower(struct arena *a, slice s);
/* Percent-decoded, as Intel's tools keep chains of certificates. */
slice offline_unescape(struct arena *a, slice s);

/* --- upstream's kds-store; `store` is a descriptor of the folder that has the hardware ids --- */
/* COLLATERAL_ABSENT, COLLATERAL_CORRUPT, NO_MEMORY */
MUST_CHECK result kds_get(int store, slice key, struct arena *a, struct collateral_item *item);
/* Calls `each` for every certificate whose own extensions tell its name. */
MUST_CHECK result kds_list(int store, struct arena *a, void (*each)(void *user, const struct collateral_item *item),
                           void *user);
/* PRODUCT/CHIP-ID/TCB of a VCEK by its extensions; `folder` is the hardware id that it lay under, or empty. */
bool vcek_key(struct arena *a, slice der, slice folder, slice *key);

#endif
