/* SPDX-License-Identifier: Apache-2.0
 *
 * Between json.c, which knows the parser's numbers, and canonical.c, which writes them.
 */
#ifndef LIB_JSON_DECIMAL_H
#define LIB_JSON_DECIMAL_H

#include "lib/base/bytes.h"

/* The double nearest to a text as its shortest decimal: 0.d1d2d3… times 10^point, no zeros at either end. */
struct decimal {
    bool negative;
    char digits[20];
    int count; /* 0 for zero */
    int point;
};
/* False where the text is longer than any shortest decimal or beyond a double. */
bool decimal_of(slice number, struct decimal *out);

#endif
