/* SPDX-License-Identifier: Apache-2.0
 *
 * trusteectl init: everything that a service of one's own takes, with secure defaults.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/conf/upstream.h"
#include "core/crypto/jose.h"
#include "core/crypto/selfsigned.h"

#define CERTIFICATE_DAYS 825u

/* What init works with. */
struct start {
    struct cli *cli;
    char home[PATH_MAX], plugins[PATH_MAX], verifiers[128];
    const char *listen, *host;
    bool sample, http;
};

static const char *file_in(struct start *s, const char *name)
{
    slice path = arena_printf(&s->cli->arena, "%s/%s", s->home, name);
    return path.ptr ? (const char *)path.ptr : "";
}

static bool make_folder(struct start *s, const char *name, mode_t mode)
{
    const char *path = *name ? file_in(s, name) : s->home;
    if (mkdir(path, mode) == 0)
        return true;
    say(0, "%s: %s", path, strerror(errno));
    return false;
}

void find_plugins(char plugins[PATH_MAX])
{
    plugins_beside(plugins, PATH_MAX);
}

static bool make_signer(struct start *s, const char *private_name, const char *public_name)
{
    struct jws_signer *signer = NULL;
    slice private_pem, public_pem;
    bool good = !FAILED(jws_signer_generate(&signer)) &&
                !FAILED(jws_signer_private_pem(signer, &s->cli->secret, &private_pem)) &&
                !FAILED(jws_signer_public_pem(signer, &s->cli->arena, &public_pem)) &&
                write_file(file_in(s, private_name), private_pem, 0600, false) &&
                (!public_name || write_file(file_in(s, public_name), public_pem, 0644, false));
    jws_signer_free(signer);
    return good;
}

static bool make_keys(struct start *s)
{
    struct selfsigned tls;
    uint8_t *session = arena_alloc(&s->cli->secret, 32, 1);
    if (!session || FAILED(random_bytes(session, 32)))
        return false;
    if (!make_signer(s, "keys/token.pem", NULL) || !make_signer(s, "keys/admin.pem", "keys/admin.pub") ||
        !write_file(file_in(s, "keys/session.key"), slice_of(session, 32), 0600, false))
        return false;
    if (s->http)
        return true;
    if (FAILED(selfsigned_make(slice_text(s->host), CERTIFICATE_DAYS, &s->cli->arena, &s->cli->secret, &tls))) {
        say(0, "no certificate can be made for the host '%s'; expected a name or an address", s->host);
        return false;
    }
    return write_file(file_in(s, "tls/ca.pem"), tls.ca_pem, 0644, false) &&
           write_file(file_in(s, "tls/server.pem"), tls.server_pem, 0644, false) &&
           write_file(file_in(s, "tls/server.key"), tls.key_pem, 0600, false);
}

/* A section for each verifier that is installed. */
static slice verifiers_of(struct start *s)
{
    static const char *const names[] = {"tpm", "tdx", "snp", "sgx"};
    char path[PATH_MAX + 16], *at = s->verifiers;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s.so", s->plugins, names[i]);
        if (access(path, R_OK) == 0)
            at += snprintf(at, sizeof s->verifiers - (size_t)(at - s->verifiers), "\n[plugin %s]\n", names[i]);
    }
    return slice_text(s->verifiers);
}

