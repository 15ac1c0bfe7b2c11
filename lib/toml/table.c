/* SPDX-License-Identifier: Apache-2.0
 *
 * Items and how a table finds its members: a search tree balanced by random ranks, so that a text with thousands of
 * keys costs no more than its size, whatever the keys are.
 */
#include "lib/toml/parser.h"

/* splitmix64. Nothing depends on it but the shape of search trees. */
static uint64_t next_rank(struct parser *p)
{
    uint64_t z = p->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct item *toml_item(struct parser *p, enum kind kind, slice key, const struct item *parent)
{
    if (parent && parent->depth >= TOML_DEPTH_MAX) {
        toml_fail(p, "nested too deeply");
        return NULL;
    }
    if (p->items++ >= TOML_ITEMS_MAX) {
        toml_fail(p, "too many keys and values");
        return NULL;
    }
    struct item *i = arena_new(p->arena, struct item);
    if (!i) {
        p->no_memory = true;
        toml_fail(p, "out of memory");
        return NULL;
    }
    *i = (struct item){.kind = kind, .key = key, .depth = parent ? parent->depth + 1 : 0, .rank = next_rank(p)};
    return i;
}

static int order(slice a, slice b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

/* The tree with `child` in it: below the first item of a lower rank, whose members are shared out to both sides. */
static void insert(struct item **place, struct item *child)
{
    while (*place && (*place)->rank >= child->rank)
        place = order(child->key, (*place)->key) < 0 ? &(*place)->left : &(*place)->right;
    struct item *rest = *place, **left = &child->left, **right = &child->right;
    *place = child;
    while (rest) {
        if (order(rest->key, child->key) < 0) {
            *left = rest;
            left = &rest->right;
            rest = *left;
        } else {
            *right = rest;
            right = &rest->left;
            rest = *right;
        }
    }
    *left = *right = NULL;
}

void toml_append(struct item *parent, struct item *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    if (parent->kind == TABLE)
        insert(&parent->root, child);
}

struct item *toml_find(const struct item *table, slice key)
{
    struct item *i = table->root;
    for (int side; i && (side = order(key, i->key)) != 0;)
        i = side < 0 ? i->left : i->right;
    return i;
}
