/* SPDX-License-Identifier: Apache-2.0
 *
 * What the cryptography of one request costs, beside the bare primitives of the library: microseconds of CPU and, where
 * the kernel lets us count them, instructions per operation.
 * Usage: jose_bench [SECONDS-PER-LINE]
 */
#include <linux/perf_event.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/crypto/jose.h"
#include "core/crypto/primitives.h"
#include "core/crypto/seal.h"

static struct arena arena, secret;
static int counter = -1;

static void must(bool worked)
{
    if (!worked) {
        fprintf(stderr, "jose_bench: an operation failed\n");
        exit(1);
    }
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static uint64_t instructions(void)
{
    uint64_t n = 0;
    return counter >= 0 && read(counter, &n, sizeof n) == sizeof n ? n : 0;
}

static void count_instructions(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
                                   .size = sizeof attr,
                                   .config = PERF_COUNT_HW_INSTRUCTIONS,
                                   .exclude_kernel = 1,
                                   .exclude_hv = 1};
    counter = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static double budget_us = 3e5;

static void measure(const char *name, void operation(void *), void *context)
{
    for (int i = 0; i < 20; i++)
        operation(context);
    size_t times = 0;
    double start = cpu_us(), elapsed;
    uint64_t before = instructions();
    do {
        for (int i = 0; i < 20; i++, times++) {
            arena.used = 0;
            operation(context);
        }
        elapsed = cpu_us() - start;
    } while (elapsed < budget_us);
    uint64_t executed = instructions() - before;
    printf("%-58s %9.2f us", name, elapsed / (double)times);
    if (executed)
        printf(" %10.0f instructions", (double)executed / (double)times);
    putchar('\n');
}

/* --- signing
 * ----------------------------------------------------------------------------------------------------------- */

#define HEADER S("{\"typ\":\"JWT\",\"alg\":\"ES256\"}")
static uint8_t payload[1800];
static const uint8_t digest[32] = {1};

struct bare {
    EVP_PKEY *pkey, *peer;
    EVP_PKEY_CTX *ctx;
    uint8_t out[1024];
    size_t size;
};

static void bare_sign(void *context)
{
    struct bare *b = context;
    b->size = sizeof b->out;
    must(EVP_PKEY_sign(b->ctx, b->out, &b->size, digest, sizeof digest) == 1);
}

static void bare_verify(void *context)
{
    struct bare *b = context;
    must(EVP_PKEY_verify(b->ctx, b->out, b->size, digest, sizeof digest) == 1);
}

static void our_sign(void *context)
{
    slice out;
    must(!FAILED(jws_sign(context, &arena, HEADER, slice_of(payload, sizeof payload), &out)));
}

struct verification {
    slice text;
    struct jws_key *key;
};

static void our_verify(void *context)
{
    struct verification *v = context;
    struct jws j;
    must(!FAILED(jws_parse(&arena, v->text, &j)) && !FAILED(jws_verify(&j, v->key)));
}

static void bench_signatures(void)
{
    struct bare b = {.pkey = EVP_EC_gen("P-256")};
    struct jws_signer *s;
    struct verification v;
    uint8_t token[4096];
    b.ctx = EVP_PKEY_CTX_new_from_pkey(NULL, b.pkey, NULL);
    must(b.ctx && EVP_PKEY_sign_init(b.ctx) == 1);
    measure("bare: ECDSA P-256 sign, context kept", bare_sign, &b);
    must(!FAILED(jws_signer_generate(&s)) && !FAILED(jws_signer_public(s, &v.key)));
    measure("jws_sign ES256, 1.8 kB payload", our_sign, s);
    must(EVP_PKEY_verify_init(b.ctx) == 1);
    measure("bare: ECDSA P-256 verify, context kept", bare_verify, &b);
    must(!FAILED(jws_sign(s, &arena, HEADER, slice_of(payload, sizeof payload), &v.text)) &&
         v.text.len <= sizeof token);
    memcpy(token, v.text.ptr, v.text.len);
    v.text.ptr = token;
    measure("jws_parse + jws_verify ES256, 1.8 kB payload", our_verify, &v);
    jws_key_free(v.key);
    jws_signer_free(s);
    EVP_PKEY_CTX_free(b.ctx);
    EVP_PKEY_free(b.pkey);
}

/* --- encryption
 * -------------------------------------------------------------------------------------------------------- */

/* The library's own objects, set up beforehand as far as they can be. */
static void bare_ecdh(void *context)
{
    struct bare *b = context;
    EVP_PKEY *ephemeral = NULL;
    must(EVP_PKEY_keygen(b->ctx, &ephemeral) == 1);
    EVP_PKEY_CTX *derive = EVP_PKEY_CTX_new_from_pkey(NULL, ephemeral, NULL);
    b->size = sizeof b->out;
    must(EVP_PKEY_derive_init(derive) == 1 && EVP_PKEY_derive_set_peer_ex(derive, b->peer, 0) == 1 &&
         EVP_PKEY_derive(derive, b->out, &b->size) == 1);
    EVP_PKEY_CTX_free(derive);
    EVP_PKEY_free(ephemeral);
}

static void bare_oaep(void *context)
{
    struct bare *b = context;
    b->size = sizeof b->out;
    must(EVP_PKEY_encrypt(b->ctx, b->out, &b->size, digest, sizeof digest) == 1);
}

struct encryption {
    const json *jwk;
    struct jwe_key *key;
    size_t size;
};

static void our_encrypt(void *context)
{
    struct encryption *e = context;
    slice out;
    must(!FAILED(jwe_encrypt(e->key, slice_of(payload, e->size), &secret, &arena, &out)));
}

static void our_key(void *context)
{
    struct encryption *e = context;
    struct jwe_key *key;
    must(!FAILED(jwe_key_from_jwk(e->jwk, false, &key)));
    jwe_key_free(key);
}

static void bench_encryption(const char *alg)
{
    static struct arena kept;
    struct jwe_private *private;
    struct encryption e = {.size = 32};
    slice text = NO_SLICE;
    char name[80];
    must(kept.base || !FAILED(arena_map(&kept, 1 << 20, ARENA_PLAIN)));
    must(!FAILED(jwe_private_generate(slice_text(alg), &private)) && !FAILED(jwe_private_jwk(private, &kept, &text)));
    must(!FAILED(json_parse(&kept, text, &e.jwk)) && !FAILED(jwe_key_from_jwk(e.jwk, false, &e.key)));
    snprintf(name, sizeof name, "jwe_key_from_jwk %s", alg);
    measure(name, our_key, &e);
    snprintf(name, sizeof name, "jwe_encrypt %s, 32 bytes", alg);
    measure(name, our_encrypt, &e);
    jwe_key_free(e.key);
    jwe_private_free(private);
}

static void bench_bare_encryption(const char *curve)
{
    char name[80];
    struct bare b = {.pkey = EVP_EC_gen(curve), .peer = EVP_EC_gen(curve)};
    b.ctx = EVP_PKEY_CTX_new_from_pkey(NULL, b.pkey, NULL);
    must(b.ctx && EVP_PKEY_keygen_init(b.ctx) == 1);
    snprintf(name, sizeof name, "bare: %s key pair + shared secret", curve);
    measure(name, bare_ecdh, &b);
    EVP_PKEY_CTX_free(b.ctx);
    EVP_PKEY_free(b.pkey);
    EVP_PKEY_free(b.peer);
}

static void bench_bare_oaep(void)
{
    const EVP_MD *md = algorithms()->sha256;
    struct bare b = {.pkey = EVP_RSA_gen(2048)};
    b.ctx = EVP_PKEY_CTX_new_from_pkey(NULL, b.pkey, NULL);
    must(b.ctx && EVP_PKEY_encrypt_init(b.ctx) == 1 &&
         EVP_PKEY_CTX_set_rsa_padding(b.ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_oaep_md(b.ctx, md) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(b.ctx, md) == 1);
    measure("bare: RSA-2048 OAEP encrypt, context kept", bare_oaep, &b);
    EVP_PKEY_CTX_free(b.ctx);
    EVP_PKEY_free(b.pkey);
}

/* --- sealing
 * ------------------------------------------------------------------------------------------------------------- */

struct sealing {
    struct sealer *sealer;
    slice text;
};

static void our_seal(void *context)
{
    struct sealing *s = context;
    must(!FAILED(seal(s->sealer, S("kbs-session-id"), slice_of(payload, 160), &arena, &s->text)));
}

static void our_unseal(void *context)
{
    struct sealing *s = context;
    slice out;
    must(!FAILED(unseal(s->sealer, S("kbs-session-id"), s->text, &arena, &out)));
}

static void bench_sealing(void)
{
    struct sealing s;
    uint8_t kept[512];
    must(!FAILED(sealer_new(S("0123456789abcdef0123456789abcdef"), NO_SLICE, &s.sealer)));
    measure("seal, 160 bytes", our_seal, &s);
    must(s.text.len <= sizeof kept);
    memcpy(kept, s.text.ptr, s.text.len);
    s.text.ptr = kept;
    measure("unseal, 160 bytes", our_unseal, &s);
    sealer_free(s.sealer);
}

int main(int argc, char *argv[])
{
    if (argc > 1)
        budget_us = strtod(argv[1], NULL) * 1e6;
    count_instructions();
    must(!FAILED(arena_map(&arena, 8 << 20, ARENA_PLAIN)) && !FAILED(arena_map(&secret, 1 << 20, ARENA_SECRET)));
    memcpy(payload, "{\"a\":\"", 6);
    memset(payload + 6, 'x', sizeof payload - 8);
    memcpy(payload + sizeof payload - 2, "\"}", 2);
    bench_signatures();
    bench_bare_encryption("P-256");
    bench_encryption("ECDH-ES+A256KW-P256");
    bench_bare_encryption("P-521");
    bench_encryption("ECDH-ES+A256KW-P521");
    bench_bare_oaep();
    bench_encryption("RSA-OAEP-256");
    bench_sealing();
    arena_unmap(&arena);
    arena_unmap(&secret);
    return 0;
}
