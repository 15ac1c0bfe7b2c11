/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates are put together here piece by piece, so that every piece can be wrong; good ones come from OpenSSL too.
 */
#include "lib/x509/certificate.h"

#include <criterion/criterion.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/x509/der.h"
#include "tests/support/forge_x509.h"
#include "tests/support/test_pki.h"

#define ECDSA_SHA256 S("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02")
#define CONSTRAINTS "\x55\x1d\x13"
#define USAGE "\x55\x1d\x0f"
#define EXTENDED_USAGE "\x55\x1d\x25"
#define KEY_ID "\x55\x1d\x0e"
#define AUTHORITY_KEY_ID "\x55\x1d\x23"
#define OTHER "\x2b\x06\x01\x04\x01\x9c\x78"

static struct arena arena;
static EVP_PKEY *key;

static void begin(void)
{
    cr_assert(!FAILED(arena_map(&arena, 16 << 20, ARENA_PLAIN)));
    key = test_ec("P-256");
}

static void end(void)
{
    EVP_PKEY_free(key);
    arena_unmap(&arena);
}

TestSuite(certificate, .init = begin, .fini = end, .timeout = 60);

static slice join(slice a, slice b)
{
    return forge_join(&arena, a, b);
}

static slice der(uint8_t tag, slice content)
{
    return forge_der(&arena, tag, content);
}

static slice name_of(const char *common_name)
{
    slice pair = join(S("\x06\x03\x55\x04\x03"), der(DER_UTF8_STRING, slice_text(common_name)));
    return der(DER_SEQUENCE, der(DER_SET, der(DER_SEQUENCE, pair)));
}

struct parts {
    slice version, serial, algorithm, issuer, validity, subject, spki, more; /* of the TBSCertificate */
    slice outer;                                                             /* algorithm outside */
};

static struct parts usual(void)
{
    return (struct parts){
        .version = S("\xa0\x03\x02\x01\x02"),
        .serial = S("\x02\x01\x07"),
        .algorithm = ECDSA_SHA256,
        .issuer = name_of("issuer"),
        .validity = der(DER_SEQUENCE, S("\x17\x0d"
                                        "250101000000Z\x17\x0d"
                                        "260101000000Z")),
        .subject = name_of("subject"),
        .spki = test_spki(&arena, key),
        .outer = ECDSA_SHA256,
    };
}

static slice build(const struct parts *p)
{
    const slice in[] = {p->version, p->serial, p->algorithm, p->issuer, p->validity, p->subject, p->spki, p->more};
    slice tbs = NO_SLICE;
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        tbs = tbs.len ? join(tbs, in[i]) : in[i].len ? in[i] : tbs;
    tbs = der(DER_SEQUENCE, tbs);
    slice signature = der(DER_BIT_STRING, join(slice_of("\0", 1), forge_sign(&arena, key, tbs)));
    return der(DER_SEQUENCE, join(join(tbs, p->outer), signature));
}

static enum reason reads(const struct parts *p)
{
    struct certificate c;
    return (enum reason)certificate_read(build(p), &c).reason;
}

static slice extension(const char *oid, bool critical, slice value)
{
    slice e = der(DER_OID, slice_text(oid));
    if (critical)
        e = join(e, S("\x01\x01\xff"));
    return der(DER_SEQUENCE, join(e, der(DER_OCTET_STRING, value)));
}

static slice extensions(slice list)
{
    return der(DER_CONTEXT(3), der(DER_SEQUENCE, list));
}

static enum reason reads_with(slice list, struct certificate *c)
{
    struct parts p = usual();
    p.more = extensions(list);
    return (enum reason)certificate_read(build(&p), c).reason;
}

/* --- fields */

