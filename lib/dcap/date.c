/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/date.h"

#include <time.h>

static void digits(uint8_t *out, size_t width, int number)
{
    while (width-- > 0) {
        out[width] = (uint8_t)('0' + number % 10);
        number /= 10;
    }
}

bool dcap_date_format(int64_t unix_seconds, uint8_t out[DCAP_DATE_SIZE])
{
    struct tm tm;
    time_t t = (time_t)unix_seconds;
    if (!gmtime_r(&t, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099)
        return false;
    memcpy(out, "0000-00-00T00:00:00Z", DCAP_DATE_SIZE);
    digits(out, 4, tm.tm_year + 1900);
    digits(out + 5, 2, tm.tm_mon + 1);
    digits(out + 8, 2, tm.tm_mday);
    digits(out + 11, 2, tm.tm_hour);
    digits(out + 14, 2, tm.tm_min);
    digits(out + 17, 2, tm.tm_sec);
    return true;
}

static int number(slice text, size_t from, size_t width)
{
    int n = 0;
    for (size_t i = from; i < from + width; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        n = n * 10 + (text.ptr[i] - '0');
    }
    return n;
}

bool dcap_date_parse(slice text, int64_t *unix_seconds)
{
    uint8_t back[DCAP_DATE_SIZE];
    bool whole = text.len == DCAP_DATE_SIZE && slice_ends(text, S("T00:00:00Z"));
    if (!whole && text.len != 10)
        return false;
    struct tm tm = {
        .tm_year = number(text, 0, 4) - 1900, .tm_mon = number(text, 5, 2) - 1, .tm_mday = number(text, 8, 2)};
    int64_t t = (int64_t)timegm(&tm);
    /* What is not a date, such as the 30th of February, comes back as another one. */
    if (t < 0 || !dcap_date_format(t, back) || !slice_equal(slice_of(back, 10), slice_sub(text, 0, 10)))
        return false;
    *unix_seconds = t;
    return true;
}
