/* SPDX-License-Identifier: Apache-2.0
 *
 * What Intel's PcsClientTool (PccsAdminTool before) fetches into "platform_collaterals.json". The tool takes TCB infos
 * apart and writes them anew with blanks; what Intel signed is compact, and so it becomes again here. Chains of
 * certificates are percent-encoded, lists are in hex. Where it has an early and a standard version of something, the
 * early one is taken, as upstream does.
 */
#include "core/collateral/offline_internal.h"

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

slice offline_unescape(struct arena *a, slice s)
{
    uint8_t *room = arena_alloc(a, s.len + 1, 1);
    size_t n = 0;
    for (size_t i = 0; room && i < s.len; i++) {
        int high = s.ptr[i] == '%' && i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s.ptr[i + 2]) : -1;
        room[n++] = (uint8_t)(low >= 0 ? high << 4 | low : s.ptr[i]);
        i += low >= 0 ? 2 : 0;
    }
    return room ? slice_of(room, n) : NO_SLICE;
}

/* A chain among "certificates", by any of its two names. */
static slice chain_named(struct arena *a, const json *all, slice name, slice older)
{
    const json *certificates = json_get(all, S("certificates"));
    slice key;
    for (const json *v = certificates ? json_next(certificates, NULL, &key) : NULL; v;
         v = json_next(certificates, v, &key))
        if (slice_equal_nocase(key, name) || slice_equal_nocase(key, older))
            return json_text(v).ptr ? offline_unescape(a, json_text(v)) : NO_SLICE;
    return NO_SLICE;
}

static slice pck_chain(struct arena *a, const json *all, slice ca)
{
    const json *chains = json_at(all, S("/certificates/SGX-PCK-Certificate-Issuer-Chain"));
    slice text = json_text(json_get(chains, ca));
    return text.ptr ? offline_unescape(a, text) : NO_SLICE;
}

/* A TCB info is an object, an identity usually a text. */
static result add_answer(struct offline_items *to, const json *v, slice chain)
{
    struct collateral_item item = {.chain = chain};
    const json *answer = v;
    item.bytes = json_text(v);
    if (item.bytes.ptr && FAILED(json_parse(to->arena, item.bytes, &answer)))
        return items_refuse(to, "an identity is no JSON");
    if (!item.bytes.ptr) {
        struct text t = text_begin(to->arena);
        json_write(&t, v);
        item.bytes = text_end(&t);
        ENSURE(item.bytes.ptr, NO_MEMORY);
    }
    if (!offline_name_answer(to->arena, answer, &item.kind, &item.key))
        return items_refuse(to, "a TCB info or identity lacks its statement or its signature");
    return items_add(to, &item, false);
}

/* The early version, or else the standard one; an empty text is what the tool leaves for nothing. */
static result add_either(struct offline_items *to, const json *in, slice early, slice standard, slice chain)
{
    const json *v = json_get(in, early);
    if (!v || json_is_null(v) || (json_text(v).ptr && json_text(v).len == 0))
        v = json_get(in, standard);
    if (!v || json_is_null(v) || (json_text(v).ptr && json_text(v).len == 0))
        return OK;
    return add_answer(to, v, chain);
}

static result add_tcb_infos(struct offline_items *to, const json *all)
{
    const json *list = json_get(all, S("tcbinfos"));
    slice chain = chain_named(to->arena, all, S("TCB-Info-Issuer-Chain"), S("SGX-TCB-Info-Issuer-Chain"));
    for (const json *v = list ? json_next(list, NULL, NULL) : NULL; v; v = json_next(list, v, NULL)) {
        TRY(add_either(to, v, S("sgx_tcbinfo_early"), S("sgx_tcbinfo"), chain));
        TRY(add_either(to, v, S("tdx_tcbinfo_early"), S("tdx_tcbinfo"), chain));
        TRY(add_either(to, v, S("tcbinfo_early"), S("tcbinfo"), chain));
    }
    return OK;
}

static result add_identities(struct offline_items *to, const json *all)
{
    slice chain =
        chain_named(to->arena, all, S("SGX-Enclave-Identity-Issuer-Chain"), S("Enclave-Identity-Issuer-Chain"));
    TRY(add_either(to, all, S("qeidentity_early"), S("qeidentity"), chain));
    return add_either(to, all, S("tdqeidentity_early"), S("tdqeidentity"), chain);
}

static result add_list(struct offline_items *to, const json *hex, struct collateral_item as)
{
    slice text = json_text(hex);
    return text.len ? offline_read_list(to, text, &as, false) : OK;
}

/* Chains of the two CAs that issue PCK certificates. */
struct pck_chains {
    slice platform, processor;
};

/* One certificate of one platform for one TCB level. */
static result add_pck(struct offline_items *to, const json *platform, const json *entry,
                      const struct pck_chains *chains)
{
    struct arena *a = to->arena;
    slice tcbm = json_text(json_get(entry, S("tcbm"))), cert = json_text(json_get(entry, S("cert")));
    if (tcbm.len != 36 || !cert.len)
        return OK; /* "Not available" */
    struct collateral_item item = {.kind = S("intel/pck"), .bytes = offline_unescape(a, cert)};
    item.key =
        offline_lower(a, arena_printf(a, "%.*s/%.32s/%.4s/%.*s/-", SLICE_ARG(json_text(json_get(platform, S("qe_id")))),
                                      (const char *)tcbm.ptr, (const char *)tcbm.ptr + 32,
                                      SLICE_ARG(json_text(json_get(platform, S("pce_id"))))));
    item.chain = offline_pck_is_processor(a, item.bytes) ? chains->processor : chains->platform;
    return items_add(to, &item, false);
}

static result add_pcks(struct offline_items *to, const json *all, const struct pck_chains *chains)
{
    const json *platforms = json_get(all, S("pck_certs"));
    for (const json *p = platforms ? json_next(platforms, NULL, NULL) : NULL; p; p = json_next(platforms, p, NULL)) {
        const json *certs = json_get(p, S("certs"));
        for (const json *c = certs ? json_next(certs, NULL, NULL) : NULL; c; c = json_next(certs, c, NULL))
            TRY(add_pck(to, p, c, chains));
    }
    return OK;
}

result offline_read_pcs_tool(struct offline_items *to, const json *all)
{
    struct arena *a = to->arena;
    struct pck_chains chains = {pck_chain(a, all, S("PLATFORM")), pck_chain(a, all, S("PROCESSOR"))};
    struct collateral_item platform = {S("intel/pck-crl"), S("platform"), NO_SLICE, chains.platform};
    struct collateral_item processor = {S("intel/pck-crl"), S("processor"), NO_SLICE, chains.processor};
    struct collateral_item root = {S("intel/root-crl"), S("root"), NO_SLICE, NO_SLICE};
    TRY(add_tcb_infos(to, all));
    TRY(add_identities(to, all));
    TRY(add_list(to, json_at(all, S("/pckcacrl/platformCrl")), platform));
    TRY(add_list(to, json_at(all, S("/pckcacrl/processorCrl")), processor));
    TRY(add_list(to, json_get(all, S("rootcacrl")), root));
    return add_pcks(to, all, &chains);
}