Test(certificate, every_field_is_where_the_bytes_have_it)
{
    struct parts p = usual();
    struct certificate c;
    slice usage = extension(USAGE, true, S("\x03\x02\x05\xa0"));
    p.more = extensions(usage);
    slice whole = build(&p);
    cr_assert(!FAILED(certificate_read(whole, &c)));
    cr_expect(slice_equal(c.der, whole) && c.der.ptr == whole.ptr);
    cr_expect(c.tbs.ptr == whole.ptr + 4 || c.tbs.ptr == whole.ptr + 3);
    cr_expect(slice_equal(c.serial, S("\x07")));
    cr_expect(slice_equal(c.issuer, p.issuer) && slice_equal(c.subject, p.subject));
    cr_expect(c.not_before == 1735689600 && c.not_after == 1767225600);
    cr_expect(slice_equal(c.spki, p.spki) && slice_equal(c.extensions, usage));
    cr_expect(!c.is_ca && c.path_length == -1 && !c.unknown_critical);
    cr_expect(c.has_key_usage && c.key_usage == (KEY_USAGE_DIGITAL_SIGNATURE | 1u << 2));
    cr_expect(c.key_id.len == 0 && c.authority_key_id.len == 0);
    cr_expect(c.scheme == SIGNATURE_ECDSA && c.hash == HASH_SHA256);
}

Test(certificate, a_certificate_of_openssl_says_what_openssl_says)
{
    EVP_PKEY *ca = test_ec("P-384");
    struct test_certificate made = {.subject = "leaf",
                                    .issuer = "ca",
                                    .key = key,
                                    .issuer_key = ca,
                                    .constraints = "critical,CA:TRUE,pathlen:3",
                                    .usage = "critical,keyCertSign,cRLSign,digitalSignature",
                                    .digest = "SHA384"};
    slice bytes = test_issue(&arena, &made);
    struct certificate c;
    cr_assert(!FAILED(certificate_read(bytes, &c)));
    cr_expect(c.is_ca && c.path_length == 3 && c.has_key_usage);
    cr_expect(c.key_usage == (KEY_USAGE_CERT_SIGN | KEY_USAGE_CRL_SIGN | KEY_USAGE_DIGITAL_SIGNATURE));
    cr_expect(c.scheme == SIGNATURE_ECDSA && c.hash == HASH_SHA384);
    cr_expect(c.not_before == TEST_NOW - TEST_DAY && c.not_after == TEST_NOW + TEST_DAY);
    cr_expect(slice_equal(c.spki, test_spki(&arena, key)));
    EVP_PKEY_free(ca);
}

Test(certificate, no_extensions_at_all_are_none)
{
    struct parts p = usual();
    struct certificate c;
    slice value;
    cr_assert(!FAILED(certificate_read(build(&p), &c)));
    cr_expect(c.extensions.len == 0 && !certificate_extension(&c, S(USAGE), &value));
}

Test(certificate, anything_but_version_3_is_refused)
{
    struct parts p = usual();
    p.version = S("\xa0\x03\x02\x01\x01");
    cr_expect(reads(&p) == X509_FORM);
    p.version = S("\xa0\x03\x02\x01\x03");
    cr_expect(reads(&p) == X509_FORM);
    p.version = NO_SLICE;
    cr_expect(reads(&p) == X509_FORM);
    p.version = S("\xa0\x06\x02\x01\x02\x02\x01\x02");
    cr_expect(reads(&p) == X509_FORM);
}

Test(certificate, serial_numbers_from_0_to_20_octets)
{
    struct parts p = usual();
    struct certificate c;
    p.serial = S("\x02\x01\x00");
    cr_expect(!FAILED(certificate_read(build(&p), &c)) && slice_equal(c.serial, slice_of("\0", 1)));
    p.serial = der(DER_INTEGER, S("\x00\xffxxxxxxxxxxxxxxxxxxx"));
    cr_expect(!FAILED(certificate_read(build(&p), &c)) && c.serial.len == 20 && c.serial.ptr[0] == 0xff);
    p.serial = der(DER_INTEGER, S("xxxxxxxxxxxxxxxxxxxxx"));
    cr_expect(reads(&p) == X509_FORM, "21");
    p.serial = S("\x02\x01\x80");
    cr_expect(reads(&p) == X509_FORM, "negative");
    p.serial = S("\x02\x02\x00\x01");
    cr_expect(reads(&p) == X509_FORM, "not minimal");
}

