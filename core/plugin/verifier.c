/* SPDX-License-Identifier: Apache-2.0
 *
 * The facade of verifiers. Nothing that a verifier says is believed before it is checked here, and the fields that bind
 * the evidence to the session are compared here once more. No heap: all memory is the request's scratch.
 */
#include "core/plugin/internal.h"

#include "lib/signature/signature.h"

#define CLAIM_TEXT_MAX 4096
#define NEED_TEXT_MAX 1024
#define NONCE_MAX 65536

const struct verifier *plugins_verifier(const struct plugins *p, slice tee)
{
    tee = tee_canonical(tee);
    for (size_t i = 0; i < p->verifier_count; i++)
        if (slice_equal(p->verifiers[i].tee.name, tee))
            return &p->verifiers[i];
    return NULL;
}

const trustee_tee *verifier_tee(const struct verifier *v)
{
    return &v->tee;
}

bool verifier_insecure(const struct verifier *v)
{
    return v->plugin->insecure;
}

uint64_t verifier_max_evidence(const struct verifier *v)
{
    return v->plugin->verifier->max_evidence;
}

slice verifier_plugin_name(const struct verifier *v)
{
    return slice_text(v->plugin->name);
}

/* --- one call --- */

struct verification {
    const struct verifier *verifier;
    struct trustee_request *req;
    const trustee_verify_in *in;
    trustee_verify_out answer;
    struct trustee_writer claims;
    trustee_need *needs; /* room for TRUSTEE_NEEDS_MAX */
    struct verified *out;
};

static result refuse_evidence(const struct verification *x, enum reason why, slice text)
{
    if (x->req->record)
        record_refuse(x->req->record, why, text);
    return FAIL((uint16_t)why);
}

static slice hex_of(struct arena *a, slice bytes)
{
    struct text t = text_begin(a);
    text_hex(&t, bytes);
    return text_end(&t);
}

static void note(const struct verification *x, slice name, bool passed, slice expected, slice actual)
{
    struct arena *a = x->req->scratch;
    if (!slice_is_sane(actual, UINT32_MAX))
        actual = NO_SLICE;
    if (x->req->record)
        record_check(x->req->record, name, passed, hex_of(a, expected), hex_of(a, slice_sub(actual, 0, 128)));
}

/* --- bindings --- */

/* A PCR that was extended once, from its reset value. */
static bool pcr_equal(slice field, slice expected)
{
    uint8_t material[64] = {0}, pcr[32];
    if (expected.len != 32 || field.len != 32)
        return false;
    memcpy(material + 32, expected.ptr, 32);
    return !FAILED(sha256(slice_of(material, sizeof material), pcr)) && secret_equal(field, slice_of(pcr, sizeof pcr));
}

static bool binds(slice field, slice expected, uint32_t rule, uint32_t width)
{
    if (!slice_is_sane(field, UINT32_MAX))
        return false;
    return rule == TRUSTEE_BIND_PCR ? pcr_equal(field, expected) : trustee_bind_equal(field, expected, rule, width);
}

static result check_report_data(const struct verification *x)
{
    const trustee_tee *t = &x->verifier->tee;
    bool equal = binds(x->answer.report_data, x->in->report_data, t->report_rule, t->report_width);
    note(x, S("binding.report_data"), equal, x->in->report_data, x->answer.report_data);
    return equal ? OK : refuse_evidence(x, ATTEST_REPORT_DATA, NO_SLICE);
}

/* Absent is bearable only where upstream's evidence may lack the field; the claim then says that nothing was checked.
 */
static bool init_data_may_be_absent(uint32_t rule)
{
    return rule == TRUSTEE_BIND_PCR || rule == TRUSTEE_BIND_ECHO || rule == TRUSTEE_BIND_NONE;
}

