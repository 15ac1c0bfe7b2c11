/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of certificates, chains and the PCK extension.
 */
#include "tests/support/forge_dcap_inner.h"

/* The other CA's platforms have neither an instance nor a configuration. */
static void of_processor(struct forge_dcap *k)
{
    k->platform.platform = false;
    k->platform.sgx_type = 0;
    k->pck_ca.c.subject = k->pck.c.issuer = k->pck_crl.issuer = "Intel SGX PCK Processor CA";
}

static void pck_chain_without_root(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_WITHOUT_ROOT;
}

static void pck_chain_crlf(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_CRLF;
}

static void pck_chain_nul_at_end(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_NUL_AT_END;
}

static void pck_chain_text_between(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_TEXT_BETWEEN;
}

static void pck_chain_long(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_LONG;
}

static void pck_chain_leaf_alone(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_LEAF_ALONE;
}

static void pck_chain_empty(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_EMPTY;
}

static void pck_chain_reversed(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_REVERSED;
}

static void pck_chain_leaf_twice(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_LEAF_TWICE;
}

static void pck_chain_extra_after(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_EXTRA_AFTER;
}

static void pck_chain_extra_before(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_EXTRA_BEFORE;
}

static void pck_chain_hundred(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_HUNDRED;
}

static void pck_chain_nul_inside(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_NUL_INSIDE;
}

static void pck_chain_other_block(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_OTHER_BLOCK;
}

static void pck_chain_cut(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_CUT;
}

static void pck_chain_not_pem(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_NOT_PEM;
}

static void pck_chain_byte_after_der(struct forge_dcap *k)
{
    k->pck_shape = FORGE_CHAIN_BYTE_AFTER_DER;
}

static void tcb_chain_without_root(struct forge_dcap *k)
{
    k->tcb_shape = FORGE_CHAIN_WITHOUT_ROOT;
}

static void tcb_chain_crlf(struct forge_dcap *k)
{
    k->tcb_shape = FORGE_CHAIN_CRLF;
}

static void tcb_chain_nul_at_end(struct forge_dcap *k)
{
    k->tcb_shape = FORGE_CHAIN_NUL_AT_END;
}

static void tcb_chain_empty(struct forge_dcap *k)
{
    k->tcb_shape = FORGE_CHAIN_EMPTY;
}

static void tcb_chain_reversed(struct forge_dcap *k)
{
    k->tcb_shape = FORGE_CHAIN_REVERSED;
}

static void tcb_chain_leaf_twice(struct forge_dcap *k)
{
    k->tcb_shape = FORGE_CHAIN_LEAF_TWICE;
}

static void tcb_chain_extra_before(struct forge_dcap *k)
{
    k->tcb_shape = FORGE_CHAIN_EXTRA_BEFORE;
}

static void tcb_chain_nul_inside(struct forge_dcap *k)
{
    k->tcb_shape = FORGE_CHAIN_NUL_INSIDE;
}

static void tcb_chain_not_pem(struct forge_dcap *k)
{
    k->tcb_shape = FORGE_CHAIN_NOT_PEM;
}

static void tcb_chain_cut(struct forge_dcap *k)
{
    k->tcb_shape = FORGE_CHAIN_CUT;
}

static void look_alike_root(struct forge_dcap *k)
{
    k->chain_root.key = k->chain_root.signer = FORGE_KEY_STRANGER_ROOT;
    k->pck_ca.signer = k->tcb_signer.signer = k->root_crl_signer = FORGE_KEY_STRANGER_ROOT;
}

static void look_alike_root_for_pck(struct forge_dcap *k)
{
    k->chain_root.key = k->chain_root.signer = FORGE_KEY_STRANGER_ROOT;
    k->pck_ca.signer = FORGE_KEY_STRANGER_ROOT;
}

static void look_alike_root_for_tcb(struct forge_dcap *k)
{
    k->tcb_signer.signer = FORGE_KEY_STRANGER_ROOT;
}

static void pck_expired(struct forge_dcap *k)
{
    k->pck.c.not_after = k->now - 1;
}

static void pck_not_yet_valid(struct forge_dcap *k)
{
    k->pck.c.not_before = k->now + 1;
}

static void pck_bad_signature(struct forge_dcap *k)
{
    k->pck.c.bad_signature = true;
}

static void pck_unknown_critical(struct forge_dcap *k)
{
    k->pck.c.critical = "1.3.6.1.4.1.55555.1";
}

