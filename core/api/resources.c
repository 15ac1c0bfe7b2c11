/* SPDX-License-Identifier: Apache-2.0
 *
 * GET, POST and DELETE resource: interface §1.2 E3 to E6 and E12.
 */
#include "core/api/api.h"

#include "core/release/release.h"

/* --- a workload asks ---------------------------------------------------------------------------------------------- */
static struct api_refusal guest_refusal(enum reason why)
{
    switch (reason_class(why)) {
    case CLASS_AUTHENTICATION:
        if (why == TOKEN_MISSING)
            return (struct api_refusal){"TokenNotFound", S("Attestation Token not found")};
        return (struct api_refusal){"TokenVerifierError", S("Token Verifier error")};
    case CLASS_POLICY:
        return (struct api_refusal){"PolicyDeny", S("Access denied by policy")};
    default:
        if (why == RELEASE_JWE)
            return (struct api_refusal){"JweError", S("JWE failed")};
        return (struct api_refusal){"PluginInternalError", S("Plugin internal error")};
    }
}

static void guest_refuse(struct http_exchange *x, struct record *r, enum reason why)
{
    struct api_refusal as = guest_refusal(why);
    api_record_end(x, r, false);
    reply_refusal(x, why, &as);
}

/* What is handed over when the release goes on on a pool thread. */
struct pending {
    struct record record;
    struct token token;
    slice jwe;
    result outcome;
};

static void release_work(struct http_exchange *x)
{
    struct pending *p = x->note;
    p->outcome = release(x, &p->token, &p->record, &p->jwe);
}

static void release_done(struct http_exchange *x)
{
    struct pending *p = x->note;
    if (FAILED(p->outcome)) {
        guest_refuse(x, &p->record, p->outcome.reason);
        return;
    }
    p->record.allowed = true;
    metrics_add(service_of(x)->metrics, METRIC_RESOURCE_READS);
    api_record_end(x, &p->record, true);
    reply_ok(x, "application/json", p->jwe);
}

static struct pending *guest_begin(struct http_exchange *x)
{
    struct pending *p = arena_new(&x->slot->scratch, struct pending);
    if (!p) {
        reply_refusal(x, NO_MEMORY, &(struct api_refusal){"PluginInternalError", S("Plugin internal error")});
        return NULL;
    }
    *p = (struct pending){.jwe = NO_SLICE};
    record_begin(&p->record, &x->slot->scratch, "release", x->id);
    p->record.path = x->request.path;
    x->note = p;
    result r = release_token(x, &p->record, &p->token);
    if (!FAILED(r))
        return p;
    guest_refuse(x, &p->record, r.reason);
    return NULL;
}

void api_resource_get(struct http_exchange *x)
{
    struct pending *p = guest_begin(x);
    if (!p)
        return;
    const struct service *s = service_of(x);
    if (store_flags(s->store) & TRUSTEE_STORAGE_BLOCKING_GET || policies_slow(s->policies, POLICY_RESOURCE)) {
        http_offload(x, release_work, release_done);
        return;
    }
    release_work(x);
    if (p->outcome.reason == POLICY_SLOW) {
        http_offload(x, release_work, release_done);
        return;
    }
    release_done(x);
}

void api_resource_put(struct http_exchange *x)
{
    if (!guest_begin(x))
        return;
    struct http_reply reply = {.status = 405,
                               .allow = "GET, POST, DELETE",
                               .content_type = "application/json",
                               .body = reply_error_body(x, HTTP_METHOD)};
    http_reply(x, &reply);
}

/* A plugin that nobody knows is said to be unknown only to those who may know. */
void api_unknown_plugin(struct http_exchange *x)
{
    struct pending *p = guest_begin(x);
    if (!p)
        return;
    slice name, rest = slice_sub(x->request.path, sizeof "/kbs/v0/" - 1, x->request.path.len);
    if (!slice_split(&rest, '/', &name))
        name = NO_SLICE;
    if (slice_equal(name, S("resource"))) {
        record_refuse(&p->record, RELEASE_PATH, NO_SLICE);
        guest_refuse(x, &p->record, RELEASE_PATH);
        return;
    }
    slice detail = arena_printf(&x->slot->scratch, "Plugin %.*s not found", SLICE_ARG(slice_sub(name, 0, 128)));
    record_refuse(&p->record, RELEASE_NO_PLUGIN, NO_SLICE);
    api_record_end(x, &p->record, false);
    reply_refusal(x, RELEASE_NO_PLUGIN, &(struct api_refusal){"PluginNotFound", detail});
}

