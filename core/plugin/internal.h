/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of core/plugin share. Nobody else includes it.
 */
#ifndef CORE_PLUGIN_INTERNAL_H
#define CORE_PLUGIN_INTERNAL_H

#include <pthread.h>

#include "core/conf/bind.h"
#include "core/plugin/plugin.h"

#define VERIFIERS_MAX 64
#define ENGINES_MAX 8
#define STORES_MAX 16

/* --- messages (blame.c) --- */

/* Where a refusal points: a line of the INI, or a file (`ini->file`) where the line is 0. */
struct blame {
    const struct ini *ini;
    uint32_t line, column;
    char *error;
    size_t error_size;
};
/* Writes the message and gives PLUGIN_LOAD. */
MUST_CHECK result refuse(const struct blame *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *status_name(trustee_status status); /* "E_NOMEM (-2)", never NULL */

/* --- the cache of one plugin (cache.c); thread-safe --- */

#define CACHE_ENTRIES 512
#define CACHE_CLASS_MAX 32

struct cache;
struct cache_item {
    slice cls, digest;
    void *value;
    void (*drop)(void *value);
    int64_t not_after;
};
MUST_CHECK result cache_new(struct cache **out);
void cache_free(struct cache *c); /* drops everything; no request may be running */
const void *cache_get(struct cache *c, struct trustee_request *req, slice cls, slice digest);
trustee_status cache_put(struct cache *c, struct trustee_request *req, const struct cache_item *item);
void cache_sweep(struct cache *c); /* forgets what is of an older generation */
uint64_t cache_generation(void);
void cache_next_generation(void);

/* --- options (options.c) --- */

struct conf_value {
    struct conf_value *next;
    slice name, text, file;
    uint64_t number;
    uint32_t type; /* TRUSTEE_OPTION_… */
};

struct trustee_conf {
    const struct conf_value *values;
};

/* --- plugins --- */

struct plugin {
    struct plugin *next;
    trustee_plugin about;             /* our copy, and its rows too */
    const trustee_verifier *verifier; /* our copies; NULL: not offered */
    const trustee_policy *policy;
    const trustee_storage *storage;
    const trustee_tee *tees; /* verifier->tee_count rows */
    char name[33];
    slice file;
    char sha256[65];
    bool insecure;
    bool running;  /* init succeeded */
    bool starting; /* in init or the self test: nothing else runs in it */
    trustee_host host;
    struct trustee_conf conf;
    void *instance;
    pthread_mutex_t turn; /* SERIAL: who is in the plugin */
    struct cache *cache;
    char complaint[256]; /* the last warning that it logged while it was starting */
};

struct verifier {
    struct plugin *plugin;
    trustee_tee tee;
};

struct engine {
    struct plugin *plugin;
};

struct store {
    struct plugin *plugin;
};

struct plugins {
    struct arena arena, secrets;
    struct plugin *first, **last;
    struct verifier verifiers[VERIFIERS_MAX];
    struct engine engines[ENGINES_MAX];
    struct store stores[STORES_MAX];
    size_t verifier_count, engine_count, store_count;
    bool restricted; /* options have the values of profile = restricted */
};

/* One call into a plugin: takes the turn of a SERIAL one and marks the request as being in it. */
struct visit {
    struct plugin *plugin;
    struct trustee_request *req;
    struct plugin *before;
};
struct visit plugin_enter(struct plugin *p, struct trustee_request *req);
void plugin_leave(const struct visit *v);
/* A plugin said that it failed, or broke its contract: log, record, `why` (but NO_MEMORY for E_NOMEM). `function` and
 * `what` are for the message. */
MUST_CHECK result plugin_fault(const struct plugin *p, struct trustee_request *req, enum reason why,
                               const char *function, trustee_status status);
MUST_CHECK result plugin_breach(const struct plugin *p, struct trustee_request *req, enum reason why, const char *what);
/* A writer with room for as much as fits a quarter of what is left of the request's scratch memory. */
MUST_CHECK result claims_begin_in(struct trustee_writer *w, struct arena *scratch);
bool slice_is_sane(slice s, uint64_t most); /* a slice that came out of a plugin: not NULL with a length, not huge */

/* --- steps of loading --- */

/* file.c: opens, checks and maps one shared object. `pin` is its SHA-256 in hex, or empty. `path` lies beneath
 * `directory`; with an empty directory any path goes. */
struct plugin_file {
    slice path;
    uint8_t sha256[32];
    trustee_plugin_describe_fn describe;
};
MUST_CHECK result plugin_open(const struct blame *b, slice directory, slice path, slice pin, struct plugin_file *out);

/* describe.c: copies the descriptor and checks all of it. */
MUST_CHECK result plugin_describe(const struct blame *b, struct arena *a, const struct plugin_file *f,
                                  struct plugin *out);
/* verifiers' rows against the table of the protocol (tees.c) */
MUST_CHECK result tee_check(const struct blame *b, const trustee_tee *tee, bool insecure);
slice tee_canonical(slice name); /* without aliases */

/* options.c */
MUST_CHECK result options_check_table(const struct blame *b, const struct plugin *p);
struct common_options {
    slice path, sha256;
};
/* The keys that every [plugin …] section takes, before its own are known. */
MUST_CHECK result options_common(const struct bind *b, struct ini_section *s, struct common_options *out);
/* The plugin's own keys. Secret values go to p->secrets. */
MUST_CHECK result options_bind(const struct bind *b, struct ini_section *s, struct plugins *all, struct plugin *p);
bool option_is_common(slice name);

/* host.c */
void host_fill(struct plugin *p);
/* values.c: the evidence readers of the host table */
void host_fill_values(trustee_host *host);

#endif
