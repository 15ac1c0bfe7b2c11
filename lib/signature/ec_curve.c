/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/signature/ec_curve.h"

#ifdef TRUSTEE_EC_S2N

#include <string.h>
#include <threads.h>

#include "lib/signature/ec_routines.h"

#define ROUTINES(curve, words_of_order, alt)                                                               \
    {                                                                                                      \
        .mul = bignum_montmul_##curve##alt, .sqr = bignum_montsqr_##curve##alt, .add = bignum_add_##curve, \
        .sub = bignum_sub_##curve, .neg = bignum_neg_##curve, .inverse = bignum_montinv_##curve,           \
        .point_add = curve##_montjadd##alt, .point_add_affine = curve##_montjmixadd##alt,                  \
        .point_double = curve##_montjdouble##alt, .reduce = bignum_mod_##words_of_order,                   \
    }

static const struct ec_routines P256 = ROUTINES(p256, n256_4, );
static const struct ec_routines P384 = ROUTINES(p384, n384_6, );

/* Processors that lack BMI2 and ADX take other routines. */
#ifdef __x86_64__
#include <cpuid.h>

static const struct ec_routines P256_OLD = ROUTINES(p256, n256_4, _alt);
static const struct ec_routines P384_OLD = ROUTINES(p384, n384_6, _alt);

static bool is_old(void)
{
    unsigned eax, ebx = 0, ecx, edx;
    return !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !(ebx & bit_BMI2) || !(ebx & bit_ADX);
}
#else
#define P256_OLD P256
#define P384_OLD P384

static bool is_old(void)
{
    return false;
}
#endif

/* FIPS 186-4, D.1.2.3 and D.1.2.4; b and the base point are brought into Montgomery form at the first use. */
static struct ec_curve curves[2] = {
    {
        .words = 4,
        .prime = {UINT64_MAX, 0x00000000ffffffff, 0, 0xffffffff00000001},
        .order = {0xf3b9cac2fc632551, 0xbce6faada7179e84, UINT64_MAX, 0xffffffff00000000},
        .b = {0x3bce3c3e27d2604b, 0x651d06b0cc53b0f6, 0xb3ebbd55769886bc, 0x5ac635d8aa3a93e7},
        .base = {0xf4a13945d898c296, 0x77037d812deb33a0, 0xf8bce6e563a440f2, 0x6b17d1f2e12c4247, 0xcbb6406837bf51f5,
                 0x2bce33576b315ece, 0x8ee7eb4a7c0f9e16, 0x4fe342e2fe1a7f9b},
    },
    {
        .words = 6,
        .prime = {0x00000000ffffffff, 0xffffffff00000000, 0xfffffffffffffffe, UINT64_MAX, UINT64_MAX, UINT64_MAX},
        .order = {0xecec196accc52973, 0x581a0db248b0a77a, 0xc7634d81f4372ddf, UINT64_MAX, UINT64_MAX, UINT64_MAX},
        .b = {0x2a85c8edd3ec2aef, 0xc656398d8a2ed19d, 0x0314088f5013875a, 0x181d9c6efe814112, 0x988e056be3f82d19,
              0xb3312fa7e23ee7e4},
        .base = {0x3a545e3872760ab7, 0x5502f25dbf55296c, 0x59f741e082542a38, 0x6e1d3b628ba79b98, 0x8eb1c71ef320ad74,
                 0xaa87ca22be8b0537, 0x7a431d7c90ea0e5f, 0x0a60b1ce1d7e819d, 0xe9da3113b5f0b8c0, 0xf8f41dbd289a147c,
                 0x5d9e98bf9292dc29, 0x3617de4a96262c6f},
    },
};
static uint64_t base_tables[2][EC_BASE_TABLE_WORDS(EC_WORDS_MAX)];

/* --- numbers */

bool ec_is_zero(const uint64_t *x, size_t words)
{
    uint64_t any = 0;
    for (size_t i = 0; i < words; i++)
        any |= x[i];
    return any == 0;
}

