/* SPDX-License-Identifier: Apache-2.0
 *
 * POST auth and POST attest: the RCAR handshake, interface §1.2 E1 and E2.
 */
#include "core/api/api.h"

#include "core/attest/attest.h"
#include "core/clock/clock.h"
#include "core/crypto/jose.h"

#define PROTOCOL "0.4.0"

static void auth_refuse(struct http_exchange *x, struct record *r, enum reason why, slice source)
{
    struct arena *a = &x->slot->scratch;
    slice detail = arena_printf(a, "Attestation error: RCAR handshake Auth failed: %.*s", SLICE_ARG(source));
    record_refuse(r, why, NO_SLICE);
    metrics_add(service_of(x)->metrics, METRIC_AUTH_ERRORS);
    api_record_end(x, r, false);
    reply_refusal(x, why, &(struct api_refusal){"AttestationError", detail});
}

/* Three numbers without leading zeros, as semantic versions have them; anything behind them makes it no release. */
static bool is_version(slice s)
{
    slice part;
    uint64_t number;
    unsigned parts = 0;
    while (slice_split(&s, '.', &part)) {
        if (!slice_u64(part, &number))
            return false;
        parts++;
    }
    return parts == 3;
}

static result auth_read(struct http_exchange *x, slice *version, slice *tee, const json **params)
{
    const json *request;
    TRY(json_parse(&x->slot->scratch, x->request.body, &request));
    *version = json_text(json_get(request, S("version")));
    *tee = json_text(json_get(request, S("tee")));
    *params = json_get(request, S("extra-params"));
    ENSURE(version->ptr && tee->ptr && *params, AUTH_REQUEST);
    ENSURE(tee_is_known(*tee) || plugins_verifier(service_of(x)->plugins, *tee), AUTH_TEE);
    return OK;
}

static result auth_answer(struct http_exchange *x, slice tee, slice version, const json *params)
{
    struct service *s = service_of(x);
    struct arena *a = &x->slot->scratch;
    const struct verifier *v = plugins_verifier(s->plugins, tee);
    struct challenge c;
    slice cookie, extra = CHALLENGE_NO_EXTRA;
    TRY(challenge_make(&c, tee, version, clock_wall(), (unsigned)s->config->session.challenge_life, a));
    if (v && verifier_has_challenge(v)) {
        struct trustee_request req;
        request_begin(&req, a, NULL, NULL, 0);
        result r = verifier_challenge(v, &req, params, &c.nonce, &extra);
        request_end(&req);
        TRY(r);
        hash_sha256(extra, c.extra);
    }
    TRY(challenge_seal(&c, s->sealer, a, &cookie));
    struct text t = text_begin(a);
    text_lit(&t, "{\"nonce\":");
    text_json(&t, c.nonce);
    text_lit(&t, ",\"extra-params\":");
    text_add(&t, extra);
    text_lit(&t, "}");
    slice body = text_end(&t);
    ENSURE(body.ptr, NO_MEMORY);
    metrics_add(s->metrics, METRIC_AUTH_SUCCESSES);
    reply_json_with_cookie(x, body, cookie, c.expiry);
    return OK;
}

void api_auth(struct http_exchange *x)
{
    struct record r;
    slice version, tee;
    const json *params;
    struct arena *a = &x->slot->scratch;
    record_begin(&r, a, "auth", x->id);
    metrics_add(service_of(x)->metrics, METRIC_AUTH_REQUESTS);
    result read = auth_read(x, &version, &tee, &params);
    if (FAILED(read)) {
        auth_refuse(x, &r, read.reason, S("deserialize Request"));
        return;
    }
    r.tee = tee;
    if (!is_version(version)) {
        auth_refuse(x, &r, AUTH_VERSION, S("failed to parse KBS version"));
        return;
    }
    if (!slice_equal(version, S(PROTOCOL))) {
        slice source = arena_printf(a, "KBS Client Protocol Version Mismatch: expect =" PROTOCOL
                                       " while the request is %.*s", SLICE_ARG(slice_sub(version, 0, 64)));
        auth_refuse(x, &r, AUTH_VERSION, source);
        return;
    }
    result answer = slice_equal(tee, S("se")) && !plugins_verifier(service_of(x)->plugins, tee)
                        ? FAIL(AUTH_TEE)
                        : auth_answer(x, tee, version, params);
    if (FAILED(answer))
        auth_refuse(x, &r, answer.reason, S("Attestation Service generate challenge failed"));
}

/* What is handed over when attesting goes on on a pool thread. */
struct attesting {
    struct record record;
    struct attest_answer answer;
    result outcome;
};

static void attest_refuse(struct http_exchange *x, enum reason why)
{
    struct service *s = service_of(x);
    struct attesting *t = x->note;
    if (t->answer.verified)
        metrics_attestation(s->metrics, t->answer.challenge.tee, false);
    else
        metrics_add(s->metrics, METRIC_ATTESTATION_ERRORS);
    api_record_end(x, &t->record, false);
    reply_refusal(x, why, &(struct api_refusal){"AttestationError",
                                                S("Attestation error: RCAR handshake Attest failed")});
}

static void attest_work(struct http_exchange *x)
{
    struct attesting *t = x->note;
    t->outcome = attest(x, &t->record, &t->answer);
}

static void attest_done(struct http_exchange *x)
{
    struct attesting *t = x->note;
    if (FAILED(t->outcome)) {
        attest_refuse(x, t->outcome.reason);
        return;
    }
    t->record.allowed = true;
    metrics_attestation(service_of(x)->metrics, t->answer.challenge.tee, true);
    api_record_end(x, &t->record, true);
    struct text text = text_begin(&x->slot->scratch);
    text_lit(&text, "{\"token\":\"");
    text_add(&text, t->answer.token);
    text_lit(&text, "\"}");
    slice body = text_end(&text);
    if (!body.ptr) {
        attest_refuse(x, NO_MEMORY);
        return;
    }
    reply_json_with_cookie(x, body, t->answer.cookie, t->answer.challenge.expiry);
}

void api_attest(struct http_exchange *x)
{
    struct service *s = service_of(x);
    struct attesting *t = arena_new(&x->slot->scratch, struct attesting);
    metrics_add(s->metrics, METRIC_ATTESTATION_REQUESTS);
    if (!t) {
        metrics_add(s->metrics, METRIC_ATTESTATION_ERRORS);
        reply_refusal(x, NO_MEMORY, &(struct api_refusal){"AttestationError", S("out of memory")});
        return;
    }
    *t = (struct attesting){.outcome = OK};
    record_begin(&t->record, &x->slot->scratch, "attestation", x->id);
    x->note = t;
    if (policies_slow(s->policies, POLICY_APPRAISAL)) {
        http_offload(x, attest_work, attest_done);
        return;
    }
    attest_work(x);
    if (t->outcome.reason == POLICY_SLOW) {
        record_begin(&t->record, &x->slot->scratch, "attestation", x->id);
        http_offload(x, attest_work, attest_done);
        return;
    }
    attest_done(x);
}
