/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests that measurement logs are made of. SHA-1 and SM3 stand here because firmware writes them, and nowhere near
 * signatures: enum hash does not have them.
 */
#ifndef LIB_DIGEST_H
#define LIB_DIGEST_H

#include "lib/base/bytes.h"

enum digest {
    DIGEST_SHA1,
    DIGEST_SHA256,
    DIGEST_SHA384,
    DIGEST_SHA512,
    DIGEST_SM3,
    DIGEST_COUNT,
};
#define DIGEST_SIZE_MAX 64

size_t digest_size(enum digest d); /* bytes */

/* One algorithm, set up once for many digests. Owned by one thread at a time. */
struct digester {
    void *context;
    void *algorithm;
    size_t size; /* bytes of a digest */
};
/* CRYPTO where the library (or its policy, such as FIPS) does not have the algorithm; NO_MEMORY. */
MUST_CHECK result digester_begin(struct digester *d, enum digest algorithm);
void digester_end(struct digester *d); /* also after a failed digester_begin() */
/* Digest of a followed by b, into `out`, which has room for d->size. `out` may lie over a or b. CRYPTO. */
MUST_CHECK result digester_of(struct digester *d, slice a, slice b, uint8_t *out);
/* One digest of many parts, one after the other; nothing else in between. CRYPTO. */
MUST_CHECK result digester_start(struct digester *d);
MUST_CHECK result digester_add(struct digester *d, slice part);
MUST_CHECK result digester_finish(struct digester *d, uint8_t *out);

#endif
