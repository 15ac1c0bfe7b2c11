/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists are put together here piece by piece, so that every piece can be wrong; good ones come from OpenSSL too.
 */
#include "lib/x509/crl.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/x509/der.h"
#include "tests/support/forge_x509.h"
#include "tests/support/test_pki.h"

#define ECDSA_SHA256 S("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02")
#define NUMBER "\x55\x1d\x14"
#define REASON_CODE "\x55\x1d\x15"
#define DELTA_INDICATOR "\x55\x1d\x1b"
#define DISTRIBUTION_POINT "\x55\x1d\x1c"
#define CERTIFICATE_ISSUER "\x55\x1d\x1d"
#define AUTHORITY_KEY_ID "\x55\x1d\x23"
#define OTHER "\x2b\x06\x01\x04\x01\x9c\x78"

static struct arena arena;
static EVP_PKEY *key;
static struct certificate issuer;

static struct test_certificate ca(void)
{
    return (struct test_certificate){.subject = "ca",
                                     .issuer = "root",
                                     .key = key,
                                     .issuer_key = key,
                                     .constraints = "critical,CA:TRUE",
                                     .usage = "critical,keyCertSign,cRLSign"};
}

static void begin(void)
{
    cr_assert(!FAILED(arena_map(&arena, 128 << 20, ARENA_PLAIN)));
    key = test_ec("P-256");
    struct test_certificate c = ca();
    cr_assert(!FAILED(certificate_read(test_issue(&arena, &c), &issuer)));
}

static void end(void)
{
    EVP_PKEY_free(key);
    arena_unmap(&arena);
}

TestSuite(crl, .init = begin, .fini = end, .timeout = 60);

static slice join(slice a, slice b)
{
    return forge_join(&arena, a, b);
}

/* Of any length: the forge's elements end at 64 KiB. */
static slice der(uint8_t tag, slice content)
{
    uint8_t head[6] = {tag, (uint8_t)content.len};
    size_t octets = content.len < 128 ? 0 : content.len < 256 ? 1 : content.len < 65536 ? 2 : 3;
    for (size_t i = 0; i < octets; i++)
        head[2 + i] = (uint8_t)(content.len >> 8 * (octets - 1 - i));
    if (octets)
        head[1] = (uint8_t)(0x80 | octets);
    return join(slice_of(head, 2 + octets), content);
}

struct parts {
    slice version, algorithm, name, this_update, next_update, entries, extensions, outer;
};

static struct parts usual(void)
{
    return (struct parts){
        .version = S("\x02\x01\x01"),
        .algorithm = ECDSA_SHA256,
        .name = issuer.subject,
        .this_update = S("\x17\x0d"
                         "250101000000Z"),
        .next_update = S("\x17\x0d"
                         "260101000000Z"),
        .outer = ECDSA_SHA256,
    };
}

static slice build(const struct parts *p)
{
    const slice in[] = {p->version, p->algorithm, p->name, p->this_update, p->next_update, p->entries, p->extensions};
    slice tbs = NO_SLICE;
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        tbs = tbs.len ? join(tbs, in[i]) : in[i].len ? in[i] : tbs;
    tbs = der(DER_SEQUENCE, tbs);
    slice signature = der(DER_BIT_STRING, join(slice_of("\0", 1), forge_sign(&arena, key, tbs)));
    return der(DER_SEQUENCE, join(join(tbs, p->outer), signature));
}

static enum reason takes(const struct parts *p)
{
    struct crl *crl;
    result r = crl_new(build(p), &issuer, &crl);
    cr_expect(FAILED(r) == (crl == NULL));
    crl_free(crl);
    return (enum reason)r.reason;
}

static slice extension(const char *oid, bool critical, slice value)
{
    slice e = der(DER_OID, slice_text(oid));
    if (critical)
        e = join(e, S("\x01\x01\xff"));
    return der(DER_SEQUENCE, join(e, der(DER_OCTET_STRING, value)));
}

static enum reason takes_with(slice extensions)
{
    struct parts p = usual();
    p.extensions = der(DER_CONTEXT(0), der(DER_SEQUENCE, extensions));
    return takes(&p);
}

