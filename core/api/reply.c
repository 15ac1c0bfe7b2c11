/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/reply.h"

#include "core/session/challenge.h"

#define TYPE_PREFIX "https://github.com/confidential-containers/kbs/errors/"

/* What each class is to a client. Upstream answers 404 for what it does not know and 401 for everything else. */
static const struct {
    unsigned own, upstream;
    unsigned retry_after; /* seconds */
} STATUS[] = {
    [CLASS_NONE] = {500, 401, 0},     [CLASS_PROTOCOL] = {400, 401, 0},    [CLASS_AUTHENTICATION] = {401, 401, 0},
    [CLASS_EVIDENCE] = {401, 401, 0}, [CLASS_POLICY] = {403, 401, 0},      [CLASS_NOT_FOUND] = {404, 401, 0},
    [CLASS_CONFLICT] = {409, 401, 0}, [CLASS_SIZE] = {413, 413, 0},        [CLASS_RATE] = {429, 429, 1},
    [CLASS_INTERNAL] = {500, 401, 0}, [CLASS_UNAVAILABLE] = {503, 503, 1},
};

unsigned reply_status(enum reason_class class)
{
    return STATUS[class].own;
}

static bool as_upstream(const struct http_exchange *x)
{
    return service_of(x)->config->service.compat_status == STATUS_UPSTREAM;
}

/* The reason's class; its name too where it says no more than the shape of what the client itself sent. */
static void reason_member(struct text *t, enum reason why)
{
    text_lit(t, ",\"reason\":\"");
    text_add(t, slice_text(reason_class_name(reason_class(why))));
    if (reason_class(why) == CLASS_PROTOCOL || reason_class(why) == CLASS_SIZE) {
        text_lit(t, "/");
        text_add(t, slice_text(reason_id(why)));
    }
    text_lit(t, "\"");
}

static slice error_body(struct http_exchange *x, enum reason why, const struct api_refusal *as)
{
    struct text t = text_begin(&x->slot->scratch);
    text_lit(&t, "{\"type\":\"" TYPE_PREFIX);
    text_add(&t, slice_text(as->variant));
    text_lit(&t, "\",\"detail\":");
    text_json(&t, as->detail);
    if (!as_upstream(x)) {
        reason_member(&t, why);
        text_lit(&t, ",\"id\":\"");
        text_hex(&t, slice_of(x->id, sizeof x->id));
        text_lit(&t, "\"");
    }
    text_lit(&t, "}");
    return text_end(&t);
}

void reply_refusal(struct http_exchange *x, enum reason why, const struct api_refusal *as)
{
    reply_refusal_for(x, why, as, 0);
}

void reply_refusal_for(struct http_exchange *x, enum reason why, const struct api_refusal *as, unsigned retry_after)
{
    enum reason_class class = reason_class(why);
    bool unknown_plugin = strcmp(as->variant, "PluginNotFound") == 0 || strcmp(as->variant, "InvalidRequestPath") == 0;
    unsigned status = as_upstream(x) ? (unknown_plugin ? 404 : STATUS[class].upstream) : STATUS[class].own;
    struct http_reply reply = {.status = status,
                               .content_type = as_upstream(x) ? NULL : "application/json",
                               .retry_after =
                                   STATUS[class].retry_after && retry_after ? retry_after : STATUS[class].retry_after,
                               .body = error_body(x, why, as)};
    http_reply(x, &reply);
}

void reply_ok(struct http_exchange *x, const char *content_type, slice body)
{
    struct http_reply reply = {.status = 200, .content_type = content_type, .body = body};
    http_reply(x, &reply);
}

void reply_json_with_cookie(struct http_exchange *x, slice body, slice cookie, int64_t expiry)
{
    struct http_reply reply = {.status = 200, .content_type = "application/json", .body = body};
    if (FAILED(challenge_set_cookie(cookie, expiry, x->request.tls, &x->slot->scratch, &reply.set_cookie))) {
        reply_refusal(x, NO_MEMORY, &(struct api_refusal){"AttestationError", S("out of memory")});
        return;
    }
    http_reply(x, &reply);
}

slice reply_error_body(struct http_exchange *x, enum reason why)
{
    struct api_refusal as = {"HTTPFailed", slice_text(reason_text(why))};
    if (x)
        return error_body(x, why, &as);
    return S("{\"type\":\"" TYPE_PREFIX "HTTPFailed\",\"detail\":\"the service is busy\",\"reason\":\"unavailable\"}");
}
