/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of `trusteectl collateral` share.
 */
#ifndef CLI_COLLATERAL_H
#define CLI_COLLATERAL_H

#include "cli/evidence.h"
#include "core/conf/config.h"
#include "core/record/record.h"

/* One command on one folder. */
struct shelf {
    struct cli *cli;
    struct arena arena;   /* of items */
    struct arena scratch; /* of one question */
    struct verifier_options options;
    struct verifiers verifiers;
    struct config config; /* only with has_config */
    bool has_config;
    const char *directory;
    struct collateral_folder folder; /* fd -1: not open */
    int64_t now;
};
/* Takes --directory, --config and the options of verifiers out of the arguments, and opens the folder: makes it where
 * `make`. 0, or an exit code after saying why. */
int shelf_open(struct cli *c, struct shelf *s, bool make);
void shelf_close(struct shelf *s);
/* Loads the verifiers that judge. */
int shelf_verifiers(struct shelf *s);

/* Items of the folder, sorted by kind and key; bytes and chains only where `whole`. */
struct shelf_item {
    struct collateral_item item;
    struct collateral_facts facts;
    size_t size;
    const char *state; /* for people and --json; NULL: none yet */
    slice why;         /* the reason, where it is refused */
};
struct shelf_list {
    struct shelf *shelf;
    struct shelf_item *at;
    size_t count, room, corrupt;
    bool whole, full;
    slice kind, key; /* only these; empty: all */
};
int shelf_list(struct shelf *s, struct shelf_list *out);
void shelf_add(struct shelf_list *to, const struct collateral_item *item, const struct collateral_facts *facts);
void shelf_sort(struct shelf_list *list);
/* A table, or JSON. */
void shelf_print(const struct shelf_list *list);

#endif
