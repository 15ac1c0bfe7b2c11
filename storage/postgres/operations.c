/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/postgres/postgres.h"

struct item {
    const struct postgres_store *store;
    const struct postgres_statements *table;
    slice key, value;
    uint64_t flags;
    trustee_sink *sink;
};

static bool nothing_changed(PGresult *rows)
{
    return strcmp(PQcmdTuples(rows), "0") == 0;
}

/* --- get and list ----------------------------------------------------------------------------------------------------
 */

static slice field(const PGresult *rows, int row, int column)
{
    int size = PQgetlength(rows, row, column);
    return slice_of(PQgetvalue(rows, row, column), size > 0 ? (size_t)size : 0);
}

static trustee_status hand_over(const struct item *i, slice value)
{
    const trustee_host *h = i->store->host;
    uint8_t *room = h->sink_reserve(i->sink, value.len);
    if (!room)
        return TRUSTEE_E_LIMIT;
    if (value.len)
        memcpy(room, value.ptr, value.len);
    return h->sink_commit(i->sink, value.len);
}

static trustee_status get_item(struct backend_call *call, void *item)
{
    const struct item *i = item;
    struct postgres_query query = {i->table->get, 1, {i->key}};
    trustee_status status;
    PGresult *rows = postgres_ask(call, &query, &status);
    if (!rows)
        return status;
    if (PQntuples(rows) != 1 || PQnfields(rows) != 1)
        status = TRUSTEE_NOT_FOUND;
    else
        status = PQgetisnull(rows, 0, 0) ? TRUSTEE_E_LIMIT : hand_over(i, field(rows, 0, 0));
    if (PQntuples(rows) == 1)
        postgres_forget(rows, 0, 0);
    PQclear(rows);
    return status;
}

static trustee_status list_items(struct backend_call *call, void *item)
{
    const struct item *i = item;
    struct postgres_query query = {i->table->list, 1, {i->key}};
    trustee_status status;
    PGresult *rows = postgres_ask(call, &query, &status);
    for (int row = 0; rows && PQnfields(rows) == 2 && row < PQntuples(rows) && status == TRUSTEE_OK; row++) {
        struct reader number = reader_of(field(rows, row, 1));
        uint64_t size = 0;
        if (read_u64be(&number, &size))
            status = i->store->host->sink_name(i->sink, field(rows, row, 0), size);
    }
    PQclear(rows);
    return status;
}

/* --- put and del -----------------------------------------------------------------------------------------------------
 */

static trustee_status put_item(struct backend_call *call, void *item)
{
    const struct item *i = item;
    bool new_only = i->flags & TRUSTEE_PUT_NEW;
    struct postgres_query query = {new_only ? i->table->put_new : i->table->put, 2, {i->key, i->value}};
    trustee_status status;
    PGresult *rows = postgres_ask(call, &query, &status);
    if (!call->deadline.cancelled)
        backend_write(call->backend, status == TRUSTEE_OK);
    if (rows && new_only && nothing_changed(rows))
        status = TRUSTEE_REJECT;
    PQclear(rows);
    return status;
}

static trustee_status del_item(struct backend_call *call, void *item)
{
    const struct item *i = item;
    struct postgres_query query = {i->table->del, 1, {i->key}};
    trustee_status status;
    PGresult *rows = postgres_ask(call, &query, &status);
    if (rows && nothing_changed(rows))
        status = TRUSTEE_NOT_FOUND;
    PQclear(rows);
    return status;
}

/* --- the interface ---------------------------------------------------------------------------------------------------
 */

static trustee_status run(struct postgres_store *s, trustee_request *req, backend_use use, struct item *i, slice space)
{
    i->store = s;
    i->table = postgres_statements(space);
    return i->table ? backend_run(&s->backend, req, use, i) : TRUSTEE_E_INVAL;
}

trustee_status postgres_get(void *instance, trustee_request *req, slice space, slice key, trustee_sink *sink)
{
    return run(instance, req, get_item, &(struct item){.key = key, .sink = sink}, space);
}

trustee_status postgres_put(void *instance, trustee_request *req, slice space, slice key, slice value, uint64_t flags)
{
    if (value.len > POSTGRES_VALUE_MAX)
        return TRUSTEE_E_LIMIT;
    return run(instance, req, put_item, &(struct item){.key = key, .value = value, .flags = flags}, space);
}

trustee_status postgres_del(void *instance, trustee_request *req, slice space, slice key)
{
    return run(instance, req, del_item, &(struct item){.key = key}, space);
}

trustee_status postgres_list(void *instance, trustee_request *req, slice space, slice prefix, trustee_sink *sink)
{
    return run(instance, req, list_items, &(struct item){.key = prefix, .sink = sink}, space);
}

trustee_status postgres_probe(struct backend_call *call, void *nothing)
{
    struct postgres_query query = {"SELECT 1", 0, {NO_SLICE}};
    trustee_status status;
    (void)nothing;
    PQclear(postgres_ask(call, &query, &status));
    return status;
}

trustee_status postgres_ready(void *instance, uint8_t *why, uint64_t capacity, uint64_t *length)
{
    struct postgres_store *s = instance;
    return backend_ready(&s->backend, postgres_probe, slice_of(why, capacity), length);
}
