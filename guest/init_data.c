/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/init_data.h"

#include "core/crypto/jose.h"
#include "lib/toml/toml.h"

static result init_data_fail(struct failure *why, const char *text)
{
    return failure_set(why, AGENT_CONFIG, "configuration", "init-data: %s", text);
}

static result read_algorithm(slice toml, struct arena *a, slice *algorithm, struct failure *why)
{
    tree document;
    struct toml_error error = {0};
    result r = toml_parse(toml, a, &document, &error);
    if (r.reason == NO_MEMORY)
        return r;
    if (FAILED(r))
        return failure_set(why, AGENT_CONFIG, "configuration", "init-data: line %u, column %u: %s", error.line,
                           error.column, error.text ? error.text : reason_text(r.reason));
    *algorithm = node_text(tree_get(document, tree_root(document), S("algorithm")));
    return algorithm->ptr ? OK : init_data_fail(why, "it has no key algorithm");
}

result init_data_take(slice toml, struct arena *a, struct init_data *out, struct failure *why)
{
    slice algorithm;
    *out = (struct init_data){.text = toml};
    TRY(read_algorithm(toml, a, &algorithm, why));
    bool known = slice_equal(algorithm, S("sha256")) || slice_equal(algorithm, S("sha384")) ||
                 slice_equal(algorithm, S("sha512"));
    out->digest_size = known ? hash_named(algorithm, toml, out->digest) : 0;
    return out->digest_size ? OK : init_data_fail(why, "the algorithm must be sha256, sha384 or sha512");
}
