/* SPDX-License-Identifier: Apache-2.0
 *
 * Measurement logs: crypto-agile logs of "TCG PC Client Platform Firmware Profile" (revision 1.05, section 10), and
 * confidential-computing logs (CCEL, UEFI 2.10 section 38), which are the same with measurement registers for PCRs.
 *
 * Everything is a view into the log. Nothing here is proved by anything until a replay equals registers that the
 * hardware has signed; and even then only the digests are, not the events' types nor data whose digest does not match.
 */
#ifndef LIB_TCG_EVENTLOG_H
#define LIB_TCG_EVENTLOG_H

#include <trustee/host.h>

#include "lib/base/bytes.h"
#include "lib/tcg/tpm.h"

#define TPM_ALG_SM3_256 0x0012
#define EVENT_DIGESTS_MAX 8
#define EVENTLOG_SIZE_MAX (8u << 20) /* bytes */
#define EVENT_DIGEST_MAX 64

struct event_digest {
    uint16_t algorithm; /* TPM_ALG_… */
    slice bytes;
};
struct event {
    uint32_t index; /* as logged: PCR, or measurement register counted as the log does */
    uint32_t type;  /* EV_… */
    struct event_digest digests[EVENT_DIGESTS_MAX];
    size_t digest_count;
    slice data;
};

struct eventlog {
    slice bytes;
    uint16_t algorithms[EVENT_DIGESTS_MAX]; /* of the header's list, with the sizes that it names */
    uint16_t sizes[EVENT_DIGESTS_MAX];
    size_t algorithm_count;
    struct reader events; /* where the first event after the header is */
};
/* Reads the header event ("Spec ID Event03") and checks it. EVENTLOG_HEADER, EVENTLOG_ALGORITHM (none, too many, or a
 * size that is not the algorithm's), EVENTLOG_SIZE. */
MUST_CHECK result eventlog_open(slice bytes, struct eventlog *out);
/* The next event; *end is set after the last (a log may end in 0xff or zero padding). EVENTLOG_TRUNCATED,
 * EVENTLOG_ALGORITHM (one that the header does not list, or twice). */
MUST_CHECK result eventlog_next(struct eventlog *log, struct event *out, bool *end);

/* What every register would hold had it been extended, from zeros, with the log's digests of one algorithm in order
 * (PCR 0 from its locality where an EV_NO_ACTION StartupLocality event says so). */
#define EVENTLOG_REGISTERS 24
struct eventlog_replay {
    size_t size; /* bytes of a register */
    uint8_t registers[EVENTLOG_REGISTERS][EVENT_DIGEST_MAX];
    uint32_t extended; /* bit n: register n was */
    size_t events;
};
/* EVENTLOG_ALGORITHM where the log has none of it, EVENTLOG_REGISTER (an index out of range), and those of
 * eventlog_next(); CRYPTO. */
MUST_CHECK result eventlog_replay(slice bytes, uint16_t algorithm, struct eventlog_replay *out);

/* Writes the events as an array named `key`, each {index, type_name, details, digests[{alg,digest}],
 * digest_matches_event, event} as upstream's policies know them. `details` is written only where the data is covered by
 * a digest that matches it (or for kinds whose digest is defined over something else that is checked); the type counts
 * for no more than how the data is read.
 * Those of eventlog_open() and eventlog_next(), EVENTLOG_DATA (an event whose data is malformed), NO_MEMORY. */
MUST_CHECK result eventlog_claims(const trustee_host *host, trustee_request *req, trustee_writer *w, slice key,
                                  slice bytes);

#endif
