/* SPDX-License-Identifier: Apache-2.0
 *
 * What a vendor's service answers: the first byte is the kind, the first line after it the header with the chain, the
 * rest the body. And names: whatever they are, a URL is its base's, and of harmless letters.
 */
#include <stdlib.h>

#include "core/collateral/answer.h"
#include "core/collateral/origin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void as_name(const struct collateral_kind *kind, slice key)
{
    static const slice base = TRUSTEE_TEXT("https://origin.example");
    struct collateral_settings c = {.intel_pccs = {&base, 1}, .amd_kds = {&base, 1}};
    struct origins all;
    char url[ORIGIN_URL_MAX], error[256];
    check(!FAILED(origins_read(&c, &all, error, sizeof error)));
    for (size_t i = 0; i < all.count; i++)
        if (origin_url(&all, &all.at[i], kind->name, key, url)) {
            slice path = slice_sub(slice_text(url), base.len, ORIGIN_URL_MAX);
            check(slice_starts(slice_text(url), base) && slice_is_name(path, "/?&=_-"));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    if (!arena.base)
        check(!FAILED(arena_map(&arena, (size_t)32 << 20, ARENA_PLAIN)));
    if (size == 0)
        return 0;
    const struct collateral_kind *kind = &COLLATERAL_KIND[data[0] % COLLATERAL_KINDS];
    slice rest = slice_of(data + 1, size - 1), chain = NO_SLICE;
    as_name(kind, rest);
    size_t line = slice_find(rest, '\n');
    chain = slice_sub(rest, 0, line);
    struct answer answer = {.status = 200, .chain = chain, .body = slice_sub(rest, line + 1, rest.len)};
    struct collateral_item item = {.kind = kind->name};
    const char *why = NULL;
    if (answer_to_item(&answer, kind, &arena, &item, &why)) {
        check(item.bytes.len <= answer.body.len && item.chain.len <= chain.len);
        check(!kind->chain || slice_starts(item.chain, S("-----BEGIN CERTIFICATE-----")));
        check(kind->form != FORM_DER || item.bytes.ptr[0] == 0x30);
    } else {
        check(why != NULL);
    }
    arena_reset(&arena, (size_t)64 << 10);
    return 0;
}
