/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <trustee/plugin.h>

#include "storage/redis/redis.h"

#define SECRETS_SIZE ((size_t)64 << 10)

static trustee_status cannot(const struct redis_store *s, const char *what)
{
    backend_log(&s->backend, TRUSTEE_LOG_ERROR, "redis: %s", what);
    return TRUSTEE_E_CONFIG;
}

/* The URL, and above it the options of their own. */
static trustee_status read_settings(struct redis_store *s, const trustee_conf *conf)
{
    const trustee_host *h = s->host;
    struct redis_settings *c = &s->settings;
    slice url = S("redis://127.0.0.1:6379"), text;
    uint64_t database;
    if (h->conf_text(conf, S("url"), &text) == TRUSTEE_OK)
        url = text;
    if (!redis_url(url, &s->secrets, c))
        return cannot(s, "url is not of the form redis[s]://[[user]:password@]host[:port][/database] or unix:///path");
    if (h->conf_text(conf, S("username"), &text) == TRUSTEE_OK)
        c->username = text;
    bool has_password = h->conf_text(conf, S("password"), &text) == TRUSTEE_OK;
    if (has_password)
        c->password = text;
    if (h->conf_file(conf, S("password_file"), 0, &text) == TRUSTEE_OK) {
        if (has_password)
            return cannot(s, "password and password_file exclude each other");
        while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
            text.len--;
        if (!text.len)
            return cannot(s, "password_file is empty");
        c->password = text;
    }
    if (h->conf_u64(conf, S("database"), &database) == TRUSTEE_OK)
        c->database = database;
    if (c->username.len && !c->password.len)
        return cannot(s, "there is a username and no password");
    c->server_name = c->host;
    if (h->conf_text(conf, S("tls_server_name"), &text) == TRUSTEE_OK)
        c->server_name = (const char *)arena_printf(&s->secrets, "%.*s", SLICE_ARG(text)).ptr;
    return c->path || c->server_name ? TRUSTEE_OK : TRUSTEE_E_NOMEM;
}

static const struct backend_kind KIND = {{redis_usable, redis_close}, redis_connect};

/* A server that is away now may be back before the first request; wrong words will not become right. */
static trustee_status first_contact(struct redis_store *s, const trustee_conf *conf)
{
    uint32_t index_upstream = 0;
    (void)s->host->conf_bool(conf, S("index_upstream"), &index_upstream);
    trustee_status status = backend_first(&s->backend, redis_greet, s);
    if (status == TRUSTEE_OK && index_upstream)
        status = backend_first(&s->backend, redis_index_upstream, s);
    return status == TRUSTEE_E_CONFIG || (index_upstream && status != TRUSTEE_OK) ? TRUSTEE_E_CONFIG : TRUSTEE_OK;
}

static trustee_status open_store(struct redis_store *s, const trustee_conf *conf)
{
    trustee_status status = read_settings(s, conf);
    if (status == TRUSTEE_OK)
        status = redis_tls(s, conf);
    return status == TRUSTEE_OK ? first_contact(s, conf) : status;
}

static void plugin_fini(void *instance)
{
    struct redis_store *s = instance;
    backend_end(&s->backend);
    SSL_CTX_free(s->tls);
    arena_unmap(&s->secrets);
    free(s);
}

static trustee_status plugin_init(const trustee_host *host, const trustee_conf *conf, void **instance)
{
    struct redis_store *s = calloc(1, sizeof *s);
    uint64_t connections = 0, timeout = 0;
    if (!s)
        return TRUSTEE_E_NOMEM;
    s->host = host;
    (void)host->conf_u64(conf, S("connections"), &connections);
    (void)host->conf_u64(conf, S("timeout"), &timeout);
    struct backend_settings settings = {.host = host,
                                        .name = "redis",
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
           "redis[s]://[[user]:password@]host[:port][/database] or unix:///path; redis://127.0.0.1:6379 if not given"),
    OPTION("username", TRUSTEE_OPTION_TEXT, 0, "the user of the server's access list; default: that of url"),
    OPTION("password", TRUSTEE_OPTION_TEXT, TRUSTEE_OPTION_SECRET, "default: that of url"),
    OPTION("password_file", TRUSTEE_OPTION_FILE, TRUSTEE_OPTION_SECRET, "a file that holds the password alone"),
    {.name = TRUSTEE_TEXT("database"),
     .help = TRUSTEE_TEXT("number of the database; default: that of url"),
     .type = TRUSTEE_OPTION_NUMBER,
     .max = 65535},
    OPTION("tls_ca", TRUSTEE_OPTION_FILE, 0,
           "PEM certificates that a rediss:// server must chain to; default: the system's"),
    OPTION("tls_certificate", TRUSTEE_OPTION_FILE, 0, "PEM certificate to present to the server"),
    OPTION("tls_key", TRUSTEE_OPTION_FILE, TRUSTEE_OPTION_SECRET, "PEM private key of tls_certificate"),
    OPTION("tls_server_name", TRUSTEE_OPTION_TEXT, 0,
           "name that the server's certificate is for; default: the host of url"),
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
    {.name = TRUSTEE_TEXT("index_upstream"),
     .help = TRUSTEE_TEXT("at start, list in our indexes what upstream wrote; wanted once"),
     .fallback = TRUSTEE_TEXT("no"),
     .type = TRUSTEE_OPTION_BOOL},
};

static const trustee_storage VTABLE = {
    .size = sizeof VTABLE,
    .flags = TRUSTEE_STORAGE_BLOCKING_GET | TRUSTEE_STORAGE_BLOCKING_PUT | TRUSTEE_STORAGE_PLAIN_AT_REST,
    .get = redis_get,
    .put = redis_put,
    .del = redis_del,
    .list = redis_list,
    .ready = redis_ready,
};

static const trustee_interface INTERFACES[] = {
    {.kind = TRUSTEE_TEXT("storage"), .major = TRUSTEE_STORAGE_MAJOR, .vtable = &VTABLE},
};

static const trustee_plugin PLUGIN = {
    .size = sizeof PLUGIN,
    .abi_minor = TRUSTEE_ABI_MINOR,
    .magic = TRUSTEE_PLUGIN_MAGIC,
    .thread_model = TRUSTEE_THREADS_PARALLEL,
    .name = TRUSTEE_TEXT("redis"),
    .version = TRUSTEE_TEXT(TRUSTEE_VERSION),
    .vendor = TRUSTEE_TEXT("Trustee"),
    .license = TRUSTEE_TEXT("Apache-2.0"),
    .description = TRUSTEE_TEXT("keeps values in a Redis or Valkey server"),
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
