/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/toml/parser.h"

/* `count` digits whose value lies in low..high. */
static bool number(struct reader *r, size_t count, unsigned low, unsigned high, unsigned *out)
{
    slice s;
    *out = 0;
    if (!read_bytes(r, count, &s))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        *out = *out * 10 + (unsigned)(s.ptr[i] - '0');
    }
    return *out >= low && *out <= high;
}

static bool byte(struct reader *r, char c)
{
    uint8_t b;
    return read_u8(r, &b) && b == (uint8_t)c;
}

static bool date(struct reader *r)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day;
    if (!number(r, 4, 0, 9999, &year) || !byte(r, '-') || !number(r, 2, 1, 12, &month) || !byte(r, '-'))
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return number(r, 2, 1, days[month - 1] + (month == 2 && leap ? 1u : 0u), &day);
}

/* Hours, minutes, seconds with a fraction. A leap second is a second. */
static bool time_of_day(struct reader *r)
{
    unsigned n;
    if (!number(r, 2, 0, 23, &n) || !byte(r, ':') || !number(r, 2, 0, 59, &n) || !byte(r, ':') ||
        !number(r, 2, 0, 60, &n))
        return false;
    if (!r->left.len || *r->left.ptr != '.')
        return true;
    size_t digits = 1;
    while (digits < r->left.len && r->left.ptr[digits] >= '0' && r->left.ptr[digits] <= '9')
        digits++;
    slice fraction;
    return digits > 1 && read_bytes(r, digits, &fraction);
}

static bool offset(struct reader *r)
{
    uint8_t sign;
    unsigned n;
    if (!read_u8(r, &sign))
        return false;
    if (sign == 'Z' || sign == 'z')
        return true;
    return (sign == '+' || sign == '-') && number(r, 2, 0, 23, &n) && byte(r, ':') && number(r, 2, 0, 59, &n);
}

bool toml_is_date_or_time(slice s)
{
    uint8_t between;
    struct reader r = reader_of(s), alone = reader_of(s);
    if (time_of_day(&alone) && read_done(&alone))
        return true;
    if (!date(&r))
        return false;
    if (read_done(&r))
        return true;
    if (!read_u8(&r, &between) || !between || !strchr("Tt ", between) || !time_of_day(&r))
        return false;
    return read_done(&r) || (offset(&r) && read_done(&r));
}
