/* SPDX-License-Identifier: Apache-2.0 */
#include "core/service.h"

#include <stdlib.h>

#include "core/attest/appraise.h"
#include "core/clock/clock.h"
#include "core/conf/file.h"
#include "core/crypto/x5c_header.h"
#include "core/log/log.h"
#include "core/token/issuers.h"

#define KEY_FILE_MAX 65536u
#define LIST_MAX 64u
#define TRIAL_TIMEOUT_MS 10000u
#define JUDGE_NS UINT64_C(5000000000)
#define JUDGING_SIZE ((size_t)64 << 20)
#define JUDGING_KEEP ((size_t)64 << 10)

/* What service_open works with. */
struct opening {
    struct config *config;
    struct service *service;
    char *error;
    size_t error_size;
};

static const char *text_of(slice s, struct arena *a)
{
    slice copy = arena_printf(a, "%.*s", SLICE_ARG(s));
    return copy.ptr ? (const char *)copy.ptr : "";
}

static result say(const struct opening *o, result r, const char *what)
{
    if (FAILED(r) && !o->error[0])
        snprintf(o->error, o->error_size, "%s: %s", what, reason_text(r.reason));
    return r;
}

/* A [plugn rego] is the likeliest reason for a plugin that is missing. */
static result no_misspelt_section(struct config *c, char *error, size_t error_size)
{
    for (struct ini_section *s = c->ini.sections; s; s = s->next)
        if (slice_equal(s->kind, S("admin-key")) || slice_equal(s->kind, S("role")) ||
            slice_equal(s->kind, S("binding")))
            s->used = true;
    return config_finish(c, error, error_size);
}

static result open_plugins(struct opening *o)
{
    struct service *s = o->service;
    struct config *c = o->config;
    struct plugin_settings settings = {c->plugins.directory, c->plugins.allow_insecure,
                                       c->service.profile == PROFILE_RESTRICTED};
    TRY(plugins_load(&c->ini, &settings, &s->plugins, o->error, o->error_size));
    s->engine = plugins_engine(s->plugins, c->policy.use);
    s->store = plugins_store(s->plugins, c->storage.use);
    if (s->engine && s->store)
        return OK;
    TRY(no_misspelt_section(c, o->error, o->error_size));
    slice use = s->engine ? c->storage.use : c->policy.use;
    snprintf(o->error, o->error_size, "%.*s: [%s] use = %.*s, but no such plugin is loaded; add [plugin %.*s]",
             SLICE_ARG(c->ini.file), s->engine ? "storage" : "policy", SLICE_ARG(use), SLICE_ARG(use));
    return FAIL(CONFIG_VALUE);
}

static result open_sealer(struct opening *o)
{
    struct service *s = o->service;
    const struct bind_list *files = &o->config->session.key_files;
    slice keys[2] = {NO_SLICE, NO_SLICE};
    if (files->count > 2) {
        snprintf(o->error, o->error_size, "[session] key_file: two at most, the one in force and the one that retires");
        return FAIL(CONFIG_VALUE);
    }
    for (size_t i = 0; i < files->count; i++) {
        TRY(file_read("[session] key_file", files->items[i], 32, true, &s->secrets, &keys[i], o->error, o->error_size));
        if (keys[i].len != 32) {
            snprintf(o->error, o->error_size, "[session] key_file = %.*s: %llu bytes; expected exactly 32 random bytes",
                     SLICE_ARG(files->items[i]), (unsigned long long)keys[i].len);
            return FAIL(CONFIG_FILE);
        }
    }
    if (!files->count) {
        uint8_t *random = arena_alloc(&s->secrets, 32, 1);
        ENSURE(random, NO_MEMORY);
        TRY(random_bytes(random, 32));
        keys[0] = slice_of(random, 32);
    }
    return sealer_new(keys[0], keys[1], &s->sealer);
}

