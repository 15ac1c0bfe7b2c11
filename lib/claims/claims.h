/* SPDX-License-Identifier: Apache-2.0
 *
 * Trees of claims: written once by a writer, read by policies and the token maker. See trustee_node in the ABI.
 */
#ifndef LIB_CLAIMS_H
#define LIB_CLAIMS_H

#include "lib/base/arena.h"
#include "lib/json/json.h"

typedef trustee_tree tree;
typedef trustee_node node;

#define CLAIMS_DEPTH_MAX 32

struct trustee_writer {
    struct arena *arena; /* texts */
    trustee_node *nodes;
    size_t capacity, room, count; /* nodes: at most, allocated, written */
    uint32_t open[CLAIMS_DEPTH_MAX];
    uint32_t depth;
    bool failed; /* misuse or no memory: sticky */
    bool full;   /* it was memory or capacity */
};

/* Starts a tree of at most `capacity` nodes whose root is an object, left open; room for them is taken as they come.
 * NO_MEMORY. */
MUST_CHECK result claims_begin(struct trustee_writer *w, struct arena *a, size_t capacity);
/* Closes what is open and gives the tree. ATTEST_CLAIMS on misuse, NO_MEMORY when full. Unused capacity that lies at
 * the arena's end is given back. */
MUST_CHECK result claims_end(struct trustee_writer *w, tree *out);

/* The same functions as in the host table; keys must be UTF-8 and unique in their object. */
void claims_object(struct trustee_writer *w, slice key);
void claims_array(struct trustee_writer *w, slice key);
void claims_close(struct trustee_writer *w);
void claims_text(struct trustee_writer *w, slice key, slice text);
void claims_hex(struct trustee_writer *w, slice key, slice bytes);
void claims_base64(struct trustee_writer *w, slice key, slice bytes);
void claims_base64url(struct trustee_writer *w, slice key, slice bytes);
void claims_i64(struct trustee_writer *w, slice key, int64_t number);
void claims_bool(struct trustee_writer *w, slice key, bool truth);
void claims_null(struct trustee_writer *w, slice key);
void claims_number(struct trustee_writer *w, slice key, slice decimal);
/* Copies a whole JSON value, or a subtree of another tree. */
void claims_json(struct trustee_writer *w, slice key, const json *v);
void claims_subtree(struct trustee_writer *w, slice key, tree t, const node *from);

/* Reading. */
const node *tree_root(tree t); /* NULL when empty */
const node *tree_get(tree t, const node *object, slice name);
const node *tree_at(tree t, slice pointer); /* RFC 6901 from the root */
const node *tree_next(tree t, const node *container, const node *last);
slice node_text(const node *n); /* ptr NULL unless a string */

/* Compact JSON of a subtree; with sorted keys where `sorted` (bytewise, as Rust's BTreeMap and JCS do for ASCII). */
void tree_json(struct text *t, tree of, const node *from, bool sorted);
/* SHA-256-independent structural equality. */
bool tree_equal(tree a, const node *x, tree b, const node *y);

#endif
