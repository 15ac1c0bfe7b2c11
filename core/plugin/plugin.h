/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading plugins, and one facade per kind: the core reaches a plugin only through this header.
 */
#ifndef CORE_PLUGIN_H
#define CORE_PLUGIN_H

#include <trustee/policy.h>
#include <trustee/storage.h>
#include <trustee/verifier.h>

#include "core/conf/bind.h"
#include "core/record/record.h"
#include "lib/claims/claims.h"

/* What a plugin's trustee_request points to: everything of one request that the host table needs. */
struct trustee_request {
    struct arena *scratch;
    struct arena *secret;   /* NULL: arena_secret gives NULL */
    struct record *record;  /* NULL: checks are dropped */
    uint64_t deadline_ns;   /* CLOCK_MONOTONIC; 0: none */
    bool rejected;          /* reject() was called */
    struct cache_pin *pins; /* cache entries that live until request_end() */
    struct plugin *plugin;  /* the one that is being called; set by the facades */
    uint64_t generation;    /* of the caches, when the request began */
};
void request_begin(struct trustee_request *req, struct arena *scratch, struct arena *secret, struct record *record,
                   uint64_t deadline_ns);
void request_end(struct trustee_request *req); /* unpins cache entries */

struct trustee_sink {
    struct arena *arena; /* SECRET for secrets */
    size_t limit;        /* bytes */
    slice value;         /* after commit */
    bool committed;
    void (*name)(void *user, slice name, uint64_t size); /* listings; NULL: refused */
    void *user;
};

/* --- loading -------------------------------------------------------------------------------------------------------
 */
struct plugins; /* all loaded plugins; immutable after plugins_load */

struct plugin_settings {
    slice directory;     /* absolute; every plugin's file lies beneath it */
    bool allow_insecure; /* [plugins] allow_insecure */
    bool restricted;     /* [service] profile = restricted */
};

/* Loads every [plugin NAME] section of the INI: all or nothing. Refuses, each with its own message in `error`
 * (file:line:column where the INI is at fault): no entry symbol, other ABI major, bad magic, short struct, missing
 * function, name differing from the section, duplicate name or TEE, other binding rules than the protocol's for a known
 * TEE, unknown or mistyped or missing option, group- or world-writable file or owner other than root or ourselves, path
 * not absolute or outside the directory, symlink, SHA-256 mismatch, insecure plugin without allow_insecure, unknown
 * required flag, failing init or self test. */
MUST_CHECK result plugins_load(const struct ini *ini, const struct plugin_settings *settings, struct plugins **out,
                               char *error, size_t error_size);
void plugins_free(struct plugins *p); /* fini of each; never unloads */
/* Trust anchors changed: no request that begins from now on sees a remembered fact of before, and none that is running
 * leaves one behind. Any thread. */
void plugins_flush(struct plugins *p);
/* The keys that every [plugin NAME] takes, for the reference. */
extern const struct bind_table PLUGIN_COMMON_TABLE;
/* The reasons of a file as a section of Markdown, without init; nothing where it has none. */
MUST_CHECK result plugin_reasons(const char *file, FILE *out, char *error, size_t error_size);
/* What a file is, as JSON on `out`, without init: `trusteed --dump-plugin FILE`. */
MUST_CHECK result plugin_dump(const char *file, FILE *out, char *error, size_t error_size);
/* A plugin's options, reasons and TEEs for people: `trusteed --help-plugin NAME` (name in the directory, or a file). */
MUST_CHECK result plugin_help(const struct plugin_settings *settings, const char *name, FILE *out, char *error,
                              size_t error_size);
/* Text and remedy of a plugin's own reason id; NULL where no loaded plugin has it. */
const trustee_reason *plugins_reason(const struct plugins *p, slice id);
/* One line a plugin: name, version, kind, file, SHA-256, insecure; for readyz, the console and the log. */
struct plugin_info {
    slice name, version, vendor, kind, file, sha256;
    bool insecure;
};
size_t plugins_info(const struct plugins *p, struct plugin_info *out, size_t room);

/* --- verifiers ------------------------------------------------------------------------------------------------------
 */
struct verifier;                                                             /* one TEE of one plugin */
const struct verifier *plugins_verifier(const struct plugins *p, slice tee); /* NULL: none */
const trustee_tee *verifier_tee(const struct verifier *v);
bool verifier_insecure(const struct verifier *v);
uint64_t verifier_max_evidence(const struct verifier *v); /* 0: no own limit */
slice verifier_plugin_name(const struct verifier *v);
/* Whether the service knows the name from the protocol, loaded or not. */
bool tee_is_known(slice tee);