Test(certificate, the_algorithm_inside_must_be_the_one_outside)
{
    struct parts p = usual();
    p.algorithm = S("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03");
    cr_expect(reads(&p) == X509_FORM);
}

Test(certificate, pieces_that_are_missing_doubled_or_of_another_kind_are_refused)
{
    struct parts good = usual();
    slice *const pieces[] = {&good.serial, &good.algorithm, &good.issuer, &good.validity, &good.subject, &good.spki};
    cr_expect(reads(&good) == REASON_OK);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        slice was = *pieces[i];
        *pieces[i] = NO_SLICE;
        cr_expect(reads(&good) == X509_FORM, "without %zu", i);
        *pieces[i] = S("\x05\x00");
        cr_expect(reads(&good) == X509_FORM, "another %zu", i);
        *pieces[i] = was;
    }
    good.issuer = S("\x30\x00");
    cr_expect(reads(&good) == X509_FORM, "nobody as issuer");
    good = usual();
    good.subject = S("\x30\x00");
    cr_expect(reads(&good) == REASON_OK, "a subject may be empty");
    good.more = S("\x81\x02\x00x");
    cr_expect(reads(&good) == X509_FORM, "unique identifiers");
    good.more = S("\xa3\x00");
    cr_expect(reads(&good) == X509_FORM);
    good.more = S("\xa3\x02\x30\x00");
    cr_expect(reads(&good) == X509_FORM, "an empty list");
    good.validity = der(DER_SEQUENCE, S("\x17\x0d"
                                        "250101000000Z"));
    good.more = NO_SLICE;
    cr_expect(reads(&good) == X509_FORM, "half a validity");
}

Test(certificate, every_truncation_and_a_byte_more_are_refused)
{
    struct parts p = usual();
    struct certificate c;
    p.more = extensions(extension(CONSTRAINTS, true, S("\x30\x03\x01\x01\xff")));
    slice whole = build(&p);
    for (size_t n = 0; n < whole.len; n++)
        cr_expect(certificate_read(slice_sub(whole, 0, n), &c).reason == X509_FORM, "%zu", n);
    cr_expect(certificate_read(join(whole, slice_of("\0", 1)), &c).reason == X509_FORM);
}

Test(certificate, lengths_that_are_not_minimal_are_refused)
{
    struct parts p = usual();
    p.subject = forge_der_long(&arena, DER_SEQUENCE, NO_SLICE);
    cr_expect(reads(&p) == X509_FORM);
}

/* --- algorithms */

Test(certificate, algorithms_without_a_name_here_are_weak_unless_the_certificate_is_trusted_as_it_is)
{
    static const char sha1[] = "\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01";
    static const char ed25519[] = "\x30\x05\x06\x03\x2b\x65\x70";
    struct parts p = usual();
    struct certificate c;
    p.algorithm = p.outer = slice_text(ed25519);
    cr_expect(reads(&p) == X509_WEAK);
    p.algorithm = p.outer = slice_text(sha1);
    cr_expect(reads(&p) == X509_WEAK);
    struct public_key *own;
    cr_assert(!FAILED(public_key_new(test_spki(&arena, key), &own)));
    cr_expect(!FAILED(certificate_read_trusted(build(&p), &c)) && c.scheme == SIGNATURE_SCHEME_COUNT);
    cr_expect(certificate_verify(&c, own).reason == X509_WEAK);
    public_key_free(own);
}

Test(certificate, parameters_beside_an_ecdsa_algorithm_are_refused)
{
    struct parts p = usual();
    p.algorithm = p.outer = S("\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x00");
    cr_expect(reads(&p) == X509_WEAK);
}

#define SHA384_ID "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00"
#define SHA256_ID "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"
#define SHA1_ID "\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00"
#define MGF1 "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"

