/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"

#include <link.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BENCH_COUNTED 5 /* operations */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
__attribute__((visibility("default"))) void *malloc(size_t size);
__attribute__((visibility("default"))) void *calloc(size_t count, size_t size);

static size_t ours, theirs;
static uintptr_t crypto_start, crypto_end;
static int counter = -1;
static double budget_us;

static void count(uintptr_t caller)
{
    if (caller >= crypto_start && caller < crypto_end)
        theirs++;
    else
        ours++;
}

void *malloc(size_t size)
{
    count((uintptr_t)__builtin_return_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    count((uintptr_t)__builtin_return_address(0));
    return __libc_calloc(number, size);
}

static int find_crypto(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size, (void)unused;
    if (!strstr(info->dlpi_name, "libcrypto"))
        return 0;
    crypto_start = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
        crypto_end = end > crypto_end ? end : crypto_end;
    }
    return 1;
}

void bench_begin(double seconds)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
                                   .size = sizeof attr,
                                   .config = PERF_COUNT_HW_INSTRUCTIONS,
                                   .exclude_kernel = 1,
                                   .exclude_hv = 1};
    budget_us = seconds * 1e6;
    dl_iterate_phdr(find_crypto, NULL);
    counter = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t instructions(void)
{
    uint64_t n = 0;
    return counter >= 0 && read(counter, &n, sizeof n) == sizeof n ? n : 0;
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Callgrind counts what happens in here (tests/bench/run). */
__attribute__((noinline, visibility("default"))) void bench_counted(void operation(void));
void bench_counted(void operation(void))
{
    for (int i = 0; i < BENCH_COUNTED; i++)
        operation();
}

double bench_measure(const char *name, void operation(void), double bare)
{
    if (getenv("BENCH_COUNT_ONLY")) {
        for (int i = 0; i < 3; i++) /* a key gets its table with the third use */
            operation();
        bench_counted(operation);
        puts(name);
        return 1;
    }
    for (int i = 0; i < 20; i++)
        operation();
    size_t times = 0;
    ours = theirs = 0;
    uint64_t before = instructions();
    double start = cpu_us(), elapsed;
    do {
        for (int i = 0; i < 10; i++, times++)
            operation();
        elapsed = cpu_us() - start;
    } while (elapsed < budget_us);
    uint64_t executed = instructions() - before;
    double n = (double)times, us = elapsed / n;
    printf("%-44s %8.1f us %8.0f/s  malloc %4.1f ours %6.1f crypto", name, us, 1e6 / us, (double)ours / n,
           (double)theirs / n);
    if (executed)
        printf(" %9.0f instructions", (double)executed / n);
    if (bare > 0)
        printf("  %.2f x bare", us / bare);
    putchar('\n');
    return us;
}
