/* SPDX-License-Identifier: Apache-2.0 */
#include "core/log/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX 4096
#define HEAD_MAX 128

static _Atomic int threshold = LOG_INFO;

static const char *const NAMES[] = {"debug", "info", "warn", "error"};
#define LEVELS (sizeof NAMES / sizeof *NAMES)

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&threshold, memory_order_relaxed);
}

bool log_level_parse(slice name, enum log_level *out)
{
    for (size_t i = 0; i < LEVELS; i++) {
        if (slice_equal(name, slice_text(NAMES[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* How many bytes at the start of s may stand in a line as they are: a whole UTF-8 character that no terminal and no
 * line-based reader takes for a command or a line end. 0: it has to be escaped. */
static size_t printable(slice s)
{
    uint8_t c = s.ptr[0];
    if (c < 0x80)
        return c >= 0x20 && c != 0x7f;
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    slice character = slice_sub(s, 0, n);
    if (character.len < n || !slice_is_utf8(character))
        return 0;
    bool c1_control = c == 0xc2 && s.ptr[1] < 0xa0;
    /* U+2028..202E: line and paragraph separators, overrides of the writing direction; U+2066..2069: isolates. */
    bool layout = c == 0xe2 && ((s.ptr[1] == 0x80 && s.ptr[2] >= 0xa8 && s.ptr[2] <= 0xae) ||
                                (s.ptr[1] == 0x81 && s.ptr[2] >= 0xa6 && s.ptr[2] <= 0xa9));
    return c1_control || layout ? 0 : n;
}

/* Writes `s` with everything unprintable as \n, \t or \xHH; `out` has room for four times s.len. */
static size_t escape(char *out, slice s)
{
    static const char digits[] = "0123456789abcdef";
    size_t length = 0;
    for (size_t i = 0; i < s.len;) {
        size_t n = printable(slice_of(s.ptr + i, s.len - i));
        if (n > 0) {
            memcpy(out + length, s.ptr + i, n);
            length += n;
            i += n;
            continue;
        }
        uint8_t c = s.ptr[i++];
        out[length++] = '\\';
        if (c == '\n' || c == '\t') {
            out[length++] = c == '\n' ? 'n' : 't';
            continue;
        }
        out[length++] = 'x';
        out[length++] = digits[c >> 4];
        out[length++] = digits[c & 15];
    }
    return length;
}

static size_t write_head(char *out, size_t room, enum log_level level, const char *module)
{
    struct timespec now = {0};
    struct tm utc = {0};
    char stamp[32];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    const char *name = (unsigned)level < LEVELS ? NAMES[level] : "error";
    int n = snprintf(out, room, "%s.%03ldZ %s %.64s: ", stamp, now.tv_nsec / 1000000, name, module);
    return n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

/* One write for the whole line keeps lines of several threads apart. What standard error does not take is lost: the
 * service never fails or waits because nobody reads its log. */
static void put_line(slice line)
{
    while (line.len) {
        ssize_t n = write(STDERR_FILENO, line.ptr, line.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        line = slice_of(line.ptr + n, line.len - (size_t)n);
    }
}

void log_write(enum log_level level, const char *module, const char *format, ...)
{
    static const char cut[] = " [cut]";
    char text[TEXT_MAX + 1];
    char line[HEAD_MAX + 4 * TEXT_MAX + sizeof cut + 1];
    if (!log_enabled(level))
        return;
    int kept = errno;
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t whole = n < 0 ? 0 : (size_t)n;
    size_t length = write_head(line, HEAD_MAX, level, module);
    length += escape(line + length, slice_of(text, whole < TEXT_MAX ? whole : TEXT_MAX));
    if (whole > TEXT_MAX) {
        memcpy(line + length, cut, sizeof cut - 1);
        length += sizeof cut - 1;
    }
    line[length++] = '\n';
    put_line(slice_of(line, length));
    errno = kept;
}