static enum reason pss(slice hash, slice mask, slice salt, slice trailer)
{
    struct parts p = usual();
    slice fields = join(join(join(der(0xa0, hash), der(0xa1, mask)), salt), trailer);
    slice identifier = join(S("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"), der(DER_SEQUENCE, fields));
    p.algorithm = p.outer = der(DER_SEQUENCE, identifier);
    return reads(&p);
}

Test(certificate, pss_has_one_digest_its_size_as_salt_and_no_other_trailer)
{
    slice mask = der(DER_SEQUENCE, S(MGF1 SHA384_ID)), salt = S("\xa2\x03\x02\x01\x30");
    cr_expect(pss(S(SHA384_ID), mask, salt, NO_SLICE) == REASON_OK);
    cr_expect(pss(S(SHA384_ID), mask, salt, S("\xa3\x03\x02\x01\x01")) == REASON_OK, "as AMD writes it");
    cr_expect(pss(S("\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02"), mask, salt, NO_SLICE) == REASON_OK);
    cr_expect(pss(S(SHA384_ID), mask, salt, S("\xa3\x03\x02\x01\x02")) == X509_WEAK, "trailer");
    cr_expect(pss(S(SHA384_ID), mask, S("\xa2\x03\x02\x01\x20"), NO_SLICE) == X509_WEAK, "a short salt");
    cr_expect(pss(S(SHA384_ID), mask, NO_SLICE, NO_SLICE) == X509_WEAK, "a salt of 20");
    cr_expect(pss(S(SHA256_ID), mask, salt, NO_SLICE) == X509_WEAK, "two digests");
    cr_expect(pss(S(SHA1_ID), mask, salt, NO_SLICE) == X509_WEAK, "SHA-1");
    cr_expect(pss(S(SHA384_ID), der(DER_SEQUENCE, S(MGF1)), salt, NO_SLICE) == X509_WEAK, "MGF1 with SHA-1");
    cr_expect(pss(S(SHA384_ID), mask, salt, S("\x05\x00")) == X509_WEAK, "something more");
    struct parts p = usual();
    p.algorithm = p.outer = S("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x00");
    cr_expect(reads(&p) == X509_WEAK, "all defaults");
}

/* --- extensions */

Test(certificate, an_extension_is_found_by_its_name)
{
    struct certificate c;
    slice value, list = join(extension(OTHER, false, S("\x05\x00")), extension(USAGE, true, S("\x03\x02\x07\x80")));
    cr_assert(reads_with(list, &c) == REASON_OK);
    cr_expect(certificate_extension(&c, S(OTHER), &value) && slice_equal(value, S("\x05\x00")));
    cr_expect(!certificate_extension(&c, S(KEY_ID), &value) && value.len == 0);
}

Test(certificate, an_extension_twice_is_refused)
{
    struct certificate c;
    slice one = extension(OTHER, false, S("x")), usage = extension(USAGE, true, S("\x03\x02\x07\x80"));
    cr_expect(reads_with(join(join(one, usage), extension(OTHER, false, S("y"))), &c) == X509_FORM);
}

Test(certificate, extensions_are_at_most_64)
{
    struct certificate c;
    slice list = NO_SLICE;
    for (int i = 0; i < 65; i++) {
        char oid[] = OTHER "\x01";
        oid[sizeof oid - 2] = (char)(i + 1);
        slice one = extension(oid, false, S("x"));
        list = list.len ? join(list, one) : one;
        if (i == 63)
            cr_expect(reads_with(list, &c) == REASON_OK);
    }
    cr_expect(reads_with(list, &c) == X509_FORM);
}

