/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/api.h"

#include "core/log/log.h"
#include "guest/query.h"

#define RUNTIME_DATA_MAX 4096

/* What is under way for one request; lies in its slot. */
struct call {
    slice argument; /* resource path, or report data */
    result result;
    slice answer;
    struct failure why;
};

static struct agent *agent_of(struct http_exchange *x)
{
    return x->service;
}

/* --- answers ----------------------------------------------------------------------------------------------------- */

/* The short texts are those of upstream's api-server-rest. */
static void reply_text(struct http_exchange *x, unsigned status, slice text)
{
    struct http_reply reply = {.status = status, .content_type = "text/plain", .body = text};
    http_reply(x, &reply);
}

static void reply_bytes(struct http_exchange *x, const char *content_type, slice body)
{
    struct http_reply reply = {.status = 200, .content_type = content_type, .body = body};
    http_reply(x, &reply);
}

static void add_member(struct text *t, const char *name, slice value)
{
    if (!value.len)
        return;
    text_lit(t, ",");
    text_json(t, slice_text(name));
    text_lit(t, ":");
    text_json(t, value);
}

static slice failure_json(const struct failure *f, enum reason why, struct arena *a)
{
    slice said = slice_text(f->text[0] ? f->text : reason_text(why));
    struct text t = text_begin(a);
    text_lit(&t, "{\"error\":");
    text_json(&t, said);
    add_member(&t, "reason", slice_text(reason_id(why)));
    text_lit(&t, ",\"id\":");
    if (f->id[0])
        text_json(&t, slice_text(f->id));
    else
        text_lit(&t, "null");
    add_member(&t, "step", slice_text(f->step));
    if (f->status) {
        text_lit(&t, ",\"service_status\":");
        text_i64(&t, f->status);
    }
    add_member(&t, "service_type", slice_text(f->type));
    add_member(&t, "service_reason", slice_text(f->reason));
    text_lit(&t, "}");
    return text_end(&t);
}

static void reply_failure(struct http_exchange *x, enum reason why, const struct failure *f)
{
    struct http_reply reply = {
        .status = failure_status(why),
        .content_type = "application/json",
        .retry_after = f->retry_after,
        .body = failure_json(f, why, &x->slot->scratch),
    };
    log_warn("api", "%s: %u %s: %s", x->request.route ? x->request.route->name : "request", reply.status,
             reason_id(why), f->text);
    http_reply(x, &reply);
}

slice api_error_body(struct http_exchange *x, enum reason why)
{
    static const struct failure none;
    return x && x->slot ? failure_json(&none, why, &x->slot->scratch)
                        : S("{\"error\":\"the agent is busy\",\"id\":null}");
}

/* --- who may ask ------------------------------------------------------------------------------------------------- */

bool host_is_local(slice host)
{
    slice name = host;
    if (host.len && host.ptr[0] == '[') {
        size_t end = slice_find(host, ']');
        if (end == host.len)
            return false;
        name = slice_sub(host, 1, end - 1);
        host = slice_sub(host, end + 1, host.len);
    } else {
        name = slice_sub(host, 0, slice_find(host, ':'));
        host = slice_sub(host, name.len, host.len);
    }
    uint64_t port;
    bool port_good = host.len == 0 || (host.ptr[0] == ':' && slice_u64(slice_sub(host, 1, host.len), &port));
    return port_good && (slice_equal_nocase(name, S("localhost")) || address_is_loopback(name));
}

static bool admitted(struct http_exchange *x)
{
    if (address_is_loopback(x->request.peer) && host_is_local(x->request.host))
        return true;
    reply_text(x, 403, S("Forbidden"));
    return false;
}

static bool enabled(struct http_exchange *x, enum agent_feature feature)
{
    if (!admitted(x))
        return false;
    if (agent_settings(agent_of(x))->features & feature)
        return true;
    reply_text(x, 404,
               feature == FEATURE_RESOURCE ? S("Resource Feature Not Enabled") : S("Attestation Feature Not Enabled"));
    return false;
}

/* --- work that waits for others is done on a pool thread -----------------------------------------------------------
 */

static void call_done(struct http_exchange *x)
{
    struct call *c = x->note;
    if (FAILED(c->result))
        reply_failure(x, c->result.reason, &c->why);
    else
        reply_bytes(x, "application/octet-stream", c->answer);
}

