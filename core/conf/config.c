/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conf/config.h"

#include <limits.h>
#include <unistd.h>

#include "core/conf/file.h"
#include "core/conf/upstream.h"
#include "core/log/log.h"

#define FILE_SIZE_MAX (1u << 20)

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define OPTIONS(array) array, COUNT(array)

static const char *const profiles[] = {"standard", "restricted", NULL};
static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const statuses[] = {"own", "upstream", NULL};

#define AT(member) BIND_AT(struct service_config, member)
static const struct bind_option service_options[] = {
    {"profile", BIND_CHOICE, AT(profile), .fallback = "standard", .choices = profiles,
     .help = "restricted refuses every compat_ and allow_ switch that weakens a check, and wants bindings"},
    {"log_level", BIND_CHOICE, AT(log_level), .fallback = "info", .choices = levels, .help = "what is logged"},
    {"workers", BIND_NUMBER, AT(workers), .fallback = "2", .min = 1, .max = 256, .help = "threads that serve requests"},
    {"compat_status", BIND_CHOICE, AT(compat_status), .fallback = "own", .choices = statuses,
     .help = "upstream: 401 for everything but an unknown plugin, as upstream's server answers"},
    {"pid_file", BIND_PATH, AT(pid_file), .help = "written once requests are served"},
};
#undef AT
#define AT(member) BIND_AT(struct http_config, member)
static const struct bind_option http_options[] = {
    {"listen", BIND_TEXT, AT(listen), .fallback = "127.0.0.1:8080", .flags = BIND_MANY,
     .help = "address:port, [IPv6]:port; port 0 takes any"},
    {"tls", BIND_BOOL, AT(tls), .fallback = "yes", .help = "no: plain HTTP, only behind something that ends TLS"},
    {"certificate", BIND_PATH, AT(certificate), .help = "PEM certificate chain, leaf first"},
    {"private_key", BIND_PATH, AT(private_key), .help = "PEM private key of the certificate"},
    {"head_limit", BIND_SIZE, AT(head_limit), .fallback = "128KiB", .min = 8192, .max = 4u << 20,
     .help = "of a request line with all headers"},
    {"headers", BIND_NUMBER, AT(headers), .fallback = "96", .min = 16, .max = 1000, .help = "headers of a request"},
    {"body_limit", BIND_SIZE, AT(body_limit), .fallback = "2MiB", .min = 65536, .max = 64u << 20,
     .help = "of a request's body"},
    {"slots", BIND_NUMBER, AT(slots), .fallback = "32", .min = 1, .max = 4096,
     .help = "requests in flight for each worker; more are answered 503"},
    {"connections", BIND_NUMBER, AT(connections), .fallback = "10000", .min = 1, .max = 1000000,
     .help = "open connections for each worker"},
    {"head_timeout", BIND_DURATION, AT(head_timeout), .fallback = "5s", .min = 1, .max = 600,
     .help = "for all headers"},
    {"body_timeout", BIND_DURATION, AT(body_timeout), .fallback = "30s", .min = 1, .max = 3600, .help = "for the body"},
    {"handshake_timeout", BIND_DURATION, AT(handshake_timeout), .fallback = "5s", .min = 1, .max = 600,
     .help = "for the TLS handshake"},
    {"idle_timeout", BIND_DURATION, AT(idle_timeout), .fallback = "60s", .min = 1, .max = 86400,
     .help = "between two requests"},
    {"write_timeout", BIND_DURATION, AT(write_timeout), .fallback = "30s", .min = 1, .max = 3600,
     .help = "for a client that does not read its reply"},
};
#undef AT
#define AT(member) BIND_AT(struct session_config, member)
static const struct bind_option session_options[] = {
    {"challenge_life", BIND_DURATION, AT(challenge_life), .fallback = "5m", .min = 5, .max = 3600,
     .help = "how long a challenge can be answered"},
    {"key_file", BIND_PATH, AT(key_files), .flags = BIND_MANY,
     .help = "32 bytes that seal challenges; the first seals, the second still opens; none: made anew at each start"},
    {"capacity", BIND_NUMBER, AT(capacity), .fallback = "1000000", .min = 1024, .max = 100000000,
     .help = "answered challenges that are remembered until they expire; more are answered 503"},
    {"token_memory", BIND_SIZE, AT(token_memory), .fallback = "4MiB", .min = 1u << 20, .max = UINT64_C(16) << 30,
     .help = "for the tokens of sessions; the oldest leave first and their owners attest again"},
};
#undef AT
#define AT(member) BIND_AT(struct token_config, member)
static const struct bind_option token_options[] = {
    {"signing_key", BIND_PATH, AT(signing_key),
     .help = "PEM private key that signs attestation tokens (EC P-256); none: made anew at each start"},
    {"certificate_chain", BIND_PATH, AT(certificate_chain), .help = "PEM chain of that key, put into tokens as x5c"},
    {"certificate_url", BIND_TEXT, AT(certificate_url), .help = "put into tokens as x5u"},
    {"life", BIND_DURATION, AT(life), .fallback = "5m", .min = 10, .max = 86400, .help = "of a token"},
    {"leeway", BIND_DURATION, AT(leeway), .fallback = "60s", .min = 0, .max = 60,
     .help = "past exp, for tokens of other issuers; ours have none"},
    {"issuer", BIND_TEXT, AT(issuer), .fallback = "CoCo-Attestation-Service", .help = "claim iss"},
    {"developer", BIND_TEXT, AT(developer), .fallback = "https://confidentialcontainers.org",
     .help = "claim ear.verifier-id.developer"},
    {"build", BIND_TEXT, AT(build), .fallback = "attestation-service 0.1.0", .help = "claim ear.verifier-id.build"},
    {"profile", BIND_TEXT, AT(profile), .fallback = "tag:github.com,2024:confidential-containers/Trustee",
     .help = "claim eat_profile"},
    {"verbose", BIND_BOOL, AT(verbose), .fallback = "yes", .help = "no: leave additional-evidence out of tokens"},
    {"allow_insecure_header_jwk", BIND_BOOL, AT(insecure_header_jwk), .fallback = "no",
     .help = "believe whatever key a token's header brings: for trying out only"},
};
#undef AT
static const struct bind_option admin_options[] = {
    {"allow_unauthenticated", BIND_BOOL, BIND_AT(struct admin_config, allow_unauthenticated), .fallback = "no",
     .help = "everybody is an administrator: for trying out only"},
};
static const struct bind_option release_options[] = {
    {"require_binding", BIND_BOOL, BIND_AT(struct release_config, require_binding), .fallback = "no",
     .help = "release nothing that no [binding NAME] ties to a workload"},
    {"allow_rsa1_5", BIND_BOOL, BIND_AT(struct release_config, allow_rsa1_5), .fallback = "no",
     .help = "encrypt to RSA1_5 keys, which is deprecated"},
};
static const struct bind_option plugins_options[] = {
    {"directory", BIND_PATH, BIND_AT(struct plugins_config, directory), .fallback = "/usr/lib/trustee/plugins",
     .help = "every plugin's file lies below it"},
    {"allow_insecure", BIND_BOOL, BIND_AT(struct plugins_config, allow_insecure), .fallback = "no",
     .help = "load plugins that prove nothing, such as sample: for trying out only"},
};
static const struct bind_option storage_options[] = {
    {"use", BIND_TEXT, BIND_AT(struct storage_config, use), .fallback = "file",
     .help = "the plugin that keeps resources, policies and reference values"},
};
static const struct bind_option policy_options[] = {
    {"use", BIND_TEXT, BIND_AT(struct policy_config, use), .fallback = "rego",
     .help = "the plugin that evaluates policies, named after their language"},
    {"timeout", BIND_DURATION, BIND_AT(struct policy_config, timeout), .fallback = "1s", .min = 1, .max = 60,
     .help = "an evaluation that takes longer denies"},
};
static const struct bind_option records_options[] = {
    {"memory", BIND_SIZE, BIND_AT(struct records_config, memory), .fallback = "4MiB", .min = 262144, .max = 1u << 30,
     .help = "for the records of decisions that trusteectl explain shows"},
};

