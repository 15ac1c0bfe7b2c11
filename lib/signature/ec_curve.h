/* SPDX-License-Identifier: Apache-2.0
 *
 * Points of P-256 and P-384 in terms of s2n-bignum's routines, each of which is proven correct by its authors for the
 * arguments that it says it takes; what it leaves out (infinity, the sum of a point and itself) is handled here.
 * Nothing here is secret, and nothing runs in constant time.
 *
 * Numbers are little-endian arrays of 64-bit words, coordinates are in Montgomery form and below the field's prime.
 */
#ifndef LIB_SIGNATURE_EC_CURVE_H
#define LIB_SIGNATURE_EC_CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EC_WORDS_MAX 6
#define EC_BITS_MAX (64 * EC_WORDS_MAX)

/* A scalar is cut into so many parts that are worked off side by side: doublings are saved for table space. */
#define EC_PARTS 4
#define EC_KEY_WINDOW 6  /* digits of a key's scalar are odd and below 2^5 */
#define EC_BASE_WINDOW 8 /* and the base point's below 2^7 */
#define EC_ONCE_WINDOW 5 /* a point met once: no parts */
#define EC_ODD_MULTIPLES(window) ((size_t)1 << ((window)-2))
#define EC_AFFINE_MAX (2 * EC_WORDS_MAX)
#define EC_JACOBIAN_MAX (3 * EC_WORDS_MAX)
#define EC_KEY_TABLE_WORDS(words) (EC_PARTS * EC_ODD_MULTIPLES(EC_KEY_WINDOW) * 2 * (words))
#define EC_BASE_TABLE_WORDS(words) (EC_PARTS * EC_ODD_MULTIPLES(EC_BASE_WINDOW) * 2 * (words))

/* The routines for one curve and processor. Results never share memory with arguments. */
struct ec_routines {
    void (*mul)(uint64_t *z, const uint64_t *x, const uint64_t *y);
    void (*sqr)(uint64_t *z, const uint64_t *x);
    void (*add)(uint64_t *z, const uint64_t *x, const uint64_t *y);
    void (*sub)(uint64_t *z, const uint64_t *x, const uint64_t *y);
    void (*neg)(uint64_t *z, const uint64_t *x);
    void (*inverse)(uint64_t *z, const uint64_t *x); /* in Montgomery form; of 0: 0 */
    void (*point_add)(uint64_t *p3, const uint64_t *p1, const uint64_t *p2);
    void (*point_add_affine)(uint64_t *p3, const uint64_t *p1, const uint64_t *p2);
    void (*point_double)(uint64_t *p3, const uint64_t *p1);
    void (*reduce)(uint64_t *z, const uint64_t *x); /* modulo the order */
};

struct ec_curve {
    const struct ec_routines *with;
    size_t words;
    uint64_t prime[EC_WORDS_MAX], order[EC_WORDS_MAX];
    uint64_t prime_r2[EC_WORDS_MAX], order_r2[EC_WORDS_MAX]; /* 2^(128 * words) modulo each: to Montgomery form */
    uint64_t b[EC_WORDS_MAX], one[EC_WORDS_MAX];
    uint64_t base[EC_AFFINE_MAX];
    const uint64_t *base_table; /* of EC_BASE_WINDOW */
};

/* Made at the first call. `p384` or P-256. */
const struct ec_curve *ec_curve_get(bool p384);

bool ec_below(const uint64_t *x, const uint64_t *limit, size_t words);
bool ec_is_zero(const uint64_t *x, size_t words);
/* Two coordinates below the prime, not in Montgomery form, to an affine point. False when not on the curve. */
bool ec_set_point(const struct ec_curve *c, const uint64_t *x, const uint64_t *y, uint64_t *affine);
/* Odd multiples of 2^(i * bits / EC_PARTS) times the point, for each part i: affine, one after the other. */
void ec_make_table(const struct ec_curve *c, const uint64_t *affine, unsigned window, uint64_t *table);
/* u1 times the base point plus u2 times another, as a Jacobian point; Z is zero for infinity. `table` is the other's
 * of window EC_KEY_WINDOW; where it is NULL, the affine point is taken. */
void ec_multiply(const struct ec_curve *c, const uint64_t *u1, const uint64_t *u2, const uint64_t *table,
                 const uint64_t *affine, uint64_t *out);

#endif
