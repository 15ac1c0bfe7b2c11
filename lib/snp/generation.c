/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/snp/generation.h"

void snp_generations_known(struct snp_generations *out)
{
    *out = (struct snp_generations){
        .list = {{.name = "Milan", .layout = SNP_TCB_MILAN, .models = {{0x19, 0x00, 0x0f}}, .model_count = 1},
                 {.name = "Genoa",
                  .layout = SNP_TCB_MILAN,
                  .models = {{0x19, 0x10, 0x1f}, {0x19, 0xa0, 0xaf}},
                  .model_count = 2},
                 {.name = "Turin", .layout = SNP_TCB_TURIN, .models = {{0x1a, 0x00, 0x11}}, .model_count = 1}},
        .count = 3};
}

static bool has(const struct snp_generation *g, uint8_t family, uint8_t model)
{
    for (size_t i = 0; i < g->model_count; i++)
        if (g->models[i].family == family && g->models[i].first <= model && model <= g->models[i].last)
            return true;
    return false;
}

const struct snp_generation *snp_generation_of_processor(const struct snp_generations *g, uint8_t family, uint8_t model)
{
    for (size_t i = 0; i < g->count; i++)
        if (has(&g->list[i], family, model))
            return &g->list[i];
    return NULL;
}

const struct snp_generation *snp_generation_of_name(const struct snp_generations *g, slice name)
{
    for (size_t i = 0; i < g->count; i++)
        if (slice_equal(snp_generation_name(&g->list[i]), name))
            return &g->list[i];
    return NULL;
}

/* --- further ones, by the operator's word
 * -------------------------------------------------------------------------------- */

/* "0x1a" */
static bool read_hex_byte(slice text, uint8_t *out)
{
    unsigned value = 0;
    if (!slice_starts(text, S("0x")) || text.len < 3 || text.len > 4)
        return false;
    for (size_t i = 2; i < text.len; i++) {
        uint8_t c = text.ptr[i] | 0x20;
        if (c >= '0' && c <= '9')
            value = value << 4 | (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (unsigned)(c - 'a' + 10);
        else
            return false;
    }
    *out = (uint8_t)value;
    return true;
}

struct given {
    slice name;
    struct snp_models models;
    enum snp_tcb_layout layout;
    bool has_minimum;
    struct snp_tcb minimum;
};

static bool read_given(slice text, struct given *g)
{
    slice family, range, first, layout, minimum;
    text = slice_trim(text);
    if (!slice_split(&text, ' ', &g->name) || !slice_split(&text, ' ', &family) || !slice_split(&text, ' ', &range) ||
        !slice_split(&text, ' ', &layout) || !slice_split(&range, '-', &first))
        return false;
    g->has_minimum = slice_split(&text, ' ', &minimum);
    if (text.ptr || (g->has_minimum && !snp_tcb_parse(minimum, &g->minimum)))
        return false;
    bool milan = slice_equal(layout, S("milan")), turin = slice_equal(layout, S("turin"));
    g->layout = turin ? SNP_TCB_TURIN : SNP_TCB_MILAN;
    return (milan || turin) && g->name.len > 0 && g->name.len <= SNP_NAME_MAX && slice_is_name(g->name, "") &&
           read_hex_byte(family, &g->models.family) && read_hex_byte(first, &g->models.first) &&
           read_hex_byte(range, &g->models.last) && g->models.first <= g->models.last;
}

static bool is_free(const struct snp_generations *g, const struct snp_models *m)
{
    for (unsigned model = m->first; model <= m->last; model++)
        if (snp_generation_of_processor(g, m->family, (uint8_t)model))
            return false;
    return true;
}

bool snp_generations_add(struct snp_generations *g, slice text)
{
    struct given given;
    if (!read_given(text, &given) || !is_free(g, &given.models))
        return false;
    size_t at = 0;
    while (at < g->count && !slice_equal(snp_generation_name(&g->list[at]), given.name))
        at++;
    struct snp_generation *known = &g->list[at];
    if (at == SNP_GENERATIONS_MAX)
        return false;
    if (at == g->count) {
        *known = (struct snp_generation){.layout = given.layout};
        memcpy(known->name, given.name.ptr, given.name.len);
        g->count++;
    }
    if (known->layout != given.layout || known->model_count == sizeof known->models / sizeof *known->models)
        return false;
    known->models[known->model_count++] = given.models;
    known->has_minimum = known->has_minimum || given.has_minimum;
    if (given.has_minimum)
        known->minimum = given.minimum;
    return true;
}
