/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of TCB info and QE identity.
 */
#include "tests/support/forge_dcap_inner.h"

static slice newer_number(struct arena *a, slice text)
{
    return forge_replace(a, text, "\"tcbEvaluationDataNumber\":17", "\"tcbEvaluationDataNumber\":99");
}

static slice with_a_space(struct arena *a, slice text)
{
    return forge_replace(a, text, "\"version\":", "\"version\": ");
}

static slice version_twice(struct arena *a, slice text)
{
    return forge_replace(a, text, "\"version\":", "\"version\":9,\"version\":");
}

static slice no_json(struct arena *a, slice text)
{
    (void)a;
    (void)text;
    return S("{not json");
}

static slice cut(struct arena *a, slice text)
{
    (void)a;
    return slice_sub(text, 0, text.len - 1);
}

/* Components and CPUSVN say the same. */
static void set_component(struct forge_dcap *k, size_t n, uint8_t svn)
{
    k->platform.components[n] = k->platform.cpu_svn[n] = svn;
}

/* Of the TD as it was launched, and as it would be launched now. */
static void set_tdx_svn(struct forge_dcap *k, size_t n, uint8_t svn)
{
    k->body[FORGE_TD_TCB_SVN + n] = svn;
    if (k->body_kind == FORGE_TDX15)
        k->body[FORGE_TD_TCB_SVN2 + n] = svn;
}

/* The lowest level first: it matches, and nothing after it is looked at. */
static void levels_unsorted(struct forge_dcap *k)
{
    struct forge_level first = k->tcb_info.levels.level[0];
    k->tcb_info.levels.level[0] = k->tcb_info.levels.level[1];
    k->tcb_info.levels.level[1] = first;
}

static void tcb_info_expired(struct forge_dcap *k)
{
    k->tcb_info.next_update = k->now - 1;
}

static void tcb_info_last_second(struct forge_dcap *k)
{
    k->tcb_info.next_update = k->now;
}

static void tcb_info_from_the_future(struct forge_dcap *k)
{
    k->tcb_info.issued = k->now + 1;
}

static void tcb_info_changed_after_signing(struct forge_dcap *k)
{
    k->tcb_info.edit_signed = newer_number;
}

static void tcb_info_serialised_anew(struct forge_dcap *k)
{
    k->tcb_info.edit_signed = with_a_space;
}

static void tcb_info_signed_with_a_space(struct forge_dcap *k)
{
    k->tcb_info.edit = with_a_space;
}

static void tcb_info_signed_by_stranger(struct forge_dcap *k)
{
    k->tcb_info_signer = FORGE_KEY_STRANGER;
}

static void tcb_info_signed_by_pck(struct forge_dcap *k)
{
    k->tcb_info_signer = FORGE_KEY_PCK;
}

static void tcb_info_member_twice(struct forge_dcap *k)
{
    k->tcb_info.edit = version_twice;
}

static void tcb_info_is_no_json(struct forge_dcap *k)
{
    k->tcb_info.edit = no_json;
}

static void tcb_info_is_cut(struct forge_dcap *k)
{
    k->tcb_info.edit = cut;
}

static void tcb_info_version_1(struct forge_dcap *k)
{
    k->tcb_info.version = 1;
}

static void tcb_info_version_4(struct forge_dcap *k)
{
    k->tcb_info.version = 4;
}

static void tcb_info_without_levels(struct forge_dcap *k)
{
    k->tcb_info.levels.count = 0;
}

static void tcb_info_unknown_status(struct forge_dcap *k)
{
    k->tcb_info.levels.level[0].status = "Fine";
}

static void tcb_info_revoked(struct forge_dcap *k)
{
    k->tcb_info.levels.level[0].status = "Revoked";
}

static void tcb_info_number_lower(struct forge_dcap *k)
{
    k->tcb_info.evaluation_number = 16;
}

static void qe_identity_expired(struct forge_dcap *k)
{
    k->qe_identity.next_update = k->now - 1;
}

