/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing a tree of claims. Any misuse sticks, so that a caller checks once, at the end.
 */
#include "lib/claims/claims.h"

#include "lib/json/keys.h"

/* Room at first: enough for most claims, few enough to cost no fresh pages. */
#define NODES_FIRST 64u

/* --- opening and closing
 * ---------------------------------------------------------------------------------------------- */

static void run_out(struct trustee_writer *w)
{
    w->full |= !w->failed;
    w->failed = true;
}

/* Twice the room, where it stands if nothing lies behind it. */
static bool grow(struct trustee_writer *w)
{
    size_t room = w->room < w->capacity / 2 ? 2 * w->room : w->capacity;
    bool last = (uint8_t *)(w->nodes + w->room) == w->arena->base + w->arena->used;
    node *bigger = room == w->room ? NULL : arena_array(w->arena, node, last ? room - w->room : room);
    if (!bigger)
        return false;
    if (!last) {
        memcpy(bigger, w->nodes, w->count * sizeof *bigger);
        w->nodes = bigger;
    }
    w->room = room;
    return true;
}

static bool can_write(struct trustee_writer *w)
{
    if (w->depth == 0)
        w->failed = true;
    else if (w->count == w->room && !grow(w))
        run_out(w);
    return !w->failed;
}

static node *open_container(const struct trustee_writer *w)
{
    return &w->nodes[w->open[w->depth - 1]];
}

static slice copied(struct trustee_writer *w, slice s)
{
    slice copy = s.len ? arena_copy(w->arena, s) : S("");
    if (!copy.ptr)
        run_out(w);
    return copy;
}

/* Appends a node to the container that is open. `key` lives as long as the tree. NULL after a failure. */
static node *append(struct trustee_writer *w, uint32_t type, slice key)
{
    if (!can_write(w))
        return NULL;
    node *parent = open_container(w);
    if (parent->type == TRUSTEE_NODE_ARRAY) {
        w->failed |= key.len > 0;
        key = NO_SLICE;
    } else if (!key.ptr) {
        key = S("");
    }
    parent->integer++;
    node *n = &w->nodes[w->count++];
    *n = (node){.type = type, .next = (uint32_t)w->count, .key = key};
    return w->failed ? NULL : n;
}

static slice checked_key(struct trustee_writer *w, slice key)
{
    if (!slice_is_utf8(key))
        w->failed = true;
    return w->failed ? NO_SLICE : copied(w, key);
}

static node *append_checked(struct trustee_writer *w, uint32_t type, slice key)
{
    return can_write(w) ? append(w, type, checked_key(w, key)) : NULL;
}

static void enter(struct trustee_writer *w)
{
    if (w->depth == CLAIMS_DEPTH_MAX)
        w->failed = true;
    if (!w->failed)
        w->open[w->depth++] = (uint32_t)w->count - 1;
}

static slice key_at(const void *nodes, uint32_t index)
{
    return ((const node *)nodes)[index].key;
}

static bool few_unique(const node *nodes, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i = nodes[i].next)
        for (uint32_t j = first; j < i; j = nodes[j].next)
            if (slice_equal(nodes[i].key, nodes[j].key))
                return false;
    return true;
}

static bool many_unique(struct trustee_writer *w, uint32_t first, uint32_t end, size_t members)
{
    struct key_set set;
    size_t used = w->arena->used;
    bool unique = key_set_begin(&set, w->arena, members, key_at, w->nodes);
    if (!unique)
        run_out(w);
    for (uint32_t i = first; unique && i < end; i = w->nodes[i].next)
        unique = key_set_add(&set, i);
    w->arena->used = used;
    return unique;
}

static void close_container(struct trustee_writer *w)
{
    uint32_t at = w->open[--w->depth], end = (uint32_t)w->count;
    node *n = &w->nodes[at];
    n->next = end;
    if (n->type != TRUSTEE_NODE_OBJECT)
        return;
    bool unique =
        n->integer <= KEYS_FEW ? few_unique(w->nodes, at + 1, end) : many_unique(w, at + 1, end, (size_t)n->integer);
    if (!unique)
        w->failed = true;
}

result claims_begin(struct trustee_writer *w, struct arena *a, size_t capacity)
{
    *w = (struct trustee_writer){.arena = a, .capacity = capacity};
    ENSURE(capacity && capacity < UINT32_MAX, NO_MEMORY);
    w->room = capacity < NODES_FIRST ? capacity : NODES_FIRST;
    w->nodes = arena_array(a, node, w->room);
    ENSURE(w->nodes, NO_MEMORY);
    w->nodes[0] = (node){.type = TRUSTEE_NODE_OBJECT, .next = 1};
    w->count = w->depth = 1;
    return OK;
}

result claims_end(struct trustee_writer *w, tree *out)
{
    *out = (tree){NULL, 0};
    while (w->depth && !w->failed)
        close_container(w);
    if (w->failed)
        return FAIL(w->full ? NO_MEMORY : ATTEST_CLAIMS);
    uint8_t *end = (uint8_t *)(w->nodes + w->room);
    if (end == w->arena->base + w->arena->used)
        w->arena->used -= (w->room - w->count) * sizeof(node);
    *out = (tree){w->nodes, w->count};
    return OK;
}

