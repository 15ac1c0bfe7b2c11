/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/seal.h"

#include <stdlib.h>

#include "core/crypto/jose.h"
#include "core/crypto/primitives.h"

#define VERSION 1
#define KEY_SIZE 32
#define ID_SIZE 4
#define SALT_SIZE 16
#define HEAD_SIZE (1 + ID_SIZE + SALT_SIZE)
#define PLAINTEXT_MAX 4096
#define PURPOSE_MAX 128

struct master {
    uint8_t id[ID_SIZE];
    uint8_t key[KEY_SIZE];
};

struct sealer {
    size_t count;
    struct master keys[2];
};

static void master_set(struct master *m, slice key)
{
    uint8_t digest[32];
    memcpy(m->key, key.ptr, KEY_SIZE);
    hash_parts(algorithms()->sha256, (slice[]){S("trustee seal id"), key}, 2, digest);
    memcpy(m->id, digest, ID_SIZE);
}

result sealer_new(slice active, slice retiring, struct sealer **out)
{
    *out = NULL;
    ENSURE(active.len == KEY_SIZE && (retiring.len == 0 || retiring.len == KEY_SIZE), CONFIG_VALUE);
    struct sealer *s = calloc(1, sizeof *s);
    ENSURE(s, NO_MEMORY);
    master_set(&s->keys[s->count++], active);
    if (retiring.len)
        master_set(&s->keys[s->count++], retiring);
    *out = s;
    return OK;
}

void sealer_free(struct sealer *s)
{
    if (s)
        secret_wipe(s, sizeof *s);
    free(s);
}

/* One derived key with what it is bound to; wiped by its user. */
struct derived {
    uint8_t key[GCM_KEY];
    uint8_t aad[1 + PURPOSE_MAX];
    struct gcm gcm;
};

/* The nonce may be zero because the salt makes every key one that is used once. */
static void derive(struct derived *d, const struct master *m, slice salt, slice purpose)
{
    static const uint8_t zero_nonce[GCM_IV];
    hkdf_sha256(slice_of(m->key, KEY_SIZE), salt, d->key);
    d->aad[0] = VERSION;
    memcpy(d->aad + 1, purpose.ptr, purpose.len);
    d->gcm = (struct gcm){slice_of(d->key, GCM_KEY), slice_of(zero_nonce, GCM_IV), slice_of(d->aad, 1 + purpose.len)};
}

static result seal_bytes(const struct master *m, slice purpose, slice plaintext, uint8_t *out)
{
    struct derived d;
    out[0] = VERSION;
    memcpy(out + 1, m->id, ID_SIZE);
    TRY(random_bytes(out + 1 + ID_SIZE, SALT_SIZE));
    derive(&d, m, slice_of(out + 1 + ID_SIZE, SALT_SIZE), purpose);
    result r = gcm_seal(&d.gcm, plaintext, out + HEAD_SIZE);
    secret_wipe(&d, sizeof d);
    return r;
}

result seal(const struct sealer *s, slice purpose, slice plaintext, struct arena *a, slice *out)
{
    uint8_t sealed[SEAL_OVERHEAD + PLAINTEXT_MAX];
    *out = NO_SLICE;
    ENSURE(plaintext.len <= PLAINTEXT_MAX && purpose.len && purpose.len <= PURPOSE_MAX, INTERNAL);
    TRY(seal_bytes(&s->keys[0], purpose, plaintext, sealed));
    struct text t = text_begin(a);
    text_base64url(&t, slice_of(sealed, SEAL_OVERHEAD + plaintext.len));
    *out = text_end(&t);
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}

static const struct master *master_find(const struct sealer *s, slice id)
{
    for (size_t i = 0; i < s->count; i++)
        if (slice_equal(id, slice_of(s->keys[i].id, ID_SIZE)))
            return &s->keys[i];
    return NULL;
}

static bool open_bytes(const struct sealer *s, slice purpose, slice sealed, uint8_t *out)
{
    struct reader r = reader_of(sealed);
    uint8_t version;
    slice id, salt, ciphertext, tag;
    if (!read_u8(&r, &version) || !read_bytes(&r, ID_SIZE, &id) || !read_bytes(&r, SALT_SIZE, &salt) ||
        !read_bytes(&r, sealed.len - SEAL_OVERHEAD, &ciphertext) || !read_bytes(&r, GCM_TAG, &tag))
        return false;
    const struct master *m = version == VERSION ? master_find(s, id) : NULL;
    if (!m)
        return false;
    struct derived d;
    derive(&d, m, salt, purpose);
    bool good = gcm_open(&d.gcm, ciphertext, tag, out);
    secret_wipe(&d, sizeof d);
    return good;
}

result unseal(const struct sealer *s, slice purpose, slice text, struct arena *a, slice *out)
{
    uint8_t sealed[SEAL_OVERHEAD + PLAINTEXT_MAX];
    size_t length, used = a->used;
    *out = NO_SLICE;
    ENSURE(purpose.len && purpose.len <= PURPOSE_MAX, INTERNAL);
    ENSURE(base64url_decode(sealed, sizeof sealed, text, &length) && length >= SEAL_OVERHEAD, SESSION_COOKIE);
    uint8_t *plaintext = arena_alloc(a, length - SEAL_OVERHEAD, 1);
    ENSURE(plaintext, NO_MEMORY);
    if (!open_bytes(s, purpose, slice_of(sealed, length), plaintext)) {
        a->used = used;
        return FAIL(SESSION_COOKIE);
    }
    *out = slice_of(plaintext, length - SEAL_OVERHEAD);
    return OK;
}
