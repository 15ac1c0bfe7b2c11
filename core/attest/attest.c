/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/attest.h"

#include "core/attest/appraise.h"
#include "core/attest/initdata.h"
#include "core/attest/runtime.h"
#include "core/clock/clock.h"
#include "core/policy/switches.h"

#define EVIDENCE_NODES_MIN 1024u
#define CLASSES_MAX 8
#define DEADLINE_NS UINT64_C(10000000000)
#define NEED_ROUNDS_MAX 3 /* times that a verifier may ask for collateral */

/* An item in use: claims are views into it. */
struct in_use {
    struct in_use *next;
    const struct collateral_item *item;
};

/* Everything of one attestation. */
struct attestation {
    struct http_exchange *x;
    struct service *service;
    struct arena *arena;
    struct record *record;
    struct attest_answer *answer;
    struct appraisal_request request;
    struct runtime_data runtime;
    struct init_data init;
    struct ear_submod submods[1 + ADDITIONAL_MAX];
    struct ear_appraisal appraisals[1 + ADDITIONAL_MAX];
    size_t count;
    struct {
        slice name;
        unsigned next;
    } classes[CLASSES_MAX];
    char basis[BASIS_SIZE + 1];
    struct in_use *pins;
    enum collateral_outcome came; /* of the last want of collateral; not HERE: no more will come */
    bool stale;                   /* something that has expired was handed to a verifier */
};

/* One piece of evidence. */
struct piece {
    const struct verifier *verifier;
    slice tee;
    const json *evidence;
    bool primary;
};

static result refuse(struct attestation *t, enum reason why)
{
    if (why == POLICY_SLOW)
        return FAIL(why); /* nothing was decided */
    record_refuse(t->record, why, NO_SLICE);
    return FAIL(why);
}

static result open_challenge(struct attestation *t)
{
    struct attest_answer *answer = t->answer;
    if (!http_cookie(t->x->request.cookie, S(COOKIE_NAME), &answer->cookie) || !answer->cookie.len)
        return refuse(t, SESSION_NO_COOKIE);
    result r = challenge_open(answer->cookie, t->service->sealer, t->request.now, t->arena, &answer->challenge);
    if (FAILED(r))
        return refuse(t, r.reason);
    t->record->tee = answer->challenge.tee;
    return OK;
}

static void record_digest(struct attestation *t)
{
    uint8_t digest[32];
    struct text text = text_begin(t->arena);
    hash_sha256(t->x->request.body, digest);
    text_hex(&text, slice_of(digest, sizeof digest));
    t->record->evidence_digest = text_end(&text);
}

static result read_request(struct attestation *t, const json **request)
{
    record_digest(t);
    result r = json_parse(t->arena, t->x->request.body, request);
    if (!FAILED(r))
        r = json_type(*request) == TRUSTEE_NODE_OBJECT ? runtime_data_from(*request, t->arena, &t->runtime)
                                                       : FAIL(ATTEST_REQUEST);
    if (FAILED(r))
        return refuse(t, r.reason);
    bool same = secret_equal(json_text(t->runtime.nonce), t->answer->challenge.nonce);
    record_check(t->record, S("attest.nonce"), same, NO_SLICE, NO_SLICE);
    return same ? OK : refuse(t, ATTEST_NONCE);
}

/* An answered challenge gives its token again, for the same nonce and key only, without a look at the evidence. */
static result stored_token(struct attestation *t, bool *done)
{
    enum session_found found;
    uint8_t binding[16];
    struct token token;
    slice stored;
    *done = false;
    result r = sessions_get(t->service->sessions, t->answer->challenge.id, clock_monotonic_ms(), t->arena, &found,
                            binding, &stored);
    if (FAILED(r))
        return refuse(t, r.reason);
    if (found == SESSION_ABSENT)
        return OK;
    if (!secret_equal(slice_of(binding, 16), slice_of(t->runtime.binding, 16)))
        return refuse(t, SESSION_CONSUMED);
    if (found == SESSION_GONE)
        return OK;
    r = token_judge(t->service->trust, stored, t->request.now, slice_text(t->basis), t->arena, &token);
    if (FAILED(r))
        return refuse(t, SESSION_CONSUMED);
    record_check(t->record, S("attest.session"), true, NO_SLICE, S("answered before with the same key: stored token"));
    t->answer->token = stored;
    *done = true;
    return OK;
}