static result check_init_data(const struct verification *x)
{
    const trustee_tee *t = &x->verifier->tee;
    slice field = x->answer.init_data, expected = x->in->init_data;
    if (expected.len == 0 || t->init_rule == TRUSTEE_BIND_ECHO || t->init_rule == TRUSTEE_BIND_NONE)
        return OK;
    if (field.len == 0 && init_data_may_be_absent(t->init_rule))
        return OK;
    bool equal = binds(field, expected, t->init_rule, t->init_width);
    note(x, S("binding.init_data"), equal, expected, field);
    x->out->init_data_checked = equal;
    if (t->init_rule == TRUSTEE_BIND_PCR && expected.len != 32)
        return refuse_evidence(x, ATTEST_INIT_DATA, S("this TEE binds a SHA-256 digest of the init-data only"));
    return equal ? OK : refuse_evidence(x, ATTEST_INIT_DATA, NO_SLICE);
}

/* --- what came back --- */

static result take_claim_text(const struct verification *x, slice given, slice *out)
{
    if (!slice_is_sane(given, CLAIM_TEXT_MAX) || !slice_is_utf8(given))
        return refuse_evidence(x, ATTEST_CLAIMS, S("a text for report_data or init_data is too long or not UTF-8"));
    *out = given.len ? arena_copy(x->req->scratch, given) : NO_SLICE;
    return given.len && !out->ptr ? refuse_evidence(x, NO_MEMORY, NO_SLICE) : OK;
}

/* What the TEE cannot carry is echoed, as upstream does it, so that the init-data's claims appear in the token;
 * init_data_checked tells that nothing was compared. */
static result echo_init_data(const struct verification *x)
{
    if (x->verifier->tee.init_rule != TRUSTEE_BIND_ECHO || x->in->init_data.len == 0)
        return OK;
    struct text t = text_begin(x->req->scratch);
    text_base64(&t, x->in->init_data);
    x->out->init_data_claim = text_end(&t);
    return x->out->init_data_claim.ptr ? OK : refuse_evidence(x, NO_MEMORY, NO_SLICE);
}

static result take_claims(struct verification *x)
{
    /* claims_end() would close what is open; a plugin that leaves something open is not sure of what it wrote. */
    if (x->claims.depth != 1)
        x->claims.failed = true;
    result r = claims_end(&x->claims, &x->out->claims);
    if (FAILED(r))
        return refuse_evidence(x, (enum reason)r.reason, NO_SLICE);
    TRY(take_claim_text(x, x->answer.report_data_claim, &x->out->report_data_claim));
    TRY(take_claim_text(x, x->answer.init_data_claim, &x->out->init_data_claim));
    return x->out->init_data_claim.len ? OK : echo_init_data(x);
}

static result take_genuine(struct verification *x)
{
    if (x->req->rejected)
        return refuse_evidence(x, ATTEST_REFUSED, S("the verifier rejected the evidence, and then called it genuine"));
    if (x->answer.verdict != TRUSTEE_VERDICT_GENUINE)
        return refuse_evidence(x, ATTEST_REFUSED, S("the verifier gave no verdict"));
    if (x->answer.not_after && x->answer.not_after <= x->in->now)
        return refuse_evidence(x, ATTEST_REFUSED, S("the verifier's verdict has expired"));
    TRY(check_report_data(x));
    TRY(check_init_data(x));
    TRY(take_claims(x));
    x->out->not_after = x->answer.not_after;
    return OK;
}

static bool is_need(const trustee_need *n)
{
    return slice_is_sane(n->kind, 64) && slice_is_name(n->kind, "-_/.") && slice_is_sane(n->key, NEED_TEXT_MAX) &&
           n->key.len;
}

static result keep_need(const struct verification *x, trustee_need *n)
{
    if (!is_need(n))
        return plugin_breach(x->verifier->plugin, x->req, PLUGIN_FAULT, "NEED of an item without kind or key");
    *n = (trustee_need){arena_copy(x->req->scratch, n->kind), arena_copy(x->req->scratch, n->key), n->flags};
    return n->kind.ptr && n->key.ptr ? OK : refuse_evidence(x, NO_MEMORY, NO_SLICE);
}

static result take_needs(const struct verification *x)
{
    uint64_t count = x->answer.need_count;
    if (x->req->rejected)
        return FAIL(ATTEST_REFUSED);
    if (count == 0 || count > TRUSTEE_NEEDS_MAX)
        return plugin_breach(x->verifier->plugin, x->req, PLUGIN_FAULT, "NEED without 1 to 8 items");
    for (uint64_t i = 0; i < count; i++)
        TRY(keep_need(x, &x->needs[i]));
    x->out->needs = x->needs;
    x->out->need_count = count;
    return FAIL(ATTEST_COLLATERAL);
}