bool ec_below(const uint64_t *x, const uint64_t *limit, size_t words)
{
    for (size_t i = words; i-- > 0;)
        if (x[i] != limit[i])
            return x[i] < limit[i];
    return false;
}

static void copy(uint64_t *to, const uint64_t *from, size_t words)
{
    memcpy(to, from, words * sizeof *to);
}

static bool same(const uint64_t *x, const uint64_t *y, size_t words)
{
    return memcmp(x, y, words * sizeof *x) == 0;
}

/* --- points */

static bool is_infinite(const struct ec_curve *c, const uint64_t *p)
{
    return ec_is_zero(p + 2 * c->words, c->words);
}

static void to_jacobian(const struct ec_curve *c, const uint64_t *affine, uint64_t *p)
{
    copy(p, affine, 2 * c->words);
    copy(p + 2 * c->words, c->one, c->words);
}

/* Of two points with the same x: y1 / z1^3 against y2 / z2^3. */
static bool has_same_y(const struct ec_curve *c, const uint64_t *p, const uint64_t *q)
{
    const struct ec_routines *f = c->with;
    const uint64_t *yp = p + c->words, *zp = p + 2 * c->words, *yq = q + c->words, *zq = q + 2 * c->words;
    uint64_t s[EC_WORDS_MAX], t[EC_WORDS_MAX], left[EC_WORDS_MAX], right[EC_WORDS_MAX];
    f->sqr(s, zq);
    f->mul(t, s, zq);
    f->mul(left, t, yp);
    f->sqr(s, zp);
    f->mul(t, s, zp);
    f->mul(right, t, yq);
    return same(left, right, c->words);
}

/* *acc += q, using *other as room for the result: the two change places. The formulas for a sum give Z = 0 where the
 * points have the same x; then the sum is a double, or infinity, which Z = 0 means. */
static void accumulate(const struct ec_curve *c, uint64_t **acc, uint64_t **other, const uint64_t *q, bool affine)
{
    uint64_t *sum = *other, jacobian[EC_JACOBIAN_MAX];
    if (is_infinite(c, *acc)) {
        if (affine)
            to_jacobian(c, q, *acc);
        else
            copy(*acc, q, 3 * c->words);
        return;
    }
    if (affine)
        c->with->point_add_affine(sum, *acc, q);
    else
        c->with->point_add(sum, *acc, q);
    if (is_infinite(c, sum)) {
        if (affine)
            to_jacobian(c, q, jacobian);
        else
            copy(jacobian, q, 3 * c->words);
        if (!is_infinite(c, jacobian) && has_same_y(c, *acc, jacobian))
            c->with->point_double(sum, jacobian);
    }
    *other = *acc;
    *acc = sum;
}

bool ec_set_point(const struct ec_curve *c, const uint64_t *x, const uint64_t *y, uint64_t *affine)
{
    const struct ec_routines *f = c->with;
    uint64_t *mx = affine, *my = affine + c->words;
    uint64_t left[EC_WORDS_MAX], right[EC_WORDS_MAX], s[EC_WORDS_MAX], t[EC_WORDS_MAX];
    f->mul(mx, x, c->prime_r2);
    f->mul(my, y, c->prime_r2);
    f->sqr(left, my); /* y^2 = x^3 - 3x + b */
    f->sqr(s, mx);
    f->mul(t, s, mx);
    for (int i = 0; i < 3; i++) {
        f->sub(s, t, mx);
        copy(t, s, c->words);
    }
    f->add(right, t, c->b);
    return same(left, right, c->words);
}

/* --- tables */

/* P, 3P, 5P … as Jacobian points. `p` is not infinity, nor can a sum be: the order is a large prime. */
static void odd_multiples(const struct ec_curve *c, const uint64_t *p, size_t count, uint64_t *out)
{
    size_t size = 3 * c->words;
    uint64_t twice[EC_JACOBIAN_MAX];
    copy(out, p, size);
    c->with->point_double(twice, p);
    for (size_t i = 1; i < count; i++)
        c->with->point_add(out + i * size, out + (i - 1) * size, twice);
}

