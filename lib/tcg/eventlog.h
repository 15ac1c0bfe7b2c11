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
    uint16_t algorithms[EVENT_DIGESTS_MAX]; /* of the header's list, each with the size that is its own */
    size_t algorithm_count;
    struct reader events; /* where the first event after the header is */
};
/* Reads the header event ("Spec ID Event03") and checks it. EVENTLOG_HEADER, EVENTLOG_ALGORITHM (none, too many, or a
 * size that is not the algorithm's), EVENTLOG_SIZE. */
MUST_CHECK result eventlog_open(slice bytes, struct eventlog *out);
/* The next event; *end is set after the last: where the bytes are used up, or where eight or more of ones or zeros stand
 * instead of an event, after which nothing else may follow. EVENTLOG_TRUNCATED, EVENTLOG_TRAILING, EVENTLOG_ALGORITHM
 * (one that the header does not list, or twice). */
MUST_CHECK result eventlog_next(struct eventlog *log, struct event *out, bool *end);
/* The event's digest of one algorithm; ptr NULL where it has none. */
slice event_digest_of(const struct event *e, uint16_t algorithm);

/* What every register would hold had it been extended, from zeros, with the log's digests of one algorithm in order
 * (PCR 0 from its locality where an EV_NO_ACTION StartupLocality event says so). EV_NO_ACTION events and those without
 * a digest of the algorithm extend nothing. */
#define EVENTLOG_REGISTERS 24
struct eventlog_replay {
    size_t size; /* bytes of a register */
    uint8_t registers[EVENTLOG_REGISTERS][EVENT_DIGEST_MAX];
    uint32_t extended; /* bit n: register n was */
    size_t events;     /* that extended one */
};
/* EVENTLOG_ALGORITHM where the log has none of it, EVENTLOG_REGISTER (an index out of range), EVENTLOG_DATA (a locality
 * that comes too late or is none), and those of eventlog_next(); CRYPTO. */
MUST_CHECK result eventlog_replay(slice bytes, uint16_t algorithm, struct eventlog_replay *out);

/* A log, and what of it has been proved: of which registers the replay with `algorithm` equals what is signed. */
struct eventlog_proof {
    slice log;
    uint16_t algorithm; /* TPM_ALG_… */
    uint32_t registers; /* bit n: register n; RTMR 0 to 3 are registers 1 to 4: 0x1e */
};

/* Writes the events as an array named `key`, each {index, type_name, details, digests[{alg,digest}],
 * digest_matches_event, event} as upstream's policies know them. Events that the proof does not reach (of other
 * registers, without a digest of the algorithm) and digests of other algorithms are left out; EV_NO_ACTION events, which
 * are measured nowhere, keep no digest but zeros. `details` is empty where it would tell more than the digest covers;
 * docs/event-logs.md has the rules.
 * Those of eventlog_open() and eventlog_next(), EVENTLOG_TYPE, EVENTLOG_DATA (an event whose data is malformed), CRYPTO,
 * NO_MEMORY. */
MUST_CHECK result eventlog_claims(const trustee_host *host, trustee_request *req, trustee_writer *w, slice key,
                                  const struct eventlog_proof *proof);

#endif
