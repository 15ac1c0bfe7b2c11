/* SPDX-License-Identifier: Apache-2.0 */
#include "core/token/trust.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/token/ear.h"

#define JWKS_KEYS_MAX 64
#define VERIFIED_SLOTS 4096u /* a power of two */

/* Who signed a token that verified. */
enum signer_kind { SIGNER_NONE, SIGNER_OWN, SIGNER_JWKS, SIGNER_CHAIN, SIGNER_HEADER };

struct trusted_key {
    char kid[128];
    size_t kid_size;
    struct jws_key *key;
};

/* A signature that was verified: the digest of the whole token. Direct-mapped; one lock per stripe. */
struct verified_slot {
    uint8_t digest[32];
    uint32_t kind;
};

/* One configured issuer with its keys. */
struct trusted_issuer {
    const struct trust_issuer *settings;
    struct trust_anchors *anchors; /* NULL: none */
    struct trusted_key keys[JWKS_KEYS_MAX];
    size_t key_count;
};

struct token_trust {
    struct trust_settings settings;
    struct jws_key *own;
    struct trusted_issuer *issuers;
    pthread_mutex_t locks[16];
    struct verified_slot *verified;
    _Atomic int64_t revoked_before;
};

/* A key that verifies no tokens (for encryption, of another kind) is left out, as RFC 7517 section 5 has it. */
static result load_key(struct trusted_issuer *t, const json *k)
{
    struct jws_key *key;
    slice kid = json_text(json_get(k, S("kid")));
    if (!kid.len || FAILED(jws_key_from_jwk(k, &key)))
        return OK;
    if (t->key_count == JWKS_KEYS_MAX || kid.len > sizeof t->keys->kid) {
        jws_key_free(key);
        return FAIL(TOKEN_UNTRUSTED);
    }
    struct trusted_key *slot = &t->keys[t->key_count++];
    memcpy(slot->kid, kid.ptr, kid.len);
    slot->kid_size = kid.len;
    slot->key = key;
    return OK;
}

static result load_jwks(struct trusted_issuer *t, slice text)
{
    struct arena a;
    const json *set;
    size_t before = t->key_count;
    TRY(arena_map(&a, 64 * 1024 + 16 * text.len, ARENA_PLAIN));
    result r = json_parse(&a, text, &set);
    const json *list = FAILED(r) ? NULL : json_get(set, S("keys"));
    if (list && json_type(list) != TRUSTEE_NODE_ARRAY)
        r = FAIL(TOKEN_UNTRUSTED);
    for (const json *k = list ? json_next(list, NULL, NULL) : NULL; k && !FAILED(r); k = json_next(list, k, NULL))
        r = load_key(t, k);
    arena_unmap(&a);
    return FAILED(r) || t->key_count == before ? FAIL(TOKEN_UNTRUSTED) : OK;
}

static result load_issuer(struct trusted_issuer *t, const struct trust_issuer *s, char *error, size_t error_size)
{
    t->settings = s;
    if (s->anchors_pem.len && FAILED(trust_anchors_from_pem(s->anchors_pem, &t->anchors))) {
        snprintf(error, error_size, "issuer '%.*s': certificate: no usable certificate in the files",
                 SLICE_ARG(s->issuer));
        return FAIL(TOKEN_UNTRUSTED);
    }
    for (size_t i = 0; i < s->jwks_count; i++)
        if (FAILED(load_jwks(t, s->jwks[i]))) {
            snprintf(error, error_size,
                     "issuer '%.*s': jwks %zu: no JWK set with a signature key that has a kid, or more than %d in all",
                     SLICE_ARG(s->issuer), i + 1, JWKS_KEYS_MAX);
            return FAIL(TOKEN_UNTRUSTED);
        }
    if (t->anchors || t->key_count)
        return OK;
    snprintf(error, error_size, "issuer '%.*s' has no keys: give jwks or certificate", SLICE_ARG(s->issuer));
    return FAIL(TOKEN_UNTRUSTED);
}

