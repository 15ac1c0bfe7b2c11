/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/x509/der.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

TestSuite(der, .timeout = 60);

/* A read of one element from a literal, which must be used up. */
#define READS(literal, read, ...)                                              \
    ({                                                                         \
        struct reader r_ = reader_of(S(literal));                              \
        bool good_ = read(&r_, ##__VA_ARGS__);                                 \
        cr_expect(good_ == !r_.failed, "what failed and what is said differ"); \
        good_ &&read_done(&r_);                                                \
    })

Test(der, an_element_gives_its_content_and_the_whole)
{
    struct reader r = reader_of(S("\x30\x03\x02\x01\x05\x05\x00"));
    slice whole, content;
    cr_assert(der_read_whole(&r, DER_SEQUENCE, &whole, &content));
    cr_expect(slice_equal(whole, S("\x30\x03\x02\x01\x05")));
    cr_expect(slice_equal(content, S("\x02\x01\x05")));
    cr_expect(!read_done(&r));
    cr_expect(der_next_is(&r, DER_NULL) && !der_next_is(&r, DER_SEQUENCE));
    cr_expect(der_skip(&r) && read_done(&r));
    cr_expect(!der_next_is(&r, DER_NULL));
    cr_expect(!der_skip(&r) && r.failed);
}

Test(der, another_tag_fails_and_so_does_everything_after_it)
{
    struct reader r = reader_of(S("\x05\x00\x05\x00"));
    slice content;
    cr_expect(!der_read(&r, DER_INTEGER, &content) && content.len == 0);
    cr_expect(!der_read(&r, DER_NULL, &content));
    cr_expect(!der_skip(&r) && !der_next_is(&r, DER_NULL) && !read_done(&r));
}

Test(der, lengths_are_minimal_definite_and_inside)
{
    slice c;
    cr_expect(READS("\x04\x01x", der_read, DER_OCTET_STRING, &c));
    cr_expect(!READS("\x04\x81\x01x", der_read, DER_OCTET_STRING, &c), "one octet would do");
    cr_expect(!READS("\x04\x82\x00\x01x", der_read, DER_OCTET_STRING, &c), "leading zero");
    cr_expect(!READS("\x04\x80\x00\x00", der_read, DER_OCTET_STRING, &c), "indefinite");
    cr_expect(!READS("\x04\x85\x00\x00\x00\x00\x01x", der_read, DER_OCTET_STRING, &c), "five octets");
    cr_expect(!READS("\x04\x84\xff\xff\xff\xffx", der_read, DER_OCTET_STRING, &c), "beyond the end");
    cr_expect(!READS("\x04\x02x", der_read, DER_OCTET_STRING, &c), "beyond the end");
    cr_expect(!READS("\x04\x82\x01", der_read, DER_OCTET_STRING, &c), "cut off in the length");
    cr_expect(!READS("\x04", der_read, DER_OCTET_STRING, &c), "no length");
    cr_expect(!READS("", der_read, DER_OCTET_STRING, &c), "nothing");
}

Test(der, each_size_of_length_is_read)
{
    static const size_t sizes[] = {0, 127, 128, 255, 256, 65535, 65536};
    uint8_t *bytes = calloc(1, 70000);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i], octets = n < 128 ? 0 : n < 256 ? 1 : n < 65536 ? 2 : 3;
        bytes[0] = 0x04;
        bytes[1] = octets ? (uint8_t)(0x80 | octets) : (uint8_t)n;
        for (size_t o = 0; o < octets; o++)
            bytes[2 + o] = (uint8_t)(n >> 8 * (octets - 1 - o));
        struct reader r = reader_of(slice_of(bytes, 2 + octets + n));
        slice content;
        cr_expect(der_read(&r, DER_OCTET_STRING, &content) && content.len == n && read_done(&r), "%zu", n);
        struct reader cut = reader_of(slice_of(bytes, 2 + octets + n - 1));
        cr_expect(!der_read(&cut, DER_OCTET_STRING, &content), "%zu cut", n);
    }
    free(bytes);
}

Test(der, tags_of_several_octets_are_not_skipped)
{
    struct reader r = reader_of(S("\x1f\x81\x01\x00"));
    cr_expect(!der_skip(&r));
}

Test(der, integers_are_minimal_and_not_negative)
{
    slice c;
    cr_expect(READS("\x02\x01\x00", der_read_unsigned, &c) && slice_equal(c, slice_of("\0", 1)));
    cr_expect(READS("\x02\x02\x00\x80", der_read_unsigned, &c) && slice_equal(c, S("\x80")));
    cr_expect(READS("\x02\x02\x7f\xff", der_read_unsigned, &c) && slice_equal(c, S("\x7f\xff")));
    cr_expect(!READS("\x02\x00", der_read_unsigned, &c), "no octet");
    cr_expect(!READS("\x02\x01\x80", der_read_unsigned, &c), "negative");
    cr_expect(!READS("\x02\x02\x00\x7f", der_read_unsigned, &c), "an octet too many");
    cr_expect(!READS("\x02\x02\x00\x00", der_read_unsigned, &c), "an octet too many");
}

