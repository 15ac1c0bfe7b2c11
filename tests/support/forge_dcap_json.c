/* SPDX-License-Identifier: Apache-2.0
 *
 * TCB info and QE identity as texts, signed verbatim, and the collateral's JSON.
 */
#include "tests/support/forge_dcap_inner.h"

static slice done(struct text *t)
{
    slice s = text_end(t);
    forge_must(s.ptr, "memory");
    return s;
}

static void member(struct text *t, const char *name)
{
    text_lit(t, ",");
    text_json(t, slice_text(name));
    text_lit(t, ":");
}

static void number(struct text *t, const char *name, uint64_t value)
{
    member(t, name);
    text_u64(t, value);
}

static void string(struct text *t, const char *name, const char *value)
{
    member(t, name);
    text_json(t, slice_text(value));
}

static void put_time(struct text *t, const char *name, int64_t seconds)
{
    uint8_t room[64];
    struct arena small = {.base = room, .size = sizeof room};
    slice time = forge_time(&small, seconds);
    member(t, name);
    text_json(t, time);
}

/* Intel writes hexadecimal digits in capitals. */
static void hex(struct text *t, const char *name, const void *bytes, size_t length)
{
    uint8_t room[160];
    struct arena small = {.base = room, .size = sizeof room};
    slice digits = forge_hex(&small, slice_of(bytes, length), true);
    member(t, name);
    text_json(t, digits);
}

static void components(struct text *t, const uint8_t *svn, size_t count)
{
    text_lit(t, "[");
    for (size_t i = 0; i < count; i++) {
        text_add(t, i ? S(",{\"svn\":") : S("{\"svn\":"));
        text_u64(t, svn[i]);
        text_add(t, i == 0 ? S(",\"category\":\"BIOS\",\"type\":\"Early Microcode Update\"}") : S("}"));
    }
    text_lit(t, "]");
}

static void tcb_version_2(struct text *t, const struct forge_level *l)
{
    for (size_t i = 0; i < l->sgx_count; i++) {
        text_add(t, i ? S(",\"sgxtcbcomp") : S("\"sgxtcbcomp"));
        if (i < 9)
            text_lit(t, "0");
        text_u64(t, i + 1);
        text_lit(t, "svn\":");
        text_u64(t, l->sgx[i]);
    }
    number(t, "pcesvn", l->pce_svn);
}

static void tcb_version_3(struct text *t, const struct forge_level *l)
{
    text_lit(t, "\"sgxtcbcomponents\":");
    components(t, l->sgx, l->sgx_count);
    number(t, "pcesvn", l->pce_svn);
    if (l->tdx_count) {
        member(t, "tdxtcbcomponents");
        components(t, l->tdx, l->tdx_count);
    }
}

static void tcb_isv(struct text *t, const struct forge_level *l)
{
    text_lit(t, "\"isvsvn\":");
    text_u64(t, l->isv_svn);
}

static void levels(struct text *t, const struct forge_levels *all,
                   void (*tcb)(struct text *, const struct forge_level *))
{
    member(t, "tcbLevels");
    text_lit(t, "[");
    for (size_t i = 0; i < all->count; i++) {
        const struct forge_level *l = &all->level[i];
        text_add(t, i ? S(",{\"tcb\":{") : S("{\"tcb\":{"));
        tcb(t, l);
        text_lit(t, "}");
        put_time(t, "tcbDate", l->date);
        string(t, "tcbStatus", l->status);
        for (size_t n = 0; n < FORGE_ADVISORIES_MAX && l->advisories[n]; n++) {
            text_add(t, n ? S(",") : S(",\"advisoryIDs\":["));
            text_json(t, slice_text(l->advisories[n]));
        }
        text_add(t, l->advisories[0] ? S("]}") : S("}"));
    }
    text_lit(t, "]");
}

static void module_members(struct text *t, const struct forge_module *m)
{
    text_lit(t, "\"mrsigner\":\"");
    text_hex(t, slice_of(m->mrsigner, sizeof m->mrsigner));
    text_lit(t, "\"");
    hex(t, "attributes", m->attributes, sizeof m->attributes);
    hex(t, "attributesMask", m->mask, sizeof m->mask);
}

static void modules(struct text *t, const struct forge_tcb_info *i)
{
    member(t, "tdxModuleIdentities");
    text_lit(t, "[");
    for (size_t n = 0; n < i->module_count; n++) {
        text_add(t, n ? S(",{\"id\":") : S("{\"id\":"));
        text_json(t, slice_text(i->modules[n].id));
        text_lit(t, ",");
        module_members(t, &i->modules[n]);
        levels(t, &i->modules[n].levels, tcb_isv);
        text_lit(t, "}");
    }
    text_lit(t, "]");
}

