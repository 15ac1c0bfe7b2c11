/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence, quote, binding and options; keys, signatures and certificates are in tpm_key_test.c.
 */
#include "plugins/tpm/tpm.h"

#include <criterion/criterion.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/tpm_fixture.h"

const trustee_plugin *trustee_plugin_describe_v1(void);

TestSuite(tpm, .init = tpm_begin, .fini = tpm_end, .timeout = 300);

/* --- what is accepted
 * ------------------------------------------------------------------------------------------------------ */

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

Test(tpm, a_good_quote_is_genuine_and_has_upstreams_claims)
{
    accepts();
    char ak[1024] = {0};
    base64_encode((uint8_t *)ak, t.evidence.ak);
    claims_are("/ak_public", ak);
    claims_are("/pcr00", ZEROS);
    claims_are("/pcr08", ZEROS);
    claims_are("/pcr17", ONES);
    claims_are("/pcr22", ONES);
    claims_are("/pcr23", ZEROS);
    cr_expect(slice_equal(t.host.out.report_data, slice_of(t.report_data, 32)));
    cr_expect(slice_equal(t.host.out.report_data_claim,
                          S("a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf")));
    cr_expect(slice_equal(t.host.out.init_data_claim, S(ZEROS)));
    cr_expect(t.host.out.not_after == 0);
}

Test(tpm, what_upstream_lacks_is_beside_its_claims)
{
    uint8_t digest[32], hex[65] = {0};
    accepts();
    cr_assert(!FAILED(sha256(t.evidence.ak, digest)));
    hex_encode(hex, slice_of(digest, 32));
    claims_are("/ak_sha256", (char *)hex);
    claims_are("/ak_certified", "false");
    claims_are("/quote/clock", "123456");
    claims_are("/quote/reset_count", "3");
    claims_are("/quote/restart_count", "1");
    claims_are("/quote/safe", "true");
    claims_are("/quote/firmware_version", "2019102300163636");
    claims_are("/quote/scheme", "rsassa-sha256");
}

Test(tpm, a_clock_of_64_bits_keeps_its_digits)
{
    t.quote.clock = UINT64_MAX;
    accepts();
    claims_are("/quote/clock", "18446744073709551615");
}

Test(tpm, the_record_names_every_check_that_passed)
{
    static const char *const names[] = {"tpm.quote.magic",      "tpm.quote.type",  "tpm.quote.bank",
                                        "tpm.quote.selection",  "tpm.pcrs.digest", "tpm.nonce",
                                        "tpm.signature.scheme", "tpm.ak.key",      "tpm.signature"};
    accepts();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_expect(fake_check(&t.host, names[i]) == 1, "%s", names[i]);
}

static void accepts_scheme(EVP_PKEY *key, uint16_t scheme, int salt)
{
    static const struct {
        uint16_t id;
        const char *name;
    } hashes[] = {{0x000b, "SHA256"}, {0x000c, "SHA384"}, {0x000d, "SHA512"}};
    t.evidence.ak = test_spki(&t.arena, key);
    for (size_t i = 0; i < 3; i++) {
        t.scheme = (struct test_scheme){.scheme = scheme, .hash = hashes[i].id, .digest = hashes[i].name, .salt = salt};
        t.quote.hash = hashes[i].name;
        judges(evidence_by(key), NULL);
    }
}

Test(tpm, all_three_schemes_are_accepted_with_all_three_hashes)
{
    EVP_PKEY *p384 = test_ec("P-384");
    accepts_scheme(t.ak, 0x0014, 0);
    accepts_scheme(t.ak, 0x0016, RSA_PSS_SALTLEN_DIGEST);
    accepts_scheme(t.ak, 0x0016, RSA_PSS_SALTLEN_MAX);
    accepts_scheme(t.ec, 0x0018, 0);
    accepts_scheme(p384, 0x0018, 0);
    EVP_PKEY_free(p384);
}

Test(tpm, the_pcr_digest_is_made_with_the_hash_of_the_scheme)
{
    t.scheme.hash = 0x000c;
    t.scheme.digest = "SHA384";
    refuses("tpm.pcrs.digest"); /* of SHA-256 still */
    t.quote.hash = "SHA384";
    accepts();
}

/* --- the members
 * ------------------------------------------------------------------------------------------------------------ */

Test(tpm, evidence_that_is_no_object_is_refused)
{
    judges(S("[]"), "tpm.evidence.form");
    judges(S("null"), "tpm.evidence.form");
    judges(S("\"x\""), "tpm.evidence.form");
}

