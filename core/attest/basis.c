/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/basis.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/crypto/jose.h"

/* A digest over all values so far. */
struct sum {
    uint8_t bytes[32];
};

struct basis {
    struct policies *policies;
    struct refval *reference_values;
    pthread_mutex_t lock;
    uint64_t policy_number, value_number;
    char name[BASIS_SIZE + 1];
};

result basis_new(struct policies *policies, struct refval *reference_values, struct basis **out)
{
    struct basis *g = calloc(1, sizeof *g);
    ENSURE(g, NO_MEMORY);
    g->policies = policies;
    g->reference_values = reference_values;
    pthread_mutex_init(&g->lock, NULL);
    *out = g;
    return OK;
}

void basis_free(struct basis *g)
{
    if (!g)
        return;
    pthread_mutex_destroy(&g->lock);
    free(g);
}

static bool add_value(void *user, const struct refval_item *item)
{
    uint8_t digests[96];
    struct sum *sum = user;
    if (item->expired)
        return true;
    memcpy(digests, sum->bytes, 32);
    hash_sha256(item->name, digests + 32);
    hash_sha256(item->text, digests + 64);
    hash_sha256(slice_of(digests, sizeof digests), sum->bytes);
    return true;
}

static void make_name(struct basis *g, const struct refval_snapshot *values)
{
    struct sum sum;
    policies_appraisal_digest(g->policies, sum.bytes);
    refval_list(values, INT64_MIN, add_value, &sum);
    hex_encode((uint8_t *)g->name, slice_of(sum.bytes, BASIS_SIZE / 2));
}

void basis_name(struct basis *g, char out[BASIS_SIZE + 1])
{
    struct refval_pin pin = refval_pin(g->reference_values);
    uint64_t policy_number = policies_generation(g->policies), value_number = refval_generation(pin.snapshot);
    pthread_mutex_lock(&g->lock);
    if (!g->name[0] || g->policy_number != policy_number || g->value_number != value_number) {
        make_name(g, pin.snapshot);
        g->policy_number = policy_number;
        g->value_number = value_number;
    }
    memcpy(out, g->name, sizeof g->name);
    pthread_mutex_unlock(&g->lock);
    refval_unpin(g->reference_values, pin);
}
