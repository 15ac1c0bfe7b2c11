/* SPDX-License-Identifier: Apache-2.0
 *
 * Exchanges that wait for something outside without holding a thread.
 */
#include <pthread.h>

#include "tests/unit/http_server.h"

#define PARK "POST /park HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
#define HEALTHZ "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"

static struct http_exchange *_Atomic parked;
static atomic_int resumed, gone;

static void on_resumed(struct http_exchange *x)
{
    if (http_gone(x))
        atomic_fetch_add(&gone, 1);
    atomic_fetch_add(&resumed, 1);
    handle_echo(x);
}

static void handle_park(struct http_exchange *x)
{
    if (!http_park(x, on_resumed)) {
        answer(x, 503, S("too many wait"));
        return;
    }
    atomic_store(&parked, x);
}

static const struct http_route PARKING[] = {
    {HTTP_METHOD_GET, "/healthz", ACCESS_PUBLIC, BODY_NONE, handle_empty, "healthz"},
    {HTTP_METHOD_POST, "/park", ACCESS_GUEST, BODY_LARGE, handle_park, "park"},
};

static struct fixture f;

static void setup(void)
{
    f = fixture_make();
    f.settings.routes = PARKING;
    f.settings.route_count = 2;
    f.settings.slots = 8;
    fixture_start(&f);
}

TestSuite(http_park, .init = setup, .timeout = 20);

static void *resume(void *x)
{
    http_resume(x);
    return NULL;
}

static void resume_elsewhere(struct http_exchange *x)
{
    pthread_t thread;
    pthread_create(&thread, NULL, resume, x);
    pthread_join(thread, NULL);
}

static int park(struct http_exchange **x)
{
    int fd = dial(f.port);
    atomic_store(&parked, NULL);
    push(fd, S(PARK));
    EVENTUALLY(atomic_load(&parked));
    *x = atomic_load(&parked);
    return fd;
}

static struct answer ask(slice request)
{
    int fd = dial(f.port);
    push(fd, request);
    struct answer a = pull_reply(fd);
    close(fd);
    return a;
}

Test(http_park, a_parked_exchange_goes_on_with_its_body_when_another_thread_says_so)
{
    struct http_exchange *x;
    int fd = park(&x);
    struct answer a = ask(S(HEALTHZ));
    cr_assert_eq(status_of(&a), 200, "the worker serves others meanwhile");
    resume_elsewhere(x);
    a = pull_reply(fd);
    cr_assert_eq(status_of(&a), 200);
    cr_assert_str_eq(body_of(&a), "body");
    close(fd);
    http_server_stop(f.server, 100);
}

Test(http_park, a_quarter_of_the_slots_may_wait_and_the_next_is_told_so)
{
    struct http_exchange *x[2];
    int fd[2];
    for (int i = 0; i < 2; i++)
        fd[i] = park(&x[i]);
    struct answer a = ask(S(PARK));
    cr_assert_eq(status_of(&a), 503);
    resume_elsewhere(x[0]);
    EVENTUALLY(atomic_load(&resumed) == 1);
    struct http_exchange *third;
    int again = park(&third);
    resume_elsewhere(third);
    resume_elsewhere(x[1]);
    for (int i = 0; i < 2; i++)
        close(fd[i]);
    close(again);
    http_server_stop(f.server, 100);
}

Test(http_park, it_goes_on_though_the_client_has_gone)
{
    struct http_exchange *x;
    int fd = park(&x);
    struct linger reset = {1, 0}; /* half a close does not mean that nobody reads */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    pause_ms(50);
    resume_elsewhere(x);
    EVENTUALLY(atomic_load(&resumed) == 1);
    cr_assert_eq(atomic_load(&gone), 1);
    http_server_stop(f.server, 100);
}

static void *stop(void *server)
{
    http_server_stop(server, 50);
    return NULL;
}

Test(http_park, the_end_waits_for_what_is_parked)
{
    struct http_exchange *x;
    pthread_t thread;
    int fd = park(&x);
    pthread_create(&thread, NULL, stop, f.server);
    pause_ms(300);
    cr_assert_eq(atomic_load(&resumed), 0);
    resume_elsewhere(x);
    pthread_join(thread, NULL);
    cr_assert_eq(atomic_load(&resumed), 1);
    close(fd);
}