static slice service_ini(struct start *s)
{
    const char *h = s->home;
    struct text t = text_begin(&s->cli->arena);
    slice parts[] = {
        slice_text("# Made by trusteectl init. trusteed --help-config tells every option.\n\n[http]\nlisten = "),
        slice_text(s->listen),
        slice_text(s->http ? "\ntls = no\n" : "\ntls = yes\ncertificate = "),
        slice_text(s->http ? "" : h),
        slice_text(s->http ? "" : "/tls/server.pem\nprivate_key = "),
        slice_text(s->http ? "" : h),
        slice_text(s->http ? "" : "/tls/server.key\n"),
        slice_text("\n[session]\nkey_file = "),
        slice_text(h),
        slice_text("/keys/session.key\n\n[token]\nsigning_key = "),
        slice_text(h),
        slice_text("/keys/token.pem\n\n[admin-key local]\npublic_key = "),
        slice_text(h),
        slice_text("/keys/admin.pub\nissuer = trusteectl\n\n[plugins]\ndirectory = "),
        slice_text(s->plugins),
        slice_text(s->sample ? "\n# The sample TEE proves nothing. Never in production.\nallow_insecure = yes\n"
                             : "\n"),
        slice_text("\n[plugin rego]\n"),
        verifiers_of(s),
        slice_text(s->sample ? "\n[plugin sample]\n" : ""),
        slice_text("\n[plugin file]\ndirectory = "),
        slice_text(h),
        slice_text(
            "/storage\n# Each Secret is a folder in here, as Kubernetes mounts them: SECRET/KEY is the resource\n"
            "# default/SECRET/KEY.\nsecret_folder = "),
        slice_text(h),
        slice_text("/secrets\n\n[collateral]\n# What vendors sign about their platforms; see docs/collateral.md.\n"
                   "directory = "),
        slice_text(h),
        slice_text("/collateral\n"),
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        text_add(&t, parts[i]);
    return text_end(&t);
}

static const char *port_of(const char *listen)
{
    const char *colon = strrchr(listen, ':');
    return colon ? colon + 1 : "8080";
}

static slice home_ini(struct start *s)
{
    const char *scheme = s->http ? "http" : "https";
    if (s->http)
        return arena_printf(&s->cli->arena, "[service]\nurl = %s://%s:%s\nadmin_key = %s/keys/admin.pem\n", scheme,
                            s->host, port_of(s->listen), s->home);
    return arena_printf(&s->cli->arena,
                        "[service]\nurl = %s://%s:%s\nca = %s/tls/ca.pem\nadmin_key = %s/keys/admin.pem\n", scheme,
                        s->host, port_of(s->listen), s->home, s->home);
}

static bool make_all(struct start *s)
{
    static const char *const folders[] = {"keys", "tls", "storage", "secrets"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (!make_folder(s, folders[i], 0700))
            return false;
    return make_keys(s) && write_file(file_in(s, "trusteed.ini"), service_ini(s), 0600, false) &&
           write_file(file_in(s, "trusteectl.ini"), home_ini(s), 0600, false);
}

int cmd_init(struct cli *c)
{
    struct start s = {.cli = c};
    s.listen = take_option(c, "--listen");
    s.host = take_option(c, "--host");
    const char *plugins = take_option(c, "--plugins");
    s.sample = take_flag(c, "--allow-sample");
    s.http = take_flag(c, "--http");
    s.listen = s.listen ? s.listen : "127.0.0.1:8080";
    s.host = s.host ? s.host : "127.0.0.1";
    if (c->argc != 1)
        return say(EXIT_USAGE, "init takes one folder that does not exist yet, such as: trusteectl init ./trustee");
    if (mkdir(c->argv[0], 0700) != 0)
        return say(EXIT_REFUSED, "%s: %s%s", c->argv[0], strerror(errno),
                   errno == EEXIST ? "; init never changes what is there" : "");
    if (!realpath(c->argv[0], s.home))
        return say(EXIT_REFUSED, "%s: %s", c->argv[0], strerror(errno));
    find_plugins(s.plugins);
    if (plugins && !realpath(plugins, s.plugins))
        return say(EXIT_REFUSED, "%s: %s", plugins, strerror(errno));
    if (!make_all(&s))
        return EXIT_REFUSED;
    printf("made %s: keys, folders, trusteed.ini and trusteectl.ini\n\n  start the service:  trusteed --config "
           "%s/trusteed.ini\n"
           "  store a secret:     trusteectl --home %s secret put default/my-secret/key FILE\n"
           "  or drop it as file: %s/secrets/my-secret/key\n",
           s.home, s.home, s.home, s.home);
    if (s.sample)
        puts("\nThe sample TEE is allowed: it proves nothing. NOT FOR PRODUCTION.");
    return 0;
}
