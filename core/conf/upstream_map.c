/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of upstream's options here.
 */
#include <stdio.h>
#include <unistd.h>

#include "core/conf/upstream_internal.h"

/* Upstream's tokens name no other issuer unless they are told to. */
#define UPSTREAM_ISSUER S("CoCo-Attestation-Service")
#define TOKEN_ISSUER_SECTION "token-issuer upstream"

enum kind {
    TEXT,
    PATH,      /* made absolute */
    FILE_PATH, /* the same, with or without file:// */
    YES,       /* a truth value */
    NOT,       /* its contrary */
    NUMBER,
    MEBIBYTES,
    MINUTES,
};

struct rule {
    const char *pointer; /* JSON pointer into the document */
    enum kind kind;
    const char *section, *key;
};

static const struct rule RULES[] = {
    {"/http_server/insecure_http", NOT, "http", "tls"},
    {"/http_server/private_key", PATH, "http", "private_key"},
    {"/http_server/certificate", PATH, "http", "certificate"},
    {"/http_server/payload_request_size", MEBIBYTES, "http", "body_limit"},
    {"/http_server/worker_count", NUMBER, "service", "workers"},
    {"/attestation_service/timeout", MINUTES, "session", "challenge_life"},
    {"/attestation_service/attestation_token_broker/duration_min", MINUTES, "token", "life"},
    {"/attestation_service/attestation_token_broker/issuer_name", TEXT, "token", "issuer"},
    {"/attestation_service/attestation_token_broker/developer_name", TEXT, "token", "developer"},
    {"/attestation_service/attestation_token_broker/build_name", TEXT, "token", "build"},
    {"/attestation_service/attestation_token_broker/profile_name", TEXT, "token", "profile"},
    {"/attestation_service/attestation_token_broker/verbose_token", YES, "token", "verbose"},
    {"/attestation_service/attestation_token_broker/signer/key_path", FILE_PATH, "token", "signing_key"},
    {"/attestation_service/attestation_token_broker/signer/cert_path", FILE_PATH, "token", "certificate_chain"},
    {"/attestation_service/attestation_token_broker/signer/cert_url", TEXT, "token", "certificate_url"},
};

static const char *dotted(struct conversion *c, const char *pointer)
{
    slice copy = arena_printf(c->arena, "%s", pointer + 1);
    for (char *p = (char *)(uintptr_t)copy.ptr; p && *p; p++)
        if (*p == '/')
            *p = '.';
    return copy.ptr ? (const char *)copy.ptr : pointer;
}

static slice without_scheme(slice s)
{
    return slice_starts(s, S("file://")) ? slice_sub(s, 7, s.len) : s;
}

static slice absolute(struct conversion *c, slice path)
{
    if (path.len && path.ptr[0] == '/')
        return path;
    while (slice_starts(path, S("./")))
        path = slice_sub(path, 2, path.len);
    return arena_printf(c->arena, "%s/%.*s", c->folder, SLICE_ARG(path));
}

static result number_value(struct conversion *c, const char *name, const node *n, const char *unit, slice *out)
{
    if (n->type != TRUSTEE_NODE_INT || n->integer < 0)
        return conversion_refuse(c, "%s: a whole number is expected", name);
    *out = arena_printf(c->arena, "%lld%s", (long long)n->integer, unit);
    return out->ptr ? OK : FAIL(NO_MEMORY);
}

static result text_value(struct conversion *c, const char *name, const node *n, slice *out)
{
    *out = node_text(n);
    return out->ptr ? OK : conversion_refuse(c, "%s: a text is expected", name);
}

static result truth_value(struct conversion *c, const char *name, const node *n, bool yes, slice *out)
{
    if (n->type != TRUSTEE_NODE_BOOL)
        return conversion_refuse(c, "%s: true or false is expected", name);
    *out = (n->integer != 0) == yes ? S("yes") : S("no");
    return OK;
}

