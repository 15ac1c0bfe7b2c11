/* SPDX-License-Identifier: Apache-2.0
 *
 * Administrators at the door, and the records of what they did.
 */
#include "core/api/api.h"

#include "core/clock/clock.h"
#include "core/log/log.h"

const char *api_method_name(enum http_method m)
{
    switch (m) {
    case HTTP_METHOD_GET:
        return "GET";
    case HTTP_METHOD_POST:
        return "POST";
    case HTTP_METHOD_PUT:
        return "PUT";
    case HTTP_METHOD_DELETE:
        return "DELETE";
    }
    return "?";
}

/* Upstream's words for why an administrator was refused. */
static slice refusal_source(enum reason why)
{
    switch ((int)why) {
    case ADMIN_MISSING:
        return S("Failed to parse HTTP Auth Bearer header");
    case ADMIN_TOKEN:
        return S("Admin access denied: Cannot verify token with any of the issuers");
    case ADMIN_ROLE:
        return S(
            "Admin access denied: Failed to parse claims from token: AdminAccessDenied { reason: \"Missing required "
            "`role` claim in JWT\" }");
    default:
        return S("Admin access denied: the role may not do this");
    }
}

static void refuse(struct http_exchange *x, enum reason why)
{
    struct record r;
    struct arena *a = &x->slot->scratch;
    slice source = refusal_source(why), name = slice_text(x->request.route->name);
    bool plugin = slice_equal(name, S("resource"));
    slice detail =
        plugin ? arena_printf(a, "failed to initialize [admin] configuration: %.*s", SLICE_ARG(source))
               : arena_printf(a, "admin access denied for endpoint %.*s: %.*s", SLICE_ARG(name), SLICE_ARG(source));
    record_begin(&r, a, "administration", x->id);
    r.path = x->request.path;
    record_refuse(&r, why, NO_SLICE);
    api_record_end(x, &r, false);
    reply_refusal(x, why, &(struct api_refusal){plugin ? "AdminAuthInitialization" : "AdminAuthAccess", detail});
}

bool api_authorize(struct http_exchange *x)
{
    struct admin_who *who = arena_new(&x->slot->scratch, struct admin_who);
    if (!who) {
        refuse(x, NO_MEMORY);
        return false;
    }
    result r = admin_judge(service_of(x)->admins, x->request.authorization, api_method_name(x->request.method),
                           x->request.path, clock_wall(), &x->slot->scratch, who);
    if (FAILED(r)) {
        refuse(x, r.reason);
        return false;
    }
    x->note = who;
    return true;
}

void api_record_admin(struct http_exchange *x, struct record *r)
{
    const struct admin_who *who = x->note;
    r->path =
        arena_printf(&x->slot->scratch, "%s %.*s", api_method_name(x->request.method), SLICE_ARG(x->request.path));
    if (who)
        r->subject = arena_printf(&x->slot->scratch, "%.*s (role %.*s, key %.*s)", SLICE_ARG(who->subject),
                                  SLICE_ARG(who->role), SLICE_ARG(who->key_name));
}

void api_record_end(struct http_exchange *x, struct record *r, bool trusted)
{
    char id[33] = "";
    r->peer = x->request.peer;
    if (r->reason.len) {
        hex_encode((uint8_t *)id, slice_of(r->id, sizeof r->id));
        log_info("decision", "%s refused: %.*s: %.*s (trusteectl explain %s)", r->kind, SLICE_ARG(r->reason),
                 SLICE_ARG(r->text), id);
        const trustee_reason *own = plugins_reason(service_of(x)->plugins, r->reason);
        if (own && !r->remedy.len)
            r->remedy = own->remedy;
    }
    records_add(service_of(x)->records, r, trusted);
}

/* Upstream's answers for paths that nothing serves. */
void api_fallback(struct http_exchange *x)
{
    static const char *const built_in[] = {"auth", "attest", "resource-policy", "attestation-policy",
                                           "reference-value"};
    slice rest = x->request.path, name;
    if (!slice_starts(rest, S("/kbs/v0/"))) {
        slice detail = S("nothing is served at this path; see /healthz, /readyz, /metrics and /kbs/v0/");
        reply_refusal(x, HTTP_NO_ROUTE, &(struct api_refusal){"InvalidRequestPath", detail});
        return;
    }
    rest = slice_sub(rest, sizeof "/kbs/v0/" - 1, rest.len);
    if (!slice_split(&rest, '/', &name))
        name = NO_SLICE;
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++)
        if (slice_equal(name, slice_text(built_in[i]))) {
            slice detail = arena_printf(&x->slot->scratch, "Plugin %s not found", built_in[i]);
            reply_refusal(x, RELEASE_NO_PLUGIN, &(struct api_refusal){"PluginNotFound", detail});
            return;
        }
    api_unknown_plugin(x);
}