static void qe_identity_last_second(struct forge_dcap *k)
{
    k->qe_identity.next_update = k->now;
}

static void qe_identity_from_the_future(struct forge_dcap *k)
{
    k->qe_identity.issued = k->now + 1;
}

static void qe_identity_changed_after_signing(struct forge_dcap *k)
{
    k->qe_identity.edit_signed = newer_number;
}

static void qe_identity_serialised_anew(struct forge_dcap *k)
{
    k->qe_identity.edit_signed = with_a_space;
}

static void qe_identity_signed_with_a_space(struct forge_dcap *k)
{
    k->qe_identity.edit = with_a_space;
}

static void qe_identity_signed_by_stranger(struct forge_dcap *k)
{
    k->qe_identity_signer = FORGE_KEY_STRANGER;
}

static void qe_identity_signed_by_pck(struct forge_dcap *k)
{
    k->qe_identity_signer = FORGE_KEY_PCK;
}

static void qe_identity_member_twice(struct forge_dcap *k)
{
    k->qe_identity.edit = version_twice;
}

static void qe_identity_is_no_json(struct forge_dcap *k)
{
    k->qe_identity.edit = no_json;
}

static void qe_identity_is_cut(struct forge_dcap *k)
{
    k->qe_identity.edit = cut;
}

static void qe_identity_version_1(struct forge_dcap *k)
{
    k->qe_identity.version = 1;
}

static void qe_identity_version_4(struct forge_dcap *k)
{
    k->qe_identity.version = 4;
}

static void qe_identity_without_levels(struct forge_dcap *k)
{
    k->qe_identity.levels.count = 0;
}

static void qe_identity_unknown_status(struct forge_dcap *k)
{
    k->qe_identity.levels.level[0].status = "Fine";
}

static void qe_identity_revoked(struct forge_dcap *k)
{
    k->qe_identity.levels.level[0].status = "Revoked";
}

static void qe_identity_number_lower(struct forge_dcap *k)
{
    k->qe_identity.evaluation_number = 16;
}

static void qe_identity_out_of_date(struct forge_dcap *k)
{
    k->qe_identity.levels.level[0].status = "OutOfDate";
}

static void tcb_swhardening_needed(struct forge_dcap *k)
{
    k->tcb_info.levels.level[0].status = "SWHardeningNeeded";
    k->tcb_info.levels.level[0].advisories[0] = "INTEL-SA-00289";
}

static void tcb_configuration_needed(struct forge_dcap *k)
{
    k->tcb_info.levels.level[0].status = "ConfigurationNeeded";
    k->tcb_info.levels.level[0].advisories[0] = "INTEL-SA-00289";
}

static void tcb_configuration_and_swhardening_needed(struct forge_dcap *k)
{
    k->tcb_info.levels.level[0].status = "ConfigurationAndSWHardeningNeeded";
    k->tcb_info.levels.level[0].advisories[0] = "INTEL-SA-00289";
}

static void tcb_out_of_date(struct forge_dcap *k)
{
    k->tcb_info.levels.level[0].status = "OutOfDate";
    k->tcb_info.levels.level[0].advisories[0] = "INTEL-SA-00289";
}

static void tcb_out_of_date_configuration_needed(struct forge_dcap *k)
{
    k->tcb_info.levels.level[0].status = "OutOfDateConfigurationNeeded";
    k->tcb_info.levels.level[0].advisories[0] = "INTEL-SA-00289";
}

static void tcb_next_level(struct forge_dcap *k)
{
    set_component(k, 7, 4);
}

static void tcb_no_level(struct forge_dcap *k)
{
    set_component(k, 0, 0);
}

static void tcb_pce_svn_too_low(struct forge_dcap *k)
{
    k->platform.pce_svn = 4;
}

static void tcb_pce_svn_next_level(struct forge_dcap *k)
{
    k->platform.pce_svn = 10;
}