static result value_of(struct conversion *c, const char *name, enum kind kind, const node *n, slice *out)
{
    switch (kind) {
    case YES:
    case NOT:
        return truth_value(c, name, n, kind == YES, out);
    case NUMBER:
        return number_value(c, name, n, "", out);
    case MEBIBYTES:
        return number_value(c, name, n, "MiB", out);
    case MINUTES:
        return number_value(c, name, n, "m", out);
    case PATH:
    case FILE_PATH:
        TRY(text_value(c, name, n, out));
        *out = absolute(c, kind == FILE_PATH ? without_scheme(*out) : *out);
        return out->ptr ? OK : FAIL(NO_MEMORY);
    case TEXT:
        break;
    }
    return text_value(c, name, n, out);
}

static result map_scalars(struct conversion *c)
{
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++) {
        const struct rule *r = &RULES[i];
        const node *n = conversion_at(c, r->pointer);
        slice value;
        if (!n || n->type == TRUSTEE_NODE_NULL)
            continue;
        TRY(value_of(c, dotted(c, r->pointer), r->kind, n, &value));
        TRY(conversion_put(c, r->section, r->key, value));
    }
    return OK;
}

/* A list of texts, each a line; NULL is an empty list. */
static result map_list(struct conversion *c, const char *pointer, enum kind kind, const char *section, const char *key)
{
    const node *list = conversion_at(c, pointer);
    if (!list)
        return OK;
    if (list->type != TRUSTEE_NODE_ARRAY)
        return conversion_refuse(c, "%s: a list is expected", dotted(c, pointer));
    for (const node *n = tree_next(c->document, list, NULL); n; n = tree_next(c->document, list, n)) {
        slice value;
        conversion_use(c, n);
        TRY(value_of(c, dotted(c, pointer), kind, n, &value));
        TRY(conversion_put(c, section, key, value));
    }
    return OK;
}

/* --- whose tokens are believed -------------------------------------------------------------------------------------
 */

/* Keys are files here: what would be fetched is told and left out. */
static result map_jwk_sets(struct conversion *c, bool *any)
{
    const node *list = conversion_at(c, "/attestation_token/trusted_jwk_sets");
    for (const node *n = list ? tree_next(c->document, list, NULL) : NULL; n; n = tree_next(c->document, list, n)) {
        slice value = node_text(n);
        conversion_use(c, n);
        if (slice_starts(value, S("https://")) || slice_starts(value, S("http://"))) {
            conversion_note(c,
                            "attestation_token.trusted_jwk_sets: %.*s is left out, keys are read from files; tokens "
                            "of its issuer are refused",
                            SLICE_ARG(value));
            continue;
        }
        TRY(conversion_put(c, TOKEN_ISSUER_SECTION, "jwks", absolute(c, without_scheme(value))));
        *any = true;
    }
    return OK;
}

/* Upstream needs the switch to believe its own tokens. Here they are believed by their key, and a switch that lets
 * everybody's in is never turned on by a conversion. */
static void leave_out_header_jwk(struct conversion *c)
{
    const node *n = conversion_at(c, "/attestation_token/insecure_header_jwk");
    if (n && n->type == TRUSTEE_NODE_BOOL && n->integer)
        conversion_note(c, "attestation_token.insecure_header_jwk is left out: our own tokens need it not, and whoever "
                           "makes a key could make tokens");
}

static result map_token_trust(struct conversion *c)
{
    leave_out_header_jwk(c);
    const node *certificates = conversion_at(c, "/attestation_token/trusted_certs_paths");
    bool any = certificates && tree_next(c->document, certificates, NULL);
    TRY(map_jwk_sets(c, &any));
    TRY(map_list(c, "/attestation_token/trusted_certs_paths", FILE_PATH, TOKEN_ISSUER_SECTION, "certificate"));
    if (!any) {
        conversion_use(c, conversion_at(c, "/attestation_token/extra_teekey_paths"));
        return OK;
    }
    TRY(conversion_put(c, TOKEN_ISSUER_SECTION, "issuer", UPSTREAM_ISSUER));
    conversion_note(c,
                    "attestation_token: its keys are believed for the issuer %.*s; for another name, or several, write "
                    "[token-issuer NAME] sections",
                    SLICE_ARG(UPSTREAM_ISSUER));
    return map_list(c, "/attestation_token/extra_teekey_paths", TEXT, TOKEN_ISSUER_SECTION, "key_pointer");
}

/* --- the attestation service ----------------------------------------------------------------------------------------
 */

