/* SPDX-License-Identifier: Apache-2.0
 *
 * ECDSA verification against OpenSSL's own points: signatures are made from the two factors that the verifier will
 * multiply with, so that every corner of its arithmetic can be asked for.
 */
#include "lib/signature/ec.h"

#include <criterion/criterion.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <pthread.h>

struct curve {
    enum key_type type;
    size_t size;
    EC_GROUP *group;
    const BIGNUM *order;
    BIGNUM *prime;
};

static struct curve curves[2];
static BN_CTX *ctx;

static void begin(void)
{
    static const int names[] = {NID_X9_62_prime256v1, NID_secp384r1};
    ctx = BN_CTX_new();
    for (int i = 0; i < 2; i++) {
        struct curve *c = &curves[i];
        c->type = i ? KEY_P384 : KEY_P256;
        c->size = ec_field_size(c->type);
        c->group = EC_GROUP_new_by_curve_name(names[i]);
        c->order = EC_GROUP_get0_order(c->group);
        c->prime = BN_new();
        cr_assert(EC_GROUP_get_curve(c->group, c->prime, NULL, NULL, ctx) == 1);
    }
}

static void end(void)
{
    for (int i = 0; i < 2; i++) {
        EC_GROUP_free(curves[i].group);
        BN_free(curves[i].prime);
    }
    BN_CTX_free(ctx);
}

TestSuite(ec, .init = begin, .fini = end, .timeout = 120);

/* A signature as the verifier gets it. */
struct sample {
    uint8_t point[96], r[48], s[48], digest[48];
    size_t size;
};

static struct raw_signature raw_of(const struct sample *v)
{
    return (struct raw_signature){
        .scheme = SIGNATURE_ECDSA, .r = slice_of(v->r, v->size), .s = slice_of(v->s, v->size)};
}

static slice point_of(const struct sample *v)
{
    return slice_of(v->point, 2 * v->size);
}

static void set_point(const struct curve *c, const EC_POINT *p, struct sample *out)
{
    uint8_t octets[97];
    cr_assert(EC_POINT_point2oct(c->group, p, POINT_CONVERSION_UNCOMPRESSED, octets, sizeof octets, ctx) ==
              1 + 2 * c->size);
    memcpy(out->point, octets + 1, 2 * c->size);
}

static void set_number(const struct curve *c, const BIGNUM *n, uint8_t *out)
{
    cr_assert(BN_bn2binpad(n, out, (int)c->size) == (int)c->size);
}

/* For the key d * G, the signature whose verification computes u1 * G + u2 * Q; false where that is infinity. Then r is
 * any number, and the signature must not hold. u2 is not zero. */
static bool sample_of(const struct curve *c, const BIGNUM *d, const BIGNUM *u1, const BIGNUM *u2, struct sample *out)
{
    EC_POINT *q = EC_POINT_new(c->group), *sum = EC_POINT_new(c->group);
    BIGNUM *r = BN_new(), *s = BN_new(), *e = BN_new();
    *out = (struct sample){.size = c->size};
    cr_assert(EC_POINT_mul(c->group, q, d, NULL, NULL, ctx) == 1);
    cr_assert(EC_POINT_mul(c->group, sum, u1, q, u2, ctx) == 1);
    bool finite = !EC_POINT_is_at_infinity(c->group, sum);
    if (finite)
        cr_assert(EC_POINT_get_affine_coordinates(c->group, sum, r, NULL, ctx) == 1);
    else
        BN_set_word(r, 12345);
    cr_assert(BN_nnmod(r, r, c->order, ctx) == 1);
    cr_assert(BN_mod_inverse(s, u2, c->order, ctx) && BN_mod_mul(s, s, r, c->order, ctx) == 1);
    cr_assert(BN_mod_mul(e, u1, s, c->order, ctx) == 1);
    set_point(c, q, out);
    set_number(c, r, out->r);
    set_number(c, s, out->s);
    set_number(c, e, out->digest);
    EC_POINT_free(q);
    EC_POINT_free(sum);
    BN_free(r);
    BN_free(s);
    BN_free(e);
    return finite;
}

