/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conf/ini.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static char error[512];

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)8 << 20, ARENA_PLAIN)));
    error[0] = 0;
}

static void teardown(void)
{
    arena_unmap(&arena);
}

TestSuite(ini, .init = setup, .fini = teardown);

static struct ini parse(slice text)
{
    struct ini ini;
    result r = ini_parse(&arena, S("kbs.ini"), text, &ini, error, sizeof error);
    cr_assert(!FAILED(r), "%s", error);
    return ini;
}

/* The text is refused, and the message begins with `position` and holds `words`. */
static void refuses(slice text, const char *position, const char *words)
{
    struct ini ini;
    result r = ini_parse(&arena, S("kbs.ini"), text, &ini, error, sizeof error);
    cr_assert_eq(r.reason, CONFIG_SYNTAX);
    cr_assert_eq(strncmp(error, position, strlen(position)), 0, "%s", error);
    cr_assert(strstr(error, words), "%s", error);
}

static void is(slice s, const char *text)
{
    cr_assert(slice_equal(s, slice_text(text)), "'%.*s' is not '%s'", SLICE_ARG(s), text);
}

Test(ini, reads_sections_keys_and_positions)
{
    struct ini ini = parse(S("# a comment\n[http]\n  listen = 127.0.0.1:8080 \n; another\n[plugin tpm]\npath=/x\n"));
    const struct ini_section *http = ini_section(&ini, S("http"), NO_SLICE);
    cr_assert(http);
    is(http->entries->key, "listen");
    is(http->entries->value, "127.0.0.1:8080");
    cr_assert_eq(http->entries->line, 3);
    cr_assert_eq(http->entries->key_column, 3);
    cr_assert_eq(http->entries->value_column, 12);
    const struct ini_section *tpm = ini_section(&ini, S("plugin"), S("tpm"));
    cr_assert(tpm);
    cr_assert_eq(tpm->line, 5);
    is(tpm->entries->value, "/x");
    cr_assert_null(ini_section(&ini, S("plugin"), S("tdx")));
}

Test(ini, keeps_repeated_keys_in_their_order)
{
    struct ini ini = parse(S("[a]\nk = 1\nk = 2\n"));
    is(ini.sections->entries->value, "1");
    is(ini.sections->entries->next->value, "2");
    cr_assert_null(ini.sections->entries->next->next);
}

Test(ini, a_value_may_hold_anything_that_is_text)
{
    struct ini ini = parse(S("[a]\nk = [x] = \"y\" # not a comment \xc3\xa4\ttab\n"));
    is(ini.sections->entries->value, "[x] = \"y\" # not a comment \xc3\xa4\ttab");
}

Test(ini, never_truncates_a_long_value)
{
    char text[400] = "[a]\nk = ";
    memset(text + 8, 'v', 300);
    struct ini ini = parse(slice_of(text, 308));
    cr_assert_eq(ini.sections->entries->value.len, 300);
}

Test(ini, accepts_crlf_and_a_last_line_without_an_end)
{
    struct ini ini = parse(S("[a]\r\nk = v\r\nl = w"));
    is(ini.sections->entries->value, "v");
    is(ini.sections->entries->next->value, "w");
}

Test(ini, an_empty_text_has_no_sections)
{
    cr_assert_null(parse(S("")).sections);
    cr_assert_null(parse(S("\n\n# only words\n")).sections);
}

Test(ini, what_it_returns_does_not_depend_on_the_callers_text)
{
    char text[] = "[a]\nk = v\n";
    struct ini ini = parse(slice_of(text, sizeof text - 1));
    memset(text, 'x', sizeof text);
    is(ini.sections->entries->value, "v");
}

Test(ini, refuses_a_line_without_equals_sign)
{
    refuses(S("[a]\n  k v\n"), "kbs.ini:2:3: ", "no '='");
}

Test(ini, refuses_a_key_outside_any_section)
{
    refuses(S("k = v\n"), "kbs.ini:1:1: ", "before the first section");
}

Test(ini, refuses_an_empty_or_odd_key)
{
    refuses(S("[a]\n= v\n"), "kbs.ini:2:1: ", "no key");
    refuses(S("[a]\na b = v\n"), "kbs.ini:2:1: ", "no key;");
}

Test(ini, refuses_an_unclosed_section_and_text_after_one)
{
    refuses(S("[a\n"), "kbs.ini:1:3: ", "']' is missing");
    refuses(S("[a] # x\n"), "kbs.ini:1:4: ", "text after ']'");
}

Test(ini, refuses_names_that_are_none)
{
    refuses(S("[]\n"), "kbs.ini:1:2: ", "no section name");
    refuses(S("[a  b]\n"), "kbs.ini:1:2: ", "no section name");
    refuses(S("[a ]\n"), "kbs.ini:1:2: ", "no section name");
    refuses(S("[a b c]\n"), "kbs.ini:1:2: ", "no section name");
}

