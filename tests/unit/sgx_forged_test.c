/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole verifier in front of forged evidence: every case by name, and good evidence changed in every bit, length
 * and end. What a flip hits is not told apart here: everything that a quote has is signed or checked.
 */
#include "tests/support/judge_mutations.h"

#include <criterion/criterion.h>

const trustee_plugin *trustee_plugin_describe_v1(void);

static struct judge j;

static void begin(void)
{
    judge_begin(&j, trustee_plugin_describe_v1(), "sgx");
}

static void end(void)
{
    judge_end(&j);
}

TestSuite(sgx_forged, .init = begin, .fini = end, .timeout = 600);

static const struct {
    int version;
    enum forge_body body;
} shapes[] = {{3, FORGE_SGX}, {4, FORGE_SGX}, {5, FORGE_SGX}};
#define SHAPES (sizeof shapes / sizeof *shapes)

static void good(size_t shape)
{
    judge_default(&j, shapes[shape].version, shapes[shape].body);
    cr_assert(judge_all(&j), "%.*s", SLICE_ARG(j.host.reason));
}

static void all_refused(struct mutations m, size_t shape, size_t at_least)
{
    cr_expect(m.tried >= at_least, "%zu tried", m.tried);
    cr_expect(m.accepted == 0 && m.unexplained == 0,
              "version %d: %zu of %zu accepted, %zu without a reason, the first at byte %zu (%zu)",
              shapes[shape].version, m.accepted, m.tried, m.unexplained, m.at, m.value);
}

Test(sgx_forged, every_case_ends_as_it_should)
{
    const struct forge_dcap_case *c;
    for (size_t shape = 0; shape < SHAPES; shape++)
        for (size_t i = 0; (c = forge_dcap_case_at(i)); i++) {
            if (!forge_dcap_fits(c, shapes[shape].version, shapes[shape].body))
                continue;
            bool good_end = judge_case(&j, c, shapes[shape].version, shapes[shape].body);
            cr_expect(good_end, "%s in version %d: %s expected, %.*s (%.*s)", c->name, shapes[shape].version,
                      c->reason ? c->reason : c->status, SLICE_ARG(judge_reason(&j)),
                      SLICE_ARG(j.genuine ? fake_claim(&j.host, "/tcb_status") : NO_SLICE));
        }
}

Test(sgx_forged, every_bit_flipped_is_refused)
{
    for (size_t shape = 0; shape < SHAPES; shape++) {
        good(shape);
        size_t stride = mutation_stride(shape == 0 ? 1 : 7);
        all_refused(mutate_bits(&j, 0, j.out.quote.len, stride), shape, j.out.quote.len * 8 / stride);
    }
}

Test(sgx_forged, every_truncation_is_refused)
{
    for (size_t shape = 0; shape < SHAPES; shape++) {
        good(shape);
        all_refused(mutate_truncations(&j), shape, j.out.quote.len);
    }
}

Test(sgx_forged, every_length_and_type_set_to_anything_else_is_refused)
{
    for (size_t shape = 0; shape < SHAPES; shape++) {
        good(shape);
        all_refused(mutate_lengths(&j), shape, 40);
    }
}

Test(sgx_forged, bytes_after_the_quote_are_refused_unless_they_are_zero)
{
    for (size_t shape = 0; shape < SHAPES; shape++) {
        good(shape);
        all_refused(mutate_trailing(&j, 1), shape, 15);
        all_refused(mutate_trailing(&j, '\n'), shape, 15);
        struct mutations zeros = mutate_trailing(&j, 0);
        cr_expect(zeros.accepted >= 10 && zeros.unexplained == 0, "%zu accepted", zeros.accepted);
    }
}

Test(sgx_forged, every_bit_flipped_in_collateral_is_refused)
{
    static const char *const kinds[] = {"intel/tcb-info", "intel/qe-identity", "intel/pck-crl", "intel/root-crl"};
    good(0);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        all_refused(mutate_collateral(&j, kinds[i], false, mutation_stride(3)), 0, 20);
        if (i < 2)
            all_refused(mutate_collateral(&j, kinds[i], true, mutation_stride(3)), 0, 20);
    }
    cr_expect(judge_quote(&j, j.out.quote), "the good collateral is taken as before");
}

