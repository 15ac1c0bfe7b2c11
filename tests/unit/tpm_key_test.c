/* SPDX-License-Identifier: Apache-2.0
 *
 * The attestation key: its signature, its certificates, and how it is remembered.
 */
#include "plugins/tpm/tpm.h"

#include <criterion/criterion.h>

#include "tests/support/tpm_fixture.h"

TestSuite(tpm_key, .init = tpm_begin, .fini = tpm_end, .timeout = 300);

/* --- the signature
 * ------------------------------------------------------------------------------------------------------------ */

static void refuses_every_flip_of_the_signature(EVP_PKEY *key)
{
    slice good = evidence_by(key), whole = t.evidence.signature;
    uint8_t changed[512];
    judges(good, NULL);
    t.evidence.signature = slice_of(changed, whole.len);
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

Test(tpm_key, every_bit_flipped_in_the_signature_is_refused)
{
    refuses_every_flip_of_the_signature(t.ak);
    uses_ec(t.ec);
    refuses_every_flip_of_the_signature(t.ec);
}

Test(tpm_key, every_truncation_of_the_signature_is_refused)
{
    evidence_by(t.ak);
    slice message = t.evidence.message, whole = t.evidence.signature;
    for (size_t n = 1; n < whole.len; n++)
        refuses_raw(message, slice_sub(whole, 0, n), "tpm.signature.truncated");
    uses_ec(t.ec);
    evidence_by(t.ec);
    message = t.evidence.message;
    whole = t.evidence.signature;
    for (size_t n = 1; n < whole.len; n++)
        refuses_raw(message, slice_sub(whole, 0, n), "tpm.signature.truncated");
}

Test(tpm_key, p08_a_signature_whose_size_lies_is_refused)
{
    t.scheme.lie = 1;
    refuses("tpm.signature.truncated");
    t.scheme.lie = -1;
    refuses("tpm.signature.trailing");
    t.scheme.lie = 0xffff - 256;
    refuses("tpm.signature.structure");
    t.scheme.lie = 0;
    t.scheme.trailing = S("\0");
    refuses("tpm.signature.trailing");
}

Test(tpm_key, p07_sha1_is_refused_even_where_it_verifies)
{
    t.scheme.hash = 0x0004;
    t.scheme.digest = t.quote.hash = "SHA1";
    refuses("tpm.signature.scheme");
    t.scheme.scheme = 0x0016;
    refuses("tpm.signature.scheme");
    uses_ec(t.ec);
    t.scheme.hash = 0x0004;
    t.scheme.digest = "SHA1";
    judges(evidence_by(t.ec), "tpm.signature.scheme");
}

Test(tpm_key, p07_a_scheme_that_is_not_known_is_refused)
{
    static const uint16_t schemes[] = {0x0000, 0x0005, 0x0010, 0x0015, 0x0017, 0x001a, 0x001b, 0x001c, 0xffff};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        evidence_by(t.ak);
        uint8_t changed[512];
        memcpy(changed, t.evidence.signature.ptr, t.evidence.signature.len);
        changed[0] = (uint8_t)(schemes[i] >> 8);
        changed[1] = (uint8_t)schemes[i];
        refuses_raw(t.evidence.message, slice_of(changed, t.evidence.signature.len), "tpm.signature.scheme");
    }
}

Test(tpm_key, p07_a_scheme_is_never_taken_for_another)
{
    evidence_by(t.ak);
    uint8_t changed[512];
    slice signature = slice_of(changed, t.evidence.signature.len);
    memcpy(changed, t.evidence.signature.ptr, signature.len);
    changed[1] = 0x16; /* RSASSA said to be RSAPSS */
    refuses_raw(t.evidence.message, signature, "tpm.signature");
    uses_ec(t.ec); /* an ECDSA signature with an RSA key, and the reverse */
    evidence_by(t.ec);
    struct test_evidence mixed = t.evidence;
    mixed.ak = test_spki(&t.arena, t.ak);
    judges(test_evidence(&t.arena, &mixed), "tpm.ak.scheme");
    t.scheme = test_scheme_of(t.ak);
    evidence_by(t.ak);
    judges(test_evidence(&t.arena, &t.evidence), "tpm.ak.scheme");
}

