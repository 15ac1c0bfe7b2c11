/* SPDX-License-Identifier: Apache-2.0
 *
 * aa_kbc_params, by which a guest is told its service: "cc_kbc::<url>".
 */
#ifndef GUEST_PARAMS_H
#define GUEST_PARAMS_H

#include "guest/failure.h"

#define PARAMS_URL_MAX 2048

/* The value of `name` on a kernel command line (the first that stands there; quotes around value or word are taken
 * off); ptr NULL where there is none. */
slice cmdline_value(slice cmdline, slice name);

/* The URL of "cc_kbc::<url>" without trailing slashes: http or https, a host, visible ASCII only, no user, query or
 * fragment, at most PARAMS_URL_MAX bytes. A view into `params`. AGENT_CONFIG with `why` filled. */
MUST_CHECK result params_url(slice params, slice *url, struct failure *why);

#endif