Test(sgx_forged, collateral_of_another_vendor_is_refused_item_by_item)
{
    struct judge other;
    judge_begin(&other, trustee_plugin_describe_v1(), "sgx");
    judge_default(&other, shapes[0].version, shapes[0].body);
    cr_assert(judge_all(&other));
    good(0);
    for (size_t i = 0; i < other.item_count; i++) {
        const trustee_collateral *foreign = &other.items[i];
        trustee_collateral own = j.items[i];
        cr_assert(slice_equal(own.kind, foreign->kind));
        j.items[i].bytes = foreign->bytes;
        j.items[i].chain = foreign->chain;
        cr_expect(!judge_quote(&j, j.out.quote), "%.*s", SLICE_ARG(own.kind));
        cr_expect(j.host.status == TRUSTEE_REJECT);
        j.items[i] = own;
    }
    cr_expect(!judge_quote(&j, other.out.quote));
    cr_expect(slice_equal(judge_reason(&j), S("pck.chain.untrusted")));
    judge_end(&other);
}

Test(sgx_forged, parts_of_two_platforms_of_one_vendor_do_not_go_together)
{
    struct forge_dcap_out first;
    good(0);
    first = j.out;
    EVP_PKEY *key = j.keys.key[FORGE_KEY_ATTESTATION];
    j.keys.key[FORGE_KEY_ATTESTATION] = forge_ec_key(NULL, "another", "P-256");
    forge_dcap_quote(&j.arena, &j.keys, &j.k, &j.out);
    cr_assert(judge_quote(&j, j.out.quote), "another attestation key of the same platform");
    uint8_t *mixed = arena_alloc(&j.arena, first.quote.len, 1);
    static const size_t width = 64;
    const size_t parts[] = {first.quote_signature, first.attestation_key, first.qe_signature};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        memcpy(mixed, first.quote.ptr, first.quote.len);
        memcpy(mixed + parts[i], j.out.quote.ptr + parts[i], width);
        cr_expect(!judge_quote(&j, slice_of(mixed, first.quote.len)), "part %zu", i);
    }
    memcpy(mixed, first.quote.ptr, first.quote.len);
    memcpy(mixed + first.qe_report, j.out.quote.ptr + first.qe_report, 384 + width);
    cr_expect(!judge_quote(&j, slice_of(mixed, first.quote.len)), "QE report and its signature");
    EVP_PKEY_free(j.keys.key[FORGE_KEY_ATTESTATION]);
    j.keys.key[FORGE_KEY_ATTESTATION] = key;
}

Test(sgx_forged, other_report_data_is_refused_in_every_byte_and_length)
{
    good(0);
    for (size_t i = 0; i < sizeof j.report_data; i++) {
        j.report_data[i] ^= 0x80;
        cr_expect(!judge_quote(&j, j.out.quote), "byte %zu", i);
        cr_expect(slice_equal(judge_reason(&j), S("report_data")));
        j.report_data[i] ^= 0x80;
    }
    uint8_t field[64] = {0};
    memcpy(field, j.report_data, sizeof j.report_data);
    for (size_t i = sizeof j.report_data; i < sizeof field; i++) {
        field[i] = 1;
        forge_dcap_report_data(&j.k, slice_of(field, sizeof field));
        forge_dcap_quote(&j.arena, &j.keys, &j.k, &j.out);
        cr_expect(!judge_quote(&j, j.out.quote), "v15: padding that is not zero at %zu", i);
        field[i] = 0;
    }
}

Test(sgx_forged, v16_other_init_data_is_refused)
{
    static const uint8_t digest[48] = {1, 2, 3};
    uint8_t other[48] = {1, 2, 3};
    judge_default(&j, shapes[0].version, shapes[0].body);
    forge_dcap_init_data(&j.k, slice_of(digest, sizeof digest));
    j.init_data = slice_of(digest, sizeof digest);
    cr_assert(judge_all(&j), "%.*s", SLICE_ARG(j.host.reason));
    j.init_data = slice_of(other, sizeof other);
    for (size_t i = 0; i < sizeof other; i++) {
        other[i] ^= 1;
        cr_expect(!judge_quote(&j, j.out.quote), "byte %zu", i);
        cr_expect(slice_equal(judge_reason(&j), S("init_data")));
        other[i] ^= 1;
    }
    cr_expect(judge_quote(&j, j.out.quote));
}

