/* SPDX-License-Identifier: Apache-2.0
 *
 * What connections and requests cost in memory. Allocations are counted by standing in front of the C library's; under
 * the sanitizers, which do the same, these tests are left out.
 */
#include "tests/unit/http_server.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <sys/resource.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static atomic_int allocations;

void *malloc(size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(old, size);
}

/* Sends the request and reads replies of `length` bytes, `times` times; returns how many allocations that took. */
static int allocations_of(int fd, slice request, size_t length, int times)
{
    int before = atomic_load(&allocations);
    for (int i = 0; i < times; i++) {
        push(fd, request);
        struct answer a = pull(fd, length, 2000);
        cr_assert_eq(a.length, length, "%zu: %s", a.length, a.text);
    }
    return atomic_load(&allocations) - before;
}

Test(http_memory, requests_on_a_kept_connection_allocate_nothing)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    static char text[150000];
    static const slice heads[] = {
        TRUSTEE_TEXT("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
        TRUSTEE_TEXT("GET /kbs/v0/resource/a/b/c HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\n\r\n"),
        TRUSTEE_TEXT("POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"),
        TRUSTEE_TEXT("POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"),
        TRUSTEE_TEXT("POST /kbs/v0/hold HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"),
    };
    static const size_t bodies[] = {0, 0, 1000, 100000, 1000};
    atomic_store(&release_held, true);
    for (size_t i = 0; i < 5; i++) {
        int fd = dial(f.port);
        memset(text, 'x', sizeof text);
        memcpy(text, heads[i].ptr, heads[i].len);
        slice request = slice_of(text, heads[i].len + bodies[i]);
        push(fd, request);
        size_t length = pull_reply(fd).length;
        (void)allocations_of(fd, request, length, 5);
        int n = allocations_of(fd, request, length, 200);
        cr_expect_eq(n, 0, "request %zu: %d allocations", i, n);
        close(fd);
    }
    http_server_stop(f.server, 1000);
}

static size_t resident_kib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    cr_assert(f && fscanf(f, "%*d %ld", &pages) == 1);
    fclose(f);
    return (size_t)(pages * (sysconf(_SC_PAGESIZE) / 1024));
}

Test(http_memory, an_idle_connection_costs_less_than_8_kib)
{
    enum { MANY = 400 };
    struct fixture f = fixture_make();
    f.settings.connections = MANY + 10;
    fixture_start(&f);
    static int fds[MANY];
    for (int i = 0; i < 10; i++)
        fds[i] = dial(f.port);
    (void)pull(fds[0], 1, 50);
    size_t before = resident_kib();
    for (int i = 10; i < MANY; i++) {
        fds[i] = dial(f.port);
        push(fds[i], S("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"));
        struct answer a = pull_reply(fds[i]);
        cr_assert_eq(status_of(&a), 200);
    }
    cr_assert_lt((resident_kib() - before) / MANY, 8);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    http_server_stop(f.server, 1000);
}

#endif
