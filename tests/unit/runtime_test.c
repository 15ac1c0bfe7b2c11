/* SPDX-License-Identifier: Apache-2.0
 *
 * What evidence is bound to. Digests were computed with Python's json (sorted keys, no blanks) and hashlib, or recorded
 * from upstream's client.
 */
#include "core/attest/runtime.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/crypto/jose.h"

static struct arena arena;

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)16 << 20, ARENA_PLAIN)));
}

static void teardown(void)
{
    arena_unmap(&arena);
}

TestSuite(runtime, .init = setup, .fini = teardown);

static result taken(const char *text, struct runtime_data *out)
{
    const json *v;
    cr_assert(!FAILED(json_parse(&arena, slice_text(text), &v)), "%s", text);
    return runtime_data_from(v, &arena, out);
}

static void hex_is(const uint8_t digest[48], const char *expected)
{
    uint8_t hex[96];
    hex_encode(hex, slice_of(digest, 48));
    cr_assert(slice_equal(slice_of(hex, 96), slice_text(expected)), "%.96s", hex);
}

#define KEY "{\"kty\":\"EC\",\"y\":\"b\",\"crv\":\"P-256\",\"x\":\"\\u00e9\\\"\\\\\\u0001\",\"alg\":\"ECDH-ES+A256KW\"}"
#define REQUEST                                                                                                \
    "{\"tee-evidence\":{\"additional_evidence\":\"{\\\"nvidia\\\":\\\"\\u00e9\\\"}\",\"primary_evidence\":1}," \
    "\"runtime-data\":{\"tee-pubkey\":" KEY ",\"nonce\":\"bm9uY2U=\"}}"

Test(runtime, digests_are_of_the_canonical_form)
{
    struct runtime_data d;
    cr_assert(!FAILED(taken(REQUEST, &d)));
    hex_is(d.primary,
           "3953e39db09e41f9fcc347e825e3d0ce23ebe9e8e66c003f7155af4f364ad1220c84ef725de7f9d9a9bcd4bf5beb0250");
    hex_is(d.device,
           "83079d205a451d17a0a9d48ceab7597ba1112e855c516a20a768b111f0439acc4cc735293e286734f404da42d1d01f85");
}

Test(runtime, absent_additional_evidence_is_hashed_as_an_empty_text)
{
    static const char *const expected =
        "b38765f2479b9b9243c61d7d25bec352bfc574dbd7eea6d5edac6f3ee60d8233e5e3188b61d1d5fe1d997119c916d816";
    struct runtime_data absent, empty;
    cr_assert(!FAILED(
        taken("{\"runtime-data\":{\"nonce\":\"bm9uY2U=\",\"tee-pubkey\":" KEY "},\"tee-evidence\":{}}", &absent)));
    cr_assert(!FAILED(taken("{\"runtime-data\":{\"nonce\":\"bm9uY2U=\",\"tee-pubkey\":" KEY
                            "},\"tee-evidence\":{\"additional_evidence\":\"\"}}",
                            &empty)));
    hex_is(absent.primary, expected);
    hex_is(empty.primary, expected);
}

Test(runtime, every_member_of_the_key_is_bound)
{
    struct runtime_data one, two;
    cr_assert(!FAILED(taken("{\"runtime-data\":{\"nonce\":\"n\",\"tee-pubkey\":{\"x\":\"1\"}}}", &one)));
    cr_assert(!FAILED(taken("{\"runtime-data\":{\"nonce\":\"n\",\"tee-pubkey\":{\"x\":\"1\",\"kid\":\"z\"}}}", &two)));
    cr_assert(memcmp(one.primary, two.primary, 48) != 0 && memcmp(one.device, two.device, 48) != 0);
    cr_assert(memcmp(one.binding, two.binding, 16) != 0);
}

Test(runtime, the_binding_names_nonce_and_key_only)
{
    struct runtime_data one, two, three;
    cr_assert(!FAILED(taken("{\"runtime-data\":{\"nonce\":\"n\",\"tee-pubkey\":{}}}", &one)));
    cr_assert(!FAILED(taken("{\"runtime-data\":{\"nonce\":\"n\",\"tee-pubkey\":{}},\"tee-evidence\":"
                            "{\"additional_evidence\":\"x\"}}",
                            &two)));
    cr_assert(!FAILED(taken("{\"runtime-data\":{\"nonce\":\"m\",\"tee-pubkey\":{}}}", &three)));
    cr_assert(memcmp(one.binding, two.binding, 16) == 0 && memcmp(one.primary, two.primary, 48) != 0);
    cr_assert(memcmp(one.binding, three.binding, 16) != 0);
}

