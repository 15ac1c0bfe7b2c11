/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/primitives.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/crypto/jose.h"

/* --- what is kept
 * ------------------------------------------------------------------------------------------------------ */

static struct algorithms fetched;
static struct ctx_pool digests;

static void fetch(void)
{
    fetched = (struct algorithms){
        .sha256 = EVP_MD_fetch(NULL, "SHA256", NULL),
        .sha384 = EVP_MD_fetch(NULL, "SHA384", NULL),
        .sha512 = EVP_MD_fetch(NULL, "SHA512", NULL),
        .sm3 = EVP_MD_fetch(NULL, "SM3", NULL),
        .aes256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL),
        .aes256_ecb = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL),
    };
    if (!fetched.sha256 || !fetched.sha384 || !fetched.sha512 || !fetched.aes256_gcm || !fetched.aes256_ecb)
        abort();
}

const struct algorithms *algorithms(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch);
    return &fetched;
}

void *pool_take(struct ctx_pool *p)
{
    for (size_t i = 0; i < POOL_SLOTS; i++) {
        void *ctx = atomic_load_explicit(&p->slots[i], memory_order_relaxed)
                        ? atomic_exchange_explicit(&p->slots[i], NULL, memory_order_acquire)
                        : NULL;
        if (ctx)
            return ctx;
    }
    return NULL;
}

bool pool_give(struct ctx_pool *p, void *ctx)
{
    for (size_t i = 0; i < POOL_SLOTS; i++) {
        void *empty = NULL;
        if (atomic_compare_exchange_strong_explicit(&p->slots[i], &empty, ctx, memory_order_release,
                                                    memory_order_relaxed))
            return true;
    }
    return false;
}

/* --- hashes
 * ------------------------------------------------------------------------------------------------------------ */

/* A digest that silently was not computed would be compared with something, so there is no way on. */
static void must(bool worked)
{
    if (!worked)
        abort();
}

void hash_parts(const EVP_MD *md, const slice *parts, size_t count, uint8_t *out)
{
    EVP_MD_CTX *ctx = pool_take(&digests);
    if (!ctx)
        ctx = EVP_MD_CTX_new();
    must(ctx && EVP_DigestInit_ex2(ctx, md, NULL));
    for (size_t i = 0; i < count; i++)
        must(EVP_DigestUpdate(ctx, parts[i].ptr, parts[i].len));
    must(EVP_DigestFinal_ex(ctx, out, NULL));
    if (!pool_give(&digests, ctx))
        EVP_MD_CTX_free(ctx);
}

void hash_sha256(slice s, uint8_t out[32])
{
    hash_parts(algorithms()->sha256, &s, 1, out);
}

void hash_sha384(slice s, uint8_t out[48])
{
    hash_parts(algorithms()->sha384, &s, 1, out);
}

size_t hash_named(slice name, slice s, uint8_t out[64])
{
    const struct algorithms *a = algorithms();
    const struct {
        slice name;
        const EVP_MD *md;
        size_t size;
    } known[] = {{S("sha256"), a->sha256, 32},
                 {S("sha384"), a->sha384, 48},
                 {S("sha512"), a->sha512, 64},
                 {S("sm3"), a->sm3, 32}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!known[i].md || !slice_equal(name, known[i].name))
            continue;
        hash_parts(known[i].md, &s, 1, out);
        return known[i].size;
    }
    return 0;
}

result random_bytes(void *out, size_t size)
{
    ENSURE(size <= INT32_MAX && RAND_bytes(out, (int)size) == 1, CRYPTO);
    return OK;
}

/* --- key derivation
 * ---------------------------------------------------------------------------------------------------- */

/* RFC 2104 on the hash itself: the library's HMAC and HKDF objects take five times as long as the hashing. */
static void hmac_sha256(slice key, slice message, uint8_t out[32])
{
    uint8_t inner[64] = {0}, outer[64];
    memcpy(inner, key.ptr, key.len);
    for (size_t i = 0; i < sizeof inner; i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    hash_parts(algorithms()->sha256, (slice[]){slice_of(inner, sizeof inner), message}, 2, out);
    hash_parts(algorithms()->sha256, (slice[]){slice_of(outer, sizeof outer), slice_of(out, 32)}, 2, out);
    secret_wipe(inner, sizeof inner);
    secret_wipe(outer, sizeof outer);
}

void hkdf_sha256(slice secret, slice salt, uint8_t out[32])
{
    static const uint8_t first_block = 1;
    uint8_t extracted[32];
    must(salt.len <= 64);
    hmac_sha256(salt, secret, extracted);
    hmac_sha256(slice_of(extracted, sizeof extracted), slice_of(&first_block, 1), out);
    secret_wipe(extracted, sizeof extracted);
}

static void be32(uint8_t out[4], size_t n)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(n >> (24 - 8 * i));
}

