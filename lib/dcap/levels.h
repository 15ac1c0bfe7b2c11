/* SPDX-License-Identifier: Apache-2.0
 *
 * TCB levels, as TCB info, TDX modules and QE identity have them in common; for this folder alone.
 */
#ifndef LIB_DCAP_LEVELS_H
#define LIB_DCAP_LEVELS_H

#include "lib/dcap/collateral.h"
#include "lib/json/json.h"

#define LEVELS_MAX 128 /* in one list; Intel's longest has about 20 */

struct tcb_level {
    enum tcb_status status;
    uint16_t svn; /* PCESVN of a platform, else ISVSVN */
    uint16_t advisory_count;
    int64_t date;
    const slice *advisories;
};

/* Memory that is handed out in order. */
struct block {
    uint8_t *at;
    size_t left;
};
/* NULL when it is too small; what is handed out is zero if the block was, and aligned for any type here. */
void *block_take(struct block *b, size_t count, size_t size);

/* What the advisories of a list of levels take in a block. */
size_t levels_weight(const json *levels);
/* Reads what all levels have: tcbStatus (one of the set bits of `statuses`), tcbDate, advisoryIDs (may be absent). */
bool level_read(const json *level, unsigned statuses, struct block *b, struct tcb_level *out);
#define STATUS_BIT(s) (1u << (s))
#define STATUSES_OF_MODULES (STATUS_BIT(TCB_UP_TO_DATE) | STATUS_BIT(TCB_OUT_OF_DATE) | STATUS_BIT(TCB_REVOKED))

/* The levels of a TDX module or of a QE identity: {"tcb":{"isvsvn":…}, …}, the highest first. */
struct isv_levels {
    struct tcb_level *list;
    size_t count;
};
size_t isv_levels_weight(const json *levels);
bool isv_levels_read(const json *levels, struct block *b, struct isv_levels *out);
/* The first level at or below `svn`; NULL: none. */
const struct tcb_level *isv_levels_find(const struct isv_levels *l, unsigned svn);

void level_verdict(const struct tcb_level *level, struct tcb_verdict *out);

#endif