Test(runtime, nothing_in_a_member_can_pose_as_another_member)
{
    struct runtime_data one, two;
    cr_assert(!FAILED(taken("{\"runtime-data\":{\"nonce\":\"a\\\",\\\"b\",\"tee-pubkey\":{}}}", &one)));
    cr_assert(!FAILED(taken("{\"runtime-data\":{\"nonce\":\"a\",\"tee-pubkey\":{\"b\":\"\"}}}", &two)));
    cr_assert(memcmp(one.device, two.device, 48) != 0);
}

Test(runtime, a_number_that_has_two_spellings_is_refused)
{
    struct runtime_data d;
    static const char *const numbers[] = {"1.0", "1e2", "-0", "9007199254740993", "1e999"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        slice text = arena_printf(&arena, "{\"runtime-data\":{\"nonce\":\"n\",\"tee-pubkey\":{\"v\":%s}}}", numbers[i]);
        const json *v;
        result r = json_parse(&arena, text, &v);
        if (!FAILED(r))
            r = runtime_data_from(v, &arena, &d);
        cr_assert(r.reason == JSON_NUMBER || r.reason == JSON_SYNTAX, "%s: %s", numbers[i], reason_id(r.reason));
    }
}

Test(runtime, members_of_another_type_are_refused)
{
    struct runtime_data d;
    static const char *const bad[] = {
        "{}",
        "{\"runtime-data\":null}",
        "{\"runtime-data\":{\"nonce\":\"n\"}}",
        "{\"runtime-data\":{\"tee-pubkey\":{}}}",
        "{\"runtime-data\":{\"nonce\":1,\"tee-pubkey\":{}}}",
        "{\"runtime-data\":{\"nonce\":\"n\",\"tee-pubkey\":\"x\"}}",
        "{\"runtime-data\":{\"nonce\":\"n\",\"tee-pubkey\":[]}}",
        "{\"runtime-data\":[\"n\",{}]}",
        "{\"runtime-data\":{\"nonce\":\"n\",\"tee-pubkey\":{}},\"tee-evidence\":{\"additional_evidence\":{}}}",
        "{\"runtime-data\":{\"nonce\":\"n\",\"tee-pubkey\":{}},\"tee-evidence\":{\"additional_evidence\":null}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(taken(bad[i], &d).reason, ATTEST_REQUEST, "%s", bad[i]);
}

Test(runtime, memory_that_runs_out_is_said)
{
    struct runtime_data d;
    struct arena full = arena;
    const json *v;
    cr_assert(!FAILED(json_parse(&arena, S(REQUEST), &v)));
    full.used = full.size;
    cr_assert_eq(runtime_data_from(v, &full, &d).reason, NO_MEMORY);
}

/* --- what upstream's client sent --- */

/* The body of a recorded request. */
static const json *recorded(const char *name)
{
    const char *vectors = getenv("TRUSTEE_VECTORS");
    const json *v;
    if (!vectors)
        cr_skip_test("TRUSTEE_VECTORS is not set");
    slice path = arena_printf(&arena, "%s/../upstream/wire/kbs/%s", vectors, name);
    FILE *f = fopen((const char *)path.ptr, "rb");
    if (!f)
        cr_skip_test("no recorded traffic beside TRUSTEE_VECTORS");
    char *text = arena_alloc(&arena, 1 << 20, 1);
    size_t n = fread(text, 1, (1 << 20) - 1, f);
    fclose(f);
    text[n] = 0;
    char *body = strstr(text, "\n{"), *end = body ? strchr(body + 1, '\n') : NULL;
    cr_assert(body && end);
    cr_assert(!FAILED(json_parse(&arena, slice_of(body + 1, (size_t)(end - body - 1)), &v)));
    return v;
}

static void holds_for(const char *name)
{
    struct runtime_data d;
    uint8_t sent[64];
    size_t length;
    const json *request = recorded(name);
    cr_assert(!FAILED(runtime_data_from(request, &arena, &d)));
    slice report = json_text(json_at(request, S("/tee-evidence/primary_evidence/report_data")));
    cr_assert(base64_decode(sent, sizeof sent, report, &length) && length == 48);
    cr_assert(memcmp(sent, d.primary, 48) == 0, "%s", name);
}

Test(runtime, recorded_evidence_is_bound_to_our_digest)
{
    holds_for("011-attest-ec-p256.http");
    holds_for("019-attest-rsa-oaep.http");
    holds_for("022-attest-ec-p521.http");
    holds_for("040-attest-initdata.http");
    holds_for("046-attest-additional-evidence.http");
}