Test(tpm, a_missing_or_mistyped_member_is_refused_by_name)
{
    judges(S("{}"), "tpm.ak.form");
    judges(S("{\"ak_public\":1}"), "tpm.ak.form");
    judges(S("{\"ak_public\":\"!\"}"), "tpm.ak.form");
    judges(S("{\"ak_public\":\"\"}"), "tpm.ak.size");
    judges(S("{\"ak_public\":\"AAAA\"}"), "tpm.quote.form");
    judges(S("{\"ak_public\":\"AAAA\",\"tpm_quote\":null}"), "tpm.quote.form");
    judges(S("{\"ak_public\":\"AAAA\",\"tpm_quote\":[]}"), "tpm.quote.form");
    judges(S("{\"ak_public\":\"AAAA\",\"tpm_quote\":{}}"), "tpm.message.form");
    judges(S("{\"ak_public\":\"AAAA\",\"tpm_quote\":{\"message\":{}}}"), "tpm.message.form");
    judges(S("{\"ak_public\":\"AAAA\",\"tpm_quote\":{\"message\":\"\"}}"), "tpm.message.size");
    judges(S("{\"ak_public\":\"AAAA\",\"tpm_quote\":{\"message\":\"AA==\"}}"), "tpm.signature.form");
    judges(S("{\"ak_public\":\"AAAA\",\"tpm_quote\":{\"message\":\"AA==\",\"signature\":\"AA\"}}"),
           "tpm.signature.form");
    judges(S("{\"ak_public\":\"AAAA\",\"tpm_quote\":{\"message\":\"AA==\",\"signature\":\"\"}}"), "tpm.signature.size");
    judges(S("{\"ak_public\":\"AAAA\",\"tpm_quote\":{\"message\":\"AA==\",\"signature\":\"AAAA\"}}"), "tpm.pcrs.form");
    judges(S("{\"ak_public\":\"AAAA\",\"tpm_quote\":{\"message\":\"AA==\",\"signature\":\"AAAA\",\"pcrs\":{}}}"),
           "tpm.pcrs.form");
}

Test(tpm, members_over_their_size_are_refused)
{
    static const uint8_t large[1025];
    accepts();
    struct test_evidence good = t.evidence;
    t.evidence.ak = slice_of(large, sizeof large);
    judges(test_evidence(&t.arena, &t.evidence), "tpm.ak.size");
    t.evidence = good;
    t.evidence.message = slice_of(large, sizeof large);
    judges(test_evidence(&t.arena, &t.evidence), "tpm.message.size");
    t.evidence = good;
    t.evidence.signature = slice_of(large, sizeof large);
    judges(test_evidence(&t.arena, &t.evidence), "tpm.signature.size");
}

Test(tpm, p04_any_number_of_pcrs_but_24_is_refused)
{
    static const size_t counts[] = {0, 1, 8, 9, 23, 25, 100};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        t.evidence.pcr_count = counts[i];
        refuses("tpm.pcrs.count");
    }
}

/* The good evidence with its first PCR (all zeros) written as `text`. */
static slice with_first_pcr(const char *text)
{
    slice good = evidence_by(t.ak);
    for (size_t i = 0; i + 66 < good.len; i++)
        if (slice_equal(slice_sub(good, i, 66), S("\"" ZEROS "\"")))
            return arena_printf(&t.arena, "%.*s%s%.*s", (int)i, (const char *)good.ptr, text, (int)(good.len - i - 66),
                                (const char *)good.ptr + i + 66);
    return NO_SLICE;
}

Test(tpm, a_pcr_that_is_not_64_hex_digits_is_refused)
{
    judges(with_first_pcr("\"" ZEROS "\""), NULL);
    judges(with_first_pcr("\"\""), "tpm.pcrs.value");
    judges(with_first_pcr("\"" ZEROS "00\""), "tpm.pcrs.value");
    judges(with_first_pcr("\"0000\""), "tpm.pcrs.value");
    judges(with_first_pcr("\"g00000000000000000000000000000000000000000000000000000000000000\""), "tpm.pcrs.value");
    judges(with_first_pcr("\"000000000000000000000000000000000000000000000000000000000000000\""), "tpm.pcrs.value");
    judges(with_first_pcr("0"), "tpm.pcrs.value");
    judges(with_first_pcr("null"), "tpm.pcrs.value");
    judges(with_first_pcr("[\"" ZEROS "\"]"), "tpm.pcrs.value");
}

/* --- the quote
 * -------------------------------------------------------------------------------------------------------------- */

