/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/x509/x509.h"

#include <criterion/criterion.h>

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
