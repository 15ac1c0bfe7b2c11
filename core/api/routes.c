/* SPDX-License-Identifier: Apache-2.0
 *
 * The route table: the one place that says what is served, who may call it, and how large a body may be. The first row
 * that fits decides.
 */
#include "core/api/api.h"

#define GET HTTP_METHOD_GET
#define POST HTTP_METHOD_POST
#define PUT HTTP_METHOD_PUT
#define DELETE HTTP_METHOD_DELETE

const struct http_route API_ROUTES[] = {
    /* upstream's protocol: interface §1.2 */
    {POST, "/kbs/v0/auth", ACCESS_PUBLIC, BODY_SMALL, api_auth, "auth"},
    {POST, "/kbs/v0/auth/*", ACCESS_PUBLIC, BODY_SMALL, api_auth, "auth"},
    {POST, "/kbs/v0/attest", ACCESS_GUEST, BODY_LARGE, api_attest, "attest"},
    {POST, "/kbs/v0/attest/*", ACCESS_GUEST, BODY_LARGE, api_attest, "attest"},
    {GET, "/kbs/v0/resource/*", ACCESS_GUEST, BODY_NONE, api_resource_get, "resource"},
    {PUT, "/kbs/v0/resource/*", ACCESS_GUEST, BODY_NONE, api_resource_put, "resource"},
    {POST, "/kbs/v0/resource/*", ACCESS_ADMIN, BODY_SECRET, api_resource_post, "resource"},
    {DELETE, "/kbs/v0/resource/*", ACCESS_ADMIN, BODY_NONE, api_resource_delete, "resource"},
    {GET, "/kbs/v0/resource-policy", ACCESS_ADMIN, BODY_NONE, api_resource_policy_ids, "resource-policy"},
    {POST, "/kbs/v0/resource-policy", ACCESS_ADMIN, BODY_LARGE, api_resource_policy_set, "resource-policy"},
    {POST, "/kbs/v0/attestation-policy", ACCESS_ADMIN, BODY_LARGE, api_attestation_policy_set, "attestation-policy"},
    {POST, "/kbs/v0/reference-value", ACCESS_ADMIN, BODY_LARGE, api_reference_value_post, "reference-value"},
    {GET, "/kbs/v0/reference-value/*", ACCESS_ADMIN, BODY_NONE, api_reference_value_get, "reference-value"},

    /* our own, for administrators */
    {GET, "/admin/v1/resources", ACCESS_ADMIN, BODY_NONE, api_resources_list, "resources"},
    {GET, "/admin/v1/policies", ACCESS_ADMIN, BODY_NONE, api_policies_list, "policies"},
    {GET, "/admin/v1/policies/*", ACCESS_ADMIN, BODY_NONE, api_policy_text, "policies"},
    {GET, "/admin/v1/reference-values", ACCESS_ADMIN, BODY_NONE, api_reference_values_list, "reference-values"},
    {DELETE, "/admin/v1/reference-values/*", ACCESS_ADMIN, BODY_NONE, api_reference_value_delete, "reference-values"},
    {POST, "/admin/v1/revoke", ACCESS_ADMIN, BODY_SMALL, api_revoke, "revoke"},
    {GET, "/admin/v1/decisions", ACCESS_ADMIN, BODY_NONE, api_records_list, "decisions"},
    {GET, "/admin/v1/decisions/*", ACCESS_ADMIN, BODY_NONE, api_record_get, "decisions"},

    /* for those who take our tokens */
    {GET, "/.well-known/jwks.json", ACCESS_PUBLIC, BODY_NONE, api_jwks, "jwks"},

    /* probes */
    {GET, "/healthz", ACCESS_PUBLIC, BODY_NONE, api_healthz, "healthz"},
    {GET, "/readyz", ACCESS_PUBLIC, BODY_NONE, api_readyz, "readyz"},
    {GET, "/metrics", ACCESS_PUBLIC, BODY_NONE, api_metrics, "metrics"},
};
const size_t API_ROUTE_COUNT = sizeof API_ROUTES / sizeof *API_ROUTES;

static const char *access_name(enum http_access a)
{
    return a == ACCESS_PUBLIC ? "public" : a == ACCESS_GUEST ? "guest" : "admin";
}

void api_dump_routes(FILE *out)
{
    for (size_t i = 0; i < API_ROUTE_COUNT; i++) {
        const struct http_route *r = &API_ROUTES[i];
        fprintf(out, "%s{\"method\":\"%s\",\"path\":\"%s\",\"access\":\"%s\"}", i ? ",\n " : "[",
                api_method_name((enum http_method)r->methods), r->pattern, access_name(r->access));
    }
    fputs("]\n", out);
}
