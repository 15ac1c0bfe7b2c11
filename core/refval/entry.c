/* SPDX-License-Identifier: Apache-2.0 */
#include "core/refval/entry.h"

#include <stdlib.h>

#include "core/refval/rfc3339.h"

/* What a document adds to name and value: members, times, and a name whose every byte is escaped. */
#define DOCUMENT_EXTRA (256 + 6 * REFVAL_NAME_MAX)

bool refval_name_valid(slice name)
{
    if (name.len == 0 || name.len > REFVAL_NAME_MAX || !slice_is_utf8(name))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        bool c1_control = c == 0xc2 && name.ptr[i + 1] < 0xa0;
        if (c < 0x20 || c == 0x7f || c1_control)
            return false;
    }
    return true;
}

int refval_name_compare(slice a, slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* --- copying into one block ------------------------------------------------------------------------------------------
 */

/* The value as a tree of its own comes out of the writer as the one member of an object: node 1 of `t`. */
static size_t texts_size(tree t)
{
    size_t size = 0;
    for (size_t i = 1; i < t.count; i++)
        size += t.nodes[i].text.len + (i > 1 ? t.nodes[i].key.len : 0);
    return size;
}

struct block {
    uint8_t *free;
};

static slice keep(struct block *b, slice s)
{
    if (!s.ptr)
        return NO_SLICE;
    slice copy = slice_of(b->free, s.len);
    if (s.len)
        memcpy(b->free, s.ptr, s.len);
    b->free += s.len;
    return copy;
}

static void keep_nodes(struct block *b, tree t, node *out)
{
    for (size_t i = 1; i < t.count; i++) {
        node *n = &out[i - 1];
        *n = t.nodes[i];
        n->next--;
        n->key = i > 1 ? keep(b, t.nodes[i].key) : NO_SLICE;
        n->text = keep(b, t.nodes[i].text);
    }
}

static result entry_of(slice name, slice text, tree t, struct refval_entry **out)
{
    size_t nodes_size = (t.count - 1) * sizeof(node);
    size_t size = sizeof **out + nodes_size + name.len + text.len + texts_size(t);
    struct refval_entry *e = malloc(size);
    ENSURE(e, NO_MEMORY);
    node *nodes = (node *)(void *)(e + 1);
    struct block b = {(uint8_t *)nodes + nodes_size};
    *e = (struct refval_entry){.size = size, .value = {nodes, t.count - 1}};
    atomic_init(&e->holders, 1);
    keep_nodes(&b, t, nodes);
    e->name = keep(&b, name);
    e->text = keep(&b, text);
    *out = e;
    return OK;
}

result refval_entry_new(struct arena *scratch, slice name, int64_t expiration, const json *value,
                        struct refval_entry **out)
{
    struct trustee_writer w;
    tree t;
    struct text j = text_begin(scratch);
    json_write(&j, value);
    slice text = text_end(&j);
    ENSURE(text.ptr, NO_MEMORY);
    ENSURE(text.len + DOCUMENT_EXTRA <= REFVAL_VALUE_MAX, REFERENCE_REQUEST);
    /* Two bytes of JSON make one node at most, but for the first. */
    TRY(claims_begin(&w, scratch, text.len / 2 + 3));
    claims_json(&w, S("value"), value);
    result r = claims_end(&w, &t);
    if (r.reason == ATTEST_CLAIMS)
        return FAIL(REFERENCE_REQUEST);
    TRY(r);
    TRY(entry_of(name, text, t, out));
    (*out)->expiration = expiration;
    return OK;
}

void refval_entry_hold(struct refval_entry *e)
{
    atomic_fetch_add(&e->holders, 1);
}

void refval_entry_drop(struct refval_entry *e)
{
    if (e && atomic_fetch_sub(&e->holders, 1) == 1)
        free(e);
}

/* --- the stored document ---------------------------------------------------------------------------------------------
 */

result refval_document(struct arena *scratch, const struct refval_entry *e, slice *out)
{
    uint8_t time[RFC3339_SIZE];
    ENSURE(rfc3339_format(e->expiration, time), INTERNAL);
    struct text t = text_begin(scratch);
    text_lit(&t, "{\"version\":\"0.1.0\",\"name\":");
    text_json(&t, e->name);
    text_lit(&t, ",\"expiration\":\"");
    text_add(&t, slice_of(time, sizeof time));
    text_lit(&t, "\",\"value\":");
    text_add(&t, e->text);
    text_lit(&t, "}");
    *out = text_end(&t);
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}

result refval_document_read(struct arena *scratch, slice document, struct refval_entry **out)
{
    const json *root;
    int64_t expiration;
    result r = json_parse(scratch, document, &root);
    if (FAILED(r))
        return FAIL(REFERENCE_REQUEST);
    slice name = json_text(json_get(root, S("name")));
    const json *value = json_get(root, S("value"));
    ENSURE(slice_equal(json_text(json_get(root, S("version"))), S("0.1.0")), REFERENCE_REQUEST);
    ENSURE(refval_name_valid(name) && value, REFERENCE_REQUEST);
    ENSURE(rfc3339_parse(json_text(json_get(root, S("expiration"))), &expiration), REFERENCE_REQUEST);
    return refval_entry_new(scratch, name, expiration, value, out);
}
