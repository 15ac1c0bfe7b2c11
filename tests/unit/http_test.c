/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "tests/unit/http_server.h"

#define HEALTHZ "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
#define ATTEST "POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\n"
#define HOLD "POST /kbs/v0/hold HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"

/* One request, one reply, on a connection of its own. */
static struct answer ask(const struct fixture *f, slice request)
{
    int fd = dial(f->port);
    push(fd, request);
    struct answer a = pull_reply(fd);
    close(fd);
    return a;
}

static slice with_body(const char *head, size_t length)
{
    static char text[4 << 20];
    int n = snprintf(text, 1024, "%sContent-Length: %zu\r\n\r\n", head, length);
    for (size_t i = 0; i < length; i++)
        text[(size_t)n + i] = (char)('A' + i % 26);
    return slice_of(text, (size_t)n + length);
}

static bool is_alphabet(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] != (char)('A' + i % 26))
            return false;
    return true;
}

Test(http, a_reply_has_length_date_and_no_more_than_it_needs)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    struct answer a = ask(&f, S(HEALTHZ));
    char day[4], month[4];
    int mday, year, h, m, s;
    int n = sscanf(a.text, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ndate: %3s, %d %3s %d %d:%d:%d GMT\r\n\r\n", day,
                   &mday, month, &year, &h, &m, &s);
    cr_assert_eq(n, 7, "%s", a.text);
    time_t now = time(NULL);
    struct tm t;
    gmtime_r(&now, &t);
    cr_assert_eq(mday, t.tm_mday);
    cr_assert_eq(year, t.tm_year + 1900);
    http_server_stop(f.server, 1000);
    cr_assert_eq(atomic_load(&connections), 0);
    cr_assert_eq(atomic_load(&observed), 1);
}

Test(http, a_connection_serves_many_requests)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    int fd = dial(f.port);
    for (int i = 0; i < 1000; i++) {
        push(fd, S(HEALTHZ));
        struct answer a = pull_reply(fd);
        cr_assert_eq(status_of(&a), 200);
    }
    cr_assert_eq(atomic_load(&connections), 1);
    close(fd);
    http_server_stop(f.server, 1000);
}

Test(http, connection_close_and_http_1_0_end_the_connection)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    static const slice requests[] = {
        TRUSTEE_TEXT("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
        TRUSTEE_TEXT("GET /healthz HTTP/1.0\r\n\r\n"),
        TRUSTEE_TEXT("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    };
    for (size_t i = 0; i < 3; i++) {
        int fd = dial(f.port);
        push(fd, requests[i]);
        struct answer a = pull(fd, SIZE_MAX, 2000);
        cr_assert(a.closed);
        cr_assert_eq(status_of(&a), 200);
        cr_assert_not_null(strstr(a.text, "connection: close"));
        close(fd);
    }
    http_server_stop(f.server, 1000);
}

Test(http, pipelined_requests_are_answered_in_order)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    static char text[256 << 10];
    size_t n = 0;
    for (int i = 0; i < 1000; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "GET /kbs/v0/resource/%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
    int fd = dial(f.port);
    push(fd, slice_of(text, n));
    for (int i = 0; i < 1000; i++) {
        char want[32];
        snprintf(want, sizeof want, "rest=%d ", i);
        struct answer a = pull_reply(fd);
        cr_assert_not_null(strstr(a.text, want), "%s not in %s", want, a.text);
    }
    close(fd);
    http_server_stop(f.server, 1000);
}

Test(http, pipelined_requests_wait_while_one_is_with_the_pool)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    int fd = dial(f.port);
    push(fd, S(HOLD HEALTHZ HOLD HEALTHZ));
    EVENTUALLY(atomic_load(&held) == 1);
    pause_ms(20);
    cr_assert_eq(atomic_load(&seen), 1);
    atomic_store(&release_held, true);
    static const char *const bodies[] = {"x", "", "x", ""};
    for (int i = 0; i < 4; i++) {
        struct answer a = pull_reply(fd);
        cr_assert_eq(status_of(&a), 200);
        cr_assert_str_eq(body_of(&a), bodies[i]);
    }
    close(fd);
    http_server_stop(f.server, 1000);
}

Test(http, a_body_that_looks_like_a_request_is_a_body)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    int fd = dial(f.port);
    push(fd, S("GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 34\r\n\r\n" HEALTHZ HEALTHZ));
    for (int i = 0; i < 2; i++) {
        struct answer a = pull_reply(fd);
        cr_assert_eq(status_of(&a), 200);
    }
    cr_assert_eq(pull(fd, 1, 50).length, 0);
    cr_assert_eq(atomic_load(&seen), 2);
    close(fd);
    http_server_stop(f.server, 1000);
}

