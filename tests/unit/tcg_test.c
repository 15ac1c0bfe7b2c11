/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tcg/tpm.h"

#include <criterion/criterion.h>

#include "tests/support/test_tpm.h"

static struct arena arena;

static void begin(void)
{
    cr_assert(!FAILED(arena_map(&arena, 16 << 20, ARENA_PLAIN)));
}

static void end(void)
{
    arena_unmap(&arena);
}

TestSuite(tcg, .init = begin, .fini = end, .timeout = 60);

/* Its last bytes are no small number, so that a size which reaches into it cannot happen to fit. */
static const uint8_t NONCE[32] = {1, 2, 3, [28] = 0xee, 0xee, 0xee, 0xee};

static struct test_quote good(void)
{
    return test_quote_good(slice_of(NONCE, sizeof NONCE));
}

/* A copy in memory of its own, so that sanitizers and valgrind see a read beyond its end. */
static enum reason read_copy(slice s)
{
    struct tpm_quote q;
    uint8_t *copy = malloc(s.len + 1);
    memcpy(copy, s.ptr, s.len);
    uint8_t *exact = realloc(copy, s.len ? s.len : 1);
    result r = tpm_read_quote(slice_of(exact, s.len), &q);
    free(exact);
    return (enum reason)r.reason;
}

static void refuses(const struct test_quote *q, enum reason why)
{
    enum reason r = read_copy(test_attest(&arena, q));
    cr_expect(r == why, "%s, expected %s", reason_id(r), reason_id(why));
}

Test(tcg, a_quote_is_read_field_by_field)
{
    struct test_quote t = good();
    struct tpm_quote q;
    cr_assert(!FAILED(tpm_read_quote(test_attest(&arena, &t), &q)));
    cr_expect(slice_equal(q.extra_data, slice_of(NONCE, sizeof NONCE)));
    cr_expect(q.qualified_signer.len == 34 && q.clock == 123456 && q.reset_count == 3 && q.restart_count == 1);
    cr_expect(q.safe && q.firmware_version == UINT64_C(0x2019102300163636));
    cr_expect(q.selection_count == 1 && q.selections[0].hash == TPM_ALG_SHA256 && q.selections[0].pcrs == 0xffffff);
    cr_expect(q.pcr_digest.len == 32);
}

Test(tcg, bit_n_of_a_selection_is_pcr_n)
{
    struct test_quote t = good();
    struct tpm_quote q;
    t.selection[0] = (struct test_selection){0x000b, 3, {0x01, 0x80, 0x02}};
    cr_assert(!FAILED(tpm_read_quote(test_attest(&arena, &t), &q)));
    cr_expect(q.selections[0].pcrs == (UINT32_C(1) << 0 | UINT32_C(1) << 15 | UINT32_C(1) << 17));
}

Test(tcg, every_truncation_of_a_quote_is_refused)
{
    struct test_quote t = good();
    slice whole = test_attest(&arena, &t);
    for (size_t n = 0; n < whole.len; n++)
        cr_expect(read_copy(slice_sub(whole, 0, n)) == TCG_TRUNCATED, "%zu bytes", n);
}

Test(tcg, trailing_bytes_after_a_quote_are_refused)
{
    struct test_quote t = good();
    t.trailing = S("\0");
    refuses(&t, TCG_TRAILING);
}

Test(tcg, another_magic_is_refused)
{
    struct test_quote t = good();
    t.magic = 0xff544348;
    refuses(&t, TCG_MAGIC);
}

Test(tcg, every_other_type_of_attestation_is_refused)
{
    struct test_quote t = good();
    for (t.type = 0x8014; t.type <= 0x8020; t.type++)
        if (t.type != TPM_ST_ATTEST_QUOTE)
            refuses(&t, TCG_TYPE);
}

Test(tcg, sizes_over_their_type_are_refused)
{
    static const uint8_t long_name[69], long_data[67], long_digest[65];
    struct test_quote t = good();
    t.signer = slice_of(long_name, sizeof long_name);
    refuses(&t, TCG_SIZE);
    t = good();
    t.nonce = slice_of(long_data, sizeof long_data);
    refuses(&t, TCG_SIZE);
    t = good();
    t.digest = slice_of(long_digest, sizeof long_digest);
    refuses(&t, TCG_SIZE);
}