static void call_begin(struct http_exchange *x, slice argument, bool secret, void (*work)(struct http_exchange *x))
{
    static const struct failure none;
    struct call *c = arena_new(&x->slot->scratch, struct call);
    if (!c || (secret && !http_secret(x))) {
        reply_failure(x, HTTP_BUSY, &none);
        return;
    }
    *c = (struct call){.argument = argument, .result = FAIL(INTERNAL)};
    x->note = c;
    http_offload(x, work, call_done);
}

static struct kbs_memory memory_of(struct http_exchange *x)
{
    return (struct kbs_memory){.plain = &x->slot->scratch, .secret = x->secret};
}

static void work_resource(struct http_exchange *x)
{
    struct call *c = x->note;
    c->result = agent_resource(agent_of(x), c->argument, memory_of(x), &c->answer, &c->why);
}

static void get_resource(struct http_exchange *x)
{
    if (enabled(x, FEATURE_RESOURCE))
        call_begin(x, x->request.rest, true, work_resource);
}

static void work_token(struct http_exchange *x)
{
    struct call *c = x->note;
    c->result = agent_token(agent_of(x), memory_of(x), &c->answer, &c->why);
}

static void get_token(struct http_exchange *x)
{
    if (!enabled(x, FEATURE_ATTESTATION))
        return;
    if (slice_equal(query_value(x->request.query, S("token_type"), &x->slot->scratch), S("kbs")))
        call_begin(x, NO_SLICE, true, work_token);
    else
        reply_text(x, 400, S("BAD REQUEST"));
}

static void work_evidence(struct http_exchange *x)
{
    struct call *c = x->note;
    c->result = agent_evidence(agent_of(x), c->argument, &x->slot->scratch, &c->answer, &c->why);
}

/* The report data itself: plain text, or base64url. It is not hashed. */
static bool runtime_data(struct http_exchange *x, slice *out)
{
    struct arena *a = &x->slot->scratch;
    slice encoding = query_value(x->request.query, S("encoding"), a);
    *out = query_value(x->request.query, S("runtime_data"), a);
    if (!out->ptr || out->len > RUNTIME_DATA_MAX)
        return false;
    if (!encoding.ptr)
        return true;
    size_t room = BASE64_DECODED_MAX(out->len), length;
    uint8_t *decoded = arena_alloc(a, room, 1);
    if (!decoded || !slice_equal(encoding, S("base64")) || !base64url_decode(decoded, room, *out, &length))
        return false;
    *out = slice_of(decoded, length);
    return true;
}

static void get_evidence(struct http_exchange *x)
{
    slice data;
    if (!enabled(x, FEATURE_ATTESTATION))
        return;
    if (runtime_data(x, &data))
        call_begin(x, data, false, work_evidence);
    else
        reply_text(x, 400, S("BAD REQUEST"));
}

static void get_info(struct http_exchange *x)
{
    const struct settings *s = agent_settings(agent_of(x));
    if (!admitted(x))
        return;
    struct text t = text_begin(&x->slot->scratch);
    text_lit(&t, "{\"version\":\"trustee-agent " TRUSTEE_VERSION "\",\"tee\":");
    text_json(&t, slice_text(agent_tee(agent_of(x))));
    text_lit(&t, ",\"feature\":");
    text_json(&t, slice_text(s->feature_name));
    text_lit(&t, "}");
    reply_bytes(x, "application/json", text_end(&t));
}

void api_fallback(struct http_exchange *x)
{
    if (admitted(x))
        reply_text(x, 404, S("URL NOT FOUND"));
}

const struct http_route API_ROUTES[] = {
    {HTTP_METHOD_GET, "/cdh/resource/*", ACCESS_GUEST, BODY_NONE, get_resource, "resource"},
    {HTTP_METHOD_GET, "/aa/token", ACCESS_GUEST, BODY_NONE, get_token, "token"},
    {HTTP_METHOD_GET, "/aa/evidence", ACCESS_GUEST, BODY_NONE, get_evidence, "evidence"},
    {HTTP_METHOD_GET, "/info", ACCESS_PUBLIC, BODY_NONE, get_info, "info"},
};
const size_t API_ROUTE_COUNT = sizeof API_ROUTES / sizeof *API_ROUTES;
