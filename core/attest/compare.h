/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a device was not affirmed, for the record. A policy is a program, so which claim it compared with which reference
 * value is only known to it; but a reference value none of whose values stands anywhere among the claims is one that
 * the device does not meet, and the claim of the same name is what it has instead.
 */
#ifndef CORE_ATTEST_COMPARE_H
#define CORE_ATTEST_COMPARE_H

#include "core/record/record.h"
#include "lib/claims/claims.h"

/* Records "reference.NAME": passed if any of the value's members stands among the claims. Expected is the value,
 * found the claim of that name ("pcr11" for "tpm_pcr11"), where there is one. */
void compare_reference(struct record *record, tree claims, slice name, tree value);

#endif