#define AT(member) BIND_AT(struct collateral_settings, member)
static const char *const updates[] = {"standard", "early", NULL};
static const struct bind_option collateral_options[] = {
    {"directory", BIND_PATH, AT(directory),
     .help = "our own folder: what was fetched outlives a restart, and never goes back; none: memory only"},
    {"offline", BIND_PATH, AT(offline), .flags = BIND_MANY,
     .help = "a folder or file to read: a kds-store, PcsClientTool's JSON, one of our exports; looked into before the "
             "network"},
    {"network", BIND_BOOL, AT(network), .fallback = "yes",
     .help = "no: the vendors' services are never asked, for sites without a network"},
    {"intel_pccs", BIND_TEXT, AT(intel_pccs), .flags = BIND_MANY,
     .help = "base URL of a caching service (PCCS), asked before Intel; several are asked in this order"},
    {"intel_pcs", BIND_TEXT, AT(intel_pcs), .fallback = "https://api.trustedservices.intel.com", .flags = BIND_MANY,
     .help = "base URL of Intel's service; none: it is not asked"},
    {"intel_root_crl", BIND_TEXT, AT(intel_root_crl),
     .fallback = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der", .flags = BIND_MANY,
     .help = "URL of the root CA's revocation list; none: it is taken from a PCCS or from files only"},
    {"amd_kds", BIND_TEXT, AT(amd_kds), .fallback = "https://kdsintf.amd.com", .flags = BIND_MANY,
     .help = "base URL of AMD's service, or of a cache of it; none: it is not asked"},
    {"tcb_update", BIND_CHOICE, AT(tcb_update), .fallback = "standard", .choices = updates,
     .help = "early: Intel's TCB info and QE identity as soon as they are published"},
    {"ca", BIND_PATH, AT(ca), .help = "PEM certificates that vouch for these services, besides the system's"},
    {"proxy", BIND_TEXT, AT(proxy), .flags = BIND_SECRET,
     .help = "such as http://proxy:3128; none: as https_proxy and no_proxy of the environment say"},
    {"timeout", BIND_DURATION, AT(timeout), .fallback = "10s", .min = 1, .max = 300, .help = "of one request to them"},
    {"wait", BIND_DURATION, AT(wait), .fallback = "8s", .min = 1, .max = 60,
     .help = "how long an attestation waits for what it needs before it is answered 503 with Retry-After"},
    {"item_limit", BIND_SIZE, AT(item_limit), .fallback = "4MiB", .min = 4096, .max = 8u << 20,
     .help = "of one item; some kinds are held to less"},
    {"memory", BIND_SIZE, AT(memory), .fallback = "32MiB", .min = 1u << 20, .max = UINT64_C(4) << 30,
     .help = "for items in memory; platforms' own certificates leave first, the longest unused before others"},
    {"address_budget", BIND_NUMBER, AT(address_budget), .fallback = "60", .min = 1, .max = 1000000,
     .help = "certificates of unknown platforms that one client address may have fetched in a minute"},
    {"key_budget", BIND_NUMBER, AT(key_budget), .fallback = "240", .min = 4, .max = 1000000,
     .help = "the same for all addresses, of one vendor; a quarter is left for platforms that were verified before"},
    {"refresh", BIND_DURATION, AT(refresh), .fallback = "24h", .min = 60, .max = 30 * 86400,
     .help = "age at which TCB info, QE identity and revocation lists are asked for again, while they serve on"},
    {"prefetch", BIND_DURATION, AT(prefetch), .fallback = "7d", .min = 60, .max = 60 * 86400,
     .help = "time before an item expires from which a new one is asked for"},
};
#undef AT

