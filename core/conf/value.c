/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conf/bind.h"

#include <inttypes.h>

/* What single values may look like. */

struct unit {
    slice suffix;
    uint64_t factor;
};

static const struct unit sizes[] = {
    {TRUSTEE_TEXT("KiB"), UINT64_C(1) << 10},
    {TRUSTEE_TEXT("MiB"), UINT64_C(1) << 20},
    {TRUSTEE_TEXT("GiB"), UINT64_C(1) << 30},
    {{NULL, 0}, 0},
};

static const struct unit durations[] = {
    {TRUSTEE_TEXT("s"), 1},     {TRUSTEE_TEXT("m"), 60}, {TRUSTEE_TEXT("h"), 3600},
    {TRUSTEE_TEXT("d"), 86400}, {{NULL, 0}, 0},
};

const char *bind_type_name(enum bind_type type)
{
    static const char *const names[] = {
        [BIND_TEXT] = "text",
        [BIND_BOOL] = "yes or no",
        [BIND_NUMBER] = "a number",
        [BIND_SIZE] = "a size such as 512, 64KiB or 2MiB",
        [BIND_DURATION] = "a duration such as 90, 90s, 5m, 2h or 1d",
        [BIND_PATH] = "an absolute path without '..'",
        [BIND_CHOICE] = "one of",
    };
    return names[type];
}

static bool parse_bool(slice text, uint64_t *out)
{
    *out = slice_equal(text, S("yes"));
    return *out || slice_equal(text, S("no"));
}

/* "64KiB" and "64 KiB" alike; no suffix is the unit itself. */
static bool parse_with_unit(slice text, const struct unit *units, uint64_t *out)
{
    uint64_t factor = 1;
    for (; units->factor; units++) {
        if (!slice_ends(text, units->suffix))
            continue;
        factor = units->factor;
        text = slice_trim(slice_of(text.ptr, text.len - units->suffix.len));
        break;
    }
    if (!slice_u64(text, out) || *out > UINT64_MAX / factor)
        return false;
    *out *= factor;
    return true;
}

static bool is_path(slice text)
{
    slice part;
    if (text.len == 0 || *text.ptr != '/')
        return false;
    while (slice_split(&text, '/', &part))
        if (slice_equal(part, S("..")))
            return false;
    return true;
}

static bool parse_choice(slice text, const char *const *choices, uint64_t *out)
{
    for (*out = 0; choices[*out]; ++*out)
        if (slice_equal(text, slice_text(choices[*out])))
            return true;
    return false;
}

static bool parse_type(const struct bind_rule *rule, slice text, uint64_t *number)
{
    switch (rule->type) {
    case BIND_BOOL:
        return parse_bool(text, number);
    case BIND_NUMBER:
        return slice_u64(text, number);
    case BIND_SIZE:
        return parse_with_unit(text, sizes, number);
    case BIND_DURATION:
        return parse_with_unit(text, durations, number);
    case BIND_CHOICE:
        return parse_choice(text, rule->choices, number);
    case BIND_PATH:
        *number = text.len;
        return is_path(text);
    case BIND_TEXT:
        *number = text.len;
        return true;
    }
    return false;
}

static bool has_range(const struct bind_rule *rule)
{
    return rule->type != BIND_BOOL && rule->type != BIND_CHOICE && (rule->min || rule->max);
}

static bool in_range(const struct bind_rule *rule, uint64_t number)
{
    return !has_range(rule) || (number >= rule->min && (rule->max == 0 || number <= rule->max));
}

static void expect_choice(const struct bind_rule *rule, char *expected, size_t size)
{
    size_t at = (size_t)snprintf(expected, size, "one of");
    for (const char *const *c = rule->choices; *c && at < size; c++)
        at += (size_t)snprintf(expected + at, size - at, "%s %s", c == rule->choices ? "" : ",", *c);
}

static void expect(const struct bind_rule *rule, char *expected, size_t size)
{
    static const char *const units[] = {[BIND_SIZE] = " bytes",
                                        [BIND_DURATION] = " seconds",
                                        [BIND_TEXT] = " bytes of text",
                                        [BIND_PATH] = " bytes",
                                        [BIND_CHOICE] = NULL};
    const char *unit = units[rule->type] ? units[rule->type] : "";
    if (rule->type == BIND_CHOICE)
        expect_choice(rule, expected, size);
    else if (!has_range(rule))
        (void)snprintf(expected, size, "%s", bind_type_name(rule->type));
    else if (rule->max == 0)
        (void)snprintf(expected, size, "%s, at least %" PRIu64 "%s", bind_type_name(rule->type), rule->min, unit);
    else
        (void)snprintf(expected, size, "%s, from %" PRIu64 " to %" PRIu64 "%s", bind_type_name(rule->type), rule->min,
                       rule->max, unit);
}

bool bind_parse(const struct bind_rule *rule, slice text, struct bind_value *out, char *expected, size_t size)
{
    *out = (struct bind_value){.text = text};
    if (text.len && parse_type(rule, text, &out->number) && in_range(rule, out->number))
        return true;
    expect(rule, expected, size);
    return false;
}
