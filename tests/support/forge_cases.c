/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/forge_dcap_inner.h"

const struct forge_dcap_case *forge_dcap_case_at(size_t n)
{
    const struct {
        const struct forge_dcap_case *cases;
        size_t count;
    } parts[] = {{forge_quote_cases, forge_quote_case_count},
                 {forge_certificate_cases, forge_certificate_case_count},
                 {forge_crl_cases, forge_crl_case_count},
                 {forge_statement_cases, forge_statement_case_count}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (n < parts[i].count)
            return &parts[i].cases[n];
        n -= parts[i].count;
    }
    return NULL;
}

const struct forge_dcap_case *forge_dcap_find(const char *name)
{
    const struct forge_dcap_case *c;
    for (size_t i = 0; (c = forge_dcap_case_at(i)); i++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

bool forge_dcap_fits(const struct forge_dcap_case *c, int version, enum forge_body body)
{
    unsigned wanted = body == FORGE_SGX     ? FORGE_FOR_SGX
                      : body == FORGE_TDX15 ? FORGE_FOR_TDX | FORGE_FOR_TDX15
                                            : FORGE_FOR_TDX;
    return (c->bodies & wanted) && (c->version == 0 || c->version == version);
}
