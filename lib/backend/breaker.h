/* SPDX-License-Identifier: Apache-2.0
 *
 * A circuit breaker. After some failures in a row it admits nobody for a while, so that a server that is gone costs
 * nothing and is not stormed when it is back. Then one attempt is admitted: its success closes the breaker, its failure
 * doubles the pause. Thread-safe. Times are those of backend_now().
 */
#ifndef LIB_BACKEND_BREAKER_H
#define LIB_BACKEND_BREAKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define BREAKER_FAILURES 3         /* in a row, that open it */
#define BREAKER_PAUSE_MS 500u      /* the first pause */
#define BREAKER_PAUSE_MAX_MS 8000u /* the longest */

enum breaker_outcome {
    BREAKER_SUCCESS,
    BREAKER_FAILURE,
    BREAKER_UNDECIDED, /* the attempt was given up: says nothing about the server */
};

struct breaker {
    pthread_mutex_t lock;
    unsigned failures;
    uint64_t pause_ms, open_until;
    bool trying; /* the one attempt is under way */
};

bool breaker_begin(struct breaker *b); /* false: no memory */
void breaker_end(struct breaker *b);
/* Whether an attempt may be made now. Each attempt that is admitted is reported. */
bool breaker_admit(struct breaker *b, uint64_t now);
/* True when the report changed the state: it opened, or it closed. */
bool breaker_report(struct breaker *b, uint64_t now, enum breaker_outcome outcome);
/* Milliseconds until an attempt is admitted; 0 when one is now. */
uint64_t breaker_pause(struct breaker *b, uint64_t now);

#endif
