/* SPDX-License-Identifier: Apache-2.0
 *
 * Encryption to a TEE. `jwe_test peer COMMAND` lets tests/scenario/jose_test.py hold core/crypto against another
 * implementation.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/crypto/jose.h"
#include "core/crypto/primitives.h"

static struct arena arena, secret;

static void begin(void)
{
    cr_assert(!FAILED(arena_map(&arena, 64 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(arena_map(&secret, 8 << 20, ARENA_SECRET)));
}

static void end(void)
{
    arena_unmap(&arena);
    arena_unmap(&secret);
}

TestSuite(jwe, .init = begin, .fini = end, .timeout = 120);

static void expect_reason(result r, enum reason why, const char *what)
{
    cr_expect(r.reason == why, "%s: %s, expected %s", what, reason_id((enum reason)r.reason), reason_id(why));
}

static const json *parsed(slice text)
{
    const json *v;
    cr_assert(!FAILED(json_parse(&arena, text, &v)), "%.*s", SLICE_ARG(text));
    return v;
}

static slice unhex(const char *hex)
{
    size_t length, room = strlen(hex) / 2;
    uint8_t *out = arena_alloc(&arena, room, 1);
    cr_assert(hex_decode(out, room, slice_text(hex), &length));
    return slice_of(out, length);
}

static slice decoded(slice text)
{
    size_t length, room = BASE64_DECODED_MAX(text.len);
    uint8_t *out = arena_alloc(&arena, room, 1);
    cr_assert(base64url_decode(out, room, text, &length));
    return slice_of(out, length);
}

/* --- primitives
 * -------------------------------------------------------------------------------------------------------------- */

/* RFC 7518 appendix C. */
Test(jwe, the_concat_kdf_is_that_of_rfc_7518)
{
    static const uint8_t z[32] = {158, 86, 217, 29,  129, 113, 53,  211, 114, 131, 66,  131, 191, 132, 38,  156,
                                  251, 49, 110, 163, 218, 128, 106, 72,  246, 218, 167, 121, 140, 254, 144, 196};
    uint8_t out[16];
    concat_kdf(slice_of(z, 32), &(struct concat_info){S("A128GCM"), S("Alice"), S("Bob")}, out, sizeof out);
    cr_expect(slice_equal(slice_of(out, 16), decoded(S("VqqN6vgjbSBcIijNcacQGg"))));
}

/* RFC 3394 sections 4.3, 4.5 and 4.6 are those with a 256-bit key. */
Test(jwe, key_wrap_is_that_of_rfc_3394)
{
    slice kek = unhex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
    const struct {
        const char *key, *wrapped;
    } cases[] = {
        {"00112233445566778899AABBCCDDEEFF", "64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7"},
        {"00112233445566778899AABBCCDDEEFF0001020304050607",
         "A8F9BC1612C68B3FF6E6F4FBE30E71E4769C8B80A32CB8958CD5D17D6B254DA1"},
        {"00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
         "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"},
    };
    for (size_t i = 0; i < 3; i++) {
        uint8_t out[48], back[48];
        slice key = unhex(cases[i].key), wrapped = unhex(cases[i].wrapped);
        cr_assert(!FAILED(key_wrap(kek, key, out)));
        cr_expect(slice_equal(slice_of(out, key.len + 8), wrapped));
        cr_assert(!FAILED(key_unwrap(kek, wrapped, back)));
        cr_expect(slice_equal(slice_of(back, key.len), key));
        for (size_t at = 0; at < wrapped.len; at++) {
            out[at] ^= 1;
            expect_reason(key_unwrap(kek, slice_of(out, wrapped.len), back), RELEASE_JWE, "a changed byte");
            out[at] ^= 1;
        }
        for (size_t size = 0; size < wrapped.len; size++)
            expect_reason(key_unwrap(kek, slice_of(out, size), back), RELEASE_JWE, "a short text");
    }
}

/* --- round trips
 * --------------------------------------------------------------------------------------------------------------- */

static const char *const ALGS[] = {"ECDH-ES+A256KW-P256", "ECDH-ES+A256KW-P521", "RSA-OAEP-256"};

struct pair {
    struct jwe_private *private;
    struct jwe_key *public;
};

