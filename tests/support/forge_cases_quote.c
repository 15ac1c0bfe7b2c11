/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of the quote itself: header, signatures, body, quoting enclave, certification data.
 */
#include "tests/support/forge_dcap_inner.h"

static slice cut_last(struct arena *a, slice quote)
{
    (void)a;
    return slice_sub(quote, 0, quote.len - 1);
}

static slice cut_half(struct arena *a, slice quote)
{
    (void)a;
    return slice_sub(quote, 0, quote.len / 2);
}

static slice cut_all(struct arena *a, slice quote)
{
    (void)a;
    (void)quote;
    return S("");
}

static slice last_byte_set(struct arena *a, slice quote)
{
    return forge_join(a, slice_sub(quote, 0, quote.len - 1), S("x"));
}

static void service_td(struct forge_dcap *k)
{
    k->body[FORGE_TD_MRSERVICETD] = 1;
}

static void version_0(struct forge_dcap *k)
{
    k->header[FORGE_HEADER_VERSION] = 0;
}

static void version_1(struct forge_dcap *k)
{
    k->header[FORGE_HEADER_VERSION] = 1;
}

static void version_2(struct forge_dcap *k)
{
    k->header[FORGE_HEADER_VERSION] = 2;
}

static void version_6(struct forge_dcap *k)
{
    k->header[FORGE_HEADER_VERSION] = 6;
}

static void key_type_0(struct forge_dcap *k)
{
    k->header[FORGE_HEADER_KEY_TYPE] = 0;
}

static void key_type_1(struct forge_dcap *k)
{
    k->header[FORGE_HEADER_KEY_TYPE] = 1;
}

static void key_type_3(struct forge_dcap *k)
{
    k->header[FORGE_HEADER_KEY_TYPE] = 3;
}

static void tee_type_swapped(struct forge_dcap *k)
{
    k->header[FORGE_HEADER_TEE_TYPE] ^= 0x81;
}

static void tee_type_unknown(struct forge_dcap *k)
{
    k->header[FORGE_HEADER_TEE_TYPE + 1] = 1;
}

static void vendor_id(struct forge_dcap *k)
{
    k->header[FORGE_HEADER_VENDOR] ^= 1;
}

static void body_type_0(struct forge_dcap *k)
{
    k->body_type = 0;
}

static void body_type_4(struct forge_dcap *k)
{
    k->body_type = 4;
}

static void body_type_65535(struct forge_dcap *k)
{
    k->body_type = 65535;
}

static void body_size_smaller(struct forge_dcap *k)
{
    k->body_size--;
}

static void body_size_larger(struct forge_dcap *k)
{
    k->body_size++;
}

static void body_size_huge(struct forge_dcap *k)
{
    k->body_size = UINT32_MAX;
}

static void qe_report_data(struct forge_dcap *k)
{
    k->keep_qe_report_data = true;
}

static void qe_report_data_tail(struct forge_dcap *k)
{
    k->qe_report_data_tail = true;
}

static void qe_signature_of_other(struct forge_dcap *k)
{
    k->qe_signature_of_other = true;
}

static void qe_signed_by_stranger(struct forge_dcap *k)
{
    k->qe_signer = FORGE_KEY_STRANGER;
}

static void quote_signed_by_stranger(struct forge_dcap *k)
{
    k->quote_signer = FORGE_KEY_STRANGER;
}

static void quote_signed_by_pck(struct forge_dcap *k)
{
    k->quote_signer = FORGE_KEY_PCK;
}

static void key_off_curve(struct forge_dcap *k)
{
    k->key_off_curve = true;
}

static void no_auth_data(struct forge_dcap *k)
{
    k->auth_size = 0;
}

static void long_auth_data(struct forge_dcap *k)
{
    k->auth_size = sizeof k->auth_data;
}

static void zero_padding(struct forge_dcap *k)
{
    k->padding = 70;
}

static void long_zero_padding(struct forge_dcap *k)
{
    k->padding = 4096;
}

static void trailing_byte(struct forge_dcap *k)
{
    k->padding = 1;
    k->padding_byte = 1;
}

static void trailing_text(struct forge_dcap *k)
{
    k->padding = 39;
    k->padding_byte = 'x';
}

static void trailing_after_zeros(struct forge_dcap *k)
{
    k->padding = 71;
    k->edit_quote = last_byte_set;
}

