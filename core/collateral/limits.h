/* SPDX-License-Identifier: Apache-2.0
 *
 * What keeps strangers from using us to tire vendors' services: budgets for keys that nothing has authenticated yet,
 * with a share that only platforms verified before may use, and a short memory of what does not exist. All tables are
 * bounded. Used by the store's thread alone, except limits_verified().
 */
#ifndef CORE_COLLATERAL_LIMITS_H
#define CORE_COLLATERAL_LIMITS_H

#include "core/collateral/kind.h"

#define NEGATIVE_LIFE_MS 60000u

struct limits;
/* Fetches a minute: of one address, and of one vendor's origins together. */
MUST_CHECK result limits_new(uint64_t per_address, uint64_t per_vendor, struct limits **out);
void limits_free(struct limits *l);

/* Takes one fetch out of the budgets. False: used up; *wait_ms says for how long. */
bool limits_draw(struct limits *l, const struct collateral_kind *kind, slice key, slice peer, uint64_t now_ms,
                 uint64_t *wait_ms);
/* The platform that this key names was verified with evidence. Any thread. */
void limits_verified(struct limits *l, slice kind, slice key);

void limits_absent(struct limits *l, slice kind, slice key, uint64_t now_ms);
bool limits_is_absent(struct limits *l, slice kind, slice key, uint64_t now_ms);

#endif
