/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/arena.h"

#include <criterion/criterion.h>
#include <sys/mman.h>

TestSuite(base, .timeout = 60);

static void expect_text(slice actual, slice expected)
{
    cr_expect(slice_equal(actual, expected), "got %.*s, expected %.*s", SLICE_ARG(actual), SLICE_ARG(expected));
}

/* --- results
 * ---------------------------------------------------------------------------------------------------------- */

Test(base, every_reason_has_an_id_a_text_a_remedy_and_a_class)
{
    for (int i = REASON_OK + 1; i < REASON_COUNT; i++) {
        enum reason why = (enum reason)i;
        cr_expect(*reason_id(why) && *reason_text(why) && *reason_remedy(why));
        cr_expect(reason_class(why) != CLASS_NONE && strcmp(reason_class_name(reason_class(why)), "none") != 0);
        for (int j = 1; j < i; j++)
            cr_expect(strcmp(reason_id(why), reason_id((enum reason)j)) != 0, "%s", reason_id(why));
    }
}

Test(base, a_reason_that_is_none_is_an_internal_fault)
{
    cr_expect(strcmp(reason_id((enum reason)60000), "internal") == 0);
    cr_expect(reason_class((enum reason)60000) == CLASS_INTERNAL);
    cr_expect(strcmp(reason_class_name((enum reason_class)99), "internal") == 0);
}

/* --- slices
 * ----------------------------------------------------------------------------------------------------------- */

Test(base, slices_compare_by_their_bytes)
{
    cr_expect(slice_equal(NO_SLICE, S("")));
    cr_expect(slice_equal(S("a\0b"), S("a\0b")));
    cr_expect(!slice_equal(S("a\0b"), S("a\0c")));
    cr_expect(!slice_equal(S("ab"), S("abc")));
    cr_expect(slice_equal_nocase(S("X-Forwarded"), S("x-fORWARDED")));
    cr_expect(!slice_equal_nocase(S("a"), S("b")) && !slice_equal_nocase(S("a"), S("aa")));
    cr_expect(!slice_equal_nocase(S("@"), S("`")) && !slice_equal_nocase(S("["), S("{")));
    cr_expect(slice_starts(S("abc"), S("ab")) && slice_starts(S("abc"), S("")) && !slice_starts(S("a"), S("ab")));
    cr_expect(slice_ends(S("abc"), S("bc")) && slice_ends(S("abc"), S("")) && !slice_ends(S("c"), S("bc")));
    cr_expect(slice_text(NULL).ptr == NULL);
}

Test(base, parts_of_a_slice_stay_inside_it)
{
    expect_text(slice_sub(S("abcdef"), 2, 3), S("cde"));
    expect_text(slice_sub(S("abcdef"), 2, SIZE_MAX), S("cdef"));
    expect_text(slice_sub(S("abcdef"), 6, 1), S(""));
    expect_text(slice_sub(S("abcdef"), SIZE_MAX, SIZE_MAX), S(""));
    expect_text(slice_sub(NO_SLICE, 0, 1), S(""));
    cr_expect(slice_find(S("abc"), 'c') == 2 && slice_find(S("abc"), 'x') == 3 && slice_find(NO_SLICE, 0) == 0);
    expect_text(slice_trim(S(" \t a b\t ")), S("a b"));
    expect_text(slice_trim(S(" \t ")), S(""));
    expect_text(slice_trim(S("\na\n")), S("\na\n"));
}

Test(base, splitting_gives_every_part_once)
{
    slice rest = S("a,,b,"), part;
    const char *expected[] = {"a", "", "b", ""};
    for (size_t i = 0; i < 4; i++) {
        cr_assert(slice_split(&rest, ',', &part));
        expect_text(part, slice_text(expected[i]));
    }
    cr_expect(!slice_split(&rest, ',', &part));
    rest = S("");
    cr_expect(slice_split(&rest, ',', &part) && part.len == 0);
    cr_expect(!slice_split(&rest, ',', &part));
}