/* Many points for one inversion: products of all Z before each, then back. */
static void to_affine(const struct ec_curve *c, const uint64_t *points, size_t count, uint64_t *out)
{
    const struct ec_routines *f = c->with;
    uint64_t before[EC_ODD_MULTIPLES(EC_BASE_WINDOW)][EC_WORDS_MAX];
    uint64_t inverse[EC_WORDS_MAX], zi[EC_WORDS_MAX], zi2[EC_WORDS_MAX], t[EC_WORDS_MAX];
    size_t n = c->words;
    copy(before[0], c->one, n);
    for (size_t i = 1; i < count; i++)
        f->mul(before[i], before[i - 1], points + (i - 1) * 3 * n + 2 * n);
    f->mul(t, before[count - 1], points + (count - 1) * 3 * n + 2 * n);
    f->inverse(inverse, t);
    for (size_t i = count; i-- > 0;) {
        const uint64_t *p = points + i * 3 * n;
        f->mul(zi, inverse, before[i]);
        f->mul(t, inverse, p + 2 * n);
        copy(inverse, t, n);
        f->sqr(zi2, zi);
        f->mul(out + i * 2 * n, p, zi2);
        f->mul(t, zi2, zi);
        f->mul(out + i * 2 * n + n, p + n, t);
    }
}

void ec_make_table(const struct ec_curve *c, const uint64_t *affine, unsigned window, uint64_t *table)
{
    uint64_t room[2][EC_JACOBIAN_MAX], multiples[EC_ODD_MULTIPLES(EC_BASE_WINDOW) * EC_JACOBIAN_MAX];
    size_t count = EC_ODD_MULTIPLES(window), span = 64 * c->words / EC_PARTS;
    uint64_t *p = room[0], *q = room[1];
    to_jacobian(c, affine, p);
    for (size_t part = 0; part < EC_PARTS; part++) {
        odd_multiples(c, p, count, multiples);
        to_affine(c, multiples, count, table + part * count * 2 * c->words);
        for (size_t i = 0; i < span && part + 1 < EC_PARTS; i++) {
            uint64_t *swap = p;
            c->with->point_double(q, p);
            p = q;
            q = swap;
        }
    }
}

/* --- multiplication */

/* Digits of a scalar in non-adjacent form (NAF with a window): zero or odd, below 2^(window - 1), the last carry one
 * place beyond the scalar's bits. */
static void recode(const uint64_t *scalar, size_t words, unsigned window, int8_t *digits)
{
    uint64_t k[EC_WORDS_MAX + 1] = {0};
    size_t bits = 64 * words;
    copy(k, scalar, words);
    memset(digits, 0, bits + 1);
    unsigned carry = 0;
    for (size_t i = 0; i <= bits;) {
        unsigned bit = (unsigned)(k[i / 64] >> i % 64) & 1;
        if (bit == carry) {
            i++;
            continue;
        }
        uint64_t low = k[i / 64] >> i % 64;
        if (i % 64 && i / 64 < words)
            low |= k[i / 64 + 1] << (64 - i % 64);
        int digit = (int)(low & ((1u << window) - 1)) + (int)carry;
        carry = (unsigned)(digit >> (window - 1)) & 1;
        digits[i] = (int8_t)(digit - (int)(carry << window));
        i += window;
    }
}

/* One of the two products that are summed. */
struct term {
    const uint64_t *table;
    size_t count; /* points of each part */
    bool affine;
    int8_t digits[EC_BITS_MAX + 1];
};

static void add_digit(const struct ec_curve *c, const struct term *t, size_t part, int digit, uint64_t **acc,
                      uint64_t **other)
{
    size_t size = (t->affine ? 2 : 3) * c->words;
    const uint64_t *p = t->table + (part * t->count + (size_t)(digit < 0 ? -digit : digit) / 2) * size;
    uint64_t negative[EC_JACOBIAN_MAX];
    if (digit < 0) {
        copy(negative, p, size);
        c->with->neg(negative + c->words, p + c->words);
        p = negative;
    }
    accumulate(c, acc, other, p, t->affine);
}

