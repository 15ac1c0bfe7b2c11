/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/init_data.h"

#include "core/crypto/jose.h"

/* The value of `key = "value"` or `key = 'value'`, with nothing behind it but a comment. */
static bool string_value(slice line, slice key, slice *value)
{
    slice left = line, name;
    if (!slice_split(&left, '=', &name) || !slice_equal(slice_trim(name), key))
        return false;
    left = slice_trim(left);
    if (left.len < 2 || (left.ptr[0] != '"' && left.ptr[0] != '\''))
        return false;
    size_t end = slice_find(slice_sub(left, 1, left.len), left.ptr[0]);
    slice rest = slice_trim(slice_sub(left, end + 2, left.len));
    *value = slice_sub(left, 1, end);
    return end + 1 < left.len && (rest.len == 0 || rest.ptr[0] == '#');
}

static slice find_algorithm(slice toml)
{
    slice line, value;
    while (slice_split(&toml, '\n', &line)) {
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        line = slice_trim(line);
        if (line.len && line.ptr[0] == '[')
            break;
        if (string_value(line, S("algorithm"), &value))
            return value;
    }
    return NO_SLICE;
}

result init_data_digest(slice toml, uint8_t out[64], size_t *length, struct failure *why)
{
    slice algorithm = find_algorithm(toml);
    *length = 0;
    if (!slice_is_utf8(toml))
        return failure_set(why, AGENT_CONFIG, "configuration", "init-data: the text is not UTF-8");
    if (!algorithm.ptr)
        return failure_set(why, AGENT_CONFIG, "configuration",
                           "init-data: no algorithm = \"…\" before the first table");
    bool known = slice_equal(algorithm, S("sha256")) || slice_equal(algorithm, S("sha384")) ||
                 slice_equal(algorithm, S("sha512"));
    *length = known ? hash_named(algorithm, toml, out) : 0;
    if (*length == 0)
        return failure_set(why, AGENT_CONFIG, "configuration",
                           "init-data: the algorithm must be sha256, sha384 or sha512");
    return OK;
}
