/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/tpm_fixture.h"

const trustee_plugin *trustee_plugin_describe_v1(void);

struct tpm_fixture t;

void tpm_begin(void)
{
    cr_assert(!FAILED(arena_map(&t.arena, 64 << 20, ARENA_PLAIN)));
    fake_host_begin(&t.host);
    t.ak = test_rsa(2048);
    t.ec = test_ec("P-256");
    t.ca = test_ec("P-256");
    for (size_t i = 0; i < sizeof t.report_data; i++)
        t.report_data[i] = (uint8_t)(0xa0 + i);
    t.quote = test_quote_good(slice_of(t.report_data, 32));
    t.scheme = test_scheme_of(t.ak);
    t.evidence = (struct test_evidence){.ak = test_spki(&t.arena, t.ak), .pcrs = t.quote.pcrs, .pcr_count = TEST_PCRS};
    t.in = (trustee_verify_in){.report_data = slice_of(t.report_data, sizeof t.report_data), .now = TEST_NOW};
}

void tpm_end(void)
{
    fake_host_end(&t.host);
    EVP_PKEY_free(t.ak);
    EVP_PKEY_free(t.ec);
    EVP_PKEY_free(t.ca);
    arena_unmap(&t.arena);
}

void tpm_restart(void)
{
    fake_host_end(&t.host);
    fake_host_begin(&t.host);
}

void load(void)
{
    cr_assert(fake_load(&t.host, trustee_plugin_describe_v1()) == TRUSTEE_OK);
}

void uses_ec(EVP_PKEY *key)
{
    t.scheme = test_scheme_of(key);
    t.evidence.ak = test_spki(&t.arena, key);
}

/* Signs the quote as it is now, with the key that fits the scheme. */
slice evidence_by(EVP_PKEY *key)
{
    t.evidence.message = test_attest(&t.arena, &t.quote);
    t.evidence.signature = test_sign(&t.arena, key, &t.scheme, t.evidence.message);
    return test_evidence(&t.arena, &t.evidence);
}

void judges(slice json_evidence, const char *reason)
{
    if (!t.host.instance)
        load();
    bool genuine = fake_verify(&t.host, S("tpm"), json_evidence, &t.in);
    cr_expect(genuine == (reason == NULL));
    cr_expect(slice_equal(t.host.reason, slice_text(reason)), "\"%.*s\", expected \"%s\"", SLICE_ARG(t.host.reason),
              reason ? reason : "");
    cr_expect(genuine || t.host.out.verdict == TRUSTEE_VERDICT_NONE);
    cr_expect(genuine || t.host.status == TRUSTEE_REJECT);
    cr_expect(!reason || fake_check(&t.host, reason) == 0, "no failed check is named %s", reason);
}

void accepts(void)
{
    judges(evidence_by(t.ak), NULL);
}

void refuses(const char *reason)
{
    judges(evidence_by(t.ak), reason);
}

/* What the mutated structures say, signed properly, so that nothing but the named check can refuse. */
void refuses_raw(slice message, slice signature, const char *reason)
{
    t.evidence.message = message;
    t.evidence.signature = signature;
    judges(test_evidence(&t.arena, &t.evidence), reason);
}

void claims_are(const char *pointer, const char *text)
{
    slice claim = fake_claim(&t.host, pointer);
    cr_expect(slice_equal(claim, slice_text(text)), "%s: \"%.*s\", expected \"%s\"", pointer, SLICE_ARG(claim), text);
}

slice with_member(const char *member)
{
    slice good = evidence_by(t.ak);
    return arena_printf(&t.arena, "%.*s,%s}", (int)good.len - 1, (const char *)good.ptr, member);
}
