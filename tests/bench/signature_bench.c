/* SPDX-License-Identifier: Apache-2.0
 *
 * What signatures and certificates cost: ECDSA with a point met once, with a key that comes back, and by OpenSSL; RSA;
 * a chain like a quote's, from its bytes. Microseconds of CPU, the best of many short runs, so that the lines of one
 * run compare with each other on a busy machine too.
 * Usage: signature_bench
 */
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/signature/ec.h"
#include "lib/x509/x509.h"
#include "tests/support/test_pki.h"

#define RUNS 25
#define RUN_MICROSECONDS 4000

static struct arena arena;

static void must(bool worked, const char *what)
{
    if (worked)
        return;
    fprintf(stderr, "signature_bench: %s failed\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Microseconds of one call. */
static double best(result (*operation)(void *), void *of)
{
    double least = 1e9;
    for (int run = 0; run < RUNS; run++) {
        double start = now(), end = start;
        int calls = 0;
        for (; end - start < RUN_MICROSECONDS; calls++) {
            must(!FAILED(operation(of)), "an operation");
            end = now();
        }
        least = (end - start) / calls < least ? (end - start) / calls : least;
    }
    return least;
}

/* --- signatures */

struct signed_once {
    enum key_type type;
    slice spki, point, digest;
    struct raw_signature raw;
    struct ec_key *key;
    struct public_key *public;
};

static result once(void *of)
{
    struct signed_once *s = of;
    return ec_verify_point(s->type, s->point, &s->raw, s->digest);
}

static result known(void *of)
{
    struct signed_once *s = of;
    return ec_verify(s->key, &s->raw, s->digest);
}

/* With the key's making, which OpenSSL needs for a point met once. */
static result by_openssl(void *of)
{
    struct signed_once *s = of;
    return ec_openssl_verify_point(s->type, s->point, &s->raw, s->digest);
}

static result rsa(void *of)
{
    struct signed_once *s = of;
    return signature_verify(s->public, &s->raw, S("message"));
}

static result new_key(void *of)
{
    struct signed_once *s = of;
    struct public_key *key;
    result made = public_key_new(s->spki, &key);
    public_key_free(key);
    return made;
}

static slice sign(EVP_PKEY *key, const char *digest)
{
    uint8_t *out = arena_alloc(&arena, 1024, 1);
    size_t length = 1024;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(out && ctx && EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1, "a signature");
    must(EVP_DigestSign(ctx, out, &length, (const uint8_t *)"message", 7) == 1, "a signature");
    EVP_MD_CTX_free(ctx);
    return slice_of(out, length);
}

/* From SEQUENCE { INTEGER, INTEGER } of OpenSSL's making. */
static void split(slice der, struct raw_signature *out)
{
    slice r = slice_sub(der, 4, der.ptr[3]), s = slice_sub(der, 6 + r.len, der.len);
    out->r = r.ptr[0] ? r : slice_sub(r, 1, r.len);
    out->s = s.ptr[0] ? s : slice_sub(s, 1, s.len);
}

static void curve(const char *name, enum key_type type, enum hash hash, const char *digest)
{
    EVP_PKEY *pkey = test_ec(name);
    static uint8_t room[HASH_SIZE_MAX];
    struct signed_once s = {.type = type, .spki = test_spki(&arena, pkey), .raw = {SIGNATURE_ECDSA, .hash = hash}};
    size_t size = ec_field_size(type);
    s.point = slice_sub(s.spki, s.spki.len - 2 * size, 2 * size);
    split(sign(pkey, digest), &s.raw);
    must(!FAILED(hash_bytes(hash, S("message"), room)) && !FAILED(ec_key_new(type, s.point, &s.key)), "a key");
    s.digest = slice_of(room, size);
    double first = best(once, &s), again = best(known, &s), openssl = best(by_openssl, &s);
    printf("%-6s point met once %7.1f   known key %7.1f   OpenSSL %7.1f   new key %6.1f\n", name, first, again, openssl,
           best(new_key, &s));
    ec_key_free(s.key);
    EVP_PKEY_free(pkey);
}

static void rsa_4096(void)
{
    EVP_PKEY *pkey = test_rsa(4096);
    struct signed_once s = {.spki = test_spki(&arena, pkey), .raw = {SIGNATURE_RSASSA, .hash = HASH_SHA384}};
    s.raw.bytes = sign(pkey, "SHA384");
    must(!FAILED(public_key_new(s.spki, &s.public)), "a key");
    printf("RSA-4096 %56s %7.1f   new key %6.1f\n", "OpenSSL", best(rsa, &s), best(new_key, &s));
    public_key_free(s.public);
    EVP_PKEY_free(pkey);
}

/* --- chains */

struct chained {
    struct x509_trust *trust;
    struct x509_chain chain;
};

static result path(void *of)
{
    struct chained *c = of;
    struct x509_path *made;
    result r = x509_path_new(c->trust, &c->chain, &made);
    if (!FAILED(r))
        x509_path_free(made);
    return r;
}

static result read_leaf(void *of)
{
    struct chained *c = of;
    struct certificate leaf;
    return certificate_read(c->chain.certificates[0], &leaf);
}

static void chain(const char *name)
{
    EVP_PKEY *root = test_ec(name), *middle = test_ec(name), *leaf = test_ec(name);
    struct test_certificate r = {
        .subject = "root", .issuer = "root", .key = root, .issuer_key = root, .constraints = "critical,CA:TRUE"};
    struct test_certificate m = r, l = {.subject = "leaf", .issuer = "middle", .key = leaf, .issuer_key = middle};
    m.subject = "middle";
    m.key = middle;
    m.usage = "keyCertSign";
    struct chained c = {.chain.count = 3};
    slice *to = c.chain.certificates;
    to[0] = test_issue(&arena, &l);
    to[1] = test_issue(&arena, &m);
    to[2] = test_issue(&arena, &r);
    must(!FAILED(x509_trust_new(&c.trust)) && !FAILED(x509_trust_add_der(c.trust, to[2])), "trust");
    printf("%-6s chain of 3 (2 signatures, one by the trusted key) %7.1f   reading its leaf %5.2f\n", name,
           best(path, &c), best(read_leaf, &c));
    x509_trust_free(c.trust);
    EVP_PKEY_free(root);
    EVP_PKEY_free(middle);
    EVP_PKEY_free(leaf);
}

int main(void)
{
    must(!FAILED(arena_map(&arena, 1 << 20, ARENA_PLAIN)), "memory");
    printf("microseconds of CPU\n");
    curve("P-256", KEY_P256, HASH_SHA256, "SHA256");
    curve("P-384", KEY_P384, HASH_SHA384, "SHA384");
    rsa_4096();
    chain("P-256");
    chain("P-384");
    return 0;
}
