/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/initdata.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock/clock.h"

static struct arena arena;

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)128 << 20, ARENA_PLAIN)));
}

static void teardown(void)
{
    arena_unmap(&arena);
}

TestSuite(initdata, .init = setup, .fini = teardown);

static const json *member(const char *format, slice body)
{
    const json *v;
    struct text t = text_begin(&arena);
    text_lit(&t, "{\"format\":");
    text_json(&t, slice_text(format));
    text_lit(&t, ",\"body\":");
    text_json(&t, body);
    text_lit(&t, "}");
    slice text = text_end(&t);
    cr_assert(!FAILED(json_parse(&arena, text, &v)));
    return v;
}

static enum reason taken(slice body, struct init_data *out)
{
    return init_data_from(member("toml", body), &arena, out).reason;
}

static void refuses(const char *body)
{
    struct init_data d;
    cr_assert_eq(taken(slice_text(body), &d), ATTEST_INIT_DATA_FORMAT, "%s", body);
    cr_assert_not(d.present);
}

static void digest_is(const struct init_data *d, const char *expected)
{
    uint8_t hex[128];
    size_t n = hex_encode(hex, slice_of(d->digest, d->digest_size));
    cr_assert(slice_equal(slice_of(hex, n), slice_text(expected)), "%.*s", (int)n, hex);
}

static result claims(const struct init_data *d, slice *out)
{
    struct trustee_writer w;
    tree t;
    TRY(claims_begin(&w, &arena, 20000));
    TRY(init_data_claims(d, &w, S("c"), &arena));
    TRY(claims_end(&w, &t));
    struct text text = text_begin(&arena);
    tree_json(&text, t, tree_root(t), true);
    *out = text_end(&text);
    return OK;
}

static void claims_are(const char *body, const char *expected)
{
    struct init_data d;
    slice s;
    cr_assert_eq(taken(slice_text(body), &d), REASON_OK, "%s", body);
    cr_assert(!FAILED(claims(&d, &s)));
    cr_assert(slice_equal(s, slice_text(expected)), "%.*s", SLICE_ARG(s));
}

#define HEAD "version = \"0.1.0\"\nalgorithm = \"sha384\"\n"

Test(initdata, absent_and_null_are_none)
{
    struct init_data d;
    const json *null;
    slice s;
    cr_assert(!FAILED(init_data_from(NULL, &arena, &d)) && !d.present);
    cr_assert(!FAILED(json_parse(&arena, S("null"), &null)));
    cr_assert(!FAILED(init_data_from(null, &arena, &d)) && !d.present);
    cr_assert(!FAILED(claims(&d, &s)));
    cr_assert(slice_equal(s, S("{\"c\":null}")));
}

/* printf '…' | openssl dgst -sha256 and so on */
Test(initdata, the_digest_is_of_the_whole_text_by_its_own_algorithm)
{
    struct init_data d;
    cr_assert_eq(taken(S("version = \"1\"\nalgorithm = \"sha256\"\n[data]\n"), &d), REASON_OK);
    digest_is(&d, "9bc3dc1f82ae7c84ace3233fb668ca4861c1c4b2c0e426e9fb2bff2674856cf1");
    cr_assert_eq(taken(S("version = \"1\"\nalgorithm = \"sha384\"\n[data]\n"), &d), REASON_OK);
    digest_is(&d, "d91959f008485597c59b0ad459bdbe8f1ed7db0cbcec36695a68193d8e0ee50e458f9678e34c20e2fc33ecb48556e5c5");
    cr_assert_eq(taken(S("version = \"1\"\nalgorithm = \"sha512\"\n[data]\n"), &d), REASON_OK);
    digest_is(&d, "48392075125c3d2be27ce177059c88857f409756499fdfb1a4ea2de5fde0e23baa073c9be2b451c96dc46601b99e718474d4"
                  "912d377c9ae993f5ae30dd425406");
    cr_assert_eq(taken(S("version = \"1\"\nalgorithm = \"sm3\"\n[data]\n"), &d), REASON_OK);
    digest_is(&d, "d00d41e7f71024bb2c923693eb01def783261e50e919116814bdc43c88df61e4");
}

