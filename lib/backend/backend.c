/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/backend/backend.h"

#include <stdarg.h>
#include <stdio.h>

#define LOG_AGAIN_MS 60000u
#define FRESH_MS 1000u /* what was heard of the server that recently is believed */
#define WRITE_FAILED_MS 10000u

static bool is_recent(uint64_t when, uint64_t ms)
{
    return when && backend_now() - when < ms * BACKEND_NS_PER_MS;
}

bool backend_begin(struct backend *b, const struct backend_settings *settings)
{
    *b = (struct backend){.host = settings->host,
                          .name = settings->name,
                          .kind = settings->kind,
                          .user = settings->user,
                          .timeout_ms = settings->timeout_ms};
    if (pthread_mutex_init(&b->lock, NULL) != 0)
        return false;
    if (breaker_begin(&b->breaker)) {
        if (backend_pool_begin(&b->pool, &settings->kind->pool, settings->connections))
            return true;
        breaker_end(&b->breaker);
    }
    pthread_mutex_destroy(&b->lock);
    return false;
}

void backend_end(struct backend *b)
{
    backend_pool_end(&b->pool);
    breaker_end(&b->breaker);
    pthread_mutex_destroy(&b->lock);
}

/* --- what is said --------------------------------------------------------------------------------------------------
 */

void backend_log(const struct backend *b, uint32_t level, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (n > 0)
        b->host->log(b->host->ctx, level, slice_of(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
}

void backend_trouble(struct backend *b, const char *format, ...)
{
    char text[BACKEND_WHY_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (n < 0)
        return;
    pthread_mutex_lock(&b->lock);
    bool said = strcmp(text, b->why) == 0 && is_recent(b->logged, LOG_AGAIN_MS);
    memcpy(b->why, text, sizeof text);
    if (!said)
        b->logged = backend_now();
    pthread_mutex_unlock(&b->lock);
    if (!said)
        backend_log(b, TRUSTEE_LOG_ERROR, "%s: %s", b->name, text);
}

void backend_write(struct backend *b, bool succeeded)
{
    pthread_mutex_lock(&b->lock);
    b->write_failed = succeeded ? 0 : backend_now();
    pthread_mutex_unlock(&b->lock);
}

/* --- one operation ---------------------------------------------------------------------------------------------------
 */

static void report(struct backend_call *call)
{
    struct backend *b = call->backend;
    enum breaker_outcome outcome = call->deadline.cancelled ? BREAKER_UNDECIDED
                                   : call->failed           ? BREAKER_FAILURE
                                                            : BREAKER_SUCCESS;
    bool changed = breaker_report(&b->breaker, backend_now(), outcome);
    if (outcome == BREAKER_SUCCESS) {
        pthread_mutex_lock(&b->lock);
        b->worked = backend_now();
        if (changed)
            b->logged = 0;
        pthread_mutex_unlock(&b->lock);
    }
    if (changed && outcome == BREAKER_SUCCESS)
        backend_log(b, TRUSTEE_LOG_INFO, "%s: the server answers again", b->name);
}

static trustee_status with_connection(struct backend_call *call, backend_use use, void *argument)
{
    struct backend *b = call->backend;
    trustee_status status = TRUSTEE_OK;
    if (!call->connection) {
        status = b->kind->connect(call, b->user);
        call->failed |= status != TRUSTEE_OK;
    }
    if (status == TRUSTEE_OK)
        status = use(call, argument);
    if (call->failed || call->drop || !call->connection)
        backend_pool_drop(&b->pool, call->connection);
    else
        backend_pool_give(&b->pool, call->connection);
    return status;
}

static trustee_status run(struct backend_call *call, backend_use use, void *argument)
{
    struct backend *b = call->backend;
    if (!backend_pool_take(&b->pool, &call->deadline, &call->connection)) {
        backend_trouble(b, "all connections are in use");
        call->deadline.cancelled = true; /* those that hold them tell how the server is */
        report(call);
        return TRUSTEE_E_AGAIN;
    }
    trustee_status status = with_connection(call, use, argument);
    report(call);
    return status;
}

trustee_status backend_run(struct backend *b, trustee_request *req, backend_use use, void *argument)
{
    struct backend_call call = {.backend = b};
    if (!breaker_admit(&b->breaker, backend_now()))
        return TRUSTEE_E_AGAIN;
    deadline_begin(&call.deadline, b->host, req, b->timeout_ms);
    trustee_status status = run(&call, use, argument);
    return status == TRUSTEE_E_CONFIG ? TRUSTEE_E_AGAIN : status;
}

trustee_status backend_first(struct backend *b, backend_use use, void *argument)
{
    struct backend_call call = {.backend = b};
    deadline_begin(&call.deadline, b->host, NULL, b->timeout_ms);
    return run(&call, use, argument);
}

/* --- readiness -------------------------------------------------------------------------------------------------------
 */

trustee_status backend_ready(struct backend *b, backend_use probe, slice room, uint64_t *length)
{
    *length = 0;
    pthread_mutex_lock(&b->lock);
    bool read_only = is_recent(b->write_failed, WRITE_FAILED_MS), fresh = is_recent(b->worked, FRESH_MS);
    pthread_mutex_unlock(&b->lock);
    if (!read_only && fresh && breaker_pause(&b->breaker, backend_now()) == 0)
        return TRUSTEE_OK;
    if (!read_only && backend_run(b, NULL, probe, NULL) == TRUSTEE_OK)
        return TRUSTEE_OK;
    pthread_mutex_lock(&b->lock);
    size_t size = strlen(b->why);
    *length = size < room.len ? size : room.len;
    if (*length)
        memcpy((uint8_t *)(uintptr_t)room.ptr, b->why, *length);
    pthread_mutex_unlock(&b->lock);
    return TRUSTEE_E_AGAIN;
}