static const struct bind_table tables[] = {
    {"service", NULL, "the service as a whole", OPTIONS(service_options)},
    {"http", NULL, "where and how it listens", OPTIONS(http_options)},
    {"session", NULL, "challenges and sessions", OPTIONS(session_options)},
    {"token", NULL, "attestation tokens", OPTIONS(token_options)},
    {"admin", NULL, "administrators; their keys are in [admin-key NAME], what they may do in [role NAME]",
     OPTIONS(admin_options)},
    {"release", NULL, "the release of resources; ties to workloads are in [binding NAME]", OPTIONS(release_options)},
    {"plugins", NULL, "plugins; each one has its own [plugin NAME], see --help-plugin NAME", OPTIONS(plugins_options)},
    {"storage", NULL, "what keeps resources, policies and reference values", OPTIONS(storage_options)},
    {"policy", NULL, "policies", OPTIONS(policy_options)},
    {"records", NULL, "records of decisions", OPTIONS(records_options)},
    {"collateral", NULL, "what vendors sign about their platforms, for the verifiers that need it",
     OPTIONS(collateral_options)},
};

/* Sections that other readers bind, for "did you mean". */
static const struct bind_table others[] = {{"plugin", "NAME", NULL, NULL, 0},
                                           {"admin-key", "NAME", NULL, NULL, 0},
                                           {"role", "NAME", NULL, NULL, 0},
                                           {"binding", "NAME", NULL, NULL, 0},
                                           {"token-issuer", "NAME", NULL, NULL, 0}};

