/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifiers for the commands that work without a service: the plugins of the daemon, loaded by its own loader, and the
 * collateral that they are fed with.
 */
#ifndef CLI_VERIFIERS_H
#define CLI_VERIFIERS_H

#include "cli/cli.h"
#include "core/collateral/item.h"
#include "core/plugin/plugin.h"

#define TEES_MAX 64
#define SOURCES_MAX 32
#define OPTIONS_MAX 32

/* Which plugins, with which options. */
struct verifier_options {
    const char *plugins; /* folder; NULL: where this program's are */
    const char *config;  /* the daemon's INI, whose [plugin …] sections count; NULL: secure defaults */
    const char *trust_anchor;
    const char *options[OPTIONS_MAX]; /* "key=value" */
    size_t option_count;
    bool allow_insecure;
};
/* Takes --plugins, --trust-anchor, --option and --allow-insecure out of the arguments. False after saying why. */
bool take_verifier_options(struct cli *c, struct verifier_options *out);

struct verifiers {
    struct plugins *loaded[TEES_MAX]; /* each on its own: what does not suit one is no matter of the others */
    size_t loaded_count;
    const struct verifier *at[TEES_MAX];
    size_t count;
};
/* The verifier of one TEE, or all that there are (`tee` empty): then a trust anchor goes to those that take it. 0, or
 * an exit code after saying why. */
int verifiers_load(struct cli *c, const struct verifier_options *options, slice tee, struct verifiers *out);
void verifiers_free(struct verifiers *v);
const struct verifier *verifiers_find(const struct verifiers *v, slice tee); /* NULL: none */

/* Whether an item is genuine, by any of the verifiers that take its kind. ATTEST_REFUSED (`record` has the reason),
 * PLUGIN_NOT_SUPPORTED where none takes it, PLUGIN_FAULT, NO_MEMORY. `scratch` is for the call. */
struct judgement {
    const struct verifiers *verifiers;
    struct arena *scratch;
    struct record *record;
    int64_t now;
};
MUST_CHECK result judge_item(const struct judgement *j, const struct collateral_item *item,
                             struct collateral_facts *facts);
/* Text and remedy of a refusal's reason: a plugin's or the service's own. */
void explain_reason(const struct verifiers *v, slice reason, slice *text, slice *remedy);

/* --- offline sources --- */
struct sources {
    struct collateral_offline *at[SOURCES_MAX];
    const char *paths[SOURCES_MAX];
    size_t count;
};
/* Takes every --collateral out of the arguments and opens it. 0, or an exit code after saying why. */
int take_sources(struct cli *c, struct sources *out);
void sources_close(struct sources *s);

/* "2026-11-24T00:00:00Z" or Unix seconds. */
bool parse_time(const char *text, int64_t *out);
/* Date and time for people; "-" for 0. In the arena. */
const char *time_text(struct cli *c, int64_t seconds);

#endif