/* All ways agree: a point met once, a key before, when and after it gets its table, and OpenSSL. */
static void expect(const struct curve *c, const struct sample *v, enum reason why, const char *what)
{
    struct raw_signature raw = raw_of(v);
    slice digest = slice_of(v->digest, v->size);
    struct ec_key *key;
    cr_expect(ec_verify_point(c->type, point_of(v), &raw, digest).reason == why, "%s once", what);
    cr_expect(ec_openssl_verify_point(c->type, point_of(v), &raw, digest).reason == why, "%s by OpenSSL", what);
    cr_assert(!FAILED(ec_key_new(c->type, point_of(v), &key)), "%s", what);
    for (int use = 1; use <= 4; use++)
        cr_expect(ec_verify(key, &raw, digest).reason == why, "%s, use %d", what, use);
    ec_key_free(key);
}

/* --- corners of the arithmetic */

/* Numbers at the ends, around powers of two, and with long runs of ones and zeros. */
static size_t corner_numbers(const struct curve *c, BIGNUM **out)
{
    size_t n = 0;
    for (BN_ULONG w = 0; w < 4; w++) {
        out[n] = BN_new();
        BN_set_word(out[n++], w);
    }
    for (BN_ULONG w = 1; w < 4; w++) {
        out[n] = BN_dup(c->order);
        BN_sub_word(out[n++], w);
    }
    static const int shifts[] = {5, 7, 31, 63, 64, 65, 95, 96, 127, 128, 191, 192, 255};
    for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++) {
        out[n] = BN_new();
        BN_set_bit(out[n], shifts[i]);
        out[n + 1] = BN_dup(out[n]);
        BN_sub_word(out[n + 1], 1);
        n += 2;
    }
    out[n] = BN_dup(c->order);
    BN_rshift1(out[n], out[n]);
    out[n + 1] = BN_dup(out[n]);
    BN_add_word(out[n + 1], 1);
    return n + 2;
}

Test(ec, every_pair_of_corner_factors_holds)
{
    BIGNUM *numbers[64];
    for (int i = 0; i < 2; i++) {
        struct curve *c = &curves[i];
        size_t count = corner_numbers(c, numbers);
        BIGNUM *d = BN_new();
        BN_set_word(d, 0xabcdef);
        for (size_t a = 0; a < count; a++)
            for (size_t b = 1; b < count; b++) { /* u2 = 0 would make s infinite */
                struct sample v;
                bool finite = sample_of(c, d, numbers[a], numbers[b], &v);
                expect(c, &v, finite ? REASON_OK : SIGNATURE_INVALID, "a pair");
            }
        for (size_t a = 0; a < count; a++)
            BN_free(numbers[a]);
        BN_free(d);
    }
}

Test(ec, keys_that_are_the_base_point_or_near_it_hold)
{
    BIGNUM *numbers[64];
    for (int i = 0; i < 2; i++) {
        struct curve *c = &curves[i];
        size_t count = corner_numbers(c, numbers);
        for (int near = 1; near <= 5; near++)
            for (int negative = 0; negative < 2; negative++) {
                BIGNUM *d = BN_new();
                BN_set_word(d, (BN_ULONG)near);
                if (negative)
                    BN_sub(d, c->order, d);
                for (size_t a = 0; a < count; a++) {
                    struct sample v;
                    bool finite = sample_of(c, d, numbers[a], numbers[count - 1 - a % (count - 1)], &v);
                    expect(c, &v, finite ? REASON_OK : SIGNATURE_INVALID, "near the base point");
                }
                BN_free(d);
            }
        for (size_t a = 0; a < count; a++)
            BN_free(numbers[a]);
    }
}

Test(ec, a_sum_that_is_infinity_is_refused_and_one_of_equal_points_holds)
{
    for (int i = 0; i < 2; i++) {
        struct curve *c = &curves[i];
        BIGNUM *d = BN_new(), *u1 = BN_new(), *u2 = BN_new();
        for (int n = 0; n < 20; n++) {
            struct sample v;
            cr_assert(BN_rand_range(d, c->order) && BN_rand_range(u2, c->order));
            cr_assert(BN_mod_mul(u1, u2, d, c->order, ctx) == 1);
            cr_expect(sample_of(c, d, u1, u2, &v));
            expect(c, &v, REASON_OK, "u1 * G = u2 * Q");
            BN_sub(u1, c->order, u1);
            cr_expect(!sample_of(c, d, u1, u2, &v));
            expect(c, &v, SIGNATURE_INVALID, "u1 * G = -u2 * Q");
        }
        BN_free(d);
        BN_free(u1);
        BN_free(u2);
    }
}

