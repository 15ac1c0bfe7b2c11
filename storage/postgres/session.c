/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <poll.h>
#include <stdio.h>

#include "storage/postgres/postgres.h"

/* --- what goes wrong
 * ---------------------------------------------------------------------------------------------------
 */

static trustee_status broken(struct backend_call *call, const char *why)
{
    call->failed = call->drop = true;
    if (!call->deadline.cancelled)
        backend_trouble(call->backend, "%s",
                        deadline_over(&call->deadline) ? "the server does not answer in time" : why);
    return TRUSTEE_E_AGAIN;
}

/* What a code of the server (SQLSTATE, appendix A of its manual) means here. Classes have two letters. */
struct meaning {
    const char *code;
    bool drop, failed;
    const char *text;
};

static const struct meaning *meaning_of(const char *code)
{
    static const struct meaning meanings[] = {
        {"57014", true, true, "the server does not answer in time"},
        {"55P03", false, false, "somebody else holds a lock for long"},
        {"57P", true, true, "the server shuts down or starts up"},
        {"08", true, true, "the connection broke"},
        {"25006", true, false, "the server takes no writes: it is a standby or set to read only"},
        {"53", false, false, "the server has no room: disk, memory or connections"},
        {"42P01", false, false, "a table is missing; make it, or set create_tables = yes"},
        {"42501", false, false, "the user has no right to a table"},
    };
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (strncmp(code, meanings[i].code, strlen(meanings[i].code)) == 0)
            return &meanings[i];
    return NULL;
}

/* The server's words are not logged: they may quote what was sent. */
static trustee_status refused(struct backend_call *call, const PGresult *rows)
{
    const char *code = PQresultErrorField(rows, PG_DIAG_SQLSTATE);
    const struct meaning *m = code ? meaning_of(code) : NULL;
    if (!code)
        return broken(call, "the server closed the connection");
    if (m) {
        call->drop |= m->drop;
        call->failed |= m->failed;
    }
    backend_trouble(call->backend, "%s (SQLSTATE %.5s)", m ? m->text : "the server refuses", code);
    return TRUSTEE_E_AGAIN;
}

/* --- asking ----------------------------------------------------------------------------------------------------------
 */

static bool flush(struct backend_call *call)
{
    PGconn *c = call->connection;
    int left;
    while ((left = PQflush(c)) == 1)
        /* A server that sends meanwhile would otherwise not read on. */
        if (!deadline_wait(&call->deadline, PQsocket(c), POLLIN | POLLOUT) || !PQconsumeInput(c))
            return false;
    return left == 0;
}

/* The next rows; NULL after the last, or with call->failed. */
static PGresult *next_result(struct backend_call *call)
{
    PGconn *c = call->connection;
    while (PQisBusy(c))
        if (!deadline_wait(&call->deadline, PQsocket(c), POLLIN) || !PQconsumeInput(c)) {
            (void)broken(call, "the server closed the connection");
            return NULL;
        }
    return PQgetResult(c);
}

void postgres_forget(PGresult *rows, int row, int column)
{
    int size = PQgetlength(rows, row, column);
    if (size > 0)
        secret_wipe(PQgetvalue(rows, row, column), (size_t)size);
}

static bool begin(struct backend_call *call, const struct postgres_query *q)
{
    const char *texts[2] = {"", ""};
    int sizes[2] = {0, 0};
    static const int binary[2] = {1, 1};
    for (int i = 0; i < q->count; i++) {
        if (q->parameters[i].len > POSTGRES_VALUE_MAX)
            return false;
        /* NULL would stand for SQL's NULL. */
        texts[i] = q->parameters[i].ptr ? (const char *)q->parameters[i].ptr : "";
        sizes[i] = (int)q->parameters[i].len;
    }
    return PQsendQueryParams(call->connection, q->statement, q->count, NULL, texts, sizes, binary, 1) == 1 &&
           flush(call);
}

PGresult *postgres_ask(struct backend_call *call, const struct postgres_query *query, trustee_status *status)
{
    PGresult *rows = NULL, *more;
    *status = TRUSTEE_OK;
    if (!begin(call, query)) {
        *status = broken(call, "the server closed the connection");
        return NULL;
    }
    while ((more = next_result(call))) {
        PQclear(rows); /* one statement has one rows, unless the connection ended after it */
        rows = more;
    }
    ExecStatusType kind = rows ? PQresultStatus(rows) : PGRES_FATAL_ERROR;
    if (call->failed)
        *status = TRUSTEE_E_AGAIN;
    else if (!rows || PQstatus(call->connection) == CONNECTION_BAD)
        *status = broken(call, "the server closed the connection");
    else if (kind != PGRES_TUPLES_OK && kind != PGRES_COMMAND_OK)
        *status = refused(call, rows);
    if (*status == TRUSTEE_OK)
        return rows;
    PQclear(rows);
    return NULL;
}

