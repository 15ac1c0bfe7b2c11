/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/handshake.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock/clock.h"

#define TOKEN_MAX ((size_t)256 << 10)
#define NONCE_MAX 1024
#define LIFE_DEFAULT_S 300
#define LIFE_MAX_S 86400
#define MARGIN_S 30

struct session *session_hold(struct session *s)
{
    atomic_fetch_add(&s->references, 1);
    return s;
}

void session_release(struct session *s)
{
    if (!s || atomic_fetch_sub(&s->references, 1) != 1)
        return;
    jwe_private_free(s->key);
    arena_unmap(&s->secret);
    free(s);
}

static result session_new(slice algorithm, struct session **out)
{
    struct session *s = calloc(1, sizeof *s);
    *out = NULL;
    ENSURE(s, NO_MEMORY);
    atomic_init(&s->references, 1);
    result r = arena_map(&s->secret, TOKEN_MAX, ARENA_SECRET);
    if (!FAILED(r))
        r = jwe_private_generate(algorithm, &s->key);
    if (FAILED(r)) {
        session_release(s);
        return r;
    }
    *out = s;
    return OK;
}

result handshake_judge(const char *step, long status, struct failure *why)
{
    if (status == 200)
        return OK;
    if (status == 404 || status == 405)
        return failure_set(why, AGENT_ANSWER, step, "the service answers %ld: is there a KBS at this URL?", status);
    if (status >= 400 && status < 500)
        return failure_set(why, AGENT_REFUSED, step, "the service refused at step %s with %ld %s", step, status,
                           why->type);
    if (status >= 500)
        return failure_set(why, AGENT_SERVICE, step, "the service failed at step %s with %ld %s", step, status,
                           why->type);
    return failure_set(why, AGENT_ANSWER, step, "the service answers %ld, which the protocol does not have", status);
}

static result bad_answer(const char *step, struct failure *why)
{
    return failure_set(why, AGENT_ANSWER, step, "the service's answer at step %s is not as the protocol has it", step);
}

static result post(const struct handshake *h, const struct kbs_request *q, const json **out, struct failure *why)
{
    struct kbs_reply reply;
    TRY(kbs_call(h->client, q, h->deadline_ms, h->memory, &reply, why));
    TRY(handshake_judge(q->step, reply.status, why));
    if (FAILED(json_parse(h->memory.plain, reply.body, out)))
        return bad_answer(q->step, why);
    return OK;
}

/* --- challenge --------------------------------------------------------------------------------------------------- */

struct challenge {
    slice nonce;     /* as the text that it came as */
    slice algorithm; /* hash for the runtime data */
};

static result take_challenge(const json *answer, struct challenge *out, struct failure *why)
{
    slice chosen = json_text(json_get(json_get(answer, S("extra-params")), S("selected-hash-algorithm")));
    bool known = slice_equal(chosen, S("sha256")) || slice_equal(chosen, S("sha512"));
    out->nonce = json_text(json_get(answer, S("nonce")));
    out->algorithm = known ? chosen : S("sha384");
    if (out->nonce.len == 0 || out->nonce.len > NONCE_MAX)
        return bad_answer("auth", why);
    if (chosen.ptr && !known && !slice_equal(chosen, S("sha384")))
        return bad_answer("auth", why);
    return OK;
}

static result ask_challenge(const struct handshake *h, struct challenge *out, struct failure *why)
{
    const json *answer;
    struct text t = text_begin(h->memory.plain);
    text_lit(&t, "{\"version\":\"0.4.0\",\"tee\":\"");
    text_add(&t, slice_text(h->attester->tee));
    text_lit(&t, "\",\"extra-params\":{\"supported-hash-algorithms\":[\"sha256\",\"sha384\",\"sha512\"]}}");
    struct kbs_request q = {.step = "auth", .path = "/kbs/v0/auth", .body = text_end(&t), .keep_cookies = true};
    ENSURE(q.body.ptr, NO_MEMORY);
    TRY(post(h, &q, &answer, why));
    return take_challenge(answer, out, why);
}

/* --- evidence ---------------------------------------------------------------------------------------------------- */

/* The members that are hashed, in the order and form of RFC 8785; `additional` is left out of what is sent. */
static result runtime_data(const struct challenge *c, slice jwk, bool additional, struct arena *a, slice *out)
{
    const json *key;
    TRY(json_parse(a, jwk, &key));
    struct text t = text_begin(a);
    text_lit(&t, "{");
    if (additional)
        text_lit(&t, "\"additional-evidence\":\"\",");
    text_lit(&t, "\"nonce\":");
    text_json(&t, c->nonce);
    text_lit(&t, ",\"tee-pubkey\":");
    TRY(json_canonical(&t, key));
    text_lit(&t, "}");
    *out = text_end(&t);
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}

