/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/levels.h"

#include "lib/dcap/fields.h"

#define ADVISORY_LENGTH_MAX 64

static size_t rounded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

void *block_take(struct block *b, size_t count, size_t size)
{
    if (count > b->left / size || rounded(count * size) > b->left)
        return NULL;
    void *taken = b->at;
    b->at += rounded(count * size);
    b->left -= rounded(count * size);
    return taken;
}

/* --- what all levels have -------------------------------------------------------------------------------------------
 */

size_t levels_weight(const json *levels)
{
    size_t weight = 0;
    for (const json *l = json_next(levels, NULL, NULL); l; l = json_next(levels, l, NULL)) {
        const json *ids = json_get(l, S("advisoryIDs"));
        weight += json_count(ids) * sizeof(slice);
        for (const json *id = json_next(ids, NULL, NULL); id; id = json_next(ids, id, NULL))
            weight += rounded(json_text(id).len);
    }
    return weight;
}

static bool read_advisory(const json *id, struct block *b, slice *out)
{
    slice text = json_text(id);
    if (!text.len || text.len > ADVISORY_LENGTH_MAX || !slice_is_name(text, "-_."))
        return false;
    uint8_t *copy = block_take(b, text.len, 1);
    if (!copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    *out = slice_of(copy, text.len);
    return true;
}

static bool read_advisories(const json *ids, struct block *b, struct tcb_level *out)
{
    size_t count = json_count(ids);
    out->advisory_count = 0;
    out->advisories = NULL;
    if (!ids)
        return true;
    if (json_type(ids) != TRUSTEE_NODE_ARRAY || count > LEVEL_ADVISORIES_MAX)
        return false;
    slice *list = block_take(b, count, sizeof *list);
    if (!list)
        return false;
    for (const json *id = json_next(ids, NULL, NULL); id; id = json_next(ids, id, NULL))
        if (!read_advisory(id, b, &list[out->advisory_count++]))
            return false;
    out->advisories = list;
    return true;
}

bool level_read(const json *level, unsigned statuses, struct block *b, struct tcb_level *out)
{
    slice status = json_text(json_get(level, S("tcbStatus")));
    return tcb_status_from(status, &out->status) && statuses & STATUS_BIT(out->status) &&
           field_date(level, S("tcbDate"), &out->date) && read_advisories(json_get(level, S("advisoryIDs")), b, out);
}

/* --- levels of an ISVSVN --------------------------------------------------------------------------------------------
 */

size_t isv_levels_weight(const json *levels)
{
    return json_count(levels) * sizeof(struct tcb_level) + levels_weight(levels);
}

/* Intel's service documents its lists as sorted. Its own library sorts them again and others do not: where the order
 * would make a difference nothing is accepted. */
bool isv_levels_read(const json *levels, struct block *b, struct isv_levels *out)
{
    uint64_t svn;
    out->count = 0;
    out->list = block_take(b, json_count(levels), sizeof *out->list);
    if (!out->list)
        return false;
    for (const json *l = json_next(levels, NULL, NULL); l; l = json_next(levels, l, NULL)) {
        struct tcb_level *level = &out->list[out->count];
        if (!field_number(json_get(l, S("tcb")), S("isvsvn"), UINT16_MAX, &svn) ||
            !level_read(l, STATUSES_OF_MODULES, b, level))
            return false;
        level->svn = (uint16_t)svn;
        if (out->count && level[-1].svn <= level->svn)
            return false;
        out->count++;
    }
    return out->count > 0;
}

const struct tcb_level *isv_levels_find(const struct isv_levels *l, unsigned svn)
{
    for (size_t i = 0; i < l->count; i++)
        if (svn >= l->list[i].svn)
            return &l->list[i];
    return NULL;
}

void level_verdict(const struct tcb_level *level, struct tcb_verdict *out)
{
    out->status = level->status;
    out->tcb_date = level->date;
    out->advisory_count = level->advisory_count;
    for (size_t i = 0; i < level->advisory_count; i++)
        out->advisories[i] = level->advisories[i];
}