Test(tpm_key, a_scheme_that_the_option_does_not_list_is_refused)
{
    fake_option(&t.host, "schemes", "rsapss-sha256, ecdsa-sha384");
    refuses("tpm.signature.scheme");
    t.scheme.scheme = 0x0016;
    accepts();
    uses_ec(t.ec);
    judges(evidence_by(t.ec), "tpm.signature.scheme");
}

Test(tpm_key, a_signature_by_another_key_is_refused)
{
    EVP_PKEY *other = test_rsa(2048);
    judges(evidence_by(other), "tpm.signature");
    EVP_PKEY_free(other);
}

Test(tpm_key, a_signature_over_another_message_is_refused)
{
    evidence_by(t.ak);
    slice signature = t.evidence.signature;
    t.quote.resets++;
    refuses_raw(test_attest(&t.arena, &t.quote), signature, "tpm.signature");
}

Test(tpm_key, keys_that_are_too_small_or_of_another_kind_are_refused)
{
    EVP_PKEY *small = test_rsa(1024), *p521 = test_ec("P-521");
    t.evidence.ak = test_spki(&t.arena, small);
    judges(evidence_by(small), "tpm.ak.key");
    t.scheme = test_scheme_of(p521);
    t.evidence.ak = test_spki(&t.arena, p521);
    judges(evidence_by(p521), "tpm.ak.key");
    EVP_PKEY_free(small);
    EVP_PKEY_free(p521);
}

Test(tpm_key, a_key_with_bytes_behind_it_or_cut_off_is_refused)
{
    uint8_t longer[512] = {0};
    slice whole = t.evidence.ak;
    memcpy(longer, whole.ptr, whole.len);
    t.evidence.ak = slice_of(longer, whole.len + 1);
    refuses("tpm.ak.key");
    for (size_t n = 1; n < whole.len; n += 7) {
        t.evidence.ak = slice_sub(whole, 0, n);
        refuses("tpm.ak.key");
    }
}

/* --- certificates of the key
 * --------------------------------------------------------------------------------------------------- */

static struct {
    struct test_certificate root, middle, leaf;
    EVP_PKEY *middle_key;
    slice chain[9];
    size_t count;
} pki;

static void certify(void)
{
    pki.middle_key = test_ec("P-256");
    pki.root = (struct test_certificate){.subject = "root",
                                         .issuer = "root",
                                         .key = t.ca,
                                         .issuer_key = t.ca,
                                         .constraints = "critical,CA:TRUE",
                                         .usage = "critical,keyCertSign"};
    pki.middle = (struct test_certificate){.subject = "middle",
                                           .issuer = "root",
                                           .key = pki.middle_key,
                                           .issuer_key = t.ca,
                                           .constraints = "critical,CA:TRUE",
                                           .usage = "critical,keyCertSign"};
    pki.leaf = (struct test_certificate){.subject = "ak",
                                         .issuer = "middle",
                                         .key = t.ak,
                                         .issuer_key = pki.middle_key,
                                         .constraints = "critical,CA:FALSE",
                                         .usage = "critical,digitalSignature"};
    fake_option_bytes(&t.host, "ak_ca", test_pem(&t.arena, test_issue(&t.arena, &pki.root)));
}

static void sends_chain(void)
{
    pki.chain[0] = test_issue(&t.arena, &pki.leaf);
    pki.chain[1] = test_issue(&t.arena, &pki.middle);
    t.evidence.chain = pki.chain;
    t.evidence.chain_count = 2;
}

static void uncertify(void)
{
    EVP_PKEY_free(pki.middle_key);
}

Test(tpm_key, a_key_with_a_certificate_of_a_configured_ca_is_certified)
{
    certify();
    fake_option(&t.host, "require_ak_certificate", "yes");
    sends_chain();
    accepts();
    claims_are("/ak_certified", "true");
    cr_expect(t.host.out.not_after == TEST_NOW + TEST_DAY);
    cr_expect(fake_check(&t.host, "tpm.ak.certificate_key") == 1);
    uncertify();
}

Test(tpm_key, a_chain_without_any_configured_ca_proves_nothing_and_is_no_refusal)
{
    certify();
    t.host.option_count = 0;
    sends_chain();
    accepts();
    claims_are("/ak_certified", "false");
    cr_expect(t.host.out.not_after == 0);
    uncertify();
}

Test(tpm_key, a_key_without_a_chain_is_uncertified_or_refused_by_option)
{
    certify();
    accepts();
    claims_are("/ak_certified", "false");
    uncertify();
}

