/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conf/bind.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct server {
    slice address, key;
    bool tls;
    uint64_t slots, limit, life;
    unsigned level;
    struct bind_list allow;
};

static const char *const levels[] = {"debug", "info", "warn", NULL};

static const struct bind_option options[] = {
    {"address", BIND_TEXT, BIND_AT(struct server, address), .fallback = "127.0.0.1:8080", .help = "Where to listen"},
    {"key", BIND_PATH, BIND_AT(struct server, key), .flags = BIND_SECRET, .help = "The private key"},
    {"tls", BIND_BOOL, BIND_AT(struct server, tls), .fallback = "yes", .help = "Whether to speak TLS"},
    {"slots", BIND_NUMBER, BIND_AT(struct server, slots), .fallback = "64", .min = 1, .max = 4096, .help = "Slots"},
    {"limit", BIND_SIZE, BIND_AT(struct server, limit), .fallback = "2MiB", .min = 1024, .help = "Largest body"},
    {"life", BIND_DURATION, BIND_AT(struct server, life), .fallback = "5m", .max = 86400, .help = "Life of a session"},
    {"level", BIND_CHOICE, BIND_AT(struct server, level), .fallback = "info", .choices = levels, .help = "Log level"},
    {"allow", BIND_TEXT, BIND_AT(struct server, allow), .flags = BIND_MANY, .help = "Who may call"},
};

static const struct bind_table table = {"http", NULL, "The HTTP server", options, sizeof options / sizeof *options};

static struct arena arena;
static struct ini ini;
static char error[512];

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)1 << 20, ARENA_PLAIN)));
}

static void teardown(void)
{
    arena_unmap(&arena);
}

TestSuite(bind, .init = setup, .fini = teardown);

static result bind(const struct bind_table *t, slice text, struct server *out)
{
    struct bind b = {&ini, &arena, error, sizeof error};
    *out = (struct server){0};
    cr_assert(!FAILED(ini_parse(&arena, S("f.ini"), text, &ini, error, sizeof error)), "%s", error);
    return bind_section(&b, t, NO_SLICE, out);
}

static struct server binds(slice text)
{
    struct server s;
    cr_assert(!FAILED(bind(&table, text, &s)), "%s", error);
    return s;
}

static void refuses(slice text, const char *message)
{
    struct server s;
    cr_assert_eq(bind(&table, text, &s).reason, CONFIG_VALUE);
    cr_assert_str_eq(error, message);
}

Test(bind, an_absent_section_gives_the_defaults)
{
    struct server s = binds(S("[other]\n"));
    cr_assert(slice_equal(s.address, S("127.0.0.1:8080")));
    cr_assert_eq(s.key.len, 0);
    cr_assert(s.tls);
    cr_assert_eq(s.slots, 64);
    cr_assert_eq(s.limit, 2097152);
    cr_assert_eq(s.life, 300);
    cr_assert_eq(s.level, 1);
    cr_assert_eq(s.allow.count, 0);
}

Test(bind, fills_every_type)
{
    struct server s = binds(S("[http]\naddress = [::]:1\nkey = /k\ntls = no\nslots = 4096\nlimit = 1GiB\nlife = 1d\n"
                              "level = warn\nallow = a\nallow = b\n"));
    cr_assert(slice_equal(s.address, S("[::]:1")));
    cr_assert(slice_equal(s.key, S("/k")));
    cr_assert_not(s.tls);
    cr_assert_eq(s.slots, 4096);
    cr_assert_eq(s.limit, 1073741824);
    cr_assert_eq(s.life, 86400);
    cr_assert_eq(s.level, 2);
    cr_assert_eq(s.allow.count, 2);
    cr_assert(slice_equal(s.allow.items[1], S("b")));
}

Test(bind, units_may_stand_apart_and_none_is_bytes_or_seconds)
{
    struct server s = binds(S("[http]\nlimit = 64 KiB\nlife = 90\n"));
    cr_assert_eq(s.limit, 65536);
    cr_assert_eq(s.life, 90);
}

Test(bind, an_unknown_key_is_refused_with_the_nearest)
{
    refuses(S("[http]\nslits = 1\n"), "f.ini:2:1: unknown key 'slits' (did you mean 'slots'?)");
}

Test(bind, an_unknown_key_that_is_near_none_gets_the_list)
{
    refuses(S("[http]\ncertificate = 1\n"),
            "f.ini:2:1: unknown key 'certificate'; [http] takes address, key, tls, slots, limit, life, level, allow; "
            "remove the line");
}

Test(bind, a_repeated_key_is_refused)
{
    refuses(S("[http]\nslots = 1\nslots = 2\n"),
            "f.ini:3:1: 'slots' stands twice, first in line 2; it takes one value, remove one");
}

Test(bind, bad_values_are_refused_with_what_was_expected)
{
    refuses(S("[http]\nslots = 0\n"), "f.ini:2:9: '0' does not fit 'slots'; expected a number, from 1 to 4096");
    refuses(S("[http]\nslots = 0x10\n"), "f.ini:2:9: '0x10' does not fit 'slots'; expected a number, from 1 to 4096");
    refuses(S("[http]\nslots = -1\n"), "f.ini:2:9: '-1' does not fit 'slots'; expected a number, from 1 to 4096");
    refuses(S("[http]\ntls = true\n"), "f.ini:2:7: 'true' does not fit 'tls'; expected yes or no");
    refuses(S("[http]\nlimit = 2MB\n"),
            "f.ini:2:9: '2MB' does not fit 'limit'; expected a size such as 512, 64KiB or 2MiB, at least 1024 bytes");
    refuses(S("[http]\nlife = 2d\n"), "f.ini:2:8: '2d' does not fit 'life'; expected a duration such as 90, 90s, 5m, "
                                      "2h or 1d, from 0 to 86400 seconds");
    refuses(S("[http]\nlevel = loud\n"), "f.ini:2:9: 'loud' does not fit 'level'; expected one of debug, info, warn");
}