static result open_signer(struct opening *o)
{
    struct service *s = o->service;
    const struct token_config *t = &o->config->token;
    slice pem;
    if (!t->signing_key.len) {
        log_warn("token", "no [token] signing_key: tokens are signed with a key that dies with this process");
        return jws_signer_generate(&s->signer);
    }
    TRY(file_read("[token] signing_key", t->signing_key, KEY_FILE_MAX, true, &s->secrets, &pem, o->error,
                  o->error_size));
    result r = jws_signer_from_pem(pem, &s->signer);
    if (FAILED(r))
        snprintf(o->error, o->error_size, "[token] signing_key = %.*s: not a PEM private key of EC P-256",
                 SLICE_ARG(t->signing_key));
    return r;
}

static result open_issuer(struct opening *o)
{
    struct service *s = o->service;
    const struct token_config *t = &o->config->token;
    slice pem;
    struct ear_settings settings = {.profile = text_of(t->profile, &s->arena),
                                    .issuer = text_of(t->issuer, &s->arena),
                                    .developer = text_of(t->developer, &s->arena),
                                    .build = text_of(t->build, &s->arena),
                                    .policy_id = "default",
                                    .life = (unsigned)t->life,
                                    .verbose = t->verbose,
                                    .certificate_url = t->certificate_url};
    if (t->certificate_chain.len) {
        TRY(file_read("[token] certificate_chain", t->certificate_chain, KEY_FILE_MAX, false, &s->arena, &pem, o->error,
                      o->error_size));
        result r = x5c_from_pem(pem, s->signer, &s->arena, &settings.certificates);
        if (FAILED(r))
            snprintf(o->error, o->error_size,
                     "[token] certificate_chain = %.*s: its first certificate is not that of signing_key",
                     SLICE_ARG(t->certificate_chain));
        TRY(r);
    }
    return ear_issuer_new(s->signer, &settings, &s->issuer);
}

static result open_trust(struct opening *o)
{
    struct service *s = o->service;
    const struct token_config *t = &o->config->token;
    struct bind b = {&o->config->ini, &s->arena, o->error, o->error_size};
    struct trust_settings settings = {.own = s->signer,
                                      .own_issuer = text_of(t->issuer, &s->arena),
                                      .own_profile = text_of(t->profile, &s->arena),
                                      .insecure_header_jwk = t->insecure_header_jwk,
                                      .leeway = (unsigned)t->leeway};
    TRY(token_issuers_read(&b, &settings.issuers, &settings.issuer_count));
    return token_trust_new(&settings, &s->trust, o->error, o->error_size);
}

/* Who administers and who attests are never the same key: a token of one kind would be one of the other. */
static result keys_are_disjoint(struct opening *o)
{
    for (size_t i = 0; i < admins_key_count(o->service->admins); i++)
        if (token_trust_has_key(o->service->trust, admins_key(o->service->admins, i))) {
            snprintf(o->error, o->error_size,
                     "[admin-key %.*s]: public_key is also a key of attestation tokens; make a pair of its own with "
                     "`trusteectl init`",
                     SLICE_ARG(admins_key_name(o->service->admins, i)));
            return FAIL(CONFIG_VALUE);
        }
    return OK;
}

/* --- administrators: [admin-key NAME] and [role NAME] ----------------------------------------------------------------
 */
struct admin_key_config {
    slice public_key, issuer, audience;
};
struct role_config {
    struct bind_list allow;
};