static struct pair pair_of(const char *alg)
{
    struct pair p;
    slice jwk;
    cr_assert(!FAILED(jwe_private_generate(slice_text(alg), &p.private)));
    cr_assert(!FAILED(jwe_private_jwk(p.private, &arena, &jwk)));
    result r = jwe_key_from_jwk(parsed(jwk), false, &p.public);
    cr_assert(!FAILED(r), "%.*s: %s", SLICE_ARG(jwk), reason_id((enum reason)r.reason));
    return p;
}

static void pair_free(struct pair *p)
{
    jwe_private_free(p->private);
    jwe_key_free(p->public);
}

static slice encrypted(const struct pair *p, slice plaintext)
{
    slice out;
    result r = jwe_encrypt(p->public, plaintext, &secret, &arena, &out);
    cr_assert(!FAILED(r), "%s", reason_id((enum reason)r.reason));
    return out;
}

static void round_trip(const struct pair *p, slice plaintext)
{
    slice got;
    result r = jwe_decrypt(p->private, encrypted(p, plaintext), &arena, &secret, &got);
    cr_assert(!FAILED(r), "%s", reason_id((enum reason)r.reason));
    cr_expect(got.ptr && slice_equal(got, plaintext));
}

Test(jwe, what_was_encrypted_decrypts_whatever_its_bytes_and_size)
{
    uint8_t every[256];
    uint8_t *large = arena_alloc(&arena, 2 << 20, 1);
    for (size_t i = 0; i < 256; i++)
        every[i] = (uint8_t)i;
    for (size_t i = 0; i < 2 << 20; i++)
        large[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < 3; i++) {
        struct pair p = pair_of(ALGS[i]);
        size_t sizes[] = {0, 1, 2, 3, 3071, 3072, 3073, 6144, 2 << 20};
        round_trip(&p, slice_of(every, 256));
        for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++)
            round_trip(&p, slice_of(large, sizes[n]));
        secret.used = 0;
        pair_free(&p);
    }
}

Test(jwe, nothing_is_ever_used_twice)
{
    struct pair p = pair_of(ALGS[0]);
    slice a = encrypted(&p, S("same")), b = encrypted(&p, S("same"));
    const char *names[] = {"protected", "encrypted_key", "iv", "ciphertext", "tag"};
    for (size_t i = 0; i < 5; i++)
        cr_expect(!slice_equal(json_text(json_get(parsed(a), slice_text(names[i]))),
                               json_text(json_get(parsed(b), slice_text(names[i])))));
    pair_free(&p);
}

/* A child must not repeat what its parent draws. */
Test(jwe, a_fork_draws_other_numbers)
{
    uint8_t ours[32], theirs[32];
    int ends[2];
    cr_assert(!FAILED(random_bytes(ours, sizeof ours)) && pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        bool good =
            !FAILED(random_bytes(theirs, sizeof theirs)) && write(ends[1], theirs, sizeof theirs) == sizeof theirs;
        _exit(!good);
    }
    cr_assert(child > 0 && !FAILED(random_bytes(ours, sizeof ours)));
    cr_assert(read(ends[0], theirs, sizeof theirs) == sizeof theirs);
    cr_expect(memcmp(ours, theirs, sizeof ours) != 0);
    waitpid(child, NULL, 0);
}

/* Clients recompute the AAD from their own serialisation of the header. */
Test(jwe, members_stand_in_the_order_that_clients_write)
{
    for (size_t i = 0; i < 3; i++) {
        struct pair p = pair_of(ALGS[i]);
        slice text = encrypted(&p, S("x")), key;
        const char *names[] = {"protected", "encrypted_key", "iv", "ciphertext", "tag"};
        const json *v = parsed(text), *m = NULL;
        for (size_t n = 0; n < 5; n++) {
            m = json_next(v, m, &key);
            cr_expect(slice_equal(key, slice_text(names[n])));
        }
        cr_expect(json_count(v) == 5);
        slice header = decoded(json_text(json_get(v, S("protected"))));
        const json *h = parsed(header), *epk = json_get(h, S("epk"));
        slice x = json_text(json_get(epk, S("x"))), y = json_text(json_get(epk, S("y")));
        slice expected = i == 2
                             ? S("{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\"}")
                             : arena_printf(&arena,
                                            "{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\",\"epk\":{\"crv\":\"%s\","
                                            "\"kty\":\"EC\",\"x\":\"%.*s\",\"y\":\"%.*s\"}}",
                                            i ? "P-521" : "P-256", SLICE_ARG(x), SLICE_ARG(y));
        cr_expect(slice_equal(header, expected), "%.*s", SLICE_ARG(header));
        pair_free(&p);
    }
}