static void tcb_components_not_lexicographic(struct forge_dcap *k)
{
    set_component(k, 0, 255);
    set_component(k, 1, 0);
}

static void tcb_15_components(struct forge_dcap *k)
{
    k->tcb_info.levels.level[0].sgx_count = 15;
}

static void tcb_17_components(struct forge_dcap *k)
{
    k->tcb_info.levels.level[0].sgx_count = 17;
}

static void tcb_second_level_15_components(struct forge_dcap *k)
{
    k->tcb_info.levels.level[1].sgx_count = 15;
}

static void tdx_15_components(struct forge_dcap *k)
{
    k->tcb_info.levels.level[0].tdx_count = 15;
}

static void tdx_17_components(struct forge_dcap *k)
{
    k->tcb_info.levels.level[0].tdx_count = 17;
}

static void tdx_without_components(struct forge_dcap *k)
{
    k->tcb_info.levels.level[0].tdx_count = 0;
}

static void tcb_other_fmspc(struct forge_dcap *k)
{
    k->tcb_info.fmspc[5] ^= 1;
}

static void tcb_other_pce_id(struct forge_dcap *k)
{
    k->tcb_info.pce_id[1] ^= 1;
}

static void tcb_of_sgx_for_tdx(struct forge_dcap *k)
{
    k->tcb_info.id = "SGX";
    k->tcb_info.has_module = false;
    k->tcb_info.module_count = 0;
    for (size_t i = 0; i < k->tcb_info.levels.count; i++)
        k->tcb_info.levels.level[i].tdx_count = 0;
}

static void tcb_of_tdx_for_sgx(struct forge_dcap *k)
{
    struct forge_dcap other;
    forge_dcap_default(&other, 4, FORGE_TDX10, k->now);
    k->tcb_info = other.tcb_info;
}

static void tcb_id_unknown(struct forge_dcap *k)
{
    k->tcb_info.id = "TPM";
}

static void tcb_info_version_2(struct forge_dcap *k)
{
    k->tcb_info.version = 2;
    k->tcb_info.id = NULL;
}

static void tcb_info_version_2_for_tdx(struct forge_dcap *k)
{
    k->tcb_info.version = 2;
    k->tcb_info.id = NULL;
}

static void qe_identity_of_sgx_for_tdx(struct forge_dcap *k)
{
    k->qe_identity.id = "QE";
}

static void qe_identity_of_tdx_for_sgx(struct forge_dcap *k)
{
    k->qe_identity.id = "TD_QE";
}

static void qe_identity_of_qve(struct forge_dcap *k)
{
    k->qe_identity.id = "QVE";
}

static void tdx_component_next_level(struct forge_dcap *k)
{
    set_tdx_svn(k, 2, 2);
}

static void tdx_module_1(struct forge_dcap *k)
{
    set_tdx_svn(k, 0, 4);
    set_tdx_svn(k, 1, 1);
}

static void tdx_module_old(struct forge_dcap *k)
{
    set_tdx_svn(k, 0, 3);
    set_tdx_svn(k, 1, 3);
}

static void tdx_module_too_old(struct forge_dcap *k)
{
    set_tdx_svn(k, 0, 1);
    set_tdx_svn(k, 1, 3);
}

static void tdx_module_unknown(struct forge_dcap *k)
{
    set_tdx_svn(k, 1, 9);
}

static void tdx_module_revoked(struct forge_dcap *k)
{
    set_tdx_svn(k, 1, 3);
    k->tcb_info.modules[0].levels.level[0].status = "Revoked";
}

static void tdx_module_signer_elsewhere(struct forge_dcap *k)
{
    set_tdx_svn(k, 1, 3);
    k->tcb_info.modules[0].mrsigner[0] = 1;
}

static void tdx_module_attributes_elsewhere(struct forge_dcap *k)
{
    set_tdx_svn(k, 1, 3);
    k->tcb_info.modules[0].attributes[0] = 1;
}

static void tdx_without_module(struct forge_dcap *k)
{
    k->tcb_info.has_module = false;
}