static result gather(const struct handshake *h, const struct challenge *c, slice jwk, slice *evidence,
                     struct failure *why)
{
    const struct settings *s = h->settings;
    slice hashed;
    uint8_t digest[64];
    TRY(runtime_data(c, jwk, true, h->memory.plain, &hashed));
    size_t size = hash_named(c->algorithm, hashed, digest);
    ENSURE(size > 0, CRYPTO);
    struct attester_query q = {
        .options = &s->attester,
        .report_data = slice_of(digest, size),
        .init_data_digest = slice_of(s->init_data.digest, s->init_data.digest_size),
    };
    return attester_gather(h->attester, &q, h->memory.plain, evidence, why);
}

/* --- attestation ------------------------------------------------------------------------------------------------- */

static slice attestation(const struct handshake *h, slice runtime, slice evidence)
{
    struct text t = text_begin(h->memory.plain);
    text_lit(&t, "{\"init-data\":");
    if (h->settings->init_data.digest_size) {
        text_lit(&t, "{\"format\":\"toml\",\"body\":");
        text_json(&t, h->settings->init_data.text);
        text_lit(&t, "}");
    } else {
        text_lit(&t, "null");
    }
    text_lit(&t, ",\"runtime-data\":");
    text_add(&t, runtime);
    text_lit(&t, ",\"tee-evidence\":{\"primary_evidence\":");
    text_add(&t, evidence);
    text_lit(&t, ",\"additional_evidence\":\"\"}}");
    return text_end(&t);
}

static result take_token(const struct handshake *h, const json *answer, struct session *s, struct failure *why)
{
    slice token = json_text(json_get(answer, S("token")));
    if (token.len == 0 || token.len >= TOKEN_MAX || !slice_is_name(token, "-_."))
        return bad_answer("attest", why);
    s->token = arena_copy(&s->secret, token);
    ENSURE(s->token.ptr, NO_MEMORY);
    s->use_until_ms = clock_monotonic_ms() + token_life_ms(token, h->memory.plain);
    return OK;
}

static result attest(const struct handshake *h, struct session *s, struct failure *why)
{
    struct challenge challenge;
    slice jwk, evidence, runtime;
    const json *answer;
    TRY(jwe_private_jwk(s->key, h->memory.plain, &jwk));
    TRY(ask_challenge(h, &challenge, why));
    TRY(gather(h, &challenge, jwk, &evidence, why));
    TRY(runtime_data(&challenge, jwk, false, h->memory.plain, &runtime));
    struct kbs_request q = {
        .step = "attest",
        .path = "/kbs/v0/attest",
        .body = attestation(h, runtime, evidence),
        .keep_cookies = true,
    };
    ENSURE(q.body.ptr, NO_MEMORY);
    TRY(post(h, &q, &answer, why));
    return take_token(h, answer, s, why);
}

result handshake_run(const struct handshake *h, struct session **out, struct failure *why)
{
    struct session *s;
    *out = NULL;
    TRY(session_new(h->settings->key_algorithm, &s));
    result r = attest(h, s, why);
    if (FAILED(r)) {
        session_release(s);
        return r;
    }
    *out = s;
    return OK;
}

/* --- a token's life ---------------------------------------------------------------------------------------------- */

/* The decoded payload of a compact JWS; NULL where it is none. Who signed it is the service's business. */
static const json *token_payload(slice token, struct arena *a)
{
    slice header, payload;
    const json *document = NULL;
    if (!slice_split(&token, '.', &header) || !slice_split(&token, '.', &payload))
        return NULL;
    size_t room = BASE64_DECODED_MAX(payload.len), length;
    uint8_t *decoded = arena_alloc(a, room, 1);
    if (!decoded || !base64url_decode(decoded, room, payload, &length))
        return NULL;
    return FAILED(json_parse(a, slice_of(decoded, length), &document)) ? NULL : document;
}

uint64_t token_life_ms(slice token, struct arena *a)
{
    const json *payload = token_payload(token, a);
    int64_t issued, expires, life = LIFE_DEFAULT_S;
    if (json_i64(json_get(payload, S("exp")), &expires)) {
        if (!json_i64(json_get(payload, S("iat")), &issued))
            issued = clock_wall();
        if (issued < 0 || expires <= issued)
            return 0;
        life = expires - issued;
    }
    life = life > LIFE_MAX_S ? LIFE_MAX_S : life;
    int64_t margin = life / 4 < MARGIN_S ? life / 4 : MARGIN_S;
    return (uint64_t)(life - margin) * 1000;
}