Test(jwe, no_secret_stays_behind)
{
    struct pair p = pair_of(ALGS[0]);
    encrypted(&p, S("x"));
    cr_expect(secret.used == 0);
    for (size_t i = 0; i < secret.high; i++)
        cr_assert(secret.base[i] == 0);
    pair_free(&p);
}

Test(jwe, an_answer_that_does_not_fit_is_a_matter_of_memory)
{
    struct pair p = pair_of(ALGS[0]);
    struct arena small;
    slice out;
    cr_assert(!FAILED(arena_map(&small, 4096, ARENA_PLAIN)));
    for (size_t room = 0; room < 1200; room += 13) {
        small.used = small.size - room;
        result r = jwe_encrypt(p.public, S("0123456789"), &secret, &small, &out);
        cr_expect(FAILED(r) ? r.reason == NO_MEMORY && !out.ptr : out.len <= room);
    }
    arena_unmap(&small);
    pair_free(&p);
}

/* --- refusals
 * --------------------------------------------------------------------------------------------------------------------
 */

static void decrypt_refuses(const struct pair *p, slice text)
{
    slice got;
    result r = jwe_decrypt(p->private, text, &arena, &secret, &got);
    cr_expect(FAILED(r) && !got.ptr, "%.*s", SLICE_ARG(text));
}

Test(jwe, a_changed_character_anywhere_is_refused)
{
    for (size_t i = 0; i < 3; i += 2) {
        struct pair p = pair_of(ALGS[i]);
        slice text = encrypted(&p, S("the secret"));
        uint8_t *changed = arena_alloc(&arena, text.len, 1);
        for (size_t at = 0; at < text.len; at++) {
            size_t used = arena.used;
            memcpy(changed, text.ptr, text.len);
            changed[at] = changed[at] == 'A' ? 'B' : 'A';
            decrypt_refuses(&p, slice_of(changed, text.len));
            arena.used = used;
        }
        pair_free(&p);
    }
}

Test(jwe, another_key_is_refused)
{
    for (size_t i = 0; i < 3; i++) {
        struct pair one = pair_of(ALGS[i]), two = pair_of(ALGS[i]), other = pair_of(ALGS[(i + 1) % 3]);
        slice text = encrypted(&one, S("the secret"));
        decrypt_refuses(&two, text);
        decrypt_refuses(&other, text);
        pair_free(&one);
        pair_free(&two);
        pair_free(&other);
    }
}

Test(jwe, tags_and_keys_of_another_length_are_refused)
{
    struct pair p = pair_of(ALGS[0]);
    slice text = encrypted(&p, S(""));
    const char *members[] = {"tag", "iv", "encrypted_key"};
    for (size_t i = 0; i < 3; i++) {
        slice value = json_text(json_get(parsed(text), slice_text(members[i])));
        const uint8_t *at = memmem(text.ptr, text.len, value.ptr, value.len);
        cr_assert(at);
        int before = (int)(at - text.ptr), after = (int)(text.len - (size_t)before - value.len);
        for (size_t size = 0; size < value.len; size += 4)
            decrypt_refuses(&p, arena_printf(&arena, "%.*s%.*s%.*s", before, text.ptr, (int)size, value.ptr, after,
                                             at + value.len));
    }
    pair_free(&p);
}

#define X "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\""
#define Y "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define EC "\"kty\":\"EC\",\"crv\":\"P-256\"," X "," Y

static double milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void key_refuses(const char *text)
{
    struct jwe_key *k;
    const json *jwk = parsed(slice_text(text));
    double start = milliseconds();
    expect_reason(jwe_key_from_jwk(jwk, true, &k), RELEASE_JWE, text);
    cr_expect(milliseconds() - start < 20, "%s", text);
    cr_expect(!k);
}

