/* SPDX-License-Identifier: Apache-2.0
 *
 * Storage in a PostgreSQL database, in upstream's layout (interface.md 1.11 S4): a table for each namespace,
 *
 *     CREATE TABLE <namespace> (key TEXT PRIMARY KEY, value BYTEA NOT NULL)
 *
 * Every statement is a constant of this program; keys and values are parameters. The library is used asynchronously, so
 * that each wait has a deadline.
 */
#ifndef STORAGE_POSTGRES_H
#define STORAGE_POSTGRES_H

#include <libpq-fe.h>
#include <stdatomic.h>
#include <trustee/storage.h>

#include "lib/backend/backend.h"
#include "lib/base/arena.h"

#define POSTGRES_PARAMETERS_MAX 20
#define POSTGRES_VALUE_MAX ((size_t)16 << 20) /* as the statements have it */

struct postgres_store {
    const trustee_host *host;
    struct arena secrets;
    /* What the library is told: names and texts, both ended by NULL. The texts lie in `secrets`. */
    const char *names[POSTGRES_PARAMETERS_MAX + 1], *texts[POSTGRES_PARAMETERS_MAX + 1];
    size_t parameters;
    bool create_tables;
    atomic_bool has_tables; /* they were seen or made */
    struct backend backend;
};

/* --- settings.c ------------------------------------------------------------------------------------------------------
 */

/* Options to the library's parameters. TRUSTEE_E_CONFIG with the reason logged. */
trustee_status postgres_settings(struct postgres_store *s, const trustee_conf *conf);

/* --- statements.c ----------------------------------------------------------------------------------------------------
 */

/* The statements of one namespace. Parameter 1 is the key, or the prefix of list; parameter 2 the value. */
struct postgres_statements {
    slice space;
    const char *get, *put, *put_new, *del, *list, *create;
};
/* NULL for a namespace that there is not. */
const struct postgres_statements *postgres_statements(slice space);
const struct postgres_statements *postgres_statements_nth(size_t n); /* NULL after the last */
extern const char *const postgres_has_tables;                        /* answers t or f */
extern const char *const postgres_settle;                            /* parameter 1: time-out in milliseconds */

/* --- session.c -------------------------------------------------------------------------------------------------------
 */

trustee_status postgres_connect(struct backend_call *call, void *store);
bool postgres_usable(void *connection);
void postgres_close(void *connection);

struct postgres_query {
    const char *statement;
    int count;
    slice parameters[2];
};

/* The result of a query that succeeded: rows in binary form, or none. NULL with *status set otherwise; what is wrong
 * has been told. */
PGresult *postgres_ask(struct backend_call *call, const struct postgres_query *query, trustee_status *status);
/* Wipes one field of a result. */
void postgres_forget(PGresult *rows, int row, int column);

/* --- operations.c ----------------------------------------------------------------------------------------------------
 */

trustee_status postgres_get(void *instance, trustee_request *req, slice space, slice key, trustee_sink *sink);
trustee_status postgres_put(void *instance, trustee_request *req, slice space, slice key, slice value, uint64_t flags);
trustee_status postgres_del(void *instance, trustee_request *req, slice space, slice key);
trustee_status postgres_list(void *instance, trustee_request *req, slice space, slice prefix, trustee_sink *sink);
trustee_status postgres_ready(void *instance, uint8_t *why, uint64_t capacity, uint64_t *length);
/* A sign of life. A backend_use. */
trustee_status postgres_probe(struct backend_call *call, void *nothing);

#endif
