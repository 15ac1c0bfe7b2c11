/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conf/bind.h"

#include <stdlib.h>

/* Any text is parsed or refused with a message; what is parsed lies inside the file and can be bound. */

struct target {
    uint64_t number, size, life;
    slice path;
    struct bind_list many;
    bool truth;
};

static const struct bind_option options[] = {
    {"n", BIND_NUMBER, BIND_AT(struct target, number), .fallback = "1", .max = 100},
    {"s", BIND_SIZE, BIND_AT(struct target, size), .fallback = "1KiB"},
    {"d", BIND_DURATION, BIND_AT(struct target, life), .fallback = "1m"},
    {"p", BIND_PATH, BIND_AT(struct target, path)},
    {"m", BIND_TEXT, BIND_AT(struct target, many), .flags = BIND_MANY},
    {"b", BIND_BOOL, BIND_AT(struct target, truth), .fallback = "no"},
};
static const struct bind_table table = {"a", NULL, "", options, sizeof options / sizeof *options};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    char error[256] = "";
    struct ini ini;
    struct target target = {0};
    if (!arena.base && FAILED(arena_map(&arena, (size_t)4 << 20, ARENA_PLAIN)))
        abort();
    arena_reset(&arena, arena.size);
    result r = ini_parse(&arena, S("f"), slice_of(data, size), &ini, error, sizeof error);
    if (FAILED(r) != (error[0] != 0))
        abort();
    if (FAILED(r))
        return 0;
    struct bind b = {&ini, &arena, error, sizeof error};
    r = bind_section(&b, &table, NO_SLICE, &target);
    if (FAILED(r) && error[0] == 0)
        abort();
    if (!FAILED(r) && target.number > 100)
        abort();
    return 0;
}
