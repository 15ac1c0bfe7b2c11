/* SPDX-License-Identifier: Apache-2.0
 *
 * Secrets, policies and reference values.
 */
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"

#define SECRET_MAX (2u << 20)
#define POLICY_MAX (256u << 10)

static const char *secret_path(struct cli *c, const char *resource)
{
    slice path = arena_printf(&c->arena, "/kbs/v0/resource/%s", resource); /* path_is_good */
    return path.ptr ? (const char *)path.ptr : "";
}

static bool path_is_good(const char *path)
{
    unsigned parts = 0;
    slice rest = slice_text(path), part;
    while (slice_split(&rest, '/', &part)) {
        if (!part.len || part.len > 255 || *part.ptr == '.' || !slice_is_name(part, "-_."))
            return false;
        parts++;
    }
    return parts == 3;
}

static int bad_path(const char *path)
{
    return say(
        EXIT_USAGE,
        "'%s' is no path of a secret; expected REPOSITORY/TYPE/TAG of letters, digits, '-', '_' and '.', such as "
        "default/my-secret/key",
        path);
}

static int needless(const struct cli *c, const char *command)
{
    return say(EXIT_USAGE, "%s takes nothing more; '%s' is too much", command, c->argv[0]);
}

int cmd_secret_put(struct cli *c)
{
    slice secret;
    struct answer a;
    if (c->argc == 2 && !path_is_good(c->argv[0]))
        return bad_path(c->argv[0]);
    if (c->argc != 2)
        return say(EXIT_USAGE,
                   "secret put takes a path of three parts and a file, such as: default/my-secret/key key.bin");
    if (!read_input(c->argv[1], SECRET_MAX, &c->secret, &secret))
        return EXIT_REFUSED;
    int code = call_ok(c, "POST", secret_path(c, c->argv[0]), secret, "application/octet-stream", &a);
    if (!code && !c->json)
        printf("stored %s (%llu bytes)\n", c->argv[0], (unsigned long long)secret.len);
    return code;
}

int cmd_secret_delete(struct cli *c)
{
    struct answer a;
    if (c->argc != 1)
        return say(EXIT_USAGE, "secret delete takes one path");
    if (!path_is_good(c->argv[0]))
        return bad_path(c->argv[0]);
    return call_ok(c, "DELETE", secret_path(c, c->argv[0]), NO_SLICE, NULL, &a);
}

/* Prints a JSON answer as it is, for --json. */
static int print_raw(const struct answer *a)
{
    fwrite(a->body.ptr, 1, a->body.len, stdout);
    putchar('\n');
    return 0;
}