Test(http, bodies_of_all_sizes_arrive_whole)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    static const size_t sizes[] = {0,     1,     100,   16000,  16300,   16320,  16330,
                                   16384, 20000, 65536, 100000, 1000000, 1 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct answer a = ask(&f, with_body(ATTEST, sizes[i]));
        cr_assert_eq(status_of(&a), 200);
        size_t head = (size_t)(body_of(&a) - a.text);
        cr_assert_eq(a.length - head, sizes[i], "%zu: %zu", sizes[i], a.length - head);
        cr_assert(is_alphabet(body_of(&a), sizes[i]));
    }
    struct answer a = ask(&f, with_body(ATTEST, (1 << 20) + 1));
    cr_assert_eq(status_of(&a), 413);
    http_server_stop(f.server, 1000);
}

Test(http, chunked_bodies_arrive_whole)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    static char text[2 << 20];
    static const size_t chunks[] = {1, 7, 1000, 16384, 50000};
    for (size_t k = 0; k < sizeof chunks / sizeof *chunks; k++) {
        size_t body = 100000, n = (size_t)snprintf(text, 256, ATTEST "Transfer-Encoding: Chunked\r\n\r\n");
        for (size_t at = 0; at < body;) {
            size_t size = body - at < chunks[k] ? body - at : chunks[k];
            n += (size_t)snprintf(text + n, 32, "%zx%s\r\n", size, k == 0 || at % 3 ? "" : ";name=\"value\"");
            for (size_t i = 0; i < size; i++, at++)
                text[n++] = (char)('A' + at % 26);
            n += (size_t)snprintf(text + n, 3, "\r\n");
        }
        n += (size_t)snprintf(text + n, 6, "0\r\n\r\n");
        struct answer a = ask(&f, slice_of(text, n));
        cr_assert_eq(status_of(&a), 200, "%s", a.text);
        cr_assert_eq(strlen(body_of(&a)), body);
        cr_assert(is_alphabet(body_of(&a), body));
    }
    http_server_stop(f.server, 1000);
}

/* Whatever the network makes of it. */
Test(http, requests_cut_anywhere_are_the_same_requests)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    static const slice both = TRUSTEE_TEXT("POST /kbs/v0/auth?q HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\nContent-Type: "
                                           "text/plain\r\nContent-Length: 5\r\n\r\nhello"
                                           "\r\nPOST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                                           "chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
                                           "GET /kbs/v0/resource/%41/b?c=d HTTP/1.1\r\nHost: a\r\nCookie: k=v\r\n\r\n");
    for (size_t cut = 1; cut < both.len; cut++) {
        int fd = dial(f.port);
        push(fd, slice_sub(both, 0, cut));
        if (cut % 4 == 0)
            pause_ms(1);
        push(fd, slice_sub(both, cut, both.len));
        struct answer a = pull_reply(fd);
        cr_assert_str_eq(body_of(&a), "hello", "cut at %zu: %s", cut, a.text);
        a = pull_reply(fd);
        cr_assert_str_eq(body_of(&a), "abcde", "cut at %zu: %s", cut, a.text);
        a = pull_reply(fd);
        cr_assert_str_eq(body_of(&a), "path=/kbs/v0/resource/A/b rest=A/b query=c=d cookie=k=v peer=127.0.0.1");
        close(fd);
    }
    http_server_stop(f.server, 1000);
}

Test(http, many_large_pipelined_heads_and_bodies_are_told_apart)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    static char text[1 << 20];
    size_t n = 0;
    for (int i = 0; i < 60; i++) {
        n += (size_t)snprintf(text + n, 128, "POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nX: ");
        size_t filler = (size_t)(i * 331) % 9000, body = (size_t)(i * 977) % 12000;
        memset(text + n, 'f', filler);
        n += filler;
        n += (size_t)snprintf(text + n, 64, "\r\nContent-Length: %zu\r\n\r\n", body);
        for (size_t k = 0; k < body; k++)
            text[n++] = (char)('A' + k % 26);
    }
    int fd = dial(f.port);
    push(fd, slice_of(text, n));
    for (int i = 0; i < 60; i++) {
        struct answer a = pull_reply(fd);
        cr_assert_eq(status_of(&a), 200, "%d: %s", i, a.text);
        cr_assert_eq(strlen(body_of(&a)), (size_t)(i * 977) % 12000);
        cr_assert(is_alphabet(body_of(&a), strlen(body_of(&a))));
    }
    close(fd);
    http_server_stop(f.server, 1000);
}