Test(tpm, p01_a_quote_of_a_self_made_key_says_that_nothing_certified_it)
{
    accepts(); /* genuine as upstream has it: only the list's owner trusts the key, and the claim says so */
    claims_are("/ak_certified", "false");
    tpm_restart();
    struct test_certificate ca = {.subject = "ca",
                                  .issuer = "ca",
                                  .key = t.ca,
                                  .issuer_key = t.ca,
                                  .constraints = "critical,CA:TRUE",
                                  .usage = "critical,keyCertSign"};
    fake_option_bytes(&t.host, "ak_ca", test_pem(&t.arena, test_issue(&t.arena, &ca)));
    fake_option(&t.host, "require_ak_certificate", "yes");
    refuses("tpm.ak.certified");
}

Test(tpm, p02_another_magic_is_refused)
{
    t.quote.magic = 0x474354ff;
    refuses("tpm.quote.magic");
}

Test(tpm, p02_every_other_type_of_attestation_is_refused)
{
    for (uint16_t type = 0x8014; type <= 0x8020; type++) {
        t.quote.type = type;
        if (type != 0x8018)
            refuses("tpm.quote.type");
    }
}

Test(tpm, p03_an_empty_selection_is_refused)
{
    t.quote.selections = 0;
    refuses("tpm.quote.bank");
    t.quote.selections = 1;
    t.quote.selection[0] = (struct test_selection){0x000b, 3, {0, 0, 0}};
    refuses("tpm.quote.selection");
    t.quote.selection[0] = (struct test_selection){0x000b, 0, {0}};
    refuses("tpm.quote.selection");
}

Test(tpm, p03_a_selection_of_other_pcrs_than_those_sent_is_refused)
{
    for (int pcr = 0; pcr < TEST_PCRS; pcr++) {
        t.quote.selection[0] = (struct test_selection){0x000b, 3, {0xff, 0xff, 0xff}};
        t.quote.selection[0].bitmap[pcr / 8] ^= (uint8_t)(1 << pcr % 8);
        refuses("tpm.quote.selection");
    }
    t.quote.selection[0] = (struct test_selection){0x000b, 4, {0xff, 0xff, 0xff, 0x01}};
    refuses("tpm.quote.selection");
    t.quote.selection[0] = (struct test_selection){0x000b, 2, {0xff, 0xff}};
    refuses("tpm.quote.selection");
}

Test(tpm, p03_other_banks_and_several_banks_are_refused)
{
    static const uint16_t banks[] = {0x0004, 0x000c, 0x000d, 0x0012, 0};
    for (size_t i = 0; i < sizeof banks / sizeof *banks; i++) {
        t.quote.selection[0].hash = banks[i];
        refuses("tpm.quote.bank");
    }
    t.quote.selection[0].hash = 0x000b;
    t.quote.selection[1] = t.quote.selection[0];
    t.quote.selections = 2;
    refuses("tpm.quote.bank");
}

Test(tpm, pcrs_that_the_digest_does_not_cover_are_refused)
{
    uint8_t other[TEST_PCRS][32];
    for (size_t pcr = 0; pcr < TEST_PCRS; pcr++) {
        memcpy(other, t.quote.pcrs, sizeof other);
        other[pcr][31] ^= 1;
        t.evidence.pcrs = other;
        refuses("tpm.pcrs.digest");
    }
}

Test(tpm, a_pcr_digest_of_another_length_is_refused)
{
    t.quote.digest = S("");
    refuses("tpm.pcrs.digest");
    t.quote.digest = slice_of(t.report_data, 31);
    refuses("tpm.pcrs.digest");
}

Test(tpm, p06_a_nonce_of_another_length_is_refused)
{
    static const size_t lengths[] = {0, 1, 31, 33, 48, 64};
    uint8_t nonce[64] = {0};
    memcpy(nonce, t.report_data, 48);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        t.quote.nonce = slice_of(nonce, lengths[i]);
        refuses("tpm.nonce.length");
    }
}

Test(tpm, p06_another_nonce_is_refused)
{
    uint8_t nonce[32];
    for (size_t i = 0; i < 32; i++) {
        memcpy(nonce, t.report_data, 32);
        nonce[i] ^= 0x10;
        t.quote.nonce = slice_of(nonce, 32);
        refuses("tpm.nonce");
    }
}

Test(tpm, report_data_of_fewer_than_32_bytes_binds_nothing)
{
    t.in.report_data = slice_of(t.report_data, 31);
    refuses("tpm.nonce");
    t.in.report_data = NO_SLICE;
    refuses("tpm.nonce");
    t.in.report_data = slice_of(t.report_data, 32);
    accepts();
}

