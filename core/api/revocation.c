/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /admin/v1/revoke {"before": SECONDS}: no token that was issued earlier counts any more.
 */
#include "core/api/api.h"

#include "core/clock/clock.h"
#include "core/token/revocation.h"

struct change {
    struct record record;
    struct trustee_request req;
    int64_t before;
    result outcome;
};

static void work(struct http_exchange *x)
{
    struct change *c = x->note;
    request_begin(&c->req, &x->slot->scratch, NULL, &c->record, 0);
    c->outcome = revocation_set(service_of(x)->revocation, &c->req, c->before);
    request_end(&c->req);
    token_trust_revoke(service_of(x)->trust, revocation_before(service_of(x)->revocation));
}

static void done(struct http_exchange *x)
{
    struct change *c = x->note;
    if (FAILED(c->outcome)) {
        slice detail = c->outcome.reason == TOKEN_CLAIMS
                           ? S("before is a time in seconds since 1970, not in the future")
                           : slice_text(reason_text(c->outcome.reason));
        enum reason why = c->outcome.reason == TOKEN_CLAIMS ? JSON_MEMBER : (enum reason)c->outcome.reason;
        record_refuse(&c->record, why, detail);
        api_record_end(x, &c->record, true);
        reply_refusal(x, why, &(struct api_refusal){"RevocationError", detail});
        return;
    }
    c->record.allowed = true;
    api_record_end(x, &c->record, true);
    reply_ok(x, "application/json", S("{}"));
}

void api_revoke(struct http_exchange *x)
{
    const json *request;
    struct change *c = arena_new(&x->slot->scratch, struct change);
    if (!c) {
        reply_refusal(x, NO_MEMORY, &(struct api_refusal){"RevocationError", S("no memory")});
        return;
    }
    *c = (struct change){.outcome = OK};
    record_begin(&c->record, &x->slot->scratch, "administration", x->id);
    api_record_admin(x, &c->record);
    x->note = c;
    /* A time in the future would refuse tokens that are yet to be issued. */
    bool good = !FAILED(json_parse(&x->slot->scratch, x->request.body, &request)) &&
                json_i64(json_get(request, S("before")), &c->before) && c->before >= 0 && c->before <= clock_wall() + 1;
    if (good) {
        http_offload(x, work, done);
        return;
    }
    c->outcome = FAIL(TOKEN_CLAIMS);
    done(x);
}
