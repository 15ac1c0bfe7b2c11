/* SPDX-License-Identifier: Apache-2.0 */
#include "core/token/ear.h"

#include <stdlib.h>

#define EXTENSIONS_MAX 64

static const char *const NAMES[EAR_CLAIMS] = {
    [EAR_INSTANCE_IDENTITY] = "instance-identity",
    [EAR_CONFIGURATION] = "configuration",
    [EAR_EXECUTABLES] = "executables",
    [EAR_FILE_SYSTEM] = "file-system",
    [EAR_HARDWARE] = "hardware",
    [EAR_RUNTIME_OPAQUE] = "runtime-opaque",
    [EAR_STORAGE_OPAQUE] = "storage-opaque",
    [EAR_SOURCED_DATA] = "sourced-data",
};

const char *ear_claim_name(enum ear_claim c)
{
    return NAMES[c];
}

enum ear_tier ear_tier_of(int v)
{
    if (v >= -1 && v <= 1)
        return EAR_NONE;
    if (v >= -32 && v <= 31)
        return EAR_AFFIRMING;
    return v >= -96 && v <= 95 ? EAR_WARNING : EAR_CONTRAINDICATED;
}

enum ear_tier ear_status(const struct ear_appraisal *a)
{
    enum ear_tier worst = EAR_NONE;
    for (int i = 0; i < EAR_CLAIMS; i++)
        if (a->set[i] && ear_tier_of(a->vector[i]) > worst)
            worst = ear_tier_of(a->vector[i]);
    return worst;
}

const char *ear_tier_name(enum ear_tier t)
{
    static const char *const names[] = {"none", "affirming", "warning", "contraindicated"};
    return names[t];
}

static int claim_by_name(slice name)
{
    for (int i = 0; i < EAR_CLAIMS; i++)
        if (slice_equal(name, slice_text(NAMES[i])))
            return i;
    return -1;
}

static result vector_from(tree answer, const node *claims, struct ear_appraisal *out)
{
    ENSURE(claims->type == TRUSTEE_NODE_OBJECT, APPRAISAL_VECTOR);
    for (const node *n = tree_next(answer, claims, NULL); n; n = tree_next(answer, claims, n)) {
        int claim = claim_by_name(n->key);
        ENSURE(claim >= 0 && n->type == TRUSTEE_NODE_INT, APPRAISAL_VECTOR);
        ENSURE(n->integer >= INT8_MIN && n->integer <= INT8_MAX, APPRAISAL_VECTOR);
        out->vector[claim] = (int8_t)n->integer;
        out->set[claim] = true;
    }
    return OK;
}