/* x of the sum between order and prime: about one in 2^32 (P-256) and 2^190 signatures, made from the point here. */
Test(ec, an_x_beyond_the_order_counts_modulo_the_order_and_only_so)
{
    for (int i = 0; i < 2; i++) {
        struct curve *c = &curves[i];
        EC_POINT *sum = EC_POINT_new(c->group), *q = EC_POINT_new(c->group);
        BIGNUM *x = BN_dup(c->order), *r = BN_new(), *s = BN_new(), *e = BN_new(), *a = BN_new(), *b = BN_new();
        BN_set_word(s, 0x1234567);
        BN_set_word(e, 0x89abcde);
        do /* the next x that a point has */
            BN_add_word(x, 1);
        while (EC_POINT_set_compressed_coordinates(c->group, sum, x, 0, ctx) != 1);
        cr_assert(BN_cmp(x, c->prime) < 0 && BN_sub(r, x, c->order));
        /* Q = (s * R - e * G) / r */
        cr_assert(BN_mod_inverse(a, r, c->order, ctx) && BN_mod_mul(b, a, s, c->order, ctx));
        cr_assert(BN_mod_mul(a, a, e, c->order, ctx) && BN_sub(a, c->order, a));
        cr_assert(EC_POINT_mul(c->group, q, a, sum, b, ctx) == 1);
        struct sample v = {.size = c->size};
        set_point(c, q, &v);
        set_number(c, r, v.r);
        set_number(c, s, v.s);
        set_number(c, e, v.digest);
        expect(c, &v, REASON_OK, "x - order");
        set_number(c, x, v.r);
        expect(c, &v, SIGNATURE_INVALID, "x itself");
        EC_POINT_free(sum);
        EC_POINT_free(q);
        BN_free(x);
        BN_free(r);
        BN_free(s);
        BN_free(e);
        BN_free(a);
        BN_free(b);
    }
}

Test(ec, random_signatures_hold_and_changed_ones_do_not)
{
    for (int i = 0; i < 2; i++) {
        struct curve *c = &curves[i];
        BIGNUM *d = BN_new(), *u1 = BN_new(), *u2 = BN_new();
        for (int n = 0; n < 300; n++) {
            struct sample v;
            cr_assert(BN_rand_range(d, c->order) && BN_rand_range(u1, c->order) && BN_rand_range(u2, c->order));
            if (BN_is_zero(u2) || BN_is_zero(d) || !sample_of(c, d, u1, u2, &v))
                continue;
            expect(c, &v, REASON_OK, "random");
            v.digest[n % (int)c->size] ^= (uint8_t)(1 << n % 8);
            expect(c, &v, SIGNATURE_INVALID, "changed");
        }
        BN_free(d);
        BN_free(u1);
        BN_free(u2);
    }
}

/* --- what is refused */

static void some(const struct curve *c, struct sample *out)
{
    BIGNUM *d = BN_new(), *u1 = BN_new(), *u2 = BN_new();
    BN_set_word(d, 77777);
    BN_set_word(u1, 88888);
    BN_set_word(u2, 99999);
    cr_assert(sample_of(c, d, u1, u2, out));
    BN_free(d);
    BN_free(u1);
    BN_free(u2);
}

Test(ec, r_and_s_from_1_to_the_order_less_1_alone)
{
    for (int i = 0; i < 2; i++) {
        struct curve *c = &curves[i];
        BIGNUM *more = BN_dup(c->order);
        uint8_t bad[5][48] = {{0}};
        set_number(c, c->order, bad[1]);
        BN_add_word(more, 1);
        set_number(c, more, bad[2]);
        set_number(c, c->prime, bad[3]);
        memset(bad[4], 0xff, sizeof bad[4]);
        BN_free(more);
        for (size_t b = 0; b < 5; b++) {
            struct sample v;
            some(c, &v);
            memcpy(v.r, bad[b], c->size);
            expect(c, &v, SIGNATURE_INVALID, "r");
            some(c, &v);
            memcpy(v.s, bad[b], c->size);
            expect(c, &v, SIGNATURE_INVALID, "s");
            memcpy(v.r, bad[b], c->size);
            expect(c, &v, SIGNATURE_INVALID, "both");
        }
    }
}

