/* SPDX-License-Identifier: Apache-2.0 */
#include "core/refval/rfc3339.h"

#include <stdio.h>
#include <time.h>

#define DAY 86400
#define END_OF_9999 INT64_C(253402300799)

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01 to the first of January of a later year. */
static int64_t days_to_year(int64_t year)
{
    int64_t before = year - 1;
    return 365 * (year - 1970) + (before / 4 - before / 100 + before / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

/* A number of exactly `width` digits from the start of `rest`; steps over it. */
static bool digits(slice *rest, size_t width, int64_t *out)
{
    *out = 0;
    if (rest->len < width)
        return false;
    for (size_t i = 0; i < width; i++) {
        if (rest->ptr[i] < '0' || rest->ptr[i] > '9')
            return false;
        *out = *out * 10 + (rest->ptr[i] - '0');
    }
    *rest = slice_of(rest->ptr + width, rest->len - width);
    return true;
}

/* One of the characters in `allowed`, which it steps over. */
static bool one_of(slice *rest, const char *allowed, char *out)
{
    if (rest->len == 0 || rest->ptr[0] == 0 || !strchr(allowed, rest->ptr[0]))
        return false;
    *out = (char)rest->ptr[0];
    *rest = slice_of(rest->ptr + 1, rest->len - 1);
    return true;
}

static bool parse_date(slice *rest, int64_t *days)
{
    int64_t year, month, day;
    char c;
    if (!digits(rest, 4, &year) || !one_of(rest, "-", &c) || !digits(rest, 2, &month) || !one_of(rest, "-", &c) ||
        !digits(rest, 2, &day))
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *days = days_to_year(year) + day - 1;
    for (int64_t m = 1; m < month; m++)
        *days += days_in_month(year, m);
    return true;
}

static bool parse_time(slice *rest, int64_t *seconds)
{
    int64_t hour, minute, second, cut;
    char c;
    if (!digits(rest, 2, &hour) || !one_of(rest, ":", &c) || !digits(rest, 2, &minute) || !one_of(rest, ":", &c) ||
        !digits(rest, 2, &second))
        return false;
    if (one_of(rest, ".", &c)) {
        if (!digits(rest, 1, &cut))
            return false;
        while (digits(rest, 1, &cut))
            ;
    }
    *seconds = hour * 3600 + minute * 60 + second;
    return hour <= 23 && minute <= 59 && second <= 60;
}

static bool parse_offset(slice *rest, int64_t *seconds)
{
    int64_t hour, minute;
    char sign, c;
    *seconds = 0;
    if (one_of(rest, "Zz", &c))
        return true;
    if (!one_of(rest, "+-", &sign) || !digits(rest, 2, &hour) || !one_of(rest, ":", &c) || !digits(rest, 2, &minute))
        return false;
    *seconds = (hour * 3600 + minute * 60) * (sign == '-' ? -1 : 1);
    return hour <= 23 && minute <= 59;
}

bool rfc3339_parse(slice text, int64_t *unix_seconds)
{
    int64_t days, time, offset;
    char c;
    if (!parse_date(&text, &days) || !one_of(&text, "Tt ", &c) || !parse_time(&text, &time) ||
        !parse_offset(&text, &offset) || text.len)
        return false;
    *unix_seconds = days * DAY + time - offset;
    return *unix_seconds >= 0 && *unix_seconds <= END_OF_9999;
}

static bool split(int64_t unix_seconds, struct tm *out)
{
    time_t t = unix_seconds;
    return unix_seconds >= 0 && unix_seconds <= END_OF_9999 && gmtime_r(&t, out);
}

bool rfc3339_format(int64_t unix_seconds, uint8_t out[RFC3339_SIZE])
{
    struct tm t;
    char text[RFC3339_SIZE + 1];
    if (!split(unix_seconds, &t) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &t) != RFC3339_SIZE)
        return false;
    memcpy(out, text, RFC3339_SIZE);
    return true;
}

int64_t rfc3339_years_later(int64_t unix_seconds, int years)
{
    struct tm t;
    if (!split(unix_seconds, &t))
        return unix_seconds;
    t.tm_year += years;
    if (t.tm_mon == 1 && t.tm_mday == 29 && !is_leap(t.tm_year + 1900))
        t.tm_mday = 28;
    return timegm(&t);
}