static bool is_switch(const struct ini_entry *e)
{
    bool named = slice_starts(e->key, S("allow_")) || slice_starts(e->key, S("compat_"));
    return named && slice_equal(e->value, S("yes"));
}

static result plugin_switch(struct config *c, slice plugin, slice key)
{
    slice name = arena_printf(&c->arena, "plugin.%.*s.%.*s", SLICE_ARG(plugin), SLICE_ARG(key));
    ENSURE(name.ptr, NO_MEMORY);
    if (c->plugin_switch_count < CONFIG_PLUGIN_SWITCHES_MAX)
        c->plugin_switches[c->plugin_switch_count++] = (const char *)name.ptr;
    return OK;
}

static result find_plugin_switches(struct config *c)
{
    for (const struct ini_section *s = c->ini.sections; s; s = s->next)
        for (const struct ini_entry *e = slice_equal(s->kind, S("plugin")) ? s->entries : NULL; e; e = e->next)
            if (is_switch(e))
                TRY(plugin_switch(c, s->name, e->key));
    return OK;
}

static result restricted(const struct config *c, char *error, size_t error_size)
{
    const struct {
        bool on;
        const char *section, *key;
    } weak[] = {
        {c->admin.allow_unauthenticated, "admin", "allow_unauthenticated"},
        {c->plugins.allow_insecure, "plugins", "allow_insecure"},
        {c->token.insecure_header_jwk, "token", "allow_insecure_header_jwk"},
        {c->release.allow_rsa1_5, "release", "allow_rsa1_5"},
        {!c->http.tls, "http", "tls = no"},
        {!c->release.require_binding, "release", "require_binding = no"},
    };
    if (c->service.profile != PROFILE_RESTRICTED)
        return OK;
    for (size_t i = 0; i < COUNT(weak); i++)
        if (weak[i].on) {
            snprintf(error, error_size,
                     "%.*s: profile = restricted does not allow [%s] %s; change it, or use profile = standard",
                     SLICE_ARG(c->ini.file), weak[i].section, weak[i].key);
            return FAIL(CONFIG_VALUE);
        }
    if (c->plugin_switch_count == 0)
        return OK;
    snprintf(error, error_size, "%.*s: profile = restricted does not allow %s; change it, or use profile = standard",
             SLICE_ARG(c->ini.file), c->plugin_switches[0]);
    return FAIL(CONFIG_VALUE);
}

static result tls_has_files(const struct config *c, char *error, size_t error_size)
{
    if (!c->http.tls || (c->http.certificate.len && c->http.private_key.len))
        return OK;
    snprintf(
        error, error_size,
        "%.*s: [http] tls = yes needs certificate and private_key; `trusteectl init` makes a pair for a start, and "
        "tls = no serves plain HTTP",
        SLICE_ARG(c->ini.file));
    return FAIL(CONFIG_VALUE);
}