static slice entry(slice serial, slice extensions)
{
    slice e = join(der(DER_INTEGER, serial), S("\x17\x0d"
                                               "250101000000Z"));
    if (extensions.len)
        e = join(e, der(DER_SEQUENCE, extensions));
    return der(DER_SEQUENCE, e);
}

/* --- what is taken */

Test(crl, a_list_of_openssl_says_what_went_in)
{
    struct forge_crl made = {.issuer = "forged",
                             .this_update = TEST_NOW,
                             .next_update = TEST_NOW + TEST_DAY,
                             .number = 7,
                             .revoked = {5, 3, 0x123456789a},
                             .revoked_count = 3};
    struct forge_certificate c = {.subject = "forged",
                                  .issuer = "root",
                                  .not_before = TEST_NOW,
                                  .not_after = TEST_NOW + TEST_DAY,
                                  .serial = 1,
                                  .constraints = "critical,CA:TRUE"};
    struct certificate forged;
    struct crl *crl;
    cr_assert(!FAILED(certificate_read(forge_issue(&arena, &c, key, key), &forged)));
    cr_assert(!FAILED(crl_new(forge_revoke(&arena, &made, key), &forged, &crl)));
    cr_expect(crl_this_update(crl) == TEST_NOW && crl_next_update(crl) == TEST_NOW + TEST_DAY);
    cr_expect(crl_number(crl) == 7 && crl_count(crl) == 3);
    cr_expect(crl_lists(crl, S("\x03")) && crl_lists(crl, S("\x05")) && crl_lists(crl, S("\x12\x34\x56\x78\x9a")));
    cr_expect(!crl_lists(crl, S("\x04")) && !crl_lists(crl, S("\x12\x34\x56\x78")) && !crl_lists(crl, NO_SLICE));
    cr_expect(crl_is_of(crl, &forged) && !crl_is_of(crl, &issuer));
    crl_free(crl);
}

Test(crl, a_list_may_name_nobody_and_no_next_update_and_be_of_version_1)
{
    struct parts p = usual();
    struct crl *crl;
    p.next_update = NO_SLICE;
    p.version = NO_SLICE;
    cr_assert(!FAILED(crl_new(build(&p), &issuer, &crl)));
    cr_expect(crl_count(crl) == 0 && crl_next_update(crl) == 0 && crl_number(crl) == 0);
    cr_expect(!crl_lists(crl, S("\x01")));
    crl_free(crl);
    p.entries = der(DER_SEQUENCE, entry(S("\x01"), NO_SLICE));
    cr_assert(!FAILED(crl_new(build(&p), &issuer, &crl)));
    cr_expect(crl_lists(crl, S("\x01")));
    crl_free(crl);
}

Test(crl, version_1_has_no_extensions)
{
    struct parts p = usual();
    p.version = NO_SLICE;
    p.extensions = der(DER_CONTEXT(0), der(DER_SEQUENCE, extension(NUMBER, false, S("\x02\x01\x07"))));
    cr_expect(takes(&p) == X509_FORM);
    p.extensions = NO_SLICE;
    p.entries = der(DER_SEQUENCE, entry(S("\x01"), extension(REASON_CODE, false, S("\x0a\x01\x01"))));
    cr_expect(takes(&p) == X509_FORM);
    p.version = S("\x02\x01\x02");
    cr_expect(takes(&p) == X509_FORM, "nor is there a version 3");
    p.version = slice_of("\x02\x01\x00", 3);
    cr_expect(takes(&p) == X509_FORM, "and version 1 is not said");
}

Test(crl, an_entry_counts_whatever_its_reason_says)
{
    struct parts p = usual();
    struct crl *crl;
    slice hold = extension(REASON_CODE, false, S("\x0a\x01\x06")),
          removed = extension(REASON_CODE, true, S("\x0a\x01\x08"));
    p.entries = der(DER_SEQUENCE, join(entry(S("\x02"), hold), entry(S("\x01"), removed)));
    cr_assert(!FAILED(crl_new(build(&p), &issuer, &crl)));
    cr_expect(crl_lists(crl, S("\x01")) && crl_lists(crl, S("\x02")) && crl_count(crl) == 2);
    crl_free(crl);
}

