/* SPDX-License-Identifier: Apache-2.0
 *
 * An SNP attestation report (SEV-SNP firmware ABI, ATTESTATION_REPORT) and the certificate table beside it, written as
 * the JSON that the KBS protocol has for them.
 */
#ifndef GUEST_SNP_REPORT_H
#define GUEST_SNP_REPORT_H

#include "lib/base/arena.h"

#define SNP_REPORT_SIZE 1184

/* Views into a report of exactly SNP_REPORT_SIZE bytes. */
slice snp_report_data(slice report); /* 64 bytes */
slice snp_host_data(slice report);   /* 32 bytes */

/* {"attestation_report":{…},"cert_chain":[…]|null} in the arena. Report versions 2 to 5 and later ones, whose fields
 * are those of version 5; Milan, Genoa and Turin. `certificates` is the table of GUID, offset and length that ends with
 * a zero GUID, or empty. AGENT_EVIDENCE for a report or table that cannot be read, NO_MEMORY. */
MUST_CHECK result snp_evidence_json(slice report, slice certificates, struct arena *a, slice *out);

#endif
