/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/x509/x509.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/forge_x509.h"
#include "tests/support/test_pki.h"

static struct arena arena;
static struct x509_trust *trust;
static EVP_PKEY *root_key, *middle_key, *leaf_key;

static void begin(void)
{
    cr_assert(!FAILED(arena_map(&arena, 16 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(x509_trust_new(&trust)));
    root_key = test_ec("P-384");
    middle_key = test_ec("P-256");
    leaf_key = test_rsa(2048);
}

static void end(void)
{
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(middle_key);
    EVP_PKEY_free(leaf_key);
    x509_trust_free(trust);
    arena_unmap(&arena);
}

TestSuite(x509, .init = begin, .fini = end, .timeout = 60);

static struct test_certificate root(void)
{
    return (struct test_certificate){.subject = "root",
                                     .issuer = "root",
                                     .key = root_key,
                                     .issuer_key = root_key,
                                     .constraints = "critical,CA:TRUE",
                                     .usage = "critical,keyCertSign,cRLSign"};
}

static struct test_certificate middle(void)
{
    return (struct test_certificate){.subject = "middle",
                                     .issuer = "root",
                                     .key = middle_key,
                                     .issuer_key = root_key,
                                     .constraints = "critical,CA:TRUE,pathlen:0",
                                     .usage = "critical,keyCertSign"};
}

static struct test_certificate leaf(void)
{
    return (struct test_certificate){.subject = "leaf",
                                     .issuer = "middle",
                                     .key = leaf_key,
                                     .issuer_key = middle_key,
                                     .constraints = "critical,CA:FALSE",
                                     .usage = "critical,digitalSignature"};
}

static void trusts(const struct test_certificate *c)
{
    cr_assert(!FAILED(x509_trust_add_der(trust, test_issue(&arena, c))));
}

static void trusts_root(void)
{
    struct test_certificate c = root();
    trusts(&c);
}

static enum reason judged_at(const struct x509_chain *chain, int64_t now)
{
    struct x509_verified v;
    result r = x509_verify_chain(trust, chain, now, &v);
    cr_expect(FAILED(r) == (v.leaf_key == NULL));
    public_key_free(v.leaf_key);
    return (enum reason)r.reason;
}

static struct x509_chain two(const struct test_certificate *l, const struct test_certificate *m)
{
    return (struct x509_chain){{test_issue(&arena, l), test_issue(&arena, m)}, 2};
}

static void judges(const struct test_certificate *l, const struct test_certificate *m, enum reason why)
{
    struct x509_chain chain = two(l, m);
    enum reason r = judged_at(&chain, TEST_NOW);
    cr_expect(r == why, "%s, expected %s", reason_id(r), reason_id(why));
}

Test(x509, a_good_chain_gives_the_leafs_key_and_the_earliest_end)
{
    struct test_certificate l = leaf(), m = middle();
    struct x509_verified v;
    uint8_t digest[32];
    m.not_before = TEST_NOW - TEST_DAY;
    m.not_after = TEST_NOW + 3600;
    trusts_root();
    struct x509_chain chain = two(&l, &m);
    cr_assert(!FAILED(x509_verify_chain(trust, &chain, TEST_NOW, &v)));
    cr_assert(!FAILED(sha256(test_spki(&arena, leaf_key), digest)));
    cr_expect(slice_equal(public_key_digest(v.leaf_key), slice_of(digest, 32)));
    cr_expect(v.not_after == TEST_NOW + 3600);
    public_key_free(v.leaf_key);
}

Test(x509, the_root_may_be_sent_along)
{
    struct test_certificate l = leaf(), m = middle(), r = root();
    slice der = test_issue(&arena, &r);
    cr_assert(!FAILED(x509_trust_add_der(trust, der)));
    struct x509_chain chain = {{test_issue(&arena, &l), test_issue(&arena, &m), der}, 3};
    cr_expect(judged_at(&chain, TEST_NOW) == REASON_OK);
}

Test(x509, an_intermediate_may_be_what_is_trusted)
{
    struct test_certificate l = leaf(), m = middle(), r = root();
    slice der = test_issue(&arena, &m);
    cr_assert(!FAILED(x509_trust_add_der(trust, der)));
    struct x509_chain alone = {{test_issue(&arena, &l)}, 1};
    struct x509_chain with = {{test_issue(&arena, &l), der}, 2};
    struct x509_chain beyond = {{test_issue(&arena, &l), der, test_issue(&arena, &r)}, 3};
    cr_expect(judged_at(&alone, TEST_NOW) == REASON_OK);
    cr_expect(judged_at(&with, TEST_NOW) == REASON_OK);
    cr_expect(judged_at(&beyond, TEST_NOW) == REASON_OK);
}

Test(x509, a_chain_to_another_root_is_refused)
{
    struct test_certificate l = leaf(), m = middle(), r = root();
    r.key = r.issuer_key = leaf_key; /* same name, another key */
    trusts(&r);
    struct x509_chain chain = two(&l, &m);
    cr_expect(judged_at(&chain, TEST_NOW) != REASON_OK);
    r.subject = r.issuer = "stranger";
    trusts(&r);
    cr_expect(judged_at(&chain, TEST_NOW) != REASON_OK);
}

Test(x509, a_self_signed_root_that_is_sent_is_not_trusted)
{
    struct test_certificate l = leaf(), m = middle(), r = root();
    struct test_certificate other = root();
    other.subject = other.issuer = "other";
    trusts(&other);
    struct x509_chain chain = {{test_issue(&arena, &l), test_issue(&arena, &m), test_issue(&arena, &r)}, 3};
    cr_expect(judged_at(&chain, TEST_NOW) == X509_UNTRUSTED);
}

Test(x509, nothing_trusted_trusts_nothing)
{
    struct test_certificate l = leaf(), m = middle();
    judges(&l, &m, X509_UNTRUSTED);
}

Test(x509, a_missing_intermediate_is_refused)
{
    struct test_certificate l = leaf();
    trusts_root();
    struct x509_chain chain = {{test_issue(&arena, &l)}, 1};
    cr_expect(judged_at(&chain, TEST_NOW) == X509_UNTRUSTED);
}

Test(x509, certificates_out_of_order_or_unrelated_are_refused)
{
    struct test_certificate l = leaf(), m = middle(), stranger = leaf();
    stranger.subject = "stranger";
    trusts_root();
    slice a = test_issue(&arena, &l), b = test_issue(&arena, &m), c = test_issue(&arena, &stranger);
    struct x509_chain between = {{a, c, b}, 3}, swapped = {{b, a}, 2};
    cr_expect(judged_at(&between, TEST_NOW) == X509_ORDER);
    cr_expect(judged_at(&swapped, TEST_NOW) != REASON_OK);
}

Test(x509, validity_is_judged_at_the_given_time_for_every_certificate)
{
    struct test_certificate l = leaf(), m = middle();
    trusts_root();
    struct x509_chain chain = two(&l, &m);
    cr_expect(judged_at(&chain, TEST_NOW - 2 * TEST_DAY) == X509_VALIDITY);
    cr_expect(judged_at(&chain, TEST_NOW + 2 * TEST_DAY) == X509_VALIDITY);
    cr_expect(judged_at(&chain, 0) == X509_VALIDITY);
    l.not_before = TEST_NOW - 10;
    l.not_after = TEST_NOW - 1;
    judges(&l, &m, X509_VALIDITY);
    l = leaf();
    m.not_before = TEST_NOW + 1;
    m.not_after = TEST_NOW + 10;
    judges(&l, &m, X509_VALIDITY);
}

Test(x509, an_expired_root_is_refused)
{
    struct test_certificate l = leaf(), m = middle(), r = root();
    r.not_before = TEST_NOW - 10;
    r.not_after = TEST_NOW - 1;
    trusts(&r);
    judges(&l, &m, X509_VALIDITY);
}

Test(x509, an_issuer_without_the_ca_bit_is_refused)
{
    struct test_certificate l = leaf(), m = middle();
    trusts_root();
    m.constraints = "critical,CA:FALSE";
    judges(&l, &m, X509_CA);
    m.constraints = NULL;
    judges(&l, &m, X509_CA);
}

Test(x509, an_issuer_that_may_not_sign_certificates_is_refused)
{
    struct test_certificate l = leaf(), m = middle();
    trusts_root();
    m.usage = "critical,digitalSignature";
    struct x509_chain chain = two(&l, &m);
    cr_expect(judged_at(&chain, TEST_NOW) != REASON_OK);
    m.usage = NULL;
    judges(&l, &m, X509_CA);
}

Test(x509, a_trusted_certificate_needs_the_ca_bit_but_no_key_usage)
{
    struct test_certificate l = leaf(), m = middle(), r = root();
    r.usage = NULL;
    trusts(&r);
    judges(&l, &m, REASON_OK);
    x509_trust_free(trust);
    cr_assert(!FAILED(x509_trust_new(&trust)));
    r.constraints = NULL;
    trusts(&r);
    struct x509_chain chain = two(&l, &m);
    cr_expect(judged_at(&chain, TEST_NOW) == X509_CA);
}

Test(x509, the_path_length_is_kept)
{
    EVP_PKEY *deep_key = test_ec("P-256");
    struct test_certificate l = leaf(), m = middle(), deep = middle();
    deep.subject = "deep";
    deep.issuer = "middle";
    deep.key = deep_key;
    deep.issuer_key = middle_key;
    l.issuer = "deep";
    l.issuer_key = deep_key;
    trusts_root();
    struct x509_chain chain = {{test_issue(&arena, &l), test_issue(&arena, &deep), test_issue(&arena, &m)}, 3};
    cr_expect(judged_at(&chain, TEST_NOW) == X509_CA);
    m.constraints = "critical,CA:TRUE,pathlen:1";
    chain.certificates[2] = test_issue(&arena, &m);
    cr_expect(judged_at(&chain, TEST_NOW) == REASON_OK);
    EVP_PKEY_free(deep_key);
}

Test(x509, a_leaf_that_is_a_ca_or_may_not_sign_is_refused)
{
    struct test_certificate l = leaf(), m = middle();
    m.constraints = "critical,CA:TRUE";
    trusts_root();
    l.usage = "critical,keyEncipherment";
    judges(&l, &m, X509_CA);
    l.usage = NULL;
    judges(&l, &m, REASON_OK);
    l.constraints = "critical,CA:TRUE";
    judges(&l, &m, X509_CA);
}

Test(x509, a_trusted_ca_is_no_leaf)
{
    struct test_certificate m = middle();
    slice der = test_issue(&arena, &m);
    cr_assert(!FAILED(x509_trust_add_der(trust, der)));
    struct x509_chain chain = {{der}, 1};
    cr_expect(judged_at(&chain, TEST_NOW) == X509_CA);
}

Test(x509, an_unknown_critical_extension_is_refused)
{
    struct test_certificate l = leaf(), m = middle();
    trusts_root();
    l.critical = "1.3.6.1.4.1.99999.1";
    judges(&l, &m, X509_REFUSED);
    l = leaf();
    m.critical = "1.3.6.1.4.1.99999.1";
    judges(&l, &m, X509_REFUSED);
}

Test(x509, sha1_and_short_keys_are_refused)
{
    struct test_certificate l = leaf(), m = middle();
    EVP_PKEY *small = test_rsa(1024);
    trusts_root();
    l.digest = "SHA1";
    judges(&l, &m, X509_WEAK);
    l = leaf();
    m.digest = "SHA1";
    judges(&l, &m, X509_WEAK);
    m = middle();
    l.key = small;
    judges(&l, &m, X509_WEAK);
    EVP_PKEY_free(small);
}

Test(x509, a_leaf_key_of_another_kind_is_refused)
{
    struct test_certificate l = leaf(), m = middle();
    EVP_PKEY *other = test_ec("P-521");
    trusts_root();
    l.key = other;
    judges(&l, &m, SIGNATURE_KEY);
    EVP_PKEY_free(other);
}

Test(x509, a_chain_is_one_to_eight_certificates)
{
    struct test_certificate l = leaf();
    struct x509_chain chain = {.count = 0};
    slice der = test_issue(&arena, &l);
    trusts_root();
    cr_expect(judged_at(&chain, TEST_NOW) == X509_LENGTH);
    for (chain.count = 0; chain.count < X509_CHAIN_MAX; chain.count++)
        chain.certificates[chain.count] = der;
    cr_expect(judged_at(&chain, TEST_NOW) != REASON_OK);
    chain.count = X509_CHAIN_MAX + 1;
    cr_expect(judged_at(&chain, TEST_NOW) == X509_LENGTH);
}

Test(x509, every_truncation_and_a_byte_more_are_refused)
{
    struct test_certificate l = leaf(), m = middle();
    trusts_root();
    struct x509_chain chain = two(&l, &m);
    slice whole = chain.certificates[0];
    for (size_t n = 0; n < whole.len; n++) {
        chain.certificates[0] = slice_sub(whole, 0, n);
        cr_expect(judged_at(&chain, TEST_NOW) == X509_FORM, "%zu", n);
    }
    uint8_t longer[X509_CERTIFICATE_MAX + 1] = {0};
    memcpy(longer, whole.ptr, whole.len);
    chain.certificates[0] = slice_of(longer, whole.len + 1);
    cr_expect(judged_at(&chain, TEST_NOW) == X509_FORM);
    chain.certificates[0] = slice_of(longer, sizeof longer);
    cr_expect(judged_at(&chain, TEST_NOW) == X509_FORM);
}

Test(x509, every_bit_of_a_leaf_is_covered_by_its_signature)
{
    struct test_certificate l = leaf(), m = middle();
    EVP_PKEY *small = test_ec("P-256"); /* fewer bits to try */
    l.key = small;
    trusts_root();
    struct x509_chain chain = two(&l, &m);
    uint8_t changed[1024];
    slice whole = chain.certificates[0];
    chain.certificates[0] = slice_of(changed, whole.len);
    for (size_t bit = 0; bit < whole.len * 8; bit++) {
        memcpy(changed, whole.ptr, whole.len);
        changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_expect(judged_at(&chain, TEST_NOW) != REASON_OK, "bit %zu", bit);
    }
    EVP_PKEY_free(small);
}

/* --- who may be trusted, and what stands in its place
 * ------------------------------------------------------------------------------------------- */

Test(x509, a_root_that_was_published_anew_may_stand_in_its_place)
{
    struct test_certificate l = leaf(), m = middle(), r = root(), other = root();
    trusts_root();
    r.not_after = TEST_NOW + 99 * TEST_DAY;
    struct x509_chain chain = {{test_issue(&arena, &l), test_issue(&arena, &m), test_issue(&arena, &r)}, 3};
    cr_expect(judged_at(&chain, TEST_NOW) == REASON_OK);
    other.key = other.issuer_key = middle_key;
    chain.certificates[2] = test_issue(&arena, &other);
    cr_expect(judged_at(&chain, TEST_NOW) == X509_ORDER, "the same name, another key");
    other = root();
    other.issuer = other.subject = "stranger";
    chain.certificates[2] = test_issue(&arena, &other);
    cr_expect(judged_at(&chain, TEST_NOW) == X509_ORDER, "another name");
    other = root();
    other.issuer_key = middle_key;
    chain.certificates[2] = test_issue(&arena, &other);
    cr_expect(judged_at(&chain, TEST_NOW) == X509_SIGNATURE, "signed by somebody else");
}

Test(x509, every_bit_of_a_root_that_is_sent_counts)
{
    struct test_certificate l = leaf(), m = middle(), r = root();
    uint8_t changed[1024];
    slice whole = test_issue(&arena, &r);
    cr_assert(!FAILED(x509_trust_add_der(trust, whole)));
    struct x509_chain chain = {{test_issue(&arena, &l), test_issue(&arena, &m), slice_of(changed, whole.len)}, 3};
    for (size_t bit = 0; bit < whole.len * 8; bit++) {
        memcpy(changed, whole.ptr, whole.len);
        changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_expect(judged_at(&chain, TEST_NOW) != REASON_OK, "bit %zu", bit);
    }
}

Test(x509, of_two_trusted_cas_of_one_name_the_one_that_signed_counts)
{
    struct test_certificate l = leaf(), m = middle(), r = root();
    r.key = r.issuer_key = leaf_key;
    trusts(&r);
    judges(&l, &m, X509_WEAK); /* RSA cannot have signed with ECDSA */
    r.key = r.issuer_key = middle_key;
    trusts(&r);
    judges(&l, &m, X509_SIGNATURE);
    trusts_root();
    judges(&l, &m, REASON_OK);
}

Test(x509, a_trusted_certificates_own_signature_is_not_looked_at)
{
    struct test_certificate l = leaf(), m = middle(), r = root();
    r.digest = "SHA1";
    trusts(&r);
    judges(&l, &m, REASON_OK);
}

Test(x509, keys_that_prove_nothing_are_not_trusted)
{
    struct test_certificate r = root();
    EVP_PKEY *small = test_rsa(1024), *other = test_ec("P-521");
    r.key = r.issuer_key = small;
    cr_expect(x509_trust_add_der(trust, test_issue(&arena, &r)).reason == X509_WEAK);
    r.key = r.issuer_key = other;
    cr_expect(x509_trust_add_der(trust, test_issue(&arena, &r)).reason == SIGNATURE_KEY);
    cr_expect(x509_trust_add_der(trust, NO_SLICE).reason == X509_FORM);
    cr_expect(x509_trust_count(trust) == 0);
    EVP_PKEY_free(small);
    EVP_PKEY_free(other);
}

Test(x509, an_issuers_key_of_another_kind_is_refused)
{
    struct test_certificate l = leaf(), m = middle();
    EVP_PKEY *other = test_ec("P-521"), *small = test_rsa(1024);
    trusts_root();
    m.key = l.issuer_key = other;
    judges(&l, &m, SIGNATURE_KEY);
    m.key = l.issuer_key = small;
    judges(&l, &m, X509_WEAK);
    EVP_PKEY_free(other);
    EVP_PKEY_free(small);
}

Test(x509, a_ca_for_itself_does_not_count_in_the_path_length)
{
    EVP_PKEY *old_key = test_ec("P-256");
    struct test_certificate l = leaf(), m = middle(), roll = middle();
    roll.issuer = "middle"; /* the old key signs the new one under the same name */
    roll.issuer_key = old_key;
    m.key = old_key;
    trusts_root();
    struct x509_chain chain = {{test_issue(&arena, &l), test_issue(&arena, &roll), test_issue(&arena, &m)}, 3};
    cr_expect(judged_at(&chain, TEST_NOW) == REASON_OK);
    EVP_PKEY_free(old_key);
}

/* The forge puts identifiers of both keys into each certificate. */
Test(x509, key_identifiers_tell_who_is_no_issuer)
{
    struct forge_certificate c = {.subject = "forged",
                                  .issuer = "forged",
                                  .not_before = TEST_NOW - 1,
                                  .not_after = TEST_NOW + 1,
                                  .serial = 4,
                                  .constraints = "critical,CA:TRUE"};
    slice ca = forge_issue(&arena, &c, root_key, root_key);
    cr_assert(!FAILED(x509_trust_add_der(trust, ca)));
    c.subject = "forged leaf";
    c.constraints = NULL;
    struct x509_chain good = {{forge_issue(&arena, &c, middle_key, root_key)}, 1};
    struct x509_chain bad = {{forge_issue(&arena, &c, middle_key, middle_key)}, 1};
    struct x509_chain sent = {{bad.certificates[0], ca}, 2};
    cr_expect(judged_at(&good, TEST_NOW) == REASON_OK);
    cr_expect(judged_at(&bad, TEST_NOW) == X509_UNTRUSTED);
    cr_expect(judged_at(&sent, TEST_NOW) == X509_ORDER);
}

/* --- paths
 * --------------------------------------------------------------------------------------------------------------- */

static struct x509_path *path_of(const struct x509_chain *chain)
{
    struct x509_path *path;
    result r = x509_path_new(trust, chain, &path);
    cr_assert(!FAILED(r), "%s", reason_id((enum reason)r.reason));
    return path;
}

Test(x509, a_path_is_a_copy_with_the_trusted_certificate_last)
{
    struct test_certificate l = leaf(), m = middle(), r = root();
    slice root_der = test_issue(&arena, &r);
    uint8_t digest[32];
    cr_assert(!FAILED(x509_trust_add_der(trust, root_der)));
    struct x509_chain chain = two(&l, &m);
    uint8_t first[2048], second[2048];
    memcpy(first, chain.certificates[0].ptr, chain.certificates[0].len);
    memcpy(second, chain.certificates[1].ptr, chain.certificates[1].len);
    struct x509_chain copies = {
        {slice_of(first, chain.certificates[0].len), slice_of(second, chain.certificates[1].len)}, 2};
    struct x509_path *path = path_of(&copies);
    memset(first, 0xaa, sizeof first);
    memset(second, 0xaa, sizeof second);
    cr_assert(x509_path_length(path) == 3);
    cr_expect(slice_equal(x509_path_certificate(path, 0)->der, chain.certificates[0]));
    cr_expect(slice_equal(x509_path_certificate(path, 1)->der, chain.certificates[1]));
    cr_expect(slice_equal(x509_path_certificate(path, 2)->der, root_der));
    cr_assert(!FAILED(sha256(test_spki(&arena, leaf_key), digest)));
    cr_expect(slice_equal(public_key_digest(x509_path_leaf_key(path)), slice_of(digest, 32)));
    x509_path_free(path);
}

Test(x509, a_path_is_valid_from_its_latest_begin_to_its_earliest_end_both_included)
{
    struct test_certificate l = leaf(), m = middle();
    l.not_before = TEST_NOW - 50;
    l.not_after = TEST_NOW + 200;
    m.not_before = TEST_NOW - 100;
    m.not_after = TEST_NOW + 100;
    trusts_root();
    struct x509_chain chain = two(&l, &m);
    struct x509_path *path = path_of(&chain);
    cr_expect(x509_path_not_before(path) == TEST_NOW - 50 && x509_path_not_after(path) == TEST_NOW + 100);
    cr_expect(x509_path_valid_at(path, TEST_NOW - 51).reason == X509_VALIDITY);
    cr_expect(!FAILED(x509_path_valid_at(path, TEST_NOW - 50)));
    cr_expect(!FAILED(x509_path_valid_at(path, TEST_NOW + 100)));
    cr_expect(x509_path_valid_at(path, TEST_NOW + 101).reason == X509_VALIDITY);
    x509_path_free(path);
}

Test(x509, a_path_is_made_without_a_clock)
{
    struct test_certificate l = leaf(), m = middle();
    l.not_before = 1;
    l.not_after = 2;
    trusts_root();
    struct x509_chain chain = two(&l, &m);
    struct x509_path *path = path_of(&chain);
    cr_expect(x509_path_valid_at(path, TEST_NOW).reason == X509_VALIDITY);
    x509_path_free(path);
}

/* --- revocation
 * ---------------------------------------------------------------------------------------------------------- */

/* A leaf with the serial number 5 below a CA "forged". */
static struct x509_path *forged_path(struct certificate *ca)
{
    struct forge_certificate c = {.subject = "forged",
                                  .issuer = "forged",
                                  .not_before = TEST_NOW - TEST_DAY,
                                  .not_after = TEST_NOW + TEST_DAY,
                                  .serial = 4,
                                  .constraints = "critical,CA:TRUE"};
    struct forge_certificate l = c;
    slice der = forge_issue(&arena, &c, root_key, root_key);
    cr_assert(!FAILED(x509_trust_add_der(trust, der)) && !FAILED(certificate_read(der, ca)));
    l.subject = "forged leaf";
    l.serial = 5;
    l.constraints = NULL;
    struct x509_chain chain = {{forge_issue(&arena, &l, middle_key, root_key)}, 1};
    return path_of(&chain);
}

static struct crl *list_of(const struct certificate *ca, uint64_t serial, int64_t next_update)
{
    struct forge_crl made = {.issuer = "forged",
                             .this_update = TEST_NOW - 10,
                             .next_update = next_update,
                             .number = 1,
                             .revoked = {serial},
                             .revoked_count = 1};
    struct crl *crl;
    cr_assert(!FAILED(crl_new(forge_revoke(&arena, &made, root_key), ca, &crl)));
    return crl;
}

Test(x509, a_revoked_certificate_is_refused_and_another_is_not)
{
    struct certificate ca;
    struct x509_path *path = forged_path(&ca);
    struct crl *other = list_of(&ca, 6, TEST_NOW + 10), *hit = list_of(&ca, 5, TEST_NOW + 10);
    cr_expect(!FAILED(x509_path_check_revocation(path, 0, other, TEST_NOW)));
    cr_expect(x509_path_check_revocation(path, 0, hit, TEST_NOW).reason == X509_IS_REVOKED);
    crl_free(other);
    crl_free(hit);
    x509_path_free(path);
}

Test(x509, a_list_is_in_force_from_this_to_next_update_both_included)
{
    struct certificate ca;
    struct x509_path *path = forged_path(&ca);
    struct crl *crl = list_of(&ca, 6, TEST_NOW + 10), *endless = list_of(&ca, 6, 0);
    cr_expect(x509_path_check_revocation(path, 0, crl, TEST_NOW - 11).reason == X509_CRL_VALIDITY);
    cr_expect(!FAILED(x509_path_check_revocation(path, 0, crl, TEST_NOW - 10)));
    cr_expect(!FAILED(x509_path_check_revocation(path, 0, crl, TEST_NOW + 10)));
    cr_expect(x509_path_check_revocation(path, 0, crl, TEST_NOW + 11).reason == X509_CRL_VALIDITY);
    cr_expect(x509_path_check_revocation(path, 0, endless, TEST_NOW).reason == X509_CRL_VALIDITY, "no next update");
    crl_free(crl);
    crl_free(endless);
    x509_path_free(path);
}

Test(x509, no_list_and_another_issuers_list_are_none)
{
    struct certificate ca, twin;
    struct x509_path *path = forged_path(&ca);
    struct forge_certificate c = {.subject = "forged",
                                  .issuer = "forged",
                                  .not_before = TEST_NOW - 1,
                                  .not_after = TEST_NOW + 1,
                                  .serial = 4,
                                  .constraints = "critical,CA:TRUE"};
    struct forge_crl made = {.issuer = "forged", .this_update = TEST_NOW, .next_update = TEST_NOW + 10};
    struct crl *crl = list_of(&ca, 6, TEST_NOW + 10), *others;
    cr_assert(!FAILED(certificate_read(forge_issue(&arena, &c, middle_key, middle_key), &twin)));
    cr_assert(!FAILED(crl_new(forge_revoke(&arena, &made, middle_key), &twin, &others)));
    cr_expect(x509_path_check_revocation(path, 0, NULL, TEST_NOW).reason == X509_NO_CRL);
    cr_expect(x509_path_check_revocation(path, 0, others, TEST_NOW).reason == X509_NO_CRL,
              "the same name, another key");
    cr_expect(x509_path_check_revocation(path, 1, crl, TEST_NOW).reason == X509_NO_CRL, "the trusted one");
    cr_expect(x509_path_check_revocation(path, SIZE_MAX, crl, TEST_NOW).reason == X509_NO_CRL);
    crl_free(crl);
    crl_free(others);
    x509_path_free(path);
}

/* --- recorded ones: TRUSTEE_VECTORS names the folder
 * ------------------------------------------------------------------------------------------ */

static slice recorded(const char *name)
{
    char path[4096];
    uint8_t *room = arena_alloc(&arena, 65536, 1);
    const char *folder = getenv("TRUSTEE_VECTORS");
    if (!folder)
        cr_skip_test("TRUSTEE_VECTORS is not set");
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        cr_skip_test("%s is not there", path);
    size_t n = fread(room, 1, 65536, f);
    fclose(f);
    return slice_of(room, n);
}

static size_t blocks(slice pem, slice *out, size_t most)
{
    size_t n = 0;
    for (; n < most; n++) {
        uint8_t *room = arena_alloc(&arena, X509_CERTIFICATE_MAX, 1);
        cr_assert(!FAILED(pem_next_certificate(&pem, room, X509_CERTIFICATE_MAX, &out[n])));
        if (out[n].len == 0)
            break;
    }
    return n;
}

Test(x509, amds_chains_hold)
{
    static const struct {
        const char *cas, *leaf;
        size_t signer; /* in the file: ASK, ARK, ASVK */
        enum reason why;
    } cases[] = {{"snp/milan_ask_ark_asvk.pem", "snp/test-vcek.der", 0, REASON_OK},
                 {"snp/milan_ask_ark_asvk.pem", "snp/milan-v2-goog-vcek.der", 0, REASON_OK},
                 {"snp/milan_ask_ark_asvk.pem", "snp/test-vlek.der", 2, REASON_OK},
                 {"snp/milan_ask_ark_asvk.pem", "snp/test-vcek.der", 2, X509_ORDER},
                 {"snp/milan_ask_ark_asvk.pem", "snp/test-vcek-invalid-new.der", 0, X509_SIGNATURE},
                 {"snp/genoa_ask_ark_asvk.pem", "snp/test-vcek.der", 0, X509_ORDER}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        slice cas[4];
        struct x509_path *path;
        cr_assert(blocks(recorded(cases[i].cas), cas, 4) == 3);
        x509_trust_free(trust);
        cr_assert(!FAILED(x509_trust_new(&trust)) && !FAILED(x509_trust_add_der(trust, cas[1])));
        struct x509_chain chain = {{recorded(cases[i].leaf), cas[cases[i].signer]}, 2};
        result r = x509_path_new(trust, &chain, &path);
        cr_expect(r.reason == cases[i].why, "%zu: %s", i, reason_id((enum reason)r.reason));
        cr_expect(FAILED(r) || x509_path_length(path) == 3);
        if (!FAILED(r))
            x509_path_free(path);
    }
}

Test(x509, intels_chain_in_a_quote_holds)
{
    static const char *const quotes[] = {"tdx/tdx_quote", "tdx/quote_v5_sample.dat", "sgx/sgx_quote"};
    for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++) {
        slice quote = recorded(quotes[i]);
        const uint8_t *at = memmem(quote.ptr, quote.len, "-----BEGIN", 10);
        cr_assert(at);
        struct x509_chain chain = {.count = 3};
        x509_trust_free(trust);
        cr_assert(!FAILED(x509_trust_new(&trust)));
        cr_assert(blocks(slice_of(at, quote.len - (size_t)(at - quote.ptr)), chain.certificates, X509_CHAIN_MAX) == 3);
        cr_expect(judged_at(&chain, TEST_NOW) == X509_UNTRUSTED);
        cr_assert(!FAILED(x509_trust_add_der(trust, chain.certificates[2])));
        struct x509_path *path = path_of(&chain);
        cr_expect(public_key_type(x509_path_leaf_key(path)) == KEY_P256 && x509_path_length(path) == 3);
        x509_path_free(path);
    }
}

/* --- PEM
 * -------------------------------------------------------------------------------------------------------------------
 */

Test(x509, a_pem_file_may_hold_several_certificates_and_remarks)
{
    struct test_certificate r = root(), m = middle();
    slice one = test_pem(&arena, test_issue(&arena, &r)), other = test_pem(&arena, test_issue(&arena, &m));
    slice pem = arena_printf(&arena, "a remark\n%.*s\nanother\n%.*s\n", SLICE_ARG(one), SLICE_ARG(other));
    cr_expect(!FAILED(x509_trust_add_pem(trust, pem)));
    cr_expect(x509_trust_count(trust) == 2);
}

Test(x509, a_pem_file_without_a_certificate_is_refused)
{
    cr_expect(x509_trust_add_pem(trust, NO_SLICE).reason == X509_FORM);
    cr_expect(x509_trust_add_pem(trust, S("nothing here\n")).reason == X509_FORM);
    cr_expect(x509_trust_add_pem(trust, S("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")).reason ==
              X509_FORM);
    cr_expect(x509_trust_add_pem(trust, S("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")).reason ==
              X509_FORM);
    cr_expect(x509_trust_count(trust) == 0);
}

Test(x509, a_pem_file_cut_off_in_its_second_certificate_is_refused)
{
    struct test_certificate r = root(), m = middle();
    slice one = test_pem(&arena, test_issue(&arena, &r)), other = test_pem(&arena, test_issue(&arena, &m));
    slice pem = arena_printf(&arena, "%.*s%.*s", SLICE_ARG(one), (int)other.len / 2, (const char *)other.ptr);
    cr_expect(x509_trust_add_pem(trust, pem).reason == X509_FORM);
}
