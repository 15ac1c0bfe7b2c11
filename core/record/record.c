/* SPDX-License-Identifier: Apache-2.0 */
#include "core/record/record.h"

#include "core/clock/clock.h"

#define CHECKS_MAX 256

void record_begin(struct record *r, struct arena *a, const char *kind, const uint8_t id[16])
{
    *r = (struct record){.arena = a, .kind = kind, .time = clock_wall()};
    memcpy(r->id, id, sizeof r->id);
}

void record_check(struct record *r, slice name, bool passed, slice expected, slice actual)
{
    r->check_count++;
    struct record_check *c = r->check_count <= CHECKS_MAX ? arena_new(r->arena, struct record_check) : NULL;
    if (!c)
        return;
    *c = (struct record_check){.name = arena_copy(r->arena, name),
                               .expected = arena_copy(r->arena, expected),
                               .actual = arena_copy(r->arena, actual),
                               .passed = passed};
    if (r->last_check)
        r->last_check->next = c;
    else
        r->checks = c;
    r->last_check = c;
}

void record_refuse_as(struct record *r, enum reason_class class, slice reason, slice text)
{
    if (r->reason.len)
        return;
    r->class = (uint16_t)class;
    r->reason = arena_copy(r->arena, reason);
    r->text = arena_copy(r->arena, text);
    if (!r->reason.ptr)
        r->reason = S("memory.exhausted");
}

void record_refuse(struct record *r, enum reason why, slice text)
{
    if (r->reason.len)
        return;
    record_refuse_as(r, reason_class(why), slice_text(reason_id(why)), text.len ? text : slice_text(reason_text(why)));
    r->remedy = slice_text(reason_remedy(why));
}

void record_missing(struct record *r, slice reference_value)
{
    for (struct record_name *n = r->missing; n; n = n->next)
        if (slice_equal(n->name, reference_value))
            return;
    struct record_name *n = arena_new(r->arena, struct record_name);
    if (!n)
        return;
    *n = (struct record_name){r->missing, arena_copy(r->arena, reference_value)};
    r->missing = n;
}