static void key_accepts(const char *text)
{
    struct jwe_key *k;
    expect_reason(jwe_key_from_jwk(parsed(slice_text(text)), true, &k), REASON_OK, text);
    jwe_key_free(k);
}

Test(jwe, keys_whose_members_do_not_match_are_refused)
{
    key_accepts("{" EC ",\"alg\":\"ECDH-ES+A256KW\"}");
    key_refuses("{" EC "}");
    key_refuses("{" EC ",\"alg\":\"ECDH-ES\"}");
    key_refuses("{" EC ",\"alg\":\"ECDH-ES+A128KW\"}");
    key_refuses("{" EC ",\"alg\":\"RSA-OAEP-256\"}");
    key_refuses("{" EC ",\"alg\":\"ES256\"}");
    key_refuses("{" EC ",\"alg\":7}");
    key_refuses("{\"crv\":\"P-256\"," X "," Y ",\"alg\":\"ECDH-ES+A256KW\"}");
    key_refuses("{\"kty\":\"EC\",\"crv\":\"P-521\"," X "," Y ",\"alg\":\"ECDH-ES+A256KW\"}");
    key_refuses("{\"kty\":\"EC\",\"crv\":\"P-384\"," X "," Y ",\"alg\":\"ECDH-ES+A256KW\"}");
    key_refuses("{\"kty\":\"RSA\",\"crv\":\"P-256\"," X "," Y ",\"alg\":\"ECDH-ES+A256KW\"}");
    key_refuses("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"," X ",\"alg\":\"ECDH-ES+A256KW\"}");
    key_refuses("{\"kty\":\"AKP\",\"alg\":\"ML-KEM-768+A192KW\",\"pub\":\"AAAA\"}");
    key_refuses("{\"kty\":\"oct\",\"k\":\"AAAA\",\"alg\":\"A256KW\"}");
    key_refuses("[]");
    key_refuses("\"x\"");
}

