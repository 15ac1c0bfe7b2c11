/* SPDX-License-Identifier: Apache-2.0
 *
 * Calling into a plugin, and what to make of it when it misbehaves.
 */
#include "core/plugin/internal.h"

#include "core/log/log.h"

#define NODES_MAX 65536u /* an event of a measurement log takes a dozen */
#define NODES_MIN 16u

struct visit plugin_enter(struct plugin *p, struct trustee_request *req)
{
    struct visit v = {p, req, req ? req->plugin : NULL};
    if (p->about.thread_model == TRUSTEE_THREADS_SERIAL)
        pthread_mutex_lock(&p->turn);
    if (req)
        req->plugin = p;
    return v;
}

void plugin_leave(const struct visit *v)
{
    if (v->req)
        v->req->plugin = v->before;
    if (v->plugin->about.thread_model == TRUSTEE_THREADS_SERIAL)
        pthread_mutex_unlock(&v->plugin->turn);
}

static result fail_with(const struct plugin *p, struct trustee_request *req, enum reason why, const char *text)
{
    log_warn("plugin", "%s: %s", p->name, text);
    if (req && req->record)
        record_refuse(req->record, why, slice_text(text));
    return FAIL((uint16_t)why);
}

result plugin_fault(const struct plugin *p, struct trustee_request *req, enum reason why, const char *function,
                    trustee_status status)
{
    char text[128];
    (void)snprintf(text, sizeof text, "%s of plugin %s answered %s", function, p->name, status_name(status));
    return fail_with(p, req, status == TRUSTEE_E_NOMEM ? NO_MEMORY : why, text);
}

result plugin_breach(const struct plugin *p, struct trustee_request *req, enum reason why, const char *what)
{
    char text[256];
    (void)snprintf(text, sizeof text, "plugin %s broke its contract: %s", p->name, what);
    return fail_with(p, req, why, text);
}

result claims_begin_in(struct trustee_writer *w, struct arena *scratch)
{
    size_t room = (scratch->size - scratch->used) / 4 / sizeof(node);
    ENSURE(room >= NODES_MIN, NO_MEMORY);
    return claims_begin(w, scratch, room < NODES_MAX ? room : NODES_MAX);
}
