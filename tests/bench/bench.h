/* SPDX-License-Identifier: Apache-2.0
 *
 * Measuring one operation: microseconds of CPU, instructions where the kernel lets us count them, calls of malloc and
 * calloc by our code and by the crypto library. A program that links this has its allocator counted.
 */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

/* Once, before the first measurement; `seconds` for each line. */
void bench_begin(double seconds);
/* Prints a line and gives the microseconds of one operation. `bare` is what the signatures of the same operation cost
 * alone; 0: none. */
double bench_measure(const char *name, void operation(void), double bare);

#endif
