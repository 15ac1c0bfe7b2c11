/* SPDX-License-Identifier: Apache-2.0
 *
 * Bindings: the operator ties resource paths to workload identities. Where a path has bindings, one of them must match;
 * with require_binding nothing is released without. security-rules 1.
 *
 *   [binding payroll]
 *   path  = default/payroll-key/key
 *   claim = /tpm/ak_sha256 5f0c…
 *   claim = /init_data_claims/workload payroll
 *
 * A claim names a member of the primary submodule's annotated evidence by JSON pointer, and the text it must have.
 * All claims of one binding must hold.
 */
#ifndef CORE_RELEASE_BINDING_H
#define CORE_RELEASE_BINDING_H

#include "core/conf/bind.h"
#include "core/record/record.h"
#include "lib/json/json.h"

struct bindings;
/* Reads all [binding NAME] sections. CONFIG_VALUE with file:line:column in `error`. */
MUST_CHECK result bindings_load(const struct ini *ini, bool required, struct bindings **out, char *error,
                                size_t error_size);
/* The keys of [binding NAME], for the reference. */
extern const struct bind_table BINDING_TABLE;
void bindings_free(struct bindings *b);
/* `evidence` is submods/cpu0/ear.veraison.annotated-evidence of the token (NULL: none). RELEASE_BINDING; the record has
 * each claim that was compared. */
MUST_CHECK result bindings_judge(const struct bindings *b, slice path, const json *evidence, struct record *record);

#endif