static void pck_signed_with_sha1(struct forge_dcap *k)
{
    k->pck.c.digest = "SHA1";
}

static void pck_signed_by_stranger(struct forge_dcap *k)
{
    k->pck.signer = FORGE_KEY_STRANGER;
}

static void pck_ca_expired(struct forge_dcap *k)
{
    k->pck_ca.c.not_after = k->now - 1;
}

static void pck_ca_not_yet_valid(struct forge_dcap *k)
{
    k->pck_ca.c.not_before = k->now + 1;
}

static void pck_ca_bad_signature(struct forge_dcap *k)
{
    k->pck_ca.c.bad_signature = true;
}

static void pck_ca_unknown_critical(struct forge_dcap *k)
{
    k->pck_ca.c.critical = "1.3.6.1.4.1.55555.1";
}

static void pck_ca_signed_with_sha1(struct forge_dcap *k)
{
    k->pck_ca.c.digest = "SHA1";
}

static void pck_ca_signed_by_stranger(struct forge_dcap *k)
{
    k->pck_ca.signer = FORGE_KEY_STRANGER;
}

static void tcb_signer_expired(struct forge_dcap *k)
{
    k->tcb_signer.c.not_after = k->now - 1;
}

static void tcb_signer_not_yet_valid(struct forge_dcap *k)
{
    k->tcb_signer.c.not_before = k->now + 1;
}

static void tcb_signer_bad_signature(struct forge_dcap *k)
{
    k->tcb_signer.c.bad_signature = true;
}

static void tcb_signer_unknown_critical(struct forge_dcap *k)
{
    k->tcb_signer.c.critical = "1.3.6.1.4.1.55555.1";
}

static void tcb_signer_signed_with_sha1(struct forge_dcap *k)
{
    k->tcb_signer.c.digest = "SHA1";
}

static void tcb_signer_signed_by_stranger(struct forge_dcap *k)
{
    k->tcb_signer.signer = FORGE_KEY_STRANGER;
}

static void pck_last_second(struct forge_dcap *k)
{
    k->pck.c.not_after = k->now;
}

static void pck_ca_last_second(struct forge_dcap *k)
{
    k->pck_ca.c.not_after = k->now;
}

static void tcb_signer_last_second(struct forge_dcap *k)
{
    k->tcb_signer.c.not_after = k->now;
}

static void root_expired(struct forge_dcap *k)
{
    k->root.c.not_after = k->chain_root.c.not_after = k->now - 1;
}

static void pck_is_ca(struct forge_dcap *k)
{
    k->pck.c.constraints = "critical,CA:TRUE";
}

static void pck_may_not_sign(struct forge_dcap *k)
{
    k->pck.c.usage = "critical,keyEncipherment";
}

static void pck_ca_is_leaf(struct forge_dcap *k)
{
    k->pck_ca.c.constraints = "critical,CA:FALSE";
}

static void pck_ca_without_constraints(struct forge_dcap *k)
{
    k->pck_ca.c.constraints = NULL;
}

static void pck_ca_may_not_sign(struct forge_dcap *k)
{
    k->pck_ca.c.usage = "critical,digitalSignature";
}

static void root_path_length_0(struct forge_dcap *k)
{
    k->root.c.constraints = k->chain_root.c.constraints = "critical,CA:TRUE,pathlen:0";
}

static void tcb_signer_is_ca(struct forge_dcap *k)
{
    k->tcb_signer.c.constraints = "critical,CA:TRUE";
    k->tcb_signer.c.usage = "critical,digitalSignature,keyCertSign,cRLSign";
}

static void tcb_signer_has_another_name(struct forge_dcap *k)
{
    k->tcb_signer.c.subject = "Intel SGX PCK Certificate";
}

static void pck_has_another_name(struct forge_dcap *k)
{
    k->pck.c.subject = "Intel SGX TCB Signing";
}

static void pck_issued_by_root(struct forge_dcap *k)
{
    k->pck.c.issuer = k->root.c.subject;
    k->pck.signer = FORGE_KEY_ROOT;
}

static void pck_extension_missing(struct forge_dcap *k)
{
    k->platform.times = -1;
}

static void pck_extension_twice(struct forge_dcap *k)
{
    k->platform.times = 2;
}

static void pck_extension_long_lengths(struct forge_dcap *k)
{
    k->platform.long_lengths = true;
}

static void pck_extension_trailing(struct forge_dcap *k)
{
    k->platform.trailing = true;
}

