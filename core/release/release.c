/* SPDX-License-Identifier: Apache-2.0 */
#include "core/release/release.h"

#include "core/clock/clock.h"
#include "core/policy/switches.h"
#include "core/session/challenge.h"

#define DATA_NODES 256u
#define RESOURCE_MAX (4u << 20)
#define DEADLINE_NS UINT64_C(10000000000)

static result refuse(struct record *record, enum reason why)
{
    record_refuse(record, why, NO_SLICE);
    return FAIL(why);
}

/* --- who asks ------------------------------------------------------------------------------------------------------
 */
static result session_token(struct http_exchange *x, int64_t now, slice *token)
{
    struct service *s = service_of(x);
    struct arena *a = &x->slot->scratch;
    struct challenge c;
    enum session_found found;
    slice cookie;
    ENSURE(http_cookie(x->request.cookie, S(COOKIE_NAME), &cookie), SESSION_NO_COOKIE);
    TRY(challenge_open(cookie, s->sealer, now, a, &c));
    TRY(sessions_get(s->sessions, c.id, clock_monotonic_ms(), a, &found, NULL, token));
    ENSURE(found == SESSION_TOKEN, SESSION_NOT_ATTESTED);
    return OK;
}

result release_token(struct http_exchange *x, struct record *record, struct token *out)
{
    struct service *s = service_of(x);
    struct arena *a = &x->slot->scratch;
    char basis[BASIS_SIZE + 1];
    int64_t now = clock_wall();
    slice compact;
    result r = FAIL(TOKEN_MISSING);
    basis_name(s->basis, basis);
    if (!FAILED(session_token(x, now, &compact)))
        r = token_judge(s->trust, compact, now, slice_text(basis), a, out);
    if (FAILED(r) && http_bearer(x->request.authorization, &compact))
        r = token_judge(s->trust, compact, now, slice_text(basis), a, out);
    record_check(record, S("token"), !FAILED(r), S("valid"), slice_text(reason_id(r.reason)));
    return FAILED(r) ? refuse(record, r.reason) : OK;
}

/* --- what the policy says ------------------------------------------------------------------------------------------
 */
bool resource_path_is_valid(slice path)
{
    slice part;
    unsigned parts = 0;
    while (slice_split(&path, '/', &part)) {
        parts++;
        if (!slice_is_name(part, "_-.") || part.ptr[0] == '.' || part.len > 255)
            return false;
    }
    return parts == 3;
}

static int unhex(uint8_t c)
{
    uint8_t out;
    size_t n;
    uint8_t two[2] = {'0', c};
    return hex_decode(&out, 1, slice_of(two, 2), &n) ? out : -1;
}

/* One name or value of a query: '+' is a space, %XX a byte. ptr NULL when it is malformed. */
static slice query_decode(slice s, struct arena *a)
{
    struct text t = text_begin(a);
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i] == '+' ? ' ' : s.ptr[i];
        if (c == '%') {
            int high = i + 2 < s.len ? unhex(s.ptr[i + 1]) : -1;
            int low = i + 2 < s.len ? unhex(s.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return NO_SLICE;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        text_add(&t, slice_of(&c, 1));
    }
    slice out = text_end(&t);
    return out.ptr && slice_is_utf8(out) ? out : NO_SLICE;
}

/* The last of several values of one name counts, as upstream's map has it. */
static result query_claims(slice query, struct trustee_writer *w, struct arena *a)
{
    slice names[32], values[32], pair;
    size_t count = 0;
    while (query.len && slice_split(&query, '&', &pair)) {
        if (!pair.len)
            continue;
        size_t equal = slice_find(pair, '=');
        slice name = query_decode(slice_sub(pair, 0, equal), a),
              value = query_decode(slice_sub(pair, equal + 1, pair.len), a);
        ENSURE(name.ptr && value.ptr, HTTP_PATH);
        size_t at = 0;
        while (at < count && !slice_equal(names[at], name))
            at++;
        ENSURE(at < 32, HTTP_PATH);
        names[at] = name;
        values[at] = value;
        count = at == count ? count + 1 : count;
    }
    claims_object(w, S("query"));
    for (size_t i = 0; i < count; i++)
        claims_text(w, names[i], values[i]);
    claims_close(w);
    return OK;
}

/* The document `data`: {"plugin", "resource-path", "query"} as upstream has it, and {"trustee": {"switches"}}. */
static result policy_data(const struct config *config, slice path, slice query, struct arena *a, tree *out)
{
    struct trustee_writer w;
    slice part;
    TRY(claims_begin(&w, a, DATA_NODES));
    claims_text(&w, S("plugin"), S("resource"));
    claims_array(&w, S("resource-path"));
    while (slice_split(&path, '/', &part))
        claims_text(&w, NO_SLICE, part);
    claims_close(&w);
    TRY(query_claims(query, &w, a));
    switch_claims(config, &w);
    return claims_end(&w, out);
}

static result policy_input(const struct token *token, struct arena *a, tree *out)
{
    struct trustee_writer w;
    slice key;
    TRY(claims_begin(&w, a, 64 + token->jws.payload_text.len / 2));
    for (const json *m = json_next(token->claims, NULL, &key); m; m = json_next(token->claims, m, &key))
        claims_json(&w, key, m);
    return claims_end(&w, out);
}

