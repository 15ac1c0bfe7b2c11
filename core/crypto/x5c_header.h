/* SPDX-License-Identifier: Apache-2.0
 *
 * A certificate chain as JOSE headers carry it. RFC 7515 section 4.1.6.
 */
#ifndef CORE_CRYPTO_X5C_HEADER_H
#define CORE_CRYPTO_X5C_HEADER_H

#include "core/crypto/jose.h"

/* JSON array of the base64 DER of all certificates in a PEM text, leaf first; the leaf's key must be `signer`'s.
 * TOKEN_UNTRUSTED where it is not, where there is none, more than 8, or one that cannot be read. */
MUST_CHECK result x5c_from_pem(slice pem, const struct jws_signer *signer, struct arena *a, slice *out);

#endif