Test(bind, a_size_that_overflows_is_refused)
{
    struct server s;
    cr_assert_eq(bind(&table, S("[http]\nlimit = 18446744073709551615GiB\n"), &s).reason, CONFIG_VALUE);
    cr_assert_eq(bind(&table, S("[http]\nlimit = 18446744073709551616\n"), &s).reason, CONFIG_VALUE);
}

Test(bind, an_empty_value_is_refused)
{
    refuses(S("[http]\naddress =\n"),
            "f.ini:2:10: 'address' has no value; expected text; leave the line out for the default");
}

Test(bind, a_secret_value_is_never_repeated)
{
    refuses(S("[http]\nkey = hunter2\n"), "f.ini:2:7: the value of 'key' does not fit; expected an absolute path "
                                          "without '..'");
}

Test(bind, a_relative_or_climbing_path_is_refused)
{
    struct server s;
    cr_assert_eq(bind(&table, S("[http]\nkey = a/b\n"), &s).reason, CONFIG_VALUE);
    cr_assert_eq(bind(&table, S("[http]\nkey = /a/../b\n"), &s).reason, CONFIG_VALUE);
    cr_assert(!FAILED(bind(&table, S("[http]\nkey = /a/..b\n"), &s)));
}

static const struct bind_option required[] = {
    {"cert", BIND_PATH, BIND_AT(struct server, key), .flags = BIND_REQUIRED, .help = "The certificate"},
};
static const struct bind_table needs = {"tls", NULL, "TLS", required, 1};

Test(bind, a_missing_required_key_is_refused_with_or_without_its_section)
{
    struct server s;
    cr_assert_eq(bind(&needs, S("\n[tls]\n"), &s).reason, CONFIG_VALUE);
    cr_assert_str_eq(error, "f.ini:2:1: [tls] lacks the required key 'cert'; add cert = …");
    cr_assert_eq(bind(&needs, S(""), &s).reason, CONFIG_VALUE);
    cr_assert_str_eq(error, "f.ini: [tls] lacks the required key 'cert'; add cert = …");
}

Test(bind, a_misspelt_required_key_is_called_misspelt_not_missing)
{
    struct server s;
    cr_assert_eq(bind(&needs, S("[tls]\ncret = /x\n"), &s).reason, CONFIG_VALUE);
    cr_assert_str_eq(error, "f.ini:2:1: unknown key 'cret' (did you mean 'cert'?)");
}

Test(bind, a_table_row_with_a_wrong_target_is_refused)
{
    static const struct bind_option wrong[] = {{"n", BIND_NUMBER, BIND_AT(struct server, level), .fallback = "1"}};
    static const struct bind_table t = {"x", NULL, "", wrong, 1};
    struct server s;
    cr_assert_eq(bind(&t, S(""), &s).reason, CONFIG_VALUE);
}

Test(bind, a_section_that_nobody_used_is_refused_with_the_nearest)
{
    struct server s;
    const struct bind_table *tables[] = {&table, &needs};
    struct bind b = {&ini, &arena, error, sizeof error};
    cr_assert(!FAILED(bind(&table, S("[http]\n[htpt]\n"), &s)));
    cr_assert_eq(bind_finish(&b, tables, 2).reason, CONFIG_VALUE);
    cr_assert_str_eq(error, "f.ini:2:1: unknown section [htpt] (did you mean [http]?)");
    cr_assert(!FAILED(bind(&table, S("[http]\n[storage x]\n"), &s)));
    cr_assert_eq(bind_finish(&b, tables, 2).reason, CONFIG_VALUE);
    cr_assert_str_eq(error, "f.ini:2:1: unknown section [storage x]; there are http, tls");
    cr_assert(!FAILED(bind(&table, S("[http]\n"), &s)));
    cr_assert(!FAILED(bind_finish(&b, tables, 2)));
}

static char *printed(void (*print)(const struct bind_table *, FILE *), const struct bind_table *t)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    print(t, out);
    fclose(out);
    return text;
}

Test(bind, help_is_an_ini_that_binds_to_the_defaults)
{
    char *text = printed(bind_help, &table);
    struct server s = binds(slice_text(text));
    cr_assert_eq(s.slots, 64);
    cr_assert(strstr(text, "# Where to listen\n# text\n# address = 127.0.0.1:8080\n"), "%s", text);
    cr_assert(strstr(text, "one of debug, info, warn"), "%s", text);
    free(text);
    text = printed(bind_help, &needs);
    cr_assert(strstr(text, "# required\ncert =\n"), "%s", text);
    free(text);
}

Test(bind, the_reference_has_a_row_for_each_option)
{
    char *text = printed(bind_reference, &table);
    for (size_t i = 0; i < table.count; i++) {
        char row[64];
        snprintf(row, sizeof row, "| `%s` |", options[i].key);
        cr_assert(strstr(text, row), "%s", text);
    }
    cr_assert(strstr(text, "| a number, 1 to 4096 | `64` | Slots |"), "%s", text);
    free(text);
}
