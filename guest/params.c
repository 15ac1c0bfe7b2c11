/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/params.h"

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

/* Cuts the next word off `rest`; white space between double quotes belongs to it. */
static bool next_word(slice *rest, slice *word)
{
    size_t at = 0;
    while (at < rest->len && is_space(rest->ptr[at]))
        at++;
    size_t start = at;
    bool quoted = false;
    for (; at < rest->len && (quoted || !is_space(rest->ptr[at])); at++)
        quoted ^= rest->ptr[at] == '"';
    *word = slice_sub(*rest, start, at - start);
    *rest = slice_sub(*rest, at, rest->len);
    return word->len > 0;
}

static slice unquoted(slice s)
{
    if (s.len && s.ptr[0] == '"')
        s = slice_of(s.ptr + 1, s.len - 1);
    if (s.len && s.ptr[s.len - 1] == '"')
        s.len--;
    return s;
}

slice cmdline_value(slice cmdline, slice name)
{
    slice word;
    while (next_word(&cmdline, &word)) {
        word = word.ptr[0] == '"' ? unquoted(word) : word;
        if (word.len > name.len && slice_starts(word, name) && word.ptr[name.len] == '=')
            return unquoted(slice_of(word.ptr + name.len + 1, word.len - name.len - 1));
    }
    return NO_SLICE;
}

static result params_fail(struct failure *why, const char *text)
{
    return failure_set(why, AGENT_CONFIG, "configuration", "aa_kbc_params: %s", text);
}

static bool is_visible(slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] >= 127 || s.ptr[i] == '"' || s.ptr[i] == '\\')
            return false;
    return true;
}

static result check_url(slice url, struct failure *why)
{
    slice rest = slice_starts(url, S("https://"))  ? slice_sub(url, 8, url.len)
                 : slice_starts(url, S("http://")) ? slice_sub(url, 7, url.len)
                                                   : NO_SLICE;
    slice host = slice_sub(rest, 0, slice_find(rest, '/'));
    if (!rest.ptr)
        return params_fail(why, "the URL must begin with https:// or http://");
    if (host.len == 0 || host.ptr[0] == ':')
        return params_fail(why, "the URL has no host");
    if (slice_find(host, '@') < host.len)
        return params_fail(why, "the URL must not name a user");
    if (slice_find(rest, '?') < rest.len || slice_find(rest, '#') < rest.len)
        return params_fail(why, "the URL must have neither query nor fragment");
    return OK;
}

result params_url(slice params, slice *url, struct failure *why)
{
    *url = NO_SLICE;
    params = slice_trim(params);
    if (slice_starts(params, S("offline_fs_kbc::")))
        return params_fail(why, "offline_fs_kbc is not supported; use cc_kbc::<url>");
    if (!slice_starts(params, S("cc_kbc::")))
        return params_fail(why, "expected cc_kbc::<url>");
    slice u = slice_sub(params, 8, params.len);
    while (u.len && u.ptr[u.len - 1] == '/')
        u.len--;
    if (u.len > PARAMS_URL_MAX)
        return params_fail(why, "the URL is longer than 2048 bytes");
    if (!is_visible(u))
        return params_fail(why, "the URL has characters that no URL has");
    TRY(check_url(u, why));
    *url = u;
    return OK;
}