Test(crl, thousands_of_entries_are_all_found_and_no_other)
{
    enum { N = 5000 };
    uint8_t *bytes = malloc(N * 32);
    size_t used = 0;
    struct parts p = usual();
    struct crl *crl;
    srandom(1);
    static uint8_t serials[N][4];
    for (int i = 0; i < N; i++) { /* even numbers, in no order */
        uint32_t n = (uint32_t)(i * 7919 % N) * 2 + 0x01000000;
        for (int b = 0; b < 4; b++)
            serials[i][b] = (uint8_t)(n >> (24 - 8 * b));
        static const char tail[] = "\x17\x0d"
                                   "250101000000Z";
        memcpy(bytes + used, "\x30\x15\x02\x04", 4);
        memcpy(bytes + used + 4, serials[i], 4);
        memcpy(bytes + used + 8, tail, 15);
        used += 23;
    }
    p.entries = der(DER_SEQUENCE, slice_of(bytes, used));
    cr_assert(!FAILED(crl_new(build(&p), &issuer, &crl)));
    cr_expect(crl_count(crl) == N);
    for (int i = 0; i < N; i++) {
        cr_expect(crl_lists(crl, slice_of(serials[i], 4)));
        serials[i][3] |= 1;
        cr_expect(!crl_lists(crl, slice_of(serials[i], 4)));
    }
    crl_free(crl);
    free(bytes);
}

Test(crl, numbers_beyond_64_bits_count_as_none)
{
    struct parts p = usual();
    struct crl *crl;
    p.extensions = der(DER_CONTEXT(0), der(DER_SEQUENCE, extension(NUMBER, false, S("\x02\x09\x01xxxxxxxx"))));
    cr_assert(!FAILED(crl_new(build(&p), &issuer, &crl)));
    cr_expect(crl_number(crl) == 0);
    crl_free(crl);
    p.extensions = der(DER_CONTEXT(0), der(DER_SEQUENCE, extension(NUMBER, true, S("\x02\x02\x01\x07"))));
    cr_assert(!FAILED(crl_new(build(&p), &issuer, &crl)));
    cr_expect(crl_number(crl) == 0x107);
    crl_free(crl);
}

/* --- what is refused */

Test(crl, another_issuer_is_refused)
{
    struct test_certificate c = ca();
    struct certificate other;
    struct crl *crl;
    struct parts p = usual();
    c.subject = "other";
    cr_assert(!FAILED(certificate_read(test_issue(&arena, &c), &other)));
    cr_expect(crl_new(build(&p), &other, &crl).reason == X509_ORDER);
    EVP_PKEY *another = test_ec("P-256");
    c = ca();
    c.key = another;
    cr_assert(!FAILED(certificate_read(test_issue(&arena, &c), &other)));
    cr_expect(crl_new(build(&p), &other, &crl).reason == X509_SIGNATURE, "the same name, another key");
    EVP_PKEY_free(another);
}

Test(crl, another_key_identifier_is_refused)
{
    struct parts p = usual();
    struct crl *crl;
    slice id = extension(AUTHORITY_KEY_ID, false, S("\x30\x04\x80\x02id"));
    p.extensions = der(DER_CONTEXT(0), der(DER_SEQUENCE, id));
    struct certificate named = issuer;
    named.key_id = S("id");
    cr_expect(!FAILED(crl_new(build(&p), &named, &crl)));
    crl_free(crl);
    named.key_id = S("ix");
    cr_expect(crl_new(build(&p), &named, &crl).reason == X509_ORDER);
}

