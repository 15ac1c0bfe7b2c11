/* SPDX-License-Identifier: Apache-2.0
 *
 * The extension of PCK certificates, forged and recorded.
 */
#include "lib/dcap/pck.h"

#include <criterion/criterion.h>

#include "tests/support/dcap_fixture.h"
#include "tests/support/forge_dcap.h"

static struct arena arena;
static struct forge_dcap_keys keys;
static struct forge_dcap k;
static struct pck pck;

static void begin(void)
{
    cr_assert(!FAILED(arena_map(&arena, 64u << 20, ARENA_PLAIN)));
    forge_dcap_keys_begin(&keys, NULL);
    forge_dcap_default(&k, 4, FORGE_TDX10, FORGE_NOW);
}

static void end(void)
{
    forge_dcap_keys_end(&keys);
    arena_unmap(&arena);
}

TestSuite(dcap_pck, .init = begin, .fini = end, .timeout = 60);

static enum reason reads(slice der)
{
    struct certificate c;
    result r = certificate_read(der, &c);
    return (enum reason)(FAILED(r) ? r.reason : pck_read(&c, &pck).reason);
}

static enum reason forged(void)
{
    struct forge_dcap_out out;
    forge_dcap_make(&arena, &keys, &k, &out);
    return reads(out.pck);
}

static void fill(uint8_t *bytes, size_t size, uint8_t from)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(from + i);
}

Test(dcap_pck, every_member_is_read)
{
    struct forge_pck *p = &k.platform;
    fill(p->ppid, sizeof p->ppid, 0x10);
    fill(p->components, sizeof p->components, 0x78); /* some need two octets as INTEGER */
    fill(p->cpu_svn, sizeof p->cpu_svn, 0x30);
    fill(p->pce_id, sizeof p->pce_id, 0x40);
    fill(p->fmspc, sizeof p->fmspc, 0x50);
    fill(p->instance, sizeof p->instance, 0x60);
    p->pce_svn = 0xfedc;
    p->platform = true;
    p->dynamic_platform = p->smt_enabled = true;
    p->cached_keys = false;
    for (p->sgx_type = 0; p->sgx_type <= 2; p->sgx_type++) {
        cr_assert_eq(forged(), REASON_OK);
        cr_expect(pck.sgx_type == p->sgx_type);
    }
    cr_expect(memcmp(pck.ppid, p->ppid, 16) == 0 && memcmp(pck.components, p->components, 16) == 0);
    cr_expect(memcmp(pck.cpu_svn, p->cpu_svn, 16) == 0 && memcmp(pck.pce_id, p->pce_id, 2) == 0);
    cr_expect(memcmp(pck.fmspc, p->fmspc, 6) == 0 && pck.pce_svn == 0xfedc && pck.platform_ca);
    cr_expect(pck.has_instance && memcmp(pck.platform_instance_id, p->instance, 16) == 0);
    cr_expect(pck.has_configuration && pck.dynamic_platform && !pck.cached_keys && pck.smt_enabled);
}

Test(dcap_pck, certificates_of_the_processor_ca_have_neither_instance_nor_configuration)
{
    k.platform.platform = false;
    k.pck.c.issuer = "Intel SGX PCK Processor CA";
    cr_assert_eq(forged(), REASON_OK);
    cr_expect(!pck.has_instance && !pck.has_configuration && !pck.platform_ca && !pck.dynamic_platform);
}

Test(dcap_pck, a_member_that_is_missing_is_refused)
{
    for (unsigned n = 1; n <= 7; n++) {
        k.platform.without = 1u << n;
        cr_expect_eq(forged(), DCAP_PCK_EXTENSION, "member %u", n);
    }
    k.platform.without = 0;
    for (unsigned n = 1; n <= 18; n++) {
        k.platform.tcb_without = 1u << n;
        cr_expect_eq(forged(), DCAP_PCK_EXTENSION, "TCB member %u", n);
    }
}

Test(dcap_pck, what_only_the_platform_ca_writes_is_refused_in_another_cas_certificate)
{
    k.pck.c.issuer = "Intel SGX PCK Processor CA";
    cr_expect_eq(forged(), DCAP_PCK_EXTENSION);
    k.platform.without = 1u << 6;
    cr_expect_eq(forged(), DCAP_PCK_EXTENSION);
    k.platform.without = 1u << 6 | 1u << 7;
    cr_expect_eq(forged(), REASON_OK);
}

Test(dcap_pck, a_member_that_stands_twice_is_refused)
{
    for (unsigned n = 1; n <= 7; n++) {
        k.platform.twice = 1u << n;
        cr_expect_eq(forged(), DCAP_PCK_EXTENSION, "member %u", n);
    }
    k.platform.twice = 0;
    for (unsigned n = 1; n <= 18; n++) {
        k.platform.tcb_twice = 1u << n;
        cr_expect_eq(forged(), DCAP_PCK_EXTENSION, "TCB member %u", n);
    }
}