Test(tcg, a_size_that_lies_never_passes)
{
    for (int lie = -34; lie <= 40; lie++) {
        struct test_quote t = good();
        if (lie == 0)
            continue;
        t.signer_lie = lie;
        cr_expect(read_copy(test_attest(&arena, &t)) != REASON_OK, "signer %d", lie);
        t = good();
        t.nonce_lie = lie < -32 ? -32 : lie;
        cr_expect(read_copy(test_attest(&arena, &t)) != REASON_OK, "nonce %d", lie);
        t = good();
        t.digest_lie = lie < -32 ? -32 : lie;
        cr_expect(read_copy(test_attest(&arena, &t)) != REASON_OK, "digest %d", lie);
    }
}

Test(tcg, a_selection_count_beyond_all_banks_is_refused)
{
    struct test_quote t = good();
    t.selections = TPM_SELECTIONS_MAX + 1;
    refuses(&t, TCG_SIZE);
    t.selections = UINT32_MAX;
    refuses(&t, TCG_SIZE);
    t.selections = TPM_SELECTIONS_MAX; /* allowed, but only four are there */
    cr_expect(read_copy(test_attest(&arena, &t)) != REASON_OK);
}

Test(tcg, a_selection_map_of_more_than_four_bytes_is_refused)
{
    struct test_quote t = good();
    t.selection[0].size = 5;
    refuses(&t, TCG_SIZE);
    t.selection[0].size = 255;
    refuses(&t, TCG_SIZE);
}

Test(tcg, safe_is_zero_or_one)
{
    struct test_quote t = good();
    t.safe = 2;
    refuses(&t, TCG_VALUE);
}

/* --- TPMT_SIGNATURE
 * ------------------------------------------------------------------------------------------------------ */

static enum reason read_signature(slice s)
{
    struct tpm_signature out;
    uint8_t *exact = malloc(s.len ? s.len : 1);
    memcpy(exact, s.ptr, s.len);
    result r = tpm_read_signature(slice_of(exact, s.len), &out);
    free(exact);
    return (enum reason)r.reason;
}

Test(tcg, an_rsa_signature_is_read)
{
    static const uint8_t bytes[] = {0x00, 0x14, 0x00, 0x0b, 0x00, 0x02, 0xaa, 0xbb};
    struct tpm_signature s;
    struct raw_signature raw;
    cr_assert(!FAILED(tpm_read_signature(slice_of(bytes, sizeof bytes), &s)));
    cr_expect(s.scheme == TPM_ALG_RSASSA && s.hash == TPM_ALG_SHA256 && s.rsa.len == 2);
    cr_assert(!FAILED(tpm_raw_signature(&s, &raw)));
    cr_expect(raw.scheme == SIGNATURE_RSASSA && raw.hash == HASH_SHA256 && raw.bytes.ptr[1] == 0xbb);
    for (size_t n = 0; n < sizeof bytes; n++)
        cr_expect(read_signature(slice_of(bytes, n)) == TCG_TRUNCATED, "%zu bytes", n);
}

Test(tcg, an_ecdsa_signature_is_read)
{
    static const uint8_t bytes[] = {0x00, 0x18, 0x00, 0x0c, 0x00, 0x01, 0xaa, 0x00, 0x02, 0xbb, 0xcc};
    struct tpm_signature s;
    struct raw_signature raw;
    cr_assert(!FAILED(tpm_read_signature(slice_of(bytes, sizeof bytes), &s)));
    cr_assert(!FAILED(tpm_raw_signature(&s, &raw)));
    cr_expect(raw.scheme == SIGNATURE_ECDSA && raw.hash == HASH_SHA384 && raw.r.len == 1 && raw.s.len == 2);
    for (size_t n = 0; n < sizeof bytes; n++)
        cr_expect(read_signature(slice_of(bytes, n)) == TCG_TRUNCATED, "%zu bytes", n);
}

Test(tcg, trailing_bytes_and_large_sizes_of_a_signature_are_refused)
{
    static const uint8_t trailing[] = {0x00, 0x14, 0x00, 0x0b, 0x00, 0x01, 0xaa, 0xbb};
    static const uint8_t large[] = {0x00, 0x16, 0x00, 0x0b, 0x02, 0x01, 0xaa};
    static const uint8_t large_s[] = {0x00, 0x18, 0x00, 0x0b, 0x00, 0x00, 0x00, 0x43, 0xaa};
    cr_expect(read_signature(slice_of(trailing, sizeof trailing)) == TCG_TRAILING);
    cr_expect(read_signature(slice_of(large, sizeof large)) == TCG_SIZE);
    cr_expect(read_signature(slice_of(large_s, sizeof large_s)) == TCG_SIZE);
}

