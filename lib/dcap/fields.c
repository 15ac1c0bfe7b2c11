/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/fields.h"

bool field_hex(const json *object, slice name, uint8_t *out, size_t size)
{
    size_t length;
    slice text = json_text(json_get(object, name));
    return text.ptr && text.len == HEX_SIZE(size) && hex_decode(out, size, text, &length);
}

bool field_number(const json *object, slice name, uint64_t max, uint64_t *out)
{
    return json_u64(json_get(object, name), out) && *out <= max;
}

bool field_is(const json *object, slice name, slice text)
{
    slice value = json_text(json_get(object, name));
    return value.ptr && slice_equal(value, text);
}

bool field_exists(const json *object, slice name)
{
    return json_get(object, name) != NULL;
}

const json *field_list(const json *object, slice name, size_t max)
{
    const json *list = json_get(object, name);
    size_t count = json_count(list);
    return json_type(list) == TRUSTEE_NODE_ARRAY && count > 0 && count <= max ? list : NULL;
}

/* --- dates ----------------------------------------------------------------------------------------------------------
 */

/* 'd' stands for a digit. */
static bool has_form(slice s, const char *form)
{
    for (size_t i = 0; i < s.len; i++) {
        bool digit = s.ptr[i] >= '0' && s.ptr[i] <= '9';
        if (form[i] == 'd' ? !digit : s.ptr[i] != (uint8_t)form[i])
            return false;
    }
    return true;
}

static int digits(slice s, size_t from, size_t count)
{
    int n = 0;
    for (size_t i = from; i < from + count; i++)
        n = n * 10 + (s.ptr[i] - '0');
    return n;
}

/* Days from 1970-01-01 in the Gregorian calendar, years counted from March, so that the leap day is a year's last. */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int m = (month + 9) % 12;
    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719468;
}

bool field_date(const json *object, slice name, int64_t *out)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    slice s = json_text(json_get(object, name));
    if (!s.ptr || s.len != sizeof form - 1 || !has_form(s, form))
        return false;
    int year = digits(s, 0, 4), month = digits(s, 5, 2), day = digits(s, 8, 2);
    int hour = digits(s, 11, 2), minute = digits(s, 14, 2), second = digits(s, 17, 2);
    if (year < 1970 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day < 1 || day > days[month - 1] + (month == 2 && leap ? 1 : 0))
        return false;
    *out = days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}
