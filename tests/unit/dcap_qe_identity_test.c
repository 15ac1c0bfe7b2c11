/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dcap_world.h"

static struct qe_identity *identity;
static struct enclave_report qe;
static uint8_t attributes[16], mrsigner[32];
static struct tcb_verdict verdict;

/* The quoting enclave that the forge makes. */
static void read_enclave(void)
{
    memcpy(attributes, kind.qe_report + FORGE_SGX_ATTRIBUTES, 16);
    memcpy(mrsigner, kind.qe_report + FORGE_SGX_MRSIGNER, 32);
    qe = (struct enclave_report){.misc_select = 0,
                                 .attributes = slice_of(attributes, 16),
                                 .flags = attributes[0],
                                 .mr_signer = slice_of(mrsigner, 32),
                                 .isv_prod_id = kind.qe_report[FORGE_SGX_PROD_ID],
                                 .isv_svn = kind.qe_report[FORGE_SGX_SVN]};
}

static void begin(void)
{
    world_begin();
    read_enclave();
}

static void end(void)
{
    qe_identity_free(identity);
    world_end();
}

TestSuite(dcap_qe_identity, .init = begin, .fini = end, .timeout = 120);

static enum reason taken(const struct x509_trust *anchors, slice answer, slice chain)
{
    size_t used = scratch.used;
    qe_identity_free(identity);
    result r = qe_identity_new(anchors, answer, chain, &scratch, &identity);
    cr_expect(scratch.used == used);
    cr_expect(FAILED(r) == (identity == NULL));
    return (enum reason)r.reason;
}

static enum reason forged(void)
{
    world_make();
    return taken(trust, out.qe_answer, out.tcb_chain);
}

static void accepted(void)
{
    enum reason r = forged();
    cr_assert(r == REASON_OK, "%s", reason_id(r));
}

static void refuses(enum reason expected)
{
    enum reason r = forged();
    cr_expect(r == expected, "%s instead of %s", reason_id(r), reason_id(expected));
}

static void judged(enum reason expected)
{
    enum reason r = (enum reason)qe_identity_judge(identity, &qe, &verdict).reason;
    cr_expect(r == expected, "%s instead of %s", reason_id(r), reason_id(expected));
}

/* --- what is taken --------------------------------------------------------------------------------------------------
 */

Test(dcap_qe_identity, says_what_the_service_said)
{
    accepted();
    const struct dcap_statement *s = qe_identity_statement(identity);
    cr_expect(qe_identity_is_tdx(identity));
    cr_expect(s->issued == FORGE_NOW - FORGE_DAY && s->next_update == FORGE_NOW + 29 * FORGE_DAY);
    cr_expect(s->evaluation_number == 17 && x509_path_length(s->signer) == 2);
    forge_dcap_default(&kind, 3, FORGE_SGX, FORGE_NOW);
    accepted();
    cr_expect(!qe_identity_is_tdx(identity));
}

static const struct {
    const char *file;
    bool tdx;
    uint16_t svn; /* the highest level's */
    uint64_t number;
} RECORDED[] = {
    {"tdx/tdx_quote_collateral.json", true, 4, 17},
    {"tdx/tdx_quote_outdated_collateral.json", true, 4, 18},
    {"sgx/sgx_quote_collateral.json", false, 8, 17},
};

Test(dcap_qe_identity, intels_own_answers_are_taken_below_the_pinned_root)
{
    for (size_t i = 0; i < 3; i++) {
        struct statement_files f = recorded_statement(RECORDED[i].file, "qe_identity", "enclaveIdentity");
        enum reason r = taken(intel, f.answer, f.chain);
        cr_assert(r == REASON_OK, "%s: %s", RECORDED[i].file, reason_id(r));
        cr_expect(qe_identity_is_tdx(identity) == RECORDED[i].tdx);
        cr_expect(qe_identity_statement(identity)->evaluation_number == RECORDED[i].number);
    }
}