/* --- an administrator changes ---------------------------------------------------------------------------------------
 */
struct change {
    struct record record;
    struct trustee_request req;
    result outcome;
    bool remove;
};

static void change_work(struct http_exchange *x)
{
    struct change *c = x->note;
    const struct store *store = service_of(x)->store;
    request_begin(&c->req, &x->slot->scratch, NULL, &c->record, 0);
    c->outcome = c->remove ? store_delete(store, &c->req, S("repository"), x->request.rest)
                           : store_put(store, &c->req, S("repository"), x->request.rest, x->request.body);
    request_end(&c->req);
}

static void change_done(struct http_exchange *x)
{
    struct change *c = x->note;
    if (FAILED(c->outcome)) {
        record_refuse(&c->record, c->outcome.reason, NO_SLICE);
        api_record_end(x, &c->record, true);
        reply_refusal(x, c->outcome.reason, &(struct api_refusal){"PluginInternalError", S("Plugin internal error")});
        return;
    }
    c->record.allowed = true;
    metrics_add(service_of(x)->metrics, c->remove ? METRIC_RESOURCE_DELETES : METRIC_RESOURCE_WRITES);
    api_record_end(x, &c->record, true);
    reply_ok(x, "text/xml", NO_SLICE);
}

static void change(struct http_exchange *x, bool remove)
{
    struct change *c = arena_new(&x->slot->scratch, struct change);
    if (!c) {
        reply_refusal(x, NO_MEMORY, &(struct api_refusal){"PluginInternalError", S("Plugin internal error")});
        return;
    }
    *c = (struct change){.remove = remove};
    record_begin(&c->record, &x->slot->scratch, "administration", x->id);
    api_record_admin(x, &c->record);
    x->note = c;
    if (!resource_path_is_valid(x->request.rest)) {
        c->outcome = FAIL(RELEASE_PATH);
        change_done(x);
        return;
    }
    if (store_flags(service_of(x)->store) & TRUSTEE_STORAGE_BLOCKING_PUT) {
        http_offload(x, change_work, change_done);
        return;
    }
    change_work(x);
    change_done(x);
}

void api_resource_post(struct http_exchange *x)
{
    change(x, false);
}

void api_resource_delete(struct http_exchange *x)
{
    change(x, true);
}

struct listing {
    struct text text;
    result outcome;
    bool any;
};

static void list_name(void *user, slice name, uint64_t size)
{
    struct listing *l = user;
    text_add(&l->text, l->any ? S(",{\"path\":") : S("{\"path\":"));
    text_json(&l->text, name);
    text_lit(&l->text, ",\"size\":");
    text_u64(&l->text, size);
    text_lit(&l->text, "}");
    l->any = true;
}

static void list_work(struct http_exchange *x)
{
    struct trustee_request req;
    struct listing *l = x->note;
    request_begin(&req, &x->slot->scratch, NULL, NULL, 0);
    text_lit(&l->text, "[");
    l->outcome = store_list(service_of(x)->store, &req, S("repository"), NO_SLICE, list_name, l);
    text_lit(&l->text, "]");
    request_end(&req);
}

static void list_done(struct http_exchange *x)
{
    struct listing *l = x->note;
    slice body = text_end(&l->text);
    if (FAILED(l->outcome) || !body.ptr) {
        reply_refusal(x, FAILED(l->outcome) ? l->outcome.reason : NO_MEMORY,
                      &(struct api_refusal){"PluginInternalError", S("Plugin internal error")});
        return;
    }
    reply_ok(x, "application/json", body);
}

void api_resources_list(struct http_exchange *x)
{
    struct listing *l = arena_new(&x->slot->scratch, struct listing);
    if (!l) {
        reply_refusal(x, NO_MEMORY, &(struct api_refusal){"PluginInternalError", S("Plugin internal error")});
        return;
    }
    /* The names go to the body arena: the scratch arena is the plugin's meanwhile. */
    *l = (struct listing){.text = text_begin(&x->slot->body)};
    x->note = l;
    if (store_flags(service_of(x)->store) & TRUSTEE_STORAGE_BLOCKING_GET) {
        http_offload(x, list_work, list_done);
        return;
    }
    list_work(x);
    list_done(x);
}
