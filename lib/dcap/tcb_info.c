/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/tcb_info.h"

#include <stdlib.h>

#include "lib/dcap/fields.h"
#include "lib/dcap/statement.h"

/* --- levels of the platform -----------------------------------------------------------------------------------------
 */

/* Version 3: [{"svn":…}, …], exactly 16. */
static bool read_components(const json *list, uint8_t out[COMPONENTS])
{
    uint64_t svn;
    size_t n = 0;
    if (json_type(list) != TRUSTEE_NODE_ARRAY || json_count(list) != COMPONENTS)
        return false;
    for (const json *c = json_next(list, NULL, NULL); c; c = json_next(list, c, NULL)) {
        if (!field_number(c, S("svn"), UINT8_MAX, &svn))
            return false;
        out[n++] = (uint8_t)svn;
    }
    return true;
}

/* Version 2: "sgxtcbcomp01svn" to "sgxtcbcomp16svn". */
static bool read_named_components(const json *tcb, uint8_t out[COMPONENTS])
{
    uint64_t svn;
    char name[] = "sgxtcbcomp00svn";
    for (int i = 0; i < COMPONENTS; i++) {
        name[10] = (char)('0' + (i + 1) / 10);
        name[11] = (char)('0' + (i + 1) % 10);
        if (!field_number(tcb, slice_of(name, sizeof name - 1), UINT8_MAX, &svn))
            return false;
        out[i] = (uint8_t)svn;
    }
    return true;
}

#define STATUSES_OF_PLATFORMS                                                                           \
    (STATUSES_OF_MODULES | STATUS_BIT(TCB_SW_HARDENING_NEEDED) | STATUS_BIT(TCB_CONFIGURATION_NEEDED) | \
     STATUS_BIT(TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED) | STATUS_BIT(TCB_OUT_OF_DATE_CONFIGURATION_NEEDED))

static bool read_level(const json *level, unsigned version, const struct tcb_info *t, struct block *b,
                       struct platform_level *out)
{
    uint64_t pce_svn;
    const json *tcb = json_get(level, S("tcb"));
    bool sgx = version == 2 ? read_named_components(tcb, out->sgx)
                            : read_components(json_get(tcb, S("sgxtcbcomponents")), out->sgx);
    if (!sgx || (t->tdx && !read_components(json_get(tcb, S("tdxtcbcomponents")), out->tdx)))
        return false;
    if (!field_number(tcb, S("pcesvn"), UINT16_MAX, &pce_svn) ||
        !level_read(level, STATUSES_OF_PLATFORMS, b, &out->common))
        return false;
    out->common.svn = (uint16_t)pce_svn;
    return true;
}

/* Above 0: `a` comes first. */
static int compare(const struct platform_level *a, const struct platform_level *b)
{
    int order = memcmp(a->sgx, b->sgx, COMPONENTS);
    if (order == 0)
        order = a->common.svn - b->common.svn;
    return order ? order : memcmp(a->tdx, b->tdx, COMPONENTS);
}

/* Puts the last of `count` levels where it belongs; Intel's lists are sorted already. False: it is there twice. */
static bool put_in_order(struct platform_level *levels, size_t count)
{
    struct platform_level last = levels[count - 1];
    size_t at = count - 1;
    int order = 1;
    while (at > 0 && (order = compare(&last, &levels[at - 1])) > 0) {
        levels[at] = levels[at - 1];
        at--;
    }
    levels[at] = last;
    return order != 0;
}

static bool read_levels(const json *list, unsigned version, struct block *b, struct tcb_info *t)
{
    t->levels = block_take(b, json_count(list), sizeof *t->levels);
    if (!t->levels)
        return false;
    for (const json *l = json_next(list, NULL, NULL); l; l = json_next(list, l, NULL))
        if (!read_level(l, version, t, b, &t->levels[t->level_count++]) || !put_in_order(t->levels, t->level_count))
            return false;
    return true;
}

/* --- TDX modules ----------------------------------------------------------------------------------------------------
 */

static bool read_module_identity(const json *m, struct tdx_module *out)
{
    uint8_t mask[8];
    return field_hex(m, S("mrsigner"), out->mrsigner, sizeof out->mrsigner) &&
           field_hex(m, S("attributes"), out->attributes, sizeof out->attributes) &&
           field_hex(m, S("attributesMask"), mask, sizeof mask);
}

/* "TDX_" and two hex digits, of either case. */
static bool read_version(const json *id, uint8_t *out)
{
    size_t length;
    slice text = json_text(id);
    return text.len == 6 && slice_equal_nocase(slice_sub(text, 0, 4), S("TDX_")) &&
           hex_decode(out, 1, slice_sub(text, 4, 2), &length) && *out > 0;
}

static bool read_module(const json *m, struct block *b, struct tcb_info *t)
{
    struct tdx_module *out = &t->modules[t->module_count];
    const json *levels = field_list(m, S("tcbLevels"), LEVELS_MAX);
    if (!levels || !read_version(json_get(m, S("id")), &out->version) || !read_module_identity(m, out) ||
        !isv_levels_read(levels, b, &out->levels))
        return false;
    for (size_t i = 0; i < t->module_count; i++)
        if (t->modules[i].version == out->version)
            return false;
    t->module_count++;
    return true;
}