Test(der, numbers_of_up_to_64_bits)
{
    uint64_t n;
    cr_expect(READS("\x02\x01\x00", der_read_u64, &n) && n == 0);
    cr_expect(READS("\x02\x02\x12\x34", der_read_u64, &n) && n == 0x1234);
    cr_expect(READS("\x02\x09\x00\xff\xff\xff\xff\xff\xff\xff\xff", der_read_u64, &n) && n == UINT64_MAX);
    cr_expect(!READS("\x02\x09\x01\x00\x00\x00\x00\x00\x00\x00\x00", der_read_u64, &n));
}

Test(der, booleans_are_all_ones_or_zero)
{
    bool b;
    cr_expect(READS("\x01\x01\xff", der_read_boolean, &b) && b);
    cr_expect(READS("\x01\x01\x00", der_read_boolean, &b) && !b);
    cr_expect(!READS("\x01\x01\x01", der_read_boolean, &b));
    cr_expect(!READS("\x01\x02\xff\xff", der_read_boolean, &b));
    cr_expect(!READS("\x01\x00", der_read_boolean, &b));
}

Test(der, bit_strings_have_whole_octets)
{
    slice c;
    cr_expect(READS("\x03\x02\x00x", der_read_bits, &c) && slice_equal(c, S("x")));
    cr_expect(READS("\x03\x01\x00", der_read_bits, &c) && c.len == 0);
    cr_expect(!READS("\x03\x02\x01x", der_read_bits, &c));
    cr_expect(!READS("\x03\x00", der_read_bits, &c));
}

/* --- time */

static bool utc(const char *text, int64_t *out)
{
    uint8_t der[64] = {DER_UTC_TIME, (uint8_t)strlen(text)};
    memcpy(der + 2, text, strlen(text));
    struct reader r = reader_of(slice_of(der, 2 + strlen(text)));
    return der_read_time(&r, out) && read_done(&r);
}

static bool generalized(const char *text, int64_t *out)
{
    uint8_t der[64] = {DER_GENERALIZED_TIME, (uint8_t)strlen(text)};
    memcpy(der + 2, text, strlen(text));
    struct reader r = reader_of(slice_of(der, 2 + strlen(text)));
    return der_read_time(&r, out) && read_done(&r);
}

Test(der, every_day_is_the_day_that_the_c_library_says)
{
    for (int64_t day = -7300; day < 80000; day += 13) {
        time_t seconds = (time_t)(day * 86400 + day % 86400 * 7 % 86400);
        struct tm tm;
        char text[64];
        int64_t read = 0;
        gmtime_r(&seconds, &tm);
        strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm);
        cr_expect(generalized(text, &read) && read == seconds, "%s", text);
        if (tm.tm_year >= 50 && tm.tm_year < 150) {
            cr_expect(utc(text + 2, &read) && read == seconds, "%s", text + 2);
        }
    }
}

Test(der, two_digits_of_a_year_are_1950_to_2049)
{
    int64_t t;
    cr_expect(utc("500101000000Z", &t) && t == -631152000);
    cr_expect(utc("491231235959Z", &t) && t == 2524607999);
    cr_expect(utc("700101000000Z", &t) && t == 0);
    cr_expect(generalized("99991231235959Z", &t) && t == 253402300799);
}

Test(der, times_that_no_clock_shows_are_refused)
{
    static const char *const bad[] = {"250229000000Z",
                                      "250431000000Z",
                                      "251301000000Z",
                                      "250001000000Z",
                                      "250100000000Z",
                                      "250101240000Z",
                                      "250101006000Z",
                                      "250101000060Z",
                                      "2501010000Z",
                                      "250101000000",
                                      "250101000000+",
                                      "250101000000+0000",
                                      "25010100000aZ",
                                      "-50101000000Z",
                                      "25 101000000Z",
                                      "250101000000.5Z",
                                      "",
                                      "Z",
                                      "2501010000000Z"};
    int64_t t;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(!utc(bad[i], &t), "%s", bad[i]);
    cr_expect(utc("240229000000Z", &t), "a leap year");
    cr_expect(!generalized("21000229000000Z", &t), "2100 is none");
    cr_expect(!generalized("00000101000000Z", &t), "there was no year 0");
    cr_expect(!generalized("20250101000000.0Z", &t));
    struct reader r = reader_of(S("\x16\x0d"
                                  "250101000000Z"));
    cr_expect(!der_read_time(&r, &t), "neither of the two types");
}