Test(dcap_qe_identity, answers_as_files_of_upstream_are_taken)
{
    struct statement_files f = recorded_statement("tdx/tdx_quote_collateral.json", "qe_identity", "enclaveIdentity");
    cr_expect(taken(intel, recorded("tdx/enclaveIdentity.json"), f.chain) == REASON_OK);
    cr_expect(taken(intel, recorded("tdx/collateral-50806f-2023/sample_qeIdentity_response"), f.chain) == REASON_OK);
}

Test(dcap_qe_identity, every_changed_byte_of_a_recorded_answer_is_refused)
{
    struct statement_files f = recorded_statement("sgx/sgx_quote_collateral.json", "qe_identity", "enclaveIdentity");
    slice copy = arena_copy(&arena, f.answer);
    uint8_t *bytes = (uint8_t *)(uintptr_t)copy.ptr;
    for (size_t i = 0; i < copy.len; i++) {
        uint8_t was = bytes[i];
        bytes[i] ^= (uint8_t)(1u << i % 8);
        bool hex_case = i >= copy.len - 130 && (was ^ bytes[i]) == 0x20 && was >= 'A';
        enum reason r = taken(intel, copy, f.chain);
        cr_expect((r == REASON_OK) == hex_case, "byte %zu: %s", i, reason_id(r));
        bytes[i] = was;
    }
}

Test(dcap_qe_identity, tcb_info_is_no_identity)
{
    world_make();
    cr_expect(taken(trust, out.tcb_answer, out.tcb_chain) == DCAP_COLLATERAL_FORM);
}

Test(dcap_qe_identity, the_signature_is_over_the_bytes_and_not_over_what_they_mean)
{
    edit_from = "\"version\":", edit_to = "\"version\": ";
    kind.qe_identity.edit_signed = world_edit;
    refuses(DCAP_COLLATERAL_SIGNATURE);
    kind.qe_identity.edit_signed = NULL;
    kind.qe_identity.edit = world_edit;
    accepted();
}

Test(dcap_qe_identity, another_keys_signature_is_refused)
{
    kind.qe_identity_signer = FORGE_KEY_STRANGER;
    refuses(DCAP_COLLATERAL_SIGNATURE);
    kind.qe_identity_signer = FORGE_KEY_PCK;
    refuses(DCAP_COLLATERAL_SIGNATURE);
}

Test(dcap_qe_identity, a_platforms_certificate_is_no_signer)
{
    world_make();
    cr_expect(taken(trust, out.qe_answer, out.pck_chain) == DCAP_COLLATERAL_CHAIN);
    cr_expect(taken(trust, out.qe_answer, NO_SLICE) == X509_LENGTH);
    cr_expect(taken(intel, out.qe_answer, out.tcb_chain) == X509_UNTRUSTED);
    kind.tcb_signer.c.constraints = "critical,CA:TRUE";
    refuses(X509_CA);
}

/* --- every member ---------------------------------------------------------------------------------------------------
 */

struct change {
    const char *from, *to;
};

static void refuses_changes(const struct change *changes, size_t count)
{
    kind.qe_identity.edit = world_edit;
    for (size_t i = 0; i < count; i++) {
        edit_from = changes[i].from;
        edit_to = changes[i].to;
        enum reason r = forged();
        cr_expect(r == DCAP_COLLATERAL_FORM, "%s -> %s: %s", edit_from, edit_to, reason_id(r));
    }
}
#define REFUSES(...)                                                \
    do {                                                            \
        static const struct change changes[] = {__VA_ARGS__};       \
        refuses_changes(changes, sizeof changes / sizeof *changes); \
    } while (0)

