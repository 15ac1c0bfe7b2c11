/* SPDX-License-Identifier: Apache-2.0
 *
 * One file of our own folder of collateral, and what is written of what was read.
 */
#include <stdlib.h>

#include "core/collateral/folder_file.h"
#include "lib/signature/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

static void try_file(slice file)
{
    struct collateral_item item, again;
    struct collateral_facts facts, same;
    struct arena a;
    slice written;
    char name[FOLDER_NAME_MAX];
    if (FAILED(folder_decode(file, &item, &facts)))
        return;
    must(collateral_is_name(item.kind, item.key) && folder_name(item.kind, item.key, name));
    must(!FAILED(arena_map(&a, FOLDER_FILE_MAX + 4096, ARENA_PLAIN)));
    must(!FAILED(folder_encode(&item, &facts, &a, &written)));
    must(slice_equal(written, file));
    must(!FAILED(folder_decode(written, &again, &same)) && slice_equal(item.bytes, again.bytes));
    must(!FAILED(folder_judge_age(&facts, &same)));
    arena_unmap(&a);
}

/* As it is, and with the digest that nobody guesses. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t digest[32];
    static struct arena a;
    if (!a.base)
        must(!FAILED(arena_map(&a, (size_t)2 << 20, ARENA_PLAIN)));
    try_file(slice_of(data, size));
    must(!FAILED(sha256(slice_of(data, size), digest)));
    struct text t = text_begin(&a);
    text_add(&t, slice_of(data, size));
    text_lit(&t, "sha256 ");
    text_hex(&t, slice_of(digest, sizeof digest));
    text_lit(&t, "\n");
    slice file = text_end(&t);
    if (file.ptr)
        try_file(file);
    arena_reset(&a, (size_t)1 << 20);
    return 0;
}
