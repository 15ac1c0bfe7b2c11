/* SPDX-License-Identifier: Apache-2.0
 *
 * Upstream's configuration as our INI. The documents are written here after interface §1.10.
 */
#include "core/conf/upstream.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/conf/ini.h"

static struct arena arena;
static struct upstream_config converted;
static struct ini ini;
static char error[1024];

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)32 << 20, ARENA_PLAIN)));
}

static void teardown(void)
{
    arena_unmap(&arena);
}

TestSuite(upstream_config, .init = setup, .fini = teardown);

#define ADMIN "[admin]\nauthorization_mode = \"DenyAll\"\n"

static enum reason converts_as(const char *file, const char *text)
{
    converted = (struct upstream_config){0};
    result r = upstream_config_convert(file, slice_text(text), "/nonexistent/plugins", "/here", &arena, &converted,
                                       error, sizeof error);
    if (!FAILED(r))
        cr_assert(!FAILED(ini_parse(&arena, S("x"), converted.ini, &ini, error, sizeof error)), "%s", error);
    return r.reason;
}

static void converts(const char *text)
{
    cr_assert_eq(converts_as("kbs.toml", text), REASON_OK, "%s", error);
}

/* All values of a key, joined by '|'; "-" where the section is not there. */
static const char *value(const char *kind, const char *name, const char *key)
{
    const struct ini_section *s = ini_section(&ini, slice_text(kind), slice_text(name));
    struct text t = text_begin(&arena);
    if (!s)
        return "-";
    for (const struct ini_entry *e = s->entries; e; e = e->next)
        if (slice_equal(e->key, slice_text(key))) {
            text_add(&t, e->value);
            text_lit(&t, "|");
        }
    text_add(&t, slice_of("", 1));
    return (const char *)text_end(&t).ptr;
}

static void notes(const char *part)
{
    const char *text = (const char *)arena_printf(&arena, "%.*s", SLICE_ARG(converted.notes)).ptr;
    cr_assert(strstr(text, part), "no '%s' in: %s", part, text);
}

static void refuses(const char *text, const char *part)
{
    cr_assert_eq(converts_as("kbs.toml", text), CONFIG_VALUE, "%s", text);
    cr_assert(strstr(error, part) && strstr(error, "kbs.toml"), "%s", error);
}

Test(upstream_config, a_file_is_upstreams_by_its_name)
{
    cr_assert(upstream_config_is("/etc/kbs-config.toml"));
    cr_assert(upstream_config_is("a.json") && upstream_config_is("a.yaml") && upstream_config_is("a.yml"));
    cr_assert_not(upstream_config_is("trusteed.ini"));
    cr_assert_not(upstream_config_is("toml"));
}

Test(upstream_config, the_server_is_taken_over)
{
    converts(ADMIN "[http_server]\nsockets = [\"0.0.0.0:8080\", \"[::]:8081\"]\nprivate_key = \"keys/a.key\"\n"
                   "certificate = \"/etc/a.pem\"\npayload_request_size = 4\nworker_count = 3\n");
    cr_assert_str_eq(value("http", "", "listen"), "0.0.0.0:8080|[::]:8081|");
    cr_assert_str_eq(value("http", "", "private_key"), "/here/keys/a.key|");
    cr_assert_str_eq(value("http", "", "certificate"), "/etc/a.pem|");
    cr_assert_str_eq(value("http", "", "body_limit"), "4MiB|");
    cr_assert_str_eq(value("service", "", "workers"), "3|");
    converts(ADMIN "[http_server]\ninsecure_http = true\n");
    cr_assert_str_eq(value("http", "", "tls"), "no|");
    converts(ADMIN "[http_server]\ninsecure_http = false\n");
    cr_assert_str_eq(value("http", "", "tls"), "yes|");
}

Test(upstream_config, json_says_the_same)
{
    cr_assert_eq(converts_as("kbs.json", "{\"admin\":{\"authorization_mode\":\"DenyAll\"},\"http_server\":{\"sockets\":"
                                         "[\"127.0.0.1:1\"],\"insecure_http\":true}}"),
                 REASON_OK, "%s", error);
    cr_assert_str_eq(value("http", "", "listen"), "127.0.0.1:1|");
    cr_assert_eq(converts_as("kbs.json", "[]"), CONFIG_SYNTAX);
    cr_assert_eq(converts_as("kbs.json", "{\"a\":1,\"a\":2}"), CONFIG_SYNTAX);
}