static const struct trusted_issuer *issuer_named(const struct token_trust *t, slice name)
{
    for (size_t i = 0; i < t->settings.issuer_count; i++)
        if (t->issuers[i].settings && slice_equal(t->issuers[i].settings->issuer, name))
            return &t->issuers[i];
    return NULL;
}

static result trust_load(struct token_trust *t, char *error, size_t error_size)
{
    const struct trust_settings *s = &t->settings;
    if (s->own)
        TRY(jws_signer_public(s->own, &t->own));
    for (size_t i = 0; i < s->issuer_count; i++) {
        if (issuer_named(t, s->issuers[i].issuer)) {
            snprintf(error, error_size, "issuer '%.*s' stands twice: put all its keys into one section",
                     SLICE_ARG(s->issuers[i].issuer));
            return FAIL(TOKEN_UNTRUSTED);
        }
        TRY(load_issuer(&t->issuers[i], &s->issuers[i], error, error_size));
    }
    return OK;
}

result token_trust_new(const struct trust_settings *settings, struct token_trust **out, char *error, size_t error_size)
{
    struct token_trust *t = calloc(1, sizeof *t);
    ENSURE(t, NO_MEMORY);
    t->settings = *settings;
    t->verified = calloc(VERIFIED_SLOTS, sizeof *t->verified);
    for (size_t i = 0; i < sizeof t->locks / sizeof *t->locks; i++)
        pthread_mutex_init(&t->locks[i], NULL);
    t->issuers = calloc(settings->issuer_count + 1, sizeof *t->issuers);
    result r = t->verified && t->issuers ? trust_load(t, error, error_size) : FAIL(NO_MEMORY);
    if (FAILED(r)) {
        token_trust_free(t);
        return r;
    }
    *out = t;
    return OK;
}

void token_trust_free(struct token_trust *t)
{
    if (!t)
        return;
    jws_key_free(t->own);
    for (size_t i = 0; t->issuers && i < t->settings.issuer_count; i++) {
        trust_anchors_free(t->issuers[i].anchors);
        for (size_t n = 0; n < t->issuers[i].key_count; n++)
            jws_key_free(t->issuers[i].keys[n].key);
    }
    free(t->issuers);
    free(t->verified);
    free(t);
}

bool token_trust_has_key(const struct token_trust *t, const struct jws_key *key)
{
    bool found = t->own && jws_key_equal(t->own, key);
    for (size_t i = 0; i < t->settings.issuer_count; i++)
        for (size_t n = 0; n < t->issuers[i].key_count; n++)
            found = found || jws_key_equal(t->issuers[i].keys[n].key, key);
    return found;
}

static struct verified_slot *slot_of(struct token_trust *t, const uint8_t digest[32], pthread_mutex_t **lock)
{
    size_t n = ((size_t)digest[0] | (size_t)digest[1] << 8) & (VERIFIED_SLOTS - 1);
    *lock = &t->locks[n % (sizeof t->locks / sizeof *t->locks)];
    return &t->verified[n];
}

static enum signer_kind verified_get(struct token_trust *t, const uint8_t digest[32])
{
    pthread_mutex_t *lock;
    const struct verified_slot *slot = slot_of(t, digest, &lock);
    pthread_mutex_lock(lock);
    enum signer_kind kind = memcmp(slot->digest, digest, 32) == 0 ? (enum signer_kind)slot->kind : SIGNER_NONE;
    pthread_mutex_unlock(lock);
    return kind;
}

static void verified_put(struct token_trust *t, const uint8_t digest[32], enum signer_kind kind)
{
    pthread_mutex_t *lock;
    struct verified_slot *slot = slot_of(t, digest, &lock);
    pthread_mutex_lock(lock);
    memcpy(slot->digest, digest, 32);
    slot->kind = kind;
    pthread_mutex_unlock(lock);
}

static result verify_jwks(const struct trusted_issuer *t, const struct jws *j)
{
    result r = FAIL(TOKEN_UNTRUSTED);
    for (size_t i = 0; i < t->key_count; i++) {
        const struct trusted_key *k = &t->keys[i];
        if (!j->kid.ptr || !slice_equal(j->kid, slice_of(k->kid, k->kid_size)))
            continue;
        r = jws_verify(j, k->key);
        if (!FAILED(r))
            return OK;
    }
    return r;
}