/* "cpu0", "gpu0", "gpu1", … */
static slice submod_name(struct attestation *t, slice class)
{
    for (size_t i = 0; i < CLASSES_MAX; i++) {
        if (t->classes[i].name.ptr && !slice_equal(t->classes[i].name, class))
            continue;
        t->classes[i].name = class;
        return arena_printf(t->arena, "%.*s%u", SLICE_ARG(class), t->classes[i].next++);
    }
    return NO_SLICE;
}

/* What the service itself says about the evidence. Absent where there is nothing to say. */
static void service_claims(const struct piece *p, const struct verified *v, struct trustee_writer *w)
{
    bool insecure = verifier_insecure(p->verifier), unchecked = p->primary && !v->init_data_checked;
    if (!insecure && !unchecked && p->primary)
        return;
    claims_object(w, S("trustee"));
    if (insecure)
        claims_bool(w, S("insecure"), true);
    if (unchecked)
        claims_bool(w, S("init_data_checked"), false);
    if (!p->primary)
        claims_text(w, S("attached"), S("unproven"));
    claims_close(w);
}

static void runtime_claims(struct attestation *t, const struct piece *p, struct trustee_writer *w)
{
    claims_object(w, S("runtime_data_claims"));
    if (p->primary)
        claims_text(w, S("additional-evidence"), t->runtime.additional ? json_text(t->runtime.additional) : S(""));
    claims_json(w, S("nonce"), t->runtime.nonce);
    claims_json(w, S("tee-pubkey"), t->runtime.key);
    claims_close(w);
}

/* The annotated evidence: what the policy sees, and what the token carries. */
static result annotate(struct attestation *t, const struct piece *p, const struct verified *v, tree *out)
{
    struct trustee_writer w;
    /* Every claim comes from at least a few bytes of the request. */
    TRY(claims_begin(&w, t->arena, EVIDENCE_NODES_MIN + t->x->request.body.len / 4));
    claims_subtree(&w, p->tee, v->claims, tree_root(v->claims));
    if (v->init_data_claim.len) {
        claims_text(&w, S("init_data"), v->init_data_claim);
        TRY(init_data_claims(&t->init, &w, S("init_data_claims"), t->arena));
    }
    if (v->report_data_claim.len)
        claims_text(&w, S("report_data"), v->report_data_claim);
    /* The service has checked itself that the evidence binds these. */
    runtime_claims(t, p, &w);
    service_claims(p, v, &w);
    return claims_end(&w, out);
}

/* --- collateral -------------------------------------------------------------------------------------------------- */

/* What a verifier is given, and what it asked for that is not there. */
struct supply {
    trustee_collateral given[TRUSTEE_NEEDS_MAX];
    trustee_need missing[TRUSTEE_NEEDS_MAX];
    size_t count, missing_count;
    unsigned rounds;
};

static const trustee_collateral *given_before(const struct supply *s, const trustee_need *n)
{
    for (size_t i = 0; i < s->count; i++)
        if (slice_equal(s->given[i].kind, n->kind) && slice_equal(s->given[i].key, n->key))
            return &s->given[i];
    return NULL;
}

/* What is not at hand: waited for, or done without. */
static void give_nothing(struct attestation *t, struct supply *s, const trustee_need *n)
{
    bool later = n->flags & TRUSTEE_NEED_LATER, optional = later || n->flags & TRUSTEE_NEED_OPTIONAL;
    if (later && t->came == COLLATERAL_HERE)
        collateral_bring(t->service->collateral, n);
    if (!later && !(optional && t->came != COLLATERAL_HERE)) {
        s->missing[s->missing_count++] = *n;
        return;
    }
    s->given[s->count++] = (trustee_collateral){.kind = n->kind, .key = n->key};
}

