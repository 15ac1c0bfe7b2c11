/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of decisions, probes and metrics.
 */
#include "core/api/api.h"

#include "core/clock/clock.h"

#define PLUGINS_SHOWN 64

static bool wants(slice query, slice name, slice *value)
{
    slice pair;
    while (query.ptr && slice_split(&query, '&', &pair)) {
        size_t equal = slice_find(pair, '=');
        if (!slice_equal(slice_sub(pair, 0, equal), name))
            continue;
        *value = slice_sub(pair, equal + 1, pair.len);
        return true;
    }
    return false;
}

void api_records_list(struct http_exchange *x)
{
    slice text, body;
    uint64_t limit = 20;
    if (wants(x->request.query, S("limit"), &text) && (!slice_u64(text, &limit) || limit == 0 || limit > 500)) {
        reply_refusal(x, HTTP_PATH, &(struct api_refusal){"RecordError", S("limit is a number from 1 to 500")});
        return;
    }
    result r = records_list(service_of(x)->records, (size_t)limit, &x->slot->scratch, &body);
    if (FAILED(r)) {
        reply_refusal(x, r.reason, &(struct api_refusal){"RecordError", slice_text(reason_text(r.reason))});
        return;
    }
    reply_ok(x, "application/json", body);
}

void api_record_get(struct http_exchange *x)
{
    uint8_t id[16];
    size_t length = 0;
    slice body;
    bool whole = hex_decode(id, sizeof id, x->request.rest, &length) && length == sizeof id;
    result r = whole ? records_get(service_of(x)->records, id, &x->slot->scratch, &body) : FAIL(RECORD_NOT_FOUND);
    if (FAILED(r)) {
        reply_refusal(x, r.reason, &(struct api_refusal){"RecordError", slice_text(reason_text(r.reason))});
        return;
    }
    reply_ok(x, "application/json", body);
}

void api_jwks(struct http_exchange *x)
{
    struct text t = text_begin(&x->slot->scratch);
    text_lit(&t, "{\"keys\":[");
    text_add(&t, ear_issuer_jwk(service_of(x)->issuer));
    text_lit(&t, "]}");
    slice body = text_end(&t);
    if (body.ptr)
        reply_ok(x, "application/json", body);
    else
        reply_refusal(x, NO_MEMORY, &(struct api_refusal){"InternalError", S("out of memory")});
}

void api_healthz(struct http_exchange *x)
{
    reply_ok(x, NULL, NO_SLICE);
}

/* Every switch that weakens a check and is on. */
static void switches(const struct config *c, struct text *t)
{
    const char *names[CONFIG_SWITCHES_MAX];
    size_t count = config_switches(c, names);
    text_lit(t, "\"switches\":[");
    for (size_t i = 0; i < count; i++) {
        if (i)
            text_lit(t, ",");
        text_json(t, slice_text(names[i]));
    }
    text_lit(t, "]");
}

static void plugins_state(const struct service *s, struct text *t)
{
    struct plugin_info info[PLUGINS_SHOWN];
    size_t count = plugins_info(s->plugins, info, PLUGINS_SHOWN);
    text_lit(t, "\"plugins\":[");
    for (size_t i = 0; i < count && i < PLUGINS_SHOWN; i++) {
        text_add(t, i ? S(",{\"name\":") : S("{\"name\":"));
        text_json(t, info[i].name);
        text_lit(t, ",\"version\":");
        text_json(t, info[i].version);
        text_lit(t, ",\"kind\":");
        text_json(t, info[i].kind);
        text_add(t, info[i].insecure ? S(",\"insecure\":true}") : S(",\"insecure\":false}"));
    }
    text_lit(t, "]");
}

struct readiness {
    result storage;
    char why[256];
};

static void ready_work(struct http_exchange *x)
{
    struct readiness *r = x->note;
    r->storage = store_ready(service_of(x)->store, r->why, sizeof r->why);
}

static void ready_done(struct http_exchange *x)
{
    struct service *s = service_of(x);
    const struct readiness *r = x->note;
    struct policy *resource = policies_pin(s->policies, POLICY_RESOURCE, S(POLICY_RESOURCE_ID));
    bool policy = resource && resource->compiled;
    policy_unpin(resource);
    bool ready = !FAILED(r->storage) && policy;
    slice why = slice_text(r->why[0] ? r->why : reason_text(r->storage.reason));
    struct text t = text_begin(&x->slot->scratch);
    text_add(&t, ready ? S("{\"ready\":true,\"storage\":") : S("{\"ready\":false,\"storage\":"));
    text_json(&t, FAILED(r->storage) ? why : S("ok"));
    text_lit(&t, ",\"resource_policy\":");
    text_json(&t, policy ? S("ok") : S("does not compile or is missing"));
    text_lit(&t, ",");
    switches(s->config, &t);
    text_lit(&t, ",");
    plugins_state(s, &t);
    text_lit(&t, "}");
    struct http_reply reply = {.status = ready ? 200 : 503, .content_type = "application/json", .body = text_end(&t)};
    http_reply(x, &reply);
}

void api_readyz(struct http_exchange *x)
{
    struct readiness *r = arena_new(&x->slot->scratch, struct readiness);
    if (!r) {
        reply_refusal(x, NO_MEMORY, &(struct api_refusal){"InternalError", S("out of memory")});
        return;
    }
    *r = (struct readiness){.why = ""};
    x->note = r;
    /* A storage on the network may ask its server. */
    if (store_flags(service_of(x)->store) & TRUSTEE_STORAGE_BLOCKING_GET) {
        http_offload(x, ready_work, ready_done);
        return;
    }
    ready_work(x);
    ready_done(x);
}

void api_metrics(struct http_exchange *x)
{
    struct service *s = service_of(x);
    const struct config *c = s->config;
    struct refval_pin pin = refval_pin(s->reference_values);
    const struct metrics_extra extra[] = {
        {"trustee_sessions", "Answered challenges that are remembered", sessions_count(s->sessions)},
        {"trustee_reference_values", "Reference values that are held", refval_count(pin.snapshot)},
        {"trustee_switch_allow_insecure", "Whether plugins that prove nothing are allowed", c->plugins.allow_insecure},
        {"trustee_switch_allow_unauthenticated", "Whether everybody is an administrator",
         c->admin.allow_unauthenticated},
        {"trustee_switch_allow_insecure_header_jwk", "Whether any key of a token's header is believed",
         c->token.insecure_header_jwk},
        {"trustee_switch_compat_status", "Whether upstream's statuses are sent",
         c->service.compat_status == STATUS_UPSTREAM},
        {"trustee_switch_allow_rsa1_5", "Whether resources are encrypted to RSA1_5 keys", c->release.allow_rsa1_5},
        {"trustee_switch_plugins", "How many allow_ and compat_ options of plugins are on", c->plugin_switch_count},
        {"trustee_switch_plain_http", "Whether HTTP is served without TLS", !c->http.tls},
    };
    refval_unpin(s->reference_values, pin);
    struct text t = text_begin(&x->slot->scratch);
    metrics_text(s->metrics, extra, sizeof extra / sizeof *extra, &t);
    if (s->collateral)
        collateral_metrics(s->collateral, clock_wall(), &t);
    reply_ok(x, "text/plain; version=0.0.4; charset=utf-8", text_end(&t));
}