static void last_byte_missing(struct forge_dcap *k)
{
    k->edit_quote = cut_last;
}

static void half(struct forge_dcap *k)
{
    k->edit_quote = cut_half;
}

static void empty(struct forge_dcap *k)
{
    k->edit_quote = cut_all;
}

static void certification_3(struct forge_dcap *k)
{
    k->certification_type = 3;
}

static void certification_3_without_chain(struct forge_dcap *k)
{
    k->certification_type = 3;
    k->no_pck_chain = true;
}

static void certification_2(struct forge_dcap *k)
{
    k->certification_type = 2;
}

static void certification_1(struct forge_dcap *k)
{
    k->certification_type = 1;
}

static void certification_4(struct forge_dcap *k)
{
    k->certification_type = 4;
}

static void certification_7(struct forge_dcap *k)
{
    k->certification_type = 7;
}

static void outer_5(struct forge_dcap *k)
{
    k->outer_type = 5;
}

static void td_debug(struct forge_dcap *k)
{
    k->body[FORGE_TD_ATTRIBUTES] |= 1;
}

static void td_reserved_1(struct forge_dcap *k)
{
    k->body[FORGE_TD_ATTRIBUTES + 0] |= 1u << 1;
}

static void td_reserved_7(struct forge_dcap *k)
{
    k->body[FORGE_TD_ATTRIBUTES + 0] |= 1u << 7;
}

static void td_reserved_8(struct forge_dcap *k)
{
    k->body[FORGE_TD_ATTRIBUTES + 1] |= 1u << 0;
}

static void td_reserved_23(struct forge_dcap *k)
{
    k->body[FORGE_TD_ATTRIBUTES + 2] |= 1u << 7;
}

static void td_reserved_26(struct forge_dcap *k)
{
    k->body[FORGE_TD_ATTRIBUTES + 3] |= 1u << 2;
}

static void td_reserved_29(struct forge_dcap *k)
{
    k->body[FORGE_TD_ATTRIBUTES + 3] |= 1u << 5;
}

static void td_reserved_40(struct forge_dcap *k)
{
    k->body[FORGE_TD_ATTRIBUTES + 5] |= 1u << 0;
}

static void td_sept_ve_enabled(struct forge_dcap *k)
{
    k->body[FORGE_TD_ATTRIBUTES + 3] = 0;
}

static void td_key_locker(struct forge_dcap *k)
{
    k->body[FORGE_TD_ATTRIBUTES + 3] |= 0x80;
}

static void td_protection_keys(struct forge_dcap *k)
{
    k->body[FORGE_TD_ATTRIBUTES + 3] |= 0x40;
}

static void td_perfmon(struct forge_dcap *k)
{
    k->body[FORGE_TD_ATTRIBUTES + 7] |= 0x80;
}

static void td_module_signer(struct forge_dcap *k)
{
    k->body[FORGE_TD_MRSIGNERSEAM] = 1;
}

static void td_module_attributes(struct forge_dcap *k)
{
    k->body[FORGE_TD_SEAM_ATTRIBUTES] = 1;
}

static void enclave_debug(struct forge_dcap *k)
{
    k->body[FORGE_SGX_ATTRIBUTES] |= 2;
}

static void qe_debug(struct forge_dcap *k)
{
    k->qe_report[FORGE_SGX_ATTRIBUTES] |= 2;
}

static void qe_debug_unmasked(struct forge_dcap *k)
{
    k->qe_report[FORGE_SGX_ATTRIBUTES] |= 2;
    k->qe_identity.attributes_mask[0] = 0xf9;
}

static void qe_attributes(struct forge_dcap *k)
{
    k->qe_report[FORGE_SGX_ATTRIBUTES] |= 0x80;
}

static void qe_attributes_outside_mask(struct forge_dcap *k)
{
    k->qe_report[FORGE_SGX_XFRM] = 3;
}

static void qe_mrsigner(struct forge_dcap *k)
{
    k->qe_report[FORGE_SGX_MRSIGNER + 31] ^= 1;
}

static void qe_product(struct forge_dcap *k)
{
    k->qe_report[FORGE_SGX_PROD_ID + 1] = 1;
}

static void qe_miscselect(struct forge_dcap *k)
{
    k->qe_report[FORGE_SGX_MISC_SELECT + 3] = 1;
}

