/* SPDX-License-Identifier: Apache-2.0
 *
 * Good evidence changed in every way that bytes can be, each change judged with a warm cache. No test framework in
 * here.
 */
#ifndef TESTS_JUDGE_MUTATIONS_H
#define TESTS_JUDGE_MUTATIONS_H

#include "tests/support/judge_dcap.h"

struct mutations {
    size_t tried, accepted, unexplained; /* unexplained: refused as a fault, or without a reason */
    size_t at, value;                    /* of the first that was accepted or unexplained */
};

/* Every `stride`th bit of the quote from `from` on is turned. */
struct mutations mutate_bits(struct judge *j, size_t from, size_t to, size_t stride);
/* The quote cut off after each of its bytes, to nothing. */
struct mutations mutate_truncations(struct judge *j);
/* Each length and type field set to 0, 1, its highest values, and its neighbours. */
struct mutations mutate_lengths(struct judge *j);
/* Bytes after the quote, all `byte`: 1 to 64 KiB of them. */
struct mutations mutate_trailing(struct judge *j, uint8_t byte);
/* The same on an item of collateral: every `stride`th bit of its bytes, or of the first certificate of its chain. What
 * says the same is left out: the signature's hexadecimal digits in the other case. */
struct mutations mutate_collateral(struct judge *j, const char *kind, bool chain, size_t stride);

/* 1 where TRUSTEE_EXHAUSTIVE is set, else `otherwise`, and more under a sanitizer. */
size_t mutation_stride(size_t otherwise);

#endif
