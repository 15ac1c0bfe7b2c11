/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/seal.h"

#include <criterion/criterion.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "core/crypto/primitives.h"

static struct arena arena;
static struct sealer *sealer;
#define KEY_A S("0123456789abcdef0123456789abcdef")
#define KEY_B S("fedcba9876543210fedcba9876543210")

static void begin(void)
{
    cr_assert(!FAILED(arena_map(&arena, 8 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(sealer_new(KEY_A, NO_SLICE, &sealer)));
}

static void end(void)
{
    sealer_free(sealer);
    arena_unmap(&arena);
}

TestSuite(seal, .init = begin, .fini = end, .timeout = 60);

static slice sealed(const struct sealer *s, slice purpose, slice plaintext)
{
    slice text;
    cr_assert(!FAILED(seal(s, purpose, plaintext, &arena, &text)));
    return text;
}

static void opens(const struct sealer *s, slice purpose, slice text, slice expected)
{
    slice got;
    cr_assert(!FAILED(unseal(s, purpose, text, &arena, &got)));
    cr_expect(got.ptr && slice_equal(got, expected));
}

static void refuses(const struct sealer *s, slice purpose, slice text)
{
    slice got;
    size_t used = arena.used;
    result r = unseal(s, purpose, text, &arena, &got);
    cr_expect(r.reason == SESSION_COOKIE, "%s", reason_id((enum reason)r.reason));
    cr_expect(got.ptr == NULL && arena.used == used);
}

Test(seal, what_was_sealed_opens)
{
    uint8_t bytes[4096];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    size_t sizes[] = {0, 1, 15, 16, 17, 200, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        slice text = sealed(sealer, S("cookie"), slice_of(bytes, sizes[i]));
        cr_expect(text.len == BASE64URL_SIZE(sizes[i] + SEAL_OVERHEAD));
        opens(sealer, S("cookie"), text, slice_of(bytes, sizes[i]));
    }
}

Test(seal, no_two_seals_are_alike)
{
    cr_expect(!slice_equal(sealed(sealer, S("c"), S("same")), sealed(sealer, S("c"), S("same"))));
}

Test(seal, a_change_in_any_byte_is_refused)
{
    uint8_t raw[SEAL_OVERHEAD + 40];
    size_t length;
    slice text = sealed(sealer, S("cookie"), S("0123456789012345678901234567890123456789"));
    cr_assert(base64url_decode(raw, sizeof raw, text, &length) && length == sizeof raw);
    for (size_t i = 0; i < length; i++) {
        for (int bit = 0; bit < 8; bit++) {
            uint8_t encoded[BASE64URL_SIZE(sizeof raw)];
            raw[i] ^= (uint8_t)(1 << bit);
            refuses(sealer, S("cookie"), slice_of(encoded, base64url_encode(encoded, slice_of(raw, length))));
            raw[i] ^= (uint8_t)(1 << bit);
        }
    }
}

Test(seal, another_text_of_the_same_bytes_is_refused)
{
    slice text = sealed(sealer, S("cookie"), S("xy"));
    uint8_t changed[128];
    memcpy(changed, text.ptr, text.len);
    for (int c = 1; c < 256; c++) {
        changed[text.len - 1] = (uint8_t)c;
        if (c != text.ptr[text.len - 1])
            refuses(sealer, S("cookie"), slice_of(changed, text.len));
    }
    memcpy(changed, text.ptr, text.len);
    memcpy(changed + text.len, "==", 2);
    refuses(sealer, S("cookie"), slice_of(changed, text.len + 1));
    refuses(sealer, S("cookie"), slice_of(changed, text.len + 2));
}

Test(seal, what_is_cut_or_grown_is_refused)
{
    slice text = sealed(sealer, S("cookie"), S("0123456789"));
    for (size_t length = 0; length < text.len; length++) {
        refuses(sealer, S("cookie"), slice_of(text.ptr, length));
        refuses(sealer, S("cookie"), slice_of(text.ptr + text.len - length, length));
    }
    refuses(sealer, S("cookie"), arena_printf(&arena, "%.*sAAAA", SLICE_ARG(text)));
    refuses(sealer, S("cookie"), arena_printf(&arena, " %.*s", SLICE_ARG(text)));
    refuses(sealer, S("cookie"), slice_of(memset(arena_alloc(&arena, 100000, 1), 'A', 100000), 100000));
}

Test(seal, another_purpose_is_refused)
{
    slice text = sealed(sealer, S("cookie"), S("x"));
    refuses(sealer, S("cooki"), text);
    refuses(sealer, S("cookie2"), text);
    refuses(sealer, S("Cookie"), text);
}

Test(seal, another_key_is_refused)
{
    struct sealer *other;
    cr_assert(!FAILED(sealer_new(KEY_B, NO_SLICE, &other)));
    refuses(other, S("cookie"), sealed(sealer, S("cookie"), S("x")));
    sealer_free(other);
}

Test(seal, a_retiring_key_opens_and_does_not_seal)
{
    struct sealer *rotated, *later;
    cr_assert(!FAILED(sealer_new(KEY_B, KEY_A, &rotated)));
    cr_assert(!FAILED(sealer_new(KEY_B, NO_SLICE, &later)));
    opens(rotated, S("cookie"), sealed(sealer, S("cookie"), S("old")), S("old"));
    slice text = sealed(rotated, S("cookie"), S("new"));
    opens(rotated, S("cookie"), text, S("new"));
    opens(later, S("cookie"), text, S("new"));
    refuses(sealer, S("cookie"), text);
    sealer_free(rotated);
    sealer_free(later);
}

Test(seal, keys_of_another_length_are_refused)
{
    struct sealer *s;
    cr_expect(sealer_new(S("short"), NO_SLICE, &s).reason == CONFIG_VALUE && !s);
    cr_expect(sealer_new(NO_SLICE, NO_SLICE, &s).reason == CONFIG_VALUE && !s);
    cr_expect(sealer_new(KEY_A, S("short"), &s).reason == CONFIG_VALUE && !s);
    cr_expect(sealer_new(S("0123456789abcdef0123456789abcdef0"), NO_SLICE, &s).reason == CONFIG_VALUE && !s);
}

Test(seal, what_is_too_long_to_be_short_is_a_fault_of_ours)
{
    slice text;
    cr_expect(seal(sealer, S("cookie"), slice_of(arena.base, 4097), &arena, &text).reason == INTERNAL);
    cr_expect(seal(sealer, NO_SLICE, S("x"), &arena, &text).reason == INTERNAL);
}

/* RFC 5869 has no case without info and of 32 bytes; the library's HKDF is a second implementation. */
Test(seal, hkdf_is_that_of_the_library)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    for (size_t salt_size = 1; salt_size <= 64; salt_size++) {
        uint8_t salt[64], ours[32], theirs[32];
        memset(salt, (int)salt_size, sizeof salt);
        OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", (char[]){"SHA256"}, 0),
                                   OSSL_PARAM_construct_octet_string("key", (uint8_t *)(uintptr_t)KEY_A.ptr, 32),
                                   OSSL_PARAM_construct_octet_string("salt", salt, salt_size),
                                   OSSL_PARAM_construct_end()};
        cr_assert(EVP_KDF_derive(ctx, theirs, 32, parameters) == 1);
        hkdf_sha256(KEY_A, slice_of(salt, salt_size), ours);
        cr_expect(memcmp(ours, theirs, 32) == 0);
    }
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}
