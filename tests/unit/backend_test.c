/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/backend/backend.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MS BACKEND_NS_PER_MS

/* --- a host ----------------------------------------------------------------------------------------------------------
 */

static char log_text[4096];
static unsigned log_lines;
static uint32_t is_cancelled;

static void host_log(void *ctx, uint32_t level, slice text)
{
    (void)ctx, (void)level;
    log_lines++;
    snprintf(log_text, sizeof log_text, "%.*s", SLICE_ARG(text));
}

static uint32_t host_cancelled(trustee_request *req)
{
    (void)req;
    return is_cancelled;
}

static const trustee_host host = {.size = sizeof host, .log = host_log, .cancelled = host_cancelled};
static trustee_request *const request = (trustee_request *)&log_lines;

/* --- breaker ---------------------------------------------------------------------------------------------------------
 */

static struct breaker breaker;

static void break_it(uint64_t now)
{
    cr_assert(breaker_begin(&breaker));
    for (int i = 0; i < BREAKER_FAILURES; i++) {
        cr_assert(breaker_admit(&breaker, now));
        cr_assert_eq(breaker_report(&breaker, now, BREAKER_FAILURE), i == BREAKER_FAILURES - 1);
    }
}

Test(breaker, it_opens_after_three_failures_in_a_row)
{
    break_it(1000);
    cr_assert_not(breaker_admit(&breaker, 1000));
    cr_assert_eq(breaker_pause(&breaker, 1000), BREAKER_PAUSE_MS + 1);
}

Test(breaker, a_success_between_failures_keeps_it_closed)
{
    cr_assert(breaker_begin(&breaker));
    for (int i = 0; i < 20; i++) {
        cr_assert(breaker_admit(&breaker, 1));
        (void)breaker_report(&breaker, 1, i % 3 == 2 ? BREAKER_SUCCESS : BREAKER_FAILURE);
    }
    cr_assert(breaker_admit(&breaker, 1));
}

Test(breaker, after_the_pause_one_attempt_is_admitted_and_no_other)
{
    break_it(0);
    uint64_t later = (BREAKER_PAUSE_MS + 1) * MS;
    cr_assert_not(breaker_admit(&breaker, (BREAKER_PAUSE_MS - 1) * MS));
    cr_assert(breaker_admit(&breaker, later));
    cr_assert_not(breaker_admit(&breaker, later));
}

Test(breaker, the_attempts_success_closes_it)
{
    break_it(0);
    uint64_t later = (BREAKER_PAUSE_MS + 1) * MS;
    cr_assert(breaker_admit(&breaker, later));
    cr_assert(breaker_report(&breaker, later, BREAKER_SUCCESS));
    cr_assert(breaker_admit(&breaker, later));
    cr_assert(breaker_admit(&breaker, later));
    cr_assert_eq(breaker_pause(&breaker, later), 0);
}

Test(breaker, each_failing_attempt_doubles_the_pause_up_to_a_limit)
{
    uint64_t now = 0, pause = BREAKER_PAUSE_MS;
    break_it(now);
    for (int i = 0; i < 10; i++) {
        now += (pause + 1) * MS;
        cr_assert(breaker_admit(&breaker, now));
        cr_assert_not(breaker_report(&breaker, now, BREAKER_FAILURE));
        pause = pause * 2 < BREAKER_PAUSE_MAX_MS ? pause * 2 : BREAKER_PAUSE_MAX_MS;
        cr_assert_eq(breaker_pause(&breaker, now), pause + 1);
    }
    cr_assert_eq(pause, BREAKER_PAUSE_MAX_MS);
}

Test(breaker, an_attempt_that_was_given_up_lets_the_next_one_try)
{
    break_it(0);
    uint64_t later = (BREAKER_PAUSE_MS + 1) * MS;
    cr_assert(breaker_admit(&breaker, later));
    cr_assert_not(breaker_report(&breaker, later, BREAKER_UNDECIDED));
    cr_assert(breaker_admit(&breaker, later));
}

Test(breaker, failures_of_before_it_opened_do_not_lengthen_the_pause)
{
    break_it(0);
    for (int i = 0; i < 5; i++)
        (void)breaker_report(&breaker, 0, BREAKER_FAILURE);
    cr_assert_eq(breaker_pause(&breaker, 0), BREAKER_PAUSE_MS + 1);
}

/* --- pool ------------------------------------------------------------------------------------------------------------
 */

static unsigned closed;
static bool is_usable = true;

static bool usable(void *connection)
{
    (void)connection;
    return is_usable;
}

static void close_one(void *connection)
{
    (void)connection;
    __atomic_add_fetch(&closed, 1, __ATOMIC_RELAXED);
}

static const struct backend_pool_kind pool_kind = {usable, close_one};
static struct backend_pool pool;
static int one, two;

static bool take(uint64_t ms, void **connection)
{
    struct deadline d;
    deadline_begin(&d, &host, request, ms);
    return backend_pool_take(&pool, &d, connection);
}