Test(ec, numbers_may_be_shorter_or_have_leading_zeros_up_to_the_orders_length)
{
    for (int i = 0; i < 2; i++) {
        struct curve *c = &curves[i];
        struct sample v;
        uint8_t longer[49] = {0};
        BIGNUM *d = BN_new(), *s = BN_new();
        some(c, &v);
        struct raw_signature raw = raw_of(&v);
        memcpy(longer + 1, v.r, c->size);
        raw.r = slice_of(longer, c->size + 1);
        cr_expect(ec_verify_point(c->type, point_of(&v), &raw, slice_of(v.digest, c->size)).reason ==
                  SIGNATURE_INVALID);
        raw.r = NO_SLICE;
        cr_expect(ec_verify_point(c->type, point_of(&v), &raw, slice_of(v.digest, c->size)).reason ==
                  SIGNATURE_INVALID);
        /* s = 3: u2 = r / 3, u1 = e / 3 for the sum of a chosen factor */
        EC_POINT *p = EC_POINT_new(c->group), *q = EC_POINT_new(c->group);
        BN_set_word(d, 4711);
        cr_assert(EC_POINT_mul(c->group, p, d, NULL, NULL, ctx) == 1);
        cr_assert(EC_POINT_get_affine_coordinates(c->group, p, d, NULL, ctx) == 1);
        set_number(c, d, v.r); /* Q = 3 * P / r for the digest 0 */
        cr_assert(BN_mod_inverse(s, d, c->order, ctx) && BN_mul_word(s, 3));
        cr_assert(EC_POINT_mul(c->group, q, NULL, p, s, ctx) == 1);
        set_point(c, q, &v);
        memset(v.digest, 0, sizeof v.digest);
        memset(v.s, 0, sizeof v.s);
        v.s[c->size - 1] = 3;
        expect(c, &v, REASON_OK, "leading zeros");
        raw = raw_of(&v);
        raw.s = S("\x03");
        cr_expect(!FAILED(ec_verify_point(c->type, point_of(&v), &raw, slice_of(v.digest, c->size))));
        EC_POINT_free(p);
        EC_POINT_free(q);
        BN_free(d);
        BN_free(s);
    }
}

static void refuses_point(const struct curve *c, slice point, const struct sample *v)
{
    struct raw_signature raw = raw_of(v);
    slice digest = slice_of(v->digest, v->size);
    struct ec_key *key;
    cr_expect(ec_verify_point(c->type, point, &raw, digest).reason == SIGNATURE_KEY);
    cr_expect(ec_openssl_verify_point(c->type, point, &raw, digest).reason == SIGNATURE_KEY);
    cr_expect(ec_key_new(c->type, point, &key).reason == SIGNATURE_KEY && !key);
}

Test(ec, points_off_the_curve_and_coordinates_beyond_the_prime_are_refused)
{
    for (int i = 0; i < 2; i++) {
        struct curve *c = &curves[i];
        struct sample v, w;
        some(c, &v);
        for (size_t bit = 0; bit < 16 * c->size; bit += 5) {
            w = v;
            w.point[bit / 8] ^= (uint8_t)(1 << bit % 8);
            refuses_point(c, point_of(&w), &v);
        }
        memset(w.point, 0, sizeof w.point);
        refuses_point(c, point_of(&w), &v); /* how infinity is often written */
        memset(w.point, 0xff, sizeof w.point);
        refuses_point(c, point_of(&w), &v);
        refuses_point(c, slice_sub(point_of(&v), 0, 2 * c->size - 1), &v);
        refuses_point(c, slice_sub(point_of(&v), 0, c->size), &v);
        refuses_point(c, NO_SLICE, &v);
    }
}

/* x = 0 is on both curves; x = prime would be the same number in another form. */
Test(ec, zero_written_as_the_prime_is_refused)
{
    for (int i = 0; i < 2; i++) {
        struct curve *c = &curves[i];
        struct sample v, w;
        struct ec_key *key;
        EC_POINT *p = EC_POINT_new(c->group);
        BIGNUM *zero = BN_new();
        some(c, &v);
        w = v;
        cr_assert(EC_POINT_set_compressed_coordinates(c->group, p, zero, 0, ctx) == 1);
        set_point(c, p, &w);
        cr_expect(!FAILED(ec_key_new(c->type, point_of(&w), &key)));
        ec_key_free(key);
        set_number(c, c->prime, w.point);
        refuses_point(c, point_of(&w), &v);
        EC_POINT_free(p);
        BN_free(zero);
    }
}

