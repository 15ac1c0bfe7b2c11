/* SPDX-License-Identifier: Apache-2.0
 *
 * The one error idiom. A function that can fail returns a `result`, which the compiler does not let anybody ignore.
 * It is a struct, so that it cannot be mixed up with a number or a truth value; zero is success.
 * A reason has a class, and what a client sees (status, type) is a function of the class alone.
 */
#ifndef LIB_RESULT_H
#define LIB_RESULT_H

#include <stdbool.h>
#include <stdint.h>

enum reason_class {
    CLASS_NONE,
    CLASS_PROTOCOL,       /* 400 */
    CLASS_AUTHENTICATION, /* 401 */
    CLASS_EVIDENCE,       /* 401 */
    CLASS_POLICY,         /* 403 */
    CLASS_NOT_FOUND,      /* 404 */
    CLASS_CONFLICT,       /* 409 */
    CLASS_SIZE,           /* 413 */
    CLASS_RATE,           /* 429 */
    CLASS_INTERNAL,       /* 500 */
    CLASS_UNAVAILABLE,    /* 503 */
};

enum reason {
    REASON_OK = 0,
#define REASON(symbol, class, id, text, remedy) symbol,
#include "lib/base/reasons.def"
#undef REASON
    REASON_COUNT
};

typedef struct result {
    uint16_t reason; /* enum reason */
} result;

#define MUST_CHECK __attribute__((warn_unused_result))

#define OK ((result){REASON_OK})
#define FAIL(why) ((result){(uint16_t)(why)})
#define FAILED(r) ((r).reason != REASON_OK)

/* Hands a failure on to the caller. */
#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        result try_ = (expression);                                                                                    \
        if (FAILED(try_))                                                                                              \
            return try_;                                                                                               \
    } while (0)

#define ENSURE(condition, why)                                                                                         \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            return FAIL(why);                                                                                          \
    } while (0)

/* Static texts; never NULL. */
const char *reason_id(enum reason why);
const char *reason_text(enum reason why);
const char *reason_remedy(enum reason why);
enum reason_class reason_class(enum reason why);
const char *reason_class_name(enum reason_class class);

#endif