void claims_object(struct trustee_writer *w, slice key)
{
    if (append_checked(w, TRUSTEE_NODE_OBJECT, key))
        enter(w);
}

void claims_array(struct trustee_writer *w, slice key)
{
    if (append_checked(w, TRUSTEE_NODE_ARRAY, key))
        enter(w);
}

void claims_close(struct trustee_writer *w)
{
    /* The root is closed by claims_end alone. */
    if (w->depth < 2)
        w->failed = true;
    if (!w->failed)
        close_container(w);
}

/* --- values
 * ------------------------------------------------------------------------------------------------------------ */

void claims_text(struct trustee_writer *w, slice key, slice text)
{
    node *n = append_checked(w, TRUSTEE_NODE_STRING, key);
    if (!slice_is_utf8(text))
        w->failed = true;
    else if (n)
        n->text = copied(w, text);
}

static void encoded(struct trustee_writer *w, slice key, slice bytes, size_t size, size_t encode(uint8_t *, slice))
{
    node *n = append_checked(w, TRUSTEE_NODE_STRING, key);
    uint8_t *room = n ? arena_alloc(w->arena, size, 1) : NULL;
    if (room)
        n->text = slice_of(room, encode(room, bytes));
    else
        run_out(w);
}

void claims_hex(struct trustee_writer *w, slice key, slice bytes)
{
    encoded(w, key, bytes, HEX_SIZE(bytes.len), hex_encode);
}

void claims_base64(struct trustee_writer *w, slice key, slice bytes)
{
    encoded(w, key, bytes, BASE64_SIZE(bytes.len), base64_encode);
}

void claims_base64url(struct trustee_writer *w, slice key, slice bytes)
{
    encoded(w, key, bytes, BASE64URL_SIZE(bytes.len), base64url_encode);
}

void claims_i64(struct trustee_writer *w, slice key, int64_t number)
{
    node *n = append_checked(w, TRUSTEE_NODE_INT, key);
    if (n)
        n->integer = number;
}

void claims_bool(struct trustee_writer *w, slice key, bool truth)
{
    node *n = append_checked(w, TRUSTEE_NODE_BOOL, key);
    if (n)
        n->integer = truth;
}

void claims_null(struct trustee_writer *w, slice key)
{
    (void)append_checked(w, TRUSTEE_NODE_NULL, key);
}

/* The text of an integer is its value; any other number keeps its text. */
static void set_number(struct trustee_writer *w, node *n, slice decimal)
{
    if (number_i64(decimal, &n->integer)) {
        n->type = TRUSTEE_NODE_INT;
        return;
    }
    n->integer = 0;
    n->text = copied(w, decimal);
}

void claims_number(struct trustee_writer *w, slice key, slice decimal)
{
    node *n = append_checked(w, TRUSTEE_NODE_NUMBER, key);
    if (!number_is_json(decimal))
        w->failed = true;
    else if (n)
        set_number(w, n, decimal);
}

/* --- copies
 * ------------------------------------------------------------------------------------------------------------ */

static void copy_value(struct trustee_writer *w, slice key, const json *v)
{
    uint32_t type = json_type(v);
    node *n = append(w, type, copied(w, key));
    bool truth;
    if (!n)
        return;
    if (type == TRUSTEE_NODE_STRING)
        n->text = copied(w, json_text(v));
    else if (json_bool(v, &truth))
        n->integer = truth;
    else if (type == TRUSTEE_NODE_INT || type == TRUSTEE_NODE_NUMBER)
        set_number(w, n, json_number(v));
    if (type != TRUSTEE_NODE_ARRAY && type != TRUSTEE_NODE_OBJECT)
        return;
    enter(w);
    slice name;
    for (const json *m = json_next(v, NULL, &name); m && !w->failed; m = json_next(v, m, &name))
        copy_value(w, name, m);
    if (!w->failed)
        close_container(w);
}

void claims_json(struct trustee_writer *w, slice key, const json *v)
{
    if (!v || !slice_is_utf8(key))
        w->failed = true;
    if (!w->failed && can_write(w))
        copy_value(w, key, v);
}

static void copy_node(struct trustee_writer *w, slice key, tree t, const node *from)
{
    node *n = append(w, from->type, copied(w, key));
    if (!n)
        return;
    if (from->type != TRUSTEE_NODE_ARRAY && from->type != TRUSTEE_NODE_OBJECT) {
        n->integer = from->integer;
        n->text = from->text.len || from->type == TRUSTEE_NODE_STRING ? copied(w, from->text) : NO_SLICE;
        return;
    }
    enter(w);
    for (const node *m = tree_next(t, from, NULL); m && !w->failed; m = tree_next(t, from, m))
        copy_node(w, m->key, t, m);
    if (!w->failed)
        close_container(w);
}

void claims_subtree(struct trustee_writer *w, slice key, tree t, const node *from)
{
    if (!from || !slice_is_utf8(key))
        w->failed = true;
    if (!w->failed && can_write(w))
        copy_node(w, key, t, from);
}
