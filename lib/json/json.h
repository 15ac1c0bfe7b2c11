/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading JSON on the hot path: one pass, in an arena, bounded. The parser is yyjson; its types stop in json.c.
 * A value is the ABI's trustee_value.
 */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include "lib/base/arena.h"

typedef trustee_value json;

#define JSON_DEPTH_MAX 64

/* Parses exactly one document of RFC 8259 JSON in UTF-8: refuses duplicate members (after unescaping), nesting over
 * JSON_DEPTH_MAX, more values than the arena's rest or 8 times the text's size can hold, a BOM, trailing text, lone
 * surrogates. The text is copied into the arena once (that copy counts as one of the 8) and taken apart there, so
 * values live as long as the arena and `text` need not. On failure the arena is as it was. JSON_SYNTAX, JSON_DUPLICATE,
 * JSON_DEPTH, JSON_BUDGET. */
MUST_CHECK result json_parse(struct arena *a, slice text, const json **out);

uint32_t json_type(const json *v); /* TRUSTEE_NODE_…, NULL for a NULL pointer */
/* Member of an object by name, NULL where there is none or v is no object (v may be NULL). */
const json *json_get(const json *v, slice name);
/* RFC 6901 below v; NULL where there is none. */
const json *json_at(const json *v, slice pointer);
/* The text of a string; ptr NULL for anything else. */
slice json_text(const json *v);
/* The text of a number as it was sent; ptr NULL for anything else. */
slice json_number(const json *v);
bool json_is_null(const json *v);
bool json_i64(const json *v, int64_t *out); /* integers only */
bool json_u64(const json *v, uint64_t *out);
bool json_bool(const json *v, bool *out);
size_t json_count(const json *v);
/* Walks members: NULL first, then the last result; NULL at the end. `key` may be NULL. */
const json *json_next(const json *container, const json *last, slice *key);

/* RFC 8785 canonical form of a value, appended to `t`. A number must stand in the text as ECMAScript would write it:
 * "1.0", "1e2", "-0" and integers beyond 2^53 give JSON_NUMBER, so that two texts never hash alike. NO_MEMORY when the
 * arena is full. After a failure what was appended is undefined. */
MUST_CHECK result json_canonical(struct text *t, const json *v);
/* Compact JSON in document order, appended to `t`. */
void json_write(struct text *t, const json *v);

#endif