Test(certificate, unknown_critical_extensions_are_noted)
{
    struct certificate c;
    cr_expect(reads_with(extension(OTHER, true, S("x")), &c) == REASON_OK && c.unknown_critical);
    cr_expect(reads_with(extension(OTHER, false, S("x")), &c) == REASON_OK && !c.unknown_critical);
    cr_expect(reads_with(extension(EXTENDED_USAGE, true, S("x")), &c) == REASON_OK && !c.unknown_critical);
    cr_expect(reads_with(extension(CONSTRAINTS, true, S("\x30\x00")), &c) == REASON_OK && !c.unknown_critical);
    cr_expect(reads_with(extension(KEY_ID, true, S("\x04\x01x")), &c) == REASON_OK && c.unknown_critical);
}

Test(certificate, malformed_extensions_are_refused)
{
    static const char *const bad[] = {
        "\x30\x04\x06\x02\x2b\x06", "\x30\x05\x06\x03\x2b\x06\x01", "\x31\x08\x06\x03\x2b\x06\x01\x04\x01x",
        "\x30\x0b\x06\x03\x2b\x06\x01\x01\x01\x01\x04\x01x", "\x30\x0a\x06\x03\x2b\x06\x01\x04\x01x\x05\x01"};
    struct certificate c;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(reads_with(slice_text(bad[i]), &c) == X509_FORM, "%zu", i);
}

static enum reason constraints(slice value, struct certificate *c)
{
    return reads_with(extension(CONSTRAINTS, true, value), c);
}

Test(certificate, basic_constraints)
{
    struct certificate c;
    cr_expect(constraints(S("\x30\x03\x01\x01\xff"), &c) == REASON_OK && c.is_ca && c.path_length == -1);
    cr_expect(constraints(slice_of("\x30\x06\x01\x01\xff\x02\x01\x00", 8), &c) == REASON_OK && c.path_length == 0);
    cr_expect(constraints(S("\x30\x08\x01\x01\xff\x02\x03\x01\x00\x01"), &c) == REASON_OK && c.path_length == 32767);
    cr_expect(constraints(slice_of("\x30\x03\x01\x01\x00", 5), &c) == REASON_OK && !c.is_ca);
    cr_expect(constraints(S("\x30\x03\x02\x01\x01"), &c) == X509_FORM, "a path length without a CA");
    cr_expect(constraints(S("\x30\x03\x01\x01\x01"), &c) == X509_FORM, "half true");
    cr_expect(constraints(S("\x30\x06\x01\x01\xff\x02\x01\xff"), &c) == X509_FORM, "negative");
    cr_expect(constraints(S("\x30\x03\x01\x01\xff\x05\x01"), &c) == X509_FORM, "more behind");
    cr_expect(constraints(slice_of("\x30\x05\x01\x01\xff\x05\x00", 7), &c) == X509_FORM, "more inside");
    cr_expect(constraints(S("x"), &c) == X509_FORM);
}

