/* SPDX-License-Identifier: Apache-2.0
 *
 * Where collateral comes from on a network: Intel's PCS (v4), a PCCS, AMD's KDS. URLs are made of configured base URLs
 * and typed keys, and of nothing else. No I/O here.
 */
#ifndef CORE_COLLATERAL_ORIGIN_H
#define CORE_COLLATERAL_ORIGIN_H

#include "core/collateral/kind.h"
#include "core/collateral/settings.h"

#define ORIGINS_MAX 16
#define ORIGIN_URL_MAX 4096

enum origin_service { ORIGIN_PCCS, ORIGIN_PCS, ORIGIN_INTEL_ROOT_CRL, ORIGIN_KDS };

struct origin {
    enum origin_service service;
    slice base;         /* "https://host[:port][/path]", no slash at the end; ROOT_CRL: the whole URL */
    slice host;         /* for people and metrics: scheme, host and port */
    uint64_t asleep_ms; /* monotonic: not asked before */
    unsigned failures;  /* in a row */
    unsigned active;    /* transfers in flight */
};

struct origins {
    struct origin at[ORIGINS_MAX];
    size_t count;
    bool early; /* Intel's early TCB updates */
};

/* Reads the base URLs, in the order in which they are asked: PCCS before PCS; "none" stands for none. CONFIG_VALUE with
 * a text. */
MUST_CHECK result origins_read(const struct collateral_settings *c, struct origins *out, char *error,
                               size_t error_size);
/* The URL of an item at an origin; false where the origin does not have this kind, or the name is none. */
bool origin_url(const struct origins *all, const struct origin *o, slice kind, slice key, char url[ORIGIN_URL_MAX]);

/* It failed: it is left alone for a while, the longer the more often. `retry_after` in seconds; 0: it named none. */
void origin_failed(struct origin *o, uint64_t now_ms, uint64_t retry_after, bool asked_to_wait);
void origin_answered(struct origin *o);

#endif
