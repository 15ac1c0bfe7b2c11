/* SPDX-License-Identifier: Apache-2.0
 *
 * A host for one plugin under test: the whole host table over arenas, with nothing of the service behind it. Unlike the
 * service's it notes what the plugin does wrong in using it, and lets any allocation fail on demand.
 */
#ifndef CLI_PLUGIN_HARNESS_H
#define CLI_PLUGIN_HARNESS_H

#include <pthread.h>
#include <trustee/policy.h>
#include <trustee/storage.h>
#include <trustee/verifier.h>

#include "cli/plugin/report.h"
#include "lib/claims/claims.h"

#define SETTINGS_MAX 320
#define LEARNED_MAX 64
#define KEPT_MAX 64
#define ALIASES_MAX 16
#define POINTER_MAX 128

struct sources;

/* What is checked, from the command line. */
struct target {
    const char *file;
    const char *folder;         /* an empty one of ours, for options that are paths */
    const char *const *options; /* "key=value" */
    size_t option_count;
    const struct sources *sources;       /* collateral for the good evidence; NULL: none */
    slice evidence, report_data, policy; /* good ones, where they were given */
    int64_t now;                         /* the clock that the plugin sees */
    uint64_t seed;
    unsigned seconds;
    uint64_t slow_ms; /* CPU time of one call from which it is a finding */
};

struct setting {
    slice name, text, file;
    uint64_t number;
    uint32_t type;
};

/* A place of the evidence that the plugin has asked for, and as what: TRUSTEE_NODE_…, or one of these. */
enum wanted { WANTS_ANY, WANTS_TEXT, WANTS_NUMBER, WANTS_BOOL, WANTS_BASE64, WANTS_BASE64URL, WANTS_HEX, WANTS_BYTES };
struct learned {
    char pointer[POINTER_MAX];
    enum wanted kind;
};

struct kept {
    char name[32]; /* the class */
    uint8_t digest[32];
    void *value;
    void (*drop)(void *value);
};

struct harness {
    trustee_host table;
    struct report *report;
    const struct target *target;
    trustee_plugin about; /* our copy */
    trustee_verifier verifier;
    trustee_policy policy;
    trustee_storage storage;
    bool verifies, evaluates, stores;
    void *instance;
    bool running;
    struct arena arena; /* options */
    struct setting settings[SETTINGS_MAX];
    size_t setting_count;
    char complaint[256]; /* the last warning or error that it logged */
    pthread_mutex_t turn, lock;
    struct learned learned[LEARNED_MAX];
    size_t learned_count;
    struct kept kept[KEPT_MAX];
    size_t kept_count;
};

/* --- one request; what a trustee_request points to here --- */
struct alias {
    const json *value;
    char pointer[POINTER_MAX];
};
struct ask {
    struct harness *harness;
    struct arena *scratch;
    uint64_t allocations, fail_at; /* the n-th fails, and all after it where fail_rest; 0: none */
    bool fail_rest, cancelled, secret;
    bool rejected, open;
    char reason[96]; /* of the first rejection */
    pthread_t thread;
    const json *evidence;
    struct alias aliases[ALIASES_MAX];
    size_t alias_count;
};
struct ask_writer {
    struct trustee_writer writer; /* first: the plugin's trustee_writer */
    struct ask *ask;
};
struct ask_sink {
    struct ask *ask;
    uint64_t limit;
    uint8_t *room;
    uint64_t size;
    bool committed;
    slice value;
    uint64_t names;
    slice wanted; /* a name that is looked for */
    bool found;
};

/* --- life (harness.c) --- */

/* Maps the file and copies its tables; init is not called. False after a finding. */
bool harness_open(struct harness *h, const struct target *t, struct report *r);
/* The table's defaults, and what the command line says over them. False with a text of what is missing or wrong. */
bool harness_settle(struct harness *h, char *why, size_t size);
/* Takes every value of `name` away, and adds this one where it fits its type; false where the service refuses it. */
bool harness_set(struct harness *h, const trustee_option *o, slice text, slice file);
void harness_unset(struct harness *h, slice name);
/* init and self_test. */
trustee_status harness_start(struct harness *h);
void harness_stop(struct harness *h); /* fini */
/* The n-th row of the descriptor's options. */
trustee_option harness_option(const struct harness *h, uint32_t n);
trustee_tee harness_tee(const struct harness *h, uint64_t n);
/* Opens, settles and starts; findings otherwise. */
bool harness_ready(struct harness *h, const struct target *t, struct report *r);
/* Takes the turn of a SERIAL plugin. */
void harness_enter(struct harness *h);
void harness_leave(struct harness *h);
const char *status_text(trustee_status s); /* "E_NOMEM", "12345: not in abi.h" */
bool status_is_known(trustee_status s);

/* --- the table (host.c, host_values.c) --- */
void host_table(struct harness *h);
void host_table_values(trustee_host *host);
void ask_begin(struct ask *a, struct harness *h, struct arena *scratch);
void ask_end(struct ask *a);
trustee_request *ask_handle(struct ask *a);
struct ask *ask_of(trustee_request *req);
/* Memory of the request, which may be made to fail. */
void *ask_alloc(struct ask *a, uint64_t size, uint64_t align);
void *ask_secret_alloc(struct ask *a, uint64_t size);
void harness_drop_kept(struct harness *h);
bool text_is_sane(slice s, uint64_t most);

#endif
