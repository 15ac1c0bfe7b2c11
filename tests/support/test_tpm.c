/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test_tpm.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "test_tpm: %s failed\n", what);
    abort();
}

static void add_number(struct text *t, uint64_t number, size_t width)
{
    uint8_t *room = text_room(t, width);
    must(room, "memory");
    for (size_t i = 0; i < width; i++)
        room[i] = (uint8_t)(number >> (8 * (width - 1 - i)));
}

static void add_2b(struct text *t, slice content, int lie)
{
    add_number(t, (uint64_t)((int64_t)content.len + lie) & 0xffff, 2);
    text_add(t, content);
}

struct test_quote test_quote_good(slice nonce)
{
    static const uint8_t signer[34] = {0x00, 0x0b, 0x5a};
    struct test_quote q = {.magic = 0xff544347,
                           .type = 0x8018,
                           .signer = slice_of(signer, sizeof signer),
                           .nonce = nonce,
                           .clock = 123456,
                           .firmware = UINT64_C(0x2019102300163636),
                           .resets = 3,
                           .restarts = 1,
                           .safe = 1,
                           .selections = 1,
                           .selection = {{0x000b, 3, {0xff, 0xff, 0xff}}},
                           .hash = "SHA256"};
    for (size_t i = 17; i <= 22; i++)
        memset(q.pcrs[i], 0xff, 32);
    return q;
}

slice test_attest(struct arena *a, const struct test_quote *q)
{
    uint8_t computed[EVP_MAX_MD_SIZE];
    size_t length = 0;
    must(EVP_Q_digest(NULL, q->hash, NULL, q->pcrs, sizeof q->pcrs, computed, &length) == 1, "digest");
    struct text t = text_begin(a);
    add_number(&t, q->magic, 4);
    add_number(&t, q->type, 2);
    add_2b(&t, q->signer, q->signer_lie);
    add_2b(&t, q->nonce, q->nonce_lie);
    add_number(&t, q->clock, 8);
    add_number(&t, q->resets, 4);
    add_number(&t, q->restarts, 4);
    add_number(&t, q->safe, 1);
    add_number(&t, q->firmware, 8);
    add_number(&t, q->selections, 4);
    for (size_t i = 0; i < q->selections && i < 4; i++) {
        add_number(&t, q->selection[i].hash, 2);
        add_number(&t, q->selection[i].size, 1);
        text_add(&t, slice_of(q->selection[i].bitmap, q->selection[i].size > 8 ? 8 : q->selection[i].size));
    }
    add_2b(&t, q->digest.ptr ? q->digest : slice_of(computed, length), q->digest_lie);
    text_add(&t, q->trailing);
    return text_end(&t);
}

struct test_scheme test_scheme_of(EVP_PKEY *key)
{
    return (struct test_scheme){.scheme = EVP_PKEY_is_a(key, "RSA") ? 0x0014 : 0x0018,
                                .hash = 0x000b,
                                .digest = "SHA256",
                                .salt = RSA_PSS_SALTLEN_DIGEST};
}

static slice sign(struct arena *a, EVP_PKEY *key, const struct test_scheme *scheme, slice message)
{
    EVP_PKEY_CTX *options = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t length = 1024;
    uint8_t *room = arena_alloc(a, length, 1);
    must(ctx && room, "memory");
    must(EVP_DigestSignInit_ex(ctx, &options, scheme->digest, NULL, NULL, key, NULL) == 1, "signing");
    if (scheme->scheme == 0x0016)
        must(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
                 EVP_PKEY_CTX_set_rsa_pss_saltlen(options, scheme->salt) == 1,
             "padding");
    must(EVP_DigestSign(ctx, room, &length, message.ptr, message.len) == 1, "signing");
    EVP_MD_CTX_free(ctx);
    return slice_of(room, length);
}

/* An ECDSA number, with leading zeros up to the curve's size, as TPMs write it. */
static slice scalar(struct arena *a, const BIGNUM *n, EVP_PKEY *key)
{
    int size = (EVP_PKEY_get_bits(key) + 7) / 8;
    uint8_t *room = arena_alloc(a, (size_t)size, 1);
    must(room && BN_bn2binpad(n, room, size) == size, "number");
    return slice_of(room, (size_t)size);
}

slice test_sign(struct arena *a, EVP_PKEY *key, const struct test_scheme *scheme, slice message)
{
    slice raw = sign(a, key, scheme, message), r = NO_SLICE, s = NO_SLICE;
    bool rsa = EVP_PKEY_is_a(key, "RSA");
    if (!rsa) {
        const uint8_t *at = raw.ptr;
        ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &at, (long)raw.len);
        must(parts, "decoding");
        r = scalar(a, ECDSA_SIG_get0_r(parts), key);
        s = scalar(a, ECDSA_SIG_get0_s(parts), key);
        ECDSA_SIG_free(parts);
    }
    struct text t = text_begin(a);
    add_number(&t, scheme->scheme, 2);
    add_number(&t, scheme->hash, 2);
    add_2b(&t, rsa ? raw : r, scheme->lie);
    if (!rsa)
        add_2b(&t, s, 0);
    text_add(&t, scheme->trailing);
    return text_end(&t);
}

static void add_base64(struct text *t, slice bytes)
{
    text_lit(t, "\"");
    text_base64(t, bytes);
    text_lit(t, "\"");
}

slice test_evidence(struct arena *a, const struct test_evidence *e)
{
    struct text t = text_begin(a);
    text_lit(&t, "{\"ak_public\":");
    add_base64(&t, e->ak);
    text_lit(&t, ",\"tpm_quote\":{\"signature\":");
    add_base64(&t, e->signature);
    text_lit(&t, ",\"message\":");
    add_base64(&t, e->message);
    text_lit(&t, ",\"pcrs\":[");
    for (size_t i = 0; i < e->pcr_count; i++) {
        text_add(&t, i ? S(",\"") : S("\""));
        text_hex(&t, slice_of(e->pcrs[i % TEST_PCRS], 32));
        text_lit(&t, "\"");
    }
    text_lit(&t, "]}");
    if (e->chain)
        text_lit(&t, ",\"ak_cert_chain\":[");
    for (size_t i = 0; e->chain && i < e->chain_count; i++) {
        text_add(&t, i ? S(",") : NO_SLICE);
        add_base64(&t, e->chain[i]);
    }
    text_add(&t, e->chain ? S("]}") : S("}"));
    slice done = text_end(&t);
    must(done.ptr, "memory");
    return done;
}
