/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/result.h"

static const struct {
    enum reason_class class;
    const char *id, *text, *remedy;
} REASONS[REASON_COUNT] = {
    [REASON_OK] = {CLASS_NONE, "ok", "nothing is wrong", ""},
#define REASON(symbol, class, id, text, remedy) [symbol] = {class, id, text, remedy},
#include "lib/base/reasons.def"
#undef REASON
};

static enum reason checked(enum reason why)
{
    return (unsigned)why < REASON_COUNT ? why : INTERNAL;
}

const char *reason_id(enum reason why)
{
    return REASONS[checked(why)].id;
}

const char *reason_text(enum reason why)
{
    return REASONS[checked(why)].text;
}

const char *reason_remedy(enum reason why)
{
    return REASONS[checked(why)].remedy;
}

enum reason_class reason_class(enum reason why)
{
    return REASONS[checked(why)].class;
}

const char *reason_class_name(enum reason_class class)
{
    static const char *const names[] = {
        [CLASS_NONE] = "none",
        [CLASS_PROTOCOL] = "protocol",
        [CLASS_AUTHENTICATION] = "authentication",
        [CLASS_EVIDENCE] = "evidence",
        [CLASS_POLICY] = "policy",
        [CLASS_NOT_FOUND] = "not_found",
        [CLASS_CONFLICT] = "conflict",
        [CLASS_SIZE] = "size",
        [CLASS_RATE] = "rate",
        [CLASS_INTERNAL] = "internal",
        [CLASS_UNAVAILABLE] = "unavailable",
    };
    return (unsigned)class < sizeof names / sizeof *names ? names[class] : "internal";
}