static result verify_with(const struct jws *j, struct jws_key *k)
{
    result r = jws_verify(j, k);
    jws_key_free(k);
    return r;
}

/* The issuer that the token names, with whose keys alone it is verified. */
static const struct trusted_issuer *issuer_of(const struct token_trust *t, const json *claims)
{
    slice name = json_text(json_get(claims, S("iss")));
    return name.ptr ? issuer_named(t, name) : NULL;
}

static result verify_foreign(const struct token_trust *t, const struct jws *j, int64_t now, enum signer_kind *kind)
{
    struct jws_key *k = NULL;
    const struct trusted_issuer *issuer = issuer_of(t, j->payload);
    ENSURE(issuer, TOKEN_UNTRUSTED);
    *kind = SIGNER_JWKS;
    if (!j->jwk)
        return verify_jwks(issuer, j);
    *kind = SIGNER_CHAIN;
    ENSURE(issuer->anchors, TOKEN_UNTRUSTED);
    TRY(jws_key_from_x5c(j->jwk, issuer->anchors, now, &k));
    return verify_with(j, k);
}

/* A chain is judged at each use because its certificates expire: its result is never remembered. */
static result verify_signature(const struct token_trust *t, const struct jws *j, int64_t now, enum signer_kind *kind)
{
    struct jws_key *k = NULL;
    if (!j->jwk)
        return verify_foreign(t, j, now, kind);
    if (FAILED(jws_key_from_jwk(j->jwk, &k)))
        return FAIL(TOKEN_UNTRUSTED);
    *kind = t->own && jws_key_equal(k, t->own) ? SIGNER_OWN : SIGNER_HEADER;
    if (*kind == SIGNER_OWN || t->settings.insecure_header_jwk)
        return verify_with(j, k);
    jws_key_free(k);
    return verify_foreign(t, j, now, kind);
}

static result signature(struct token_trust *t, slice compact, int64_t now, struct token *token)
{
    hash_sha256(compact, token->digest);
    enum signer_kind kind = verified_get(t, token->digest);
    if (kind == SIGNER_NONE) {
        TRY(verify_signature(t, &token->jws, now, &kind));
        if (kind != SIGNER_CHAIN)
            verified_put(t, token->digest, kind);
    }
    token->own = kind == SIGNER_OWN;
    token->any_issuer = kind == SIGNER_HEADER;
    return OK;
}

void token_issued(struct token_trust *t, slice compact)
{
    uint8_t digest[32];
    hash_sha256(compact, digest);
    verified_put(t, digest, SIGNER_OWN);
}

void token_trust_revoke(struct token_trust *t, int64_t before)
{
    atomic_store(&t->revoked_before, before);
}

static bool number_claim(const json *claims, slice name, int64_t *out)
{
    return json_i64(json_get(claims, name), out);
}

static result times(const json *claims, int64_t now, int64_t leeway)
{
    int64_t exp, when;
    ENSURE(number_claim(claims, S("exp"), &exp), TOKEN_CLAIMS);
    ENSURE(exp > INT64_MIN / 2 && exp < INT64_MAX / 2, TOKEN_CLAIMS);
    ENSURE(now < exp + leeway, TOKEN_EXPIRED);
    if (json_get(claims, S("nbf"))) {
        ENSURE(number_claim(claims, S("nbf"), &when), TOKEN_CLAIMS);
        ENSURE(when <= now + leeway, TOKEN_NOT_YET);
    }
    if (json_get(claims, S("iat"))) {
        ENSURE(number_claim(claims, S("iat"), &when), TOKEN_CLAIMS);
        ENSURE(when <= now + 60, TOKEN_NOT_YET);
    }
    return OK;
}

static bool text_claim_is(const json *claims, slice name, const char *expected)
{
    slice s = json_text(json_get(claims, name));
    return s.ptr && slice_equal(s, slice_text(expected));
}

