/* SPDX-License-Identifier: Apache-2.0
 *
 * Two clocks. Tokens, certificates and challenges are judged by wall-clock time that never steps back within the
 * process (wall time at start plus the monotonic clock; a forward step of the system's clock is followed). Time-outs
 * and stored sessions use the monotonic clock alone.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdint.h>

int64_t clock_wall(void);           /* Unix seconds */
uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_ns(void);
uint64_t clock_thread_cpu_ns(void);

#endif
