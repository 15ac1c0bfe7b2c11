/* SPDX-License-Identifier: Apache-2.0
 *
 * What the verifier takes from the heap for a certificate that it knows: nothing. The crypto library's own memory is
 * counted apart.
 */
#include "plugins/snp/snp.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/snp_world.h"

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

TestSuite(snp_memory, .init = snp_begin, .fini = snp_end, .timeout = 60);

#if COUNTING
static size_t taken(slice evidence)
{
    counted = 0;
    counting = true;
    bool good = fake_verify(&w.host, S("snp"), evidence, &w.in);
    counting = false;
    cr_assert(good, "%.*s", SLICE_ARG(w.host.reason));
    return counted;
}

Test(snp_memory, a_known_certificate_takes_nothing_from_the_heap)
{
    w.table.vcek = snp_vek();
    snp_accepts();
    snp_accepts(); /* the key's table is made when it comes back */
    w.report.measurement[0] ^= 1;
    cr_expect_eq(taken(snp_evidence()), 0);
    w.table.shape = FORGE_SHAPE_RAW;
    cr_expect_eq(taken(snp_evidence()), 0);
}

Test(snp_memory, neither_do_a_known_list_and_cas_that_came_along)
{
    struct forge_amd_crl c = {.this_update = TEST_NOW - 5, .next_update = TEST_NOW + 5, .number = 1};
    snp_give("amd/crl", S("Milan/vcek"), forge_amd_revoke(&w.arena, &w.milan, &c));
    w.table = (struct forge_table){.vcek = snp_vek(), .ask = w.milan.ask_der, .ark = w.milan.ark_der};
    snp_accepts();
    snp_accepts();
    cr_expect_eq(taken(snp_evidence()), 0);
}

Test(snp_memory, what_is_new_is_counted)
{
    snp_accepts(); /* every evidence has a certificate of its own here */
    cr_expect(taken(snp_evidence()) > 0);
}
#else
Test(snp_memory, counting_and_the_sanitisers_do_not_go_together)
{
    cr_skip_test("the sanitiser has an allocator of its own");
}
#endif
