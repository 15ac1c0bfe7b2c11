/* SPDX-License-Identifier: Apache-2.0
 *
 * The service: everything that requests are served from, put together by main and immutable while they run (what
 * changes, changes inside the parts).
 */
#ifndef CORE_SERVICE_H
#define CORE_SERVICE_H

#include "core/admin/admin.h"
#include "core/attest/basis.h"
#include "core/conf/config.h"
#include "core/crypto/seal.h"
#include "core/http/http.h"
#include "core/metrics/metrics.h"
#include "core/plugin/plugin.h"
#include "core/policy/policies.h"
#include "core/record/store.h"
#include "core/refval/refval.h"
#include "core/release/binding.h"
#include "core/session/sessions.h"
#include "core/token/ear.h"
#include "core/token/trust.h"

struct appraisal_memory;

struct service {
    const struct config *config;
    struct plugins *plugins;
    const struct engine *engine;
    const struct store *store;
    struct policies *policies;
    struct refval *reference_values;
    struct basis *basis;
    struct appraisal_memory *appraisals;
    struct sealer *sealer;
    struct sessions *sessions;
    struct jws_signer *signer;
    struct ear_issuer *issuer;
    struct token_trust *trust;
    struct admins *admins;
    struct bindings *bindings;
    struct records *records;
    struct metrics *metrics;
};

/* The service that an exchange belongs to. */
static inline struct service *service_of(const struct http_exchange *x)
{
    return x->service;
}

#endif
