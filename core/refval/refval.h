/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference values (the reference value provider service, RVPS): what administrators say a good platform measures.
 * interface.md 1.16.
 *
 * All values lie in memory as one immutable snapshot; a change makes a new one. A request pins the snapshot once and
 * reads it without locks, so that everything it decides comes from one generation. What is visible is stored: a value
 * is written durably before the snapshot that has it is published.
 *
 * Stored form, one document a value in the namespace "reference_value", as upstream's:
 *     {"version":"0.1.0","name":TEXT,"expiration":RFC3339,"value":ANY}
 * Storage key of a name (refval_key): the name itself where it is a storage key of at most 200 bytes as a file name and
 * does not look like one of the other two forms; "x-" and the name in hex up to 120 bytes; else "h-" and the hex
 * SHA-256 of the name. Names are UTF-8 without control characters, 1 to 512 bytes.
 *
 * Threads: refval_pin, refval_unpin and everything that takes a snapshot: any thread, never waits. Functions that take
 * a trustee_request may wait for the storage: pool threads; they serialise among themselves.
 */
#ifndef CORE_REFVAL_H
#define CORE_REFVAL_H

#include "core/plugin/plugin.h"
#include "core/refval/generations.h"
#include "lib/claims/claims.h"

#define REFVAL_NAME_MAX 512
#define REFVAL_COUNT_MAX 100000                /* values in all, and in one message */
#define REFVAL_VALUE_MAX (1u << 20)            /* bytes of one stored document */
#define REFVAL_TOTAL_MAX (UINT64_C(256) << 20) /* bytes of all values in memory */
#define REFVAL_DEPTH_MAX 30                    /* nesting of a value; fits CLAIMS_DEPTH_MAX below a member */

struct refval;
struct refval_snapshot;

/* A pinned snapshot; hand the whole of it back to refval_unpin. */
struct refval_pin {
    const struct refval_snapshot *snapshot; /* never NULL */
    struct pin pin;
};

/* Why a message was refused, for the record and the log: never for the client. NUL-terminated. */
struct refval_error {
    char text[256];
};

/* One value as it is listed. Views live as long as the pin. */
struct refval_item {
    slice name;
    int64_t expiration; /* Unix seconds; expired from then on */
    bool expired;
    slice text; /* the value as compact JSON */
    tree value;
};

/* Reads everything that is stored. A stored document that is not as above, or that lies under another key than its
 * name's, is left out and warned about: the value is then absent, which denies. STORAGE, NO_MEMORY. */
MUST_CHECK result refval_open(const struct store *store, struct trustee_request *req, struct refval **out);
/* No pin may be left. NULL is allowed. */
void refval_close(struct refval *r);

struct refval_pin refval_pin(struct refval *r);
void refval_unpin(struct refval *r, struct refval_pin pin);

/* Counts from 1, one more with each change. */
uint64_t refval_generation(const struct refval_snapshot *s);
/* The value for a policy; count 0 where there is none or it has expired. Borrowed from the pinned snapshot. */
tree refval_lookup(const struct refval_snapshot *s, slice name, int64_t now);
/* The value as compact JSON: the body of GET reference-value/<name>. REFERENCE_NOT_FOUND. */
MUST_CHECK result refval_get(const struct refval_snapshot *s, slice name, int64_t now, slice *text);
/* Every value in the order of names (bytewise), expired ones too. `visit` returns false to stop. */
void refval_list(const struct refval_snapshot *s, int64_t now,
                 bool (*visit)(void *user, const struct refval_item *item), void *user);
size_t refval_count(const struct refval_snapshot *s);

/* Registers the values of one message:
 *     {"version":"0.1.0","type":"sample","payload":BASE64}
 * The payload is a JSON object name -> value (upstream's form; values expire after 12 months), or our array form
 *     [{"name":TEXT,"value":ANY,"expiration":RFC3339, optional}].
 * Nothing is stored unless the whole message is good. REFERENCE_REQUEST with `error` (also for the types swid and
 * corim, which are not accepted yet, and for an expiration that has passed). STORAGE: what is visible is what the
 * storage holds, which may be a part of the message; sending it again is safe. NO_MEMORY. */
MUST_CHECK result refval_register(struct refval *r, struct trustee_request *req, slice message, int64_t now,
                                  struct refval_error *error);
/* REFERENCE_NOT_FOUND; STORAGE: it is still there. */
MUST_CHECK result refval_delete(struct refval *r, struct trustee_request *req, slice name);
/* Reads everything again: for stores that others write too. Publishes a new generation only if something changed. On
 * failure the old snapshot stays. STORAGE, NO_MEMORY. */
MUST_CHECK result refval_reload(struct refval *r, struct trustee_request *req);

/* Writes the storage key of a name into `room`. REFERENCE_REQUEST when it is no name. */
#define REFVAL_KEY_MAX 256
MUST_CHECK result refval_key(slice name, uint8_t room[REFVAL_KEY_MAX], slice *key);

/* The `detail` of upstream's error body (type RvpsError), to the letter: one for every refused message, one for a name
 * that is not there. The second's ptr is NULL when the arena is full. */
#define REFVAL_REGISTER_DETAIL \
    S("RVPS configuration failed: Failed to register reference value: register reference value")
slice refval_unknown_detail(struct arena *a, slice name);

#endif
