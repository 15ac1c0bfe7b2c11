/* SPDX-License-Identifier: Apache-2.0
 *
 * Init-data: the body of the member, TOML within TOML and the agent policy's JSON.
 */
#include <stdlib.h>

#include "core/attest/initdata.h"

static struct arena arena;

static const json *member_of(slice body)
{
    const json *v;
    struct text t = text_begin(&arena);
    text_lit(&t, "{\"format\":\"toml\",\"body\":");
    text_json(&t, body);
    text_lit(&t, "}");
    slice text = text_end(&t);
    return text.ptr && !FAILED(json_parse(&arena, text, &v)) ? v : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct init_data d;
    struct trustee_writer w;
    tree t;
    if (!arena.base && FAILED(arena_map(&arena, 128 << 20, ARENA_PLAIN)))
        abort();
    arena_reset(&arena, 1 << 20);
    const json *member = member_of(slice_of(data, size));
    if (!member || FAILED(init_data_from(member, &arena, &d)))
        return 0;
    if (!d.digest_size || FAILED(claims_begin(&w, &arena, 20000)))
        abort();
    result r = init_data_claims(&d, &w, S("init_data_claims"), &arena);
    if (!FAILED(r) && FAILED(claims_end(&w, &t)))
        abort();
    return 0;
}
