/* SPDX-License-Identifier: Apache-2.0
 *
 * An attester turns report data into evidence, as the JSON text that the KBS protocol has for its TEE. Attesters keep
 * no state: everything they need comes in the query. attester_gather calls them one at a time, on any thread.
 */
#ifndef GUEST_ATTESTER_H
#define GUEST_ATTESTER_H

#include "guest/failure.h"
#include "lib/base/arena.h"

struct attester_options {
    const char *tcti;      /* tss2 TCTI name and configuration; NULL: /dev/tpmrm0, else /dev/tpm0 */
    uint32_t ak_handle;    /* persistent handle of the attestation key */
    const char *tsm_path;  /* configfs-tsm's report folder */
    const char *ccel_path; /* ACPI CCEL event log; a file that is not there is left out */
};

struct attester_query {
    const struct attester_options *options;
    slice report_data;      /* at most `report_data_max` bytes */
    slice init_data_digest; /* empty: the guest has no init-data */
};

struct attester {
    const char *option;     /* value of --tee */
    const char *tee;        /* name in the KBS protocol */
    size_t report_data_max; /* bytes */
    bool insecure;          /* proves nothing: used only when asked for by name */
    /* Quick look whether this guest has such a TEE. */
    bool (*present)(const struct attester_options *o);
    /* Binds the init-data digest as the TEE has it (TPM: extends PCR 8 once; others: compares what was measured at
     * launch), then gathers. `evidence` is a JSON text in the arena. AGENT_EVIDENCE with `why` filled; NO_MEMORY. */
    result (*gather)(const struct attester_query *q, struct arena *a, slice *evidence, struct failure *why);
};

extern const struct attester attester_sample, attester_tpm, attester_tdx, attester_snp;

/* By the value of --tee; "auto" takes the first that is present of tdx, snp, tpm. NULL where there is none:
 * AGENT_CONFIG for an unknown name, AGENT_EVIDENCE when no TEE was found. */
MUST_CHECK result attester_find(slice option, const struct attester_options *o, const struct attester **out,
                                struct failure *why);
/* Checks the size of the report data and gathers; from any thread. AGENT_REQUEST when it is too long. */
MUST_CHECK result attester_gather(const struct attester *t, const struct attester_query *q, struct arena *a,
                                  slice *evidence, struct failure *why);

#endif