static result map_service(struct conversion *c)
{
    const node *type = conversion_at(c, "/attestation_service/type");
    slice name = type ? node_text(type) : NO_SLICE;
    const node *rvps = conversion_at(c, "/attestation_service/rvps_config/type");
    if (slice_equal(name, S("intel_ta")))
        return conversion_refuse(c, "attestation_service.type = intel_ta: this service judges evidence itself; use "
                                    "coco_as_builtin");
    if (slice_equal(name, S("coco_as_grpc"))) {
        conversion_use(c, conversion_at(c, "/attestation_service/as_addr"));
        conversion_use(c, conversion_at(c, "/attestation_service/pool_size"));
        conversion_note(c, "attestation_service.type = coco_as_grpc: evidence is judged here instead; policies and "
                           "reference values of the other service must be set here");
    }
    if (rvps && slice_equal(node_text(rvps), S("GrpcRemote"))) {
        conversion_use(c, conversion_at(c, "/attestation_service/rvps_config/address"));
        conversion_note(c, "attestation_service.rvps_config: reference values are kept here, not asked for elsewhere");
    }
    return OK;
}

static result map_vcek_source(struct conversion *c, const node *source)
{
    const node *type = conversion_get(c, source, "type"), *url = conversion_get(c, source, "base_url"),
               *path = conversion_get(c, source, "path");
    slice name = type ? node_text(type) : NO_SLICE;
    if (slice_equal(name, S("OfflineStore")))
        return conversion_put(c, "collateral", "offline",
                              path ? absolute(c, node_text(path))
                                   : S("/opt/confidential-containers/attestation-service/kds-store"));
    if (!slice_equal(name, S("KDS")))
        return conversion_refuse(c, "snp_verifier.vcek_sources: the type is KDS or OfflineStore");
    return url ? conversion_put(c, "collateral", "amd_kds", node_text(url)) : OK;
}

static result map_verifiers(struct conversion *c)
{
    const node *sources = conversion_at(c, "/attestation_service/verifier_config/snp_verifier/vcek_sources");
    const node *dcap = conversion_at(c, "/attestation_service/verifier_config/dcap_verifier/collateral_service");
    const node *update = conversion_at(c, "/attestation_service/verifier_config/dcap_verifier/tcb_update_type");
    for (const node *s = sources ? tree_next(c->document, sources, NULL) : NULL; s;
         s = tree_next(c->document, sources, s))
        TRY(map_vcek_source(c, s));
    if (update)
        TRY(conversion_put(c, "collateral", "tcb_update", node_text(update)));
    if (!dcap)
        return OK;
    slice value = node_text(dcap), cut = value;
    if (slice_starts(value, S("file://")))
        return conversion_put(c, "collateral", "offline", absolute(c, without_scheme(value)));
    while (cut.len && cut.ptr[cut.len - 1] == '/')
        cut.len--;
    for (size_t i = 0; i < 2; i++)
        if (slice_ends(cut, i ? S("/sgx/certification") : S("/v4")))
            cut.len -= i ? S("/sgx/certification").len : 3;
    bool intel = slice_equal(cut, S("https://api.trustedservices.intel.com"));
    return intel ? OK : conversion_put(c, "collateral", "intel_pccs", cut);
}

/* --- administrators --------------------------------------------------------------------------------------------------
 */

static result map_provider(struct conversion *c, const node *provider, unsigned n)
{
    const node *key = conversion_get(c, provider, "public_key_uri"), *issuer = conversion_get(c, provider, "issuer"),
               *audience = conversion_get(c, provider, "audience");
    slice section = arena_printf(c->arena, "admin-key upstream-%u", n);
    const char *name = (const char *)section.ptr;
    ENSURE(name, NO_MEMORY);
    slice uri = key ? without_scheme(node_text(key)) : NO_SLICE;
    if (!uri.len || slice_starts(uri, S("http"))) {
        conversion_use(c, conversion_get(c, provider, "jwk_set_uri"));
        conversion_note(c,
                        "admin.authentication: identity provider %u has no public_key_uri that is a file: its "
                        "administrators are refused",
                        n + 1);
        return OK;
    }
    TRY(conversion_put(c, name, "public_key", absolute(c, uri)));
    if (issuer)
        TRY(conversion_put(c, name, "issuer", node_text(issuer)));
    return audience ? conversion_put(c, name, "audience", node_text(audience)) : OK;
}