/* Calls verify(): zeroes the result, honours the thread model, checks everything that comes back, and compares the
 * report-data and init-data fields itself by the TEE's rule. OK only if all of it holds; then `claims` is the tree of
 * the TEE's own claims. On refusal the record has the reason. `init_data_checked` tells whether init-data was bound.
 * ATTEST_REFUSED (the record has the plugin's own reason), ATTEST_REPORT_DATA, ATTEST_INIT_DATA, ATTEST_CLAIMS,
 * ATTEST_COLLATERAL (`needs` says which; the record is as it was before, so that the call can be made again),
 * PLUGIN_FAULT, NO_MEMORY. Everything in `out` lives in the request's scratch memory. */
struct verified {
    tree claims;
    slice report_data_claim, init_data_claim; /* empty: none */
    bool init_data_checked;
    int64_t not_after;
    const trustee_need *needs;
    size_t need_count;
};
MUST_CHECK result verifier_verify(const struct verifier *v, struct trustee_request *req, const trustee_verify_in *in,
                                  struct verified *out);
/* Asks whether an item of collateral is genuine. ATTEST_REFUSED (the record has the plugin's own reason),
 * PLUGIN_NOT_SUPPORTED where the verifier does not take this kind, PLUGIN_FAULT, NO_MEMORY. */
MUST_CHECK result verifier_judge_collateral(const struct verifier *v, struct trustee_request *req,
                                            const trustee_collateral *item, int64_t now,
                                            trustee_collateral_facts *out);
/* Asks every verifier that takes this kind, until one finds it genuine. As verifier_judge_collateral. */
MUST_CHECK result plugins_judge_collateral(const struct plugins *p, struct trustee_request *req,
                                           const trustee_collateral *item, int64_t now, trustee_collateral_facts *out);
/* Whether any verifier takes collateral. */
bool plugins_take_collateral(const struct plugins *p);
bool verifier_has_challenge(const struct verifier *v);
MUST_CHECK result verifier_challenge(const struct verifier *v, struct trustee_request *req, const json *params,
                                     slice *nonce, slice *extra_params);

/* --- policy engines -------------------------------------------------------------------------------------------------
 */
struct engine;
const struct engine *plugins_engine(const struct plugins *p, slice language); /* "rego" */
slice engine_suffix(const struct engine *e);
slice engine_sha256(const struct engine *e); /* of its file, in hex */
struct policy_error {
    uint32_t line, column; /* 0: unknown */
    char text[512];
};
MUST_CHECK result engine_compile(const struct engine *e, slice name, slice text, void **policy,
                                 trustee_policy_info *info, struct policy_error *error);
void engine_release(const struct engine *e, void *policy);
/* `out` is one object {rule: value}. POLICY_FAULT, NO_MEMORY, POLICY_LIMIT; the record has the details. */
MUST_CHECK result engine_evaluate(const struct engine *e, struct trustee_request *req, void *policy,
                                  const trustee_policy_in *in, tree *out);

/* --- storage --------------------------------------------------------------------------------------------------------
 */
struct store;
const struct store *plugins_store(const struct plugins *p, slice plugin_name);
uint64_t store_flags(const struct store *s);
/* Keys are checked here: segments of [A-Za-z0-9_-][A-Za-z0-9_.-]{0,254} joined by '/', 16 at most, else RELEASE_PATH.
 * RELEASE_NOT_FOUND, STORAGE, RESOURCE_CONFLICT (also where the storage is read-only), HTTP_BODY_TOO_LARGE,
 * PLUGIN_FAULT. */
MUST_CHECK result store_get(const struct store *s, struct trustee_request *req, slice space, slice key,
                            struct arena *into, size_t limit, slice *value);
MUST_CHECK result store_put(const struct store *s, struct trustee_request *req, slice space, slice key, slice value);
MUST_CHECK result store_delete(const struct store *s, struct trustee_request *req, slice space, slice key);
MUST_CHECK result store_list(const struct store *s, struct trustee_request *req, slice space, slice prefix,
                             void (*name)(void *user, slice name, uint64_t size), void *user);
MUST_CHECK result store_ready(const struct store *s, char *why, size_t room);

#endif
