/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing JSON. The canonical form is RFC 8785.
 */
#include "lib/json/json.h"

#include "lib/json/decimal.h"
#include "lib/json/keys.h"

#define SAFE_INTEGER (UINT64_C(1) << 53)

/* --- numbers: ECMA-262, Number::toString
 * ------------------------------------------------------------------------------ */

static void put(char *out, size_t *length, const char *from, int count)
{
    for (int i = 0; i < count; i++)
        out[(*length)++] = from[i];
}

static void put_zeros(char *out, size_t *length, int count)
{
    for (int i = 0; i < count; i++)
        out[(*length)++] = '0';
}

static void put_exponent(char *out, size_t *length, int exponent)
{
    char digits[8];
    int at = sizeof digits;
    out[(*length)++] = 'e';
    out[(*length)++] = exponent < 0 ? '-' : '+';
    for (int rest = exponent < 0 ? -exponent : exponent; rest; rest /= 10)
        digits[--at] = (char)('0' + rest % 10);
    put(out, length, digits + at, (int)sizeof digits - at);
}

/* `out` has room for 48 bytes: 20 digits, 21 zeros, sign, point and exponent never meet all at once. */
static size_t write_decimal(char *out, const struct decimal *d)
{
    size_t n = 0;
    if (d->negative && d->count)
        out[n++] = '-';
    if (d->count == 0) {
        out[n++] = '0';
    } else if (d->count <= d->point && d->point <= 21) {
        put(out, &n, d->digits, d->count);
        put_zeros(out, &n, d->point - d->count);
    } else if (0 < d->point && d->point <= 21) {
        put(out, &n, d->digits, d->point);
        out[n++] = '.';
        put(out, &n, d->digits + d->point, d->count - d->point);
    } else if (-6 < d->point && d->point <= 0) {
        put(out, &n, "0.", 2);
        put_zeros(out, &n, -d->point);
        put(out, &n, d->digits, d->count);
    } else {
        put(out, &n, d->digits, 1);
        if (d->count > 1)
            out[n++] = '.';
        put(out, &n, d->digits + 1, d->count - 1);
        put_exponent(out, &n, d->point - 1);
    }
    return n;
}

static bool all_digits(slice text)
{
    size_t at = 0;
    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
        at++;
    return at == text.len;
}

/* Two texts of one number must not hash alike, so a number counts only if it came in canonical form. */
static bool number_is_canonical(slice text)
{
    uint64_t magnitude;
    slice unsigned_part = slice_sub(text, text.len && text.ptr[0] == '-', text.len);
    if (all_digits(unsigned_part))
        return slice_u64(unsigned_part, &magnitude) && magnitude <= SAFE_INTEGER &&
               (magnitude || unsigned_part.len == text.len);
    struct decimal d;
    char canonical[48];
    if (!decimal_of(text, &d))
        return false;
    return slice_equal(text, slice_of(canonical, write_decimal(canonical, &d)));
}

/* --- canonical form
 * ---------------------------------------------------------------------------------------------------- */

static result canonical_value(struct text *t, const json *v);

static result canonical_array(struct text *t, const json *v)
{
    text_lit(t, "[");
    for (const json *item = json_next(v, NULL, NULL), *first = item; item; item = json_next(v, item, NULL)) {
        if (item != first)
            text_lit(t, ",");
        TRY(canonical_value(t, item));
    }
    text_lit(t, "]");
    return OK;
}

static result canonical_members(struct text *t, const struct member *members, size_t count)
{
    text_lit(t, "{");
    for (size_t i = 0; i < count; i++) {
        if (i)
            text_lit(t, ",");
        text_json(t, members[i].key);
        text_lit(t, ":");
        TRY(canonical_value(t, members[i].value));
    }
    text_lit(t, "}");
    return OK;
}

static result canonical_object(struct text *t, const json *v)
{
    struct member few[KEYS_FEW];
    size_t mark, count = json_count(v), i = 0;
    struct member *members = members_begin(t, few, count, &mark);
    ENSURE(members, NO_MEMORY);
    slice key;
    for (const json *m = json_next(v, NULL, &key); m && i < count; m = json_next(v, m, &key))
        members[i++] = (struct member){key, m};
    members_sort(members, i, key_order_utf16);
    TRY(canonical_members(t, members, i));
    members_end(t, mark, count);
    return OK;
}

static void write_word(struct text *t, const json *v)
{
    bool truth;
    if (!json_bool(v, &truth))
        text_lit(t, "null");
    else if (truth)
        text_lit(t, "true");
    else
        text_lit(t, "false");
}

/* Recursion ends at JSON_DEPTH_MAX, which json_parse saw to. */
static result canonical_value(struct text *t, const json *v)
{
    switch (json_type(v)) {
    case TRUSTEE_NODE_OBJECT:
        return canonical_object(t, v);
    case TRUSTEE_NODE_ARRAY:
        return canonical_array(t, v);
    case TRUSTEE_NODE_STRING:
        text_json(t, json_text(v));
        return OK;
    case TRUSTEE_NODE_INT:
    case TRUSTEE_NODE_NUMBER:
        ENSURE(number_is_canonical(json_number(v)), JSON_NUMBER);
        text_add(t, json_number(v));
        return OK;
    default:
        write_word(t, v);
        return OK;
    }
}

result json_canonical(struct text *t, const json *v)
{
    TRY(canonical_value(t, v));
    ENSURE(!t->failed, NO_MEMORY);
    return OK;
}

/* --- as it stands
 * ------------------------------------------------------------------------------------------------------ */

static void write_container(struct text *t, const json *v, bool object)
{
    slice key;
    text_add(t, object ? S("{") : S("["));
    for (const json *m = json_next(v, NULL, &key), *first = m; m; m = json_next(v, m, &key)) {
        if (m != first)
            text_lit(t, ",");
        if (object) {
            text_json(t, key);
            text_lit(t, ":");
        }
        json_write(t, m);
    }
    text_add(t, object ? S("}") : S("]"));
}

void json_write(struct text *t, const json *v)
{
    switch (json_type(v)) {
    case TRUSTEE_NODE_OBJECT:
    case TRUSTEE_NODE_ARRAY:
        write_container(t, v, json_type(v) == TRUSTEE_NODE_OBJECT);
        break;
    case TRUSTEE_NODE_STRING:
        text_json(t, json_text(v));
        break;
    case TRUSTEE_NODE_INT:
    case TRUSTEE_NODE_NUMBER:
        text_add(t, json_number(v));
        break;
    default:
        write_word(t, v);
        break;
    }
}