static void pck_extension_without_ppid(struct forge_dcap *k)
{
    k->platform.without = 1u << 1;
}

static void pck_extension_ppid_twice(struct forge_dcap *k)
{
    k->platform.twice = 1u << 1;
}

static void pck_extension_ppid_of_another_type(struct forge_dcap *k)
{
    k->platform.wrong_type = 1u << 1;
}

static void pck_extension_without_tcb(struct forge_dcap *k)
{
    k->platform.without = 1u << 2;
}

static void pck_extension_tcb_twice(struct forge_dcap *k)
{
    k->platform.twice = 1u << 2;
}

static void pck_extension_tcb_of_another_type(struct forge_dcap *k)
{
    k->platform.wrong_type = 1u << 2;
}

static void pck_extension_without_pce_id(struct forge_dcap *k)
{
    k->platform.without = 1u << 3;
}

static void pck_extension_pce_id_twice(struct forge_dcap *k)
{
    k->platform.twice = 1u << 3;
}

static void pck_extension_pce_id_of_another_type(struct forge_dcap *k)
{
    k->platform.wrong_type = 1u << 3;
}

static void pck_extension_without_fmspc(struct forge_dcap *k)
{
    k->platform.without = 1u << 4;
}

static void pck_extension_fmspc_twice(struct forge_dcap *k)
{
    k->platform.twice = 1u << 4;
}

static void pck_extension_fmspc_of_another_type(struct forge_dcap *k)
{
    k->platform.wrong_type = 1u << 4;
}

static void pck_extension_without_type(struct forge_dcap *k)
{
    k->platform.without = 1u << 5;
}

static void pck_extension_type_twice(struct forge_dcap *k)
{
    k->platform.twice = 1u << 5;
}

static void pck_extension_type_of_another_type(struct forge_dcap *k)
{
    k->platform.wrong_type = 1u << 5;
}

static void pck_extension_without_component(struct forge_dcap *k)
{
    k->platform.tcb_without = 1u << 16;
}

static void pck_extension_component_twice(struct forge_dcap *k)
{
    k->platform.tcb_twice = 1u << 1;
}

static void pck_extension_without_pce_svn(struct forge_dcap *k)
{
    k->platform.tcb_without = 1u << 17;
}