Test(crl, an_issuer_that_is_no_ca_or_may_not_sign_lists_is_refused)
{
    static const struct {
        const char *constraints, *usage;
        enum reason why;
    } cases[] = {{NULL, "critical,cRLSign", X509_CA},
                 {"critical,CA:FALSE", "critical,cRLSign", X509_CA},
                 {"critical,CA:TRUE", "critical,digitalSignature", X509_CA},
                 {"critical,CA:TRUE", "critical,cRLSign", REASON_OK},
                 {"critical,CA:TRUE", "critical,keyCertSign", REASON_OK},
                 {"critical,CA:TRUE", NULL, REASON_OK}};
    struct parts p = usual();
    slice list = build(&p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_certificate c = ca();
        struct certificate other;
        struct crl *crl;
        c.constraints = cases[i].constraints;
        c.usage = cases[i].usage;
        cr_assert(!FAILED(certificate_read(test_issue(&arena, &c), &other)));
        cr_expect(crl_new(list, &other, &crl).reason == cases[i].why, "%zu", i);
        crl_free(crl);
    }
}

Test(crl, lists_that_speak_of_less_than_all_certificates_are_refused)
{
    cr_expect(takes_with(extension(NUMBER, false, S("\x02\x01\x07"))) == REASON_OK);
    cr_expect(takes_with(extension(DELTA_INDICATOR, true, S("\x02\x01\x07"))) == X509_REFUSED);
    cr_expect(takes_with(extension(DELTA_INDICATOR, false, S("\x02\x01\x07"))) == X509_REFUSED);
    cr_expect(takes_with(extension(DISTRIBUTION_POINT, true, S("\x30\x03\x81\x01\xff"))) == X509_REFUSED);
    cr_expect(takes_with(extension(DISTRIBUTION_POINT, false, S("\x30\x03\x81\x01\xff"))) == X509_REFUSED);
    cr_expect(takes_with(extension(OTHER, true, S("x"))) == X509_REFUSED);
    cr_expect(takes_with(extension(OTHER, false, S("x"))) == REASON_OK);
}

Test(crl, entries_with_an_unknown_critical_extension_or_another_issuer_are_refused)
{
    struct parts p = usual();
    p.entries = der(DER_SEQUENCE, entry(S("\x01"), extension(OTHER, true, S("x"))));
    cr_expect(takes(&p) == X509_REFUSED);
    p.entries = der(DER_SEQUENCE, entry(S("\x01"), extension(OTHER, false, S("x"))));
    cr_expect(takes(&p) == REASON_OK);
    p.entries = der(DER_SEQUENCE, entry(S("\x01"), extension(CERTIFICATE_ISSUER, false, S("x"))));
    cr_expect(takes(&p) == X509_REFUSED);
}

Test(crl, a_serial_number_twice_is_refused)
{
    struct parts p = usual();
    slice one = entry(S("\x01"), NO_SLICE), two = entry(S("\x02"), NO_SLICE);
    p.entries = der(DER_SEQUENCE, join(join(one, two), one));
    cr_expect(takes(&p) == X509_FORM);
    p.entries = der(DER_SEQUENCE, join(one, two));
    cr_expect(takes(&p) == REASON_OK);
}

Test(crl, malformed_entries_are_refused)
{
    static const char *const bad[] = {
        "\x30\x03\x02\x01\x01",
        "\x30\x12\x02\x01\x81\x17\x0d"
        "250101000000Z",
        "\x30\x12\x02\x01\x01\x17\x0d"
        "251301000000Z",
        "\x30\x14\x02\x01\x01\x17\x0d"
        "250101000000Z\x05\x01",
        "\x30\x25\x02\x15xxxxxxxxxxxxxxxxxxxxx\x17\x0d"
        "250101000000Z",
        "\x31\x12\x02\x01\x01\x17\x0d"
        "250101000000Z",
    };
    struct parts p = usual();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        p.entries = der(DER_SEQUENCE, slice_text(bad[i]));
        cr_expect(takes(&p) == X509_FORM, "%zu", i);
    }
}

Test(crl, extensions_that_are_doubled_or_malformed_are_refused)
{
    slice number = extension(NUMBER, false, S("\x02\x01\x07"));
    cr_expect(takes_with(join(number, number)) == X509_FORM);
    cr_expect(takes_with(extension(NUMBER, false, S("\x02\x01\xff"))) == X509_FORM, "a negative number");
    cr_expect(takes_with(extension(NUMBER, false, S("x"))) == X509_FORM);
    cr_expect(takes_with(extension(AUTHORITY_KEY_ID, false, S("x"))) == X509_FORM);
    cr_expect(takes_with(S("x")) == X509_FORM);
}