Test(pool, it_grants_as_many_connections_as_it_may_and_no_more)
{
    void *c;
    cr_assert(backend_pool_begin(&pool, &pool_kind, 2));
    cr_assert(take(20, &c) && !c);
    cr_assert(take(20, &c) && !c);
    uint64_t before = backend_now();
    cr_assert_not(take(50, &c));
    cr_assert_geq(backend_now() - before, 50 * MS);
}

Test(pool, what_was_given_back_last_is_taken_first)
{
    void *c;
    cr_assert(backend_pool_begin(&pool, &pool_kind, 2));
    cr_assert(take(20, &c) && take(20, &c));
    backend_pool_give(&pool, &one);
    backend_pool_give(&pool, &two);
    cr_assert(take(20, &c));
    cr_assert_eq(c, &two);
}

Test(pool, an_idle_connection_that_is_broken_is_closed_and_replaced)
{
    void *c = &two;
    cr_assert(backend_pool_begin(&pool, &pool_kind, 1));
    cr_assert(take(20, &c));
    backend_pool_give(&pool, &one);
    is_usable = false;
    cr_assert(take(20, &c));
    cr_assert_null(c);
    cr_assert_eq(closed, 1);
    cr_assert_eq(pool.open, 1);
}

Test(pool, dropping_makes_room)
{
    void *c;
    cr_assert(backend_pool_begin(&pool, &pool_kind, 1));
    cr_assert(take(20, &c));
    backend_pool_drop(&pool, NULL);
    cr_assert_eq(closed, 0);
    cr_assert(take(20, &c));
    backend_pool_drop(&pool, &one);
    cr_assert_eq(closed, 1);
    cr_assert(take(20, &c));
}

Test(pool, its_end_closes_what_lies_idle)
{
    void *c;
    cr_assert(backend_pool_begin(&pool, &pool_kind, 2));
    cr_assert(take(20, &c) && take(20, &c));
    backend_pool_give(&pool, &one);
    backend_pool_give(&pool, &two);
    backend_pool_end(&pool);
    cr_assert_eq(closed, 2);
}

static void *give_later(void *nothing)
{
    usleep(30000);
    backend_pool_give(&pool, &one);
    return nothing;
}

Test(pool, who_waits_gets_what_is_given_back)
{
    void *c;
    pthread_t other;
    cr_assert(backend_pool_begin(&pool, &pool_kind, 1));
    cr_assert(take(20, &c));
    cr_assert_eq(pthread_create(&other, NULL, give_later, NULL), 0);
    cr_assert(take(5000, &c));
    cr_assert_eq(c, &one);
    pthread_join(other, NULL);
}

Test(pool, who_was_cancelled_waits_no_longer)
{
    void *c;
    cr_assert(backend_pool_begin(&pool, &pool_kind, 1));
    cr_assert(take(20, &c));
    is_cancelled = 1;
    uint64_t before = backend_now();
    cr_assert_not(take(5000, &c));
    cr_assert_lt(backend_now() - before, 1000 * MS);
}

static unsigned in_use, most;

static void *use_often(void *nothing)
{
    for (int i = 0; i < 500; i++) {
        void *c;
        if (!take(5000, &c))
            return nothing;
        unsigned n = __atomic_add_fetch(&in_use, 1, __ATOMIC_RELAXED);
        if (n > __atomic_load_n(&most, __ATOMIC_RELAXED))
            __atomic_store_n(&most, n, __ATOMIC_RELAXED);
        __atomic_sub_fetch(&in_use, 1, __ATOMIC_RELAXED);
        if (i % 7 == 0)
            backend_pool_drop(&pool, c ? c : NULL);
        else
            backend_pool_give(&pool, c ? c : &one);
    }
    return nothing;
}

Test(pool, threads_never_hold_more_than_there_may_be)
{
    pthread_t threads[8];
    cr_assert(backend_pool_begin(&pool, &pool_kind, 3));
    for (int i = 0; i < 8; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, use_often, NULL), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    cr_assert_leq(most, 3);
    cr_assert_eq(pool.open, pool.idle_count);
}

/* --- deadline --------------------------------------------------------------------------------------------------------
 */

Test(deadline, a_wait_ends_with_it)
{
    struct deadline d;
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    deadline_begin(&d, &host, NULL, 40);
    uint64_t before = backend_now();
    cr_assert_not(deadline_wait(&d, ends[0], 1));
    cr_assert(backend_now() - before >= 40 * MS && backend_now() - before < 1000 * MS);
    cr_assert_not(d.cancelled);
}

Test(deadline, a_cancelled_request_ends_a_wait)
{
    struct deadline d;
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    deadline_begin(&d, &host, request, 5000);
    is_cancelled = 1;
    cr_assert_not(deadline_wait(&d, ends[0], 1));
    cr_assert(d.cancelled);
}

/* --- all together ----------------------------------------------------------------------------------------------------
 */

static struct backend backend;
static trustee_status connect_answer;
static unsigned connects, uses;

