/* SPDX-License-Identifier: Apache-2.0 */
#include "core/admin/admin.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/http/http.h"

#define KEYS_MAX 32
#define ADMIN_TOKEN_MAX 16384

struct admins {
    struct admin_settings settings;
    struct jws_key *keys[KEYS_MAX];
};

static bool pattern_is_valid(slice pattern)
{
    slice rest = pattern, part;
    if (!pattern.len || pattern.ptr[0] != '/')
        return false;
    while (slice_split(&rest, '/', &part)) {
        bool star = slice_find(part, '*') < part.len;
        if (star && !slice_equal(part, S("*")) && !(slice_equal(part, S("**")) && !rest.ptr))
            return false;
    }
    return true;
}

static bool method_is_valid(slice method)
{
    static const char *const methods[] = {"*", "GET", "POST", "DELETE"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (slice_equal(method, slice_text(methods[i])))
            return true;
    return false;
}

static result load_keys(struct admins *a, char *error, size_t error_size)
{
    const struct admin_settings *s = &a->settings;
    for (size_t i = 0; i < s->key_count; i++)
        if (FAILED(jws_key_from_pem(s->keys[i].public_key_pem, &a->keys[i]))) {
            snprintf(
                error, error_size,
                "[admin-key %.*s]: public_key is not a usable key; expected PEM of an Ed25519, EC P-256, EC P-384 or "
                "RSA (2048 bits or more) public key, as `trusteectl init` makes it",
                SLICE_ARG(s->keys[i].name));
            return FAIL(CONFIG_VALUE);
        }
    return OK;
}

static result check_rules(const struct admin_settings *s, char *error, size_t error_size)
{
    for (size_t i = 0; i < s->rule_count; i++) {
        const struct admin_rule *r = &s->rules[i];
        if (!method_is_valid(r->method)) {
            snprintf(error, error_size, "[role %.*s]: '%.*s' is no method; expected GET, POST, DELETE or *",
                     SLICE_ARG(r->role), SLICE_ARG(r->method));
            return FAIL(CONFIG_VALUE);
        }
        if (!pattern_is_valid(r->pattern)) {
            snprintf(error, error_size,
                     "[role %.*s]: '%.*s' is no path pattern; expected segments that are '*' or plain, "
                     "with '**' only at the end, such as /kbs/v0/resource/team-a/**",
                     SLICE_ARG(r->role), SLICE_ARG(r->pattern));
            return FAIL(CONFIG_VALUE);
        }
    }
    return OK;
}

result admins_new(const struct admin_settings *settings, struct admins **out, char *error, size_t error_size)
{
    struct admins *a = calloc(1, sizeof *a);
    ENSURE(a, NO_MEMORY);
    a->settings = *settings;
    *out = a;
    if (settings->key_count > KEYS_MAX) {
        snprintf(error, error_size, "more than %d administrators' keys", KEYS_MAX);
        return FAIL(CONFIG_VALUE);
    }
    TRY(load_keys(a, error, error_size));
    return check_rules(settings, error, error_size);
}

size_t admins_key_count(const struct admins *a)
{
    return a->settings.key_count;
}

const struct jws_key *admins_key(const struct admins *a, size_t i)
{
    return a->keys[i];
}

slice admins_key_name(const struct admins *a, size_t i)
{
    return a->settings.keys[i].name;
}

void admins_free(struct admins *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->settings.key_count && i < KEYS_MAX; i++)
        jws_key_free(a->keys[i]);
    free(a);
}

static bool audience_matches(const json *aud, slice expected)
{
    if (json_type(aud) == TRUSTEE_NODE_STRING)
        return slice_equal(json_text(aud), expected);
    for (const json *v = json_type(aud) == TRUSTEE_NODE_ARRAY ? json_next(aud, NULL, NULL) : NULL; v;
         v = json_next(aud, v, NULL))
        if (json_type(v) == TRUSTEE_NODE_STRING && slice_equal(json_text(v), expected))
            return true;
    return false;
}

static bool claims_hold(const json *claims, const struct admin_key_settings *k, int64_t now)
{
    int64_t exp, when;
    if (!json_i64(json_get(claims, S("exp")), &exp) || now >= exp)
        return false;
    if (json_get(claims, S("nbf")) && (!json_i64(json_get(claims, S("nbf")), &when) || when > now + 60))
        return false;
    if (json_get(claims, S("iat")) && (!json_i64(json_get(claims, S("iat")), &when) || when > now + 60))
        return false;
    slice iss = json_text(json_get(claims, S("iss")));
    if (k->issuer.len && !(iss.ptr && slice_equal(iss, k->issuer)))
        return false;
    const json *aud = json_get(claims, S("aud"));
    return !k->audience.len || (aud && audience_matches(aud, k->audience));
}

static const struct admin_key_settings *signer_of(const struct admins *a, const struct jws *j, int64_t now)
{
    for (size_t i = 0; i < a->settings.key_count; i++)
        if (!FAILED(jws_verify(j, a->keys[i])) && claims_hold(j->payload, &a->settings.keys[i], now))
            return &a->settings.keys[i];
    return NULL;
}

static bool pattern_matches(slice pattern, slice path)
{
    slice p, s, patterns = pattern, segments = path;
    while (slice_split(&patterns, '/', &p)) {
        if (slice_equal(p, S("**")))
            return segments.ptr != NULL;
        if (!slice_split(&segments, '/', &s))
            return false;
        if (!slice_equal(p, S("*")) && !slice_equal(p, s))
            return false;
    }
    return segments.ptr == NULL;
}

static bool role_may(const struct admins *a, slice role, slice method, slice path)
{
    if (!a->settings.rule_count)
        return slice_equal(role, S("admin")) || (slice_equal(role, S("auditor")) && slice_equal(method, S("GET")) &&
                                                 slice_starts(path, S("/admin/v1/")));
    for (size_t i = 0; i < a->settings.rule_count; i++) {
        const struct admin_rule *r = &a->settings.rules[i];
        bool method_fits = slice_equal(r->method, S("*")) || slice_equal(r->method, method);
        if (slice_equal(r->role, role) && method_fits && pattern_matches(r->pattern, path))
            return true;
    }
    return false;
}

result admin_judge(const struct admins *a, slice authorization, const char *method, slice path, int64_t now,
                   struct arena *scratch, struct admin_who *who)
{
    slice token;
    struct jws j;
    *who = (struct admin_who){.role = S("anybody")};
    if (a->settings.allow_unauthenticated)
        return OK;
    ENSURE(http_bearer(authorization, &token), ADMIN_MISSING);
    ENSURE(token.len <= ADMIN_TOKEN_MAX && !FAILED(jws_parse(scratch, token, &j)), ADMIN_TOKEN);
    const struct admin_key_settings *key = signer_of(a, &j, now);
    ENSURE(key, ADMIN_TOKEN);
    who->key_name = key->name;
    who->subject = json_text(json_get(j.payload, S("sub")));
    who->role = json_text(json_get(j.payload, S("role")));
    ENSURE(who->role.ptr && who->role.len, ADMIN_ROLE);
    ENSURE(role_may(a, who->role, slice_text(method), path), ADMIN_DENIED);
    return OK;
}