void concat_kdf(slice z, const struct concat_info *info, uint8_t *out, size_t size)
{
    uint8_t round[4], algorithm[4], apu[4], apv[4], bits[4], block[32];
    must(size <= sizeof block);
    be32(round, 1);
    be32(algorithm, info->algorithm.len);
    be32(apu, info->apu.len);
    be32(apv, info->apv.len);
    be32(bits, size * 8);
    hash_parts(algorithms()->sha256,
               (slice[]){slice_of(round, 4), z, slice_of(algorithm, 4), info->algorithm, slice_of(apu, 4), info->apu,
                         slice_of(apv, 4), info->apv, slice_of(bits, 4)},
               9, block);
    memcpy(out, block, size);
    secret_wipe(block, sizeof block);
}

/* --- key wrap
 * ---------------------------------------------------------------------------------------------------------- */

/* RFC 3394 on the block cipher: the library's own takes five times as long, for its blocks go past the processor's AES
 * instructions. */
#define WRAP_BLOCKS_MAX 512u /* of 8 bytes */

struct block {
    uint8_t mark[8], value[8];
};

static EVP_CIPHER_CTX *wrap_begin(slice kek, int encrypt)
{
    EVP_CIPHER_CTX *ctx = kek.len == 32 ? EVP_CIPHER_CTX_new() : NULL;
    if (!ctx)
        return NULL;
    if (EVP_CipherInit_ex2(ctx, algorithms()->aes256_ecb, kek.ptr, NULL, encrypt, NULL) == 1 &&
        EVP_CIPHER_CTX_set_padding(ctx, 0) == 1)
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

static bool wrap_block(EVP_CIPHER_CTX *ctx, struct block *b)
{
    int length;
    return EVP_CipherUpdate(ctx, (uint8_t *)b, &length, (const uint8_t *)b, sizeof *b) == 1 && length == sizeof *b;
}

/* The counter t, big-endian, into the mark. */
static void wrap_count(struct block *b, uint64_t t)
{
    for (int i = 7; t; i--, t >>= 8)
        b->mark[i] ^= (uint8_t)t;
}

static bool wrap_steps(EVP_CIPHER_CTX *ctx, struct block *b, uint8_t *values, size_t n)
{
    for (uint64_t t = 0; t < 6 * n; t++) {
        uint8_t *value = values + 8 * (t % n);
        memcpy(b->value, value, 8);
        if (!wrap_block(ctx, b))
            return false;
        wrap_count(b, t + 1);
        memcpy(value, b->value, 8);
    }
    return true;
}

static bool unwrap_steps(EVP_CIPHER_CTX *ctx, struct block *b, uint8_t *values, size_t n)
{
    for (uint64_t t = 6 * n; t > 0; t--) {
        uint8_t *value = values + 8 * ((t - 1) % n);
        wrap_count(b, t);
        memcpy(b->value, value, 8);
        if (!wrap_block(ctx, b))
            return false;
        memcpy(value, b->value, 8);
    }
    return true;
}

static const uint8_t WRAP_MARK[8] = {0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6};

result key_wrap(slice kek, slice key, uint8_t *out)
{
    struct block b;
    size_t n = key.len / 8;
    ENSURE(key.len % 8 == 0 && n >= 2 && n <= WRAP_BLOCKS_MAX, CRYPTO);
    EVP_CIPHER_CTX *ctx = wrap_begin(kek, 1);
    ENSURE(ctx, CRYPTO);
    memcpy(b.mark, WRAP_MARK, 8);
    memcpy(out + 8, key.ptr, key.len);
    bool worked = wrap_steps(ctx, &b, out + 8, n);
    memcpy(out, b.mark, 8);
    EVP_CIPHER_CTX_free(ctx);
    secret_wipe(&b, sizeof b);
    ENSURE(worked, CRYPTO);
    return OK;
}

result key_unwrap(slice kek, slice wrapped, uint8_t *out)
{
    struct block b;
    size_t n = wrapped.len / 8 - 1;
    ENSURE(wrapped.len >= 24 && wrapped.len % 8 == 0 && n <= WRAP_BLOCKS_MAX, RELEASE_JWE);
    EVP_CIPHER_CTX *ctx = wrap_begin(kek, 0);
    ENSURE(ctx, RELEASE_JWE);
    memcpy(b.mark, wrapped.ptr, 8);
    memcpy(out, wrapped.ptr + 8, 8 * n);
    bool good = unwrap_steps(ctx, &b, out, n) && secret_equal(slice_of(b.mark, 8), slice_of(WRAP_MARK, 8));
    EVP_CIPHER_CTX_free(ctx);
    secret_wipe(&b, sizeof b);
    if (!good)
        secret_wipe(out, 8 * n);
    ENSURE(good, RELEASE_JWE);
    return OK;
}

/* --- AES-256-GCM
 * --------------------------------------------------------------------------------------------------------- */

/* The library counts in int. */
#define GCM_PIECE ((size_t)1 << 20)

static EVP_CIPHER_CTX *gcm_begin(const struct gcm *g, int encrypt)
{
    int ignored;
    EVP_CIPHER_CTX *ctx =
        g->key.len == GCM_KEY && g->iv.len == GCM_IV && g->aad.len <= GCM_PIECE ? EVP_CIPHER_CTX_new() : NULL;
    if (!ctx)
        return NULL;
    if (EVP_CipherInit_ex2(ctx, algorithms()->aes256_gcm, g->key.ptr, g->iv.ptr, encrypt, NULL) == 1 &&
        (g->aad.len == 0 || EVP_CipherUpdate(ctx, NULL, &ignored, g->aad.ptr, (int)g->aad.len) == 1))
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

static bool gcm_pieces(EVP_CIPHER_CTX *ctx, slice in, uint8_t *out)
{
    for (size_t at = 0; at < in.len; at += GCM_PIECE) {
        slice piece = slice_sub(in, at, GCM_PIECE);
        int length;
        if (EVP_CipherUpdate(ctx, out + at, &length, piece.ptr, (int)piece.len) != 1 || (size_t)length != piece.len)
            return false;
    }
    return true;
}

static bool gcm_tag(EVP_CIPHER_CTX *ctx, uint8_t tag[GCM_TAG])
{
    uint8_t none[16];
    int length;
    return EVP_CipherFinal_ex(ctx, none, &length) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, tag) == 1;
}

result gcm_seal(const struct gcm *g, slice in, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = gcm_begin(g, 1);
    ENSURE(ctx, CRYPTO);
    bool worked = gcm_pieces(ctx, in, out) && gcm_tag(ctx, out + in.len);
    EVP_CIPHER_CTX_free(ctx);
    ENSURE(worked, CRYPTO);
    return OK;
}

/* Ciphertext goes to the text by way of a small buffer, so that a large secret needs no second copy. */
static bool gcm_text(EVP_CIPHER_CTX *ctx, slice in, struct text *t)
{
    uint8_t buffer[3072];
    for (size_t at = 0; at < in.len; at += sizeof buffer) {
        slice piece = slice_sub(in, at, sizeof buffer);
        if (!gcm_pieces(ctx, piece, buffer))
            return false;
        text_base64url(t, slice_of(buffer, piece.len));
    }
    return true;
}

result gcm_seal_text(const struct gcm *g, slice in, struct text *t, uint8_t tag[GCM_TAG])
{
    EVP_CIPHER_CTX *ctx = gcm_begin(g, 1);
    ENSURE(ctx, CRYPTO);
    bool worked = gcm_text(ctx, in, t) && gcm_tag(ctx, tag);
    EVP_CIPHER_CTX_free(ctx);
    ENSURE(worked, CRYPTO);
    return OK;
}

bool gcm_open(const struct gcm *g, slice in, slice tag, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = tag.len == GCM_TAG ? gcm_begin(g, 0) : NULL;
    if (!ctx)
        return false;
    uint8_t expected[GCM_TAG], none[16];
    int length;
    memcpy(expected, tag.ptr, GCM_TAG);
    bool good = gcm_pieces(ctx, in, out) && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, expected) == 1 &&
                EVP_CipherFinal_ex(ctx, none, &length) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!good) {
        secret_wipe(out, in.len);
        /* A stale error would mislead whoever asks the library about TLS next on this thread. */
        ERR_clear_error();
    }
    return good;
}