Test(certificate, key_usage_bits_are_numbered_from_the_left)
{
    struct certificate c;
    cr_expect(reads_with(extension(USAGE, true, S("\x03\x02\x02\x04")), &c) == REASON_OK &&
              c.key_usage == KEY_USAGE_CERT_SIGN);
    cr_expect(reads_with(extension(USAGE, true, S("\x03\x02\x01\x06")), &c) == REASON_OK &&
              c.key_usage == (KEY_USAGE_CERT_SIGN | KEY_USAGE_CRL_SIGN));
    cr_expect(reads_with(extension(USAGE, true, slice_of("\x03\x03\x07\x00\x80", 5)), &c) == REASON_OK &&
              c.key_usage == 1u << 8);
    static const char *const bad[] = {"\x03\x01\x07",     "\x03\x02\x08\x80",
                                      "\x03\x02\x07\xc0", "\x03\x04\x07\x80\x80\x80",
                                      "\x04\x02\x07\x80", "\x03\x02\x07\x80\x05"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(reads_with(extension(USAGE, true, slice_text(bad[i])), &c) == X509_FORM, "%zu", i);
}

Test(certificate, key_identifiers)
{
    struct certificate c;
    slice own = extension(KEY_ID, false, S("\x04\x03own"));
    slice authority = extension(AUTHORITY_KEY_ID, false, S("\x30\x08\x80\x03her\x82\x01\x07"));
    cr_assert(reads_with(join(own, authority), &c) == REASON_OK);
    cr_expect(slice_equal(c.key_id, S("own")) && slice_equal(c.authority_key_id, S("her")));
    cr_expect(reads_with(extension(AUTHORITY_KEY_ID, false, slice_of("\x30\x00", 2)), &c) == REASON_OK &&
              c.authority_key_id.len == 0);
    cr_expect(reads_with(extension(KEY_ID, false, S("own")), &c) == X509_FORM);
    cr_expect(reads_with(extension(KEY_ID, false, S("\x04\x03ownx")), &c) == X509_FORM);
    cr_expect(reads_with(extension(AUTHORITY_KEY_ID, false, S("\x30\x04\x80\x03he")), &c) == X509_FORM);
    cr_expect(reads_with(extension(AUTHORITY_KEY_ID, false, S("\x04\x01x")), &c) == X509_FORM);
}

/* --- the signature */

Test(certificate, a_signature_holds_with_the_issuers_key_alone)
{
    struct parts p = usual();
    struct certificate c;
    EVP_PKEY *other = test_ec("P-256"), *rsa = test_rsa(2048);
    struct public_key *right, *wrong, *kind;
    cr_assert(!FAILED(public_key_new(test_spki(&arena, key), &right)));
    cr_assert(!FAILED(public_key_new(test_spki(&arena, other), &wrong)));
    cr_assert(!FAILED(public_key_new(test_spki(&arena, rsa), &kind)));
    cr_assert(!FAILED(certificate_read(build(&p), &c)));
    cr_expect(!FAILED(certificate_verify(&c, right)));
    cr_expect(certificate_verify(&c, wrong).reason == X509_SIGNATURE);
    cr_expect(certificate_verify(&c, kind).reason == X509_WEAK);
    public_key_free(right);
    public_key_free(wrong);
    public_key_free(kind);
    EVP_PKEY_free(other);
    EVP_PKEY_free(rsa);
}

Test(certificate, a_signature_that_is_not_two_integers_is_refused)
{
    static const char *const bad[] = {"x", "\x30\x03\x02\x01\x01", "\x30\x06\x02\x01\x81\x02\x01\x01",
                                      "\x30\x07\x02\x02\x01\x01\x02\x01\x01\x05", "\x30\x06\x02\x01\x01\x02\x01\x01x"};
    struct parts p = usual();
    struct certificate c;
    struct public_key *own;
    cr_assert(!FAILED(public_key_new(test_spki(&arena, key), &own)));
    cr_assert(!FAILED(certificate_read(build(&p), &c)));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        c.signature = slice_text(bad[i]);
        cr_expect(certificate_verify(&c, own).reason == X509_SIGNATURE, "%zu", i);
    }
    public_key_free(own);
}

/* Of OpenSSL, over the certificate's own bytes: every scheme that X.509 has a name for here. */
static slice signed_by_openssl(EVP_PKEY *by, const char *digest, bool with_pss)
{
    X509 *x = X509_new();
    X509_NAME *name = X509_NAME_new();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options;
    uint8_t *bytes = NULL;
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)"x", -1, -1, 0);
    cr_assert(X509_set_version(x, 2) && X509_set_issuer_name(x, name) && X509_set_pubkey(x, by));
    cr_assert(ASN1_INTEGER_set(X509_get_serialNumber(x), 0) && X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
              X509_gmtime_adj(X509_getm_notAfter(x), 60));
    cr_assert(EVP_DigestSignInit(ctx, &options, EVP_get_digestbyname(digest), NULL, by));
    if (with_pss)
        cr_assert(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
                  EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1);
    cr_assert(X509_sign_ctx(x, ctx) > 0);
    int length = i2d_X509(x, &bytes);
    slice copy = arena_copy(&arena, slice_of(bytes, (size_t)length));
    OPENSSL_free(bytes);
    EVP_MD_CTX_free(ctx);
    X509_NAME_free(name);
    X509_free(x);
    return copy;
}

