/* SPDX-License-Identifier: Apache-2.0
 *
 * The facade of verifiers, for collateral. What a verifier says about an item is not believed before it makes sense.
 */
#include "core/plugin/internal.h"

static result refuse_item(const struct trustee_request *req, slice text)
{
    if (req->record)
        record_refuse(req->record, ATTEST_REFUSED, text);
    return FAIL(ATTEST_REFUSED);
}

static result take_facts(const struct verifier *v, struct trustee_request *req, int64_t now,
                         const trustee_collateral_facts *facts)
{
    if (req->rejected)
        return refuse_item(req, S("the verifier rejected the item, and then called it genuine"));
    if (facts->issued < 0 || facts->not_after < 0 || (facts->not_after && facts->not_after < facts->issued))
        return plugin_breach(v->plugin, req, PLUGIN_FAULT, "facts of collateral that make no sense");
    if (facts->issued > now)
        return refuse_item(req, S("the item was issued in the future"));
    return OK;
}

result verifier_judge_collateral(const struct verifier *v, struct trustee_request *req, const trustee_collateral *item,
                                 int64_t now, trustee_collateral_facts *out)
{
    trustee_collateral_facts facts = {.size = sizeof facts};
    *out = (trustee_collateral_facts){.size = sizeof *out};
    ENSURE(v->plugin->verifier->judge_collateral, PLUGIN_NOT_SUPPORTED);
    req->rejected = false;
    struct visit visit = plugin_enter(v->plugin, req);
    trustee_status status = v->plugin->verifier->judge_collateral(v->plugin->instance, req, item, now, &facts);
    plugin_leave(&visit);
    switch (status) {
    case TRUSTEE_OK:
        TRY(take_facts(v, req, now, &facts));
        out->issued = facts.issued;
        out->not_after = facts.not_after;
        out->number = facts.number;
        return OK;
    case TRUSTEE_REJECT:
        return refuse_item(req, S("the verifier gave no reason"));
    case TRUSTEE_E_NOTSUP:
        return FAIL(PLUGIN_NOT_SUPPORTED);
    default:
        return plugin_fault(v->plugin, req, PLUGIN_FAULT, "judge_collateral", status);
    }
}

bool plugins_take_collateral(const struct plugins *p)
{
    for (size_t i = 0; i < p->verifier_count; i++)
        if (p->verifiers[i].plugin->verifier->judge_collateral)
            return true;
    return false;
}

/* A plugin with several TEEs is asked once. */
static bool was_asked(const struct plugins *p, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (p->verifiers[i].plugin == p->verifiers[index].plugin)
            return true;
    return false;
}

result plugins_judge_collateral(const struct plugins *p, struct trustee_request *req, const trustee_collateral *item,
                                int64_t now, trustee_collateral_facts *out)
{
    result worst = FAIL(PLUGIN_NOT_SUPPORTED);
    *out = (trustee_collateral_facts){.size = sizeof *out};
    for (size_t i = 0; i < p->verifier_count; i++) {
        if (was_asked(p, i))
            continue;
        result r = verifier_judge_collateral(&p->verifiers[i], req, item, now, out);
        if (!FAILED(r))
            return OK;
        if (r.reason != PLUGIN_NOT_SUPPORTED)
            worst = r;
    }
    return worst;
}
