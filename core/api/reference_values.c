/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference values: interface §1.2 E10 and E11, §1.16; and our own listing and deletion.
 */
#include "core/api/api.h"

#include "core/clock/clock.h"

struct change {
    struct record record;
    struct trustee_request req;
    struct refval_error error;
    slice name; /* of the value to delete; ptr NULL: a message is registered */
    result outcome;
};

static void change_work(struct http_exchange *x)
{
    struct change *c = x->note;
    struct refval *values = service_of(x)->reference_values;
    request_begin(&c->req, &x->slot->scratch, NULL, &c->record, 0);
    c->outcome = c->name.ptr ? refval_delete(values, &c->req, c->name)
                             : refval_register(values, &c->req, x->request.body, clock_wall(), &c->error);
    request_end(&c->req);
}

static void change_done(struct http_exchange *x)
{
    struct change *c = x->note;
    if (FAILED(c->outcome)) {
        slice detail = c->name.ptr ? refval_unknown_detail(&x->slot->scratch, c->name) : REFVAL_REGISTER_DETAIL;
        record_refuse(&c->record, c->outcome.reason, slice_text(c->error.text));
        api_record_end(x, &c->record, true);
        reply_refusal(x, c->outcome.reason, &(struct api_refusal){"RvpsError", detail});
        return;
    }
    c->record.allowed = true;
    api_record_end(x, &c->record, true);
    reply_ok(x, "application/json", NO_SLICE);
}

static void change(struct http_exchange *x, slice name)
{
    struct change *c = arena_new(&x->slot->scratch, struct change);
    if (!c) {
        reply_refusal(x, NO_MEMORY, &(struct api_refusal){"RvpsError", REFVAL_REGISTER_DETAIL});
        return;
    }
    *c = (struct change){.name = name};
    record_begin(&c->record, &x->slot->scratch, "administration", x->id);
    api_record_admin(x, &c->record);
    x->note = c;
    http_offload(x, change_work, change_done);
}

void api_reference_value_post(struct http_exchange *x)
{
    change(x, NO_SLICE);
}

void api_reference_value_delete(struct http_exchange *x)
{
    change(x, x->request.rest);
}

void api_reference_value_get(struct http_exchange *x)
{
    struct refval *values = service_of(x)->reference_values;
    struct refval_pin pin = refval_pin(values);
    slice text;
    result r = refval_get(pin.snapshot, x->request.rest, clock_wall(), &text);
    if (!FAILED(r)) {
        text = arena_copy(&x->slot->scratch, text);
        r = text.ptr ? OK : FAIL(NO_MEMORY);
    }
    refval_unpin(values, pin);
    if (FAILED(r)) {
        slice detail = refval_unknown_detail(&x->slot->scratch, x->request.rest);
        reply_refusal(x, r.reason, &(struct api_refusal){"RvpsError", detail});
        return;
    }
    reply_ok(x, "application/json", text);
}

struct listing {
    struct text text;
    bool any;
};

static bool list_value(void *user, const struct refval_item *item)
{
    struct listing *l = user;
    text_add(&l->text, l->any ? S(",{\"name\":") : S("{\"name\":"));
    l->any = true;
    text_json(&l->text, item->name);
    text_lit(&l->text, ",\"expiration\":");
    text_i64(&l->text, item->expiration);
    text_add(&l->text, item->expired ? S(",\"expired\":true,\"value\":") : S(",\"expired\":false,\"value\":"));
    text_add(&l->text, item->text);
    text_lit(&l->text, "}");
    return !l->text.failed;
}

void api_reference_values_list(struct http_exchange *x)
{
    struct refval *values = service_of(x)->reference_values;
    struct refval_pin pin = refval_pin(values);
    struct listing l = {text_begin(&x->slot->scratch), false};
    text_lit(&l.text, "[");
    refval_list(pin.snapshot, clock_wall(), list_value, &l);
    text_lit(&l.text, "]");
    refval_unpin(values, pin);
    slice body = text_end(&l.text);
    if (!body.ptr) {
        reply_refusal(x, NO_MEMORY, &(struct api_refusal){"RvpsError", S("too many values for one listing")});
        return;
    }
    reply_ok(x, "application/json", body);
}