Test(tcg, schemes_other_than_three_are_refused)
{
    /* RSAES, OAEP, HMAC, ECDAA, SM2, ECSCHNORR, NULL, 0 */
    static const uint8_t schemes[] = {0x15, 0x17, 0x05, 0x1a, 0x1b, 0x1c, 0x10, 0x00};
    for (size_t i = 0; i < sizeof schemes; i++) {
        const uint8_t bytes[] = {0x00, schemes[i], 0x00, 0x0b, 0x00, 0x01, 0xaa};
        cr_expect(read_signature(slice_of(bytes, sizeof bytes)) == TCG_ALGORITHM, "%02x", schemes[i]);
    }
}

Test(tcg, sha1_and_unknown_hashes_have_no_raw_form)
{
    static const uint16_t hashes[] = {TPM_ALG_SHA1, 0, TPM_ALG_NULL, 0x0012 /* SM3 */, 0x0027 /* SHA3-256 */};
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
        struct tpm_signature s = {.scheme = TPM_ALG_RSASSA, .hash = hashes[i]};
        struct raw_signature raw;
        cr_expect(tpm_raw_signature(&s, &raw).reason == TCG_ALGORITHM, "%04x", hashes[i]);
    }
}

/* --- TPMT_PUBLIC
 * ---------------------------------------------------------------------------------------------------------- */

/* A restricted signing key, RSASSA with SHA-256; the modulus shortened to four bytes. */
static const uint8_t RSA_PUBLIC[] = {0x00, 0x01, 0x00, 0x0b, 0x00, 0x05, 0x00, 0x72, 0x00, 0x00, 0x00, 0x10, 0x00, 0x14,
                                     0x00, 0x0b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 1,    2,    3,    4};
static const uint8_t ECC_PUBLIC[] = {0x00, 0x23, 0x00, 0x0b, 0x00, 0x05, 0x00, 0x72, 0x00, 0x00, 0x00, 0x10, 0x00, 0x18,
                                     0x00, 0x0b, 0x00, 0x03, 0x00, 0x10, 0x00, 0x01, 7,    0x00, 0x02, 8,    9};

Test(tcg, an_rsa_public_area_is_read)
{
    struct tpm_public p;
    cr_assert(!FAILED(tpm_read_public(slice_of(RSA_PUBLIC, sizeof RSA_PUBLIC), &p)));
    cr_expect(p.type == TPM_ALG_RSA && p.bits == 2048 && p.exponent == 65537 && p.modulus.len == 4);
    cr_expect(p.scheme == TPM_ALG_RSASSA && p.scheme_hash == TPM_ALG_SHA256);
    cr_expect((p.attributes & (TPM_OBJECT_RESTRICTED | TPM_OBJECT_SIGN | TPM_OBJECT_FIXED_TPM)) ==
              (TPM_OBJECT_RESTRICTED | TPM_OBJECT_SIGN | TPM_OBJECT_FIXED_TPM));
    cr_expect(!(p.attributes & TPM_OBJECT_DECRYPT));
}

Test(tcg, an_ecc_public_area_is_read)
{
    struct tpm_public p;
    cr_assert(!FAILED(tpm_read_public(slice_of(ECC_PUBLIC, sizeof ECC_PUBLIC), &p)));
    cr_expect(p.type == TPM_ALG_ECC && p.curve == TPM_ECC_NIST_P256 && p.x.len == 1 && p.y.len == 2);
}

Test(tcg, every_truncation_of_a_public_area_is_refused)
{
    struct tpm_public p;
    for (size_t n = 0; n < sizeof RSA_PUBLIC; n++)
        cr_expect(tpm_read_public(slice_of(RSA_PUBLIC, n), &p).reason == TCG_TRUNCATED, "%zu", n);
    for (size_t n = 0; n < sizeof ECC_PUBLIC; n++)
        cr_expect(tpm_read_public(slice_of(ECC_PUBLIC, n), &p).reason == TCG_TRUNCATED, "%zu", n);
}

Test(tcg, a_tpm2b_holds_exactly_what_it_says)
{
    slice inner;
    cr_expect(!FAILED(tpm_read_2b(S("\0\2ab"), &inner)) && slice_equal(inner, S("ab")));
    cr_expect(tpm_read_2b(S("\0\3ab"), &inner).reason == TCG_TRUNCATED);
    cr_expect(tpm_read_2b(S("\0\1ab"), &inner).reason == TCG_TRAILING);
    cr_expect(tpm_read_2b(S("\0"), &inner).reason == TCG_TRUNCATED);
}