static result ask(struct http_exchange *x, struct policy *policy, struct trustee_request *req,
                  const struct token *token, bool *allowed)
{
    static const slice rules[] = {{(const uint8_t *)"allow", 5}};
    tree answer;
    trustee_policy_in in = {.size = sizeof in,
                            .rule_count = 1,
                            .rules = rules,
                            .now = clock_wall(),
                            .deadline_ms = policy_deadline_ms(x)};
    *allowed = false;
    TRY(policy_data(service_of(x)->config, x->request.rest, x->request.query, req->scratch, &in.data));
    TRY(policy_input(token, req->scratch, &in.input));
    TRY(policy_evaluate(policy, req, &in, &answer));
    const node *allow = tree_get(answer, tree_root(answer), S("allow"));
    *allowed = allow && allow->type == TRUSTEE_NODE_BOOL && allow->integer == 1;
    return OK;
}

/* Names everything that the policy's answer depends on; false when it depends on more than can be named. */
static bool permission_key(const struct http_exchange *x, const struct policy *policy, const struct token *token,
                           struct arena *a, uint8_t key[32])
{
    size_t mark = a->used;
    if (policy->info.flags & TRUSTEE_POLICY_IMPURE)
        return false;
    struct text t = text_begin(a);
    text_add(&t, slice_of(policy->hash, sizeof policy->hash));
    text_add(&t, slice_of(token->digest, sizeof token->digest));
    text_json(&t, x->request.rest);
    text_json(&t, x->request.query);
    slice all = text_end(&t);
    if (all.ptr)
        hash_sha256(all, key);
    a->used = mark;
    return all.ptr != NULL;
}

/* Asks the policy, unless it has allowed the very same a moment ago. */
static result ask_or_recall(struct http_exchange *x, struct policy *policy, struct trustee_request *req,
                            const struct token *token, bool *allowed)
{
    uint8_t key[32];
    struct release_memory *memory = service_of(x)->permissions;
    bool named = permission_key(x, policy, token, req->scratch, key);
    *allowed = named && release_memory_has(memory, key);
    if (*allowed)
        return OK;
    TRY(ask(x, policy, req, token, allowed));
    if (named && *allowed)
        release_memory_add(memory, key);
    return OK;
}

static result judge_policy(struct http_exchange *x, struct trustee_request *req, const struct token *token)
{
    struct service *s = service_of(x);
    struct record *record = req->record;
    bool allowed;
    struct policy *policy = policies_pin(s->policies, POLICY_RESOURCE, S(POLICY_RESOURCE_ID));
    metrics_add(s->metrics, METRIC_POLICY_EVALUATIONS);
    if (!policy)
        return refuse(record, RELEASE_NO_POLICY);
    struct text t = text_begin(req->scratch);
    text_hex(&t, slice_of(policy->hash, sizeof policy->hash));
    record->policy_hash = text_end(&t);
    result r = ask_or_recall(x, policy, req, token, &allowed);
    policy_unpin(policy);
    if (r.reason == POLICY_SLOW)
        return r; /* nothing was decided */
    metrics_add(s->metrics, FAILED(r) ? METRIC_POLICY_ERRORS
                            : allowed ? METRIC_POLICY_APPROVALS
                                      : METRIC_POLICY_VIOLATIONS);
    record_check(record, S("release.policy"), !FAILED(r) && allowed, S("allow"),
                 FAILED(r) ? slice_text(reason_id(r.reason))
                 : allowed ? S("allow")
                           : S("not allowed"));
    if (r.reason == HTTP_PATH)
        return refuse(record, r.reason);
    if (FAILED(r))
        return refuse(record, RELEASE_POLICY_FAILED);
    return allowed ? OK : refuse(record, RELEASE_DENIED);
}

/* For the record of a refusal: what the token says of the workload. */
static void record_token(struct record *record, const struct token *token)
{
    const json *cpu = json_at(token->claims, S("/submods/cpu0"));
    record->status = json_text(json_get(cpu, S("ear.status")));
    record->attestation = json_text(json_get(token->claims, S(EAR_DECISION_CLAIM)));
    const json *vector = json_get(cpu, S("ear.trustworthiness-vector"));
    struct text t = text_begin(record->arena);
    if (vector)
        json_write(&t, vector);
    record->vector = text_end(&t);
}

/* --- giving it away -------------------------------------------------------------------------------------------------
 */
static result fetch(struct http_exchange *x, struct trustee_request *req, const struct token *token, slice *jwe)
{
    struct arena *secrets = http_secret(x);
    slice secret;
    if (!secrets)
        return refuse(req->record, HTTP_BUSY);
    req->secret = secrets;
    result r = store_get(service_of(x)->store, req, S("repository"), x->request.rest, secrets, RESOURCE_MAX, &secret);
    if (!FAILED(r))
        r = jwe_encrypt_to(token->key, service_of(x)->config->release.allow_rsa1_5, secret, secrets, &x->slot->scratch,
                           jwe);
    return FAILED(r) ? refuse(req->record, r.reason) : OK;
}

result release(struct http_exchange *x, const struct token *token, struct record *record, slice *jwe)
{
    struct service *s = service_of(x);
    struct trustee_request req;
    record_token(record, token);
    if (!resource_path_is_valid(x->request.rest))
        return refuse(record, RELEASE_PATH);
    request_begin(&req, &x->slot->scratch, NULL, record, clock_monotonic_ns() + DEADLINE_NS);
    result r = judge_policy(x, &req, token);
    if (!FAILED(r)) {
        const json *evidence = json_at(token->claims, S("/submods/cpu0/ear.veraison.annotated-evidence"));
        r = bindings_judge(s->bindings, x->request.rest, evidence, record);
        if (FAILED(r))
            r = refuse(record, r.reason);
    }
    if (!FAILED(r))
        r = fetch(x, &req, token, jwe);
    request_end(&req);
    return r;
}
