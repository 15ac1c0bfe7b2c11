/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS server contexts. OpenSSL's types stop here, in core/crypto, lib/x509 and lib/signature.
 */
#ifndef CORE_NET_TLS_H
#define CORE_NET_TLS_H

#include "lib/base/bytes.h"

/* A context from a PEM chain (leaf first) and its PEM private key: TLS 1.2 and 1.3, no renegotiation, no early data, no
 * compression, session tickets off, server preference, ALPN http/1.1. `error` gets a text for people: which file, what
 * was wrong (missing, unreadable, key does not match, expired). */
MUST_CHECK result tls_server_context(const char *certificate_file, const char *key_file, void **context, char *error,
                                     size_t error_size);
void tls_context_free(void *context);
const char *tls_library(void); /* "OpenSSL 3…" */
/* notAfter of the leaf, Unix seconds. */
int64_t tls_context_expiry(void *context);

#endif
