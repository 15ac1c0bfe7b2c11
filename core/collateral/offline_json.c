/* SPDX-License-Identifier: Apache-2.0
 *
 * Intel's collateral in JSON: the answers of its Provisioning Certification Service as they came, and all that one
 * quote takes in one object, as several verifiers write it.
 */
#include "core/collateral/offline_internal.h"

bool offline_unhex(struct arena *a, slice hex, slice *out)
{
    size_t length;
    uint8_t *room = hex.len ? arena_alloc(a, hex.len / 2 + 1, 1) : NULL;
    if (!room || !hex_decode(room, hex.len / 2 + 1, hex, &length))
        return false;
    *out = slice_of(room, length);
    return true;
}

slice offline_lower(struct arena *a, slice s)
{
    uint8_t *room = arena_alloc(a, s.len + 1, 1);
    for (size_t i = 0; room && i < s.len; i++)
        room[i] = s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? (uint8_t)(s.ptr[i] | 0x20) : s.ptr[i];
    return room ? slice_of(room, s.len) : NO_SLICE;
}

result offline_join(struct arena *a, slice member, slice statement, slice signature, slice *out)
{
    struct text t = text_begin(a);
    text_lit(&t, "{");
    text_json(&t, member);
    text_lit(&t, ":");
    text_add(&t, statement);
    text_lit(&t, ",\"signature\":");
    text_json(&t, signature);
    text_lit(&t, "}");
    *out = text_end(&t);
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}

/* --- names --- */

/* TCB info of version 2 has no id and is SGX's. */
static slice tee_of(slice id)
{
    if (slice_equal(id, S("TDX")) || slice_equal(id, S("TD_QE")))
        return S("tdx");
    return id.ptr == NULL || slice_equal(id, S("SGX")) || slice_equal(id, S("QE")) ? S("sgx") : S("other");
}

static slice tcb_info_key(struct arena *a, const json *statement)
{
    slice fmspc = offline_lower(a, json_text(json_get(statement, S("fmspc"))));
    return arena_printf(a, "%.*s/%.*s", SLICE_ARG(tee_of(json_text(json_get(statement, S("id"))))), SLICE_ARG(fmspc));
}

bool offline_name_answer(struct arena *a, const json *answer, slice *kind, slice *key)
{
    const json *tcb = json_get(answer, S("tcbInfo")), *qe = json_get(answer, S("enclaveIdentity"));
    if (!json_text(json_get(answer, S("signature"))).ptr || !tcb == !qe)
        return false;
    *kind = tcb ? S("intel/tcb-info") : S("intel/qe-identity");
    *key = tcb ? tcb_info_key(a, tcb) : tee_of(json_text(json_get(qe, S("id"))));
    return true;
}

/* --- the collateral of one quote --- */

struct quote_members {
    slice statement, signature, chain, wrap;
};

/* A statement is kept as text, so that its very bytes survive; somebody may have taken it apart nevertheless. */
static slice statement_text(struct arena *a, const json *v)
{
    if (!v || json_text(v).ptr)
        return json_text(v);
    struct text t = text_begin(a);
    json_write(&t, v);
    return text_end(&t);
}

static result add_statement(struct offline_items *to, const json *all, const struct quote_members *m, bool alone)
{
    struct collateral_item item = {.chain = json_text(json_get(all, m->chain))};
    const json *answer = NULL;
    if (!json_get(all, m->statement))
        return OK;
    slice text = statement_text(to->arena, json_get(all, m->statement));
    slice signature = json_text(json_get(all, m->signature));
    if (!text.ptr || !signature.ptr)
        return items_refuse(to, "%.*s and %.*s must both be text", SLICE_ARG(m->statement), SLICE_ARG(m->signature));
    TRY(offline_join(to->arena, m->wrap, text, signature, &item.bytes));
    if (FAILED(json_parse(to->arena, item.bytes, &answer)) ||
        !offline_name_answer(to->arena, answer, &item.kind, &item.key)) {
        /* Not for us to judge: whoever takes it will find it malformed. */
        item.kind = slice_equal(m->wrap, S("tcbInfo")) ? S("intel/tcb-info") : S("intel/qe-identity");
        item.key = NO_SLICE;
    }
    return items_add(to, &item, alone);
}

/* The issuer's name tells the key; where it does not, the list is of the only CA that there is. */
static result add_list(struct offline_items *to, const json *all, slice list, struct collateral_item as, bool alone)
{
    const json *v = json_get(all, list);
    if (!v || json_is_null(v))
        return OK;
    if (!json_text(v).ptr)
        return items_refuse(to, "%.*s must be text", SLICE_ARG(list));
    return offline_read_list(to, json_text(v), &as, alone);
}

static const struct quote_members tcb_members = {TRUSTEE_TEXT("tcb_info"), TRUSTEE_TEXT("tcb_info_signature"),
                                                 TRUSTEE_TEXT("tcb_info_issuer_chain"), TRUSTEE_TEXT("tcbInfo")};
static const struct quote_members qe_members = {TRUSTEE_TEXT("qe_identity"), TRUSTEE_TEXT("qe_identity_signature"),
                                                TRUSTEE_TEXT("qe_identity_issuer_chain"),
                                                TRUSTEE_TEXT("enclaveIdentity")};

static result read_quote_collateral(struct offline_items *to, const json *all, bool alone)
{
    TRY(add_statement(to, all, &tcb_members, alone));
    TRY(add_statement(to, all, &qe_members, alone));
    struct collateral_item pck_crl = {.kind = S("intel/pck-crl"),
                                      .chain = json_text(json_get(all, S("pck_crl_issuer_chain")))};
    struct collateral_item root_crl = {.kind = S("intel/root-crl"), .key = S("root")};
    TRY(add_list(to, all, S("pck_crl"), pck_crl, alone));
    TRY(add_list(to, all, S("root_ca_crl"), root_crl, alone));
    slice pck = json_text(json_get(all, S("pck_certificate_chain")));
    return pck.ptr && alone ? offline_add_pck(to, pck) : OK;
}

static bool is_quote_collateral(const json *v)
{
    return json_get(v, S("tcb_info")) || json_get(v, S("qe_identity")) || json_get(v, S("pck_crl")) ||
           json_get(v, S("root_ca_crl"));
}

/* --- which of all it is --- */

result offline_read_json(struct offline_items *to, slice text, bool alone)
{
    const json *v = NULL;
    struct collateral_item item = {.bytes = text};
    if (FAILED(json_parse(to->arena, text, &v)))
        return items_refuse(to, "it is no JSON, or has a member twice");
    if (json_get(v, S("trustee_collateral")))
        return offline_read_export(to, v);
    if (json_get(v, S("collaterals")))
        return offline_read_pcs_tool(to, json_get(v, S("collaterals")));
    if (is_quote_collateral(v))
        return read_quote_collateral(to, v, alone);
    if (!offline_name_answer(to->arena, v, &item.kind, &item.key))
        return OK;
    return items_add(to, &item, alone);
}