static const struct bind_option admin_key_options[] = {
    {"public_key", BIND_PATH, BIND_AT(struct admin_key_config, public_key), .flags = BIND_REQUIRED,
     .help = "PEM public key that this administrator's tokens are signed with"},
    {"issuer", BIND_TEXT, BIND_AT(struct admin_key_config, issuer), .help = "claim iss that the tokens must have"},
    {"audience", BIND_TEXT, BIND_AT(struct admin_key_config, audience), .help = "claim aud that the tokens must have"},
};
static const struct bind_table admin_key_table = {"admin-key", "NAME", "a key of administrators", admin_key_options, 3};
static const struct bind_option role_options[] = {
    {"allow", BIND_TEXT, BIND_AT(struct role_config, allow), .flags = BIND_REQUIRED | BIND_MANY,
     .help = "METHOD PATTERN, such as: POST /kbs/v0/resource/team-a/*/*"},
};
static const struct bind_table role_table = {
    "role", "NAME",
    "what a role of administrators may do; without any, admin may do all and auditor may GET /admin/v1/", role_options,
    1};

static const struct bind_table *const named_tables[] = {&PLUGIN_COMMON_TABLE, &admin_key_table, &role_table,
                                                        &BINDING_TABLE, &TOKEN_ISSUER_TABLE};

void service_config_help(FILE *out)
{
    config_help(out);
    for (size_t i = 0; i < sizeof named_tables / sizeof *named_tables; i++)
        bind_help(named_tables[i], out);
}

void service_config_reference(FILE *out)
{
    config_reference(out);
    for (size_t i = 0; i < sizeof named_tables / sizeof *named_tables; i++)
        bind_reference(named_tables[i], out);
}

void service_config_man(FILE *out)
{
    fputs(".TH TRUSTEED.INI 5 \"\" \"trusteed " TRUSTEE_VERSION "\"\n.SH NAME\ntrusteed.ini \\- configuration of the "
          "Trustee service\n.SH DESCRIPTION\nSections and keys of the file that\n.BR trusteed (8)\nreads. Unknown "
          "sections and keys are refused. Options of plugins: trusteed \\-\\-help\\-plugin NAME.\n",
          out);
    config_man(out);
    for (size_t i = 0; i < sizeof named_tables / sizeof *named_tables; i++)
        bind_man(named_tables[i], out);
    fputs(".SH SEE ALSO\n.BR trusteed (8),\n.BR trusteectl (1)\n", out);
}

static result read_admin_key(struct opening *o, const struct ini_section *section, struct admin_key_settings *key)
{
    struct admin_key_config c = {0};
    struct bind b = {&o->config->ini, &o->config->arena, o->error, o->error_size};
    TRY(bind_section(&b, &admin_key_table, section->name, &c));
    *key = (struct admin_key_settings){.name = section->name, .issuer = c.issuer, .audience = c.audience};
    return file_read("[admin-key] public_key", c.public_key, KEY_FILE_MAX, false, &o->service->arena,
                     &key->public_key_pem, o->error, o->error_size);
}

static result read_role(struct opening *o, const struct ini_section *section, struct admin_rule *rules, size_t *count)
{
    struct role_config c = {0};
    struct bind b = {&o->config->ini, &o->config->arena, o->error, o->error_size};
    TRY(bind_section(&b, &role_table, section->name, &c));
    for (size_t i = 0; i < c.allow.count; i++) {
        slice rest = c.allow.items[i], method;
        ENSURE(*count < LIST_MAX, CONFIG_VALUE);
        if (!slice_split(&rest, ' ', &method) || !rest.ptr) {
            ini_error(&o->config->ini, section->line, section->column, o->error, o->error_size,
                      "allow = METHOD PATTERN, such as: GET /admin/v1/**");
            return FAIL(CONFIG_VALUE);
        }
        rules[(*count)++] = (struct admin_rule){section->name, method, slice_trim(rest)};
    }
    return OK;
}