static void add_column(const struct ec_curve *c, const struct term *t, size_t parts, size_t column, uint64_t **acc,
                       uint64_t **other)
{
    size_t span = 64 * c->words / parts;
    for (size_t part = 0; part < parts; part++) {
        bool beyond = column == span && part + 1 < parts; /* column 0 of the next part */
        int digit = beyond ? 0 : t->digits[part * span + column];
        if (digit)
            add_digit(c, t, part, digit, acc, other);
    }
}

static void sum_terms(const struct ec_curve *c, const struct term *a, const struct term *b, size_t parts, uint64_t *out)
{
    uint64_t room[2][EC_JACOBIAN_MAX] = {{0}};
    uint64_t *acc = room[0], *other = room[1];
    for (size_t column = 64 * c->words / parts + 1; column-- > 0;) {
        if (!is_infinite(c, acc)) {
            uint64_t *swap = acc;
            c->with->point_double(other, acc);
            acc = other;
            other = swap;
        }
        add_column(c, a, parts, column, &acc, &other);
        add_column(c, b, parts, column, &acc, &other);
    }
    copy(out, acc, 3 * c->words);
}

void ec_multiply(const struct ec_curve *c, const uint64_t *u1, const uint64_t *u2, const uint64_t *table,
                 const uint64_t *affine, uint64_t *out)
{
    uint64_t multiples[EC_ODD_MULTIPLES(EC_ONCE_WINDOW) * EC_JACOBIAN_MAX], p[EC_JACOBIAN_MAX];
    struct term base = {.table = c->base_table, .count = EC_ODD_MULTIPLES(EC_BASE_WINDOW), .affine = true};
    struct term other = {.table = table, .count = EC_ODD_MULTIPLES(EC_KEY_WINDOW), .affine = true};
    if (!table) {
        to_jacobian(c, affine, p);
        odd_multiples(c, p, EC_ODD_MULTIPLES(EC_ONCE_WINDOW), multiples);
        other.table = multiples;
        other.count = EC_ODD_MULTIPLES(EC_ONCE_WINDOW);
        other.affine = false;
    }
    recode(u1, c->words, EC_BASE_WINDOW, base.digits);
    recode(u2, c->words, table ? EC_KEY_WINDOW : EC_ONCE_WINDOW, other.digits);
    sum_terms(c, &base, &other, table ? EC_PARTS : 1, out);
}

/* --- the curves */

static void make_curve(struct ec_curve *c, const struct ec_routines *with, uint64_t *table)
{
    uint64_t room[EC_WORDS_MAX], one[EC_WORDS_MAX] = {1}, base[EC_AFFINE_MAX];
    c->with = with;
    bignum_montifier(c->words, c->prime_r2, c->prime, room);
    bignum_montifier(c->words, c->order_r2, c->order, room);
    with->mul(c->one, one, c->prime_r2);
    copy(room, c->b, c->words);
    with->mul(c->b, room, c->prime_r2);
    copy(base, c->base, 2 * c->words);
    with->mul(c->base, base, c->prime_r2);
    with->mul(c->base + c->words, base + c->words, c->prime_r2);
    ec_make_table(c, c->base, EC_BASE_WINDOW, table);
    c->base_table = table;
}

static void make_curves(void)
{
    bool old = is_old();
    make_curve(&curves[0], old ? &P256_OLD : &P256, base_tables[0]);
    make_curve(&curves[1], old ? &P384_OLD : &P384, base_tables[1]);
}

const struct ec_curve *ec_curve_get(bool p384)
{
    static once_flag once = ONCE_FLAG_INIT;
    call_once(&once, make_curves);
    return &curves[p384];
}

#endif
