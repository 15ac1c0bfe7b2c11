/* SPDX-License-Identifier: Apache-2.0
 *
 * The routines of s2n-bignum that are used, declared as its documentation has them.
 */
#ifndef LIB_SIGNATURE_EC_ROUTINES_H
#define LIB_SIGNATURE_EC_ROUTINES_H

#include <stdint.h>

#define EC_DECLARE(curve, alt)                                                           \
    void bignum_montmul_##curve##alt(uint64_t *z, const uint64_t *x, const uint64_t *y); \
    void bignum_montsqr_##curve##alt(uint64_t *z, const uint64_t *x);                    \
    void curve##_montjadd##alt(uint64_t *p3, const uint64_t *p1, const uint64_t *p2);    \
    void curve##_montjmixadd##alt(uint64_t *p3, const uint64_t *p1, const uint64_t *p2); \
    void curve##_montjdouble##alt(uint64_t *p3, const uint64_t *p1);

#define EC_DECLARE_PLAIN(curve)                                                 \
    void bignum_add_##curve(uint64_t *z, const uint64_t *x, const uint64_t *y); \
    void bignum_sub_##curve(uint64_t *z, const uint64_t *x, const uint64_t *y); \
    void bignum_neg_##curve(uint64_t *z, const uint64_t *x);                    \
    void bignum_montinv_##curve(uint64_t *z, const uint64_t *x);

EC_DECLARE(p256, )
EC_DECLARE(p256, _alt) /* for processors without BMI2 and ADX */
EC_DECLARE_PLAIN(p256)
EC_DECLARE(p384, )
EC_DECLARE(p384, _alt)
EC_DECLARE_PLAIN(p384)
void bignum_mod_n256_4(uint64_t *z, const uint64_t *x);
void bignum_mod_n384_6(uint64_t *z, const uint64_t *x);
/* z = x * y / 2^(64k) modulo m, where x * y < 2^(64k) * m */
void bignum_montmul(uint64_t k, uint64_t *z, const uint64_t *x, const uint64_t *y, const uint64_t *m);
/* z = 1 / a modulo b, where b is odd and prime to a; 3 * k words of work space */
void bignum_modinv(uint64_t k, uint64_t *z, const uint64_t *a, const uint64_t *b, uint64_t *t);
/* z = 2^(128k) modulo m, where m is odd; k words of work space */
void bignum_montifier(uint64_t k, uint64_t *z, const uint64_t *m, uint64_t *t);

#endif