static result read_upstream(const char *file, struct config *c, char *error, size_t error_size)
{
    char plugins[PATH_MAX], folder[PATH_MAX];
    struct upstream_config converted;
    slice text, name = arena_printf(&c->arena, "%s (converted)", file);
    plugins_beside(plugins, sizeof plugins);
    if (!getcwd(folder, sizeof folder) || !name.ptr)
        return FAIL(CONFIG_FILE);
    slice directory = arena_copy(&c->arena, slice_of(plugins, strlen(plugins) + 1)),
          here = arena_copy(&c->arena, slice_of(folder, strlen(folder) + 1));
    ENSURE(directory.ptr && here.ptr, NO_MEMORY);
    TRY(file_read("--config", slice_text(file), FILE_SIZE_MAX, false, &c->arena, &text, error, error_size));
    TRY(upstream_config_convert(file, text, (const char *)directory.ptr, (const char *)here.ptr, &c->arena, &converted,
                                error, error_size));
    c->notes = converted.notes;
    return ini_parse(&c->arena, name, converted.ini, &c->ini, error, error_size);
}

result config_read(const char *file, struct config *c, char *error, size_t error_size)
{
    *c = (struct config){0};
    void *const targets[] = {&c->service, &c->http,    &c->session, &c->token,   &c->admin,     &c->release,
                             &c->plugins, &c->storage, &c->policy,  &c->records, &c->collateral};
    TRY(arena_map(&c->arena, 16u << 20, ARENA_PLAIN));
    TRY(upstream_config_is(file) ? read_upstream(file, c, error, error_size)
                                 : ini_read(&c->arena, file, &c->ini, error, error_size));
    struct bind b = {&c->ini, &c->arena, error, error_size};
    for (size_t i = 0; i < COUNT(tables); i++)
        TRY(bind_section(&b, &tables[i], NO_SLICE, targets[i]));
    TRY(tls_has_files(c, error, error_size));
    TRY(find_plugin_switches(c));
    return restricted(c, error, error_size);
}

void config_free(struct config *c)
{
    arena_unmap(&c->arena);
}

result config_finish(struct config *c, char *error, size_t error_size)
{
    const struct bind_table *all[COUNT(tables) + COUNT(others)];
    for (size_t i = 0; i < COUNT(tables); i++)
        all[i] = &tables[i];
    for (size_t i = 0; i < COUNT(others); i++)
        all[COUNT(tables) + i] = &others[i];
    struct bind b = {&c->ini, &c->arena, error, error_size};
    return bind_finish(&b, all, COUNT(all));
}

size_t config_switches(const struct config *c, const char *names[CONFIG_SWITCHES_MAX])
{
    const struct {
        bool on;
        const char *name;
    } all[] = {
        {c->service.compat_status == STATUS_UPSTREAM, "compat_status"},
        {c->plugins.allow_insecure, "plugins.allow_insecure"},
        {c->admin.allow_unauthenticated, "admin.allow_unauthenticated"},
        {c->token.insecure_header_jwk, "token.allow_insecure_header_jwk"},
        {c->release.allow_rsa1_5, "release.allow_rsa1_5"},
        {!c->http.tls, "http.plain"},
    };
    _Static_assert(COUNT(all) + CONFIG_PLUGIN_SWITCHES_MAX <= CONFIG_SWITCHES_MAX, "room for all");
    size_t count = 0;
    for (size_t i = 0; i < COUNT(all); i++)
        if (all[i].on)
            names[count++] = all[i].name;
    for (size_t i = 0; i < c->plugin_switch_count; i++)
        names[count++] = c->plugin_switches[i];
    return count;
}

void config_help(FILE *out)
{
    for (size_t i = 0; i < COUNT(tables); i++)
        bind_help(&tables[i], out);
}

void config_reference(FILE *out)
{
    for (size_t i = 0; i < COUNT(tables); i++)
        bind_reference(&tables[i], out);
}

void config_man(FILE *out)
{
    for (size_t i = 0; i < COUNT(tables); i++)
        bind_man(&tables[i], out);
}
