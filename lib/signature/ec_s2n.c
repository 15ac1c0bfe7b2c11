/* SPDX-License-Identifier: Apache-2.0
 *
 * ECDSA verification (FIPS 186-4, 6.4) over the routines of s2n-bignum. Only public numbers are handled here.
 */
#include "lib/signature/ec.h"

#ifdef TRUSTEE_EC_S2N

#include <stdatomic.h>
#include <stdlib.h>

#include "lib/signature/ec_curve.h"
#include "lib/signature/ec_routines.h"

/* The table of a key takes as long as a verification and saves more than half of each: a key that is used twice, as
 * the signer of Intel's two statements is on the first meeting, has none yet; one that comes back again gets it. */
#define USES_BEFORE_TABLE 2

/* Below: so many uses. */
enum table_state {
    TABLE_BEING_MADE = USES_BEFORE_TABLE + 1,
    TABLE_READY,
};

struct ec_key {
    enum key_type type;
    atomic_int state; /* uses, then enum table_state */
    uint64_t affine[EC_AFFINE_MAX];
    uint64_t table[]; /* EC_KEY_TABLE_WORDS */
};

/* Big-endian, at most as many bytes as the words hold. */
static void to_words(slice bytes, uint64_t *out)
{
    memset(out, 0, EC_WORDS_MAX * sizeof *out);
    for (size_t i = 0; i < bytes.len; i++)
        out[i / 8] |= (uint64_t)bytes.ptr[bytes.len - 1 - i] << i % 8 * 8;
}

static bool read_point(const struct ec_curve *c, slice point, uint64_t *affine)
{
    uint64_t x[EC_WORDS_MAX], y[EC_WORDS_MAX];
    size_t size = 8 * c->words;
    if (point.len != 2 * size)
        return false;
    to_words(slice_sub(point, 0, size), x);
    to_words(slice_sub(point, size, size), y);
    return ec_below(x, c->prime, c->words) && ec_below(y, c->prime, c->words) && ec_set_point(c, x, y, affine);
}

/* From 1 to the order less 1. */
static bool read_scalar(const struct ec_curve *c, slice number, uint64_t *out)
{
    if (number.len > 8 * c->words)
        return false;
    to_words(number, out);
    return !ec_is_zero(out, c->words) && ec_below(out, c->order, c->words);
}

/* x * y modulo the order */
static void multiply(const struct ec_curve *c, const uint64_t *x, const uint64_t *y, uint64_t *out)
{
    uint64_t t[EC_WORDS_MAX];
    bignum_montmul(c->words, t, x, c->order_r2, c->order);
    bignum_montmul(c->words, out, t, y, c->order);
}

/* Whether the point's x, as an integer modulo the order, is r: x = r, or r + order where that is below the prime. */
static bool has_x(const struct ec_curve *c, const uint64_t *point, const uint64_t *r)
{
    uint64_t z2[EC_WORDS_MAX], x[EC_WORDS_MAX], t[EC_WORDS_MAX], candidate[EC_WORDS_MAX];
    if (ec_is_zero(point + 2 * c->words, c->words))
        return false;
    c->with->sqr(z2, point + 2 * c->words);
    memcpy(candidate, r, sizeof candidate);
    for (int i = 0; i < 2; i++) {
        c->with->mul(t, candidate, c->prime_r2);
        c->with->mul(x, t, z2);
        if (memcmp(x, point, 8 * c->words) == 0)
            return true;
        unsigned __int128 carry = 0;
        for (size_t w = 0; w < c->words; w++) {
            carry += (unsigned __int128)r[w] + c->order[w];
            candidate[w] = (uint64_t)carry;
            carry >>= 64;
        }
        if (carry || !ec_below(candidate, c->prime, c->words))
            return false;
    }
    return false;
}

static result verify(const struct ec_curve *c, const uint64_t *affine, const uint64_t *table,
                     const struct raw_signature *signature, slice digest)
{
    uint64_t r[EC_WORDS_MAX], s[EC_WORDS_MAX], e[EC_WORDS_MAX], w[EC_WORDS_MAX], u1[EC_WORDS_MAX], u2[EC_WORDS_MAX];
    uint64_t point[EC_JACOBIAN_MAX], room[3 * EC_WORDS_MAX];
    ENSURE(read_scalar(c, signature->r, r) && read_scalar(c, signature->s, s), SIGNATURE_INVALID);
    to_words(slice_sub(digest, 0, 8 * c->words), w);
    c->with->reduce(e, w);
    bignum_modinv(c->words, w, s, c->order, room);
    multiply(c, e, w, u1);
    multiply(c, r, w, u2);
    ec_multiply(c, u1, u2, table, affine, point);
    ENSURE(has_x(c, point, r), SIGNATURE_INVALID);
    return OK;
}

result ec_verify_point(enum key_type curve, slice point, const struct raw_signature *signature, slice digest)
{
    const struct ec_curve *c = ec_curve_get(curve == KEY_P384);
    uint64_t affine[EC_AFFINE_MAX];
    ENSURE(read_point(c, point, affine), SIGNATURE_KEY);
    return verify(c, affine, NULL, signature, digest);
}

result ec_key_new(enum key_type curve, slice point, struct ec_key **out)
{
    const struct ec_curve *c = ec_curve_get(curve == KEY_P384);
    uint64_t affine[EC_AFFINE_MAX] = {0};
    *out = NULL;
    ENSURE(read_point(c, point, affine), SIGNATURE_KEY);
    struct ec_key *key = malloc(sizeof *key + EC_KEY_TABLE_WORDS(c->words) * sizeof *key->table);
    ENSURE(key, NO_MEMORY);
    key->type = curve;
    atomic_init(&key->state, 0);
    memcpy(key->affine, affine, sizeof affine);
    *out = key;
    return OK;
}

void ec_key_free(struct ec_key *key)
{
    free(key);
}

/* The key's table, made by one of those who come after enough uses; NULL until it is ready. */
static const uint64_t *table_of(const struct ec_curve *c, struct ec_key *key)
{
    int state = atomic_load_explicit(&key->state, memory_order_acquire);
    if (state == TABLE_READY)
        return key->table;
    if (state == TABLE_BEING_MADE || !atomic_compare_exchange_strong(&key->state, &state, state + 1) ||
        state < USES_BEFORE_TABLE)
        return NULL;
    ec_make_table(c, key->affine, EC_KEY_WINDOW, key->table);
    atomic_store_explicit(&key->state, TABLE_READY, memory_order_release);
    return key->table;
}

result ec_verify(const struct ec_key *key, const struct raw_signature *signature, slice digest)
{
    const struct ec_curve *c = ec_curve_get(key->type == KEY_P384);
    struct ec_key *shared = (struct ec_key *)(uintptr_t)key; /* its table is a cache, which changes no answer */
    return verify(c, key->affine, table_of(c, shared), signature, digest);
}

#endif
