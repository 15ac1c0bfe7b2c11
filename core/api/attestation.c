/* SPDX-License-Identifier: Apache-2.0
 *
 * POST auth and POST attest: the RCAR handshake, interface §1.2 E1 and E2.
 */
#include "core/api/api.h"

#include "core/attest/attest.h"
#include "core/clock/clock.h"
#include "core/crypto/jose.h"

#define PROTOCOL "0.4.0"
#define WAITS_MAX 3 /* a verifier asks for more in as many rounds */

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
        slice source =
            arena_printf(a, "KBS Client Protocol Version Mismatch: expect =" PROTOCOL " while the request is %.*s",
                         SLICE_ARG(slice_sub(version, 0, 64)));
        auth_refuse(x, &r, AUTH_VERSION, source);
        return;
    }
    result answer = slice_equal(tee, S("se")) && !plugins_verifier(service_of(x)->plugins, tee)
                        ? FAIL(AUTH_TEE)
                        : auth_answer(x, tee, version, params);
    if (FAILED(answer))
        auth_refuse(x, &r, answer.reason, S("Attestation Service generate challenge failed"));
}

/* What is handed over when attesting goes on on a pool thread, or later. */
struct attesting {
    struct record record, blank; /* blank: as it is before anything was looked at */
    size_t mark;                 /* of the slot, when it was blank */
    struct attest_answer answer;
    result outcome;
    unsigned waits;
    uint64_t deadline_ns; /* of all waits together; 0: none yet */
    enum collateral_outcome worst;
    unsigned retry_after;
    char item[320], why[256]; /* of the collateral that could not be had */
};

static void attest_refuse(struct http_exchange *x, enum reason why)
{
    struct service *s = service_of(x);
    struct attesting *t = x->note;
    bool ours = why == ATTEST_COLLATERAL || why == ATTEST_COLLATERAL_BUSY; /* the evidence was not judged */
    if (t->answer.verified && !ours)
        metrics_attestation(s->metrics, t->answer.challenge.tee, false);
    else
        metrics_add(s->metrics, METRIC_ATTESTATION_ERRORS);
    api_record_end(x, &t->record, false);
    const struct api_refusal as = {"AttestationError", S("Attestation error: RCAR handshake Attest failed")};
    reply_refusal_for(x, why, &as, t->retry_after);
}

static void attest_work(struct http_exchange *x)
{
    struct attesting *t = x->note;
    t->outcome = attest(x, &t->record, t->worst, &t->answer);
}

static void attest_done(struct http_exchange *x);

static void begin_again(struct http_exchange *x)
{
    struct attesting *t = x->note;
    t->record = t->blank;
    x->slot->scratch.used = t->mark;
}

static void attest_start(struct http_exchange *x)
{
    struct attesting *t = x->note;
    if (policies_slow(service_of(x)->policies, POLICY_APPRAISAL)) {
        http_offload(x, attest_work, attest_done);
        return;
    }
    attest_work(x);
    if (t->outcome.reason == POLICY_SLOW) {
        begin_again(x);
        http_offload(x, attest_work, attest_done);
        return;
    }
    attest_done(x);
}

/* --- waiting for collateral -------------------------------------------------------------------------------------- */

/* On the store's thread. */
static void collateral_done(void *user, const struct collateral_end *end)
{
    struct http_exchange *x = user;
    struct attesting *t = x->note;
    t->worst = end->worst;
    t->retry_after = end->retry_after;
    snprintf(t->item, sizeof t->item, "%.*s", SLICE_ARG(end->item));
    snprintf(t->why, sizeof t->why, "%.*s", SLICE_ARG(end->why));
    http_resume(x);
}

static void collateral_failed(struct attesting *t, enum collateral_outcome outcome, const char *why)
{
    const trustee_need *n = t->answer.needs;
    t->worst = outcome;
    snprintf(t->item, sizeof t->item, "%.*s %.*s", SLICE_ARG(n->kind), SLICE_ARG(slice_sub(n->key, 0, 240)));
    snprintf(t->why, sizeof t->why, "%s", why);
}

/* What is there now may do, or what is there though it is old; else the client learns that it is to come again. */
static void attest_resumed(struct http_exchange *x)
{
    struct attesting *t = x->note;
    begin_again(x);
    if (!http_gone(x)) {
        attest_start(x);
        return;
    }
    record_refuse(&t->record, ATTEST_COLLATERAL, S("the client has gone while it waited"));
    attest_refuse(x, ATTEST_COLLATERAL);
}

/* False: it waits no longer, `worst` says why. */
static bool wait_for_collateral(struct http_exchange *x)
{
    struct attesting *t = x->note;
    struct service *s = service_of(x);
    if (t->worst != COLLATERAL_HERE)
        return false;
    if (!t->deadline_ns)
        t->deadline_ns = clock_monotonic_ns() + s->config->collateral.wait * UINT64_C(1000000000);
    struct collateral_want want = {.needs = t->answer.needs,
                                   .count = t->answer.need_count,
                                   .peer = x->request.peer,
                                   .deadline_ns = t->deadline_ns,
                                   .done = collateral_done,
                                   .user = x};
    if (++t->waits > WAITS_MAX) {
        collateral_failed(t, COLLATERAL_UNREACHABLE, "it does not stay in memory; raise [collateral] memory");
        return false;
    }
    if (!http_park(x, attest_resumed)) {
        collateral_failed(t, COLLATERAL_BUSY, "a quarter of [http] slots wait for collateral already");
        return false;
    }
    if (!FAILED(collateral_fetch(s->collateral, &want)))
        return true;
    http_unpark(x);
    collateral_failed(t, COLLATERAL_UNREACHABLE, "the store of collateral is stopping, or out of memory");
    return false;
}

static enum reason collateral_reason(struct attesting *t)
{
    static const enum reason reasons[] = {[COLLATERAL_HERE] = ATTEST_COLLATERAL,
                                          [COLLATERAL_NONE] = ATTEST_COLLATERAL_NONE,
                                          [COLLATERAL_REFUSED] = ATTEST_COLLATERAL_REFUSED,
                                          [COLLATERAL_BUSY] = ATTEST_COLLATERAL_BUSY,
                                          [COLLATERAL_UNREACHABLE] = ATTEST_COLLATERAL};
    enum reason reason = reasons[t->worst];
    record_check(&t->record, S("attest.collateral"), false, slice_text(t->item), slice_text(t->why));
    record_refuse(&t->record, reason, arena_printf(t->record.arena, "%s: %s", t->item, t->why));
    return reason;
}

static void attest_done(struct http_exchange *x)
{
    struct attesting *t = x->note;
    if (t->outcome.reason == ATTEST_COLLATERAL && t->answer.need_count) {
        if (!wait_for_collateral(x))
            attest_refuse(x, collateral_reason(t));
        return;
    }
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
    t->blank = t->record;
    t->mark = x->slot->scratch.used;
    x->note = t;
    attest_start(x);
}