/* --- connections -----------------------------------------------------------------------------------------------------
 */

bool postgres_usable(void *connection)
{
    struct pollfd p = {.fd = PQsocket(connection), .events = POLLIN};
    return poll(&p, 1, 0) == 0;
}

void postgres_close(void *connection)
{
    PQfinish(connection);
}

/* Notices would go to the standard error. */
static void ignore(void *nothing, const PGresult *notice)
{
    (void)nothing, (void)notice;
}

/* The library's words about a connection that was not made, in one line. They name host and user, never the password.
 */
static const char *words_of(const PGconn *c, char *room, size_t size)
{
    (void)snprintf(room, size, "%s", PQerrorMessage(c));
    for (char *p = room; *p; p++)
        if (!isprint((unsigned char)*p))
            *p = ' ';
    return room;
}

static trustee_status not_connected(struct backend_call *call)
{
    char words[300];
    PGconn *c = call->connection;
    bool known = PQconnectionUsedPassword(c) || PQconnectionNeedsPassword(c);
    if (call->deadline.cancelled || deadline_over(&call->deadline))
        return broken(call, "");
    call->failed = call->drop = true;
    backend_trouble(call->backend, "the server %s: %s",
                    known ? "refuses user, password or database" : "is not reachable",
                    words_of(c, words, sizeof words));
    return known ? TRUSTEE_E_CONFIG : TRUSTEE_E_AGAIN;
}

static trustee_status dial(struct backend_call *call)
{
    PGconn *c = call->connection;
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    if (PQstatus(c) == CONNECTION_BAD)
        return not_connected(call);
    (void)PQsetNoticeReceiver(c, ignore, NULL);
    while (next != PGRES_POLLING_OK) {
        if (!deadline_wait(&call->deadline, PQsocket(c), next == PGRES_POLLING_READING ? POLLIN : POLLOUT))
            return not_connected(call);
        next = PQconnectPoll(c);
        if (next == PGRES_POLLING_FAILED)
            return not_connected(call);
    }
    return PQsetnonblocking(c, 1) == 0 ? TRUSTEE_OK : broken(call, "the connection cannot be used");
}

static trustee_status settle(struct backend_call *call)
{
    char text[24];
    trustee_status status;
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)call->backend->timeout_ms);
    struct postgres_query query = {postgres_settle, 1, {slice_of(text, (size_t)n)}};
    PQclear(postgres_ask(call, &query, &status));
    return status;
}

static trustee_status see_tables(struct backend_call *call, bool *there)
{
    trustee_status status;
    struct postgres_query query = {postgres_has_tables, 0, {NO_SLICE}};
    PGresult *rows = postgres_ask(call, &query, &status);
    *there = rows && PQntuples(rows) == 1 && strcmp(PQgetvalue(rows, 0, 0), "true") == 0;
    PQclear(rows);
    return status;
}

/* Another service may make them at the same moment, which the server reports as one of several errors: what counts is
 * that they are there. */
static trustee_status make_tables(struct backend_call *call, struct postgres_store *s)
{
    bool there;
    const struct postgres_statements *t;
    trustee_status made = TRUSTEE_OK, status = see_tables(call, &there);
    for (size_t n = 0; status == TRUSTEE_OK && !there && s->create_tables && (t = postgres_statements_nth(n)); n++) {
        struct postgres_query query = {t->create, 0, {NO_SLICE}};
        PQclear(postgres_ask(call, &query, &made));
        status = call->drop ? made : TRUSTEE_OK;
    }
    if (status == TRUSTEE_OK && !there)
        status = see_tables(call, &there);
    if (status == TRUSTEE_OK && there)
        atomic_store(&s->has_tables, true);
    else if (status == TRUSTEE_OK && !s->create_tables)
        backend_trouble(call->backend, "a table is missing; make it, or set create_tables = yes");
    return status == TRUSTEE_OK && !there ? TRUSTEE_E_CONFIG : status;
}

trustee_status postgres_connect(struct backend_call *call, void *store)
{
    struct postgres_store *s = store;
    call->connection = PQconnectStartParams(s->names, s->texts, 1);
    if (!call->connection)
        return TRUSTEE_E_AGAIN;
    trustee_status status = dial(call);
    if (status == TRUSTEE_OK)
        status = settle(call);
    if (status == TRUSTEE_OK && !atomic_load(&s->has_tables))
        status = make_tables(call, s);
    return status;
}