Test(dcap_qe_identity, every_member_is_required)
{
    REFUSES({"\"id\"", "\"x\""}, {"\"version\"", "\"x\""}, {"\"issueDate\"", "\"x\""}, {"\"nextUpdate\"", "\"x\""},
            {"\"tcbEvaluationDataNumber\"", "\"x\""}, {"\"miscselect\"", "\"x\""}, {"\"miscselectMask\"", "\"x\""},
            {"\"attributes\"", "\"x\""}, {"\"attributesMask\"", "\"x\""}, {"\"mrsigner\"", "\"x\""},
            {"\"isvprodid\"", "\"x\""}, {"\"tcbLevels\"", "\"x\""}, {"\"tcb\"", "\"x\""}, {"\"isvsvn\"", "\"x\""},
            {"\"tcbDate\"", "\"x\""}, {"\"tcbStatus\"", "\"x\""});
}

Test(dcap_qe_identity, members_out_of_range_or_of_another_type_are_refused)
{
    REFUSES({"\"version\":2", "\"version\":1"}, {"\"version\":2", "\"version\":3"},
            {"\"version\":2", "\"version\":\"2\""}, {"\"id\":\"TD_QE\"", "\"id\":\"QVE\""},
            {"\"id\":\"TD_QE\"", "\"id\":\"td_qe\""}, {"\"id\":\"TD_QE\"", "\"id\":[\"TD_QE\"]"},
            {"DataNumber\":17", "DataNumber\":-17"}, {"\"isvprodid\":2", "\"isvprodid\":65536"},
            {"\"isvprodid\":2", "\"isvprodid\":2.0"}, {"\"isvsvn\":4", "\"isvsvn\":65536"},
            {"\"isvsvn\":4", "\"isvsvn\":\"4\""}, {"\"miscselect\":\"0", "\"miscselect\":\""},
            {"\"miscselect\":\"0", "\"miscselect\":\"x"}, {"\"miscselectMask\":\"F", "\"miscselectMask\":\"FFF"},
            {"\"attributes\":\"1", "\"attributes\":\""}, {"\"attributesMask\":\"F", "\"attributesMask\":\"G"},
            {"\"mrsigner\":\"D", "\"mrsigner\":\"0"
                                 "00D"},
            {"\"tcbStatus\":\"UpToDate\"", "\"tcbStatus\":\"Fine\""},
            {"\"tcbStatus\":\"UpToDate\"", "\"tcbStatus\":\"ConfigurationNeeded\""},
            {"\"tcbStatus\":\"UpToDate\"", "\"tcbStatus\":\"SWHardeningNeeded\""},
            {"\"tcbLevels\":[", "\"tcbLevels\":[],\"x\":["}, {"\"tcbLevels\":[", "\"tcbLevels\":[null,"});
}

Test(dcap_qe_identity, it_must_be_issued_before_its_next_update)
{
    kind.qe_identity.next_update = kind.qe_identity.issued;
    refuses(DCAP_COLLATERAL_FORM);
}

Test(dcap_qe_identity, levels_must_be_in_order)
{
    kind.qe_identity.levels.level[1].isv_svn = 4;
    refuses(DCAP_COLLATERAL_FORM);
    kind.qe_identity.levels.level[1].isv_svn = 5;
    refuses(DCAP_COLLATERAL_FORM);
    kind.qe_identity.levels.level[1].isv_svn = 3;
    accepted();
}

/* --- judging --------------------------------------------------------------------------------------------------------
 */

Test(dcap_qe_identity, the_first_level_that_the_enclave_reaches_decides)
{
    accepted();
    judged(REASON_OK);
    cr_expect(verdict.status == TCB_UP_TO_DATE && verdict.advisory_count == 0);
    qe.isv_svn = 65535;
    judged(REASON_OK);
    cr_expect(verdict.status == TCB_UP_TO_DATE);
    for (qe.isv_svn = 3; qe.isv_svn >= 2; qe.isv_svn--) {
        judged(REASON_OK);
        cr_expect(verdict.status == TCB_OUT_OF_DATE && verdict.advisory_count == 1);
        cr_expect(slice_equal(verdict.advisories[0], S("INTEL-SA-00477")));
        cr_expect(verdict.tcb_date == kind.qe_identity.levels.level[1].date);
    }
    judged(DCAP_QE_NO_LEVEL);
}