Test(tpm, every_truncation_of_a_properly_signed_message_is_refused)
{
    slice whole = test_attest(&t.arena, &t.quote);
    for (size_t n = 1; n < whole.len; n++) {
        slice part = slice_sub(whole, 0, n);
        refuses_raw(part, test_sign(&t.arena, t.ak, &t.scheme, part), "tpm.message.truncated");
    }
}

Test(tpm, p08_trailing_bytes_of_a_properly_signed_message_are_refused)
{
    t.quote.trailing = S("\0");
    refuses("tpm.message.trailing");
    slice whole = test_attest(&t.arena, &t.quote);
    uint8_t prefixed[1024] = {(uint8_t)(whole.len >> 8), (uint8_t)whole.len}; /* a TPM2B_ATTEST */
    memcpy(prefixed + 2, whole.ptr, whole.len);
    slice sized = slice_of(prefixed, whole.len + 2);
    refuses_raw(sized, test_sign(&t.arena, t.ak, &t.scheme, sized), "tpm.quote.magic");
}

Test(tpm, p08_sizes_over_their_type_are_refused)
{
    uint8_t large[69] = {0};
    t.quote.signer = slice_of(large, 69);
    refuses("tpm.message.structure");
    t.quote = test_quote_good(slice_of(large, 67));
    refuses("tpm.message.structure");
    t.quote = test_quote_good(slice_of(t.report_data, 32));
    t.quote.digest = slice_of(large, 65);
    refuses("tpm.message.structure");
    t.quote.digest = NO_SLICE;
    t.quote.selections = 17;
    refuses("tpm.message.structure");
    t.quote.selections = 1;
    t.quote.selection[0].size = 5;
    refuses("tpm.message.structure");
    t.quote.selection[0].size = 3;
    t.quote.safe = 2;
    refuses("tpm.message.structure");
}

Test(tpm, p08_each_length_field_set_to_anything_else_is_refused)
{
    slice whole = test_attest(&t.arena, &t.quote);
    const size_t fields[] = {6, 6 + 2 + 34, whole.len - 34, whole.len - 34 - 10 + 2, whole.len - 34 - 4};
    static const uint16_t values[] = {0, 1, 2, 31, 33, 34, 35, 64, 66, 68, 0x7fff, 0x8000, 0xfffe, 0xffff};
    load();
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            uint8_t changed[256];
            memcpy(changed, whole.ptr, whole.len);
            changed[fields[f]] = (uint8_t)(values[v] >> 8);
            changed[fields[f] + 1] = (uint8_t)values[v];
            slice message = slice_of(changed, whole.len);
            if (slice_equal(message, whole))
                continue;
            t.evidence.message = message;
            t.evidence.signature = test_sign(&t.arena, t.ak, &t.scheme, message); /* signed as it is */
            slice sent = test_evidence(&t.arena, &t.evidence);
            cr_expect(!fake_verify(&t.host, S("tpm"), sent, &t.in), "field %zu value %u", f, values[v]);
            cr_expect(t.host.reason.len > 0);
        }
}

Test(tpm, every_bit_flipped_in_the_message_is_refused)
{
    slice good = evidence_by(t.ak), whole = t.evidence.message;
    uint8_t changed[256];
    judges(good, NULL);
    t.evidence.message = slice_of(changed, whole.len);
    for (size_t bit = 0; bit < whole.len * 8; bit++) {
        memcpy(changed, whole.ptr, whole.len);
        changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        size_t mark = t.arena.used;
        slice sent = test_evidence(&t.arena, &t.evidence);
        cr_expect(!fake_verify(&t.host, S("tpm"), sent, &t.in), "bit %zu", bit);
        cr_expect(t.host.status == TRUSTEE_REJECT && t.host.reason.len > 0);
        t.arena.used = mark;
    }
}

/* --- init-data and clock
 * --------------------------------------------------------------------------------------------------------- */

/* PCR 8 as a guest leaves it: zeros, extended once. */
static void extends_pcr8(const uint8_t digest[32])
{
    uint8_t both[64];
    memcpy(both, t.quote.pcrs[8], 32);
    memcpy(both + 32, digest, 32);
    cr_assert(!FAILED(sha256(slice_of(both, 64), t.quote.pcrs[8])));
}

