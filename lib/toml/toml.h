/* SPDX-License-Identifier: Apache-2.0
 *
 * A bounded reader of TOML 1.0 that writes what it reads as claims. Dates and times become strings as they stand,
 * floats become numbers (inf and nan are refused).
 */
#ifndef LIB_TOML_H
#define LIB_TOML_H

#include "lib/claims/claims.h"

struct toml_error {
    uint32_t line, column; /* from 1 */
    const char *text;      /* static */
};

/* Writes the document as one object, member `key` of the open container. Refused (JSON_SYNTAX with `error`): anything
 * that is not TOML 1.0 in UTF-8, a key twice, nesting over 24 levels, over 10,000 keys and values. Scratch memory comes
 * from `a`. NO_MEMORY. */
MUST_CHECK result toml_claims(slice text, struct arena *a, struct trustee_writer *w, slice key,
                              struct toml_error *error);
/* The document as a tree of its own; the same refusals. */
MUST_CHECK result toml_parse(slice text, struct arena *a, tree *out, struct toml_error *error);

#endif