Test(upstream_config, what_is_no_toml_is_refused_where_it_stands)
{
    cr_assert_eq(converts_as("kbs.toml", "[admin]\nx = = 1\n"), CONFIG_SYNTAX);
    cr_assert(strstr(error, "kbs.toml:2:5"), "%s", error);
    cr_assert_eq(converts_as("kbs.yaml", "a: 1\n"), CONFIG_VALUE);
    cr_assert(strstr(error, "TOML or JSON"), "%s", error);
}

Test(upstream_config, tokens_of_the_built_in_service_are_taken_over)
{
    converts(ADMIN "[attestation_service]\ntype = \"coco_as_builtin\"\ntimeout = 7\n"
                   "[attestation_service.attestation_token_broker]\nduration_min = 9\nissuer_name = \"me\"\n"
                   "verbose_token = false\n[attestation_service.attestation_token_broker.signer]\n"
                   "key_path = \"file:///k.pem\"\ncert_path = \"c.pem\"\n");
    cr_assert_str_eq(value("session", "", "challenge_life"), "7m|");
    cr_assert_str_eq(value("token", "", "life"), "9m|");
    cr_assert_str_eq(value("token", "", "issuer"), "me|");
    cr_assert_str_eq(value("token", "", "verbose"), "no|");
    cr_assert_str_eq(value("token", "", "signing_key"), "/k.pem|");
    cr_assert_str_eq(value("token", "", "certificate_chain"), "/here/c.pem|");
}

Test(upstream_config, foreign_keys_come_with_an_issuer_and_no_switch_comes_along)
{
    converts(ADMIN "[attestation_token]\ninsecure_header_jwk = true\ntrusted_certs_paths = [\"/ca.pem\"]\n"
                   "trusted_jwk_sets = [\"file:///keys.json\", \"https://elsewhere/jwks\"]\n"
                   "extra_teekey_paths = [\"/a/b\"]\n");
    cr_assert_str_eq(value("token-issuer", "upstream", "issuer"), "CoCo-Attestation-Service|");
    cr_assert_str_eq(value("token-issuer", "upstream", "certificate"), "/ca.pem|");
    cr_assert_str_eq(value("token-issuer", "upstream", "jwks"), "/keys.json|");
    cr_assert_str_eq(value("token-issuer", "upstream", "key_pointer"), "/a/b|");
    cr_assert_str_eq(value("token", "", "allow_insecure_header_jwk"), "-");
    notes("https://elsewhere/jwks is left out");
    notes("insecure_header_jwk is left out");
}

Test(upstream_config, administrators_are_taken_over)
{
    converts("[admin]\nauthorization_mode = \"AuthenticatedAuthorization\"\n[admin.authentication.bearer_jwt]\n"
             "identity_providers = [{ issuer = \"i\", audience = \"a\", public_key_uri = \"file:///p.pub\" },\n"
             "{ jwk_set_uri = \"https://idp/keys\" }]\n[admin.authorization.regex_acl]\nacls = [\n"
             "{ role = \"admin\", allowed_endpoints = \"^/kbs/.+$\" },\n"
             "{ role = \"team\", allowed_endpoints = \"^/kbs/v0/resource/team/.*$\" },\n"
             "{ role = \"odd\", allowed_endpoints = \"^/kbs/v0/(a|b)$\" }]\n");
    cr_assert_str_eq(value("admin-key", "upstream-0", "public_key"), "/p.pub|");
    cr_assert_str_eq(value("admin-key", "upstream-0", "issuer"), "i|");
    cr_assert_str_eq(value("admin-key", "upstream-0", "audience"), "a|");
    cr_assert_str_eq(value("admin-key", "upstream-1", "public_key"), "-");
    cr_assert_str_eq(value("role", "admin", "allow"), "* /kbs/**|");
    cr_assert_str_eq(value("role", "team", "allow"), "* /kbs/v0/resource/team/**|");
    cr_assert_str_eq(value("role", "odd", "allow"), "GET /nowhere|");
    notes("identity provider 2");
    notes("role odd");
    converts("[admin]\nauthorization_mode = \"InsecureAllowAll\"\n");
    cr_assert_str_eq(value("admin", "", "allow_unauthenticated"), "yes|");
    converts(ADMIN);
    cr_assert_str_eq(value("admin", "", "allow_unauthenticated"), "-");
    refuses("[admin]\nauthorization_mode = \"Whatever\"\n", "authorization_mode");
    refuses("", "authorization_mode");
}

