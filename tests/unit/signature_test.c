/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/signature/signature.h"

#include <criterion/criterion.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "lib/tcg/tpm.h"
#include "tests/support/test_tpm.h"

static struct arena arena;

static void begin(void)
{
    cr_assert(!FAILED(arena_map(&arena, 16 << 20, ARENA_PLAIN)));
}

static void end(void)
{
    arena_unmap(&arena);
}

TestSuite(signature, .init = begin, .fini = end, .timeout = 120);

static slice unhex(const char *hex)
{
    size_t n = strlen(hex) / 2, length;
    uint8_t *room = arena_alloc(&arena, n, 1);
    cr_assert(hex_decode(room, n, slice_text(hex), &length));
    return slice_of(room, length);
}

static struct public_key *key_of(EVP_PKEY *pkey)
{
    struct public_key *key;
    result r = public_key_new(test_spki(&arena, pkey), &key);
    cr_assert(!FAILED(r), "%s", reason_id((enum reason)r.reason));
    return key;
}

static enum reason refused(slice spki)
{
    struct public_key *key;
    result r = public_key_new(spki, &key);
    public_key_free(key);
    return (enum reason)r.reason;
}

/* --- digests and published vectors
 * ---------------------------------------------------------------------------------------- */

Test(signature, digests_are_those_of_fips_180_4)
{
    uint8_t out[HASH_SIZE_MAX];
    cr_assert(!FAILED(sha256(S("abc"), out)));
    cr_expect(
        slice_equal(slice_of(out, 32), unhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")));
    cr_assert(!FAILED(hash_bytes(HASH_SHA384, S("abc"), out)));
    cr_expect(slice_equal(slice_of(out, 48), unhex("cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                                                   "8086072ba1e7cc2358baeca134c825a7")));
    cr_assert(!FAILED(hash_bytes(HASH_SHA512, S(""), out)));
    cr_expect(
        slice_equal(slice_of(out, 64), unhex("cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
                                             "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e")));
}

/* RFC 6979 A.2.5 and A.2.6: message "sample". */
static const char P256_SPKI[] = "3059301306072a8648ce3d020106082a8648ce3d030107034200"
                                "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                                "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
static const char P384_SPKI[] = "3076301006072a8648ce3d020106052b81040022036200"
                                "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64"
                                "def8f0ea9055866064a254515480bc138015d9b72d7d57244ea8ef9ac0c6218967"
                                "08a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720";

static void rfc6979(const char *spki, enum hash h, const char *r, const char *s)
{
    struct public_key *key;
    slice der = unhex(spki);
    cr_assert(!FAILED(public_key_new(der, &key)));
    struct raw_signature signature = {.scheme = SIGNATURE_ECDSA, .hash = h, .r = unhex(r), .s = unhex(s)};
    cr_expect(!FAILED(signature_verify(key, &signature, S("sample"))));
    cr_expect(signature_verify(key, &signature, S("Sample")).reason == SIGNATURE_INVALID);
    public_key_free(key);
}

Test(signature, ecdsa_p256_holds_for_rfc_6979)
{
    rfc6979(P256_SPKI, HASH_SHA256, "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
    rfc6979(P256_SPKI, HASH_SHA384, "0eafea039b20e9b42309fb1d89e213057cbf973dc0cfc8f129edddc800ef7719",
            "4861f0491e6998b9455193e34e7b0d284ddd7149a74b95b9261f13abde940954");
    rfc6979(P256_SPKI, HASH_SHA512, "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00",
            "2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe");
}

Test(signature, ecdsa_p384_holds_for_rfc_6979)
{
    rfc6979(P384_SPKI, HASH_SHA384,
            "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46",
            "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8");
}

Test(signature, a_bare_point_verifies_as_its_key_does)
{
    slice spki = unhex(P256_SPKI), point = slice_sub(spki, 27, 64);
    struct raw_signature signature = {.scheme = SIGNATURE_ECDSA,
                                      .hash = HASH_SHA256,
                                      .r = unhex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"),
                                      .s = unhex("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8")};
    cr_expect(!FAILED(ecdsa_verify_point(KEY_P256, point, &signature, S("sample"))));
    cr_expect(ecdsa_verify_point(KEY_P256, point, &signature, S("Sample")).reason == SIGNATURE_INVALID);
    cr_expect(ecdsa_verify_point(KEY_P384, point, &signature, S("sample")).reason == SIGNATURE_KEY);
    cr_expect(ecdsa_verify_point(KEY_P256, slice_sub(spki, 26, 65), &signature, S("sample")).reason == SIGNATURE_KEY);
    cr_expect(ecdsa_verify_point(KEY_P256, slice_sub(spki, 26, 64), &signature, S("sample")).reason == SIGNATURE_KEY);
    cr_expect(ecdsa_verify_point(KEY_RSA, point, &signature, S("sample")).reason == SIGNATURE_SCHEME);
    signature.scheme = SIGNATURE_RSASSA;
    cr_expect(ecdsa_verify_point(KEY_P256, point, &signature, S("sample")).reason == SIGNATURE_SCHEME);
}

Test(signature, a_key_that_comes_back_says_the_same_each_time)
{
    struct public_key *key;
    cr_assert(!FAILED(public_key_new(unhex(P384_SPKI), &key)));
    struct raw_signature signature = {
        .scheme = SIGNATURE_ECDSA,
        .hash = HASH_SHA384,
        .r = unhex("94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"),
        .s = unhex("99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8")};
    for (int use = 0; use < 5; use++) {
        cr_expect(!FAILED(signature_verify(key, &signature, S("sample"))), "%d", use);
        cr_expect(signature_verify(key, &signature, S("simple")).reason == SIGNATURE_INVALID, "%d", use);
    }
    public_key_free(key);
}

/* --- all schemes and hashes, made by OpenSSL
 * ------------------------------------------------------------------------------- */

static const struct {
    uint16_t id;
    const char *name;
} HASHES[] = {{0x000b, "SHA256"}, {0x000c, "SHA384"}, {0x000d, "SHA512"}};

static struct raw_signature make(EVP_PKEY *pkey, uint16_t scheme, size_t hash, int salt)
{
    struct test_scheme how = {.scheme = scheme, .hash = HASHES[hash].id, .digest = HASHES[hash].name, .salt = salt};
    struct tpm_signature parsed;
    struct raw_signature raw;
    cr_assert(!FAILED(tpm_read_signature(test_sign(&arena, pkey, &how, S("message")), &parsed)));
    cr_assert(!FAILED(tpm_raw_signature(&parsed, &raw)));
    return raw;
}

static void holds_and_no_other_way(EVP_PKEY *pkey, uint16_t scheme, int salt)
{
    struct public_key *key = key_of(pkey);
    for (size_t h = 0; h < HASH_COUNT; h++) {
        struct raw_signature raw = make(pkey, scheme, h, salt);
        cr_expect(!FAILED(signature_verify(key, &raw, S("message"))), "%04x %zu", scheme, h);
        cr_expect(signature_verify(key, &raw, S("massage")).reason == SIGNATURE_INVALID);
        for (int s = 0; s < SIGNATURE_SCHEME_COUNT; s++)
            for (int other = 0; other < HASH_COUNT; other++) {
                struct raw_signature wrong = raw;
                wrong.scheme = (enum signature_scheme)s;
                wrong.hash = (enum hash)other;
                if (wrong.scheme != raw.scheme || wrong.hash != raw.hash)
                    cr_expect(FAILED(signature_verify(key, &wrong, S("message"))), "%d %d", s, other);
            }
    }
    public_key_free(key);
    EVP_PKEY_free(pkey);
}

Test(signature, rsassa_holds_with_each_hash_and_under_no_other_name)
{
    holds_and_no_other_way(test_rsa(2048), 0x0014, 0);
    holds_and_no_other_way(test_rsa(3072), 0x0014, 0);
}

Test(signature, rsapss_holds_with_a_salt_as_long_as_the_digest)
{
    holds_and_no_other_way(test_rsa(2048), 0x0016, RSA_PSS_SALTLEN_DIGEST);
}

Test(signature, rsapss_holds_with_the_longest_salt)
{
    holds_and_no_other_way(test_rsa(2048), 0x0016, RSA_PSS_SALTLEN_MAX);
    holds_and_no_other_way(test_rsa(2049), 0x0016, RSA_PSS_SALTLEN_MAX);
}

Test(signature, rsapss_with_another_salt_length_is_refused)
{
    static const int lengths[] = {0, 1, 20, 31, 33, 64};
    EVP_PKEY *pkey = test_rsa(2048);
    struct public_key *key = key_of(pkey);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct raw_signature raw = make(pkey, 0x0016, 0, lengths[i]);
        cr_expect(signature_verify(key, &raw, S("message")).reason == SIGNATURE_INVALID, "%d", lengths[i]);
    }
    public_key_free(key);
    EVP_PKEY_free(pkey);
}

Test(signature, ecdsa_holds_with_each_hash_and_under_no_other_name)
{
    holds_and_no_other_way(test_ec("P-256"), 0x0018, 0);
    holds_and_no_other_way(test_ec("P-384"), 0x0018, 0);
}

Test(signature, a_key_takes_schemes_of_its_type_only)
{
    EVP_PKEY *rsa = test_rsa(2048), *ec = test_ec("P-256");
    struct public_key *rsa_key = key_of(rsa), *ec_key = key_of(ec);
    struct raw_signature raw = make(rsa, 0x0014, 0, 0), ecdsa = make(ec, 0x0018, 0, 0);
    cr_expect(signature_verify(ec_key, &raw, S("message")).reason == SIGNATURE_SCHEME);
    cr_expect(signature_verify(rsa_key, &ecdsa, S("message")).reason == SIGNATURE_SCHEME);
    public_key_free(rsa_key);
    public_key_free(ec_key);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}

Test(signature, an_rsa_signature_of_another_length_is_refused)
{
    EVP_PKEY *pkey = test_rsa(2048);
    struct public_key *key = key_of(pkey);
    struct raw_signature raw = make(pkey, 0x0014, 0, 0), other = raw;
    uint8_t longer[257] = {0};
    memcpy(longer + 1, raw.bytes.ptr, 256);
    other.bytes = slice_of(longer, sizeof longer);
    cr_expect(signature_verify(key, &other, S("message")).reason == SIGNATURE_INVALID);
    for (size_t n = 0; n < 256; n++) {
        other.bytes = slice_sub(raw.bytes, 0, n);
        cr_expect(signature_verify(key, &other, S("message")).reason == SIGNATURE_INVALID);
    }
    public_key_free(key);
    EVP_PKEY_free(pkey);
}

Test(signature, ecdsa_numbers_that_are_zero_missing_or_too_long_are_refused)
{
    static const uint8_t zeros[49];
    EVP_PKEY *pkey = test_ec("P-256");
    struct public_key *key = key_of(pkey);
    struct raw_signature raw = make(pkey, 0x0018, 0, 0);
    const slice bad[] = {NO_SLICE, slice_of(zeros, 32), slice_of(zeros, 33), slice_of(zeros, 49),
                         unhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct raw_signature wrong = raw;
        wrong.r = bad[i];
        cr_expect(signature_verify(key, &wrong, S("message")).reason == SIGNATURE_INVALID, "r %zu", i);
        wrong = raw;
        wrong.s = bad[i];
        cr_expect(signature_verify(key, &wrong, S("message")).reason == SIGNATURE_INVALID, "s %zu", i);
    }
    public_key_free(key);
    EVP_PKEY_free(pkey);
}

/* --- keys
 * ------------------------------------------------------------------------------------------------------------------ */

Test(signature, a_key_knows_type_size_and_digest)
{
    EVP_PKEY *rsa = test_rsa(3072);
    struct public_key *key = key_of(rsa), *ec;
    uint8_t digest[32];
    cr_assert(!FAILED(sha256(test_spki(&arena, rsa), digest)));
    cr_expect(public_key_type(key) == KEY_RSA && public_key_bits(key) == 3072);
    cr_expect(slice_equal(public_key_digest(key), slice_of(digest, 32)));
    cr_assert(!FAILED(public_key_new(unhex(P384_SPKI), &ec)));
    cr_expect(public_key_type(ec) == KEY_P384 && public_key_bits(ec) == 384);
    cr_expect(public_key_equal(key, key) && !public_key_equal(key, ec));
    public_key_free(key);
    public_key_free(ec);
    EVP_PKEY_free(rsa);
}

Test(signature, every_truncation_and_a_byte_more_of_a_key_are_refused)
{
    EVP_PKEY *rsa = test_rsa(2048);
    slice whole = test_spki(&arena, rsa), ec = unhex(P256_SPKI);
    for (size_t n = 0; n < whole.len; n++)
        cr_expect(refused(slice_sub(whole, 0, n)) == SIGNATURE_KEY, "%zu", n);
    for (size_t n = 0; n < ec.len; n++)
        cr_expect(refused(slice_sub(ec, 0, n)) == SIGNATURE_KEY, "%zu", n);
    uint8_t longer[1025] = {0};
    memcpy(longer, whole.ptr, whole.len);
    cr_expect(refused(slice_of(longer, whole.len + 1)) == SIGNATURE_KEY);
    cr_expect(refused(slice_of(longer, sizeof longer)) == SIGNATURE_KEY);
    EVP_PKEY_free(rsa);
}

Test(signature, rsa_keys_below_2048_and_above_4096_bits_are_refused)
{
    static const unsigned bits[] = {1024, 2047, 4224};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        EVP_PKEY *key = test_rsa(bits[i]);
        cr_expect(refused(test_spki(&arena, key)) == SIGNATURE_KEY, "%u bits", bits[i]);
        EVP_PKEY_free(key);
    }
}

static EVP_PKEY *rsa_of(const BIGNUM *n, BN_ULONG exponent)
{
    OSSL_PARAM params[3];
    unsigned long e = exponent;
    uint8_t modulus[512];
    int size = BN_bn2nativepad(n, modulus, (BN_num_bits(n) + 7) / 8);
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, modulus, (size_t)size);
    params[1] = OSSL_PARAM_construct_ulong(OSSL_PKEY_PARAM_RSA_E, &e);
    params[2] = OSSL_PARAM_construct_end();
    cr_assert(EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

Test(signature, rsa_exponents_and_moduli_that_no_generator_makes_are_refused)
{
    static const BN_ULONG exponents[] = {1, 3, 65535, 65538, 0x100000001};
    EVP_PKEY *whole = test_rsa(2048);
    BIGNUM *n = NULL;
    cr_assert(EVP_PKEY_get_bn_param(whole, OSSL_PKEY_PARAM_RSA_N, &n) == 1);
    EVP_PKEY *same = rsa_of(n, 65537);
    cr_expect(refused(test_spki(&arena, same)) == REASON_OK);
    EVP_PKEY_free(same);
    for (size_t i = 0; i < sizeof exponents / sizeof *exponents; i++) {
        EVP_PKEY *key = rsa_of(n, exponents[i]);
        cr_expect(refused(test_spki(&arena, key)) == SIGNATURE_KEY, "%lu", (unsigned long)exponents[i]);
        EVP_PKEY_free(key);
    }
    cr_assert(BN_sub_word(n, 1) == 1);
    EVP_PKEY *even = rsa_of(n, 65537);
    cr_expect(refused(test_spki(&arena, even)) == SIGNATURE_KEY);
    EVP_PKEY_free(even);
    BN_free(n);
    EVP_PKEY_free(whole);
}

Test(signature, other_curves_and_kinds_of_key_are_refused)
{
    static const char *const curves[] = {"P-224", "P-521", "secp256k1", "brainpoolP256r1"};
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        EVP_PKEY *key = test_ec(curves[i]);
        cr_expect(refused(test_spki(&arena, key)) == SIGNATURE_KEY, "%s", curves[i]);
        EVP_PKEY_free(key);
    }
    EVP_PKEY *ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    cr_expect(refused(test_spki(&arena, ed25519)) == SIGNATURE_KEY);
    EVP_PKEY_free(ed25519);
}

Test(signature, a_point_off_the_curve_is_refused)
{
    uint8_t spki[91];
    slice good = unhex(P256_SPKI);
    memcpy(spki, good.ptr, sizeof spki);
    spki[90] ^= 1;
    cr_expect(refused(slice_of(spki, sizeof spki)) == SIGNATURE_KEY);
}

Test(signature, a_compressed_point_is_refused_so_that_a_key_has_one_digest)
{
    slice compressed = unhex("3039301306072a8648ce3d020106082a8648ce3d030107032200"
                             "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6");
    cr_expect(refused(compressed) == SIGNATURE_KEY);
    /* RFC 5480 has no hybrid form, X9.62 has: 06 or 07, then both coordinates. */
    uint8_t hybrid[91];
    memcpy(hybrid, unhex(P256_SPKI).ptr, sizeof hybrid);
    hybrid[26] = 0x07;
    cr_expect(refused(slice_of(hybrid, sizeof hybrid)) == SIGNATURE_KEY);
    hybrid[26] = 0x06;
    cr_expect(refused(slice_of(hybrid, sizeof hybrid)) == SIGNATURE_KEY);
}

Test(signature, a_length_in_more_bytes_than_it_takes_is_refused)
{
    uint8_t spki[92] = {0x30, 0x81, 0x59};
    memcpy(spki + 3, unhex(P256_SPKI).ptr + 2, 89);
    cr_expect(refused(slice_of(spki, sizeof spki)) == SIGNATURE_KEY);
}

Test(signature, any_bit_changed_in_a_key_makes_another_key_or_none)
{
    slice good = unhex(P256_SPKI);
    struct public_key *right;
    cr_assert(!FAILED(public_key_new(good, &right)));
    for (size_t bit = 0; bit < good.len * 8; bit++) {
        uint8_t changed[91];
        struct public_key *key;
        memcpy(changed, good.ptr, sizeof changed);
        changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        result r = public_key_new(slice_of(changed, sizeof changed), &key);
        cr_expect(FAILED(r) || !public_key_equal(right, key), "bit %zu", bit);
        public_key_free(key);
    }
    public_key_free(right);
}
