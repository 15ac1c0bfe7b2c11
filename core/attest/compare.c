/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/compare.h"

#define SHOWN_MAX 300u
#define COMPARISONS_MAX UINT64_C(2000000) /* some milliseconds: an explanation is worth no more */

static bool is_scalar(const node *n)
{
    return n->type != TRUSTEE_NODE_OBJECT && n->type != TRUSTEE_NODE_ARRAY;
}

static bool same(const node *a, const node *b)
{
    if (a->type != b->type || !is_scalar(a))
        return false;
    return a->type == TRUSTEE_NODE_STRING || a->type == TRUSTEE_NODE_NUMBER ? slice_equal(a->text, b->text)
                                                                            : a->integer == b->integer;
}

/* Trees are in pre-order, so that every node of one is met by walking its array. */
static bool stands_among(tree claims, tree value)
{
    if (value.count > COMPARISONS_MAX / (claims.count + 1))
        value.count = COMPARISONS_MAX / (claims.count + 1);
    for (uint64_t v = 0; v < value.count; v++)
        for (uint64_t c = 0; is_scalar(&value.nodes[v]) && c < claims.count; c++)
            if (same(&claims.nodes[c], &value.nodes[v]))
                return true;
    return false;
}

static const node *claim_of_that_name(tree claims, slice name)
{
    for (uint64_t c = 0; c < claims.count; c++) {
        const node *n = &claims.nodes[c];
        if (!n->key.len || !is_scalar(n) || !slice_ends(name, n->key))
            continue;
        size_t before = name.len - n->key.len;
        if (before == 0 || name.ptr[before - 1] == '_')
            return n;
    }
    return NULL;
}

static slice shown(struct arena *a, tree of, const node *n)
{
    struct text t = text_begin(a);
    tree_json(&t, of, n, false);
    slice s = slice_sub(text_end(&t), 0, SHOWN_MAX);
    while (s.len && !slice_is_utf8(s))
        s.len--; /* not in the middle of a character */
    return s;
}

void compare_reference(struct record *record, tree claims, slice name, tree value)
{
    slice check = arena_printf(record->arena, "reference.%.*s", SLICE_ARG(name));
    const node *claim = claim_of_that_name(claims, name);
    bool met = stands_among(claims, value);
    slice found = claim ? shown(record->arena, claims, claim) : met ? NO_SLICE : S("no claim has one of these values");
    record_check(record, check, met, shown(record->arena, value, tree_root(value)), found);
}