/* A regular expression that is a path and "everything behind it" becomes a pattern; others are left out, which denies.
 */
static bool pattern_from(struct conversion *c, slice regex, slice *out)
{
    static const slice ends[] = {TRUSTEE_TEXT("/.+$"), TRUSTEE_TEXT("/.*$"), TRUSTEE_TEXT("$")};
    if (!slice_starts(regex, S("^/kbs")))
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (!slice_ends(regex, ends[i]))
            continue;
        slice path = slice_sub(regex, 1, regex.len - 1 - ends[i].len);
        *out = arena_printf(c->arena, "* %.*s%s", SLICE_ARG(path), ends[i].len > 1 ? "/**" : "");
        return out->ptr && slice_is_name(path, "/_-");
    }
    return false;
}

static result map_acl(struct conversion *c, const node *acl)
{
    const node *role = conversion_get(c, acl, "role"), *allowed = conversion_get(c, acl, "allowed_endpoints");
    slice pattern, regex = allowed ? node_text(allowed) : NO_SLICE;
    if (!role || !regex.len || !slice_is_name(node_text(role), "_-."))
        return conversion_refuse(c,
                                 "admin.authorization.regex_acl: an entry has a role, of letters, digits, '_', '-' and "
                                 "'.', and allowed_endpoints");
    if (!pattern_from(c, regex, &pattern)) {
        conversion_note(c,
                        "admin.authorization.regex_acl: role %.*s: %.*s cannot be written as a pattern and allows "
                        "nothing; write [role %.*s] with allow = METHOD PATTERN",
                        SLICE_ARG(node_text(role)), SLICE_ARG(regex), SLICE_ARG(node_text(role)));
        pattern = S("GET /nowhere");
    }
    slice section = arena_printf(c->arena, "role %.*s", SLICE_ARG(node_text(role)));
    ENSURE(section.ptr, NO_MEMORY);
    return conversion_put(c, (const char *)section.ptr, "allow", pattern);
}

static result map_authenticated(struct conversion *c)
{
    const node *providers = conversion_at(c, "/admin/authentication/bearer_jwt/identity_providers");
    const node *acls = conversion_at(c, "/admin/authorization/regex_acl/acls");
    unsigned n = 0;
    for (const node *p = providers ? tree_next(c->document, providers, NULL) : NULL; p;
         p = tree_next(c->document, providers, p))
        TRY(map_provider(c, p, n++));
    for (const node *a = acls ? tree_next(c->document, acls, NULL) : NULL; a; a = tree_next(c->document, acls, a))
        TRY(map_acl(c, a));
    return OK;
}

static result map_admin(struct conversion *c)
{
    const node *mode = conversion_at(c, "/admin/authorization_mode");
    slice name = mode ? node_text(mode) : NO_SLICE;
    if (slice_equal(name, S("InsecureAllowAll")))
        return conversion_put(c, "admin", "allow_unauthenticated", S("yes"));
    if (slice_equal(name, S("AuthenticatedAuthorization")))
        return map_authenticated(c);
    if (slice_equal(name, S("DenyAll")))
        return OK;
    return conversion_refuse(c, "admin.authorization_mode: InsecureAllowAll, DenyAll or AuthenticatedAuthorization is "
                                "expected");
}

/* --- storage and plugins
 * ---------------------------------------------------------------------------------------------- */

static result map_redis(struct conversion *c)
{
    const node *url = conversion_at(c, "/storage_backend/backends/redis/url");
    TRY(conversion_put(c, "storage", "use", S("redis")));
    TRY(conversion_put(c, "plugin redis", "url", url ? node_text(url) : S("redis://127.0.0.1:6379")));
    return conversion_put(c, "plugin redis", "index_upstream", S("yes"));
}