static int by_path(const void *a, const void *b)
{
    slice x = json_text(json_get(*(const json *const *)a, S("path")));
    slice y = json_text(json_get(*(const json *const *)b, S("path")));
    int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

static void print_secret(struct cli *c, const json *v, bool first)
{
    uint64_t size = 0;
    if (c->json) {
        struct text t = text_begin(&c->arena);
        json_write(&t, v);
        printf(first ? "%.*s" : ",%.*s", SLICE_ARG(text_end(&t)));
        return;
    }
    (void)json_u64(json_get(v, S("size")), &size);
    printf("%8llu  %.*s\n", (unsigned long long)size, SLICE_ARG(json_text(json_get(v, S("path")))));
}

/* The service lists them as its storage has them. */
int cmd_secret_list(struct cli *c)
{
    struct answer a;
    size_t count = 0;
    if (c->argc)
        return needless(c, "secret list");
    int code = call_ok(c, "GET", "/admin/v1/resources", NO_SLICE, NULL, &a);
    if (code)
        return code;
    const json *list = answer_json(c, &a);
    const json **sorted = list ? arena_array(&c->arena, const json *, json_count(list) + 1) : NULL;
    if (!sorted)
        return EXIT_REFUSED;
    for (const json *v = json_next(list, NULL, NULL); v; v = json_next(list, v, NULL))
        if (json_text(json_get(v, S("path"))).ptr)
            sorted[count++] = v;
    qsort(sorted, count, sizeof *sorted, by_path);
    printf("%s", c->json ? "[" : "");
    for (size_t i = 0; i < count; i++)
        print_secret(c, sorted[i], i == 0);
    printf("%s", c->json ? "]\n" : "");
    return 0;
}

/* --- policies
 * ---------------------------------------------------------------------------------------------------------- */
static bool is_resource(const char *id)
{
    return strcmp(id, "resource") == 0 || strcmp(id, "resource-policy") == 0;
}

int cmd_policy_set(struct cli *c)
{
    slice text;
    struct answer a;
    if (c->argc != 2)
        return say(EXIT_USAGE, "policy set takes resource or default_CLASS (such as default_cpu), and a file");
    if (!read_input(c->argv[1], POLICY_MAX, &c->arena, &text))
        return EXIT_REFUSED;
    struct text body = text_begin(&c->arena);
    if (is_resource(c->argv[0])) {
        text_lit(&body, "{\"policy\":\"");
    } else {
        text_lit(&body, "{\"type\":\"rego\",\"policy_id\":");
        text_json(&body, slice_text(c->argv[0]));
        text_lit(&body, ",\"policy\":\"");
    }
    text_base64url(&body, text);
    text_lit(&body, "\"}");
    slice request = text_end(&body);
    if (!request.ptr)
        return say(EXIT_FAILURE, "out of memory");
    int code = call_ok(c, "POST", is_resource(c->argv[0]) ? "/kbs/v0/resource-policy" : "/kbs/v0/attestation-policy",
                       request, NULL, &a);
    if (!code && !c->json)
        printf("set the policy %s\n", c->argv[0]);
    return code;
}

static int print_policy(struct cli *c, const char *id, slice policy)
{
    struct text t = text_begin(&c->arena);
    text_lit(&t, "{\"id\":");
    text_json(&t, slice_text(id));
    text_lit(&t, ",\"policy\":");
    text_json(&t, policy);
    text_lit(&t, "}\n");
    slice text = text_end(&t);
    if (!text.ptr)
        return say(EXIT_FAILURE, "out of memory");
    fwrite(text.ptr, 1, text.len, stdout);
    return 0;
}

int cmd_policy_show(struct cli *c)
{
    struct answer a;
    if (c->argc != 1)
        return say(EXIT_USAGE, "policy show takes resource or default_CLASS");
    const char *id = is_resource(c->argv[0]) ? "resource-policy" : c->argv[0];
    slice path = arena_printf(&c->arena, "/admin/v1/policies/%s", encode_segment(c, id));
    int code = call_ok(c, "GET", (const char *)path.ptr, NO_SLICE, NULL, &a);
    if (!code && c->json)
        return print_policy(c, id, a.body);
    if (!code)
        fwrite(a.body.ptr, 1, a.body.len, stdout);
    return code;
}

int cmd_policy_list(struct cli *c)
{
    struct answer a;
    bool shipped, usable;
    if (c->argc)
        return needless(c, "policy list");
    int code = call_ok(c, "GET", "/admin/v1/policies", NO_SLICE, NULL, &a);
    if (code || c->json)
        return code ? code : print_raw(&a);
    const json *list = answer_json(c, &a);
    for (const json *v = list ? json_next(list, NULL, NULL) : NULL; v; v = json_next(list, v, NULL)) {
        if (!json_bool(json_get(v, S("shipped")), &shipped) || !json_bool(json_get(v, S("usable")), &usable))
            continue;
        printf("%-24.*s %-10.*s %-8s %.16s%s\n", SLICE_ARG(json_text(json_get(v, S("id")))),
               SLICE_ARG(json_text(json_get(v, S("kind")))), shipped ? "shipped" : "own",
               (const char *)json_text(json_get(v, S("sha256"))).ptr,
               usable ? "" : "  DOES NOT LOAD: denies everything");
    }
    return list ? 0 : EXIT_REFUSED;
}

/* --- reference values
 * -------------------------------------------------------------------------------------------------- */
static bool is_number_or_truth(const char *s)
{
    uint64_t n;
    return slice_u64(slice_text(s), &n) || strcmp(s, "true") == 0 || strcmp(s, "false") == 0;
}

/* {"NAME": [VALUE, …]} or {"NAME": VALUE}; numbers and truth values stay what they are with --typed. */
static slice payload_of(struct cli *c, bool single, bool typed)
{
    struct text t = text_begin(&c->arena);
    text_lit(&t, "{");
    text_json(&t, slice_text(c->argv[0]));
    text_add(&t, single ? S(":") : S(":["));
    for (int i = 1; i < c->argc; i++) {
        if (i > 1)
            text_lit(&t, ",");
        if (typed && is_number_or_truth(c->argv[i]))
            text_add(&t, slice_text(c->argv[i]));
        else
            text_json(&t, slice_text(c->argv[i]));
    }
    text_add(&t, single ? S("}") : S("]}"));
    return text_end(&t);
}

int cmd_reference_set(struct cli *c)
{
    struct answer a;
    slice payload;
    const char *file = take_option(c, "--file");
    bool single = take_flag(c, "--single"), typed = take_flag(c, "--typed");
    if (file ? c->argc != 0 : c->argc < 2 || (single && c->argc != 2))
        return say(EXIT_USAGE,
                   "reference-value set takes a name and its values, or --file FILE with a JSON object of them");
    for (int i = 0; i < c->argc; i++) /* a misspelt option must not become a value to trust */
        if (strncmp(c->argv[i], "--", 2) == 0)
            return say(EXIT_USAGE, "unknown option '%s'; a value that begins with -- goes in with --file", c->argv[i]);
    if (file && !read_input(file, 16u << 20, &c->arena, &payload))
        return EXIT_REFUSED;
    if (!file)
        payload = payload_of(c, single, typed);
    struct text t = text_begin(&c->arena);
    text_lit(&t, "{\"version\":\"0.1.0\",\"type\":\"sample\",\"payload\":\"");
    text_base64(&t, payload);
    text_lit(&t, "\"}");
    slice request = text_end(&t);
    if (!request.ptr)
        return say(EXIT_FAILURE, "out of memory");
    int code = call_ok(c, "POST", "/kbs/v0/reference-value", request, NULL, &a);
    if (!code && !c->json)
        printf("set %s\n", file ? file : c->argv[0]);
    return code;
}

int cmd_reference_list(struct cli *c)
{
    struct answer a;
    bool expired;
    if (c->argc)
        return needless(c, "reference-value list");
    int code = call_ok(c, "GET", "/admin/v1/reference-values", NO_SLICE, NULL, &a);
    if (code || c->json)
        return code ? code : print_raw(&a);
    const json *list = answer_json(c, &a);
    for (const json *v = list ? json_next(list, NULL, NULL) : NULL; v; v = json_next(list, v, NULL)) {
        struct text t = text_begin(&c->arena);
        json_write(&t, json_get(v, S("value")));
        slice value = text_end(&t);
        printf("%-28.*s %.*s%s\n", SLICE_ARG(json_text(json_get(v, S("name")))), SLICE_ARG(slice_sub(value, 0, 200)),
               json_bool(json_get(v, S("expired")), &expired) && expired ? "  EXPIRED" : "");
    }
    return list ? 0 : EXIT_REFUSED;
}

int cmd_reference_show(struct cli *c)
{
    struct answer a;
    if (c->argc != 1)
        return say(EXIT_USAGE, "reference-value show takes a name");
    slice path = arena_printf(&c->arena, "/kbs/v0/reference-value/%s", encode_segment(c, c->argv[0]));
    int code = call_ok(c, "GET", (const char *)path.ptr, NO_SLICE, NULL, &a);
    return code ? code : print_raw(&a);
}

int cmd_reference_delete(struct cli *c)
{
    struct answer a;
    if (c->argc != 1)
        return say(EXIT_USAGE, "reference-value delete takes a name");
    slice path = arena_printf(&c->arena, "/admin/v1/reference-values/%s", encode_segment(c, c->argv[0]));
    return call_ok(c, "DELETE", (const char *)path.ptr, NO_SLICE, NULL, &a);
}