Test(dcap_pck, a_member_of_another_type_is_refused)
{
    for (unsigned n = 1; n <= 7; n++) {
        k.platform.wrong_type = 1u << n;
        cr_expect_eq(forged(), DCAP_PCK_EXTENSION, "member %u", n);
    }
}

Test(dcap_pck, v14_lengths_that_are_not_minimal_and_bytes_after_it_are_refused)
{
    k.platform.long_lengths = true;
    cr_expect_eq(forged(), DCAP_PCK_EXTENSION);
    k.platform.long_lengths = false;
    k.platform.trailing = true;
    cr_expect_eq(forged(), DCAP_PCK_EXTENSION);
}

Test(dcap_pck, v14_an_extension_that_is_missing_or_stands_twice_is_refused)
{
    k.platform.times = -1;
    cr_expect_eq(forged(), DCAP_PCK_EXTENSION);
    k.platform.times = 2;
    cr_expect_eq(forged(), X509_FORM);
}

Test(dcap_pck, an_unknown_type_of_sgx_is_refused)
{
    k.platform.sgx_type = 3;
    cr_expect_eq(forged(), DCAP_PCK_EXTENSION);
}

Test(dcap_pck, every_bit_of_the_extension_is_read_or_refused_without_harm)
{
    struct forge_dcap_out out;
    forge_dcap_make(&arena, &keys, &k, &out);
    slice copy = arena_copy(&arena, out.pck);
    uint8_t *bytes = arena.base + (copy.ptr - arena.base);
    for (size_t bit = 0; bit < copy.len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        (void)reads(copy);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cr_expect_eq(reads(copy), REASON_OK);
}

Test(dcap_pck, the_platform_ca_is_known_by_its_common_name)
{
    cr_expect(pck_is_platform_ca(S("xxIntel SGX PCK Platform CAyy")));
    cr_expect(!pck_is_platform_ca(S("xxIntel SGX PCK Processor CAyy")));
    cr_expect(!pck_is_platform_ca(S("Intel SGX PCK Platform C")));
    cr_expect(!pck_is_platform_ca(NO_SLICE));
}

/* --- recorded ones: TRUSTEE_VECTORS names the folder
 * ------------------------------------------------------------------- */

static void recorded(const char *name, const char *fmspc, bool platform)
{
    uint8_t room[8192], hex[12];
    slice quote = vector_file(&arena, name), der, text;
    if (!quote.ptr)
        cr_skip_test("TRUSTEE_VECTORS is not set");
    const uint8_t *at = memmem(quote.ptr, quote.len, "-----BEGIN", 10);
    cr_assert(at);
    text = slice_of(at, (size_t)(quote.ptr + quote.len - at));
    cr_assert(!FAILED(pem_next_certificate(&text, room, sizeof room, &der)));
    cr_assert_eq(reads(der), REASON_OK, "%s", name);
    hex_encode(hex, slice_of(pck.fmspc, 6));
    cr_expect(memcmp(hex, fmspc, 12) == 0, "%s: %.12s", name, (const char *)hex);
    cr_expect(pck.platform_ca == platform && pck.has_instance == platform);
}

Test(dcap_pck, recorded_certificates_name_their_platforms)
{
    recorded("tdx/tdx_quote", "b0c06f000000", true);
    recorded("tdx/tdx_quote_outdated", "90c06f000000", true);
    recorded("tdx/tdx_quote_4.dat", "50806f000000", true);
    recorded("tdx/tdx_quote_6.dat", "00a06d080000", true);
    recorded("sgx/sgx_quote", "00a067110000", false);
    recorded("sgx/occlum_quote.dat", "00606a000000", true);
}

/* Upstream's tests name these values, as numbers: the octets the other way round. */
static void instance_is(const char *hex)
{
    uint8_t bytes[16];
    size_t length;
    cr_assert(hex_decode(bytes, sizeof bytes, slice_text(hex), &length) && length == 16);
    for (size_t i = 0; i < 16; i++)
        cr_expect(pck.platform_instance_id[i] == bytes[15 - i], "octet %zu of %s", i, hex);
}

Test(dcap_pck, recorded_platform_instances_are_upstreams)
{
    recorded("sgx/occlum_quote.dat", "00606a000000", true);
    instance_is("7a3a6941065cd5060bd93d3db2cfc0c8");
    recorded("tdx/tdx_quote_4.dat", "50806f000000", true);
    instance_is("82548d228d94d5e204a95b354dc61a02");
}
