/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests of measurement logs. Expected values: FIPS 180-4's examples and GB/T 32905-2016, A.1, all of "abc".
 */
#include "lib/signature/digest.h"

#include <criterion/criterion.h>

static const struct {
    enum digest digest;
    size_t size;
    const char *abc;
} DIGESTS[] = {
    {DIGEST_SHA1, 20, "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {DIGEST_SHA256, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {DIGEST_SHA384, 48,
     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
    {DIGEST_SHA512, 64,
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {DIGEST_SM3, 32, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"},
};
#define COUNT (sizeof DIGESTS / sizeof *DIGESTS)

static void is_abc(size_t i, const uint8_t *digest)
{
    char text[2 * DIGEST_SIZE_MAX + 1] = {0};
    hex_encode((uint8_t *)text, slice_of(digest, DIGESTS[i].size));
    cr_expect_str_eq(text, DIGESTS[i].abc);
}

Test(digest, every_algorithm_computes_its_standards_example)
{
    for (size_t i = 0; i < COUNT; i++) {
        struct digester d;
        uint8_t out[DIGEST_SIZE_MAX];
        cr_assert(digest_size(DIGESTS[i].digest) == DIGESTS[i].size);
        cr_assert(!FAILED(digester_begin(&d, DIGESTS[i].digest)));
        cr_expect(d.size == DIGESTS[i].size);
        cr_assert(!FAILED(digester_of(&d, S("a"), S("bc"), out)));
        is_abc(i, out);
        cr_assert(!FAILED(digester_of(&d, S("abc"), NO_SLICE, out)));
        is_abc(i, out);
        digester_end(&d);
    }
}

Test(digest, parts_make_the_digest_of_the_whole)
{
    for (size_t i = 0; i < COUNT; i++) {
        struct digester d;
        uint8_t out[DIGEST_SIZE_MAX];
        cr_assert(!FAILED(digester_begin(&d, DIGESTS[i].digest)));
        cr_assert(!FAILED(digester_start(&d)) && !FAILED(digester_add(&d, S("a"))));
        cr_assert(!FAILED(digester_add(&d, NO_SLICE)) && !FAILED(digester_add(&d, S("bc"))));
        cr_assert(!FAILED(digester_finish(&d, out)));
        is_abc(i, out);
        digester_end(&d);
    }
}

Test(digest, the_result_may_lie_over_what_is_hashed)
{
    struct digester d;
    uint8_t in_place[48] = {1, 2, 3}, apart[48];
    cr_assert(!FAILED(digester_begin(&d, DIGEST_SHA384)));
    cr_assert(!FAILED(digester_of(&d, slice_of(in_place, 48), S("x"), apart)));
    cr_assert(!FAILED(digester_of(&d, slice_of(in_place, 48), S("x"), in_place)));
    cr_expect(memcmp(in_place, apart, 48) == 0);
    digester_end(&d);
}
