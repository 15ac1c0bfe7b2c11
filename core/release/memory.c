/* SPDX-License-Identifier: Apache-2.0 */
#include "core/release/memory.h"

#include <pthread.h>
#include <stdlib.h>

#define SLOTS 1024u /* a power of two */
#define LOCKS 16u

struct release_memory {
    pthread_mutex_t locks[LOCKS];
    uint8_t keys[SLOTS][32]; /* all zero: empty, as no digest is */
};

result release_memory_new(struct release_memory **out)
{
    struct release_memory *m = calloc(1, sizeof *m);
    ENSURE(m, NO_MEMORY);
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&m->locks[i], NULL);
    *out = m;
    return OK;
}

void release_memory_free(struct release_memory *m)
{
    free(m);
}

static size_t slot_of(const uint8_t key[32])
{
    return ((size_t)key[0] | (size_t)key[1] << 8) & (SLOTS - 1);
}

bool release_memory_has(struct release_memory *m, const uint8_t key[32])
{
    size_t slot = slot_of(key);
    pthread_mutex_lock(&m->locks[slot % LOCKS]);
    bool found = memcmp(m->keys[slot], key, 32) == 0;
    pthread_mutex_unlock(&m->locks[slot % LOCKS]);
    return found;
}

void release_memory_add(struct release_memory *m, const uint8_t key[32])
{
    size_t slot = slot_of(key);
    pthread_mutex_lock(&m->locks[slot % LOCKS]);
    memcpy(m->keys[slot], key, 32);
    pthread_mutex_unlock(&m->locks[slot % LOCKS]);
}