static result own_claims(const struct token_trust *t, const json *claims, slice generation)
{
    ENSURE(text_claim_is(claims, S("iss"), t->settings.own_issuer), TOKEN_CLAIMS);
    ENSURE(text_claim_is(claims, S("eat_profile"), t->settings.own_profile), TOKEN_CLAIMS);
    slice g = json_text(json_get(claims, S(EAR_GENERATION_CLAIM)));
    ENSURE(g.ptr && slice_equal(g, generation), TOKEN_GENERATION);
    int64_t issued;
    ENSURE(number_claim(claims, S("iat"), &issued), TOKEN_CLAIMS);
    ENSURE(issued >= atomic_load(&t->revoked_before), TOKEN_GENERATION);
    return OK;
}

/* A text or a list of texts, RFC 7519, 4.1.3 */
static bool audience_has(const json *claims, slice audience)
{
    const json *aud = json_get(claims, S("aud"));
    slice text = json_text(aud);
    if (text.ptr)
        return slice_equal(text, audience);
    if (!aud || json_type(aud) != TRUSTEE_NODE_ARRAY)
        return false;
    bool found = false;
    for (const json *one = json_next(aud, NULL, NULL); one; one = json_next(aud, one, NULL))
        found = found || (json_text(one).ptr && slice_equal(json_text(one), audience));
    return found;
}

static result foreign_claims(const struct trusted_issuer *issuer, const json *claims)
{
    const struct trust_issuer *s = issuer->settings;
    slice profile = json_text(json_get(claims, S("eat_profile")));
    ENSURE(!s->profile.len || (profile.ptr && slice_equal(profile, s->profile)), TOKEN_CLAIMS);
    ENSURE(!s->audience.len || audience_has(claims, s->audience), TOKEN_CLAIMS);
    return OK;
}

/* Where upstream looks for the TEE key, in its order. */
static const json *tee_key(const struct trusted_issuer *issuer, const json *claims)
{
    static const char *const standard[] = {
        "/tdx/attester_runtime_data/tee-pubkey",
        "/tdx/attester_user_data/tee-pubkey",
        "/customized_claims/runtime_data/tee-pubkey",
        "/submods/cpu0/ear.veraison.annotated-evidence/runtime_data_claims/tee-pubkey",
        "/tee-pubkey",
    };
    const json *key = NULL;
    for (size_t i = 0; issuer && i < issuer->settings->key_pointer_count && !key; i++)
        key = json_at(claims, issuer->settings->key_pointers[i]);
    for (size_t i = 0; i < sizeof standard / sizeof *standard && !key; i++)
        key = json_at(claims, slice_text(standard[i]));
    return key && json_type(key) == TRUSTEE_NODE_OBJECT ? key : NULL;
}

/* Our own tokens hold the key that the primary evidence bound, in one place only. */
static const json *own_key(const json *claims)
{
    return json_at(claims, S("/submods/cpu0/ear.veraison.annotated-evidence/runtime_data_claims/tee-pubkey"));
}

static result foreign(const struct token_trust *t, struct token *token)
{
    const struct trusted_issuer *issuer = issuer_of(t, token->claims);
    if (!token->any_issuer) {
        ENSURE(issuer, TOKEN_UNTRUSTED);
        TRY(foreign_claims(issuer, token->claims));
    }
    token->key = tee_key(issuer, token->claims);
    return OK;
}

result token_judge(struct token_trust *t, slice compact, int64_t now, slice generation, struct arena *a,
                   struct token *out)
{
    *out = (struct token){0};
    TRY(jws_parse(a, compact, &out->jws));
    TRY(signature(t, compact, now, out));
    out->claims = out->jws.payload;
    TRY(times(out->claims, now, out->own ? 0 : t->settings.leeway));
    TRY(out->own ? own_claims(t, out->claims, generation) : foreign(t, out));
    if (out->own)
        out->key = own_key(out->claims);
    ENSURE(out->key, TOKEN_KEY);
    return OK;
}