static result give(struct attestation *t, struct supply *s, const trustee_need *n)
{
    if (given_before(s, n)) { /* absent, and the verifier cannot do without */
        s->missing[s->missing_count++] = *n;
        return OK;
    }
    struct in_use *pin = arena_new(t->arena, struct in_use);
    ENSURE(pin, NO_MEMORY);
    if (!collateral_pin(t->service->collateral, n, t->request.now, t->came != COLLATERAL_HERE, &pin->item)) {
        give_nothing(t, s, n);
        return OK;
    }
    pin->next = t->pins;
    t->pins = pin;
    int64_t end = collateral_facts_of(pin->item)->not_after;
    t->stale = t->stale || (end && end <= t->request.now);
    const struct collateral_item *item = pin->item;
    s->given[s->count++] = (trustee_collateral){item->kind, item->key, item->bytes, item->chain};
    return OK;
}

/* Takes what was asked for from memory. ATTEST_COLLATERAL: not all of it is there. */
static result supply(struct attestation *t, struct supply *s, const struct verified *v)
{
    bool modest = ++s->rounds <= NEED_ROUNDS_MAX && s->count + v->need_count <= TRUSTEE_NEEDS_MAX;
    ENSURE(t->service->collateral, ATTEST_COLLATERAL);
    for (size_t i = 0; i < v->need_count; i++) {
        const trustee_collateral *before = given_before(s, &v->needs[i]);
        modest = modest && (!before || (!before->bytes.len && !v->needs[i].flags));
    }
    if (!modest) {
        record_refuse(t->record, PLUGIN_FAULT,
                      S("the verifier asks for more than 8 items, in more than 3 rounds, or "
                        "for what it was given"));
        return FAIL(PLUGIN_FAULT);
    }
    for (size_t i = 0; i < v->need_count; i++)
        TRY(give(t, s, &v->needs[i]));
    if (!s->missing_count)
        return OK;
    t->answer->needs = s->missing;
    t->answer->need_count = s->missing_count;
    return FAIL(ATTEST_COLLATERAL);
}

static void unpin_all(struct attestation *t)
{
    for (; t->pins; t->pins = t->pins->next)
        collateral_unpin(t->service->collateral, t->pins->item);
}

/* Not the guest's fault that nothing newer can be had: it may come again. */
static result blame_collateral(struct attestation *t)
{
    slice text = arena_printf(t->arena, "collateral has expired and cannot be renewed; its verifier said %.*s",
                              SLICE_ARG(t->record->reason));
    t->record->reason = t->record->text = NO_SLICE;
    record_refuse(t->record, ATTEST_COLLATERAL, text);
    return FAIL(ATTEST_COLLATERAL);
}

/* Calls the verifier until it needs no more. The claims are views into what was given: it stays pinned to the end. */
static result verify_supplied(struct attestation *t, const struct piece *p, trustee_verify_in *in, struct verified *v)
{
    struct supply *s = arena_new(t->arena, struct supply);
    const struct in_use *before = t->pins;
    ENSURE(s, NO_MEMORY);
    *s = (struct supply){0};
    t->stale = false;
    result r = verifier_verify(p->verifier, &t->request.base, in, v);
    while (r.reason == ATTEST_COLLATERAL) {
        TRY(supply(t, s, v));
        in->collateral = s->given;
        in->collateral_count = s->count;
        r = verifier_verify(p->verifier, &t->request.base, in, v);
    }
    if (FAILED(r))
        return t->stale && reason_class(r.reason) == CLASS_EVIDENCE ? blame_collateral(t) : r;
    for (const struct in_use *pin = t->pins; pin != before; pin = pin->next)
        collateral_verified(t->service->collateral, pin->item);
    return OK;
}

