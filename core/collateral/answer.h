/* SPDX-License-Identifier: Apache-2.0
 *
 * From what a vendor's service answered to an item. Nothing is believed here: this only says whether it looks like what
 * was asked for, so that a page of a proxy or half an answer is told from something for a verifier to judge.
 */
#ifndef CORE_COLLATERAL_ANSWER_H
#define CORE_COLLATERAL_ANSWER_H

#include "core/collateral/kind.h"

struct answer {
    unsigned status;
    slice body;
    slice chain;  /* value of the header that brings the issuer chain, as it came; empty: absent */
    bool doubled; /* that header came twice */
};

/* Whether a header's name is one of those that bring a chain. */
bool answer_is_chain_header(slice name);
/* Makes bytes and chain of the item from a 200; `item` has kind and key already. What is made lies in `a`, what needs
 * no change is a view. False with a text for people: it does not look like the kind. */
bool answer_to_item(const struct answer *answer, const struct collateral_kind *kind, struct arena *a,
                    struct collateral_item *item, const char **why);

#endif