Test(initdata, every_byte_of_the_text_counts)
{
    struct init_data one, two;
    cr_assert_eq(taken(S(HEAD "[data]\n"), &one), REASON_OK);
    cr_assert_eq(taken(S(HEAD "[data]\n#"), &two), REASON_OK);
    cr_assert(memcmp(one.digest, two.digest, 48) != 0);
}

Test(initdata, another_format_is_refused)
{
    struct init_data d;
    cr_assert_eq(init_data_from(member("xml", S(HEAD "[data]\n")), &arena, &d).reason, ATTEST_INIT_DATA_FORMAT);
    cr_assert_eq(init_data_from(member("TOML", S(HEAD "[data]\n")), &arena, &d).reason, ATTEST_INIT_DATA_FORMAT);
    cr_assert_eq(init_data_from(member("", S(HEAD "[data]\n")), &arena, &d).reason, ATTEST_INIT_DATA_FORMAT);
}

Test(initdata, a_member_of_another_shape_is_refused)
{
    static const char *const bad[] = {"\"x\"",
                                      "1",
                                      "[]",
                                      "{}",
                                      "{\"format\":\"toml\"}",
                                      "{\"format\":1,\"body\":\"\"}",
                                      "{\"format\":\"toml\",\"body\":1}",
                                      "{\"format\":\"toml\",\"body\":null}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const json *v;
        struct init_data d;
        cr_assert(!FAILED(json_parse(&arena, slice_text(bad[i]), &v)));
        cr_assert_eq(init_data_from(v, &arena, &d).reason, ATTEST_INIT_DATA_FORMAT, "%s", bad[i]);
    }
}

Test(initdata, an_unknown_algorithm_is_refused)
{
    refuses("version = \"1\"\nalgorithm = \"md5\"\n[data]\n");
    refuses("version = \"1\"\nalgorithm = \"SHA384\"\n[data]\n");
    refuses("version = \"1\"\nalgorithm = \"\"\n[data]\n");
    refuses("version = \"1\"\nalgorithm = 384\n[data]\n");
}

Test(initdata, missing_members_are_refused)
{
    refuses("");
    refuses("algorithm = \"sha384\"\n[data]\n");
    refuses("version = 1\nalgorithm = \"sha384\"\n[data]\n");
    refuses("version = \"1\"\n[data]\n");
    refuses(HEAD);
    refuses(HEAD "data = 1\n");
    refuses(HEAD "[[data]]\n");
}

Test(initdata, text_that_is_no_toml_is_refused)
{
    refuses(HEAD "[data\n");
    refuses(HEAD "[data]\na = \n");
    refuses(HEAD "[data]\n[data]\n");
}

Test(initdata, claims_are_the_data)
{
    claims_are(
        HEAD "[data]\n\"x\" = \"y\"\n\"aa.toml\" = \"[token_configs]\\nkbs.url = 'u'\\n\"\n\"cdh.toml\" = \"a = 1\"\n",
        "{\"c\":{\"aa.toml\":{\"token_configs\":{\"kbs\":{\"url\":\"u\"}}},\"cdh.toml\":{\"a\":1},\"x\":\"y\"}}");
    claims_are(HEAD "[data]\n", "{\"c\":{}}");
}

Test(initdata, of_the_agent_policy_its_data_become_claims)
{
    claims_are(HEAD "[data]\n\"policy.rego\" = '''\npackage agent_policy\npolicy_data := {\"a\": [\"}\", \"\\\"}\"], "
                    "\"b\": {}}\nallow = true\n'''\n",
               "{\"c\":{\"agent_policy_claims\":{\"a\":[\"}\",\"\\\"}\"],\"b\":{}}}}");
    claims_are(HEAD "[data]\n\"policy.rego\" = 'package agent_policy'\n", "{\"c\":{}}");
    claims_are(HEAD "[data]\n\"policy.rego\" = 'policy_data := {\"a\": 1'\n", "{\"c\":{}}");
    claims_are(HEAD "[data]\n\"policy.rego\" = 'policy_data := 5'\n", "{\"c\":{}}");
    claims_are(HEAD "[data]\n\"policy.rego\" = 'policy_data := '\n", "{\"c\":{}}");
    claims_are(HEAD "[data]\n\"policy.rego\" = 'policy_data := }{'\n", "{\"c\":{}}");
}

