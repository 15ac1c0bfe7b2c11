/* SPDX-License-Identifier: Apache-2.0
 *
 * The facade of policy engines.
 */
#include "core/plugin/internal.h"

const struct engine *plugins_engine(const struct plugins *p, slice language)
{
    for (size_t i = 0; i < p->engine_count; i++)
        if (slice_equal(p->engines[i].plugin->policy->language, language))
            return &p->engines[i];
    return NULL;
}

slice engine_sha256(const struct engine *e)
{
    return slice_text(e->plugin->sha256);
}

slice engine_suffix(const struct engine *e)
{
    return e->plugin->policy->suffix;
}

/* The engine's text in a form that may be shown: one line, UTF-8. */
static void take_error(const trustee_policy_error *from, struct policy_error *out)
{
    size_t length = from->length < sizeof out->text - 1 ? from->length : sizeof out->text - 1;
    out->text[length] = 0;
    out->line = from->line;
    out->column = from->column;
    for (size_t i = 0; i < length; i++)
        if ((uint8_t)out->text[i] < 32)
            out->text[i] = ' ';
    while (length && !slice_is_utf8(slice_of(out->text, length)))
        out->text[--length] = 0;
}

static result compile_answer(const struct engine *e, trustee_status status, void *policy,
                             const trustee_policy_info *info)
{
    switch (status) {
    case TRUSTEE_OK:
        break;
    case TRUSTEE_REJECT:
        return FAIL(POLICY_REFUSED);
    case TRUSTEE_E_LIMIT:
        return FAIL(POLICY_LIMIT);
    default:
        return plugin_fault(e->plugin, NULL, POLICY_FAULT, "compile", status);
    }
    if (policy && slice_is_sane(info->reads, UINT32_MAX) && slice_is_utf8(info->reads))
        return OK;
    return plugin_breach(e->plugin, NULL, POLICY_FAULT, "a compiled policy without handle, or with bad information");
}

result engine_compile(const struct engine *e, slice name, slice text, void **policy, trustee_policy_info *info,
                      struct policy_error *error)
{
    *error = (struct policy_error){0};
    *info = (trustee_policy_info){.size = sizeof *info};
    trustee_policy_error found = {
        .size = sizeof found, .room = (uint8_t *)error->text, .capacity = sizeof error->text - 1};
    void *made = NULL;
    *policy = NULL;
    struct visit visit = plugin_enter(e->plugin, NULL);
    trustee_status status = e->plugin->policy->compile(e->plugin->instance, name, text, &made, info, &found);
    plugin_leave(&visit);
    take_error(&found, error);
    result r = compile_answer(e, status, made, info);
    if (!FAILED(r))
        *policy = made;
    return r;
}

void engine_release(const struct engine *e, void *policy)
{
    if (!policy)
        return;
    struct visit visit = plugin_enter(e->plugin, NULL);
    e->plugin->policy->release(e->plugin->instance, policy);
    plugin_leave(&visit);
}

static bool was_asked(const trustee_policy_in *in, slice rule)
{
    for (uint32_t i = 0; i < in->rule_count; i++)
        if (slice_equal(in->rules[i], rule))
            return true;
    return false;
}

static result take_answer(const struct engine *e, struct trustee_request *req, struct trustee_writer *w,
                          const trustee_policy_in *in, tree *out)
{
    if (w->depth != 1)
        w->failed = true;
    result r = claims_end(w, out);
    if (r.reason == NO_MEMORY)
        return r;
    if (FAILED(r))
        return plugin_breach(e->plugin, req, POLICY_FAULT, "an answer that is not well-formed");
    const node *root = tree_root(*out);
    for (const node *n = tree_next(*out, root, NULL); n; n = tree_next(*out, root, n))
        if (!was_asked(in, n->key))
            return plugin_breach(e->plugin, req, POLICY_FAULT, "an answer to a rule that was not asked for");
    return OK;
}

result engine_evaluate(const struct engine *e, struct trustee_request *req, void *policy, const trustee_policy_in *in,
                       tree *out)
{
    struct trustee_writer w;
    trustee_policy_in given = *in;
    given.size = sizeof given;
    *out = (tree){NULL, 0};
    TRY(claims_begin_in(&w, req->scratch));
    struct visit visit = plugin_enter(e->plugin, req);
    trustee_status status = e->plugin->policy->evaluate(e->plugin->instance, req, policy, &given, &w);
    plugin_leave(&visit);
    if (status == TRUSTEE_E_LIMIT)
        return FAIL(POLICY_LIMIT);
    if (status != TRUSTEE_OK)
        return plugin_fault(e->plugin, req, POLICY_FAULT, "evaluate", status);
    result r = take_answer(e, req, &w, in, out);
    if (FAILED(r))
        *out = (tree){NULL, 0};
    return r;
}
