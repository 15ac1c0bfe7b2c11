/* SPDX-License-Identifier: Apache-2.0
 *
 * Which attestation tokens are believed: our own, and those of configured issuers. interface §1.7.
 */
#ifndef CORE_TOKEN_TRUST_H
#define CORE_TOKEN_TRUST_H

#include "core/crypto/jose.h"

/* Whose tokens are believed besides our own: an issuer together with its keys, so that no issuer's key vouches for
 * another's name. */
struct trust_issuer {
    slice issuer;      /* claim iss */
    slice audience;    /* claim aud must be or have it; empty: not looked at */
    slice profile;     /* claim eat_profile must be it; empty: any */
    slice anchors_pem; /* certificates that may vouch for a header's x5c chain; empty: none */
    const slice *jwks; /* texts of JWK sets */
    size_t jwks_count;
    const slice *key_pointers; /* JSON pointers to the TEE key that come before the standard ones */
    size_t key_pointer_count;
};

struct trust_settings {
    const struct jws_signer *own; /* NULL: tokens of our own are not accepted */
    const char *own_issuer, *own_profile;
    const struct trust_issuer *issuers; /* each name once */
    size_t issuer_count;
    bool insecure_header_jwk; /* believe any header JWK: for tests of others' clients only */
    unsigned leeway;          /* seconds, for tokens of others; our own have none */
};

struct token_trust;
/* What the settings point to must outlive it. TOKEN_UNTRUSTED with a text in `error` when a key or certificate cannot
 * be used, or an issuer has neither. */
MUST_CHECK result token_trust_new(const struct trust_settings *settings, struct token_trust **out, char *error,
                                  size_t error_size);
void token_trust_free(struct token_trust *t);
/* Whether a key is one that attestation tokens are believed for: our own, or one of a JWK set. */
bool token_trust_has_key(const struct token_trust *t, const struct jws_key *key);

struct token {
    struct jws jws;
    const json *claims; /* the payload */
    const json *key;    /* the TEE's public JWK */
    bool own;
    bool any_issuer;    /* believed by insecure_header_jwk alone */
    uint8_t digest[32]; /* SHA-256 of all its bytes */
};

/* Judges a compact token at time `now`: issuer, signature, profile, audience, times, and for our own the generation.
 * Facts about signatures are remembered by the SHA-256 of all bytes; time and generation are judged every time. TOKEN_…
 */
MUST_CHECK result token_judge(struct token_trust *t, slice compact, int64_t now, slice generation, struct arena *a,
                              struct token *out);

/* Notes that we have just signed this token ourselves: its signature need not be verified again. Everything else about
 * it still is, at each use. */
void token_issued(struct token_trust *t, slice compact);
/* Tokens of ours that were issued before this time (Unix seconds) are refused from now on: TOKEN_GENERATION. */
void token_trust_revoke(struct token_trust *t, int64_t before);

#endif
