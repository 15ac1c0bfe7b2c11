/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of `trusteectl verify` share.
 */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include "cli/evidence.h"

#define ITEMS_MAX 64

enum outcome { ACCEPTED, REFUSED, UNDECIDED };

struct used_item {
    struct collateral_facts facts;
    const char *source;
};

struct verification {
    struct cli *cli;
    struct arena arena;   /* of the verification */
    struct arena scratch; /* of one question */
    struct verifier_options options;
    struct sources sources;
    struct verifiers verifiers;
    const struct verifier *verifier;
    struct evidence evidence;
    slice report_data, init_data; /* expected */
    bool compared;                /* somebody said what report data is expected */
    int64_t now;
    struct trustee_request request;
    struct record record;
    struct verified answer;

    trustee_collateral items[ITEMS_MAX];
    struct used_item used[ITEMS_MAX];
    size_t item_count;
    trustee_need missing[TRUSTEE_NEEDS_MAX];
    size_t missing_count;
    struct record
        not_genuine; /* why the first item of a kind and key was not; its path is the item, its status the source */
    slice refused_source;
};

void verification_print(struct verification *v, enum outcome o);
void verification_json(struct verification *v, enum outcome o);

#endif
