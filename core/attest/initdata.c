/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/initdata.h"

#include "core/crypto/jose.h"
#include "lib/toml/toml.h"

#define BODY_MAX (1u << 20)

static result parse(slice body, struct arena *a, tree *out)
{
    struct toml_error error;
    result r = toml_parse(body, a, out, &error);
    return r.reason == JSON_SYNTAX ? FAIL(ATTEST_INIT_DATA_FORMAT) : r;
}

result init_data_from(const json *member, struct arena *a, struct init_data *out)
{
    tree document;
    *out = (struct init_data){0};
    if (!member || json_is_null(member))
        return OK;
    slice format = json_text(json_get(member, S("format")));
    out->body = json_text(json_get(member, S("body")));
    ENSURE(format.ptr && slice_equal(format, S("toml")) && out->body.ptr, ATTEST_INIT_DATA_FORMAT);
    ENSURE(out->body.len <= BODY_MAX, ATTEST_INIT_DATA_FORMAT);
    TRY(parse(out->body, a, &document));
    slice algorithm = node_text(tree_at(document, S("/algorithm")));
    const node *data = tree_at(document, S("/data"));
    ENSURE(node_text(tree_at(document, S("/version"))).ptr, ATTEST_INIT_DATA_FORMAT);
    ENSURE(algorithm.ptr && data && data->type == TRUSTEE_NODE_OBJECT, ATTEST_INIT_DATA_FORMAT);
    out->digest_size = hash_named(algorithm, out->body, out->digest);
    ENSURE(out->digest_size, ATTEST_INIT_DATA_FORMAT);
    out->present = true;
    return OK;
}

/* The JSON object that follows "policy_data :=" in an agent policy; NULL where there is none that can be read. */
static const json *policy_data(slice rego, struct arena *a)
{
    static const slice mark = {(const uint8_t *)"policy_data := ", 15};
    slice rest = rego;
    while (rest.len && !slice_starts(rest, mark))
        rest = slice_sub(rest, 1, rest.len);
    rest = slice_sub(rest, mark.len, rest.len);
    /* The object ends where its braces balance outside strings. */
    int depth = 0;
    bool string = false;
    for (size_t i = 0; i < rest.len; i++) {
        uint8_t c = rest.ptr[i];
        if (string && c == '\\')
            i++;
        else if (c == '"')
            string = !string;
        else if (!string)
            depth += c == '{' ? 1 : c == '}' ? -1 : 0;
        if (!string && depth == 0) {
            const json *v = NULL;
            slice text = slice_sub(rest, 0, i + 1);
            return c == '}' && !FAILED(json_parse(a, text, &v)) ? v : NULL;
        }
    }
    return NULL;
}

static result entry(const node *n, struct trustee_writer *w, struct arena *a)
{
    struct toml_error error;
    if (n->type != TRUSTEE_NODE_STRING)
        return FAIL(ATTEST_INIT_DATA_FORMAT);
    if (slice_equal(n->key, S("policy.rego"))) {
        const json *data = policy_data(n->text, a);
        if (data)
            claims_json(w, S("agent_policy_claims"), data);
        return OK;
    }
    if (slice_equal(n->key, S("aa.toml")) || slice_equal(n->key, S("cdh.toml"))) {
        result r = toml_claims(n->text, a, w, n->key, &error);
        return r.reason == JSON_SYNTAX ? FAIL(ATTEST_INIT_DATA_FORMAT) : r;
    }
    claims_text(w, n->key, n->text);
    return OK;
}

result init_data_claims(const struct init_data *d, struct trustee_writer *w, slice key, struct arena *a)
{
    tree document;
    if (!d->present) {
        claims_null(w, key);
        return OK;
    }
    TRY(parse(d->body, a, &document));
    const node *data = tree_at(document, S("/data"));
    claims_object(w, key);
    for (const node *n = tree_next(document, data, NULL); n; n = tree_next(document, data, n))
        TRY(entry(n, w, a));
    claims_close(w);
    return OK;
}
