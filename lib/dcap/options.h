/* SPDX-License-Identifier: Apache-2.0
 *
 * The options that verifiers of DCAP quotes share.
 */
#ifndef LIB_DCAP_OPTIONS_H
#define LIB_DCAP_OPTIONS_H

#include <trustee/plugin.h>

#include "lib/dcap/trust.h"

struct dcap_options {
    uint32_t accepted;     /* bit n: enum tcb_status n; never TCB_REVOKED */
    bool expired_is_claim; /* else refused */
    bool allow_debug;
    int64_t minimum_tcb_date; /* Unix seconds; 0: any */
    uint64_t minimum_evaluation_number;
};

#define DCAP_ACCEPTED_BY_DEFAULT                                                                       \
    "UpToDate, SWHardeningNeeded, ConfigurationNeeded, ConfigurationAndSWHardeningNeeded, OutOfDate, " \
    "OutOfDateConfigurationNeeded, TDRelaunchAdvised, TDRelaunchAdvisedConfigurationNeeded"

/* Rows for a plugin's option table. */
#define DCAP_OPTIONS                                                                                 \
    {.name = TRUSTEE_TEXT("accepted_tcb"),                                                           \
     .help = TRUSTEE_TEXT("TCB statuses that are accepted, separated by commas; Revoked never is"),  \
     .fallback = TRUSTEE_TEXT(DCAP_ACCEPTED_BY_DEFAULT),                                             \
     .type = TRUSTEE_OPTION_TEXT},                                                                   \
        {.name = TRUSTEE_TEXT("expired_collateral"),                                                 \
         .help = TRUSTEE_TEXT("refuse, or claim: accept what has expired and say so in the claims"), \
         .fallback = TRUSTEE_TEXT("refuse"),                                                         \
         .type = TRUSTEE_OPTION_TEXT,                                                                \
         .restricted = TRUSTEE_TEXT("refuse")},                                                      \
        {.name = TRUSTEE_TEXT("allow_debug"),                                                        \
         .help = TRUSTEE_TEXT("accept guests that their host can debug, for tests alone"),           \
         .fallback = TRUSTEE_TEXT("no"),                                                             \
         .type = TRUSTEE_OPTION_BOOL},                                                               \
        {.name = TRUSTEE_TEXT("trust_anchor"),                                                       \
         .help = TRUSTEE_TEXT("file with root certificates (DER or PEM) to trust beside Intel's"),   \
         .type = TRUSTEE_OPTION_FILE,                                                                \
         .flags = TRUSTEE_OPTION_MANY},                                                              \
        {.name = TRUSTEE_TEXT("minimum_tcb_date"),                                                   \
         .help = TRUSTEE_TEXT("refuse platforms whose TCB date is before this one (2024-03-13)"),    \
         .type = TRUSTEE_OPTION_TEXT},                                                               \
    {                                                                                                \
        .name = TRUSTEE_TEXT("minimum_evaluation_number"),                                           \
        .help = TRUSTEE_TEXT("refuse collateral with a lower TCB evaluation data number"),           \
        .fallback = TRUSTEE_TEXT("0"), .type = TRUSTEE_OPTION_NUMBER                                 \
    }

/* Reads them, and the anchors. TRUSTEE_OK; TRUSTEE_E_CONFIG, logged with `name` in front; TRUSTEE_E_NOMEM. On failure
 * *trust is empty. */
trustee_status dcap_options_load(const trustee_host *host, const trustee_conf *conf, slice name,
                                 struct dcap_options *out, struct dcap_trust *trust);

#endif