Test(initdata, data_that_are_no_texts_are_refused)
{
    struct init_data d;
    slice s;
    cr_assert_eq(taken(S(HEAD "[data]\nx = 1\n"), &d), REASON_OK);
    cr_assert_eq(claims(&d, &s).reason, ATTEST_INIT_DATA_FORMAT);
    cr_assert_eq(taken(S(HEAD "[data]\n\"aa.toml\" = \"not toml\"\n"), &d), REASON_OK);
    cr_assert_eq(claims(&d, &s).reason, ATTEST_INIT_DATA_FORMAT);
}

Test(initdata, a_body_over_1_mib_is_refused)
{
    struct init_data d;
    uint8_t *room = arena_alloc(&arena, (1 << 20) + 1, 1);
    memset(room, '\n', (1 << 20) + 1);
    static const char text[] = HEAD "[data]\n";
    memcpy(room, text, sizeof text - 1);
    cr_assert_eq(taken(slice_of(room, 1 << 20), &d), REASON_OK);
    cr_assert_eq(taken(slice_of(room, (1 << 20) + 1), &d), ATTEST_INIT_DATA_FORMAT);
}

Test(initdata, a_hundred_thousand_keys_are_refused_quickly)
{
    struct init_data d;
    struct text t = text_begin(&arena);
    text_lit(&t, HEAD "[data]\n");
    for (unsigned i = 0; i < 100000; i++) {
        text_u64(&t, i);
        text_lit(&t, "=''\n");
    }
    slice body = text_end(&t);
    uint64_t start = clock_thread_cpu_ns();
    cr_assert_eq(taken(body, &d), ATTEST_INIT_DATA_FORMAT);
    cr_assert_lt(clock_thread_cpu_ns() - start, UINT64_C(1000000000));
}

Test(initdata, a_recorded_digest_and_its_claims_come_out)
{
    static const char *const body = "version = \"0.1.0\"\nalgorithm = \"sha384\"\n[data]\n\"aa.toml\" = "
                                    "\"[token_configs]\\n\"\n\"x\" = \"y\"\n";
    const char *vectors = getenv("TRUSTEE_VECTORS");
    const json *recorded;
    struct init_data d;
    slice s;
    if (!vectors)
        cr_skip_test("TRUSTEE_VECTORS is not set");
    slice path = arena_printf(&arena, "%s/../upstream/wire/tokens/040-attest-initdata.json", vectors);
    FILE *f = fopen((const char *)path.ptr, "rb");
    if (!f)
        cr_skip_test("no recorded token beside TRUSTEE_VECTORS");
    uint8_t *room = arena_alloc(&arena, 1 << 20, 1);
    size_t n = fread(room, 1, 1 << 20, f);
    fclose(f);
    cr_assert(!FAILED(json_parse(&arena, slice_of(room, n), &recorded)));
    const json *evidence = json_at(recorded, S("/claims/submods/cpu0/ear.veraison.annotated-evidence"));
    cr_assert_eq(taken(slice_text(body), &d), REASON_OK);
    struct text t = text_begin(&arena);
    text_base64(&t, slice_of(d.digest, d.digest_size));
    s = text_end(&t);
    cr_assert(slice_equal(s, json_text(json_get(evidence, S("init_data")))));
    t = text_begin(&arena);
    text_lit(&t, "{\"c\":");
    json_write(&t, json_get(evidence, S("init_data_claims")));
    text_lit(&t, "}");
    slice expected = text_end(&t);
    cr_assert(!FAILED(claims(&d, &s)));
    cr_assert(slice_equal(s, expected), "%.*s", SLICE_ARG(s));
}