static trustee_status connect_one(struct backend_call *call, void *user)
{
    (void)user;
    connects++;
    if (connect_answer != TRUSTEE_OK)
        backend_trouble(call->backend, "nobody is there");
    else
        call->connection = &one;
    return connect_answer;
}

static const struct backend_kind kind = {{usable, close_one}, connect_one};

static void begin(void)
{
    struct backend_settings s = {&host, "test", &kind, NULL, 100, 2};
    cr_assert(backend_begin(&backend, &s));
}

static void end(void)
{
    backend_end(&backend);
}

TestSuite(backend, .init = begin, .fini = end);

static trustee_status use(struct backend_call *call, void *answer)
{
    uses++;
    cr_assert_eq(call->connection, &one);
    return answer ? *(trustee_status *)answer : TRUSTEE_OK;
}

static trustee_status use_failing(struct backend_call *call, void *nothing)
{
    (void)nothing;
    uses++;
    call->failed = true;
    backend_trouble(call->backend, "it broke");
    return TRUSTEE_E_AGAIN;
}

Test(backend, a_connection_serves_many_operations_and_their_answers_are_handed_on)
{
    trustee_status missing = TRUSTEE_NOT_FOUND;
    for (int i = 0; i < 10; i++)
        cr_assert_eq(backend_run(&backend, request, use, &missing), TRUSTEE_NOT_FOUND);
    cr_assert_eq(connects, 1);
    cr_assert_eq(uses, 10);
}

Test(backend, a_server_that_is_not_there_is_asked_three_times_and_then_left_alone)
{
    connect_answer = TRUSTEE_E_AGAIN;
    for (int i = 0; i < 50; i++)
        cr_assert_eq(backend_run(&backend, request, use, NULL), TRUSTEE_E_AGAIN);
    cr_assert_eq(connects, BREAKER_FAILURES);
    cr_assert_eq(log_lines, 1, "and it is logged once");
}

Test(backend, it_recovers_by_itself)
{
    connect_answer = TRUSTEE_E_AGAIN;
    for (int i = 0; i < 5; i++)
        (void)backend_run(&backend, request, use, NULL);
    connect_answer = TRUSTEE_OK;
    usleep((BREAKER_PAUSE_MS + 20) * 1000);
    cr_assert_eq(backend_run(&backend, request, use, NULL), TRUSTEE_OK);
    cr_assert_str_eq(log_text, "test: the server answers again");
}

Test(backend, a_connection_that_failed_is_closed)
{
    cr_assert_eq(backend_run(&backend, request, use_failing, NULL), TRUSTEE_E_AGAIN);
    cr_assert_eq(closed, 1);
    cr_assert_eq(backend.pool.open, 0);
}

Test(backend, what_was_cancelled_is_not_held_against_the_server)
{
    is_cancelled = 1;
    for (int i = 0; i < 10; i++)
        cr_assert_eq(backend_run(&backend, request, use, NULL), TRUSTEE_E_AGAIN);
    is_cancelled = 0;
    cr_assert_eq(backend_run(&backend, request, use, NULL), TRUSTEE_OK);
}

Test(backend, words_that_will_never_do_are_a_configuration_fault_at_first_and_unavailable_later)
{
    connect_answer = TRUSTEE_E_CONFIG;
    cr_assert_eq(backend_first(&backend, use, NULL), TRUSTEE_E_CONFIG);
    cr_assert_eq(backend_run(&backend, request, use, NULL), TRUSTEE_E_AGAIN);
}

Test(backend, readiness_asks_the_server_and_says_what_is_wrong)
{
    char why[64] = "";
    uint64_t length;
    cr_assert_eq(backend_ready(&backend, use, slice_of(why, sizeof why), &length), TRUSTEE_OK);
    cr_assert_eq(uses, 1);
    cr_assert_eq(backend_ready(&backend, use_failing, slice_of(why, sizeof why), &length), TRUSTEE_OK);
    cr_assert_eq(uses, 1, "what was heard a moment ago is believed");
    backend.worked = 0;
    cr_assert_eq(backend_ready(&backend, use_failing, slice_of(why, sizeof why), &length), TRUSTEE_E_AGAIN);
    cr_assert_eq(length, strlen("it broke"));
    cr_assert_str_eq(why, "it broke");
    cr_assert_eq(backend_ready(&backend, use_failing, slice_of(why, 2), &length), TRUSTEE_E_AGAIN);
    cr_assert_eq(length, 2);
}

Test(backend, a_refused_write_takes_readiness_away_until_one_succeeds)
{
    char why[64];
    uint64_t length;
    cr_assert_eq(backend_run(&backend, request, use, NULL), TRUSTEE_OK);
    backend_write(&backend, false);
    cr_assert_eq(backend_ready(&backend, use, slice_of(why, sizeof why), &length), TRUSTEE_E_AGAIN);
    backend_write(&backend, true);
    cr_assert_eq(backend_ready(&backend, use, slice_of(why, sizeof why), &length), TRUSTEE_OK);
}