Test(crl, pieces_that_are_missing_or_of_another_kind_are_refused)
{
    struct parts good = usual();
    slice *const pieces[] = {&good.algorithm, &good.name, &good.this_update};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        slice was = *pieces[i];
        *pieces[i] = S("\x05\x01");
        cr_expect(takes(&good) == X509_FORM, "%zu", i);
        *pieces[i] = was;
    }
    good.this_update = good.next_update = NO_SLICE;
    cr_expect(takes(&good) == X509_FORM, "no time");
    good = usual();
    good.algorithm = S("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03");
    cr_expect(takes(&good) == X509_FORM, "another algorithm inside");
    good.algorithm = good.outer = S("\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01");
    cr_expect(takes(&good) == X509_WEAK, "SHA-1");
    good.algorithm = good.outer = S("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05");
    cr_expect(takes(&good) == X509_FORM);
    good.algorithm = good.outer = slice_of("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00", 15);
    cr_expect(takes(&good) == X509_WEAK, "RSA with a key of a curve");
}

Test(crl, every_truncation_a_byte_more_and_every_bit_are_refused)
{
    struct parts p = usual();
    struct crl *crl;
    p.entries = der(DER_SEQUENCE, entry(S("\x01"), extension(REASON_CODE, false, S("\x0a\x01\x01"))));
    p.extensions = der(DER_CONTEXT(0), der(DER_SEQUENCE, extension(NUMBER, false, S("\x02\x01\x07"))));
    slice whole = build(&p);
    uint8_t changed[1024];
    for (size_t n = 0; n < whole.len; n++)
        cr_expect(crl_new(slice_sub(whole, 0, n), &issuer, &crl).reason == X509_FORM, "%zu", n);
    cr_expect(crl_new(join(whole, slice_of("\0", 1)), &issuer, &crl).reason == X509_FORM);
    for (size_t bit = 0; bit < whole.len * 8; bit++) {
        memcpy(changed, whole.ptr, whole.len);
        changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_expect(FAILED(crl_new(slice_of(changed, whole.len), &issuer, &crl)) && !crl, "bit %zu", bit);
    }
}

Test(crl, more_than_4_mib_are_not_read)
{
    struct parts p = usual();
    uint8_t *zeros = calloc(1, CRL_SIZE_MAX);
    p.extensions = der(DER_CONTEXT(0), der(DER_SEQUENCE, extension(OTHER, false, slice_of(zeros, CRL_SIZE_MAX - 512))));
    cr_expect(takes(&p) == REASON_OK);
    p.extensions = der(DER_CONTEXT(0), der(DER_SEQUENCE, extension(OTHER, false, slice_of(zeros, CRL_SIZE_MAX))));
    cr_expect(takes(&p) == X509_FORM);
    free(zeros);
}

/* --- recorded ones: TRUSTEE_VECTORS names the folder */

static slice recorded(const char *name)
{
    static uint8_t room[16384];
    char path[4096];
    const char *folder = getenv("TRUSTEE_VECTORS");
    if (!folder)
        cr_skip_test("TRUSTEE_VECTORS is not set");
    snprintf(path, sizeof path, "%s/tdx/collateral-50806f-2023/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        cr_skip_test("%s is not there", path);
    size_t n = fread(room, 1, sizeof room, f);
    fclose(f);
    return arena_copy(&arena, slice_of(room, n));
}

Test(crl, intels_lists_are_read_as_far_as_the_signature)
{
    struct certificate somebody = issuer;
    struct crl *crl;
    slice list = recorded("pckcrl");
    static const char name[] = "\x30\x70\x31\x22\x30\x20\x06\x03\x55\x04\x03\x0c\x19Intel SGX PCK Platform CA";
    const uint8_t *at = memmem(list.ptr, list.len, name, sizeof name - 1);
    cr_assert(at);
    somebody.subject = slice_of(at, 0x72);
    cr_expect(crl_new(list, &somebody, &crl).reason == X509_SIGNATURE);
    cr_expect(crl_new(list, &issuer, &crl).reason == X509_ORDER);
}
