/* SPDX-License-Identifier: Apache-2.0
 *
 * What every policy is told of the service itself.
 */
#ifndef CORE_POLICY_SWITCHES_H
#define CORE_POLICY_SWITCHES_H

#include "core/conf/config.h"
#include "lib/claims/claims.h"

/* Writes {"trustee": {"switches": [...]}} into an open object: every switch that weakens a check and is on, so that a
 * policy can refuse under it. */
void switch_claims(const struct config *config, struct trustee_writer *w);

#endif