Test(jwe, points_that_are_not_on_the_curve_are_refused)
{
#define WITH_Y(y) "{\"kty\":\"EC\",\"crv\":\"P-256\"," X ",\"y\":\"" y "\",\"alg\":\"ECDH-ES+A256KW\"}"
    key_refuses(WITH_Y("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a8"));
    key_refuses(WITH_Y("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0="));
    key_refuses(WITH_Y("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5Q"));
    key_refuses(WITH_Y("AMfxRM0bvZt-hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt"));
    key_refuses(WITH_Y("x/FEzRu9m36HLN/tue659LNpXW6pCyStikYjKIWI5a0"));
    key_refuses(WITH_Y("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    key_refuses(WITH_Y("_____wAAAAEAAAAAAAAAAAAAAAD_______________w"));
    key_refuses(WITH_Y("__________________________________________8"));
    key_refuses("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
                "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"alg\":\"ECDH-ES+A256KW\"}");
}

/* The curve's point with x = 0, and the same with the field's prime added. */
Test(jwe, coordinates_beyond_the_field_are_refused)
{
#define POINT(x)                                   \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" x \
    "\",\"y\":\"ZkhceA4vg9ckM71dhKBrtlQcKvMdrocXKL-FahdPk_Q\",\"alg\":\"ECDH-ES+A256KW\"}"
    key_accepts(POINT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    key_refuses(POINT("_____wAAAAEAAAAAAAAAAAAAAAD_______________8"));
}

Test(jwe, p_521_coordinates_have_66_bytes)
{
    struct pair p = pair_of(ALGS[1]);
    slice text;
    cr_assert(!FAILED(jwe_private_jwk(p.private, &arena, &text)));
    const json *v = parsed(text);
    slice x = json_text(json_get(v, S("x"))), y = json_text(json_get(v, S("y")));
    cr_expect(x.len == 88 && y.len == 88);
#define FORM "{\"kty\":\"EC\",\"crv\":\"P-521\",\"alg\":\"ECDH-ES+A256KW\",\"x\":\"%.*s%s\",\"y\":\"%.*s\"}"
    key_accepts((const char *)arena_printf(&arena, FORM, 88, x.ptr, "", 88, y.ptr).ptr);
    key_refuses((const char *)arena_printf(&arena, FORM, 86, x.ptr, "", 88, y.ptr).ptr);
    key_refuses((const char *)arena_printf(&arena, FORM, 88, x.ptr, "AA", 88, y.ptr).ptr);
    key_refuses((const char *)arena_printf(&arena, FORM, 88, x.ptr, "AAAA", 88, y.ptr).ptr);
    pair_free(&p);
}

static const char *rsa_jwk(size_t bytes, uint8_t first, uint8_t last, const char *e)
{
    uint8_t *modulus = arena_alloc(&arena, bytes + 1, 1);
    memset(modulus, 0xa5, bytes);
    modulus[0] = first;
    modulus[bytes - (bytes > 0)] = last;
    struct text t = text_begin(&arena);
    text_lit(&t, "{\"kty\":\"RSA\",\"alg\":\"RSA-OAEP-256\",\"n\":\"");
    text_base64url(&t, slice_of(modulus, bytes));
    text_lit(&t, "\",\"e\":\"");
    text_add(&t, slice_text(e));
    text_add(&t, slice_of("\"}", 3));
    return (const char *)text_end(&t).ptr;
}

Test(jwe, rsa_keys_that_are_weak_or_huge_are_refused)
{
    key_accepts(rsa_jwk(256, 0x80, 1, "AQAB"));
    key_accepts(rsa_jwk(1024, 0xff, 1, "AQAB"));
    key_refuses(rsa_jwk(0, 0, 1, "AQAB"));
    key_refuses(rsa_jwk(1, 0, 0, "AQAB"));
    key_refuses(rsa_jwk(128, 0xff, 1, "AQAB"));
    key_refuses(rsa_jwk(256, 0x7f, 1, "AQAB"));
    key_refuses(rsa_jwk(256, 0xff, 2, "AQAB"));
    key_refuses(rsa_jwk(256, 0xff, 1, "AQ"));
    key_refuses(rsa_jwk(256, 0xff, 1, "Aw"));
    key_refuses(rsa_jwk(256, 0xff, 1, "AQAA"));
    key_refuses(rsa_jwk(256, 0xff, 1, "AQAAAAE"));
    key_refuses(rsa_jwk(256, 0xff, 1, "AAAAAAAAAAAB"));
    key_refuses(rsa_jwk(1025, 0xff, 1, "AQAB"));
    key_refuses(rsa_jwk(2048, 0xff, 1, "AQAB"));
    key_refuses(rsa_jwk(100000, 0xff, 1, "AQAB"));
}

Test(jwe, rsa1_5_works_only_where_it_is_allowed)
{
    struct jwe_key *k;
    char *text = (char *)(uintptr_t)rsa_jwk(256, 0x80, 1, "AQAB");
    const json *jwk = parsed(arena_printf(&arena, "{\"alg\":\"RSA1_5\",\"kty\":\"RSA\",%s", strstr(text, "\"n\"")));
    expect_reason(jwe_key_from_jwk(jwk, false, &k), RELEASE_JWE, "RSA1_5");
    expect_reason(jwe_key_from_jwk(jwk, true, &k), REASON_OK, "RSA1_5");
    slice out;
    cr_expect(!FAILED(jwe_encrypt(k, S("x"), &secret, &arena, &out)));
    cr_expect(slice_starts(out, S("{\"protected\":\"eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMjU2R0NNIn0\"")));
    jwe_key_free(k);
}

Test(jwe, one_key_has_one_thumbprint)
{
    uint8_t a[32], b[32];
    cr_assert(!FAILED(jwk_thumbprint(parsed(S("{" EC ",\"alg\":\"ECDH-ES+A256KW\"}")), &arena, a)));
    cr_assert(!FAILED(
        jwk_thumbprint(parsed(S("{\"kid\":\"k\"," Y "," X ",\"crv\":\"P-256\",\"kty\":\"\\u0045C\"}")), &arena, b)));
    cr_expect(memcmp(a, b, 32) == 0);
    expect_reason(jwk_thumbprint(parsed(S("{}")), &arena, a), RELEASE_JWE, "no key");
}

Test(jwe, keys_of_other_kinds_are_not_made)
{
    struct jwe_private *k;
    const char *names[] = {"", "RSA1_5", "ECDH-ES+A256KW", "ECDH-ES+A256KW-P384", "ML-KEM-768+A192KW"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        expect_reason(jwe_private_generate(slice_text(names[i]), &k), RELEASE_JWE, names[i]);
}

/* --- the peer's side
 * ------------------------------------------------------------------------------------------------------------- */

static slice line_in(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t size = getline(&line, &room, stdin);
    slice copy = size > 0 ? arena_copy(&arena, slice_of(line, (size_t)size - (line[size - 1] == '\n'))) : NO_SLICE;
    free(line);
    return copy;
}

static int line_out(result r, slice text)
{
    if (FAILED(r))
        text = slice_text(reason_id((enum reason)r.reason));
    fwrite(text.ptr, 1, text.len, stdout);
    fputc('\n', stdout);
    fflush(stdout);
    return FAILED(r);
}

/* One line: {"jwk":{…},"plaintext":"base64url"}. */
static int peer_encrypt(void)
{
    struct jwe_key *k;
    slice out = NO_SLICE;
    const json *v = parsed(line_in());
    result r = jwe_key_from_jwk(json_get(v, S("jwk")), true, &k);
    if (!FAILED(r))
        r = jwe_encrypt(k, decoded(json_text(json_get(v, S("plaintext")))), &secret, &arena, &out);
    jwe_key_free(k);
    return line_out(r, out);
}

/* Writes a public key; reads a JWE to it and writes its plaintext. */
static int peer_decrypt(const char *alg)
{
    struct jwe_private *k;
    slice jwk = NO_SLICE, plaintext;
    result r = jwe_private_generate(slice_text(alg), &k);
    if (!FAILED(r))
        r = jwe_private_jwk(k, &arena, &jwk);
    if (line_out(r, jwk))
        return 1;
    r = jwe_decrypt(k, line_in(), &arena, &secret, &plaintext);
    jwe_private_free(k);
    struct text t = text_begin(&arena);
    text_base64url(&t, plaintext);
    return line_out(r, text_end(&t));
}

/* One line: {"pem":"…","header":"…","payload":"…"}, both JSON texts. */
static int peer_sign(void)
{
    struct jws_signer *s;
    slice out = NO_SLICE;
    const json *v = parsed(line_in());
    result r = jws_signer_from_pem(json_text(json_get(v, S("pem"))), &s);
    if (!FAILED(r))
        r = jws_sign(s, &arena, json_text(json_get(v, S("header"))), json_text(json_get(v, S("payload"))), &out);
    jws_signer_free(s);
    return line_out(r, out);
}

/* One line: {"jwk":{…},"jws":"…"}. */
static int peer_verify(void)
{
    struct jws_key *k;
    struct jws j;
    const json *v = parsed(line_in());
    result r = jws_key_from_jwk(json_get(v, S("jwk")), &k);
    if (!FAILED(r))
        r = jws_parse(&arena, json_text(json_get(v, S("jws"))), &j);
    if (!FAILED(r))
        r = jws_verify(&j, k);
    jws_key_free(k);
    return line_out(r, S("ok"));
}

/* One line of JSON; its canonical form. */
static int peer_canonical(void)
{
    const json *v;
    result r = json_parse(&arena, line_in(), &v);
    struct text t = text_begin(&arena);
    if (!FAILED(r))
        r = json_canonical(&t, v);
    return line_out(r, text_end(&t));
}

static int peer(const char *command, const char *argument)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } commands[] = {
        {"encrypt", peer_encrypt}, {"sign", peer_sign}, {"verify", peer_verify}, {"canonical", peer_canonical}};
    if (FAILED(arena_map(&arena, 256 << 20, ARENA_PLAIN)) || FAILED(arena_map(&secret, 8 << 20, ARENA_SECRET)))
        return 2;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(command, commands[i].name) == 0)
            return commands[i].run();
    return strcmp(command, "decrypt") == 0 && argument ? peer_decrypt(argument) : 2;
}

/* main() is Criterion's, so this runs before it; the C library hands constructors the arguments. */
__attribute__((constructor)) static void peer_first(int argc, char *argv[])
{
    if (argc > 2 && strcmp(argv[1], "peer") == 0)
        exit(peer(argv[2], argc > 3 ? argv[3] : NULL));
}
