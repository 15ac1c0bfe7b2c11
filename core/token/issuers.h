/* SPDX-License-Identifier: Apache-2.0
 *
 * The sections [token-issuer NAME]: whose tokens are believed besides our own.
 */
#ifndef CORE_TOKEN_ISSUERS_H
#define CORE_TOKEN_ISSUERS_H

#include "core/conf/bind.h"
#include "core/token/trust.h"

#define TOKEN_ISSUERS_MAX 16

extern const struct bind_table TOKEN_ISSUER_TABLE;

/* Reads all of them with their files; what *issuers points to lies in `arena`. CONFIG_VALUE, NO_MEMORY and those of
 * file_read(), with a text in `error`. */
MUST_CHECK result token_issuers_read(const struct bind *b, const struct trust_issuer **issuers, size_t *count);

#endif
