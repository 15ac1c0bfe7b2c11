/* SPDX-License-Identifier: Apache-2.0
 *
 * The file that crosses an air gap: JSON, so that people can look into it.
 *
 *     {"trustee_collateral": 1, "items": [{"kind", "key", "issued", "not_after", "number", "chain", "sha256",
 * "bytes"}]}
 *
 * bytes are base64 (chain_base64, too, which stands for a chain that is no text); sha256 is over chain and bytes, and
 * tells a damaged file; whether an item is genuine is judged anew where it is imported.
 */
#include "core/collateral/item.h"

#include "core/collateral/offline_internal.h"
#include "lib/signature/signature.h"

static result digest_of(struct arena *a, slice chain, slice bytes, slice *hex)
{
    uint8_t digest[32];
    size_t used = a->used;
    struct text t = text_begin(a);
    text_add(&t, chain);
    text_add(&t, bytes);
    slice both = text_end(&t);
    ENSURE(both.ptr, NO_MEMORY);
    TRY(sha256(both, digest));
    a->used = used;
    t = text_begin(a);
    text_hex(&t, slice_of(digest, sizeof digest));
    *hex = text_end(&t);
    ENSURE(hex->ptr, NO_MEMORY);
    return OK;
}

/* --- writing --- */

/* What came with a service's answer need not be text between its PEM blocks. */
static void write_chain(struct text *t, slice chain)
{
    if (slice_is_utf8(chain)) {
        text_lit(t, ",\"chain\":");
        text_json(t, chain);
        return;
    }
    text_lit(t, ",\"chain_base64\":\"");
    text_base64(t, chain);
    text_lit(t, "\"");
}

static void write_item(struct text *t, const struct collateral_item *item, const struct collateral_facts *facts,
                       slice digest)
{
    text_lit(t, "{\"kind\":");
    text_json(t, item->kind);
    text_lit(t, ",\"key\":");
    text_json(t, item->key);
    text_lit(t, ",\"issued\":");
    text_i64(t, facts->issued);
    text_lit(t, ",\"not_after\":");
    text_i64(t, facts->not_after);
    text_lit(t, ",\"number\":");
    text_u64(t, facts->number);
    write_chain(t, item->chain);
    text_lit(t, ",\"sha256\":");
    text_json(t, digest);
    text_lit(t, ",\"bytes\":\"");
    text_base64(t, item->bytes);
    text_lit(t, "\"}");
}

static result write_with(struct arena *a, FILE *out, const struct collateral_item *item,
                         const struct collateral_facts *facts)
{
    slice digest;
    TRY(digest_of(a, item->chain, item->bytes, &digest));
    struct text t = text_begin(a);
    write_item(&t, item, facts, digest);
    slice text = text_end(&t);
    ENSURE(text.ptr, NO_MEMORY);
    return fwrite(text.ptr, 1, text.len, out) == text.len ? OK : FAIL(STORAGE);
}

result collateral_export(FILE *out, const struct collateral_item *item, const struct collateral_facts *facts,
                         bool first, bool last)
{
    struct arena a;
    ENSURE(fputs(first ? "{\"trustee_collateral\":1,\"items\":[\n" : item ? ",\n" : "", out) >= 0, STORAGE);
    if (item) {
        TRY(arena_map(&a, (size_t)4 * COLLATERAL_BYTES_MAX, ARENA_PLAIN));
        result r = write_with(&a, out, item, facts);
        arena_unmap(&a);
        TRY(r);
    }
    ENSURE(fputs(last ? "\n]}\n" : "", out) >= 0, STORAGE);
    return OK;
}

/* --- reading --- */

static bool decode(struct arena *a, slice text, slice *out)
{
    size_t length, room = BASE64_DECODED_MAX(text.len);
    uint8_t *bytes = text.len ? arena_alloc(a, room, 1) : NULL;
    if (!bytes || !base64_decode(bytes, room, text, &length))
        return false;
    *out = slice_of(bytes, length);
    return true;
}

static result read_item(struct offline_items *to, const json *v, size_t nth)
{
    slice digest, chain = json_text(json_get(v, S("chain_base64")));
    struct collateral_item item = {json_text(json_get(v, S("kind"))), json_text(json_get(v, S("key"))), NO_SLICE,
                                   json_text(json_get(v, S("chain")))};
    if (!collateral_is_name(item.kind, item.key) ||
        !decode(to->arena, json_text(json_get(v, S("bytes"))), &item.bytes) ||
        (chain.ptr && !decode(to->arena, chain, &item.chain)))
        return items_refuse(to, "item %zu is malformed; export and carry it over again", nth);
    TRY(digest_of(to->arena, item.chain, item.bytes, &digest));
    if (!slice_equal(digest, json_text(json_get(v, S("sha256")))))
        return items_refuse(to, "item %zu, %.*s %.*s, is damaged; export and carry it over again", nth,
                            SLICE_ARG(item.kind), SLICE_ARG(item.key));
    return items_add(to, &item, false);
}

result offline_read_export(struct offline_items *to, const json *document)
{
    uint64_t version = 0;
    size_t nth = 0;
    const json *items = json_get(document, S("items"));
    if (!json_u64(json_get(document, S("trustee_collateral")), &version) || version != 1)
        return items_refuse(to, "it is an export of a version that is not known here; expected version 1");
    if (json_type(items) != TRUSTEE_NODE_ARRAY)
        return items_refuse(to, "it is an export without its list of items");
    for (const json *v = json_next(items, NULL, NULL); v; v = json_next(items, v, NULL))
        TRY(read_item(to, v, ++nth));
    return OK;
}