Test(http, a_secret_body_lies_in_the_secret_arena)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    static const char head[] = "POST /kbs/v0/resource/a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer admin\r\n";
    static const size_t sizes[] = {1, 100, 20000, 1 << 20};
    for (size_t i = 0; i < 4; i++) {
        char want[32];
        struct answer a = ask(&f, with_body(head, sizes[i]));
        snprintf(want, sizeof want, "%zu secret", sizes[i]);
        cr_assert_str_eq(body_of(&a), want);
    }
    struct answer a = ask(&f, S("POST /kbs/v0/resource/a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer admin\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"));
    cr_assert_str_eq(body_of(&a), "6 secret");
    http_server_stop(f.server, 1000);
}

Test(http, an_administrator_is_judged_before_the_body_is_read)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    struct answer a = ask(&f, S("POST /kbs/v0/resource/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"));
    cr_assert_eq(status_of(&a), 401);
    cr_assert_str_eq(body_of(&a), "not an administrator");
    cr_assert_eq(atomic_load(&seen), 0);
    http_server_stop(f.server, 1000);
}

Test(http, expect_gets_100_when_all_else_is_fine)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    int fd = dial(f.port);
    push(fd, S(ATTEST "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n"));
    struct answer a = pull_reply(fd);
    cr_assert_str_eq(a.text, "HTTP/1.1 100 Continue\r\n\r\n");
    push(fd, S("abc"));
    a = pull_reply(fd);
    cr_assert_eq(status_of(&a), 200);
    cr_assert_str_eq(body_of(&a), "abc");
    /* A client that does not wait gets no 100. */
    push(fd, S(ATTEST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"));
    a = pull_reply(fd);
    cr_assert_eq(status_of(&a), 200);
    close(fd);
    http_server_stop(f.server, 1000);
}

Test(http, a_client_that_has_closed_its_side_gets_the_whole_reply)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    int fd = dial(f.port);
    push(fd, S("GET /big?3000000 HTTP/1.1\r\nHost: a\r\n\r\n"));
    shutdown(fd, SHUT_WR);
    struct answer a = pull(fd, SIZE_MAX, 2000);
    cr_assert(a.closed);
    cr_assert_eq(strlen(body_of(&a)), 3000000);
    close(fd);
    atomic_store(&release_held, true);
    fd = dial(f.port);
    push(fd, S(HOLD));
    shutdown(fd, SHUT_WR);
    a = pull(fd, SIZE_MAX, 2000);
    cr_assert_eq(status_of(&a), 200);
    cr_assert_eq(atomic_load(&gone_seen), 0);
    close(fd);
    http_server_stop(f.server, 1000);
}

Test(http, a_reply_larger_than_the_socket_takes_arrives_whole)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    int fd = dial(f.port);
    push(fd, S("GET /big?7000000 HTTP/1.1\r\nHost: a\r\n\r\n" HEALTHZ));
    pause_ms(50);
    struct answer a = pull_reply(fd);
    const char *body = body_of(&a);
    cr_assert_eq(strlen(body), 7000000);
    for (size_t i = 0; i < 7000000; i++)
        cr_assert(body[i] == (char)('a' + i % 23));
    a = pull_reply(fd);
    cr_assert_eq(status_of(&a), 200);
    close(fd);
    http_server_stop(f.server, 1000);
}

Test(http, who_does_not_read_is_cut_off_and_costs_a_bounded_buffer)
{
    struct fixture f = fixture_make();
    f.settings.write_timeout_ms = 100;
    fixture_start(&f);
    int fd = dial(f.port);
    for (int i = 0; i < 200; i++)
        if (!push(fd, S("GET /big?1000000 HTTP/1.1\r\nHost: a\r\n\r\n")))
            break;
    EVENTUALLY(atomic_load(&connections) == 0);
    cr_assert_lt(atomic_load(&seen), 20);
    close(fd);
    http_server_stop(f.server, 1000);
}