static void tdx_without_module_identities(struct forge_dcap *k)
{
    set_tdx_svn(k, 1, 3);
    k->tcb_info.module_count = 0;
}

static void tdx_launched_long_ago(struct forge_dcap *k)
{
    k->body[FORGE_TD_TCB_SVN + 2] = 2;
}

static void tdx_module_updated_since(struct forge_dcap *k)
{
    k->body[FORGE_TD_TCB_SVN] = 3;
}

static void tcb_signed_by_pck_with_its_chain(struct forge_dcap *k)
{
    k->tcb_chain_is_pck = true;
    k->tcb_info_signer = k->qe_identity_signer = FORGE_KEY_PCK;
}

const struct forge_dcap_case forge_statement_cases[] = {
    {"tdx_launched_long_ago", FORGE_FOR_TDX15, 0, NULL, "TDRelaunchAdvised", tdx_launched_long_ago},
    {"tdx_module_updated_since", FORGE_FOR_TDX15, 0, NULL, "TDRelaunchAdvised", tdx_module_updated_since},
    {"tcb_signed_by_pck_with_its_chain", FORGE_FOR_BOTH, 0, "tcb_info.chain", NULL, tcb_signed_by_pck_with_its_chain},
    {"tcb_info_expired", FORGE_FOR_BOTH, 0, "tcb_info.expired", NULL, tcb_info_expired},
    {"tcb_info_last_second", FORGE_FOR_BOTH, 0, "tcb_info.expired", NULL, tcb_info_last_second},
    {"tcb_info_from_the_future", FORGE_FOR_BOTH, 0, "tcb_info.issued", NULL, tcb_info_from_the_future},
    {"tcb_info_changed_after_signing", FORGE_FOR_BOTH, 0, "tcb_info.signature", NULL, tcb_info_changed_after_signing},
    {"tcb_info_serialised_anew", FORGE_FOR_BOTH, 0, "tcb_info.signature", NULL, tcb_info_serialised_anew},
    {"tcb_info_signed_with_a_space", FORGE_FOR_BOTH, 0, NULL, "UpToDate", tcb_info_signed_with_a_space},
    {"tcb_info_signed_by_stranger", FORGE_FOR_BOTH, 0, "tcb_info.signature", NULL, tcb_info_signed_by_stranger},
    {"tcb_info_signed_by_pck", FORGE_FOR_BOTH, 0, "tcb_info.signature", NULL, tcb_info_signed_by_pck},
    {"tcb_info_member_twice", FORGE_FOR_BOTH, 0, "tcb_info.form", NULL, tcb_info_member_twice},
    {"tcb_info_is_no_json", FORGE_FOR_BOTH, 0, "tcb_info.form", NULL, tcb_info_is_no_json},
    {"tcb_info_is_cut", FORGE_FOR_BOTH, 0, "tcb_info.form", NULL, tcb_info_is_cut},
    {"tcb_info_version_1", FORGE_FOR_BOTH, 0, "tcb_info.form", NULL, tcb_info_version_1},
    {"tcb_info_version_4", FORGE_FOR_BOTH, 0, "tcb_info.form", NULL, tcb_info_version_4},
    {"tcb_info_without_levels", FORGE_FOR_BOTH, 0, "tcb_info.form", NULL, tcb_info_without_levels},
    {"tcb_info_unknown_status", FORGE_FOR_BOTH, 0, "tcb_info.form", NULL, tcb_info_unknown_status},
    {"tcb_info_revoked", FORGE_FOR_BOTH, 0, "tcb.revoked", NULL, tcb_info_revoked},
    {"tcb_info_number_lower", FORGE_FOR_BOTH, 0, NULL, "UpToDate", tcb_info_number_lower},
    {"qe_identity_expired", FORGE_FOR_BOTH, 0, "qe_identity.expired", NULL, qe_identity_expired},
    {"qe_identity_last_second", FORGE_FOR_BOTH, 0, "qe_identity.expired", NULL, qe_identity_last_second},
    {"qe_identity_from_the_future", FORGE_FOR_BOTH, 0, "qe_identity.issued", NULL, qe_identity_from_the_future},
    {"qe_identity_changed_after_signing", FORGE_FOR_BOTH, 0, "qe_identity.signature", NULL,
     qe_identity_changed_after_signing},
    {"qe_identity_serialised_anew", FORGE_FOR_BOTH, 0, "qe_identity.signature", NULL, qe_identity_serialised_anew},
    {"qe_identity_signed_with_a_space", FORGE_FOR_BOTH, 0, NULL, "UpToDate", qe_identity_signed_with_a_space},
    {"qe_identity_signed_by_stranger", FORGE_FOR_BOTH, 0, "qe_identity.signature", NULL,
     qe_identity_signed_by_stranger},
    {"qe_identity_signed_by_pck", FORGE_FOR_BOTH, 0, "qe_identity.signature", NULL, qe_identity_signed_by_pck},
    {"qe_identity_member_twice", FORGE_FOR_BOTH, 0, "qe_identity.form", NULL, qe_identity_member_twice},
    {"qe_identity_is_no_json", FORGE_FOR_BOTH, 0, "qe_identity.form", NULL, qe_identity_is_no_json},
    {"qe_identity_is_cut", FORGE_FOR_BOTH, 0, "qe_identity.form", NULL, qe_identity_is_cut},
    {"qe_identity_version_1", FORGE_FOR_BOTH, 0, "qe_identity.form", NULL, qe_identity_version_1},
    {"qe_identity_version_4", FORGE_FOR_BOTH, 0, "qe_identity.form", NULL, qe_identity_version_4},
    {"qe_identity_without_levels", FORGE_FOR_BOTH, 0, "qe_identity.form", NULL, qe_identity_without_levels},
    {"qe_identity_unknown_status", FORGE_FOR_BOTH, 0, "qe_identity.form", NULL, qe_identity_unknown_status},
    {"qe_identity_revoked", FORGE_FOR_BOTH, 0, "tcb.revoked", NULL, qe_identity_revoked},
    {"qe_identity_number_lower", FORGE_FOR_BOTH, 0, NULL, "UpToDate", qe_identity_number_lower},
    {"qe_identity_out_of_date", FORGE_FOR_BOTH, 0, NULL, "OutOfDate", qe_identity_out_of_date},
    {"tcb_swhardening_needed", FORGE_FOR_BOTH, 0, NULL, "SWHardeningNeeded", tcb_swhardening_needed},
    {"tcb_configuration_needed", FORGE_FOR_BOTH, 0, NULL, "ConfigurationNeeded", tcb_configuration_needed},
    {"tcb_configuration_and_swhardening_needed", FORGE_FOR_BOTH, 0, NULL, "ConfigurationAndSWHardeningNeeded",
     tcb_configuration_and_swhardening_needed},
    {"tcb_out_of_date", FORGE_FOR_BOTH, 0, NULL, "OutOfDate", tcb_out_of_date},
    {"tcb_out_of_date_configuration_needed", FORGE_FOR_BOTH, 0, NULL, "OutOfDateConfigurationNeeded",
     tcb_out_of_date_configuration_needed},
    {"tcb_next_level", FORGE_FOR_BOTH, 0, NULL, "OutOfDate", tcb_next_level},
    {"tcb_no_level", FORGE_FOR_BOTH, 0, "tcb.no_level", NULL, tcb_no_level},
    {"tcb_pce_svn_too_low", FORGE_FOR_BOTH, 0, "tcb.no_level", NULL, tcb_pce_svn_too_low},
    {"tcb_pce_svn_next_level", FORGE_FOR_BOTH, 0, NULL, "OutOfDate", tcb_pce_svn_next_level},
    {"tcb_components_not_lexicographic", FORGE_FOR_BOTH, 0, "tcb.no_level", NULL, tcb_components_not_lexicographic},
    {"tcb_levels_unsorted", FORGE_FOR_BOTH, 0, NULL, "UpToDate", levels_unsorted},
    {"tcb_15_components", FORGE_FOR_BOTH, 0, "tcb_info.form", NULL, tcb_15_components},
    {"tcb_17_components", FORGE_FOR_BOTH, 0, "tcb_info.form", NULL, tcb_17_components},
    {"tcb_second_level_15_components", FORGE_FOR_BOTH, 0, "tcb_info.form", NULL, tcb_second_level_15_components},
    {"tdx_15_components", FORGE_FOR_TDX, 0, "tcb_info.form", NULL, tdx_15_components},
    {"tdx_17_components", FORGE_FOR_TDX, 0, "tcb_info.form", NULL, tdx_17_components},
    {"tdx_without_components", FORGE_FOR_TDX, 0, "tcb_info.form", NULL, tdx_without_components},
    {"tcb_other_fmspc", FORGE_FOR_BOTH, 0, "tcb_info.fmspc", NULL, tcb_other_fmspc},
    {"tcb_other_pce_id", FORGE_FOR_BOTH, 0, "tcb_info.pce", NULL, tcb_other_pce_id},
    {"tcb_of_sgx_for_tdx", FORGE_FOR_TDX, 0, "tcb_info.id", NULL, tcb_of_sgx_for_tdx},
    {"tcb_of_tdx_for_sgx", FORGE_FOR_SGX, 0, "tcb_info.id", NULL, tcb_of_tdx_for_sgx},
    {"tcb_id_unknown", FORGE_FOR_BOTH, 0, "tcb_info.form", NULL, tcb_id_unknown},
    {"tcb_info_version_2", FORGE_FOR_SGX, 0, NULL, "UpToDate", tcb_info_version_2},
    {"tcb_info_version_2_for_tdx", FORGE_FOR_TDX, 0, "tcb_info.form", NULL, tcb_info_version_2_for_tdx},
    {"qe_identity_of_sgx_for_tdx", FORGE_FOR_TDX, 0, "qe_identity.id", NULL, qe_identity_of_sgx_for_tdx},
    {"qe_identity_of_tdx_for_sgx", FORGE_FOR_SGX, 0, "qe_identity.id", NULL, qe_identity_of_tdx_for_sgx},
    {"qe_identity_of_qve", FORGE_FOR_BOTH, 0, "qe_identity.form", NULL, qe_identity_of_qve},
    {"tdx_component_next_level", FORGE_FOR_TDX, 0, NULL, "OutOfDate", tdx_component_next_level},
    {"tdx_module_1", FORGE_FOR_TDX, 0, NULL, "UpToDate", tdx_module_1},
    {"tdx_module_old", FORGE_FOR_TDX, 0, NULL, "OutOfDate", tdx_module_old},
    {"tdx_module_too_old", FORGE_FOR_TDX, 0, "tcb.module_no_level", NULL, tdx_module_too_old},
    {"tdx_module_unknown", FORGE_FOR_TDX, 0, "tcb.module", NULL, tdx_module_unknown},
    {"tdx_module_revoked", FORGE_FOR_TDX, 0, "tcb.revoked", NULL, tdx_module_revoked},
    {"tdx_module_signer_elsewhere", FORGE_FOR_TDX, 0, "tcb.module", NULL, tdx_module_signer_elsewhere},
    {"tdx_module_attributes_elsewhere", FORGE_FOR_TDX, 0, "tcb.module", NULL, tdx_module_attributes_elsewhere},
    {"tdx_without_module", FORGE_FOR_TDX, 0, "tcb_info.form", NULL, tdx_without_module},
    {"tdx_without_module_identities", FORGE_FOR_TDX, 0, "tcb.module", NULL, tdx_without_module_identities},
};
const size_t forge_statement_case_count = sizeof forge_statement_cases / sizeof *forge_statement_cases;