static result open_admins(struct opening *o)
{
    struct service *s = o->service;
    struct admin_key_settings *keys = arena_array(&s->arena, struct admin_key_settings, LIST_MAX);
    struct admin_rule *rules = arena_array(&s->arena, struct admin_rule, LIST_MAX);
    ENSURE(keys && rules, NO_MEMORY);
    struct admin_settings settings = {
        .keys = keys, .rules = rules, .allow_unauthenticated = o->config->admin.allow_unauthenticated};
    for (const struct ini_section *section = o->config->ini.sections; section; section = section->next) {
        if (slice_equal(section->kind, S("admin-key"))) {
            ENSURE(settings.key_count < LIST_MAX, CONFIG_VALUE);
            TRY(read_admin_key(o, section, &keys[settings.key_count++]));
        } else if (slice_equal(section->kind, S("role"))) {
            TRY(read_role(o, section, rules, &settings.rule_count));
        }
    }
    if (!settings.key_count && !settings.allow_unauthenticated)
        log_warn("admin", "no [admin-key NAME]: nobody can administer this service over the network");
    return admins_new(&settings, &s->admins, o->error, o->error_size);
}

static result open_stores(struct opening *o, const char *program, const char *config_file)
{
    struct service *s = o->service;
    struct arena scratch;
    struct trustee_request req;
    const char **argv = arena_array(&s->arena, const char *, 5);
    ENSURE(argv, NO_MEMORY);
    const char *const words[] = {program, "--try-policy", "--config", config_file, NULL};
    memcpy(argv, words, sizeof words);
    struct policy_trial trial = {program ? argv : NULL, TRIAL_TIMEOUT_MS};
    TRY(arena_map(&scratch, 64u << 20, ARENA_PLAIN));
    request_begin(&req, &scratch, NULL, NULL, 0);
    result r = say(o, refval_open(s->store, &req, &s->reference_values), "reading the reference values");
    if (!FAILED(r))
        r = say(o, revocation_open(s->store, &req, &s->revocation), "reading what is revoked");
    if (!FAILED(r))
        r = say(o, policies_open(s->engine, s->store, &trial, &req, &s->policies), "reading the policies");
    request_end(&req);
    arena_unmap(&scratch);
    return r;
}

/* On the store's thread. */
static result judge_collateral(void *service, const struct collateral_item *item, int64_t now,
                               struct collateral_facts *out, char *why, size_t why_size)
{
    static const uint8_t no_id[16] = {0};
    struct service *s = service;
    struct record record;
    struct trustee_request req;
    trustee_collateral_facts facts;
    const trustee_collateral given = {item->kind, item->key, item->bytes, item->chain};
    record_begin(&record, &s->judging, "collateral", no_id);
    request_begin(&req, &s->judging, NULL, &record, clock_monotonic_ns() + JUDGE_NS);
    result r = plugins_judge_collateral(s->plugins, &req, &given, now, &facts);
    request_end(&req);
    if (FAILED(r))
        snprintf(why, why_size, "%.*s: %.*s", SLICE_ARG(record.reason), SLICE_ARG(record.text));
    *out = (struct collateral_facts){facts.issued, facts.not_after, facts.number};
    arena_reset(&s->judging, JUDGING_KEEP);
    return r;
}

static result open_collateral(struct opening *o)
{
    struct service *s = o->service;
    if (!plugins_take_collateral(s->plugins))
        return OK;
    TRY(arena_map(&s->judging, JUDGING_SIZE, ARENA_PLAIN));
    return collateral_open(&o->config->collateral, judge_collateral, s, &s->collateral, o->error, o->error_size);
}

static void say_switches(const struct config *c)
{
    const char *names[CONFIG_SWITCHES_MAX];
    size_t count = config_switches(c, names);
    for (size_t i = 0; i < count; i++)
        log_warn("service", "switch %s is on; see docs/compatibility.md for what it weakens or changes", names[i]);
}

