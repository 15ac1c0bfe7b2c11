/* SPDX-License-Identifier: Apache-2.0 */
#include "core/clock/clock.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The C library's clock, in this program: the test sets what the system's clock says. */
static bool faked;
static int64_t system_clock_s, monotonic_clock_ms;

int clock_gettime(clockid_t id, struct timespec *t)
{
    if (!faked || (id != CLOCK_REALTIME && id != CLOCK_MONOTONIC))
        return (int)syscall(SYS_clock_gettime, id, t);
    if (id == CLOCK_REALTIME)
        *t = (struct timespec){.tv_sec = system_clock_s};
    else
        *t = (struct timespec){.tv_sec = monotonic_clock_ms / 1000, .tv_nsec = monotonic_clock_ms % 1000 * 1000000};
    return 0;
}

/* The clock remembers the furthest it ever was; so each test begins in a time that no other has reached. */
static void set_clocks(int64_t system_s, int64_t monotonic_ms)
{
    faked = true;
    system_clock_s = system_s;
    monotonic_clock_ms = monotonic_ms;
}

Test(clock, wall_time_is_the_systems_time)
{
    time_t before = time(NULL);
    int64_t now = clock_wall();
    cr_assert(now >= before && now <= time(NULL) + 1);
}

Test(clock, wall_time_does_not_follow_the_system_back)
{
    set_clocks(4000000000, 1000000);
    cr_assert_eq(clock_wall(), 4000000000);
    set_clocks(3000000000, 1001000);
    cr_assert_eq(clock_wall(), 4000000001, "one monotonic second later");
    set_clocks(3000000000, 1061000);
    cr_assert_eq(clock_wall(), 4000000061, "it goes on running while the system is behind");
}

Test(clock, wall_time_follows_the_system_forward)
{
    set_clocks(4000000000, 1000000);
    cr_assert_eq(clock_wall(), 4000000000);
    set_clocks(4000086400, 1000500);
    cr_assert_eq(clock_wall(), 4000086400);
}

Test(clock, wall_time_after_a_step_forward_and_back_stays_forward)
{
    set_clocks(4000000000, 1000000);
    cr_assert_eq(clock_wall(), 4000000000);
    set_clocks(4000000100, 1000000);
    cr_assert_eq(clock_wall(), 4000000100);
    set_clocks(4000000000, 1000000);
    cr_assert_eq(clock_wall(), 4000000100);
}

Test(clock, monotonic_time_advances_in_both_units)
{
    set_clocks(0, 1234567);
    cr_assert_eq(clock_monotonic_ms(), 1234567);
    cr_assert_eq(clock_monotonic_ns(), UINT64_C(1234567000000));
}

Test(clock, thread_time_grows_with_work_and_not_with_sleep)
{
    uint64_t start = clock_thread_cpu_ns();
    volatile uint64_t sink = 0;
    for (unsigned i = 0; i < 2000000; i++)
        sink += i;
    uint64_t worked = clock_thread_cpu_ns();
    cr_assert_gt(worked, start);
    usleep(30000);
    cr_assert_lt(clock_thread_cpu_ns() - worked, UINT64_C(20000000));
}
