/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/postgres/postgres.h"

static trustee_status cannot(const struct postgres_store *s, const char *what)
{
    backend_log(&s->backend, TRUSTEE_LOG_ERROR, "postgres: %s", what);
    return TRUSTEE_E_CONFIG;
}

/* A later parameter comes before an earlier one of the same name. */
static trustee_status add(struct postgres_store *s, const char *name, slice text)
{
    slice copy = arena_printf(&s->secrets, "%.*s", SLICE_ARG(text));
    if (!copy.ptr || s->parameters == POSTGRES_PARAMETERS_MAX)
        return TRUSTEE_E_NOMEM;
    s->names[s->parameters] = name;
    s->texts[s->parameters++] = (const char *)copy.ptr;
    return TRUSTEE_OK;
}

/* An option, or its default if there is one; neither: nothing is told to the library. */
static trustee_status add_option(struct postgres_store *s, const trustee_conf *conf, const char *const names[2],
                                 slice fallback)
{
    slice text;
    if (s->host->conf_text(conf, slice_text(names[0]), &text) != TRUSTEE_OK)
        text = fallback;
    if (slice_find(text, 0) < text.len)
        return cannot(s, "an option holds a zero byte");
    return text.len ? add(s, names[1], text) : TRUSTEE_OK;
}

/* The library's own words about a bad URL would quote it. */
static bool is_url(const char *text)
{
    char *words = NULL;
    PQconninfoOption *options = PQconninfoParse(text, &words);
    bool valid = options != NULL;
    for (const PQconninfoOption *o = options; o && o->keyword; o++)
        if (o->val)
            secret_wipe(o->val, strlen(o->val));
    PQconninfoFree(options);
    if (words)
        secret_wipe(words, strlen(words));
    PQfreemem(words);
    return valid;
}

static trustee_status read_url(struct postgres_store *s, const trustee_conf *conf, bool *found)
{
    slice url;
    *found = s->host->conf_text(conf, S("url"), &url) == TRUSTEE_OK;
    if (!*found)
        return TRUSTEE_OK;
    if (!slice_starts(url, S("postgresql://")) && !slice_starts(url, S("postgres://")))
        return cannot(s, "url is not of the form postgresql://[user[:password]@]host[:port][/database]");
    trustee_status status = add(s, "dbname", url);
    if (status == TRUSTEE_OK && !is_url(s->texts[0]))
        return cannot(s, "url is not of the form postgresql://[user[:password]@]host[:port][/database]");
    return status;
}

static trustee_status read_password(struct postgres_store *s, const trustee_conf *conf)
{
    slice text, file;
    bool given = s->host->conf_text(conf, S("password"), &text) == TRUSTEE_OK;
    if (s->host->conf_file(conf, S("password_file"), 0, &file) != TRUSTEE_OK)
        return given ? add(s, "password", text) : TRUSTEE_OK;
    if (given)
        return cannot(s, "password and password_file exclude each other");
    while (file.len && (file.ptr[file.len - 1] == '\n' || file.ptr[file.len - 1] == '\r'))
        file.len--;
    if (!file.len || slice_find(file, 0) < file.len)
        return cannot(s, "password_file is empty or holds a zero byte");
    return add(s, "password", file);
}

/* Modes that fall back to no TLS without a word are not offered. */
static trustee_status read_mode(struct postgres_store *s, const trustee_conf *conf)
{
    static const slice modes[] = {TRUSTEE_TEXT("disable"), TRUSTEE_TEXT("require"), TRUSTEE_TEXT("verify-ca"),
                                  TRUSTEE_TEXT("verify-full")};
    slice mode;
    if (s->host->conf_text(conf, S("sslmode"), &mode) != TRUSTEE_OK)
        return TRUSTEE_E_CONFIG;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (slice_equal(modes[i], mode))
            return add(s, "sslmode", mode);
    return cannot(s, "sslmode is one of disable, require, verify-ca, verify-full");
}

trustee_status postgres_settings(struct postgres_store *s, const trustee_conf *conf)
{
    static const struct {
        const char *names[2]; /* ours, the library's */
        slice fallback;       /* upstream's, where there is no url */
    } options[] = {
        {{"host", "host"}, TRUSTEE_TEXT("localhost")},
        {{"port", "port"}, TRUSTEE_TEXT("5432")},
        {{"database", "dbname"}, TRUSTEE_TEXT("postgres")},
        {{"username", "user"}, TRUSTEE_TEXT("postgres")},
        {{"tls_ca", "sslrootcert"}, {NULL, 0}},
        {{"tls_certificate", "sslcert"}, {NULL, 0}},
        {{"tls_key", "sslkey"}, {NULL, 0}},
    };
    bool has_url;
    uint32_t create = 0;
    trustee_status status = read_url(s, conf, &has_url);
    for (size_t i = 0; i < sizeof options / sizeof *options && status == TRUSTEE_OK; i++)
        status = add_option(s, conf, options[i].names, has_url ? NO_SLICE : options[i].fallback);
    if (status == TRUSTEE_OK)
        status = read_password(s, conf);
    if (status == TRUSTEE_OK)
        status = read_mode(s, conf);
    if (status == TRUSTEE_OK)
        status = add(s, "client_encoding", S("UTF8"));
    if (status == TRUSTEE_OK)
        status = add(s, "application_name", S("trusteed"));
    /* Encryption by Kerberos would take the place of TLS and of its checks. */
    if (status == TRUSTEE_OK)
        status = add(s, "gssencmode", S("disable"));
    (void)s->host->conf_bool(conf, S("create_tables"), &create);
    s->create_tables = create;
    return status;
}