static result verify(struct attestation *t, const struct piece *p, tree *evidence)
{
    struct verified v;
    trustee_verify_in in = {.size = sizeof in,
                            .tee = p->tee,
                            .evidence = p->evidence,
                            .report_data =
                                slice_of(p->primary ? t->runtime.primary : t->runtime.device, RUNTIME_DIGEST_SIZE),
                            .now = t->request.now};
    if (p->primary)
        in.challenge_extra = slice_of(t->answer->challenge.extra, sizeof t->answer->challenge.extra);
    if (p->primary && t->init.present)
        in.init_data = slice_of(t->init.digest, t->init.digest_size);
    result r = verify_supplied(t, p, &in, &v);
    if (r.reason == ATTEST_COLLATERAL && t->answer->need_count)
        return r;
    if (!FAILED(r))
        r = annotate(t, p, &v, evidence);
    return FAILED(r) ? refuse(t, r.reason) : OK;
}

static result appraisal_data(struct attestation *t, tree *out)
{
    struct trustee_writer w;
    TRY(claims_begin(&w, t->arena, 8 + CONFIG_SWITCHES_MAX));
    switch_claims(t->service->config, &w);
    return claims_end(&w, out);
}

static result appraise_one(struct attestation *t, slice class, tree evidence, struct ear_appraisal *out)
{
    slice id = arena_printf(t->arena, "default_%.*s", SLICE_ARG(class));
    ENSURE(id.ptr, NO_MEMORY);
    struct policy *policy = policies_pin(t->service->policies, POLICY_APPRAISAL, id);
    if (!policy)
        return refuse(t, APPRAISAL_NO_POLICY);
    struct appraisal_in in = {.policy = policy, .evidence = evidence, .timeout_ms = policy_deadline_ms(t->x)};
    result r = appraisal_data(t, &in.data);
    if (!FAILED(r))
        r = appraise(t->service->appraisals, &t->request, &in, out);
    policy_unpin(policy);
    return FAILED(r) ? refuse(t, r.reason) : OK;
}

static void record_appraisal(struct attestation *t, slice name, const struct ear_appraisal *a)
{
    enum ear_tier status = ear_status(a);
    struct text text = text_begin(t->arena);
    ear_vector_json(&text, a);
    slice vector = text_end(&text);
    slice check = arena_printf(t->arena, "appraisal.%.*s", SLICE_ARG(name));
    record_check(t->record, check, status == EAR_AFFIRMING, S("affirming"), slice_text(ear_tier_name(status)));
    if (t->count)
        return;
    t->record->vector = vector;
    t->record->status = slice_text(ear_tier_name(status));
}

/* Bytes of the names and values of a piece of evidence: neither init-data nor other devices' evidence counts. */
static uint64_t size_of(const json *v)
{
    uint64_t size = 1 + json_text(v).len + json_number(v).len;
    slice key = NO_SLICE;
    for (const json *m = json_next(v, NULL, &key); m; m = json_next(v, m, &key))
        size += key.len + size_of(m);
    return size;
}

static result judge(struct attestation *t, const struct piece *p)
{
    slice class = verifier_tee(p->verifier)->device_class, name = submod_name(t, class);
    tree evidence;
    uint64_t limit = verifier_max_evidence(p->verifier);
    if (!name.ptr)
        return refuse(t, NO_MEMORY);
    if (limit && size_of(p->evidence) > limit)
        return refuse(t, ATTEST_EVIDENCE_SIZE);
    TRY(verify(t, p, &evidence));
    struct ear_appraisal *appraisal = &t->appraisals[t->count];
    TRY(appraise_one(t, class, evidence, appraisal));
    record_appraisal(t, name, appraisal);
    t->submods[t->count++] = (struct ear_submod){name, appraisal, evidence};
    return OK;
}

static result judge_primary(struct attestation *t, const json *request)
{
    struct piece p = {.tee = t->answer->challenge.tee,
                      .evidence = json_at(request, S("/tee-evidence/primary_evidence")),
                      .primary = true};
    if (!p.evidence)
        return refuse(t, ATTEST_REQUEST);
    p.verifier = plugins_verifier(t->service->plugins, p.tee);
    if (!p.verifier)
        return refuse(t, ATTEST_NO_VERIFIER);
    if (!slice_equal(verifier_tee(p.verifier)->device_class, S("cpu")))
        return refuse(t, ATTEST_DEVICE_AS_PRIMARY);
    result r = init_data_from(json_get(request, S("init-data")), t->arena, &t->init);
    if (FAILED(r))
        return refuse(t, r.reason);
    t->answer->verified = true;
    return judge(t, &p);
}

