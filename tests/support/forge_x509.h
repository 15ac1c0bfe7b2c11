/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys, certificates and revocation lists for forged evidence, by OpenSSL alone: nothing of lib/x509 is used, so that
 * this is a second implementation. No test framework in here. Whatever fails aborts the program.
 */
#ifndef TESTS_FORGE_X509_H
#define TESTS_FORGE_X509_H

#include <openssl/evp.h>

#include "lib/base/arena.h"

/* Aborts with a line on stderr unless `good`. */
void forge_must(bool good, const char *what);

/* The key named `name` on this curve ("P-256"), from FOLDER/name.pem, which is made where it is not there; a new one
 * where folder is NULL. */
EVP_PKEY *forge_ec_key(const char *folder, const char *name, const char *curve);

/* Signs with SHA-256. As DER, and as the two 32-byte numbers that quotes and Intel's service have. */
slice forge_sign(struct arena *a, EVP_PKEY *key, slice message);
slice forge_sign_raw(struct arena *a, EVP_PKEY *key, slice message);
/* x and y, 32 bytes each. */
void forge_point(EVP_PKEY *key, uint8_t out[64]);
void forge_sha256(slice a, slice b, uint8_t out[32]); /* of both, one after the other */

struct forge_certificate {
    const char *subject, *issuer;  /* common names; the rest is "O=Intel Corporation, L=Santa Clara, ST=CA, C=US" */
    int64_t not_before, not_after; /* Unix seconds */
    uint64_t serial;
    const char *constraints; /* as OpenSSL's configuration writes basicConstraints; NULL: none */
    const char *usage;       /* keyUsage likewise */
    const char *critical;    /* OID of an unknown critical extension; NULL: none */
    const char *digest;      /* NULL: SHA256 */
    slice extension;         /* value of `oid`, not critical; absent: none */
    const char *oid;
    int extension_times; /* 0: once; 2: twice */
    bool bad_signature;
};
/* DER. */
slice forge_issue(struct arena *a, const struct forge_certificate *c, EVP_PKEY *key, EVP_PKEY *issuer_key);

#define FORGE_REVOKED_MAX 8
struct forge_crl {
    const char *issuer;                  /* common name */
    int64_t this_update, next_update;    /* Unix seconds; next_update 0: none */
    uint64_t number;                     /* 0: no such extension */
    uint64_t revoked[FORGE_REVOKED_MAX]; /* serial numbers */
    size_t revoked_count;
    int fill;             /* further entries with serials of their own */
    const char *critical; /* OID of an unknown critical extension of the list; NULL: none */
    bool bad_signature;
};
slice forge_revoke(struct arena *a, const struct forge_crl *c, EVP_PKEY *issuer_key); /* DER */

slice forge_pem(struct arena *a, slice der); /* one block "CERTIFICATE" */

/* --- writing: each returns a new text in the arena --- */
slice forge_join(struct arena *a, slice x, slice y);
/* With the first `from` replaced; aborts where there is none. */
slice forge_replace(struct arena *a, slice text, const char *from, const char *to);
slice forge_hex(struct arena *a, slice bytes, bool upper);
slice forge_time(struct arena *a, int64_t seconds); /* "2026-01-31T00:00:00Z" */
slice forge_json(struct arena *a, slice text);      /* a JSON string with its quotes */
/* DER element with minimal length. */
slice forge_der(struct arena *a, uint8_t tag, slice content);
/* The same, its length in four octets although fewer would do. */
slice forge_der_long(struct arena *a, uint8_t tag, slice content);

#endif
