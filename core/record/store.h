/* SPDX-License-Identifier: Apache-2.0
 *
 * The bounded store of decision records: rings of JSON texts in memory, oldest first out. Denials of clients that
 * nobody authenticated have a part of their own and attestations have one, so that neither ever pushes out the record
 * of a release or of an administrative change. Thread-safe.
 */
#ifndef CORE_RECORD_STORE_H
#define CORE_RECORD_STORE_H

#include "core/record/record.h"

struct records;

/* `bytes` of memory in all, touched as it fills. */
MUST_CHECK result records_new(size_t bytes, struct records **out);
void records_free(struct records *s);
/* Writes the record as JSON into the store. `trusted`: a release, an administrative change or anything else of an
 * authenticated client. Uses the record's arena as scratch. */
void records_add(struct records *s, const struct record *r, bool trusted);
/* JSON text of one record into the arena. RECORD_NOT_FOUND. */
MUST_CHECK result records_get(struct records *s, const uint8_t id[16], struct arena *a, slice *out);
/* JSON array of the newest `limit` records, newest first. */
MUST_CHECK result records_list(struct records *s, size_t limit, struct arena *a, slice *out);
/* The JSON of one record, appended to `t`. */
void record_json(struct text *t, const struct record *r);

#endif