/* A submodule's own members, which no policy may write over. */
static bool is_own_member(slice name)
{
    static const char *const own[] = {"ear.status", "ear.trustworthiness-vector", "ear.appraisal-policy-id",
                                      "ear.veraison.annotated-evidence"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (slice_equal(name, slice_text(own[i])))
            return true;
    return false;
}

/* Each is {name, key, value}, and each name stands once: a token with a member twice could be read in two ways. */
static result extensions_from(tree answer, const node *list)
{
    ENSURE(list->type == TRUSTEE_NODE_ARRAY && list->integer <= EXTENSIONS_MAX, APPRAISAL_VECTOR);
    for (const node *e = tree_next(answer, list, NULL); e; e = tree_next(answer, list, e)) {
        slice name = node_text(tree_get(answer, e, S("name")));
        ENSURE(name.ptr && !is_own_member(name) && tree_get(answer, e, S("value")), APPRAISAL_VECTOR);
        for (const node *other = tree_next(answer, list, NULL); other != e; other = tree_next(answer, list, other))
            ENSURE(!slice_equal(name, node_text(tree_get(answer, other, S("name")))), APPRAISAL_VECTOR);
    }
    return OK;
}

result ear_appraisal_from(tree answer, struct ear_appraisal *out)
{
    *out = (struct ear_appraisal){0};
    const node *root = tree_root(answer);
    const node *claims = root ? tree_get(answer, root, S("trust_claims")) : NULL;
    const node *extensions = root ? tree_get(answer, root, S("extensions")) : NULL;
    if (extensions) {
        TRY(extensions_from(answer, extensions));
        out->answer = answer;
    }
    if (claims)
        return vector_from(answer, claims, out);
    for (int i = 0; i < EAR_CLAIMS; i++)
        out->set[i] = true;
    return OK;
}

void ear_vector_json(struct text *t, const struct ear_appraisal *a)
{
    bool first = true;
    text_lit(t, "{");
    for (int i = 0; i < EAR_CLAIMS; i++) {
        if (!a->set[i])
            continue;
        text_add(t, first ? S("\"") : S(",\""));
        text_add(t, slice_text(NAMES[i]));
        text_lit(t, "\":");
        text_i64(t, a->vector[i]);
        first = false;
    }
    text_lit(t, "}");
}

struct ear_issuer {
    const struct jws_signer *signer;
    struct ear_settings settings;
    struct arena arena;
    slice header;
};

result ear_issuer_new(const struct jws_signer *signer, const struct ear_settings *settings, struct ear_issuer **out)
{
    slice jwk;
    struct ear_issuer *i = calloc(1, sizeof *i);
    ENSURE(i, NO_MEMORY);
    *out = i;
    i->signer = signer;
    i->settings = *settings;
    TRY(arena_map(&i->arena, 65536 + settings->certificates.len, ARENA_PLAIN));
    TRY(jws_signer_jwk(signer, &i->arena, &jwk));
    struct text t = text_begin(&i->arena);
    text_lit(&t, "{\"typ\":\"JWT\",\"alg\":");
    text_json(&t, slice_text(jws_signer_alg(signer)));
    text_lit(&t, ",\"jwk\":");
    text_add(&t, slice_of(jwk.ptr, jwk.len - 1));
    if (settings->certificates.len) {
        text_lit(&t, ",\"x5c\":");
        text_add(&t, settings->certificates);
    }
    if (settings->certificate_url.len) {
        text_lit(&t, ",\"x5u\":");
        text_json(&t, settings->certificate_url);
    }
    text_lit(&t, "}}");
    i->header = text_end(&t);
    ENSURE(i->header.ptr, NO_MEMORY);
    return OK;
}

slice ear_issuer_jwk(const struct ear_issuer *i)
{
    slice mark = S("\"jwk\":"), rest = i->header;
    while (rest.len && !slice_starts(rest, mark))
        rest = slice_sub(rest, 1, rest.len);
    return slice_sub(rest, mark.len, rest.len - mark.len - 1);
}

void ear_issuer_free(struct ear_issuer *i)
{
    if (!i)
        return;
    arena_unmap(&i->arena);
    free(i);
}

static void member_text(struct text *t, const char *key, const char *value)
{
    text_json(t, slice_text(key));
    text_lit(t, ":");
    text_json(t, slice_text(value));
}

static void extensions_json(struct text *t, tree answer)
{
    const node *root = tree_root(answer);
    const node *list = root ? tree_get(answer, root, S("extensions")) : NULL;
    for (const node *e = list ? tree_next(answer, list, NULL) : NULL; e; e = tree_next(answer, list, e)) {
        text_lit(t, ",");
        text_json(t, node_text(tree_get(answer, e, S("name"))));
        text_lit(t, ":");
        tree_json(t, answer, tree_get(answer, e, S("value")), true);
    }
}

static bool is_key(const node *n, const char *key)
{
    return slice_equal(n->key, slice_text(key));
}

/* The members of an object but one. */
static void object_without(struct text *t, tree of, const node *object, const char *left_out)
{
    bool first = true;
    text_lit(t, "{");
    for (const node *n = tree_next(of, object, NULL); n; n = tree_next(of, object, n)) {
        if (is_key(n, left_out))
            continue;
        if (!first)
            text_lit(t, ",");
        text_json(t, n->key);
        text_lit(t, ":");
        tree_json(t, of, n, true);
        first = false;
    }
    text_lit(t, "}");
}

static void evidence_json(struct text *t, tree evidence, bool verbose)
{
    const node *root = tree_root(evidence);
    bool first = true;
    if (verbose) {
        tree_json(t, evidence, root, true);
        return;
    }
    text_lit(t, "{");
    for (const node *n = tree_next(evidence, root, NULL); n; n = tree_next(evidence, root, n)) {
        if (!first)
            text_lit(t, ",");
        text_json(t, n->key);
        text_lit(t, ":");
        if (is_key(n, "runtime_data_claims") && n->type == TRUSTEE_NODE_OBJECT)
            object_without(t, evidence, n, "additional-evidence");
        else
            tree_json(t, evidence, n, true);
        first = false;
    }
    text_lit(t, "}");
}

static void submod_json(struct text *t, const struct ear_issuer *i, const struct ear_submod *s)
{
    text_json(t, s->name);
    text_lit(t, ":{");
    member_text(t, "ear.status", ear_tier_name(ear_status(s->appraisal)));
    text_lit(t, ",\"ear.trustworthiness-vector\":");
    ear_vector_json(t, s->appraisal);
    text_lit(t, ",");
    member_text(t, "ear.appraisal-policy-id", i->settings.policy_id);
    text_lit(t, ",\"ear.veraison.annotated-evidence\":");
    evidence_json(t, s->evidence, i->settings.verbose);
    extensions_json(t, s->appraisal->answer);
    text_lit(t, "}");
}

result ear_issue(const struct ear_issuer *i, const struct ear_subject *subject, int64_t now, struct arena *a,
                 slice *out)
{
    struct text t = text_begin(a);
    text_lit(&t, "{");
    member_text(&t, "eat_profile", i->settings.profile);
    text_lit(&t, ",\"iat\":");
    text_i64(&t, now);
    text_lit(&t, ",\"ear.verifier-id\":{");
    member_text(&t, "developer", i->settings.developer);
    text_lit(&t, ",");
    member_text(&t, "build", i->settings.build);
    text_lit(&t, "},\"submods\":{");
    for (size_t n = 0; n < subject->count; n++) {
        if (n)
            text_lit(&t, ",");
        submod_json(&t, i, &subject->submods[n]);
    }
    text_lit(&t, "},\"exp\":");
    text_i64(&t, now + i->settings.life);
    text_lit(&t, ",");
    member_text(&t, "iss", i->settings.issuer);
    text_lit(&t, ",\"" EAR_GENERATION_CLAIM "\":");
    text_json(&t, subject->generation);
    text_lit(&t, ",\"" EAR_DECISION_CLAIM "\":");
    text_json(&t, subject->decision);
    text_lit(&t, "}");
    slice payload = text_end(&t);
    ENSURE(payload.ptr, NO_MEMORY);
    TRY(jws_sign(i->signer, a, i->header, payload, out));
    return out->len <= JWS_SIZE_MAX ? OK : FAIL(TOKEN_SIZE);
}
