/* SPDX-License-Identifier: Apache-2.0
 *
 * One published object, replaced as a whole while requests read it. Reading costs one atomic addition at each end and
 * never waits, neither for a writer nor for another reader. A replaced object whose last reader has left is dropped by
 * the next publish or end: never on a reader's thread.
 *
 * How: `current` holds the slot of the published object in its upper bits and the number of pins since it was
 * published in its lower ones, so that taking the object and counting the reader are one step. Each slot counts the
 * readers that left. Only when the object is replaced are the two brought together: from then on the balance is the
 * number of readers that are still there.
 *
 * Threads: pin and unpin from any thread; publish and end from one at a time.
 */
#ifndef CORE_REFVAL_GENERATIONS_H
#define CORE_REFVAL_GENERATIONS_H

#include <stdatomic.h>

#include "lib/base/result.h"

/* So many generations may be alive at once: the published one and those that some request still reads. */
#define GENERATIONS_MAX 64

struct generation {
    void *object;
    _Atomic int64_t balance; /* minus the readers that left; from replacement on: readers that are still there */
    atomic_int state;        /* free, alive, or dead: replaced and without readers */
};

struct generations {
    _Atomic uint64_t current;
    void (*drop)(void *object);
    struct generation slots[GENERATIONS_MAX];
};

/* What a reader holds. */
struct pin {
    void *object;
    struct generation *slot;
};

/* Takes ownership of the first object. */
void generations_begin(struct generations *g, void *first, void (*drop)(void *object));
/* Drops the published object. No reader may be left. */
void generations_end(struct generations *g);

struct pin generations_pin(struct generations *g);
void generations_unpin(struct pin pin);
/* Publishes `next`, of which it takes ownership on success. NO_MEMORY: GENERATIONS_MAX - 1 older ones are being read.
 */
MUST_CHECK result generations_publish(struct generations *g, void *next);

#endif