Test(upstream_config, the_storage_is_the_same_or_nothing_is_served)
{
    converts(ADMIN "[storage_backend]\nstorage_type = \"LocalFs\"\n[storage_backend.backends.local_fs]\n"
                   "dir_path = \"/opt/x\"\n");
    cr_assert_str_eq(value("plugin", "file", "directory"), "/opt/x|");
    converts(ADMIN);
    cr_assert_str_eq(value("storage", "", "use"), "memory|");
    cr_assert_str_eq(value("plugin", "memory", "x"), "");
    refuses(ADMIN "[storage_backend]\nstorage_type = \"LocalJson\"\n", "storage_type = LocalJson");
    converts(ADMIN "[storage_backend]\nstorage_type = \"Redis\"\n[storage_backend.backends.redis]\n"
                   "url = \"redis://r:1\"\n");
    cr_assert_str_eq(value("storage", "", "use"), "redis|");
    cr_assert_str_eq(value("plugin", "redis", "url"), "redis://r:1|");
    converts(ADMIN "[storage_backend]\nstorage_type = \"Postgres\"\n[storage_backend.backends.postgres]\n"
                   "host = \"h\"\nport = 7\ndb = \"d\"\npassword = \"p\"\n");
    cr_assert_str_eq(value("storage", "", "use"), "postgres|");
    cr_assert_str_eq(value("plugin", "postgres", "host"), "h|");
    cr_assert_str_eq(value("plugin", "postgres", "port"), "7|");
    cr_assert_str_eq(value("plugin", "postgres", "database"), "d|");
    cr_assert_str_eq(value("plugin", "postgres", "username"), "postgres|");
    cr_assert_str_eq(value("plugin", "postgres", "password"), "p|");
    refuses(ADMIN "[[plugins]]\nname = \"resource\"\nstorage_backend_type = \"Vault\"\n", "Vault");
    converts(ADMIN "[[plugins]]\nname = \"nebula-ca\"\nwork_dir = \"/x\"\n");
    notes("nebula-ca is not there");
}

Test(upstream_config, another_attestation_service_is_refused_or_told)
{
    refuses(ADMIN "[attestation_service]\ntype = \"intel_ta\"\n", "intel_ta");
    converts(ADMIN "[attestation_service]\ntype = \"coco_as_grpc\"\nas_addr = \"http://as:50004\"\n");
    notes("evidence is judged here instead");
}

Test(upstream_config, collateral_is_taken_over)
{
    converts(ADMIN "[attestation_service.verifier_config.dcap_verifier]\n"
                   "collateral_service = \"https://pccs:8081/sgx/certification/v4/\"\ntcb_update_type = \"early\"\n"
                   "[[attestation_service.verifier_config.snp_verifier.vcek_sources]]\ntype = \"OfflineStore\"\n"
                   "path = \"/kds\"\n[[attestation_service.verifier_config.snp_verifier.vcek_sources]]\n"
                   "type = \"KDS\"\nbase_url = \"https://kds\"\n");
    cr_assert_str_eq(value("collateral", "", "intel_pccs"), "https://pccs:8081|");
    cr_assert_str_eq(value("collateral", "", "tcb_update"), "early|");
    cr_assert_str_eq(value("collateral", "", "offline"), "/kds|");
    cr_assert_str_eq(value("collateral", "", "amd_kds"), "https://kds|");
    converts(ADMIN "[attestation_service.verifier_config.dcap_verifier]\ncollateral_service = \"file:///c.json\"\n");
    cr_assert_str_eq(value("collateral", "", "offline"), "/c.json|");
}

Test(upstream_config, what_has_no_meaning_here_is_named)
{
    converts(ADMIN "[http_server]\ntls_profile = \"modern\"\n[[strange]]\na = [1, { b = 2 }]\n");
    notes("http_server.tls_profile is ignored");
    notes("strange[].a[].b is ignored");
}

Test(upstream_config, values_of_another_type_or_with_line_ends_are_refused)
{
    refuses(ADMIN "[http_server]\nworker_count = \"3\"\n", "http_server.worker_count: a whole number");
    refuses(ADMIN "[http_server]\ninsecure_http = \"yes\"\n", "true or false");
    refuses(ADMIN "[http_server]\nsockets = \"a\"\n", "a list is expected");
    refuses(ADMIN "[http_server]\ncertificate = \"/a\\n[admin]\\nallow_unauthenticated = yes\"\n", "control character");
    refuses("[admin]\nauthorization_mode = \"AuthenticatedAuthorization\"\n[admin.authorization.regex_acl]\nacls = [\n"
            "{ role = \"a]\\n[admin]\\nallow_unauthenticated = yes\", allowed_endpoints = \"^/kbs/.+$\" }]\n",
            "a role, of letters");
}
