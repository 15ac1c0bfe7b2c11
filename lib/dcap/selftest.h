/* SPDX-License-Identifier: Apache-2.0
 *
 * The known-answer test of verifiers of DCAP quotes.
 */
#ifndef LIB_DCAP_SELFTEST_H
#define LIB_DCAP_SELFTEST_H

#include "lib/dcap/verify.h"

/* A recorded quote of the verifier's kind of TEE is found genuine and UpToDate through the same functions that judge
 * evidence, and is refused with one bit changed. trustee_plugin.self_test: TRUSTEE_OK, TRUSTEE_E_NOMEM,
 * TRUSTEE_E_INTERNAL, which is logged. */
trustee_status dcap_self_test(const struct dcap_verifier *v);

#endif