static result judge(struct verification *x, trustee_status status)
{
    switch (status) {
    case TRUSTEE_OK:
        return take_genuine(x);
    case TRUSTEE_REJECT:
        return refuse_evidence(x, ATTEST_REFUSED, S("the verifier gave no reason"));
    case TRUSTEE_NEED:
        return take_needs(x);
    default:
        return plugin_fault(x->verifier->plugin, x->req, PLUGIN_FAULT, "verify", status);
    }
}

static result prepare(struct verification *x, trustee_verify_in *in)
{
    x->needs = arena_array(x->req->scratch, trustee_need, TRUSTEE_NEEDS_MAX);
    ENSURE(x->needs, NO_MEMORY);
    memset(x->needs, 0, TRUSTEE_NEEDS_MAX * sizeof *x->needs);
    TRY(claims_begin_in(&x->claims, x->req->scratch));
    *in = *x->in;
    in->size = sizeof *in;
    in->tee = x->verifier->tee.name;
    x->answer = (trustee_verify_out){.size = sizeof x->answer, .claims = &x->claims, .needs = x->needs};
    x->req->rejected = false;
    return OK;
}

/* Checks that a call left which has to be made again. */
static void forget_checks(struct record *r, const struct record *before)
{
    if (!r)
        return;
    r->checks = before->checks;
    r->last_check = before->last_check;
    r->check_count = before->check_count;
    if (r->last_check)
        r->last_check->next = NULL;
}

result verifier_verify(const struct verifier *v, struct trustee_request *req, const trustee_verify_in *in,
                       struct verified *out)
{
    struct verification x = {.verifier = v, .req = req, .in = in, .out = out};
    struct record before = req->record ? *req->record : (struct record){0};
    trustee_verify_in given;
    *out = (struct verified){0};
    result r = prepare(&x, &given);
    if (FAILED(r))
        return refuse_evidence(&x, (enum reason)r.reason, NO_SLICE);
    struct visit visit = plugin_enter(v->plugin, req);
    trustee_status status = v->plugin->verifier->verify(v->plugin->instance, req, &given, &x.answer);
    plugin_leave(&visit);
    r = judge(&x, status);
    if (r.reason == ATTEST_COLLATERAL)
        forget_checks(req->record, &before);
    else if (FAILED(r))
        *out = (struct verified){0};
    return r;
}

/* --- challenges --- */

bool verifier_has_challenge(const struct verifier *v)
{
    return v->plugin->verifier->challenge != NULL;
}

static result take_text(const struct verifier *v, struct trustee_request *req, slice *text)
{
    if (!slice_is_sane(*text, NONCE_MAX) || !slice_is_utf8(*text))
        return plugin_breach(v->plugin, req, PLUGIN_FAULT, "a challenge that is too long or not UTF-8");
    *text = text->len ? arena_copy(req->scratch, *text) : S("");
    ENSURE(text->ptr, NO_MEMORY);
    return OK;
}

result verifier_challenge(const struct verifier *v, struct trustee_request *req, const json *params, slice *nonce,
                          slice *extra_params)
{
    *nonce = *extra_params = NO_SLICE;
    ENSURE(verifier_has_challenge(v), INTERNAL);
    struct visit visit = plugin_enter(v->plugin, req);
    trustee_status status =
        v->plugin->verifier->challenge(v->plugin->instance, req, v->tee.name, params, nonce, extra_params);
    plugin_leave(&visit);
    if (status == TRUSTEE_REJECT)
        return FAIL(AUTH_REQUEST);
    if (status != TRUSTEE_OK)
        return plugin_fault(v->plugin, req, PLUGIN_FAULT, "challenge", status);
    TRY(take_text(v, req, nonce));
    TRY(take_text(v, req, extra_params));
    return nonce->len ? OK : plugin_breach(v->plugin, req, PLUGIN_FAULT, "a challenge without a nonce");
}