Test(ini, refuses_a_section_that_stands_twice_and_says_where)
{
    refuses(S("[a]\n[b]\n[a]\n"), "kbs.ini:3:1: ", "first in line 1");
    refuses(S("[p x]\n[p y]\n[p x]\n"), "kbs.ini:3:1: ", "[p x] stands twice");
}

Test(ini, refuses_nul_control_characters_and_a_lone_carriage_return)
{
    refuses(S("[a]\nk = v\0w\n"), "kbs.ini:2:6: ", "0x00");
    refuses(S("[a]\nk = \x1b[31m\n"), "kbs.ini:2:5: ", "0x1b");
    refuses(S("[a]\nk = v\rw\n"), "kbs.ini:2:6: ", "0x0d");
    refuses(S("[a]\nk = v\x7f\n"), "kbs.ini:2:6: ", "0x7f");
}

Test(ini, refuses_a_byte_order_mark_and_bytes_that_are_not_utf8)
{
    refuses(S("\xef\xbb\xbf[a]\n"), "kbs.ini:1:1: ", "byte order mark");
    refuses(S("[a]\nk = \xff\n"), "kbs.ini:2:5: ", "not UTF-8");
    refuses(S("[a]\n# \xe4\n"), "kbs.ini:2:3: ", "not UTF-8");
}

Test(ini, refuses_files_over_1_mib_and_lines_over_64_kib)
{
    size_t size = ((size_t)1 << 20) + 1;
    char *text = malloc(size);
    memset(text, '\n', size);
    refuses(slice_of(text, size), "kbs.ini:1:1: ", "larger than 1 MiB");
    memset(text, 'x', 65537);
    refuses(slice_of(text, 65537), "kbs.ini:1:65537: ", "longer than 64 KiB");
    free(text);
}

Test(ini, refuses_what_does_not_fit_the_memory)
{
    struct arena small;
    struct ini ini;
    cr_assert(!FAILED(arena_map(&small, 4096, ARENA_PLAIN)));
    char text[4000] = "[a]\n";
    for (size_t i = 4; i + 4 <= sizeof text; i += 4)
        memcpy(text + i, "a=b\n", 4);
    result r = ini_parse(&small, S("f"), slice_of(text, sizeof text), &ini, error, sizeof error);
    cr_assert_eq(r.reason, CONFIG_SYNTAX);
    cr_assert(strstr(error, "more entries than there is memory for"), "%s", error);
    arena_unmap(&small);
}

Test(ini, reads_a_file)
{
    char path[] = "/tmp/ini_test_XXXXXX";
    struct ini ini;
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, "[a]\nk = v\n", 10), 10);
    close(fd);
    result r = ini_read(&arena, path, &ini, error, sizeof error);
    unlink(path);
    cr_assert(!FAILED(r), "%s", error);
    is(ini.sections->entries->value, "v");
}

Test(ini, a_file_that_cannot_be_read_is_named_with_the_cause)
{
    struct ini ini;
    cr_assert_eq(ini_read(&arena, "/nonexistent/kbs.ini", &ini, error, sizeof error).reason, CONFIG_FILE);
    cr_assert_str_eq(error, "/nonexistent/kbs.ini: cannot be opened: No such file or directory; check the path and who "
                            "may read it");
    cr_assert_eq(ini_read(&arena, "/tmp", &ini, error, sizeof error).reason, CONFIG_FILE);
    cr_assert(strstr(error, "not a regular file"), "%s", error);
}

Test(ini, a_fifo_in_place_of_the_file_does_not_hang)
{
    char path[64];
    struct ini ini;
    snprintf(path, sizeof path, "/tmp/ini_fifo_%d", (int)getpid());
    cr_assert_eq(mkfifo(path, 0600), 0);
    result r = ini_read(&arena, path, &ini, error, sizeof error);
    unlink(path);
    cr_assert_eq(r.reason, CONFIG_FILE);
}

Test(ini, proposes_the_nearest_name_and_none_that_is_far)
{
    const slice names[] = {S("insecure_http"), S("listen"), S("body_limit")};
    is(ini_nearest(S("insecure_htpp"), names, 3), "insecure_http");
    is(ini_nearest(S("Listen"), names, 3), "listen");
    is(ini_nearest(S("body-limit"), names, 3), "body_limit");
    is(ini_nearest(S("bodylimits"), names, 3), "body_limit");
    cr_assert_eq(ini_nearest(S("certificate"), names, 3).len, 0);
    cr_assert_eq(ini_nearest(S(""), names, 3).len, 0);
}
