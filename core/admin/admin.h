/* SPDX-License-Identifier: Apache-2.0
 *
 * Administrators: who they are (a signed JWT of a configured key) and what their role may do. Their keys are disjoint
 * from those of attestation tokens. interface §1.9.
 */
#ifndef CORE_ADMIN_H
#define CORE_ADMIN_H

#include "core/crypto/jose.h"

/* A key that administrators' tokens are signed with. Empty issuer or audience: not checked. */
struct admin_key_settings {
    slice name, public_key_pem, issuer, audience;
};

/* What a role may do: "METHOD PATTERN", METHOD may be "*"; in a pattern "*" stands for one path segment and "**", at
 * the end only, for the rest. Matched against the whole decoded path, without the query. */
struct admin_rule {
    slice role, method, pattern;
};

struct admin_settings {
    const struct admin_key_settings *keys;
    size_t key_count;
    const struct admin_rule *rules; /* none: the role "admin" may do everything, "auditor" may GET below /admin/v1/ */
    size_t rule_count;
    bool allow_unauthenticated; /* everybody is an administrator: for trying things out */
};

struct admins;
/* Everything in the settings outlives the admins. CONFIG_VALUE with a text in `error`. */
MUST_CHECK result admins_new(const struct admin_settings *settings, struct admins **out, char *error,
                             size_t error_size);
void admins_free(struct admins *a);
/* The keys, for those who must not have one of them. */
size_t admins_key_count(const struct admins *a);
const struct jws_key *admins_key(const struct admins *a, size_t i);
slice admins_key_name(const struct admins *a, size_t i);

struct admin_who {
    slice role, subject, key_name;
};
/* ADMIN_MISSING, ADMIN_TOKEN, ADMIN_ROLE, ADMIN_DENIED. */
MUST_CHECK result admin_judge(const struct admins *a, slice authorization, const char *method, slice path, int64_t now,
                              struct arena *scratch, struct admin_who *who);

#endif
