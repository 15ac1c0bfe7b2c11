/* SPDX-License-Identifier: Apache-2.0
 *
 * One item of collateral, and the ways that lie on disk: our own store's, and the offline folders and files of others.
 * Kinds and keys: <trustee/verifier.h>.
 */
#ifndef CORE_COLLATERAL_ITEM_H
#define CORE_COLLATERAL_ITEM_H

#include <stdio.h>
#include <trustee/verifier.h>

#include "lib/base/arena.h"

#define COLLATERAL_KIND_MAX 64
#define COLLATERAL_KEY_MAX 1024
#define COLLATERAL_BYTES_MAX (8u << 20)
#define COLLATERAL_CHAIN_MAX (64u << 10)

struct collateral_item {
    slice kind, key;
    slice bytes; /* as signed */
    slice chain; /* PEM; may be empty */
};

/* What its verifier said of it. */
struct collateral_facts {
    int64_t issued;    /* Unix seconds; 0: none */
    int64_t not_after; /* Unix seconds; 0: never stale */
    uint64_t number;   /* 0: none */
};

/* Whether kind and key are of the forms of <trustee/verifier.h>: only such are looked up, stored, or put into a path or
 * URL. */
bool collateral_is_name(slice kind, slice key);

/* --- our own folder: one file an item, versioned, with a checksum, written whole or not at all ---------------------
 */
struct collateral_folder {
    int fd; /* of the folder, 0700 */
};
/* Opens (and makes) a folder. STORAGE; `error` is a text for people. */
MUST_CHECK result collateral_folder_open(struct collateral_folder *f, const char *path, char *error, size_t error_size);
void collateral_folder_close(struct collateral_folder *f);
/* Item and facts live in `a`. COLLATERAL_ABSENT, COLLATERAL_CORRUPT (the file is set aside as NAME.corrupt),
 * STORAGE, NO_MEMORY. */
MUST_CHECK result collateral_folder_get(const struct collateral_folder *f, slice kind, slice key, struct arena *a,
                                        struct collateral_item *item, struct collateral_facts *facts);
/* Writes to a temporary name, syncs, renames, syncs the folder. Refuses to go back: COLLATERAL_OLDER where what is
 * stored was issued later or has a higher number. STORAGE. */
MUST_CHECK result collateral_folder_put(const struct collateral_folder *f, const struct collateral_item *item,
                                        const struct collateral_facts *facts);
MUST_CHECK result collateral_folder_delete(const struct collateral_folder *f, slice kind, slice key);
/* Calls `each` for every item that is whole, in no order; the item lives in `a` during the call only. A corrupt file is
 * counted in *corrupt and left. STORAGE, NO_MEMORY. */
MUST_CHECK result collateral_folder_list(const struct collateral_folder *f, struct arena *a,
                                         void (*each)(void *user, const struct collateral_item *item,
                                                      const struct collateral_facts *facts),
                                         void *user, size_t *corrupt);

/* --- other people's formats, read as they are ------------------------------------------------------------------------
 * A path may be a file: JSON of Intel's PcsClientTool ("platform_collaterals.json"); JSON with the members tcb_info,
 * qe_identity, pck_crl, root_ca_crl, pck_certificate_chain and their chains and signatures; an answer of Intel's
 * service as it came; one of our own export files; a revocation list or AMD's certificates in DER or PEM. Or a folder:
 * of any such files, with upstream's kds-store (vcek/HWID/[bl.._]vcek.der) in it, one of ours. Which one it is is found
 * by looking. What came without the chain of its issuer, Intel, takes one that lies beside it (PEM), or else the one
 * that Intel has published. Nothing is judged here.
 *
 * A path that is one file belongs to one piece of evidence: what is in it is given for every key of its kind that it
 * does not have by name. Any thread; symbolic links are followed, for Kubernetes mounts files so. */
struct collateral_offline;
/* COLLATERAL_ABSENT where there is no such path, COLLATERAL_CORRUPT for a file that is of a known form and broken,
 * STORAGE for too much, NO_MEMORY; `error` is a text for people, without the path. A folder may be empty, and what it
 * has of broken files is passed over. */
MUST_CHECK result collateral_offline_open(const char *path, struct collateral_offline **out, char *error,
                                          size_t error_size);
void collateral_offline_close(struct collateral_offline *o); /* NULL is fine */
/* The item; of several the one that was issued last, where that is told. COLLATERAL_ABSENT, COLLATERAL_CORRUPT,
 * STORAGE, NO_MEMORY. Files that have changed are read again. */
MUST_CHECK result collateral_offline_get(struct collateral_offline *o, slice kind, slice key, struct arena *a,
                                         struct collateral_item *item);
/* The nth of several, the latest first; COLLATERAL_ABSENT where there are no more. */
MUST_CHECK result collateral_offline_get_nth(struct collateral_offline *o, const trustee_need *name, size_t nth,
                                             struct arena *a, struct collateral_item *item);
/* Every item whose name can be told, for import and list; an item lives during the call only, `a` is for scratch. The
 * source must not be used in `each`. */
MUST_CHECK result collateral_offline_list(struct collateral_offline *o, struct arena *a,
                                          void (*each)(void *user, const struct collateral_item *item), void *user);

/* --- export: one file with any number of items, for carrying across an air gap -------------------------------------
 */
/* Writes the next item; the first call says so and so does the last one, which may come without an item (NULL).
 * STORAGE, NO_MEMORY. */
MUST_CHECK result collateral_export(FILE *out, const struct collateral_item *item, const struct collateral_facts *facts,
                                    bool first, bool last);

#endif
