/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/conf/ini.h"
#include "core/conf/upstream.h"

/* Whatever upstream's file says, what comes out is an INI that can be read, or a message. The first byte says TOML or
 * JSON. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    struct upstream_config converted;
    struct ini ini;
    char error[512] = "";
    if (!arena.base && FAILED(arena_map(&arena, (size_t)16 << 20, ARENA_PLAIN)))
        abort();
    arena_reset(&arena, arena.size);
    if (size == 0)
        return 0;
    result r = upstream_config_convert(data[0] & 1 ? "a.json" : "a.toml", slice_of(data + 1, size - 1), "/p", "/f",
                                       &arena, &converted, error, sizeof error);
    if (r.reason == NO_MEMORY)
        return 0;
    if (FAILED(r) != (error[0] != 0))
        abort();
    if (!FAILED(r) && FAILED(ini_parse(&arena, S("x"), converted.ini, &ini, error, sizeof error)))
        abort();
    return 0;
}
