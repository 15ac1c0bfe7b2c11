/* SPDX-License-Identifier: Apache-2.0 */
#include "core/token/revocation.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SPACE S("kbs")
#define KEY S("revoked-before")

struct revocation {
    const struct store *store;
    pthread_mutex_t change;
    _Atomic int64_t before;
};

static result load(struct revocation *r, struct trustee_request *req)
{
    slice text;
    uint64_t before;
    result found = store_get(r->store, req, SPACE, KEY, req->scratch, 64, &text);
    if (found.reason == RELEASE_NOT_FOUND)
        return OK;
    TRY(found);
    ENSURE(slice_u64(text, &before) && before <= INT64_MAX, TOKEN_CLAIMS);
    atomic_store(&r->before, (int64_t)before);
    return OK;
}

result revocation_open(const struct store *store, struct trustee_request *req, struct revocation **out)
{
    struct revocation *r = calloc(1, sizeof *r);
    ENSURE(r, NO_MEMORY);
    r->store = store;
    pthread_mutex_init(&r->change, NULL);
    result loaded = load(r, req);
    if (FAILED(loaded)) {
        revocation_close(r);
        return loaded;
    }
    *out = r;
    return OK;
}

void revocation_close(struct revocation *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->change);
    free(r);
}

int64_t revocation_before(const struct revocation *r)
{
    return r ? atomic_load(&r->before) : 0;
}

result revocation_set(struct revocation *r, struct trustee_request *req, int64_t before)
{
    result stored = OK;
    pthread_mutex_lock(&r->change);
    if (before > atomic_load(&r->before)) {
        slice text = arena_printf(req->scratch, "%lld", (long long)before);
        stored = text.ptr ? store_put(r->store, req, SPACE, KEY, text) : FAIL(NO_MEMORY);
        if (!FAILED(stored))
            atomic_store(&r->before, before);
    }
    pthread_mutex_unlock(&r->change);
    return stored;
}