Test(tpm, init_data_is_bound_by_pcr_8)
{
    uint8_t digest[32] = {7, 7, 7};
    extends_pcr8(digest);
    t.in.init_data = slice_of(digest, 32);
    accepts();
    cr_expect(slice_equal(t.host.out.init_data, slice_of(t.quote.pcrs[8], 32)));
    cr_expect(fake_check(&t.host, "tpm.init_data") == 1);
    digest[0] ^= 1;
    refuses("tpm.init_data");
    digest[0] ^= 1;
    extends_pcr8(digest); /* once more */
    refuses("tpm.init_data");
}

Test(tpm, a_pcr_8_that_was_not_extended_is_refused_when_init_data_came)
{
    static const uint8_t digest[32];
    t.in.init_data = slice_of(digest, 32);
    refuses("tpm.init_data");
}

Test(tpm, without_init_data_the_field_stays_absent_and_the_claim_shows_pcr_8)
{
    uint8_t digest[32] = {7, 7, 7};
    extends_pcr8(digest);
    accepts();
    cr_expect(t.host.out.init_data.ptr == NULL && t.host.out.init_data.len == 0);
    cr_expect(t.host.out.init_data_claim.len == 64);
    cr_expect(fake_check(&t.host, "tpm.init_data") == -1);
}

Test(tpm, p05_init_data_digests_of_other_sizes_are_refused)
{
    static const uint8_t digest[64];
    static const size_t lengths[] = {0, 1, 31, 33, 48, 64};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        t.in.init_data = slice_of(digest, lengths[i]);
        refuses("tpm.init_data.length");
    }
}

Test(tpm, p11_the_clock_is_a_claim_and_is_demanded_by_option_only)
{
    t.quote.safe = 0;
    t.quote.resets = UINT32_MAX;
    accepts();
    claims_are("/quote/safe", "false");
    claims_are("/quote/reset_count", "4294967295");
    tpm_restart();
    fake_option(&t.host, "require_safe_clock", "yes");
    refuses("tpm.clock.safe");
    t.quote.safe = 1;
    accepts();
}

/* --- options
 * ----------------------------------------------------------------------------------------------------------------------
 */

static void init_fails(void)
{
    t.host.quiet = true;
    cr_expect(fake_load(&t.host, trustee_plugin_describe_v1()) == TRUSTEE_E_CONFIG);
    cr_expect(t.host.logged == 1);
}

Test(tpm, an_unknown_scheme_is_refused_at_start)
{
    fake_option(&t.host, "schemes", "rsassa-sha256,rsassa-sha1");
    init_fails();
}

Test(tpm, an_empty_list_of_schemes_is_refused_at_start)
{
    fake_option(&t.host, "schemes", "");
    init_fails();
}

Test(tpm, a_ca_file_without_certificates_is_refused_at_start)
{
    fake_option(&t.host, "ak_ca", "no certificate");
    init_fails();
}

Test(tpm, demanding_certificates_without_a_ca_is_refused_at_start)
{
    fake_option(&t.host, "require_ak_certificate", "yes");
    init_fails();
}

Test(tpm, reason_ids_are_unique_and_begin_with_the_plugins_name)
{
    for (size_t i = 0; i < TPM_REASON_COUNT; i++) {
        cr_expect(slice_starts(tpm_reasons[i].id, S("tpm.")) && tpm_reasons[i].text.len && tpm_reasons[i].remedy.len);
        for (size_t k = 0; k < i; k++)
            cr_expect(!slice_equal(tpm_reasons[i].id, tpm_reasons[k].id), "%.*s", SLICE_ARG(tpm_reasons[i].id));
    }
}

/* --- upstream's recording
 * ---------------------------------------------------------------------------------------------------------- */

/* A parse vector of upstream's: its quote is well-formed and signed, but its nonce has 64 bytes, which no attester of
 * today sends. Not part of this repository: TRUSTEE_VECTORS names the folder. */
Test(tpm, upstreams_recorded_evidence_is_read_up_to_its_nonce)
{
    static uint8_t content[65536];
    const char *folder = getenv("TRUSTEE_VECTORS");
    if (!folder)
        cr_skip_test("TRUSTEE_VECTORS is not set");
    slice path = arena_printf(&t.arena, "%s/tpm/tpm_evidence.json", folder);
    FILE *file = fopen((const char *)path.ptr, "rb");
    cr_assert(file);
    slice json_evidence = slice_of(content, fread(content, 1, sizeof content, file));
    fclose(file);
    judges(json_evidence, "tpm.nonce.length");
    cr_expect(fake_check(&t.host, "tpm.pcrs.digest") == 1);
}
