/* SPDX-License-Identifier: Apache-2.0 */
#include "core/refval/generations.h"

#include <stddef.h>

#define SLOT_SHIFT 56
#define PINS_MASK ((UINT64_C(1) << SLOT_SHIFT) - 1)

enum { FREE, ALIVE, DEAD };

static void collect(struct generations *g)
{
    for (size_t i = 0; i < GENERATIONS_MAX; i++) {
        struct generation *slot = &g->slots[i];
        if (atomic_load(&slot->state) != DEAD)
            continue;
        g->drop(slot->object);
        slot->object = NULL;
        atomic_store(&slot->state, FREE);
    }
}

/* The slot's object was replaced after having been pinned `pins` times. */
static void retire(struct generation *slot, int64_t pins)
{
    if (atomic_fetch_add(&slot->balance, pins) + pins == 0)
        atomic_store(&slot->state, DEAD);
}

void generations_begin(struct generations *g, void *first, void (*drop)(void *object))
{
    atomic_init(&g->current, 0);
    g->drop = drop;
    for (size_t i = 0; i < GENERATIONS_MAX; i++) {
        g->slots[i].object = NULL;
        atomic_init(&g->slots[i].balance, 0);
        atomic_init(&g->slots[i].state, FREE);
    }
    g->slots[0].object = first;
    atomic_store(&g->slots[0].state, ALIVE);
}

void generations_end(struct generations *g)
{
    uint64_t current = atomic_load(&g->current);
    retire(&g->slots[current >> SLOT_SHIFT], (int64_t)(current & PINS_MASK));
    collect(g);
}

struct pin generations_pin(struct generations *g)
{
    struct generation *slot = &g->slots[atomic_fetch_add(&g->current, 1) >> SLOT_SHIFT];
    return (struct pin){slot->object, slot};
}

void generations_unpin(struct pin pin)
{
    /* Below zero while the object is published: then this never is the last one. */
    if (atomic_fetch_sub(&pin.slot->balance, 1) == 1)
        atomic_store(&pin.slot->state, DEAD);
}

result generations_publish(struct generations *g, void *next)
{
    uint64_t i = 0;
    collect(g);
    while (i < GENERATIONS_MAX && atomic_load(&g->slots[i].state) != FREE)
        i++;
    ENSURE(i < GENERATIONS_MAX, NO_MEMORY);
    g->slots[i].object = next;
    atomic_store(&g->slots[i].balance, 0);
    atomic_store(&g->slots[i].state, ALIVE);
    uint64_t old = atomic_exchange(&g->current, i << SLOT_SHIFT);
    retire(&g->slots[old >> SLOT_SHIFT], (int64_t)(old & PINS_MASK));
    collect(g);
    return OK;
}
