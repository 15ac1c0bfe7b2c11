/* SPDX-License-Identifier: Apache-2.0 */
#include "core/log/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <regex.h>
#include <unistd.h>

/* Standard error goes to a file while a test logs. */
static int file = -1, real_stderr = -1;
static char output[1 << 17];

static void capture(void)
{
    char name[] = "/tmp/log-test-XXXXXX";
    file = mkstemp(name);
    cr_assert_geq(file, 0);
    unlink(name);
    real_stderr = dup(STDERR_FILENO);
    dup2(file, STDERR_FILENO);
}

static const char *captured(void)
{
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    ssize_t n = pread(file, output, sizeof output - 1, 0);
    cr_assert_geq(n, 0);
    output[n] = 0;
    close(file);
    return output;
}

static size_t lines(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

Test(log, a_line_has_time_level_module_and_text)
{
    regex_t form;
    cr_assert_eq(regcomp(&form,
                         "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z warn store: 3 files\n$",
                         REG_EXTENDED | REG_NOSUB),
                 0);
    capture();
    log_warn("store", "%d files", 3);
    const char *text = captured();
    cr_assert_eq(regexec(&form, text, 0, NULL, 0), 0, "%s", text);
    regfree(&form);
}

Test(log, one_event_is_one_line_whatever_the_text_holds)
{
    capture();
    log_error("http", "%s", "GET /\r\n2026-01-01T00:00:00.000Z info admin: all is well\n\v\f\x1b[2J");
    const char *text = captured();
    cr_assert_eq(lines(text), 1);
    cr_assert(strstr(text, "GET /\\x0d\\n2026-01-01"));
    cr_assert(strstr(text, "\\x0b\\x0c\\x1b[2J\n"));
}

Test(log, every_control_character_is_escaped)
{
    char all[40] = {0};
    for (int c = 1; c < 0x20; c++)
        all[c - 1] = (char)c;
    all[31] = 0x7f;
    capture();
    log_error("x", "%s", all);
    const char *text = captured();
    for (const char *c = text; *c; c++)
        cr_assert(((unsigned char)*c >= 0x20 && *c != 0x7f) || c[1] == 0);
}

Test(log, text_in_utf8_stays_and_other_bytes_are_escaped)
{
    capture();
    log_error("x", "%s", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x91 \xff\xc3( \xc0\xaf \xed\xa0\x80");
    const char *text = captured();
    cr_assert(
        strstr(text, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x91 \\xff\\xc3( \\xc0\\xaf \\xed\\xa0\\x80\n"));
}

Test(log, characters_that_end_lines_or_turn_the_writing_direction_are_escaped)
{
    capture();
    log_error("x", "%s",
              "a\xc2\x85"
              "b\xe2\x80\xa8"
              "c\xe2\x80\xae"
              "d\xe2\x81\xa6"
              "e\xc2\xa0"
              "f");
    const char *text = captured();
    cr_assert(strstr(text, "a\\xc2\\x85"
                           "b\\xe2\\x80\\xa8"
                           "c\\xe2\\x80\\xae"
                           "d\\xe2\\x81\\xa6"
                           "e\xc2\xa0"
                           "f"));
}

Test(log, a_long_text_is_cut_and_says_so)
{
    static char text[20000];
    memset(text, '\n', sizeof text - 1);
    capture();
    log_error("x", "%s", text);
    const char *line = captured();
    cr_assert_eq(lines(line), 1);
    cr_assert(strstr(line, "\\n [cut]\n"));
    cr_assert_lt(strlen(line), 2 * 4096 + 128);
}

Test(log, levels_below_the_threshold_are_not_written)
{
    capture();
    log_set_level(LOG_WARN);
    log_info("x", "no");
    log_debug("x", "no");
    log_warn("x", "yes");
    log_set_level(LOG_DEBUG);
    log_debug("x", "yes");
    const char *text = captured();
    cr_assert_eq(lines(text), 2);
    cr_assert_not(strstr(text, "no"));
}

Test(log, level_names_are_read_exactly)
{
    enum log_level level;
    cr_assert(log_level_parse(S("debug"), &level) && level == LOG_DEBUG);
    cr_assert(log_level_parse(S("info"), &level) && level == LOG_INFO);
    cr_assert(log_level_parse(S("warn"), &level) && level == LOG_WARN);
    cr_assert(log_level_parse(S("error"), &level) && level == LOG_ERROR);
    cr_assert_not(log_level_parse(S("Error"), &level));
    cr_assert_not(log_level_parse(S("warning"), &level));
    cr_assert_not(log_level_parse(NO_SLICE, &level));
}

Test(log, errno_is_left_as_it_was)
{
    capture();
    errno = ENOSPC;
    log_error("x", "full");
    int kept = errno;
    (void)captured();
    cr_assert_eq(kept, ENOSPC);
}

static void *chatter(void *name)
{
    for (int i = 0; i < 200; i++)
        log_error(name, "%0100d", 7);
    return NULL;
}

Test(log, lines_of_several_threads_do_not_mix)
{
    pthread_t threads[4];
    static char names[4][2] = {"a", "b", "c", "d"};
    capture();
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, chatter, names[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    const char *text = captured();
    cr_assert_eq(lines(text), 800);
    size_t width = strcspn(text, "\n");
    for (const char *line = text; *line; line += width + 1)
        cr_assert_eq(strcspn(line, "\n"), width);
}