Test(ec, a_point_of_the_other_curve_is_refused)
{
    struct sample small, large;
    some(&curves[0], &small);
    some(&curves[1], &large);
    refuses_point(&curves[0], point_of(&large), &small);
    refuses_point(&curves[1], point_of(&small), &large);
}

/* --- digests */

/* FIPS 186-4, 6.4: the leftmost bits of a digest that is longer than the order; a shorter one as it is. */
Test(ec, digests_are_cut_to_the_order_and_reduced)
{
    for (int i = 0; i < 2; i++) {
        struct curve *c = &curves[i];
        struct sample v;
        uint8_t digest[64];
        some(c, &v);
        struct raw_signature raw = raw_of(&v);
        memset(digest, 0xee, sizeof digest);
        memcpy(digest, v.digest, c->size);
        cr_expect(!FAILED(ec_verify_point(c->type, point_of(&v), &raw, slice_of(digest, 64))));
        cr_expect(!FAILED(ec_openssl_verify_point(c->type, point_of(&v), &raw, slice_of(digest, 64))));
        cr_expect(FAILED(ec_verify_point(c->type, point_of(&v), &raw, slice_of(digest, c->size - 1))));
        BIGNUM *e = BN_bin2bn(v.digest, (int)c->size, NULL);
        BN_add(e, e, c->order); /* the same modulo the order, where it fits */
        if (BN_num_bytes(e) <= (int)c->size) {
            set_number(c, e, v.digest);
            expect(c, &v, REASON_OK, "a digest beyond the order");
        }
        BN_free(e);
    }
    /* 0xff… is beyond the order of both. */
    for (int i = 0; i < 2; i++) {
        struct curve *c = &curves[i];
        struct sample v;
        BIGNUM *e = BN_new(), *d = BN_new(), *u2 = BN_new();
        memset(v.digest, 0xff, sizeof v.digest);
        BN_bin2bn(v.digest, (int)c->size, e);
        BN_mod(e, e, c->order, ctx);
        BN_set_word(d, 3);
        /* u1 = e / s, u2 = r / s: any r and s of R = u1 G + u2 Q would do; take u2 = r / s with s = 1. */
        EC_POINT *p = EC_POINT_new(c->group), *q = EC_POINT_new(c->group);
        BIGNUM *r = BN_new();
        cr_assert(EC_POINT_mul(c->group, p, d, NULL, NULL, ctx) &&
                  EC_POINT_get_affine_coordinates(c->group, p, r, NULL, ctx));
        cr_assert(BN_mod_inverse(u2, r, c->order, ctx) && BN_mod_mul(d, u2, e, c->order, ctx) &&
                  BN_sub(d, c->order, d));
        cr_assert(EC_POINT_mul(c->group, q, d, p, u2, ctx)); /* Q = (R - e G) / r */
        v.size = c->size;
        set_point(c, q, &v);
        set_number(c, r, v.r);
        memset(v.s, 0, sizeof v.s);
        v.s[c->size - 1] = 1;
        expect(c, &v, REASON_OK, "a digest of ones");
        EC_POINT_free(p);
        EC_POINT_free(q);
        BN_free(r);
        BN_free(e);
        BN_free(d);
        BN_free(u2);
    }
}

/* --- threads */

static struct ec_key *shared;
static struct sample shared_sample;

static void *verifies(void *wrong)
{
    struct raw_signature raw = raw_of(&shared_sample);
    for (int i = 0; i < 200; i++)
        if (FAILED(ec_verify(shared, &raw, slice_of(shared_sample.digest, shared_sample.size))))
            *(bool *)wrong = true;
    return NULL;
}

Test(ec, a_key_serves_many_threads_while_its_table_is_made)
{
    for (int round = 0; round < 20; round++) {
        pthread_t threads[8];
        bool wrong[8] = {false};
        struct curve *c = &curves[round % 2];
        some(c, &shared_sample);
        cr_assert(!FAILED(ec_key_new(c->type, point_of(&shared_sample), &shared)));
        for (int t = 0; t < 8; t++)
            cr_assert(pthread_create(&threads[t], NULL, verifies, &wrong[t]) == 0);
        for (int t = 0; t < 8; t++) {
            pthread_join(threads[t], NULL);
            cr_expect(!wrong[t]);
        }
        ec_key_free(shared);
    }
}
