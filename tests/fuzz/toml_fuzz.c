/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever the text, the reader ends, within its bounds; what it takes is UTF-8 that a JSON reader takes too.
 */
#include <stdlib.h>

#include "lib/json/json.h"
#include "lib/toml/toml.h"

static struct arena arena;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tree t;
    struct toml_error error = {0};
    const json *v;
    if (!arena.base && FAILED(arena_map(&arena, 64 << 20, ARENA_PLAIN)))
        abort();
    arena_reset(&arena, 1 << 20);
    result r = toml_parse(slice_of(data, size), &arena, &t, &error);
    if (FAILED(r)) {
        if (r.reason != JSON_SYNTAX || !error.text || !error.line || !error.column)
            abort();
        return 0;
    }
    struct text out = text_begin(&arena);
    tree_json(&out, t, tree_root(t), false);
    slice text = text_end(&out);
    if (!text.ptr || FAILED(json_parse(&arena, text, &v)))
        abort();
    return 0;
}
