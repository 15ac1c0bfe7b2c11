/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever is read is written, read again, and is the same; the canonical form is a fixed point; a tree of claims made
 * of it says the same.
 */
#include "lib/claims/claims.h"

#include <stdlib.h>

static struct arena arena;

static void must(bool holds)
{
    if (!holds)
        abort();
}

static slice written(const json *v)
{
    struct text t = text_begin(&arena);
    json_write(&t, v);
    slice out = text_end(&t);
    must(out.ptr != NULL);
    return out;
}

static void check_canonical(const json *v)
{
    const json *again;
    struct text t = text_begin(&arena);
    if (FAILED(json_canonical(&t, v)))
        return;
    slice once = text_end(&t);
    must(!FAILED(json_parse(&arena, once, &again)));
    t = text_begin(&arena);
    must(!FAILED(json_canonical(&t, again)));
    must(slice_equal(text_end(&t), once));
}

static void check_claims(const json *v, slice text)
{
    struct trustee_writer w;
    tree t;
    must(!FAILED(claims_begin(&w, &arena, 1 << 16)));
    claims_json(&w, S(""), v);
    if (FAILED(claims_end(&w, &t)))
        return;
    struct text out = text_begin(&arena);
    tree_json(&out, t, tree_at(t, S("/")), false);
    must(slice_equal(text_end(&out), text));
    must(tree_equal(t, tree_root(t), t, tree_root(t)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const json *v, *again;
    if (!arena.base)
        must(!FAILED(arena_map(&arena, 256 << 20, ARENA_PLAIN)));
    arena_reset(&arena, 1 << 20);
    if (FAILED(json_parse(&arena, slice_of(data, size), &v)))
        return 0;
    must(arena.used <= 8 * size + 4096);
    slice text = written(v);
    result r = json_parse(&arena, text, &again);
    must(!FAILED(r) || r.reason == JSON_BUDGET);
    if (!FAILED(r))
        must(slice_equal(written(again), text));
    check_canonical(v);
    check_claims(v, text);
    (void)json_at(v, slice_of(data, size));
    return 0;
}