static void qe_miscselect_outside_mask(struct forge_dcap *k)
{
    k->qe_report[FORGE_SGX_MISC_SELECT] = 1;
    k->qe_identity.misc_mask[0] = 0xfe;
}

static void qe_old(struct forge_dcap *k)
{
    k->qe_report[FORGE_SGX_SVN] = 3;
}

static void qe_too_old(struct forge_dcap *k)
{
    k->qe_report[FORGE_SGX_SVN] = 1;
}

const struct forge_dcap_case forge_quote_cases[] = {
    {"good", FORGE_FOR_BOTH, 0, NULL, "UpToDate", NULL},
    {"version_0", FORGE_FOR_BOTH, 0, "quote.version", NULL, version_0},
    {"version_1", FORGE_FOR_BOTH, 0, "quote.version", NULL, version_1},
    {"version_2", FORGE_FOR_BOTH, 0, "quote.version", NULL, version_2},
    {"version_6", FORGE_FOR_BOTH, 0, "quote.version", NULL, version_6},
    {"key_type_0", FORGE_FOR_BOTH, 0, "quote.key_type", NULL, key_type_0},
    {"key_type_1", FORGE_FOR_BOTH, 0, "quote.key_type", NULL, key_type_1},
    {"key_type_3", FORGE_FOR_BOTH, 0, "quote.key_type", NULL, key_type_3},
    {"tee_type_swapped", FORGE_FOR_BOTH, 0, "quote.length|quote.body|quote.tee_type|quote.truncated|quote.version",
     NULL, tee_type_swapped},
    {"tee_type_unknown", FORGE_FOR_BOTH, 0, "quote.tee_type", NULL, tee_type_unknown},
    {"vendor_id", FORGE_FOR_BOTH, 0, "quote.vendor", NULL, vendor_id},
    {"body_type_0", FORGE_FOR_BOTH, 5, "quote.body", NULL, body_type_0},
    {"body_type_4", FORGE_FOR_BOTH, 5, "quote.body", NULL, body_type_4},
    {"body_type_65535", FORGE_FOR_BOTH, 5, "quote.body", NULL, body_type_65535},
    {"body_size_smaller", FORGE_FOR_BOTH, 5, "quote.body", NULL, body_size_smaller},
    {"body_size_larger", FORGE_FOR_BOTH, 5, "quote.body", NULL, body_size_larger},
    {"body_size_huge", FORGE_FOR_BOTH, 5, "quote.body", NULL, body_size_huge},
    {"qe_report_data", FORGE_FOR_BOTH, 0, "qe.report_data", NULL, qe_report_data},
    {"qe_report_data_tail", FORGE_FOR_BOTH, 0, "qe.report_data", NULL, qe_report_data_tail},
    {"qe_signature_of_other", FORGE_FOR_BOTH, 0, "qe.signature", NULL, qe_signature_of_other},
    {"qe_signed_by_stranger", FORGE_FOR_BOTH, 0, "qe.signature", NULL, qe_signed_by_stranger},
    {"quote_signed_by_stranger", FORGE_FOR_BOTH, 0, "quote.signature", NULL, quote_signed_by_stranger},
    {"quote_signed_by_pck", FORGE_FOR_BOTH, 0, "quote.signature", NULL, quote_signed_by_pck},
    {"key_off_curve", FORGE_FOR_BOTH, 0, "quote.key", NULL, key_off_curve},
    {"no_auth_data", FORGE_FOR_BOTH, 0, NULL, "UpToDate", no_auth_data},
    {"long_auth_data", FORGE_FOR_BOTH, 0, NULL, "UpToDate", long_auth_data},
    {"zero_padding", FORGE_FOR_BOTH, 0, NULL, "UpToDate", zero_padding},
    {"long_zero_padding", FORGE_FOR_BOTH, 0, NULL, "UpToDate", long_zero_padding},
    {"trailing_byte", FORGE_FOR_BOTH, 0, "quote.trailing", NULL, trailing_byte},
    {"trailing_text", FORGE_FOR_BOTH, 0, "quote.trailing", NULL, trailing_text},
    {"trailing_after_zeros", FORGE_FOR_BOTH, 0, "quote.trailing", NULL, trailing_after_zeros},
    {"last_byte_missing", FORGE_FOR_BOTH, 0, "quote.truncated", NULL, last_byte_missing},
    {"half", FORGE_FOR_BOTH, 0, "quote.truncated", NULL, half},
    {"empty", FORGE_FOR_BOTH, 0, "quote.form", NULL, empty},
    {"certification_3", FORGE_FOR_BOTH, 0, NULL, "UpToDate", certification_3},
    {"certification_3_without_chain", FORGE_FOR_BOTH, 0, "need", NULL, certification_3_without_chain},
    {"certification_2", FORGE_FOR_BOTH, 0, "certification.type", NULL, certification_2},
    {"certification_1", FORGE_FOR_BOTH, 0, "certification.type", NULL, certification_1},
    {"certification_4", FORGE_FOR_BOTH, 0, "certification.type", NULL, certification_4},
    {"certification_7", FORGE_FOR_BOTH, 0, "quote.length", NULL, certification_7},
    {"outer_5", FORGE_FOR_BOTH, 0, NULL, "UpToDate", outer_5},
    {"td_debug", FORGE_FOR_TDX, 0, "attributes.debug", NULL, td_debug},
    {"td_reserved_1", FORGE_FOR_TDX, 0, "attributes.reserved", NULL, td_reserved_1},
    {"td_reserved_7", FORGE_FOR_TDX, 0, "attributes.reserved", NULL, td_reserved_7},
    {"td_reserved_8", FORGE_FOR_TDX, 0, "attributes.reserved", NULL, td_reserved_8},
    {"td_reserved_23", FORGE_FOR_TDX, 0, "attributes.reserved", NULL, td_reserved_23},
    {"td_reserved_26", FORGE_FOR_TDX, 0, "attributes.reserved", NULL, td_reserved_26},
    {"td_reserved_29", FORGE_FOR_TDX, 0, "attributes.reserved", NULL, td_reserved_29},
    {"td_reserved_40", FORGE_FOR_TDX, 0, "attributes.reserved", NULL, td_reserved_40},
    {"td_sept_ve_enabled", FORGE_FOR_TDX, 0, "attributes.sept_ve_disable", NULL, td_sept_ve_enabled},
    {"td_key_locker", FORGE_FOR_TDX, 0, NULL, "UpToDate", td_key_locker},
    {"td_protection_keys", FORGE_FOR_TDX, 0, NULL, "UpToDate", td_protection_keys},
    {"td_perfmon", FORGE_FOR_TDX, 0, NULL, "UpToDate", td_perfmon},
    {"td_service_td", FORGE_FOR_TDX15, 5, "service_td", NULL, service_td},
    {"td_module_signer", FORGE_FOR_TDX, 0, "tcb.module", NULL, td_module_signer},
    {"td_module_attributes", FORGE_FOR_TDX, 0, "tcb.module", NULL, td_module_attributes},
    {"enclave_debug", FORGE_FOR_SGX, 0, "attributes.debug", NULL, enclave_debug},
    {"qe_debug", FORGE_FOR_BOTH, 0, "qe.attributes", NULL, qe_debug},
    {"qe_debug_unmasked", FORGE_FOR_BOTH, 0, "qe.attributes", NULL, qe_debug_unmasked},
    {"qe_attributes", FORGE_FOR_BOTH, 0, "qe.attributes", NULL, qe_attributes},
    {"qe_attributes_outside_mask", FORGE_FOR_BOTH, 0, NULL, "UpToDate", qe_attributes_outside_mask},
    {"qe_mrsigner", FORGE_FOR_BOTH, 0, "qe.mrsigner", NULL, qe_mrsigner},
    {"qe_product", FORGE_FOR_BOTH, 0, "qe.product", NULL, qe_product},
    {"qe_miscselect", FORGE_FOR_BOTH, 0, "qe.miscselect", NULL, qe_miscselect},
    {"qe_miscselect_outside_mask", FORGE_FOR_BOTH, 0, NULL, "UpToDate", qe_miscselect_outside_mask},
    {"qe_old", FORGE_FOR_BOTH, 0, NULL, "OutOfDate", qe_old},
    {"qe_too_old", FORGE_FOR_BOTH, 0, "qe.no_level", NULL, qe_too_old},
};
const size_t forge_quote_case_count = sizeof forge_quote_cases / sizeof *forge_quote_cases;
