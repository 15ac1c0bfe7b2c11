/* SPDX-License-Identifier: Apache-2.0
 *
 * The service: everything that requests are served from, put together by main and immutable while they run (what
 * changes, changes inside the parts).
 */
#ifndef CORE_SERVICE_H
#define CORE_SERVICE_H

#include "core/admin/admin.h"
#include "core/attest/basis.h"
#include "core/collateral/collateral.h"
#include "core/conf/config.h"
#include "core/crypto/seal.h"
#include "core/http/http.h"
#include "core/metrics/metrics.h"
#include "core/plugin/plugin.h"
#include "core/policy/policies.h"
#include "core/record/store.h"
#include "core/refval/refval.h"
#include "core/release/binding.h"
#include "core/release/memory.h"
#include "core/session/sessions.h"
#include "core/token/ear.h"
#include "core/token/revocation.h"
#include "core/token/trust.h"

struct appraisal_memory;

struct service {
    const struct config *config;
    struct arena arena;   /* of what lives as long as the service */
    struct arena secrets; /* keys while they are read */
    struct plugins *plugins;
    const struct engine *engine;
    const struct store *store;
    struct policies *policies;
    struct refval *reference_values;
    struct basis *basis;
    struct appraisal_memory *appraisals;
    struct release_memory *permissions;
    struct sealer *sealer;
    struct sessions *sessions;
    struct jws_signer *signer;
    struct ear_issuer *issuer;
    struct token_trust *trust;
    struct revocation *revocation;
    struct admins *admins;
    struct bindings *bindings;
    struct records *records;
    struct metrics *metrics;
    struct collateral_store *collateral; /* NULL: no verifier takes any */
    struct arena judging;                /* of the store's thread, while a verifier judges an item */
};

/* Puts a service together from a configuration that outlives it. On failure `error` is a text for people: what, where,
 * what to do. `program` is the daemon's own file, for trying policies in a child; NULL: they are not tried. */
MUST_CHECK result service_open(struct config *config, const char *program, const char *config_file,
                               struct service **out, char *error, size_t error_size);
void service_close(struct service *s);
/* All sections of the INI, as a commented file and as Markdown. */
void service_config_help(FILE *out);
void service_config_reference(FILE *out);
void service_config_man(FILE *out); /* trusteed.ini(5) */
/* Loads only the plugin that evaluates policies, for a trial in a child process. */
MUST_CHECK result service_engine_only(struct config *config, struct plugins **plugins, const struct engine **engine,
                                      char *error, size_t error_size);

/* How long a policy may take for an exchange, by the thread that it is on. */
uint64_t policy_deadline_ms(const struct http_exchange *x);

/* The service that an exchange belongs to. */
static inline struct service *service_of(const struct http_exchange *x)
{
    return x->service;
}

#endif