Test(dcap_qe_identity, a_revoked_level_is_said)
{
    kind.qe_identity.levels.level[0].status = "Revoked";
    accepted();
    judged(REASON_OK);
    cr_expect(verdict.status == TCB_REVOKED);
}

Test(dcap_qe_identity, signer_and_product_are_the_identitys)
{
    accepted();
    for (size_t i = 0; i < sizeof mrsigner; i++) {
        mrsigner[i] ^= 0x10;
        judged(DCAP_QE_MRSIGNER);
        mrsigner[i] ^= 0x10;
    }
    qe.isv_prod_id++;
    judged(DCAP_QE_PRODUCT);
    qe.isv_prod_id = (uint16_t)(qe.isv_prod_id + 0xff);
    judged(DCAP_QE_PRODUCT);
}

Test(dcap_qe_identity, miscselect_counts_under_its_mask)
{
    accepted();
    for (unsigned bit = 0; bit < 32; bit++) {
        qe.misc_select = 1u << bit;
        judged(DCAP_QE_MISCSELECT);
    }
    kind.qe_identity.misc_mask[0] = 0xfe;
    kind.qe_identity.misc_mask[3] = 0x7f;
    kind.qe_identity.misc_select[1] = 0x80;
    accepted();
    qe.misc_select = 0x8000;
    judged(REASON_OK);
    qe.misc_select = 0x80008001;
    judged(REASON_OK);
    qe.misc_select = 0x8002;
    judged(DCAP_QE_MISCSELECT);
    qe.misc_select = 0x80000001;
    judged(DCAP_QE_MISCSELECT);
}

Test(dcap_qe_identity, attributes_count_under_their_mask)
{
    accepted();
    for (size_t i = 0; i < 16; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            bool counts = kind.qe_identity.attributes_mask[i] >> bit & 1;
            attributes[i] ^= (uint8_t)(1u << bit);
            judged(counts ? DCAP_QE_ATTRIBUTES : REASON_OK);
            attributes[i] ^= (uint8_t)(1u << bit);
        }
}

Test(dcap_qe_identity, a_debug_enclave_is_refused_whatever_the_mask_says)
{
    memset(kind.qe_identity.attributes_mask, 0, 16);
    memset(kind.qe_identity.attributes, 0, 16);
    accepted();
    judged(REASON_OK);
    qe.flags |= ENCLAVE_FLAG_DEBUG;
    judged(DCAP_QE_ATTRIBUTES);
}

Test(dcap_qe_identity, an_identity_with_bits_outside_its_mask_fits_no_enclave)
{
    kind.qe_identity.attributes[15] = 1;
    accepted();
    attributes[15] = 1;
    judged(DCAP_QE_ATTRIBUTES);
    kind.qe_identity.attributes[15] = 0;
    memset(kind.qe_identity.misc_mask, 0, 4);
    kind.qe_identity.misc_select[0] = 1;
    accepted();
    qe.misc_select = 1;
    judged(DCAP_QE_MISCSELECT);
}

/* --- memory ---------------------------------------------------------------------------------------------------------
 */

Test(dcap_qe_identity, too_little_scratch_memory_is_said)
{
    world_make();
    for (size_t size = 0; size < 40 << 10; size += 512) {
        struct arena small = {.base = scratch.base, .size = size};
        struct qe_identity *q;
        result r = qe_identity_new(trust, out.qe_answer, out.tcb_chain, &small, &q);
        cr_expect(!FAILED(r) || r.reason == NO_MEMORY, "%zu: %s", size, reason_id((enum reason)r.reason));
        qe_identity_free(q);
    }
}
