/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/params.h"

#include <stdlib.h>

#include "guest/api.h"
#include "guest/attester/ccel.h"
#include "guest/query.h"

/* A kernel command line, what it says of the service, a query and a Host: every view lies inside its text, and a URL
 * that is taken is one that can be put into a request. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(slice part, slice whole)
{
    if (part.len && (part.ptr < whole.ptr || part.ptr + part.len > whole.ptr + whole.len))
        abort();
}

static void check_url(slice url)
{
    if (!slice_starts(url, S("http://")) && !slice_starts(url, S("https://")))
        abort();
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~' || url.ptr[i] == '#' || url.ptr[i] == '?')
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    struct failure why = {0};
    slice text = slice_of(data, size), url;
    if (!arena.base && FAILED(arena_map(&arena, (size_t)1 << 20, ARENA_PLAIN)))
        abort();
    arena_reset(&arena, arena.size);
    slice value = cmdline_value(text, S("agent.aa_kbc_params"));
    inside(value, text);
    for (int i = 0; i < 2; i++) {
        slice params = i ? value : text;
        result r = params_url(params, &url, &why);
        if (FAILED(r) != (url.ptr == NULL) || (FAILED(r) && why.text[0] == 0))
            abort();
        inside(url, text);
        if (url.ptr)
            check_url(url);
    }
    slice decoded = query_value(text, S("runtime_data"), &arena);
    if (decoded.len > size)
        abort();
    inside(ccel_trim(text), text);
    (void)host_is_local(text);
    (void)resource_path_valid(text);
    return 0;
}
