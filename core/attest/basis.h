/* SPDX-License-Identifier: Apache-2.0
 *
 * The name of what attestations stand on: a digest of all appraisal policies and reference values. Our tokens carry
 * it; once anything of that changed, tokens with another name are refused, on every replica with the same content, and
 * their owners attest again. See docs/decisions/0005.
 */
#ifndef CORE_ATTEST_BASIS_H
#define CORE_ATTEST_BASIS_H

#include "core/policy/policies.h"
#include "core/refval/refval.h"

#define BASIS_SIZE 16 /* hex digits */

struct basis;
MUST_CHECK result basis_new(struct policies *policies, struct refval *reference_values, struct basis **out);
void basis_free(struct basis *g);
/* Writes the name in force; makes it anew when a part has changed. Thread-safe. */
void basis_name(struct basis *g, char out[BASIS_SIZE + 1]);

#endif
