/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies: interface §1.2 E7 to E9, and our own way to read them back.
 */
#include "core/api/api.h"

struct setting {
    struct record record;
    struct trustee_request req;
    enum policy_space space;
    slice id, text;
    struct policy_error error;
    result outcome;
};

static void refuse_setting(struct http_exchange *x, struct setting *s, enum reason why, struct api_refusal as)
{
    /* Upstream does not tell why; next to upstream's statuses neither do we. */
    bool silent = service_of(x)->config->service.compat_status == STATUS_UPSTREAM;
    slice failed = S("Attestation error: Set Attestation Policy failed");
    slice told = arena_printf(&x->slot->scratch, "%.*s: %.*s", SLICE_ARG(failed), SLICE_ARG(as.detail));
    record_refuse(&s->record, why, slice_text(s->error.text));
    api_record_end(x, &s->record, true);
    if (s->space == POLICY_APPRAISAL)
        as = (struct api_refusal){"AttestationError", silent || !as.detail.len ? failed : told};
    reply_refusal(x, why, &as);
}

static void set_work(struct http_exchange *x)
{
    struct setting *s = x->note;
    request_begin(&s->req, &x->slot->scratch, NULL, &s->record, 0);
    s->outcome = policies_set(service_of(x)->policies, &s->req, s->space, s->id, s->text, &s->error);
    request_end(&s->req);
}

static void set_done(struct http_exchange *x)
{
    struct setting *s = x->note;
    if (FAILED(s->outcome)) {
        struct arena *a = &x->slot->scratch;
        slice place =
            s->error.line ? arena_printf(a, "line %u, column %u: ", s->error.line, s->error.column) : NO_SLICE;
        slice detail = arena_printf(a, "Policy engine error: Failed to load policy: %.*s%s", SLICE_ARG(place),
                                    s->error.text[0] ? s->error.text : reason_text(s->outcome.reason));
        refuse_setting(x, s, s->outcome.reason, (struct api_refusal){"PolicyEngineError", detail});
        return;
    }
    s->record.allowed = true;
    api_record_end(x, &s->record, true);
    reply_ok(x, NULL, NO_SLICE);
}

static void refuse_request(struct http_exchange *x, struct setting *s, slice source)
{
    slice detail = arena_printf(&x->slot->scratch, "Failed to parse policy: %.*s", SLICE_ARG(source));
    refuse_setting(x, s, POLICY_REQUEST, (struct api_refusal){"ParsePolicyError", detail});
}

/* The member `policy`, decoded from base64url. Answers a refusal itself. */
static bool read_policy(struct http_exchange *x, struct setting *s, const json *request)
{
    const json *policy = json_get(request, S("policy"));
    slice text = json_text(policy);
    if (!policy) {
        refuse_request(x, s, S("No `policy` field inside SetPolicy Request Json"));
        return false;
    }
    if (!text.ptr) {
        refuse_request(x, s, S("`policy` field is not a string in SetPolicy Request Json"));
        return false;
    }
    size_t length = 0, room = BASE64_DECODED_MAX(text.len);
    uint8_t *bytes = arena_alloc(&x->slot->scratch, room, 1);
    if (!bytes || !base64url_decode(bytes, room, text, &length)) {
        refuse_request(x, s, S("Failed to decode policy: not base64url without padding"));
        return false;
    }
    s->text = slice_of(bytes, length);
    if (slice_is_utf8(s->text))
        return true;
    refuse_request(x, s, S("Failed to decode policy: invalid utf-8"));
    return false;
}

static struct setting *begin(struct http_exchange *x, enum policy_space space, const json **request)
{
    struct setting *s = arena_new(&x->slot->scratch, struct setting);
    if (!s) {
        reply_refusal(x, NO_MEMORY, &(struct api_refusal){"PolicyEngineError", S("Policy engine error: no memory")});
        return NULL;
    }
    *s = (struct setting){.space = space};
    record_begin(&s->record, &x->slot->scratch, "administration", x->id);
    api_record_admin(x, &s->record);
    x->note = s;
    result r = json_parse(&x->slot->scratch, x->request.body, request);
    if (!FAILED(r) && json_type(*request) == TRUSTEE_NODE_OBJECT)
        return s;
    refuse_request(x, s, S("Illegal SetPolicy Request Json"));
    return NULL;
}

void api_resource_policy_set(struct http_exchange *x)
{
    const json *request;
    struct setting *s = begin(x, POLICY_RESOURCE, &request);
    if (!s)
        return;
    s->id = S(POLICY_RESOURCE_ID);
    if (read_policy(x, s, request))
        http_offload(x, set_work, set_done);
}

void api_attestation_policy_set(struct http_exchange *x)
{
    const json *request;
    struct setting *s = begin(x, POLICY_APPRAISAL, &request);
    if (!s)
        return;
    s->id = json_text(json_get(request, S("policy_id")));
    if (!s->id.ptr) {
        refuse_request(x, s, S("No `policy_id` field"));
        return;
    }
    if (read_policy(x, s, request))
        http_offload(x, set_work, set_done);
}

/* --- reading back
 * ----------------------------------------------------------------------------------------------------- */
struct listing {
    struct text text;
    bool any, ids_only;
};

static void list_policy(void *user, const struct policy *p)
{
    struct listing *l = user;
    if (l->any)
        text_lit(&l->text, ",");
    l->any = true;
    if (l->ids_only) {
        text_json(&l->text, slice_text(p->id));
        return;
    }
    text_lit(&l->text, "{\"id\":");
    text_json(&l->text, slice_text(p->id));
    text_add(&l->text, p->space == POLICY_RESOURCE ? S(",\"kind\":\"resource\"") : S(",\"kind\":\"appraisal\""));
    text_add(&l->text, p->shipped ? S(",\"shipped\":true") : S(",\"shipped\":false"));
    text_add(&l->text, p->compiled ? S(",\"usable\":true") : S(",\"usable\":false"));
    text_lit(&l->text, ",\"sha256\":\"");
    text_hex(&l->text, slice_of(p->hash, sizeof p->hash));
    text_lit(&l->text, "\"}");
}

static void list(struct http_exchange *x, bool ids_only)
{
    struct listing l = {text_begin(&x->slot->scratch), false, ids_only};
    text_lit(&l.text, "[");
    policies_list(service_of(x)->policies, POLICY_RESOURCE, list_policy, &l);
    if (!ids_only)
        policies_list(service_of(x)->policies, POLICY_APPRAISAL, list_policy, &l);
    text_lit(&l.text, "]");
    reply_ok(x, "application/json", text_end(&l.text));
}

void api_resource_policy_ids(struct http_exchange *x)
{
    list(x, true);
}

void api_policies_list(struct http_exchange *x)
{
    list(x, false);
}

void api_policy_text(struct http_exchange *x)
{
    struct service *s = service_of(x);
    struct policy *p = policies_pin(s->policies, POLICY_APPRAISAL, x->request.rest);
    if (!p)
        p = policies_pin(s->policies, POLICY_RESOURCE, x->request.rest);
    if (!p) {
        reply_refusal(x, HTTP_NO_ROUTE, &(struct api_refusal){"PolicyEngineError", S("there is no such policy")});
        return;
    }
    slice text = arena_copy(&x->slot->scratch, p->text);
    policy_unpin(p);
    reply_ok(x, "text/plain; charset=utf-8", text);
}