const struct forge_dcap_case forge_certificate_cases[] = {
    {"pck_chain_without_root", FORGE_FOR_BOTH, 0, NULL, "UpToDate", pck_chain_without_root},
    {"pck_chain_crlf", FORGE_FOR_BOTH, 0, NULL, "UpToDate", pck_chain_crlf},
    {"pck_chain_nul_at_end", FORGE_FOR_BOTH, 0, NULL, "UpToDate", pck_chain_nul_at_end},
    {"pck_chain_text_between", FORGE_FOR_BOTH, 0, "pck.chain.form", NULL, pck_chain_text_between},
    {"pck_chain_long", FORGE_FOR_BOTH, 0, "quote.size", NULL, pck_chain_long},
    {"pck_chain_leaf_alone", FORGE_FOR_BOTH, 0, "pck.chain.length", NULL, pck_chain_leaf_alone},
    {"pck_chain_empty", FORGE_FOR_BOTH, 0, "pck.chain.length", NULL, pck_chain_empty},
    {"pck_chain_reversed", FORGE_FOR_BOTH, 0, "pck.chain.ca", NULL, pck_chain_reversed},
    {"pck_chain_leaf_twice", FORGE_FOR_BOTH, 0, "pck.chain.length", NULL, pck_chain_leaf_twice},
    {"pck_chain_extra_after", FORGE_FOR_BOTH, 0, "pck.chain.length", NULL, pck_chain_extra_after},
    {"pck_chain_extra_before", FORGE_FOR_BOTH, 0, "pck.chain.length", NULL, pck_chain_extra_before},
    {"pck_chain_hundred", FORGE_FOR_BOTH, 0, "quote.size", NULL, pck_chain_hundred},
    {"pck_chain_nul_inside", FORGE_FOR_BOTH, 0, "pck.chain.form", NULL, pck_chain_nul_inside},
    {"pck_chain_other_block", FORGE_FOR_BOTH, 0, "pck.chain.form", NULL, pck_chain_other_block},
    {"pck_chain_cut", FORGE_FOR_BOTH, 0, "pck.chain.form", NULL, pck_chain_cut},
    {"pck_chain_not_pem", FORGE_FOR_BOTH, 0, "pck.chain.form", NULL, pck_chain_not_pem},
    {"pck_chain_byte_after_der", FORGE_FOR_BOTH, 0, "pck.chain.form", NULL, pck_chain_byte_after_der},
    {"tcb_chain_without_root", FORGE_FOR_BOTH, 0, NULL, "UpToDate", tcb_chain_without_root},
    {"tcb_chain_crlf", FORGE_FOR_BOTH, 0, NULL, "UpToDate", tcb_chain_crlf},
    {"tcb_chain_nul_at_end", FORGE_FOR_BOTH, 0, NULL, "UpToDate", tcb_chain_nul_at_end},
    {"tcb_chain_empty", FORGE_FOR_BOTH, 0, "tcb_info.chain", NULL, tcb_chain_empty},
    {"tcb_chain_reversed", FORGE_FOR_BOTH, 0, "tcb_info.chain", NULL, tcb_chain_reversed},
    {"tcb_chain_leaf_twice", FORGE_FOR_BOTH, 0, "tcb_info.chain", NULL, tcb_chain_leaf_twice},
    {"tcb_chain_extra_before", FORGE_FOR_BOTH, 0, "tcb_info.chain", NULL, tcb_chain_extra_before},
    {"tcb_chain_nul_inside", FORGE_FOR_BOTH, 0, "tcb_info.chain", NULL, tcb_chain_nul_inside},
    {"tcb_chain_not_pem", FORGE_FOR_BOTH, 0, "tcb_info.chain", NULL, tcb_chain_not_pem},
    {"tcb_chain_cut", FORGE_FOR_BOTH, 0, "tcb_info.chain", NULL, tcb_chain_cut},
    {"look_alike_root", FORGE_FOR_BOTH, 0, "pck.chain.untrusted", NULL, look_alike_root},
    {"look_alike_root_for_pck", FORGE_FOR_BOTH, 0, "pck.chain.untrusted", NULL, look_alike_root_for_pck},
    {"look_alike_root_for_tcb", FORGE_FOR_BOTH, 0, "tcb_info.chain", NULL, look_alike_root_for_tcb},
    {"pck_expired", FORGE_FOR_BOTH, 0, "pck.validity", NULL, pck_expired},
    {"pck_not_yet_valid", FORGE_FOR_BOTH, 0, "pck.validity", NULL, pck_not_yet_valid},
    {"pck_bad_signature", FORGE_FOR_BOTH, 0, "pck.chain.signature", NULL, pck_bad_signature},
    {"pck_unknown_critical", FORGE_FOR_BOTH, 0, "pck.chain.profile", NULL, pck_unknown_critical},
    {"pck_signed_with_sha1", FORGE_FOR_BOTH, 0, "pck.chain.profile", NULL, pck_signed_with_sha1},
    {"pck_signed_by_stranger", FORGE_FOR_BOTH, 0, "pck.chain.order", NULL, pck_signed_by_stranger},
    {"pck_ca_expired", FORGE_FOR_BOTH, 0, "pck.validity", NULL, pck_ca_expired},
    {"pck_ca_not_yet_valid", FORGE_FOR_BOTH, 0, "pck.validity", NULL, pck_ca_not_yet_valid},
    {"pck_ca_bad_signature", FORGE_FOR_BOTH, 0, "pck.chain.signature", NULL, pck_ca_bad_signature},
    {"pck_ca_unknown_critical", FORGE_FOR_BOTH, 0, "pck.chain.profile", NULL, pck_ca_unknown_critical},
    {"pck_ca_signed_with_sha1", FORGE_FOR_BOTH, 0, "pck.chain.profile", NULL, pck_ca_signed_with_sha1},
    {"pck_ca_signed_by_stranger", FORGE_FOR_BOTH, 0, "pck.chain.order", NULL, pck_ca_signed_by_stranger},
    {"tcb_signer_expired", FORGE_FOR_BOTH, 0, "tcb_info.signer.validity", NULL, tcb_signer_expired},
    {"tcb_signer_not_yet_valid", FORGE_FOR_BOTH, 0, "tcb_info.signer.validity", NULL, tcb_signer_not_yet_valid},
    {"tcb_signer_bad_signature", FORGE_FOR_BOTH, 0, "tcb_info.chain", NULL, tcb_signer_bad_signature},
    {"tcb_signer_unknown_critical", FORGE_FOR_BOTH, 0, "tcb_info.chain", NULL, tcb_signer_unknown_critical},
    {"tcb_signer_signed_with_sha1", FORGE_FOR_BOTH, 0, "tcb_info.chain", NULL, tcb_signer_signed_with_sha1},
    {"tcb_signer_signed_by_stranger", FORGE_FOR_BOTH, 0, "tcb_info.chain", NULL, tcb_signer_signed_by_stranger},
    {"pck_last_second", FORGE_FOR_BOTH, 0, NULL, "UpToDate", pck_last_second},
    {"pck_ca_last_second", FORGE_FOR_BOTH, 0, NULL, "UpToDate", pck_ca_last_second},
    {"tcb_signer_last_second", FORGE_FOR_BOTH, 0, NULL, "UpToDate", tcb_signer_last_second},
    {"root_expired", FORGE_FOR_BOTH, 0, "tcb_info.signer.validity", NULL, root_expired},
    {"pck_is_ca", FORGE_FOR_BOTH, 0, "pck.chain.ca", NULL, pck_is_ca},
    {"pck_may_not_sign", FORGE_FOR_BOTH, 0, "pck.chain.ca", NULL, pck_may_not_sign},
    {"pck_ca_is_leaf", FORGE_FOR_BOTH, 0, "pck.chain.ca", NULL, pck_ca_is_leaf},
    {"pck_ca_without_constraints", FORGE_FOR_BOTH, 0, "pck.chain.ca", NULL, pck_ca_without_constraints},
    {"pck_ca_may_not_sign", FORGE_FOR_BOTH, 0, "pck.chain.ca", NULL, pck_ca_may_not_sign},
    {"root_path_length_0", FORGE_FOR_BOTH, 0, "pck.chain.ca", NULL, root_path_length_0},
    {"tcb_signer_is_ca", FORGE_FOR_BOTH, 0, "tcb_info.chain", NULL, tcb_signer_is_ca},
    {"tcb_signer_has_another_name", FORGE_FOR_BOTH, 0, NULL, "UpToDate", tcb_signer_has_another_name},
    {"pck_has_another_name", FORGE_FOR_BOTH, 0, NULL, "UpToDate", pck_has_another_name},
    {"pck_issued_by_root", FORGE_FOR_BOTH, 0, "pck.chain.order", NULL, pck_issued_by_root},
    {"pck_extension_missing", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_missing},
    {"pck_extension_twice", FORGE_FOR_BOTH, 0, "pck.chain.form", NULL, pck_extension_twice},
    {"pck_extension_long_lengths", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_long_lengths},
    {"pck_extension_trailing", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_trailing},
    {"pck_extension_without_ppid", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_without_ppid},
    {"pck_extension_ppid_twice", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_ppid_twice},
    {"pck_extension_ppid_of_another_type", FORGE_FOR_BOTH, 0, "pck.extension", NULL,
     pck_extension_ppid_of_another_type},
    {"pck_extension_without_tcb", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_without_tcb},
    {"pck_extension_tcb_twice", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_tcb_twice},
    {"pck_extension_tcb_of_another_type", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_tcb_of_another_type},
    {"pck_extension_without_pce_id", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_without_pce_id},
    {"pck_extension_pce_id_twice", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_pce_id_twice},
    {"pck_extension_pce_id_of_another_type", FORGE_FOR_BOTH, 0, "pck.extension", NULL,
     pck_extension_pce_id_of_another_type},
    {"pck_extension_without_fmspc", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_without_fmspc},
    {"pck_extension_fmspc_twice", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_fmspc_twice},
    {"pck_extension_fmspc_of_another_type", FORGE_FOR_BOTH, 0, "pck.extension", NULL,
     pck_extension_fmspc_of_another_type},
    {"pck_extension_without_type", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_without_type},
    {"pck_extension_type_twice", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_type_twice},
    {"pck_extension_type_of_another_type", FORGE_FOR_BOTH, 0, "pck.extension", NULL,
     pck_extension_type_of_another_type},
    {"pck_extension_without_component", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_without_component},
    {"pck_extension_component_twice", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_component_twice},
    {"pck_extension_without_pce_svn", FORGE_FOR_BOTH, 0, "pck.extension", NULL, pck_extension_without_pce_svn},
    {"pck_of_processor", FORGE_FOR_BOTH, 0, NULL, "UpToDate", of_processor},
};
const size_t forge_certificate_case_count = sizeof forge_certificate_cases / sizeof *forge_certificate_cases;
