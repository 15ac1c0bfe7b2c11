/* SPDX-License-Identifier: Apache-2.0
 *
 * A certificate authority of one's own and one server certificate, for a start without a PKI.
 */
#ifndef CORE_CRYPTO_SELFSIGNED_H
#define CORE_CRYPTO_SELFSIGNED_H

#include "lib/base/arena.h"

struct selfsigned {
    slice ca_pem;     /* certificate of the authority, whose key is forgotten */
    slice server_pem; /* server certificate, then the authority's */
    slice key_pem;    /* private key of the server, in the SECRET arena */
};

/* EC P-256 certificates for `host` (a name or an IP address), localhost, 127.0.0.1 and ::1, valid from now for `days`.
 * CRYPTO, NO_MEMORY. */
MUST_CHECK result selfsigned_make(slice host, unsigned days, struct arena *a, struct arena *secret,
                                  struct selfsigned *out);

#endif
