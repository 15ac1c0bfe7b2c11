/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/claims/claims.h"

#include "lib/json/keys.h"

static bool is_container(const node *n)
{
    return n && (n->type == TRUSTEE_NODE_OBJECT || n->type == TRUSTEE_NODE_ARRAY);
}

const node *tree_root(tree t)
{
    return t.count ? t.nodes : NULL;
}

const node *tree_next(tree t, const node *container, const node *last)
{
    if (!is_container(container))
        return NULL;
    size_t before = (size_t)((last ? last : container) - t.nodes), next = last ? last->next : before + 1;
    /* Forwards only: a tree from elsewhere must not make us walk in circles. */
    return next > before && next < container->next && next < t.count ? t.nodes + next : NULL;
}

const node *tree_get(tree t, const node *object, slice name)
{
    if (!object || object->type != TRUSTEE_NODE_OBJECT)
        return NULL;
    for (const node *m = tree_next(t, object, NULL); m; m = tree_next(t, object, m))
        if (slice_equal(m->key, name))
            return m;
    return NULL;
}

static const node *child(tree t, const node *n, slice token)
{
    uint64_t index = 0;
    bool object = n->type == TRUSTEE_NODE_OBJECT;
    if (!object && !slice_u64(token, &index))
        return NULL;
    for (const node *m = tree_next(t, n, NULL); m; m = tree_next(t, n, m))
        if (object ? pointer_token_is(token, m->key) : index-- == 0)
            return m;
    return NULL;
}

const node *tree_at(tree t, slice pointer)
{
    slice token;
    const node *n = tree_root(t);
    while (n && pointer_token(&pointer, &token))
        n = child(t, n, token);
    return pointer.len ? NULL : n;
}

slice node_text(const node *n)
{
    return n && n->type == TRUSTEE_NODE_STRING ? n->text : NO_SLICE;
}

/* --- writing JSON
 * ------------------------------------------------------------------------------------------------------ */

struct printer {
    struct text *text;
    tree tree;
    bool sorted;
    unsigned depth;
};

static void print(struct printer *p, const node *n);

static void print_member(struct printer *p, const node *m, bool first)
{
    if (!first)
        text_lit(p->text, ",");
    text_json(p->text, m->key);
    text_lit(p->text, ":");
    print(p, m);
}

static void print_sorted(struct printer *p, const node *n)
{
    struct member few[KEYS_FEW];
    size_t mark, count = n->integer > 0 ? (size_t)n->integer : 0, i = 0;
    struct member *members = members_begin(p->text, few, count, &mark);
    if (!members)
        return;
    for (const node *m = tree_next(p->tree, n, NULL); m && i < count; m = tree_next(p->tree, n, m))
        members[i++] = (struct member){m->key, m};
    members_sort(members, i, key_order_bytes);
    text_lit(p->text, "{");
    for (size_t at = 0; at < i; at++)
        print_member(p, members[at].value, at == 0);
    text_lit(p->text, "}");
    members_end(p->text, mark, count);
}

static void print_in_order(struct printer *p, const node *n)
{
    const node *first = tree_next(p->tree, n, NULL);
    text_lit(p->text, "{");
    for (const node *m = first; m; m = tree_next(p->tree, n, m))
        print_member(p, m, m == first);
    text_lit(p->text, "}");
}

static void print_array(struct printer *p, const node *n)
{
    const node *first = tree_next(p->tree, n, NULL);
    text_lit(p->text, "[");
    for (const node *m = first; m; m = tree_next(p->tree, n, m)) {
        if (m != first)
            text_lit(p->text, ",");
        print(p, m);
    }
    text_lit(p->text, "]");
}

static void print_container(struct printer *p, const node *n)
{
    /* A tree that did not come from our writer might nest deeper. */
    if (++p->depth > CLAIMS_DEPTH_MAX)
        p->text->failed = true;
    else if (n->type == TRUSTEE_NODE_ARRAY)
        print_array(p, n);
    else if (p->sorted)
        print_sorted(p, n);
    else
        print_in_order(p, n);
    p->depth--;
}

static void print(struct printer *p, const node *n)
{
    switch (n->type) {
    case TRUSTEE_NODE_OBJECT:
    case TRUSTEE_NODE_ARRAY:
        print_container(p, n);
        break;
    case TRUSTEE_NODE_STRING:
        text_json(p->text, n->text);
        break;
    case TRUSTEE_NODE_INT:
        text_i64(p->text, n->integer);
        break;
    case TRUSTEE_NODE_NUMBER:
        text_add(p->text, n->text);
        break;
    case TRUSTEE_NODE_BOOL:
        text_add(p->text, n->integer ? S("true") : S("false"));
        break;
    default:
        text_lit(p->text, "null");
        break;
    }
}

void tree_json(struct text *t, tree of, const node *from, bool sorted)
{
    struct printer p = {t, of, sorted, 0};
    if (from)
        print(&p, from);
}

/* --- equality
 * ---------------------------------------------------------------------------------------------------------- */

struct pair {
    tree a, b;
    unsigned depth;
};

static bool equal(struct pair *p, const node *x, const node *y);

/* Mostly the members stand in the same order, so the next one is tried before a search. */
static bool members_equal(struct pair *p, const node *x, const node *y)
{
    const node *beside = tree_next(p->b, y, NULL);
    for (const node *m = tree_next(p->a, x, NULL); m; m = tree_next(p->a, x, m)) {
        const node *other = beside;
        if (x->type == TRUSTEE_NODE_OBJECT && (!other || !slice_equal(other->key, m->key)))
            other = tree_get(p->b, y, m->key);
        if (!other || !equal(p, m, other))
            return false;
        beside = tree_next(p->b, y, other);
    }
    return true;
}

static bool equal(struct pair *p, const node *x, const node *y)
{
    if (x->type != y->type || x->integer != y->integer)
        return false;
    if (!is_container(x))
        return slice_equal(x->text, y->text);
    bool same = ++p->depth <= CLAIMS_DEPTH_MAX && members_equal(p, x, y);
    p->depth--;
    return same;
}

bool tree_equal(tree a, const node *x, tree b, const node *y)
{
    struct pair p = {a, b, 0};
    return x && y ? equal(&p, x, y) : x == y;
}
