/* SPDX-License-Identifier: Apache-2.0
 *
 * What the verifier takes from the heap for a platform that it knows: nothing. The crypto library's own memory is
 * counted apart.
 */
#include "plugins/tdx/tdx.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/forge_eventlog.h"
#include "tests/support/judge_dcap.h"

const trustee_plugin *trustee_plugin_describe_v1(void);

#if defined(__SANITIZE_ADDRESS__)
#define COUNTING 0
#else
#define COUNTING 1

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static _Thread_local bool counting;
static _Thread_local size_t counted;

static void count(void)
{
    if (counting)
        counted++;
}

void *malloc(size_t size)
{
    count();
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    count();
    return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    count();
    return __libc_realloc(old, size);
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return __libc_malloc(size);
}

static void *crypto_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return __libc_realloc(old, size);
}

static void crypto_free(void *old, const char *file, int line)
{
    (void)file, (void)line;
    free(old);
}

/* Before the library takes its first byte. */
__attribute__((constructor)) static void separate(void)
{
    if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
        abort();
}
#endif

static struct judge j;

static void begin(void)
{
    judge_begin(&j, trustee_plugin_describe_v1(), "tdx");
    judge_default(&j, 5, FORGE_TDX15);
}

static void end(void)
{
    judge_end(&j);
}

TestSuite(tdx_memory, .init = begin, .fini = end, .timeout = 60);

#if COUNTING
static size_t taken(slice quote)
{
    counted = 0;
    counting = true;
    bool good = judge_quote(&j, quote);
    counting = false;
    cr_assert(good, "%.*s", SLICE_ARG(j.host.reason));
    return counted;
}

Test(tdx_memory, a_platform_that_is_known_takes_nothing_from_the_heap)
{
    cr_assert(judge_all(&j));
    cr_expect_eq(taken(j.out.quote), 0);
}

Test(tdx_memory, neither_does_a_fresh_attestation_key_of_it)
{
    cr_assert(judge_all(&j));
    EVP_PKEY *key = j.keys.key[FORGE_KEY_ATTESTATION];
    j.keys.key[FORGE_KEY_ATTESTATION] = forge_ec_key(NULL, "fresh", "P-256");
    forge_dcap_quote(&j.arena, &j.keys, &j.k, &j.out);
    cr_expect_eq(taken(j.out.quote), 0);
    EVP_PKEY_free(j.keys.key[FORGE_KEY_ATTESTATION]);
    j.keys.key[FORGE_KEY_ATTESTATION] = key;
}

Test(tdx_memory, what_is_new_is_counted)
{
    cr_assert(judge_all(&j));
    j.host.cache_refuses = true;
    for (size_t i = 0; i < j.host.cache_count; i++)
        j.host.cache[i].digest[0] ^= 1;
    cr_expect(taken(j.out.quote) > 0);
}
#else
Test(tdx_memory, counting_and_the_sanitisers_do_not_go_together)
{
    cr_skip_test("the sanitiser has an allocator of its own");
}
#endif
