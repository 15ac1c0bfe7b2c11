/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/x509/der.h"

#define LENGTH_OCTETS_MAX 4
#define TAG_NUMBER_MASK 0x1f /* all set: the tag number follows in further octets, which nothing here uses */

static bool fail(struct reader *r)
{
    r->failed = true;
    return false;
}

/* X.690, 8.1.3 and 10.1: the definite form, in as few octets as possible. */
static bool read_length(struct reader *r, size_t *out)
{
    uint8_t octet = 0, count = 0;
    if (!read_u8(r, &count))
        return false;
    *out = count;
    if (count < 0x80)
        return true;
    count &= 0x7f;
    if (count == 0 || count > LENGTH_OCTETS_MAX)
        return fail(r);
    size_t length = 0;
    for (uint8_t i = 0; i < count; i++) {
        if (!read_u8(r, &octet) || (i == 0 && octet == 0))
            return fail(r);
        length = length << 8 | octet;
    }
    *out = length;
    return length >= 0x80 || fail(r);
}

bool der_read_whole(struct reader *r, uint8_t tag, slice *whole, slice *content)
{
    slice start = r->left, inside = NO_SLICE;
    uint8_t found = 0;
    size_t length = 0;
    bool good =
        read_u8(r, &found) && (found == tag || fail(r)) && read_length(r, &length) && read_bytes(r, length, &inside);
    if (whole)
        *whole = good ? slice_of(start.ptr, start.len - r->left.len) : NO_SLICE;
    if (content)
        *content = inside;
    return good;
}

bool der_read(struct reader *r, uint8_t tag, slice *content)
{
    return der_read_whole(r, tag, NULL, content);
}

bool der_next_is(const struct reader *r, uint8_t tag)
{
    return !r->failed && r->left.len > 0 && r->left.ptr[0] == tag;
}

bool der_skip(struct reader *r)
{
    if (r->failed || r->left.len == 0 || (r->left.ptr[0] & TAG_NUMBER_MASK) == TAG_NUMBER_MASK)
        return fail(r);
    return der_read(r, r->left.ptr[0], NULL);
}

bool der_read_unsigned(struct reader *r, slice *content)
{
    slice number;
    *content = NO_SLICE;
    if (!der_read(r, DER_INTEGER, &number))
        return false;
    if (number.len == 0 || (number.ptr[0] & 0x80))
        return fail(r);
    if (number.len > 1 && number.ptr[0] == 0) {
        if (!(number.ptr[1] & 0x80))
            return fail(r);
        number = slice_of(number.ptr + 1, number.len - 1);
    }
    *content = number;
    return true;
}

bool der_read_u64(struct reader *r, uint64_t *out)
{
    slice number;
    *out = 0;
    if (!der_read_unsigned(r, &number))
        return false;
    if (number.len > sizeof *out)
        return fail(r);
    for (size_t i = 0; i < number.len; i++)
        *out = *out << 8 | number.ptr[i];
    return true;
}

bool der_read_boolean(struct reader *r, bool *out)
{
    slice value;
    *out = false;
    if (!der_read(r, DER_BOOLEAN, &value))
        return false;
    if (value.len != 1 || (value.ptr[0] != 0x00 && value.ptr[0] != 0xff))
        return fail(r);
    *out = value.ptr[0] != 0;
    return true;
}

bool der_read_bits(struct reader *r, slice *content)
{
    slice value;
    *content = NO_SLICE;
    if (!der_read(r, DER_BIT_STRING, &value))
        return false;
    if (value.len == 0 || value.ptr[0] != 0)
        return fail(r);
    *content = slice_of(value.ptr + 1, value.len - 1);
    return true;
}

/* --- time */

/* Two decimal digits; false unless both are digits and the number lies between `least` and `most`. */
static bool two_digits(slice *text, int least, int most, int *out)
{
    if (text->len < 2)
        return false;
    int tens = text->ptr[0] - '0', ones = text->ptr[1] - '0';
    if (tens < 0 || tens > 9 || ones < 0 || ones > 9)
        return false;
    *out = 10 * tens + ones;
    *text = slice_of(text->ptr + 2, text->len - 2);
    return *out >= least && *out <= most;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of(int year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01 to the first of a month, in the Gregorian calendar. */
static int64_t days_before(int year, int month)
{
    int64_t past = year - 1; /* whole years since year 1 */
    int64_t days = past * 365 + past / 4 - past / 100 + past / 400 - 719162;
    for (int m = 1; m < month; m++)
        days += days_of(year, m);
    return days;
}

static bool read_year(slice *text, bool generalized, int *out)
{
    int century = 0, year = 0;
    if (generalized && !two_digits(text, 0, 99, &century))
        return false;
    if (!two_digits(text, 0, 99, &year))
        return false;
    if (!generalized)
        century = year >= 50 ? 19 : 20;
    *out = century * 100 + year;
    return *out > 0;
}

static bool time_of(slice text, bool generalized, int64_t *out)
{
    int year, month, day, hour, minute, second;
    if (!read_year(&text, generalized, &year) || !two_digits(&text, 1, 12, &month) ||
        !two_digits(&text, 1, days_of(year, month), &day) || !two_digits(&text, 0, 23, &hour) ||
        !two_digits(&text, 0, 59, &minute) || !two_digits(&text, 0, 59, &second) || !slice_equal(text, S("Z")))
        return false;
    *out = (days_before(year, month) + day - 1) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}

bool der_read_time(struct reader *r, int64_t *out)
{
    bool generalized = der_next_is(r, DER_GENERALIZED_TIME);
    slice text;
    *out = 0;
    if (!der_read(r, generalized ? DER_GENERALIZED_TIME : DER_UTC_TIME, &text))
        return false;
    return time_of(text, generalized, out) || fail(r);
}