Test(http, slow_clients_are_cut_off)
{
    struct fixture f = fixture_make();
    f.settings.head_timeout_ms = f.settings.body_timeout_ms = f.settings.idle_timeout_ms = 100;
    fixture_start(&f);
    static const slice starts[] = {
        TRUSTEE_TEXT("GET /heal"),
        TRUSTEE_TEXT("GET /healthz HTTP/1.1\r\nHost: a\r\nX: "),
        TRUSTEE_TEXT("POST /kbs/v0/auth HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx"),
        TRUSTEE_TEXT("POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nx"),
        TRUSTEE_TEXT("POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n500\r\nx"),
    };
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        int fd = dial(f.port);
        push(fd, starts[i]);
        struct answer a = {0};
        /* One byte now and then does not help. */
        for (int k = 0; k < 100 && a.length == 0; k++) {
            (void)push(fd, S("1"));
            a = pull(fd, 1, 10);
        }
        cr_assert_eq(memcmp(a.text, "H", 1), 0);
        a = pull(fd, SIZE_MAX, 1000);
        cr_assert(a.closed);
        cr_assert_eq(atomic_load(&last_status), 408, "%zu", i);
        close(fd);
    }
    /* Who has not begun, or is between requests, is closed without a word. */
    int fd = dial(f.port);
    struct answer a = pull(fd, SIZE_MAX, 2000);
    cr_assert(a.closed && a.length == 0);
    close(fd);
    fd = dial(f.port);
    push(fd, S(HEALTHZ));
    a = pull_reply(fd);
    a = pull(fd, SIZE_MAX, 2000);
    cr_assert(a.closed && a.length == 0);
    close(fd);
    EVENTUALLY(atomic_load(&connections) == 0);
    http_server_stop(f.server, 1000);
}

Test(http, when_all_slots_are_in_use_others_get_503_and_probes_are_served)
{
    struct fixture f = fixture_make();
    f.settings.slots = 2;
    fixture_start(&f);
    int a = dial(f.port), b = dial(f.port), c = dial(f.port);
    push(a, S(HOLD));
    push(b, S(HOLD));
    EVENTUALLY(atomic_load(&held) == 2);
    push(c, S(HOLD));
    struct answer r = pull_reply(c);
    cr_assert_eq(status_of(&r), 503);
    cr_assert_not_null(strstr(r.text, "retry-after: 1\r\n"));
    cr_assert_not_null(strstr(r.text, "http.busy"));
    push(c, S(HEALTHZ));
    r = pull_reply(c);
    cr_assert_eq(status_of(&r), 200);
    atomic_store(&release_held, true);
    r = pull_reply(a);
    cr_assert_eq(status_of(&r), 200);
    push(c, S(HOLD));
    r = pull_reply(c);
    cr_assert_eq(status_of(&r), 200);
    http_server_stop(f.server, 1000);
}

Test(http, small_bodies_on_their_way_hold_no_slot)
{
    struct fixture f = fixture_make();
    f.settings.slots = 1;
    fixture_start(&f);
    int slow[8];
    for (int i = 0; i < 8; i++) {
        slow[i] = dial(f.port);
        push(slow[i], S("POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"));
    }
    pause_ms(20);
    struct answer a = ask(&f, with_body(ATTEST, 100000));
    cr_assert_eq(status_of(&a), 200);
    for (int i = 0; i < 8; i++) {
        push(slow[i], S("defghij"));
        a = pull_reply(slow[i]);
        cr_assert_str_eq(body_of(&a), "abcdefghij");
    }
    http_server_stop(f.server, 1000);
}

Test(http, a_slot_is_free_again_when_its_client_has_gone_while_sending)
{
    struct fixture f = fixture_make();
    f.settings.slots = 1;
    fixture_start(&f);
    for (int i = 0; i < 20; i++) {
        int fd = dial(f.port);
        push(fd, S("POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nx"));
        if (i % 2)
            pause_ms(2);
        close(fd);
    }
    EVENTUALLY(atomic_load(&connections) == 0);
    struct answer a = ask(&f, with_body(ATTEST, 100000));
    cr_assert_eq(status_of(&a), 200);
    http_server_stop(f.server, 1000);
}

Test(http, a_handler_learns_that_its_client_has_gone)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    int fd = dial(f.port);
    push(fd, S(HOLD));
    EVENTUALLY(atomic_load(&held) == 1);
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
    pause_ms(20);
    atomic_store(&release_held, true);
    EVENTUALLY(atomic_load(&gone_seen) == 1);
    EVENTUALLY(atomic_load(&connections) == 0);
    cr_assert_eq(atomic_load(&observed), 1);
    http_server_stop(f.server, 1000);
}

