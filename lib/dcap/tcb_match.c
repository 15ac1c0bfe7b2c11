/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/tcb_info.h"

/* Where tee_tcb_svn holds what. */
#define MODULE_SVN 0
#define MODULE_VERSION 1
#define AFTER_MODULE 2

static bool covers(const uint8_t *have, const uint8_t *need, size_t from)
{
    for (size_t i = from; i < COMPONENTS; i++)
        if (have[i] < need[i])
            return false;
    return true;
}

/* `svn` is tee_tcb_svn, NULL for SGX. A module that has a version has an identity with levels of its own, and then the
 * platform's first two components say nothing of it. */
static const struct platform_level *find_level(const struct tcb_info *t, const struct pck *pck, const uint8_t *svn)
{
    size_t from = svn && svn[MODULE_VERSION] > 0 ? AFTER_MODULE : 0;
    for (size_t i = 0; i < t->level_count; i++) {
        const struct platform_level *l = &t->levels[i];
        if (covers(pck->components, l->sgx, 0) && pck->pce_svn >= l->common.svn && (!svn || covers(svn, l->tdx, from)))
            return l;
    }
    return NULL;
}

static const struct tdx_module *find_module(const struct tcb_info *t, uint8_t version)
{
    for (size_t i = 0; i < t->module_count; i++)
        if (t->modules[i].version == version)
            return &t->modules[i];
    return NULL;
}

/* Intel's library takes no SEAM attributes but zero, whatever the mask says. */
static bool is_module(const struct tdx_module *m, const struct td_report *td)
{
    static const uint8_t zero[8];
    return slice_equal(td->mrsigner_seam, slice_of(m->mrsigner, sizeof m->mrsigner)) &&
           slice_equal(td->seam_attributes, slice_of(m->attributes, sizeof m->attributes)) &&
           slice_equal(td->seam_attributes, slice_of(zero, sizeof zero));
}

static result judge_tdx(const struct tcb_info *t, const struct pck *pck, const uint8_t *svn,
                        struct tcb_verdict *platform, struct tcb_verdict *module)
{
    const struct platform_level *level = find_level(t, pck, svn);
    ENSURE(level, DCAP_TCB_NO_LEVEL);
    level_verdict(&level->common, platform);
    if (svn[MODULE_VERSION] == 0)
        return OK;
    const struct tdx_module *m = find_module(t, svn[MODULE_VERSION]);
    ENSURE(m, DCAP_TDX_MODULE);
    const struct tcb_level *module_level = isv_levels_find(&m->levels, svn[MODULE_SVN]);
    ENSURE(module_level, DCAP_TDX_MODULE_NO_LEVEL);
    level_verdict(module_level, module);
    return OK;
}

static result judge_report(const struct tcb_info *t, const struct pck *pck, const struct td_report *td,
                           struct platform_verdict *out)
{
    const uint8_t *launched = td->tee_tcb_svn.ptr, *now = td->tee_tcb_svn2.ptr;
    const struct tdx_module *m = find_module(t, launched[MODULE_VERSION]);
    ENSURE(m && is_module(m, td), DCAP_TDX_MODULE);
    out->has_module = launched[MODULE_VERSION] > 0;
    TRY(judge_tdx(t, pck, launched, &out->platform, &out->module));
    if (!now)
        return OK;
    out->has_current = true;
    out->has_current_module = now[MODULE_VERSION] > 0;
    return judge_tdx(t, pck, now, &out->current_platform, &out->current_module);
}

result tcb_info_judge(const struct tcb_info *t, const struct pck *pck, const struct td_report *td,
                      struct platform_verdict *out)
{
    out->has_module = out->has_current = out->has_current_module = false;
    ENSURE(t->tdx == (td != NULL), DCAP_TCB_ID);
    ENSURE(memcmp(t->fmspc, pck->fmspc, sizeof t->fmspc) == 0, DCAP_TCB_FMSPC);
    ENSURE(memcmp(t->pce_id, pck->pce_id, sizeof t->pce_id) == 0, DCAP_TCB_PCEID);
    if (td)
        return judge_report(t, pck, td, out);
    const struct platform_level *level = find_level(t, pck, NULL);
    ENSURE(level, DCAP_TCB_NO_LEVEL);
    level_verdict(&level->common, &out->platform);
    return OK;
}