Test(sgx_forged, without_the_anchor_nothing_of_this_vendor_is_trusted)
{
    judge_default(&j, shapes[0].version, shapes[0].body);
    struct judge other;
    judge_begin(&other, trustee_plugin_describe_v1(), "sgx");
    judge_default(&other, shapes[0].version, shapes[0].body);
    cr_assert(judge_all(&other));
    j.anchor = other.out.root_pem;
    cr_expect(!judge_all(&j));
    cr_expect(slice_equal(judge_reason(&j), S("pck.chain.untrusted")));
    judge_end(&other);
}

Test(sgx_forged, nothing_is_asked_for_before_the_pck_chain_holds)
{
    static const char *const names[] = {"look_alike_root_for_pck", "pck_bad_signature", "pck_chain_not_pem",
                                        "pck_extension_missing", "qe_signed_by_stranger"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_expect(judge_case(&j, forge_dcap_find(names[i]), shapes[0].version, shapes[0].body), "%s", names[i]);
        cr_expect(j.rounds == 1 && j.item_count == 0, "%s: asked", names[i]);
    }
}

Test(sgx_forged, a_known_platform_is_verified_without_asking_again)
{
    good(0);
    size_t puts = j.host.cache_puts;
    cr_expect(judge_quote(&j, j.out.quote));
    cr_expect(j.rounds == 1);
    cr_expect(j.host.cache_puts == puts, "nothing is remembered twice");
}

Test(sgx_forged, what_is_remembered_is_judged_again_each_time)
{
    good(0);
    int64_t now = j.k.now;
    j.k.now = now + 30 * FORGE_DAY; /* past the collateral's and the lists' next updates */
    cr_expect(!judge_quote(&j, j.out.quote));
    j.k.now = now - 2 * FORGE_DAY; /* before they were issued */
    cr_expect(!judge_quote(&j, j.out.quote));
    j.k.now = now + 4000 * FORGE_DAY; /* past the certificates */
    cr_expect(!judge_quote(&j, j.out.quote));
    j.k.now = now;
    cr_expect(judge_quote(&j, j.out.quote));
    forge_dcap_find("pck_revoked")->apply(&j.k);
    slice list = forge_revoke(&j.arena, &j.k.pck_crl, j.keys.key[FORGE_KEY_PCK_CA]);
    cr_assert(judge_exchange(&j, "intel/pck-crl", list, NO_SLICE));
    cr_expect(!judge_quote(&j, j.out.quote));
    cr_expect(slice_equal(judge_reason(&j), S("pck.revoked")));
}

static void refused_by_option(const char *name, const char *value, const char *wanted)
{
    good(0);
    judge_default(&j, shapes[0].version, shapes[0].body);
    judge_option(&j, name, value);
    cr_expect(!judge_all(&j), "%s", name);
    cr_expect(slice_equal(judge_reason(&j), slice_text(wanted)), "%.*s", SLICE_ARG(j.host.reason));
}

Test(sgx_forged, what_the_operator_demands_is_demanded)
{
    refused_by_option("accepted_tcb", "OutOfDate", "tcb.up_to_date");
    refused_by_option("minimum_tcb_date", "2026-12-01", "tcb.date");
    refused_by_option("minimum_evaluation_number", "18", "collateral.evaluation_number");
}

Test(sgx_forged, expired_collateral_is_a_claim_where_the_operator_wants_it_so)
{
    static const char *const names[] = {"tcb_info_expired", "qe_identity_expired", "pck_crl_expired",
                                        "root_crl_expired"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        judge_default(&j, shapes[0].version, shapes[0].body);
        forge_dcap_find(names[i])->apply(&j.k);
        judge_option(&j, "expired_collateral", "claim");
        cr_expect(judge_all(&j), "%s: %.*s", names[i], SLICE_ARG(j.host.reason));
        cr_expect(slice_equal(fake_claim(&j.host, "/collateral_expiration_status"), S("1")), "%s", names[i]);
    }
    good(0);
    cr_expect(slice_equal(fake_claim(&j.host, "/collateral_expiration_status"), S("0")));
}

Test(sgx_forged, v09_a_debug_enclave_is_accepted_only_where_it_is_allowed)
{
    judge_default(&j, 3, FORGE_SGX);
    j.k.body[FORGE_SGX_ATTRIBUTES] |= 2;
    judge_option(&j, "allow_debug", "yes");
    cr_assert(judge_all(&j), "%.*s", SLICE_ARG(j.host.reason));
}