/* A TEE with two names is one TEE. */
static bool is_among(const struct verifier *v, const struct verifier *const *seen, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (seen[i] == v)
            return true;
    return false;
}

/* The string is parsed exactly as it was hashed: no other spelling of it counts. */
static result judge_additional(struct attestation *t)
{
    const json *devices;
    slice text = t->runtime.additional ? json_text(t->runtime.additional) : NO_SLICE;
    struct piece p = {.primary = false};
    if (!text.len)
        return OK;
    if (FAILED(json_parse(t->arena, text, &devices)) || json_type(devices) != TRUSTEE_NODE_OBJECT ||
        json_count(devices) > ADDITIONAL_MAX)
        return refuse(t, ATTEST_ADDITIONAL);
    const struct verifier *seen[ADDITIONAL_MAX];
    size_t count = 0;
    for (p.evidence = json_next(devices, NULL, &p.tee); p.evidence;
         p.evidence = json_next(devices, p.evidence, &p.tee)) {
        p.verifier = plugins_verifier(t->service->plugins, p.tee);
        if (!p.verifier)
            return refuse(t, ATTEST_NO_VERIFIER);
        if (slice_equal(verifier_tee(p.verifier)->device_class, S("cpu")) || is_among(p.verifier, seen, count))
            return refuse(t, ATTEST_ADDITIONAL);
        seen[count++] = p.verifier;
        TRY(judge(t, &p));
    }
    return OK;
}

static result issue(struct attestation *t)
{
    slice token;
    char id[33] = "";
    const struct challenge *c = &t->answer->challenge;
    hex_encode((uint8_t *)id, slice_of(t->record->id, sizeof t->record->id));
    struct ear_subject subject = {t->submods, t->count, slice_text(t->basis), slice_text(id)};
    result r = ear_issue(t->service->issuer, &subject, t->request.now, t->arena, &token);
    if (FAILED(r))
        return refuse(t, r.reason);
    token_issued(t->service->trust, token);
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t left = (uint64_t)(c->expiry + 2 * CHALLENGE_SKEW - t->request.now) * 1000;
    r = sessions_put(t->service->sessions, c->id, t->runtime.binding, token, now_ms, now_ms + left, t->arena,
                     &t->answer->token);
    return FAILED(r) ? refuse(t, r.reason) : OK;
}

static result run(struct attestation *t)
{
    const json *request;
    bool done;
    TRY(open_challenge(t));
    TRY(read_request(t, &request));
    TRY(stored_token(t, &done));
    if (done)
        return OK;
    TRY(judge_primary(t, request));
    TRY(judge_additional(t));
    return issue(t);
}

result attest(struct http_exchange *x, struct record *record, enum collateral_outcome came, struct attest_answer *out)
{
    struct service *s = service_of(x);
    struct attestation *t = arena_new(&x->slot->scratch, struct attestation);
    ENSURE(t, NO_MEMORY);
    *out = (struct attest_answer){0};
    *t = (struct attestation){
        .x = x, .service = s, .arena = &x->slot->scratch, .record = record, .answer = out, .came = came};
    /* The name first: if anything is tightened meanwhile, the token is refused at its use, and never the other way. */
    basis_name(s->basis, t->basis);
    struct refval_pin pin = refval_pin(s->reference_values);
    request_begin(&t->request.base, t->arena, NULL, record, clock_monotonic_ns() + DEADLINE_NS);
    t->request.values = pin.snapshot;
    t->request.now = clock_wall();
    result r = run(t);
    unpin_all(t);
    request_end(&t->request.base);
    refval_unpin(s->reference_values, pin);
    return r;
}
