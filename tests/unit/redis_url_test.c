/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "storage/redis/redis.h"

static struct arena arena;
static struct redis_settings c;

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, 65536, ARENA_PLAIN)));
}

TestSuite(redis_url, .init = setup);

static bool read(const char *url)
{
    c = (struct redis_settings){.host = NULL};
    return redis_url(slice_text(url), &arena, &c);
}

Test(redis_url, host_port_and_database_are_read)
{
    cr_assert(read("redis://db.example:7000/5"));
    cr_assert_str_eq(c.host, "db.example");
    cr_assert_str_eq(c.port, "7000");
    cr_assert_eq(c.database, 5);
    cr_assert_not(c.tls);
    cr_assert_eq(c.username.len + c.password.len, 0);
}

Test(redis_url, port_and_database_may_be_left_out)
{
    cr_assert(read("rediss://db.example"));
    cr_assert_str_eq(c.port, "6379");
    cr_assert_eq(c.database, 0);
    cr_assert(c.tls);
    cr_assert(read("redis://db.example/"));
    cr_assert_str_eq(c.host, "db.example");
}

Test(redis_url, user_and_password_are_decoded)
{
    cr_assert(read("redis://me:a%40b%2Fc%3a%25@h:1/2"));
    cr_assert(slice_equal(c.username, S("me")));
    cr_assert(slice_equal(c.password, S("a@b/c:%")));
    cr_assert(read("redis://:only@h"));
    cr_assert_eq(c.username.len, 0);
    cr_assert(slice_equal(c.password, S("only")));
}

Test(redis_url, an_address_of_ipv6_stands_in_brackets)
{
    cr_assert(read("redis://[::1]:7000/1"));
    cr_assert_str_eq(c.host, "::1");
    cr_assert_str_eq(c.port, "7000");
    cr_assert_not(read("redis://[::1:7000"));
    cr_assert_not(read("redis://[]:7000"));
}

Test(redis_url, a_unix_socket_has_an_absolute_path)
{
    cr_assert(read("unix:///run/redis.sock"));
    cr_assert_str_eq(c.path, "/run/redis.sock");
    cr_assert_null(c.host);
    cr_assert_not(read("unix://run/redis.sock"));
    cr_assert_not(read("unix://"));
}

Test(redis_url, everything_else_is_refused)
{
    const char *const bad[] = {
        "",
        "redis",
        "redis:",
        "redis://",
        "redis:///1",
        "http://h",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:",
        "redis://h:x",
        "redis://h/x",
        "redis://h/99999",
        "redis://h/-1",
        "redis://h x",
        "redis://u:p%4@h",
        "redis://u:p%zz@h",
        "redis://u:p@",
        "REDIS://h",
        "redis://[::1]x",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_not(read(bad[i]), "%s", bad[i]);
}