Test(tpm_key, a_chain_to_another_ca_is_refused)
{
    EVP_PKEY *stranger = test_ec("P-256");
    certify();
    pki.middle.issuer = "stranger";
    pki.middle.issuer_key = stranger;
    sends_chain();
    refuses("tpm.ak.chain.untrusted");
    pki.middle.issuer = "root"; /* the right name, the wrong key */
    sends_chain();
    refuses("tpm.ak.chain");
    EVP_PKEY_free(stranger);
    uncertify();
}

Test(tpm_key, an_expired_or_future_certificate_is_refused)
{
    certify();
    pki.leaf.not_before = TEST_NOW - 10;
    pki.leaf.not_after = TEST_NOW - 1;
    sends_chain();
    refuses("tpm.ak.chain.validity");
    pki.leaf.not_before = TEST_NOW + 1;
    pki.leaf.not_after = TEST_NOW + 10;
    sends_chain();
    refuses("tpm.ak.chain.validity");
    uncertify();
}

Test(tpm_key, an_intermediate_that_is_no_ca_is_refused)
{
    certify();
    pki.middle.constraints = "critical,CA:FALSE";
    sends_chain();
    refuses("tpm.ak.chain.ca");
    uncertify();
}

Test(tpm_key, a_certificate_for_another_key_is_refused)
{
    EVP_PKEY *other = test_rsa(2048);
    certify();
    pki.leaf.key = other;
    sends_chain();
    refuses("tpm.ak.certificate_key");
    EVP_PKEY_free(other);
    uncertify();
}

Test(tpm_key, a_missing_intermediate_is_refused)
{
    certify();
    sends_chain();
    t.evidence.chain_count = 1;
    refuses("tpm.ak.chain.untrusted");
    uncertify();
}

Test(tpm_key, a_chain_is_one_to_eight_certificates)
{
    certify();
    sends_chain();
    for (size_t i = 2; i < 9; i++)
        pki.chain[i] = pki.chain[1];
    t.evidence.chain_count = 0;
    refuses("tpm.ak.chain.length");
    t.evidence.chain_count = 9;
    refuses("tpm.ak.chain.length");
    uncertify();
}

Test(tpm_key, a_malformed_chain_is_refused_with_and_without_a_ca)
{
    judges(with_member("\"ak_cert_chain\":null"), NULL);
    judges(with_member("\"ak_cert_chain\":\"AAAA\""), "tpm.ak.chain.form");
    judges(with_member("\"ak_cert_chain\":{}"), "tpm.ak.chain.form");
    judges(with_member("\"ak_cert_chain\":[1]"), "tpm.ak.chain.form");
    judges(with_member("\"ak_cert_chain\":[\"!\"]"), "tpm.ak.chain.form");
    judges(with_member("\"ak_cert_chain\":[\"\"]"), "tpm.ak.chain.size");
    judges(with_member("\"ak_cert_chain\":[]"), "tpm.ak.chain.length");
    tpm_restart();
    certify();
    judges(with_member("\"ak_cert_chain\":[\"AAAA\"]"), "tpm.ak.chain");
    uncertify();
}

Test(tpm_key, members_that_are_not_known_are_ignored)
{
    judges(with_member("\"more\":{\"ak_public\":1}"), NULL);
}

/* --- the cache
 * ------------------------------------------------------------------------------------------------------------------ */

Test(tpm_key, a_key_is_remembered_once_its_signature_held)
{
    accepts();
    cr_expect(t.host.cache_puts == 1 && t.host.cache_count == 1 && t.host.cache_hits == 0);
    accepts();
    cr_expect(t.host.cache_puts == 1 && t.host.cache_hits == 1);
    EVP_PKEY *other = test_rsa(2048);
    judges(evidence_by(other), "tpm.signature"); /* a remembered key is no remembered verdict */
    EVP_PKEY_free(other);
}

Test(tpm_key, a_key_whose_signature_did_not_hold_is_not_remembered)
{
    EVP_PKEY *other = test_rsa(2048);
    judges(evidence_by(other), "tpm.signature");
    cr_expect(t.host.cache_puts == 0 && t.host.cache_count == 0);
    EVP_PKEY_free(other);
}

Test(tpm_key, a_full_cache_costs_nothing_but_time)
{
    t.host.cache_refuses = true;
    accepts();
    accepts();
    cr_expect(t.host.cache_puts == 2 && t.host.cache_count == 0);
}
