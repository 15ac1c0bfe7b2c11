/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <trustee/plugin.h>

#include "storage/postgres/postgres.h"

#define SECRETS_SIZE ((size_t)64 << 10)

static const struct backend_kind KIND = {{postgres_usable, postgres_close}, postgres_connect};

/* A server that is away now may be back before the first request; wrong words will not become right. */
static trustee_status open_store(struct postgres_store *s, const trustee_conf *conf)
{
    trustee_status status = postgres_settings(s, conf);
    if (status == TRUSTEE_OK && backend_first(&s->backend, postgres_probe, NULL) == TRUSTEE_E_CONFIG)
        status = TRUSTEE_E_CONFIG;
    return status;
}

static void plugin_fini(void *instance)
{
    struct postgres_store *s = instance;
    backend_end(&s->backend);
    arena_unmap(&s->secrets);
    free(s);
}

static trustee_status plugin_init(const trustee_host *host, const trustee_conf *conf, void **instance)
{
    struct postgres_store *s = calloc(1, sizeof *s);
    uint64_t connections = 0, timeout = 0;
    if (!s)
        return TRUSTEE_E_NOMEM;
    s->host = host;
    (void)host->conf_u64(conf, S("connections"), &connections);
    (void)host->conf_u64(conf, S("timeout"), &timeout);
    struct backend_settings settings = {.host = host,
                                        .name = "postgres",
                                        .kind = &KIND,
                                        .user = s,
                                        .timeout_ms = timeout * 1000,
                                        .connections = (unsigned)connections};
    if (FAILED(arena_map(&s->secrets, SECRETS_SIZE, ARENA_SECRET)) || !backend_begin(&s->backend, &settings)) {
        arena_unmap(&s->secrets);
        free(s);
        return TRUSTEE_E_NOMEM;
    }
    trustee_status status = open_store(s, conf);
    if (status != TRUSTEE_OK) {
        plugin_fini(s);
        return status;
    }
    *instance = s;
    return TRUSTEE_OK;
}

#define OPTION(option_name, option_type, option_flags, text)                                                          \
    {                                                                                                                 \
        .name = TRUSTEE_TEXT(option_name), .help = TRUSTEE_TEXT(text), .type = (option_type), .flags = (option_flags) \
    }

static const trustee_option OPTIONS[] = {
    OPTION("url", TRUSTEE_OPTION_TEXT, TRUSTEE_OPTION_SECRET,
           "postgresql://[user[:password]@]host[:port][/database]; what stands beside it comes before it"),
    OPTION("host", TRUSTEE_OPTION_TEXT, 0,
           "name, address or folder of a Unix socket; default: that of url, or localhost"),
    OPTION("port", TRUSTEE_OPTION_TEXT, 0, "default: that of url, or 5432"),
    OPTION("database", TRUSTEE_OPTION_TEXT, 0, "default: that of url, or postgres"),
    OPTION("username", TRUSTEE_OPTION_TEXT, 0, "default: that of url, or postgres"),
    OPTION("password", TRUSTEE_OPTION_TEXT, TRUSTEE_OPTION_SECRET, "default: that of url"),
    OPTION("password_file", TRUSTEE_OPTION_FILE, TRUSTEE_OPTION_SECRET, "a file that holds the password alone"),
    {.name = TRUSTEE_TEXT("sslmode"),
     .help = TRUSTEE_TEXT("disable, require, verify-ca or verify-full; of no account on a Unix socket"),
     .fallback = TRUSTEE_TEXT("verify-full"),
     .type = TRUSTEE_OPTION_TEXT},
    {.name = TRUSTEE_TEXT("tls_ca"),
     .help = TRUSTEE_TEXT("PEM certificates that the server's must chain to"),
     .fallback = TRUSTEE_TEXT("/etc/ssl/certs/ca-certificates.crt"),
     .type = TRUSTEE_OPTION_PATH},
    OPTION("tls_certificate", TRUSTEE_OPTION_PATH, 0, "PEM certificate to present to the server"),
    OPTION("tls_key", TRUSTEE_OPTION_PATH, 0, "PEM private key of tls_certificate; nobody else may read it"),
    {.name = TRUSTEE_TEXT("create_tables"),
     .help = TRUSTEE_TEXT("make the tables that are missing"),
     .fallback = TRUSTEE_TEXT("yes"),
     .type = TRUSTEE_OPTION_BOOL},
    {.name = TRUSTEE_TEXT("connections"),
     .help = TRUSTEE_TEXT("how many connections at most"),
     .fallback = TRUSTEE_TEXT("8"),
     .type = TRUSTEE_OPTION_NUMBER,
     .min = 1,
     .max = POOL_MAX},
    {.name = TRUSTEE_TEXT("timeout"),
     .help = TRUSTEE_TEXT("how long one operation may take, connecting included"),
     .fallback = TRUSTEE_TEXT("5s"),
     .type = TRUSTEE_OPTION_DURATION,
     .min = 1,
     .max = 60},
};

static const trustee_storage VTABLE = {
    .size = sizeof VTABLE,
    .flags = TRUSTEE_STORAGE_BLOCKING_GET | TRUSTEE_STORAGE_BLOCKING_PUT | TRUSTEE_STORAGE_PLAIN_AT_REST,
    .get = postgres_get,
    .put = postgres_put,
    .del = postgres_del,
    .list = postgres_list,
    .ready = postgres_ready,
};

static const trustee_interface INTERFACES[] = {
    {.kind = TRUSTEE_TEXT("storage"), .major = TRUSTEE_STORAGE_MAJOR, .vtable = &VTABLE},
};

static const trustee_plugin PLUGIN = {
    .size = sizeof PLUGIN,
    .abi_minor = TRUSTEE_ABI_MINOR,
    .magic = TRUSTEE_PLUGIN_MAGIC,
    .thread_model = TRUSTEE_THREADS_PARALLEL,
    .name = TRUSTEE_TEXT("postgres"),
    .version = TRUSTEE_TEXT(TRUSTEE_VERSION),
    .vendor = TRUSTEE_TEXT("Trustee"),
    .license = TRUSTEE_TEXT("Apache-2.0"),
    .description = TRUSTEE_TEXT("keeps values in a PostgreSQL database"),
    .options = OPTIONS,
    .option_size = sizeof OPTIONS[0],
    .option_count = sizeof OPTIONS / sizeof OPTIONS[0],
    .interfaces = INTERFACES,
    .interface_size = sizeof INTERFACES[0],
    .interface_count = sizeof INTERFACES / sizeof INTERFACES[0],
    .init = plugin_init,
    .fini = plugin_fini,
};

TRUSTEE_PLUGIN_EXPORT const trustee_plugin *trustee_plugin_describe_v1(void);
const trustee_plugin *trustee_plugin_describe_v1(void)
{
    return &PLUGIN;
}