Test(http, more_connections_than_configured_are_turned_away)
{
    struct fixture f = fixture_make();
    f.settings.connections = 2;
    fixture_start(&f);
    int a = dial(f.port), b = dial(f.port);
    push(a, S(HEALTHZ));
    push(b, S(HEALTHZ));
    struct answer r = pull_reply(a);
    r = pull_reply(b);
    int c = dial(f.port);
    r = pull(c, SIZE_MAX, 2000);
    cr_assert(r.closed);
    cr_assert_eq(status_of(&r), 503);
    close(a);
    EVENTUALLY(atomic_load(&connections) == 1);
    r = ask(&f, S(HEALTHZ));
    cr_assert_eq(status_of(&r), 200);
    http_server_stop(f.server, 1000);
}

Test(http, several_workers_share_one_port)
{
    struct fixture f = fixture_make();
    f.settings.workers = 3;
    fixture_start(&f);
    for (int i = 0; i < 100; i++) {
        struct answer a = ask(&f, S(HEALTHZ));
        cr_assert_eq(status_of(&a), 200);
    }
    http_server_stop(f.server, 1000);
    cr_assert_eq(atomic_load(&seen), 100);
}

Test(http, an_ipv6_listener_serves_both_families_and_tells_who_asks)
{
    struct fixture f = fixture_make();
    f.listeners[0].address = "[::]";
    fixture_start(&f);
    struct answer a = ask(&f, S("GET /kbs/v0/resource/a HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"));
    cr_assert_not_null(strstr(a.text, "peer=127.0.0.1"), "%s", a.text);
    http_server_stop(f.server, 1000);
}

/* Once the server is stopping: a reply that is out before does not say that the connection closes. */
static void *release_soon(void *unused)
{
    (void)unused;
    pause_ms(100);
    atomic_store(&release_held, true);
    return NULL;
}

Test(http, stopping_lets_requests_in_flight_finish)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    int busy = dial(f.port), idle = dial(f.port), sending = dial(f.port);
    push(idle, S(HEALTHZ));
    struct answer a = pull_reply(idle);
    push(busy, S(HOLD));
    push(sending, S("POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na"));
    EVENTUALLY(atomic_load(&held) == 1);
    pid_t helper = fork();
    if (helper == 0) {
        pause_ms(100);
        push(sending, S("bc"));
        _exit(0);
    }
    struct timespec before, after;
    pthread_t releasing;
    clock_gettime(CLOCK_MONOTONIC, &before);
    cr_assert_eq(pthread_create(&releasing, NULL, release_soon, NULL), 0);
    http_server_stop(f.server, 5000);
    pthread_join(releasing, NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);
    cr_assert_lt(after.tv_sec - before.tv_sec, 3);
    a = pull(busy, SIZE_MAX, 100);
    cr_assert_eq(status_of(&a), 200);
    cr_assert_not_null(strstr(a.text, "connection: close"));
    a = pull(sending, SIZE_MAX, 100);
    cr_assert_str_eq(body_of(&a), "abc");
    a = pull(idle, SIZE_MAX, 100);
    cr_assert(a.closed && a.length == 0);
    cr_assert_eq(atomic_load(&connections), 0);
}

Test(http, stopping_cuts_off_who_takes_longer_than_the_grace)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    int fd = dial(f.port), late = dial(f.port);
    push(fd, S("POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na"));
    push(late, S("GET /big?7000000 HTTP/1.1\r\nHost: a\r\n\r\n"));
    EVENTUALLY(atomic_load(&seen) == 1);
    http_server_stop(f.server, 50);
    struct answer a = pull(fd, SIZE_MAX, 100);
    cr_assert(a.closed && a.length == 0);
    cr_assert_eq(atomic_load(&connections), 0);
}

Test(http, a_port_in_use_and_a_bad_address_are_told)
{
    struct fixture f = fixture_make();
    int taken = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof a;
    cr_assert_eq(bind(taken, (struct sockaddr *)&a, sizeof a) | listen(taken, 1), 0);
    getsockname(taken, (struct sockaddr *)&a, &length);
    struct http_server *server;
    char error[256];
    f.settings.listeners = f.listeners;
    f.listeners[0].port = ntohs(a.sin_port);
    cr_assert_eq(http_server_start(&f.settings, &f, &server, error, sizeof error).reason, IO);
    cr_assert_not_null(strstr(error, "in use"), "%s", error);
    f.listeners[0] = (struct http_listener){.address = "localhost"};
    cr_assert_eq(http_server_start(&f.settings, &f, &server, error, sizeof error).reason, CONFIG_VALUE);
    cr_assert_not_null(strstr(error, "localhost"));
}