Test(certificate, every_scheme_with_every_digest_holds)
{
    static const char *const digests[] = {"SHA256", "SHA384", "SHA512"};
    EVP_PKEY *keys[] = {test_ec("P-256"), test_ec("P-384"), test_rsa(2048), test_rsa(3072)};
    for (size_t k = 0; k < 4; k++) {
        struct public_key *own;
        cr_assert(!FAILED(public_key_new(test_spki(&arena, keys[k]), &own)));
        for (int d = 0; d < HASH_COUNT; d++)
            for (int with_pss = 0; with_pss <= (k >= 2); with_pss++) {
                struct certificate c;
                slice bytes = signed_by_openssl(keys[k], digests[d], with_pss);
                cr_expect(!FAILED(certificate_read(bytes, &c)), "%zu %d %d", k, d, with_pss);
                cr_expect(c.hash == (enum hash)d && (c.scheme == SIGNATURE_RSAPSS) == (with_pss == 1));
                cr_expect(!FAILED(certificate_verify(&c, own)), "%zu %d %d", k, d, with_pss);
            }
        public_key_free(own);
        EVP_PKEY_free(keys[k]);
    }
}

/* --- PEM */

static enum reason next(slice *rest, size_t room_size, slice *found)
{
    static uint8_t room[8192];
    return (enum reason)pem_next_certificate(rest, room, room_size, found).reason;
}

Test(certificate, pem_blocks_come_one_after_the_other_with_text_between_them)
{
    slice one = S("one certificate, as far as PEM goes"), two = S("2");
    slice text = arena_printf(&arena, "before\n%.*sbetween\r\n%.*safter", SLICE_ARG(forge_pem(&arena, one)),
                              SLICE_ARG(forge_pem(&arena, two)));
    slice found;
    cr_expect(next(&text, 8192, &found) == REASON_OK && slice_equal(found, one));
    cr_expect(next(&text, 8192, &found) == REASON_OK && slice_equal(found, two));
    cr_expect(next(&text, 8192, &found) == REASON_OK && found.len == 0);
    cr_expect(next(&text, 8192, &found) == REASON_OK && found.len == 0);
}

Test(certificate, pem_lines_may_end_in_cr_and_the_text_in_nul)
{
    slice text = slice_of("-----BEGIN CERTIFICATE-----\r\nYWJj\r\nZGVm\r\n-----END CERTIFICATE-----\r\n\0", 66), found;
    cr_expect(next(&text, 8192, &found) == REASON_OK && slice_equal(found, S("abcdef")));
    cr_expect(next(&text, 8192, &found) == REASON_OK && found.len == 0);
}

Test(certificate, pem_of_any_length_is_what_went_in)
{
    static uint8_t bytes[1000];
    for (size_t n = 1; n < sizeof bytes; n++) {
        bytes[n] = (uint8_t)(n * 7);
        slice text = forge_pem(&arena, slice_of(bytes, n)), found;
        cr_expect(next(&text, n, &found) == REASON_OK && slice_equal(found, slice_of(bytes, n)), "%zu", n);
        if (n % 97 == 0) {
            text = forge_pem(&arena, slice_of(bytes, n));
            cr_expect(next(&text, n - 1, &found) == X509_FORM && found.len == 0, "%zu", n);
        }
    }
}

Test(certificate, pem_that_is_not_a_certificate_is_refused)
{
    static const char *const bad[] = {
        "-----BEGIN PUBLIC KEY-----\nYWJj\n-----END PUBLIC KEY-----\n",
        "-----BEGIN X509 CRL-----\nYWJj\n-----END X509 CRL-----\n",
        "-----BEGIN CERTIFICATE-----\nYWJj\n",
        "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE----\n",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nYWJ\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nYQ==YWJj\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nYW?j\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nYR==\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n\nYWJj\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        slice text = slice_text(bad[i]), found;
        cr_expect(next(&text, 8192, &found) == X509_FORM, "%zu", i);
    }
}