static result open_all(struct opening *o, const char *program, const char *config_file)
{
    struct service *s = o->service;
    struct config *c = o->config;
    TRY(say(o, arena_map(&s->arena, 64u << 20, ARENA_PLAIN), "memory"));
    TRY(say(o, arena_map(&s->secrets, 262144, ARENA_SECRET), "memory for secrets"));
    if (!s->secrets.locked)
        log_warn("memory", "secrets cannot be locked into memory: raise the limit of locked memory (ulimit -l)");
    say_switches(c);
    TRY(say(o, open_plugins(o), "loading plugins"));
    TRY(say(o, bindings_load(&c->ini, c->release.require_binding, &s->bindings, o->error, o->error_size), "bindings"));
    TRY(say(o, open_admins(o), "administrators"));
    TRY(say(o, open_sealer(o), "session keys"));
    TRY(say(o, open_signer(o), "token key"));
    TRY(say(o, open_issuer(o), "token issuer"));
    TRY(say(o, open_trust(o), "token trust"));
    TRY(say(o, config_finish(c, o->error, o->error_size), "configuration"));
    TRY(say(o, keys_are_disjoint(o), "keys"));
    TRY(say(o, open_stores(o, program, config_file), "storage"));
    token_trust_revoke(s->trust, revocation_before(s->revocation));
    TRY(say(o, basis_new(s->policies, s->reference_values, &s->basis), "memory"));
    TRY(say(o, appraisal_memory_new(&s->appraisals), "memory"));
    TRY(say(o, release_memory_new(&s->permissions), "memory"));
    TRY(say(o, sessions_new((size_t)c->session.capacity, (size_t)c->session.token_memory, &s->sessions), "memory"));
    TRY(say(o, records_new((size_t)c->records.memory, &s->records), "memory"));
    TRY(say(o, metrics_new(&s->metrics), "memory"));
    return say(o, open_collateral(o), "collateral");
}

result service_open(struct config *config, const char *program, const char *config_file, struct service **out,
                    char *error, size_t error_size)
{
    struct service *s = calloc(1, sizeof *s);
    ENSURE(s, NO_MEMORY);
    s->config = config;
    error[0] = 0;
    struct opening o = {config, s, error, error_size};
    result r = open_all(&o, program, config_file);
    arena_reset(&s->secrets, 0);
    if (FAILED(r)) {
        service_close(s);
        return r;
    }
    *out = s;
    return OK;
}

void service_close(struct service *s)
{
    if (!s)
        return;
    collateral_close(s->collateral);
    arena_unmap(&s->judging);
    basis_free(s->basis);
    policies_close(s->policies);
    refval_close(s->reference_values);
    appraisal_memory_free(s->appraisals);
    release_memory_free(s->permissions);
    sessions_free(s->sessions);
    records_free(s->records);
    metrics_free(s->metrics);
    token_trust_free(s->trust);
    revocation_close(s->revocation);
    ear_issuer_free(s->issuer);
    jws_signer_free(s->signer);
    sealer_free(s->sealer);
    admins_free(s->admins);
    bindings_free(s->bindings);
    plugins_free(s->plugins);
    arena_unmap(&s->secrets);
    arena_unmap(&s->arena);
    free(s);
}

result service_engine_only(struct config *config, struct plugins **plugins, const struct engine **engine, char *error,
                           size_t error_size)
{
    struct plugin_settings settings = {config->plugins.directory, config->plugins.allow_insecure, false};
    struct ini_section *section = ini_section(&config->ini, S("plugin"), config->policy.use);
    struct ini_section alone;
    struct ini ini = {.file = config->ini.file, .sections = section ? &alone : NULL};
    if (section) {
        alone = *section;
        alone.next = NULL;
    }
    TRY(plugins_load(&ini, &settings, plugins, error, error_size));
    *engine = plugins_engine(*plugins, config->policy.use);
    if (*engine)
        return OK;
    snprintf(error, error_size, "the plugin %.*s evaluates no policies", SLICE_ARG(config->policy.use));
    return FAIL(CONFIG_VALUE);
}

uint64_t policy_deadline_ms(const struct http_exchange *x)
{
    return http_is_offloaded(x) ? service_of(x)->config->policy.timeout * 1000 : POLICY_WORKER_MS;
}
