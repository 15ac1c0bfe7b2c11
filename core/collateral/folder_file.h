/* SPDX-License-Identifier: Apache-2.0
 *
 * One file of our own folder of collateral, version 1:
 *
 *     trustee-collateral 1
 *     kind KIND
 *     key KEY
 *     issued SECONDS
 *     not-after SECONDS
 *     number NUMBER
 *     chain LENGTH
 *     bytes LENGTH
 *
 *     (chain)(bytes)
 *     sha256 HEX
 *
 * The digest is over everything before the word sha256. It tells damage, not forgery: only the vendor's signature tells
 * what is genuine.
 */
#ifndef CORE_COLLATERAL_FOLDER_FILE_H
#define CORE_COLLATERAL_FOLDER_FILE_H

#include "core/collateral/item.h"

#define FOLDER_VERSION_FILE "VERSION"
#define FOLDER_VERSION "trustee-collateral 1\n"
#define FOLDER_SUFFIX ".item"
#define FOLDER_NAME_MAX 96
#define FOLDER_HEAD_MAX ((size_t)2048)
#define FOLDER_FILE_MAX (FOLDER_HEAD_MAX + COLLATERAL_BYTES_MAX + COLLATERAL_CHAIN_MAX)

/* The file's name, made of the kind and a digest of kind and key. False: no form of a name (collateral_is_name). */
bool folder_name(slice kind, slice key, char out[FOLDER_NAME_MAX]);
/* The whole file. STORAGE for what is too large or has no name; NO_MEMORY. */
MUST_CHECK result folder_encode(const struct collateral_item *item, const struct collateral_facts *facts,
                                struct arena *a, slice *out);
/* Views into `file`. COLLATERAL_CORRUPT. */
MUST_CHECK result folder_decode(slice file, struct collateral_item *item, struct collateral_facts *facts);
/* COLLATERAL_OLDER where `next` would go back behind `stored`. */
MUST_CHECK result folder_judge_age(const struct collateral_facts *stored, const struct collateral_facts *next);
/* Reads a file of the folder without touching it, and checks that its name is its content's. COLLATERAL_ABSENT,
 * COLLATERAL_CORRUPT, STORAGE, NO_MEMORY. */
MUST_CHECK result folder_read(int folder, const char *name, struct arena *a, struct collateral_item *item,
                              struct collateral_facts *facts);

#endif