static slice tcb_info(struct arena *a, const struct forge_tcb_info *i)
{
    struct text t = text_begin(a);
    text_lit(&t, "{");
    if (i->id) {
        text_lit(&t, "\"id\":");
        text_json(&t, slice_text(i->id));
        text_lit(&t, ",");
    }
    text_lit(&t, "\"version\":");
    text_u64(&t, (uint64_t)i->version);
    put_time(&t, "issueDate", i->issued);
    put_time(&t, "nextUpdate", i->next_update);
    hex(&t, "fmspc", i->fmspc, sizeof i->fmspc);
    hex(&t, "pceId", i->pce_id, sizeof i->pce_id);
    number(&t, "tcbType", 0);
    number(&t, "tcbEvaluationDataNumber", i->evaluation_number);
    if (i->has_module) {
        text_lit(&t, ",\"tdxModule\":{");
        module_members(&t, &i->module);
        text_lit(&t, "}");
    }
    if (i->module_count)
        modules(&t, i);
    levels(&t, &i->levels, i->version < 3 ? tcb_version_2 : tcb_version_3);
    text_lit(&t, "}");
    return done(&t);
}

static slice qe_identity(struct arena *a, const struct forge_qe_identity *q)
{
    struct text t = text_begin(a);
    text_lit(&t, "{\"id\":");
    text_json(&t, slice_text(q->id));
    number(&t, "version", (uint64_t)q->version);
    put_time(&t, "issueDate", q->issued);
    put_time(&t, "nextUpdate", q->next_update);
    number(&t, "tcbEvaluationDataNumber", q->evaluation_number);
    hex(&t, "miscselect", q->misc_select, sizeof q->misc_select);
    hex(&t, "miscselectMask", q->misc_mask, sizeof q->misc_mask);
    hex(&t, "attributes", q->attributes, sizeof q->attributes);
    hex(&t, "attributesMask", q->attributes_mask, sizeof q->attributes_mask);
    hex(&t, "mrsigner", q->mrsigner, sizeof q->mrsigner);
    number(&t, "isvprodid", q->isv_prod_id);
    levels(&t, &q->levels, tcb_isv);
    text_lit(&t, "}");
    return done(&t);
}

static slice answer(struct arena *a, slice name, slice text, slice signature)
{
    struct text t = text_begin(a);
    text_lit(&t, "{");
    text_json(&t, name);
    text_lit(&t, ":");
    text_add(&t, text);
    text_lit(&t, ",\"signature\":");
    text_json(&t, signature);
    text_lit(&t, "}");
    return done(&t);
}

static slice edited(struct arena *a, slice text, forge_edit edit)
{
    return edit ? edit(a, text) : text;
}

void forge_dcap_statements(struct arena *a, const struct forge_dcap_keys *keys, const struct forge_dcap *k,
                           struct forge_dcap_out *out)
{
    slice text = edited(a, tcb_info(a, &k->tcb_info), k->tcb_info.edit);
    out->tcb_info_signature = forge_hex(a, forge_sign_raw(a, keys->key[k->tcb_info_signer], text), false);
    out->tcb_info = edited(a, text, k->tcb_info.edit_signed);
    out->tcb_answer = answer(a, S("tcbInfo"), out->tcb_info, out->tcb_info_signature);
    text = edited(a, qe_identity(a, &k->qe_identity), k->qe_identity.edit);
    out->qe_identity_signature = forge_hex(a, forge_sign_raw(a, keys->key[k->qe_identity_signer], text), false);
    out->qe_identity = edited(a, text, k->qe_identity.edit_signed);
    out->qe_answer = answer(a, S("enclaveIdentity"), out->qe_identity, out->qe_identity_signature);
}

/* Texts may have NULs in them, which JSON escapes. */
static void put(struct text *t, const char *name, slice value)
{
    if (!value.ptr)
        return;
    member(t, name);
    text_json(t, value);
}

static void put_hex(struct text *t, const char *name, slice value)
{
    if (!value.ptr)
        return;
    member(t, name);
    text_lit(t, "\"");
    text_hex(t, value);
    text_lit(t, "\"");
}

slice forge_dcap_collateral(struct arena *a, const struct forge_dcap *k, const struct forge_dcap_out *out)
{
    struct text t = text_begin(a);
    text_lit(&t, "{\"pck_crl_issuer_chain\":");
    text_json(&t, out->pck_crl_chain);
    put_hex(&t, "root_ca_crl", out->root_crl);
    put_hex(&t, "pck_crl", out->pck_crl);
    put(&t, "tcb_info_issuer_chain", out->tcb_chain);
    put(&t, "tcb_info", out->tcb_info);
    put(&t, "tcb_info_signature", out->tcb_info_signature);
    put(&t, "qe_identity_issuer_chain", out->tcb_chain);
    put(&t, "qe_identity", out->qe_identity);
    put(&t, "qe_identity_signature", out->qe_identity_signature);
    if (k->certification_type != 5 && !k->no_pck_chain)
        put(&t, "pck_certificate_chain", out->pck_chain);
    text_lit(&t, "}");
    return done(&t);
}