static result map_postgres(struct conversion *c)
{
    static const struct {
        const char *pointer, *key;
        slice fallback;
        enum kind kind;
    } options[] = {
        {"/storage_backend/backends/postgres/host", "host", TRUSTEE_TEXT("localhost"), TEXT},
        {"/storage_backend/backends/postgres/port", "port", TRUSTEE_TEXT("5432"), NUMBER},
        {"/storage_backend/backends/postgres/db", "database", TRUSTEE_TEXT("postgres"), TEXT},
        {"/storage_backend/backends/postgres/username", "username", TRUSTEE_TEXT("postgres"), TEXT},
        {"/storage_backend/backends/postgres/password", "password", {NULL, 0}, TEXT},
    };
    TRY(conversion_put(c, "storage", "use", S("postgres")));
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const node *n = conversion_at(c, options[i].pointer);
        slice value = options[i].fallback;
        if (n)
            TRY(value_of(c, dotted(c, options[i].pointer), options[i].kind, n, &value));
        if (value.len)
            TRY(conversion_put(c, "plugin postgres", options[i].key, value));
    }
    conversion_note(c,
                    "storage_backend: the database's certificate is verified; for a server without TLS convert to an "
                    "INI and set sslmode in [plugin postgres]");
    return OK;
}

static result map_storage(struct conversion *c)
{
    const node *type = conversion_at(c, "/storage_backend/storage_type"),
               *path = conversion_at(c, "/storage_backend/backends/local_fs/dir_path");
    slice name = type ? node_text(type) : S("Memory");
    if (slice_equal(name, S("Memory"))) {
        TRY(conversion_put(c, "plugin memory", NULL, NO_SLICE));
        return conversion_put(c, "storage", "use", S("memory"));
    }
    if (slice_equal(name, S("Redis")))
        return map_redis(c);
    if (slice_equal(name, S("Postgres")))
        return map_postgres(c);
    if (!slice_equal(name, S("LocalFs")))
        return conversion_refuse(c,
                                 "storage_backend.storage_type = %.*s: LocalFs, Postgres, Redis and Memory are what "
                                 "there is; copy what is stored into one of them",
                                 SLICE_ARG(name));
    const node *session = conversion_at(c, "/session_storage_type");
    if (session && !slice_equal(node_text(session), S("Memory")))
        conversion_note(c, "session_storage_type: sessions are sealed into their cookies and need no storage");
    return conversion_put(c, "plugin file", "directory",
                          path ? absolute(c, node_text(path)) : S("/opt/confidential-containers/storage/local_fs"));
}

static result map_plugins(struct conversion *c)
{
    const node *list = conversion_at(c, "/plugins");
    for (const node *p = list ? tree_next(c->document, list, NULL) : NULL; p; p = tree_next(c->document, list, p)) {
        const node *name = conversion_get(c, p, "name"), *backend = conversion_get(c, p, "storage_backend_type");
        if (!name || !slice_equal(node_text(name), S("resource"))) {
            conversion_use(c, p);
            conversion_note(c, "plugins: %.*s is not there: its paths answer 404",
                            SLICE_ARG(name ? node_text(name) : S("one without a name")));
        } else if (backend && !slice_equal(node_text(backend), S("kvstorage")))
            return conversion_refuse(c, "plugins: resource: storage_backend_type = %.*s is not supported; kvstorage is",
                                     SLICE_ARG(node_text(backend)));
    }
    return OK;
}

/* Every verifier that is installed; what proves nothing is not loaded, whoever asks for it. */
static result name_plugins(struct conversion *c)
{
    static const char *const verifiers[] = {"plugin rego", "plugin tpm", "plugin tdx", "plugin snp", "plugin sgx"};
    TRY(conversion_put(c, "plugins", "directory", slice_text(c->plugins)));
    for (size_t i = 0; i < sizeof verifiers / sizeof *verifiers; i++) {
        slice file = arena_printf(c->arena, "%s/%s.so", c->plugins, verifiers[i] + sizeof "plugin");
        ENSURE(file.ptr, NO_MEMORY);
        if (i == 0 || access((const char *)file.ptr, R_OK) == 0)
            TRY(conversion_put(c, verifiers[i], NULL, NO_SLICE));
    }
    conversion_note(c, "the sample verifier, which proves nothing, is not loaded");
    return OK;
}

result upstream_map(struct conversion *c)
{
    TRY(map_list(c, "/http_server/sockets", TEXT, "http", "listen"));
    TRY(map_scalars(c));
    TRY(map_token_trust(c));
    TRY(map_service(c));
    TRY(map_verifiers(c));
    TRY(map_admin(c));
    TRY(map_storage(c));
    TRY(map_plugins(c));
    return name_plugins(c);
}
