/* SPDX-License-Identifier: Apache-2.0
 *
 * Items in memory: bounded, found without heap or I/O, never changed once they are there. A newer item takes the place
 * of an older one; who has pinned the older one keeps it until it lets go. Thread-safe.
 */
#ifndef CORE_COLLATERAL_MEMORY_H
#define CORE_COLLATERAL_MEMORY_H

#include <stdatomic.h>

#include "core/collateral/kind.h"

struct entry {
    struct collateral_item item; /* first: what is pinned is a pointer to it */
    struct collateral_facts facts;
    const struct collateral_kind *kind;
    struct entry *chain;         /* of its bucket */
    struct entry *newer, *older; /* by last use, among those of its sort */
    size_t size;
    unsigned pins;
    bool listed;          /* still what this key stands for */
    atomic_bool verified; /* evidence was found genuine with it */
    int64_t used;         /* Unix seconds of the last pin */
    int64_t look_at;      /* when its folders are looked into again */
    int64_t ask_at;       /* when its origins are asked again */
    unsigned failed;      /* renewals in a row */
};

struct memory;
MUST_CHECK result memory_new(size_t limit, struct memory **out);
void memory_free(struct memory *m);
/* NULL: not there. */
struct entry *memory_pin(struct memory *m, slice kind, slice key, int64_t now);
void memory_unpin(struct memory *m, struct entry *e);
/* Copies the item in. COLLATERAL_OLDER: what is there was issued later or has a higher number; NO_MEMORY: all that is
 * there is pinned. */
MUST_CHECK result memory_put(struct memory *m, const struct collateral_item *item, const struct collateral_facts *facts,
                             int64_t now);
/* Sets when an item is to be looked for again. */
void memory_schedule(struct memory *m, struct entry *e, int64_t look_at, int64_t ask_at, bool failed);
/* The entry that is due first, pinned; NULL: none is before `now`. *next: when one will be, INT64_MAX: never. */
struct entry *memory_due(struct memory *m, int64_t now, int64_t *next);

struct memory_numbers {
    uint64_t items, expired;
    int64_t earliest; /* not_after of the first to expire; INT64_MAX: none does */
};
void memory_count(struct memory *m, int64_t now, struct memory_numbers out[COLLATERAL_KINDS]);
/* Whether b is older than a. */
bool collateral_is_older(const struct collateral_facts *b, const struct collateral_facts *a);

#endif
