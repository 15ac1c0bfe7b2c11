/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of revocation lists.
 */
#include "tests/support/forge_dcap_inner.h"

static void pck_crl_missing(struct forge_dcap *k)
{
    k->no_pck_crl = true;
}

static void root_crl_missing(struct forge_dcap *k)
{
    k->no_root_crl = true;
}

static void crls_swapped(struct forge_dcap *k)
{
    k->crls_swapped = true;
}

static void pck_crl_expired(struct forge_dcap *k)
{
    k->pck_crl.next_update = k->now - 1;
}

static void pck_crl_from_the_future(struct forge_dcap *k)
{
    k->pck_crl.this_update = k->now + 1;
}

static void pck_crl_without_end(struct forge_dcap *k)
{
    k->pck_crl.next_update = 0;
}

static void pck_crl_of_another_name(struct forge_dcap *k)
{
    k->pck_crl.issuer = "Somebody Else";
}

static void pck_crl_signed_by_stranger(struct forge_dcap *k)
{
    k->pck_crl_signer = FORGE_KEY_STRANGER;
}

static void pck_crl_bad_signature(struct forge_dcap *k)
{
    k->pck_crl.bad_signature = true;
}

static void pck_crl_unknown_critical(struct forge_dcap *k)
{
    k->pck_crl.critical = "2.5.29.28";
}

static void pck_crl_lists_others(struct forge_dcap *k)
{
    k->pck_crl.fill = 300;
}

static void root_crl_expired(struct forge_dcap *k)
{
    k->root_crl.next_update = k->now - 1;
}

static void root_crl_from_the_future(struct forge_dcap *k)
{
    k->root_crl.this_update = k->now + 1;
}

static void root_crl_without_end(struct forge_dcap *k)
{
    k->root_crl.next_update = 0;
}

static void root_crl_of_another_name(struct forge_dcap *k)
{
    k->root_crl.issuer = "Somebody Else";
}

static void root_crl_signed_by_stranger(struct forge_dcap *k)
{
    k->root_crl_signer = FORGE_KEY_STRANGER;
}

static void root_crl_bad_signature(struct forge_dcap *k)
{
    k->root_crl.bad_signature = true;
}

static void root_crl_unknown_critical(struct forge_dcap *k)
{
    k->root_crl.critical = "2.5.29.28";
}

static void root_crl_lists_others(struct forge_dcap *k)
{
    k->root_crl.fill = 300;
}

static void pck_revoked(struct forge_dcap *k)
{
    k->pck_crl.revoked[0] = k->pck.c.serial;
    k->pck_crl.revoked_count = 1;
}

static void pck_revoked_among_many(struct forge_dcap *k)
{
    k->pck_crl.fill = 300;
    k->pck_crl.revoked[0] = k->pck.c.serial;
    k->pck_crl.revoked_count = 1;
}

static void pck_ca_revoked(struct forge_dcap *k)
{
    k->root_crl.revoked[0] = k->pck_ca.c.serial;
    k->root_crl.revoked_count = 1;
}

static void tcb_signer_revoked(struct forge_dcap *k)
{
    k->root_crl.revoked[0] = k->tcb_signer.c.serial;
    k->root_crl.revoked_count = 1;
}

static void pck_serial_in_root_crl(struct forge_dcap *k)
{
    k->root_crl.revoked[0] = k->pck.c.serial;
    k->root_crl.revoked_count = 1;
}

const struct forge_dcap_case forge_crl_cases[] = {
    {"pck_crl_missing", FORGE_FOR_BOTH, 0, "need", NULL, pck_crl_missing},
    {"root_crl_missing", FORGE_FOR_BOTH, 0, "need", NULL, root_crl_missing},
    {"crls_swapped", FORGE_FOR_BOTH, 0, "root_crl.issuer", NULL, crls_swapped},
    {"pck_crl_expired", FORGE_FOR_BOTH, 0, "pck_crl.validity", NULL, pck_crl_expired},
    {"pck_crl_from_the_future", FORGE_FOR_BOTH, 0, "pck_crl.validity", NULL, pck_crl_from_the_future},
    {"pck_crl_without_end", FORGE_FOR_BOTH, 0, "pck_crl.validity", NULL, pck_crl_without_end},
    {"pck_crl_of_another_name", FORGE_FOR_BOTH, 0, "pck_crl.issuer", NULL, pck_crl_of_another_name},
    {"pck_crl_signed_by_stranger", FORGE_FOR_BOTH, 0, "pck_crl.issuer", NULL, pck_crl_signed_by_stranger},
    {"pck_crl_bad_signature", FORGE_FOR_BOTH, 0, "pck_crl.signature", NULL, pck_crl_bad_signature},
    {"pck_crl_unknown_critical", FORGE_FOR_BOTH, 0, "pck_crl.form", NULL, pck_crl_unknown_critical},
    {"pck_crl_lists_others", FORGE_FOR_BOTH, 0, NULL, "UpToDate", pck_crl_lists_others},
    {"root_crl_expired", FORGE_FOR_BOTH, 0, "root_crl.validity", NULL, root_crl_expired},
    {"root_crl_from_the_future", FORGE_FOR_BOTH, 0, "root_crl.validity", NULL, root_crl_from_the_future},
    {"root_crl_without_end", FORGE_FOR_BOTH, 0, "root_crl.validity", NULL, root_crl_without_end},
    {"root_crl_of_another_name", FORGE_FOR_BOTH, 0, "root_crl.issuer", NULL, root_crl_of_another_name},
    {"root_crl_signed_by_stranger", FORGE_FOR_BOTH, 0, "root_crl.issuer", NULL, root_crl_signed_by_stranger},
    {"root_crl_bad_signature", FORGE_FOR_BOTH, 0, "root_crl.signature", NULL, root_crl_bad_signature},
    {"root_crl_unknown_critical", FORGE_FOR_BOTH, 0, "root_crl.form", NULL, root_crl_unknown_critical},
    {"root_crl_lists_others", FORGE_FOR_BOTH, 0, NULL, "UpToDate", root_crl_lists_others},
    {"pck_revoked", FORGE_FOR_BOTH, 0, "pck.revoked", NULL, pck_revoked},
    {"pck_revoked_among_many", FORGE_FOR_BOTH, 0, "pck.revoked", NULL, pck_revoked_among_many},
    {"pck_ca_revoked", FORGE_FOR_BOTH, 0, "pck_ca.revoked", NULL, pck_ca_revoked},
    {"tcb_signer_revoked", FORGE_FOR_BOTH, 0, "tcb_info.signer.revoked", NULL, tcb_signer_revoked},
    {"pck_serial_in_root_crl", FORGE_FOR_BOTH, 0, NULL, "UpToDate", pck_serial_in_root_crl},
};
const size_t forge_crl_case_count = sizeof forge_crl_cases / sizeof *forge_crl_cases;
