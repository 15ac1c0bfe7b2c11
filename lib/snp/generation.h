/* SPDX-License-Identifier: Apache-2.0
 *
 * Generations of AMD's processors: each has a root of its own, and a layout of its firmware's version. A report names
 * its processor by CPUID family and model (from version 3 on), a certificate by its issuer's name.
 */
#ifndef LIB_SNP_GENERATION_H
#define LIB_SNP_GENERATION_H

#include "lib/snp/report.h"

#define SNP_GENERATIONS_MAX 12
#define SNP_NAME_MAX 24

struct snp_models {
    uint8_t family, first, last; /* CPUID: extended and base family added; extended and base model joined */
};

struct snp_generation {
    char name[SNP_NAME_MAX + 1]; /* as in AMD's certificates and URLs: "Milan" */
    enum snp_tcb_layout layout;
    struct snp_models models[4];
    size_t model_count;
    bool has_minimum; /* of the reported version, by the operator */
    struct snp_tcb minimum;
};

struct snp_generations {
    struct snp_generation list[SNP_GENERATIONS_MAX];
    size_t count;
};

/* Milan, Genoa (with Bergamo and Siena) and Turin. */
void snp_generations_known(struct snp_generations *out);
/* Adds a later one from "NAME FAMILY FIRST-LAST LAYOUT [MINIMUM]", such as "Venice 0x1a 0x50-0x5f turin 1.2.0.3.71", or
 * gives a known one further models. False where the text is not of that form, the processors are another generation's
 * already, the layout differs from the known one, or there are too many. */
bool snp_generations_add(struct snp_generations *g, slice text);
/* NULL where nobody knows it. */
const struct snp_generation *snp_generation_of_processor(const struct snp_generations *g, uint8_t family,
                                                         uint8_t model);
const struct snp_generation *snp_generation_of_name(const struct snp_generations *g, slice name);
static inline slice snp_generation_name(const struct snp_generation *g)
{
    return slice_text(g->name);
}

#endif