Test(base, numbers_have_one_form)
{
    uint64_t n;
    cr_expect(slice_u64(S("0"), &n) && n == 0);
    cr_expect(slice_u64(S("18446744073709551615"), &n) && n == UINT64_MAX);
    const char *bad[] = {"",
                         "00",
                         "01",
                         "+1",
                         "-1",
                         " 1",
                         "1 ",
                         "1.0",
                         "0x1",
                         "18446744073709551616",
                         "99999999999999999999",
                         "100000000000000000000",
                         "1/",
                         "1:"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(!slice_u64(slice_text(bad[i]), &n), "%s", bad[i]);
}

/* Table 3-7 of the Unicode standard: the first and last of each row, and what lies just outside. */
Test(base, only_well_formed_utf8_is_utf8)
{
    const slice good[] = {S(""),
                          S("\0"),
                          S("\x7f"),
                          S("\xc2\x80"),
                          S("\xdf\xbf"),
                          S("\xe0\xa0\x80"),
                          S("\xed\x9f\xbf"),
                          S("\xee\x80\x80"),
                          S("\xef\xbf\xbf"),
                          S("\xf0\x90\x80\x80"),
                          S("\xf4\x8f\xbf\xbf")};
    const slice bad[] = {S("\x80"),
                         S("\xbf"),
                         S("\xc0\x80"),
                         S("\xc1\xbf"),
                         S("\xc2"),
                         S("\xc2\x7f"),
                         S("\xc2\xc0"),
                         S("\xe0\x9f\xbf"),
                         S("\xe0\xa0"),
                         S("\xed\xa0\x80"),
                         S("\xed\xbf\xbf"),
                         S("\xf0\x8f\xbf\xbf"),
                         S("\xf0\x90\x80"),
                         S("\xf4\x90\x80\x80"),
                         S("\xf5\x80\x80\x80"),
                         S("\xff"),
                         S("a\xe2\x82"),
                         S("\xe2\x82\x41")};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(slice_is_utf8(good[i]), "%zu", i);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(!slice_is_utf8(bad[i]), "%zu", i);
}

Test(base, names_are_of_letters_digits_and_what_is_allowed)
{
    cr_expect(slice_is_name(S("aZ09"), "") && slice_is_name(S("a-b_c.d"), "-_."));
    cr_expect(!slice_is_name(S(""), "-") && !slice_is_name(S("a/b"), "-_.") && !slice_is_name(S("a\0b"), "-_."));
    cr_expect(!slice_is_name(S("\xc3\xa4"), "-"));
}

Test(base, secrets_compare_whole)
{
    cr_expect(secret_equal(S("abc"), S("abc")) && secret_equal(NO_SLICE, S("")));
    cr_expect(!secret_equal(S("abc"), S("abd")) && !secret_equal(S("abc"), S("ab")) &&
              !secret_equal(S("xbc"), S("abc")));
    uint8_t bytes[3] = {1, 2, 3};
    secret_wipe(bytes, 3);
    cr_expect(bytes[0] == 0 && bytes[1] == 0 && bytes[2] == 0);
    secret_wipe(NULL, 0);
}

Test(base, a_reader_never_reads_past_the_end)
{
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    slice s;
    struct reader r = reader_of(S("\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04\x05"
                                  "\x06\x07\x08\x01\x02\x03\x04\x05xyz"));
    cr_expect(read_u64le(&r, &u64) && u64 == 0x0807060504030201);
    cr_expect(read_u64be(&r, &u64) && u64 == 0x0102030405060708);
    cr_expect(read_u32le(&r, &u32) && u32 == 0x04030201);
    cr_expect(read_u32be(&r, &u32) && u32 == 0x05060708);
    cr_expect(read_u16le(&r, &u16) && u16 == 0x0201);
    cr_expect(read_u16be(&r, &u16) && u16 == 0x0304);
    cr_expect(read_u8(&r, &u8) && u8 == 5);
    cr_expect(read_bytes(&r, 3, &s) && slice_equal(s, S("xyz")));
    cr_expect(read_done(&r));
    cr_expect(read_bytes(&r, 0, &s));
    cr_expect(!read_u8(&r, &u8) && u8 == 0 && !read_done(&r));
}

Test(base, after_one_failure_every_read_fails)
{
    uint32_t u32;
    uint8_t u8;
    slice s;
    struct reader r = reader_of(S("abc"));
    cr_expect(!read_u32le(&r, &u32) && u32 == 0);
    cr_expect(!read_u8(&r, &u8) && !read_bytes(&r, 0, &s) && !read_done(&r));
    r = reader_of(S("abc"));
    cr_expect(!read_bytes(&r, SIZE_MAX, &s) && !s.ptr);
}

/* --- encodings
 * --------------------------------------------------------------------------------------------------------- */

/* RFC 4648 section 10. */
Test(base, encodings_are_those_of_rfc_4648)
{
    const char *plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    const char *base64[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    const char *url[] = {"", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"};
    const char *hex[] = {"", "66", "666f", "666f6f", "666f6f62", "666f6f6261", "666f6f626172"};
    for (size_t i = 0; i < 7; i++) {
        uint8_t out[16];
        slice text = slice_text(plain[i]);
        size_t length;
        cr_expect(BASE64_SIZE(text.len) == strlen(base64[i]) && BASE64URL_SIZE(text.len) == strlen(url[i]));
        expect_text(slice_of(out, base64_encode(out, text)), slice_text(base64[i]));
        expect_text(slice_of(out, base64url_encode(out, text)), slice_text(url[i]));
        expect_text(slice_of(out, hex_encode(out, text)), slice_text(hex[i]));
        cr_expect(base64_decode(out, sizeof out, slice_text(base64[i]), &length));
        expect_text(slice_of(out, length), text);
        cr_expect(base64url_decode(out, sizeof out, slice_text(url[i]), &length));
        expect_text(slice_of(out, length), text);
        cr_expect(hex_decode(out, sizeof out, slice_text(hex[i]), &length));
        expect_text(slice_of(out, length), text);
    }
}

Test(base, every_byte_survives_every_encoding_in_place_too)
{
    uint8_t bytes[256], text[512], back[256];
    size_t length;
    for (size_t size = 0; size <= 256; size++) {
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(i * 31 + size);
        slice in = slice_of(bytes, size);
        size_t n = base64_encode(text, in);
        cr_expect(base64_decode(back, sizeof back, slice_of(text, n), &length) &&
                  slice_equal(slice_of(back, length), in));
        cr_expect(base64_decode(text, sizeof text, slice_of(text, n), &length) &&
                  slice_equal(slice_of(text, length), in));
        n = base64url_encode(text, in);
        cr_expect(base64url_decode(text, sizeof text, slice_of(text, n), &length) &&
                  slice_equal(slice_of(text, length), in));
        n = hex_encode(text, in);
        cr_expect(hex_decode(text, sizeof text, slice_of(text, n), &length) && slice_equal(slice_of(text, length), in));
    }
}

Test(base, base64_that_is_not_canonical_is_refused)
{
    uint8_t out[64];
    size_t length;
    const char *bad[] = {"Z",      "Zg",       "Zg=",      "Zg===",   "Zm8",   "Zh==",  "Zm9=", "Zm9vYg",
                         "Zm9v\n", " Zm9v",    "Zm 9v",    "Zm9-",    "Zm9_",  "Zm9v=", "====", "=Zm9",
                         "Z=g=",   "Zg==Zg==", "Zm9v====", "Zm9\x80", "Zm9v!", "Zm9."};
    const char *bad_url[] = {"Z",    "Zg==",   "Zm8=",  "Zh",      "Zm9",  "Zm9vY", "Zm9+",
                             "Zm9/", "Zm9v\n", " Zm9v", "Zm9\x80", "Zm9=", "Zm9."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(!base64_decode(out, sizeof out, slice_text(bad[i]), &length), "%s", bad[i]);
    for (size_t i = 0; i < sizeof bad_url / sizeof *bad_url; i++)
        cr_expect(!base64url_decode(out, sizeof out, slice_text(bad_url[i]), &length), "%s", bad_url[i]);
    cr_expect(!base64_decode(out, sizeof out, slice_of("Zm\0v", 4), &length));
}

/* Two texts never decode to the same bytes: all of four characters, by their last two. */
Test(base, no_two_texts_decode_alike)
{
    for (int c = 0; c < 256; c++) {
        uint8_t text[4] = {'A', 'B', (uint8_t)c, 'D'}, out[4], again[8];
        for (int d = 0; d < 256; d++) {
            size_t length;
            text[3] = (uint8_t)d;
            if (base64_decode(out, sizeof out, slice_of(text, 4), &length))
                cr_assert(base64_encode(again, slice_of(out, length)) == 4 && memcmp(again, text, 4) == 0);
            if (base64url_decode(out, sizeof out, slice_of(text, 4), &length))
                cr_assert(base64url_encode(again, slice_of(out, length)) == 4 && memcmp(again, text, 4) == 0);
            if (base64url_decode(out, sizeof out, slice_of(text, 3), &length))
                cr_assert(base64url_encode(again, slice_of(out, length)) == 3 && memcmp(again, text, 3) == 0);
        }
    }
}

Test(base, hex_takes_pairs_of_either_case_only)
{
    uint8_t out[8];
    size_t length;
    cr_expect(hex_decode(out, sizeof out, S("aBCd"), &length) && length == 2 && out[0] == 0xab && out[1] == 0xcd);
    const char *bad[] = {"a", "abc", "0x", "ag", "/0", ":0", "@0", "G0", "`0", " 0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(!hex_decode(out, sizeof out, slice_text(bad[i]), &length), "%s", bad[i]);
}

Test(base, decoders_stay_inside_their_room)
{
    uint8_t out[4];
    size_t length;
    cr_expect(base64_decode(out, 3, S("Zm9v"), &length) && !base64_decode(out, 2, S("Zm9v"), &length));
    cr_expect(base64_decode(out, 2, S("Zm8="), &length) && !base64_decode(out, 1, S("Zm8="), &length));
    cr_expect(base64url_decode(out, 1, S("Zg"), &length) && !base64url_decode(out, 0, S("Zg"), &length));
    cr_expect(hex_decode(out, 2, S("0102"), &length) && !hex_decode(out, 1, S("0102"), &length));
}

/* --- arenas
 * ------------------------------------------------------------------------------------------------------------ */

Test(base, an_arena_hands_out_aligned_memory_until_it_is_full)
{
    struct arena a;
    cr_assert(!FAILED(arena_map(&a, 4096, ARENA_PLAIN)));
    for (size_t align = 1; align <= 64; align *= 2) {
        cr_expect(arena_alloc(&a, 1, 1) != NULL);
        cr_expect((uintptr_t)arena_alloc(&a, 3, align) % align == 0);
    }
    cr_expect(arena_alloc(&a, SIZE_MAX, 1) == NULL);
    cr_expect(arena_alloc(&a, SIZE_MAX - 3, 64) == NULL);
    cr_expect(arena_array(&a, uint64_t, SIZE_MAX / 4) == NULL);
    size_t left = a.size - a.used;
    cr_expect(arena_alloc(&a, left + 1, 1) == NULL);
    cr_expect(arena_alloc(&a, left, 1) != NULL);
    cr_expect(arena_alloc(&a, 1, 1) == NULL && arena_alloc(&a, 0, 1) != NULL);
    cr_expect(arena_copy(&a, S("x")).ptr == NULL && arena_printf(&a, "x").ptr == NULL);
    arena_unmap(&a);
    arena_unmap(&a);
}

Test(base, a_reset_gives_pages_back)
{
    struct arena a;
    unsigned char resident[64];
    cr_assert(!FAILED(arena_map(&a, 64 * 4096, ARENA_PLAIN)));
    memset(arena_alloc(&a, a.size, 1), 1, a.size);
    arena_reset(&a, 4096);
    cr_assert(mincore(a.base, a.size, resident) == 0);
    cr_expect(resident[0] & 1);
    for (size_t i = 1; i < 64; i++)
        cr_expect(!(resident[i] & 1));
    cr_expect(a.used == 0 && a.high == 0);
    arena_unmap(&a);
}

Test(base, a_secret_arena_is_wiped_to_its_high_water_mark)
{
    struct arena a;
    cr_assert(!FAILED(arena_map(&a, 4096, ARENA_SECRET)));
    memset(arena_alloc(&a, 3000, 1), 0x5a, 3000);
    a.used = 10;
    arena_reset(&a, 4096);
    for (size_t i = 0; i < 4096; i++)
        cr_assert(a.base[i] == 0);
    arena_unmap(&a);
}

Test(base, formatted_text_ends_with_a_zero_that_does_not_count)
{
    struct arena a;
    cr_assert(!FAILED(arena_map(&a, 4096, ARENA_PLAIN)));
    slice s = arena_printf(&a, "%s-%d", "a", 7);
    expect_text(s, S("a-7"));
    cr_expect(s.ptr[3] == 0);
    a.used = a.size - 3;
    cr_expect(arena_printf(&a, "abc").ptr == NULL);
    cr_expect(arena_printf(&a, "ab").len == 2);
    arena_unmap(&a);
}

/* --- text
 * -------------------------------------------------------------------------------------------------------------- */

Test(base, text_is_what_was_added)
{
    struct arena a;
    cr_assert(!FAILED(arena_map(&a, 4096, ARENA_PLAIN)));
    struct text t = text_begin(&a);
    text_lit(&t, "n=");
    text_u64(&t, UINT64_MAX);
    text_lit(&t, ",");
    text_i64(&t, INT64_MIN);
    text_lit(&t, ",");
    text_i64(&t, 0);
    text_add(&t, NO_SLICE);
    text_lit(&t, ",");
    text_hex(&t, S("\x0a\xff"));
    text_lit(&t, ",");
    text_base64(&t, S("\xff\xfe"));
    text_lit(&t, ",");
    text_base64url(&t, S("\xff\xfe"));
    expect_text(text_end(&t), S("n=18446744073709551615,-9223372036854775808,0,0aff,//4=,__4"));
    arena_unmap(&a);
}

Test(base, json_strings_are_escaped_as_rfc_8259_asks)
{
    struct arena a;
    cr_assert(!FAILED(arena_map(&a, 4096, ARENA_PLAIN)));
    struct text t = text_begin(&a);
    text_json(&t, S("\"\\/\b\f\n\r\t\x01\x1f\x7f\0\xe2\x82\xac"));
    expect_text(text_end(&t), S("\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000\xe2\x82\xac\""));
    t = text_begin(&a);
    text_json(&t, NO_SLICE);
    expect_text(text_end(&t), S("\"\""));
    arena_unmap(&a);
}

Test(base, text_that_did_not_fit_is_no_text)
{
    struct arena a;
    cr_assert(!FAILED(arena_map(&a, 4096, ARENA_PLAIN)));
    a.used = a.size - 4;
    struct text t = text_begin(&a);
    text_lit(&t, "abc");
    text_lit(&t, "de");
    text_lit(&t, "f");
    cr_expect(text_end(&t).ptr == NULL && t.failed);
    arena_unmap(&a);
}

Test(base, json_text_escapes_a_byte_wherever_it_stands)
{
    struct arena a;
    uint8_t bytes[24];
    cr_assert(!FAILED(arena_map(&a, 4096, ARENA_PLAIN)));
    for (unsigned c = 0; c < 256; c++)
        for (size_t at = 0; at < sizeof bytes; at++) {
            memset(bytes, 0x80, sizeof bytes);
            bytes[at] = (uint8_t)c;
            a.used = 0;
            struct text t = text_begin(&a);
            text_json(&t, slice_of(bytes, sizeof bytes));
            slice made = text_end(&t);
            bool escaped = c < 32 || c == '"' || c == '\\';
            cr_assert_eq(made.ptr[1 + at] == '\\', escaped, "byte %u at %zu", c, at);
            cr_assert(escaped ? made.len > sizeof bytes + 2 : made.len == sizeof bytes + 2);
        }
    arena_unmap(&a);
}