static bool read_modules(const json *body, struct block *b, struct tcb_info *t)
{
    const json *list = json_get(body, S("tdxModuleIdentities"));
    t->modules = block_take(b, 1 + json_count(list), sizeof *t->modules);
    if (!t->modules || !read_module_identity(json_get(body, S("tdxModule")), &t->modules[0]))
        return false;
    t->module_count = 1;
    for (const json *m = json_next(list, NULL, NULL); m; m = json_next(list, m, NULL))
        if (!read_module(m, b, t))
            return false;
    return true;
}

/* --- the whole ------------------------------------------------------------------------------------------------------
 */

/* Bytes that everything in the lists takes. */
static size_t weigh(const json *levels, const json *modules)
{
    size_t weight = json_count(levels) * sizeof(struct platform_level) + levels_weight(levels) +
                    (1 + json_count(modules)) * sizeof(struct tdx_module);
    for (const json *m = json_next(modules, NULL, NULL); m; m = json_next(modules, m, NULL))
        weight += isv_levels_weight(json_get(m, S("tcbLevels")));
    return weight;
}

/* Version 2 is SGX's alone and does not say so. */
static bool read_kind(const json *body, unsigned *version, bool *tdx)
{
    uint64_t number;
    if (!field_number(body, S("version"), 3, &number) || number < 2)
        return false;
    *version = (unsigned)number;
    *tdx = number == 3 && field_is(body, S("id"), S("TDX"));
    return *tdx || field_is(body, S("id"), S("SGX")) || (number == 2 && !field_exists(body, S("id")));
}

/* tcbType 0, the only one there is: components are compared one by one. */
static bool read_head(const json *body, struct tcb_info *t)
{
    uint64_t type;
    return statement_dates(body, &t->statement) && field_hex(body, S("fmspc"), t->fmspc, sizeof t->fmspc) &&
           field_hex(body, S("pceId"), t->pce_id, sizeof t->pce_id) && field_number(body, S("tcbType"), 0, &type);
}

result tcb_info_read(const json *body, struct tcb_info **out)
{
    unsigned version;
    bool tdx;
    const json *levels = field_list(body, S("tcbLevels"), LEVELS_MAX);
    const json *modules = field_list(body, S("tdxModuleIdentities"), TDX_MODULES_MAX);
    ENSURE(levels && read_kind(body, &version, &tdx), DCAP_COLLATERAL_FORM);
    ENSURE(modules || !field_exists(body, S("tdxModuleIdentities")), DCAP_COLLATERAL_FORM);
    ENSURE(tdx || (!modules && !field_exists(body, S("tdxModule"))), DCAP_COLLATERAL_FORM);
    size_t weight = weigh(levels, modules);
    struct tcb_info *t = calloc(1, sizeof *t + weight);
    ENSURE(t, NO_MEMORY);
    struct block b = {(uint8_t *)(t + 1), weight};
    t->tdx = tdx;
    if (!read_head(body, t) || !read_levels(levels, version, &b, t) || (tdx && !read_modules(body, &b, t))) {
        free(t);
        return FAIL(DCAP_COLLATERAL_FORM);
    }
    *out = t;
    return OK;
}

static result make(const struct statement *s, struct tcb_signer *signer, struct tcb_info **out)
{
    TRY(statement_verify(s, signer));
    TRY(tcb_info_read(s->body, out));
    (*out)->signer = tcb_signer_hold(signer);
    (*out)->statement.signer = tcb_signer_path(signer);
    return OK;
}

result tcb_info_new_by(struct tcb_signer *signer, slice answer, struct arena *scratch, struct tcb_info **out)
{
    struct statement s;
    size_t used = scratch->used;
    *out = NULL;
    result r = statement_read(answer, S("tcbInfo"), scratch, &s);
    if (!FAILED(r))
        r = make(&s, signer, out);
    scratch->used = used;
    return r;
}

result tcb_info_new(const struct x509_trust *trust, slice answer, slice chain, struct arena *scratch,
                    struct tcb_info **out)
{
    struct statement s;
    struct tcb_signer *signer = NULL;
    size_t used = scratch->used;
    *out = NULL;
    result r = statement_read(answer, S("tcbInfo"), scratch, &s);
    if (!FAILED(r))
        r = tcb_signer_new(trust, chain, scratch, &signer);
    if (!FAILED(r))
        r = make(&s, signer, out);
    tcb_signer_release(signer);
    scratch->used = used;
    return r;
}

void tcb_info_free(struct tcb_info *t)
{
    if (t)
        tcb_signer_release(t->signer);
    free(t);
}

const struct dcap_statement *tcb_info_statement(const struct tcb_info *t)
{
    return &t->statement;
}

bool tcb_info_is_tdx(const struct tcb_info *t)
{
    return t->tdx;
}

slice tcb_info_fmspc(const struct tcb_info *t)
{
    return slice_of(t->fmspc, sizeof t->fmspc);
}

slice tcb_info_pce_id(const struct tcb_info *t)
{
    return slice_of(t->pce_id, sizeof t->pce_id);
}
