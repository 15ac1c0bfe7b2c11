/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dcap_world.h"

static struct tcb_info *info;
static struct pck pck;
static struct td_report td;
static struct platform_verdict verdict;

static void begin(void)
{
    world_begin();
    kind.tcb_info.levels.level[1].pce_svn = 5;
    pck = (struct pck){.pce_svn = kind.platform.pce_svn};
    memcpy(pck.components, kind.platform.components, 16);
    memcpy(pck.fmspc, kind.platform.fmspc, 6);
    memcpy(pck.pce_id, kind.platform.pce_id, 2);
    td = (struct td_report){.tee_tcb_svn = slice_of(kind.body + FORGE_TD_TCB_SVN, 16),
                            .mrsigner_seam = slice_of(kind.body + FORGE_TD_MRSIGNERSEAM, 48),
                            .seam_attributes = slice_of(kind.body + FORGE_TD_SEAM_ATTRIBUTES, 8)};
}

static void end(void)
{
    tcb_info_free(info);
    world_end();
}

TestSuite(dcap_tcb_info, .init = begin, .fini = end, .timeout = 120);

static enum reason taken(const struct x509_trust *anchors, slice answer, slice chain)
{
    size_t used = scratch.used;
    tcb_info_free(info);
    result r = tcb_info_new(anchors, answer, chain, &scratch, &info);
    cr_expect(scratch.used == used);
    cr_expect(FAILED(r) == (info == NULL));
    return (enum reason)r.reason;
}

static enum reason forged(void)
{
    world_make();
    return taken(trust, out.tcb_answer, out.tcb_chain);
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

static enum reason judged(void)
{
    return (enum reason)tcb_info_judge(info, &pck, kind.body_kind == FORGE_SGX ? NULL : &td, &verdict).reason;
}

static void judged_as(enum tcb_status expected)
{
    enum reason r = judged();
    cr_assert(r == REASON_OK, "%s", reason_id(r));
    cr_expect(verdict.platform.status == expected, "%d", (int)verdict.platform.status);
}

static void for_sgx(void)
{
    forge_dcap_default(&kind, 3, FORGE_SGX, FORGE_NOW);
    memcpy(pck.components, kind.platform.components, 16);
    pck.pce_svn = kind.platform.pce_svn;
}

/* --- what is taken --------------------------------------------------------------------------------------------------
 */

Test(dcap_tcb_info, says_what_the_service_said)
{
    accepted();
    const struct dcap_statement *s = tcb_info_statement(info);
    cr_expect(tcb_info_is_tdx(info));
    cr_expect(s->issued == FORGE_NOW - FORGE_DAY && s->next_update == FORGE_NOW + 29 * FORGE_DAY);
    cr_expect(s->evaluation_number == 17);
    cr_expect(slice_equal(tcb_info_fmspc(info), slice_of(kind.tcb_info.fmspc, 6)));
    cr_expect(slice_equal(tcb_info_pce_id(info), slice_of(kind.tcb_info.pce_id, 2)));
    cr_expect(x509_path_length(s->signer) == 2);
    cr_expect(slice_equal(x509_path_certificate(s->signer, 0)->der, out.tcb_signer));
}

Test(dcap_tcb_info, versions_2_and_3_are_taken_for_sgx)
{
    for_sgx();
    accepted();
    cr_expect(!tcb_info_is_tdx(info));
    judged_as(TCB_UP_TO_DATE);
    kind.tcb_info.version = 2;
    kind.tcb_info.id = NULL;
    accepted();
    cr_expect(!tcb_info_is_tdx(info));
    judged_as(TCB_UP_TO_DATE);
    kind.tcb_info.id = "SGX";
    accepted();
}

Test(dcap_tcb_info, version_2_is_refused_for_tdx)
{
    kind.tcb_info.version = 2;
    refuses(DCAP_COLLATERAL_FORM);
}

static const struct {
    const char *file;
    bool tdx;
    int64_t issued, next_update; /* by the date command */
    uint64_t number;
} RECORDED[] = {
    {"tdx/tdx_quote_collateral.json", true, 1750328163, 1752920163, 17},
    {"tdx/tdx_quote_outdated_collateral.json", true, 1771412331, 1774004331, 18},
    {"sgx/sgx_quote_collateral.json", false, 1750330571, 1752922571, 17},
};

Test(dcap_tcb_info, intels_own_answers_are_taken_below_the_pinned_root)
{
    for (size_t i = 0; i < 3; i++) {
        struct statement_files f = recorded_statement(RECORDED[i].file, "tcb_info", "tcbInfo");
        enum reason r = taken(intel, f.answer, f.chain);
        cr_assert(r == REASON_OK, "%s: %s", RECORDED[i].file, reason_id(r));
        const struct dcap_statement *s = tcb_info_statement(info);
        cr_expect(tcb_info_is_tdx(info) == RECORDED[i].tdx && s->issued == RECORDED[i].issued);
        cr_expect(s->next_update == RECORDED[i].next_update && s->evaluation_number == RECORDED[i].number);
    }
}

Test(dcap_tcb_info, answers_as_files_of_upstream_are_taken)
{
    struct statement_files f = recorded_statement("tdx/tdx_quote_collateral.json", "tcb_info", "tcbInfo");
    static const char *const files[] = {"tdx/tcbInfo.json", "tdx/collateral-50806f-2023/sample_tcbInfo_response"};
    for (size_t i = 0; i < 2; i++) {
        enum reason r = taken(intel, recorded(files[i]), f.chain);
        cr_expect(r == REASON_OK, "%s: %s", files[i], reason_id(r));
    }
}

/* --- the signature and what it is over ------------------------------------------------------------------------------
 */

Test(dcap_tcb_info, every_changed_byte_of_a_recorded_answer_is_refused)
{
    struct statement_files f = recorded_statement("tdx/tdx_quote_collateral.json", "tcb_info", "tcbInfo");
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

Test(dcap_tcb_info, every_beginning_of_a_recorded_answer_is_refused)
{
    struct statement_files f = recorded_statement("tdx/tdx_quote_collateral.json", "tcb_info", "tcbInfo");
    for (size_t length = 0; length < f.answer.len; length++)
        cr_expect(taken(intel, slice_of(f.answer.ptr, length), f.chain) == DCAP_COLLATERAL_FORM);
}

/* '@' stands for the signed text, '#' for its signature. */
static slice answered(const char *form)
{
    struct text t = text_begin(&arena);
    for (; *form; form++)
        text_add(&t, *form == '@' ? out.tcb_info : *form == '#' ? out.tcb_info_signature : slice_of(form, 1));
    return text_end(&t);
}

Test(dcap_tcb_info, white_space_and_other_members_around_the_signed_one_do_not_matter)
{
    static const char *const forms[] = {
        " { \"tcbInfo\" : @ , \"signature\" : \"#\" } ",
        "\n{\r\n\t\"tcbInfo\"\n:\n@\t,\"signature\":\"#\"}\n",
        "{\"a\":\"}\\\"tcbInfo\\\":{},\",\"b\":[{\"tcbInfo\":1},[],{}],\"c\":-1.5e3,\"d\":null,\"tcbInfo\":@,\"x\":"
        "true,\"signature\":\"#\"}",
        "{\"\":{},\"\\\\\":\"\\\\\",\"tcbInfo\":@,\"signature\":\"#\"}",
    };
    world_make();
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        enum reason r = taken(trust, answered(forms[i]), out.tcb_chain);
        cr_expect(r == REASON_OK, "%zu: %s", i, reason_id(r));
    }
    slice backwards = answered("{\"signature\":\"#\",\"tcbInfo\":@}");
    cr_expect(taken(trust, backwards, out.tcb_chain) == REASON_OK);
}

Test(dcap_tcb_info, an_answer_of_another_form_is_refused)
{
    static const char *const forms[] = {
        "{\"tcbInfo\":@,\"tcbInfo\":{},\"signature\":\"#\"}",
        "{\"tcbInfo\":@,\"tcb\\u0049nfo\":{},\"signature\":\"#\"}",
        "{\"tcb\\u0049nfo\":@,\"signature\":\"#\"}",
        "{\"tcbinfo\":@,\"signature\":\"#\"}",
        "{\"tcbInfo\":[@],\"signature\":\"#\"}",
        "[{\"tcbInfo\":@,\"signature\":\"#\"}]",
        "{\"x\":{\"tcbInfo\":@,\"signature\":\"#\"}}",
        "{\"tcbInfo\":@,\"signature\":\"#\"}x",
        "{\"tcbInfo\":@,\"signature\":\"#\",}",
        "{\"tcbInfo\":@ \"signature\":\"#\"}",
        "{\"tcbInfo\":@,\"signature\":\"#00\"}",
        "{\"tcbInfo\":@,\"signature\":\" #\"}",
        "{\"tcbInfo\":@,\"signature\":[\"#\"]}",
        "{\"tcbInfo\":@,\"Signature\":\"#\"}",
        "\xef\xbb\xbf{\"tcbInfo\":@,\"signature\":\"#\"}",
    };
    world_make();
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        enum reason r = taken(trust, answered(forms[i]), out.tcb_chain);
        cr_expect(r == DCAP_COLLATERAL_FORM, "%zu: %s", i, reason_id(r));
    }
    cr_expect(taken(trust, NO_SLICE, out.tcb_chain) == DCAP_COLLATERAL_FORM);
    cr_expect(taken(trust, S("{\"tcbInfo\":{}"), out.tcb_chain) == DCAP_COLLATERAL_FORM);
}

Test(dcap_tcb_info, the_signature_is_over_the_bytes_and_not_over_what_they_mean)
{
    edit_from = "\"version\":", edit_to = "\"version\": ";
    kind.tcb_info.edit_signed = world_edit;
    refuses(DCAP_COLLATERAL_SIGNATURE);
    kind.tcb_info.edit_signed = NULL;
    kind.tcb_info.edit = world_edit;
    accepted();
}

Test(dcap_tcb_info, another_keys_signature_is_refused)
{
    kind.tcb_info_signer = FORGE_KEY_STRANGER;
    refuses(DCAP_COLLATERAL_SIGNATURE);
    kind.tcb_info_signer = FORGE_KEY_PCK;
    refuses(DCAP_COLLATERAL_SIGNATURE);
}

Test(dcap_tcb_info, a_signature_of_zeros_is_refused)
{
    world_make();
    memset((uint8_t *)(uintptr_t)out.tcb_info_signature.ptr, '0', 128);
    slice answer = answered("{\"tcbInfo\":@,\"signature\":\"#\"}");
    cr_expect(taken(trust, answer, out.tcb_chain) == DCAP_COLLATERAL_SIGNATURE);
}

Test(dcap_tcb_info, a_text_of_very_many_values_is_refused_for_its_form)
{
    enum { SIZE = 40000 };
    uint8_t *dense = arena_alloc(&arena, SIZE, 1);
    for (size_t i = 0; i < SIZE; i++)
        dense[i] = (uint8_t)(i % 2 ? ',' : '1');
    memcpy(dense, "{\"tcbInfo\":[", 12);
    memcpy(dense + SIZE - 2, "]}", 2);
    dense[SIZE - 3] = '1';
    cr_expect(taken(intel, slice_of(dense, SIZE), NO_SLICE) == DCAP_COLLATERAL_FORM);
}

/* --- the signer's chain ---------------------------------------------------------------------------------------------
 */

Test(dcap_tcb_info, the_root_need_not_be_in_the_chain)
{
    kind.tcb_shape = FORGE_CHAIN_WITHOUT_ROOT;
    accepted();
    kind.tcb_shape = FORGE_CHAIN_CRLF;
    accepted();
}

Test(dcap_tcb_info, chains_in_another_shape_are_refused)
{
    static const struct {
        enum forge_chain_shape shape;
        enum reason reason;
    } shapes[] = {
        {FORGE_CHAIN_EMPTY, X509_LENGTH},     {FORGE_CHAIN_REVERSED, X509_CA},
        {FORGE_CHAIN_LEAF_TWICE, X509_ORDER}, {FORGE_CHAIN_EXTRA_BEFORE, X509_ORDER},
        {FORGE_CHAIN_NUL_INSIDE, X509_FORM},  {FORGE_CHAIN_OTHER_BLOCK, X509_FORM},
        {FORGE_CHAIN_CUT, X509_FORM},         {FORGE_CHAIN_BYTE_AFTER_DER, X509_FORM},
        {FORGE_CHAIN_HUNDRED, X509_LENGTH},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        kind.tcb_shape = shapes[i].shape;
        enum reason r = forged();
        cr_expect(r != REASON_OK, "shape %d", (int)shapes[i].shape);
        cr_expect(r == shapes[i].reason, "shape %d: %s", (int)shapes[i].shape, reason_id(r));
    }
}

Test(dcap_tcb_info, a_signer_below_somebody_elses_root_is_refused)
{
    world_make();
    cr_expect(taken(intel, out.tcb_answer, out.tcb_chain) == X509_UNTRUSTED);
}

Test(dcap_tcb_info, a_ca_is_no_signer)
{
    kind.tcb_signer.c.constraints = "critical,CA:TRUE";
    refuses(X509_CA);
}

Test(dcap_tcb_info, the_trusted_certificate_itself_is_no_signer)
{
    world_make();
    struct x509_trust *signer;
    cr_assert(!FAILED(x509_trust_new(&signer)) && !FAILED(x509_trust_add_der(signer, out.tcb_signer)));
    cr_expect(taken(signer, out.tcb_answer, out.tcb_chain) == X509_UNTRUSTED);
    x509_trust_free(signer);
}

Test(dcap_tcb_info, a_platforms_certificate_is_no_signer)
{
    world_make();
    cr_expect(taken(trust, out.tcb_answer, out.pck_chain) == DCAP_COLLATERAL_CHAIN);
}

Test(dcap_tcb_info, a_real_platforms_certificate_is_no_signer_below_intels_root)
{
    struct statement_files f = recorded_statement("sgx/sgx_quote_collateral.json", "tcb_info", "tcbInfo");
    slice quote = recorded("sgx/sgx_quote");
    const uint8_t *chain = memmem(quote.ptr, quote.len, "-----BEGIN", 10);
    cr_assert(chain);
    slice pem = slice_of(chain, quote.len - (size_t)(chain - quote.ptr));
    cr_expect(taken(intel, f.answer, pem) == DCAP_COLLATERAL_CHAIN);
}

/* --- every member ---------------------------------------------------------------------------------------------------
 */

struct change {
    const char *from, *to;
};

static void refuses_changes(const struct change *changes, size_t count)
{
    kind.tcb_info.edit = world_edit;
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

Test(dcap_tcb_info, every_member_is_required)
{
    REFUSES({"\"id\"", "\"x\""}, {"\"version\"", "\"x\""}, {"\"issueDate\"", "\"x\""}, {"\"nextUpdate\"", "\"x\""},
            {"\"fmspc\"", "\"x\""}, {"\"pceId\"", "\"x\""}, {"\"tcbType\"", "\"x\""},
            {"\"tcbEvaluationDataNumber\"", "\"x\""}, {"\"tcbLevels\":[{\"tcb\":{\"sgx", "\"x\":[{\"tcb\":{\"sgx"},
            {"\"tdxModule\"", "\"x\""}, {"\"sgxtcbcomponents\"", "\"x\""}, {"\"tdxtcbcomponents\"", "\"x\""},
            {"\"pcesvn\"", "\"x\""}, {"\"svn\"", "\"x\""}, {"\"tcbDate\"", "\"x\""}, {"\"tcbStatus\"", "\"x\""},
            {"\"mrsigner\"", "\"x\""}, {"\"attributes\"", "\"x\""}, {"\"attributesMask\"", "\"x\""},
            {"\"isvsvn\"", "\"x\""}, {"\"tcb\":{\"sgx", "\"x\":{\"sgx"}, {"\"tcb\":{\"isv", "\"x\":{\"isv"},
            {"{\"id\":\"TDX_03\"", "{\"x\":\"TDX_03\""});
}

Test(dcap_tcb_info, numbers_out_of_range_or_of_another_type_are_refused)
{
    REFUSES({"\"version\":3", "\"version\":4"}, {"\"version\":3", "\"version\":1"}, {"\"version\":3", "\"version\":0"},
            {"\"version\":3", "\"version\":\"3\""}, {"\"version\":3", "\"version\":3.0"},
            {"\"version\":3", "\"version\":259"}, {"\"version\":3", "\"version\":4294967299"},
            {"\"tcbType\":0", "\"tcbType\":1"}, {"\"tcbType\":0", "\"tcbType\":-0"},
            {"\"tcbType\":0", "\"tcbType\":null"}, {"DataNumber\":17", "DataNumber\":-1"},
            {"DataNumber\":17", "DataNumber\":4294967296"}, {"DataNumber\":17", "DataNumber\":1e1"},
            {"\"svn\":", "\"svn\":256,\"x\":"}, {"\"svn\":", "\"svn\":-1,\"x\":"}, {"\"svn\":", "\"svn\":\"1\",\"x\":"},
            {"\"svn\":", "\"svn\":true,\"x\":"}, {"\"pcesvn\":", "\"pcesvn\":65536,\"x\":"},
            {"\"isvsvn\":", "\"isvsvn\":65536,\"x\":"}, {"\"isvsvn\":", "\"isvsvn\":-1,\"x\":"});
}

Test(dcap_tcb_info, texts_of_another_form_are_refused)
{
    REFUSES({"\"id\":\"TDX\"", "\"id\":\"tdx\""}, {"\"id\":\"TDX\"", "\"id\":\"SGX\""}, {"\"id\":\"TDX\"", "\"id\":0"},
            {"\"fmspc\":\"", "\"fmspc\":\"00"}, {"\"fmspc\":\"", "\"fmspc\":\"\",\"x\":\""},
            {"\"pceId\":\"0", "\"pceId\":\"g"}, {"\"pceId\":\"0", "\"pceId\":\""}, {"\"pceId\":\"0", "\"pceId\":\" "},
            {"\"tcbStatus\":\"UpToDate\"", "\"tcbStatus\":\"Fine\""},
            {"\"tcbStatus\":\"UpToDate\"", "\"tcbStatus\":\"\""}, {"\"tcbStatus\":\"UpToDate\"", "\"tcbStatus\":0"},
            {"\"tcbStatus\":\"UpToDate\"", "\"tcbStatus\":\"TDRelaunchAdvised\""}, {"TDX_03", "TDX_3"},
            {"TDX_03", "TDX_003"}, {"TDX_03", "TDX_00"}, {"TDX_03", "TDX_zz"}, {"TDX_03", "TDY_03"},
            {"TDX_03", "TDX_01"});
}

Test(dcap_tcb_info, lists_of_another_length_are_refused)
{
    REFUSES({"\"tcbLevels\":[{\"tcb\":{\"isv", "\"tcbLevels\":[],\"x\":[{\"tcb\":{\"isv"},
            {"\"tcbLevels\":[{\"tcb\":{\"sgx", "\"tcbLevels\":[],\"x\":[{\"tcb\":{\"sgx"},
            {"\"tcbLevels\":[{\"tcb\":{\"sgx", "\"tcbLevels\":{},\"x\":[{\"tcb\":{\"sgx"},
            {"\"tdxModuleIdentities\":[", "\"tdxModuleIdentities\":[],\"x\":["},
            {"\"tdxModuleIdentities\":[", "\"tdxModuleIdentities\":{},\"x\":["},
            {"\"tdxModuleIdentities\":[", "\"tdxModuleIdentities\":[1,"});
    kind.tcb_info.edit = NULL;
    for (int count = 15; count <= 17; count += 2) {
        kind.tcb_info.levels.level[1].sgx_count = (size_t)count;
        refuses(DCAP_COLLATERAL_FORM);
        kind.tcb_info.levels.level[1].sgx_count = 16;
        kind.tcb_info.levels.level[1].tdx_count = (size_t)count;
        refuses(DCAP_COLLATERAL_FORM);
        kind.tcb_info.levels.level[1].tdx_count = 16;
    }
    kind.tcb_info.levels.count = 0;
    refuses(DCAP_COLLATERAL_FORM);
}

Test(dcap_tcb_info, dates_of_another_form_are_refused)
{
    kind.tcb_info.edit = world_edit;
    static const char *const wrong[] = {
        "2027-01-14T08:00:00",
        "2027-01-14T08:00:00+00:00",
        "2027-01-14t08:00:00Z",
        "2027-01-14 08:00:00Z",
        "2027-01-14T08:00:00.0Z",
        "2027-02-29T08:00:00Z",
        "2027-13-14T08:00:00Z",
        "2027-00-14T08:00:00Z",
        "2027-01-32T08:00:00Z",
        "2027-01-00T08:00:00Z",
        "2027-01-14T24:00:00Z",
        "2027-01-14T08:60:00Z",
        "2027-01-14T08:00:60Z",
        "1969-12-31T23:59:59Z",
        "2027-1-14T08:00:00Z",
        "+027-01-14T08:00:00Z",
        "2100-02-29T08:00:00Z",
        "2027-04-31T08:00:00Z",
        "",
        "2027-01-14T08:00:00Z ",
    };
    char text[64];
    edit_from = "\"issueDate\":\"2027-01-14T08:00:00Z";
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "\"issueDate\":\"%s", wrong[i]);
        edit_to = text;
        enum reason r = forged();
        cr_expect(r == DCAP_COLLATERAL_FORM, "%s: %s", wrong[i], reason_id(r));
    }
    edit_to = "\"issueDate\":\"2024-02-29T23:59:59Z";
    accepted();
    cr_expect(tcb_info_statement(info)->issued == 1709251199); /* by the date command */
}

Test(dcap_tcb_info, it_must_be_issued_before_its_next_update)
{
    kind.tcb_info.next_update = kind.tcb_info.issued;
    refuses(DCAP_COLLATERAL_FORM);
    kind.tcb_info.next_update = kind.tcb_info.issued + 1;
    accepted();
}

Test(dcap_tcb_info, members_of_tdx_are_refused_for_sgx)
{
    for_sgx();
    kind.tcb_info.edit = world_edit;
    edit_from = "\"tcbType\":0", edit_to = "\"tcbType\":0,\"tdxModule\":{}";
    refuses(DCAP_COLLATERAL_FORM);
    edit_to = "\"tcbType\":0,\"tdxModuleIdentities\":[{}]";
    refuses(DCAP_COLLATERAL_FORM);
}

Test(dcap_tcb_info, advisories_are_a_list_of_names)
{
    kind.tcb_info.levels.level[0].advisories[0] = "INTEL-SA-00615";
    accepted();
    judged_as(TCB_UP_TO_DATE);
    cr_assert(verdict.platform.advisory_count == 1);
    cr_expect(slice_equal(verdict.platform.advisories[0], S("INTEL-SA-00615")));
    REFUSES({"[\"INTEL-SA-00615\"]", "{}"}, {"[\"INTEL-SA-00615\"]", "\"INTEL-SA-00615\""},
            {"[\"INTEL-SA-00615\"]", "[1]"}, {"[\"INTEL-SA-00615\"]", "[\"\"]"}, {"[\"INTEL-SA-00615\"]", "null"},
            {"INTEL-SA-00615", "INTEL SA"}, {"INTEL-SA-00615", "INTEL\\nSA"}, {"INTEL-SA-00615", "a\\u0000b"},
            {"INTEL-SA-00615", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"});
}

static slice many_advisories(struct arena *a, slice text)
{
    slice list = S("[\"A\"");
    for (int i = 1; i < atoi(edit_to); i++)
        list = forge_join(a, list, S(",\"A\""));
    slice whole = forge_join(a, list, S("]"));
    slice ended = forge_join(a, whole, slice_of("", 1));
    return forge_replace(a, text, "[\"INTEL-SA-00615\"]", (const char *)ended.ptr);
}

Test(dcap_tcb_info, advisories_of_a_level_are_bounded)
{
    kind.tcb_info.edit = many_advisories;
    edit_to = "64";
    accepted();
    edit_to = "65";
    refuses(DCAP_COLLATERAL_FORM);
}

Test(dcap_tcb_info, levels_are_bounded)
{
    kind.tcb_info.edit = world_edit;
    static char many[16 << 10] = "\"tcbLevels\":[{\"tcb\":{\"isvsvn\":65535},\"tcbDate\":\"2027-01-01T00:00:00Z\","
                                 "\"tcbStatus\":\"UpToDate\"},";
    size_t length = strlen(many);
    for (int i = 0; i < 128; i++)
        length += (size_t)snprintf(many + length, sizeof many - length,
                                   "{\"tcb\":{\"isvsvn\":%d},\"tcbDate\":\"2027-01-01T00:00:00Z\",\"tcbStatus\":"
                                   "\"UpToDate\"},",
                                   1000 - i);
    edit_from = "\"tcbLevels\":[", edit_to = many;
    refuses(DCAP_COLLATERAL_FORM);
}

/* --- judging --------------------------------------------------------------------------------------------------------
 */

Test(dcap_tcb_info, the_first_level_that_the_platform_reaches_decides)
{
    accepted();
    judged_as(TCB_UP_TO_DATE);
    cr_expect(verdict.platform.advisory_count == 0 && !verdict.has_module && !verdict.has_current);
    pck.pce_svn--;
    judged_as(TCB_OUT_OF_DATE);
    cr_expect(verdict.platform.tcb_date == kind.tcb_info.levels.level[1].date);
    cr_assert(verdict.platform.advisory_count == 1);
    cr_expect(slice_equal(verdict.platform.advisories[0], S("INTEL-SA-00615")));
    pck.pce_svn = 5;
    judged_as(TCB_OUT_OF_DATE);
    pck.pce_svn = 4;
    cr_expect(judged() == DCAP_TCB_NO_LEVEL);
}

Test(dcap_tcb_info, every_component_must_reach_its_level)
{
    memset(kind.tcb_info.levels.level[0].sgx, 7, 16);
    memset(kind.tcb_info.levels.level[1].sgx, 3, 16);
    accepted();
    for (size_t i = 0; i < 16; i++) {
        memset(pck.components, 7, 16);
        judged_as(TCB_UP_TO_DATE);
        pck.components[i] = 6;
        judged_as(TCB_OUT_OF_DATE);
        pck.components[i] = 2;
        cr_expect(judged() == DCAP_TCB_NO_LEVEL, "component %zu", i);
        memset(pck.components, 255, 16);
        pck.components[i] = 7;
        judged_as(TCB_UP_TO_DATE);
    }
}

Test(dcap_tcb_info, every_tdx_component_must_reach_its_level)
{
    memset(kind.tcb_info.levels.level[0].tdx, 7, 16);
    memset(kind.tcb_info.levels.level[1].tdx, 3, 16);
    kind.tcb_info.levels.level[0].tdx[1] = kind.tcb_info.levels.level[1].tdx[1] = 0;
    accepted();
    for (size_t i = 0; i < 16; i++) {
        memset(kind.body, 7, 16);
        kind.body[1] = 0;
        judged_as(TCB_UP_TO_DATE);
        if (i == 1)
            continue;
        kind.body[i] = 6;
        judged_as(TCB_OUT_OF_DATE);
        kind.body[i] = 2;
        cr_expect(judged() == DCAP_TCB_NO_LEVEL, "component %zu", i);
    }
}

Test(dcap_tcb_info, a_module_with_a_version_is_judged_by_its_own_levels_and_not_by_the_platforms)
{
    kind.tcb_info.levels.level[0].tdx[0] = 200;
    kind.tcb_info.levels.level[0].tdx[1] = 200;
    accepted();
    kind.body[1] = 3;
    kind.body[0] = 5;
    judged_as(TCB_UP_TO_DATE);
    cr_expect(verdict.has_module && verdict.module.status == TCB_UP_TO_DATE);
    kind.body[2] = 2;
    cr_expect(judged() == REASON_OK && verdict.platform.status == TCB_OUT_OF_DATE);
}

Test(dcap_tcb_info, levels_that_are_not_in_order_are_put_in_order)
{
    struct forge_level first = kind.tcb_info.levels.level[0];
    kind.tcb_info.levels.level[0] = kind.tcb_info.levels.level[1];
    kind.tcb_info.levels.level[1] = first;
    accepted();
    judged_as(TCB_UP_TO_DATE);
}

/* Intel's order: components one after the other, then PCESVN, then TDX components, each from high to low. */
Test(dcap_tcb_info, the_order_is_by_components_then_pcesvn_then_tdx_components)
{
    static const char *const statuses[] = {"SWHardeningNeeded", "ConfigurationNeeded", "OutOfDate",
                                           "OutOfDateConfigurationNeeded"};
    for (size_t i = 0; i < 4; i++) {
        kind.tcb_info.levels.level[i] = kind.tcb_info.levels.level[0];
        kind.tcb_info.levels.level[i].status = statuses[i];
        memset(kind.tcb_info.levels.level[i].sgx, 0, 16);
        memset(kind.tcb_info.levels.level[i].tdx, 0, 16);
        kind.tcb_info.levels.level[i].pce_svn = 1;
    }
    kind.tcb_info.levels.count = 4;
    kind.tcb_info.levels.level[1].tdx[15] = 1;
    kind.tcb_info.levels.level[2].pce_svn = 2;
    kind.tcb_info.levels.level[3].sgx[15] = 1;
    accepted();
    memset(pck.components, 1, 16);
    memset(kind.body, 1, 16);
    kind.body[1] = 0;
    pck.pce_svn = 2;
    judged_as(TCB_OUT_OF_DATE_CONFIGURATION_NEEDED);
    pck.components[15] = 0;
    judged_as(TCB_OUT_OF_DATE);
    pck.pce_svn = 1;
    judged_as(TCB_CONFIGURATION_NEEDED);
    kind.body[15] = 0;
    judged_as(TCB_SW_HARDENING_NEEDED);
}

Test(dcap_tcb_info, a_level_twice_is_refused)
{
    kind.tcb_info.levels.level[1] = kind.tcb_info.levels.level[0];
    kind.tcb_info.levels.level[1].status = "OutOfDate";
    refuses(DCAP_COLLATERAL_FORM);
}

Test(dcap_tcb_info, it_is_of_one_kind_of_tee_one_platform_and_one_pce)
{
    accepted();
    cr_expect(tcb_info_judge(info, &pck, NULL, &verdict).reason == DCAP_TCB_ID);
    pck.fmspc[5] ^= 1;
    cr_expect(judged() == DCAP_TCB_FMSPC);
    pck.fmspc[5] ^= 1;
    pck.pce_id[1] ^= 1;
    cr_expect(judged() == DCAP_TCB_PCEID);
    for_sgx();
    accepted();
    cr_expect(tcb_info_judge(info, &pck, &td, &verdict).reason == DCAP_TCB_ID);
}

/* --- TDX modules ----------------------------------------------------------------------------------------------------
 */

Test(dcap_tcb_info, a_module_that_the_tcb_info_does_not_name_is_refused)
{
    accepted();
    kind.body[1] = 2;
    cr_expect(judged() == DCAP_TDX_MODULE);
    kind.body[1] = 255;
    cr_expect(judged() == DCAP_TDX_MODULE);
}

Test(dcap_tcb_info, a_module_below_its_lowest_level_is_refused)
{
    accepted();
    kind.body[1] = 3;
    kind.body[0] = 0;
    size_t last = kind.tcb_info.modules[0].levels.count - 1;
    uint16_t lowest = kind.tcb_info.modules[0].levels.level[last].isv_svn;
    cr_assert(lowest > 0);
    kind.body[0] = (uint8_t)(lowest - 1);
    cr_expect(judged() == DCAP_TDX_MODULE_NO_LEVEL);
    kind.body[0] = (uint8_t)lowest;
    cr_expect(judged() == REASON_OK);
}

Test(dcap_tcb_info, a_modules_id_is_read_in_either_case)
{
    kind.tcb_info.modules[0].id = "tdx_0A";
    accepted();
    kind.body[1] = 10;
    kind.body[0] = 5;
    cr_expect(judged() == REASON_OK);
}

Test(dcap_tcb_info, a_modules_levels_must_be_in_order)
{
    struct forge_levels *l = &kind.tcb_info.modules[0].levels;
    l->count = 2;
    l->level[1] = l->level[0];
    refuses(DCAP_COLLATERAL_FORM);
    l->level[1].isv_svn = (uint16_t)(l->level[0].isv_svn + 1);
    refuses(DCAP_COLLATERAL_FORM);
    l->level[1].isv_svn = (uint16_t)(l->level[0].isv_svn - 1);
    accepted();
}

Test(dcap_tcb_info, modules_know_three_statuses)
{
    kind.tcb_info.modules[0].levels.level[0].status = "ConfigurationNeeded";
    refuses(DCAP_COLLATERAL_FORM);
    kind.tcb_info.modules[0].levels.level[0].status = "SWHardeningNeeded";
    refuses(DCAP_COLLATERAL_FORM);
    kind.tcb_info.modules[0].levels.level[0].status = "Revoked";
    accepted();
    kind.body[1] = 3;
    cr_expect(judged() == REASON_OK && verdict.module.status == TCB_REVOKED);
}

Test(dcap_tcb_info, the_modules_signer_must_be_the_identitys)
{
    accepted();
    for (int version = 0; version < 4; version += 3) {
        kind.body[1] = (uint8_t)version;
        cr_expect(judged() == REASON_OK);
        kind.body[FORGE_TD_MRSIGNERSEAM + 47] ^= 1;
        cr_expect(judged() == DCAP_TDX_MODULE);
        kind.body[FORGE_TD_MRSIGNERSEAM + 47] ^= 1;
    }
}

Test(dcap_tcb_info, seam_attributes_must_be_zero_and_the_identitys)
{
    accepted();
    for (size_t i = 0; i < 8; i++) {
        kind.body[FORGE_TD_SEAM_ATTRIBUTES + i] = 0x80;
        cr_expect(judged() == DCAP_TDX_MODULE);
        kind.body[FORGE_TD_SEAM_ATTRIBUTES + i] = 0;
    }
    kind.tcb_info.module.attributes[0] = 1;
    memset(kind.tcb_info.module.mask, 0, 8);
    accepted();
    cr_expect(judged() == DCAP_TDX_MODULE);
    kind.body[FORGE_TD_SEAM_ATTRIBUTES] = 1;
    cr_expect(judged() == DCAP_TDX_MODULE);
}

Test(dcap_tcb_info, a_version_without_any_identities_is_refused)
{
    kind.tcb_info.module_count = 0;
    accepted();
    judged_as(TCB_UP_TO_DATE);
    kind.body[1] = 1;
    cr_expect(judged() == DCAP_TDX_MODULE);
}

/* --- TDX 1.5: what the TD was launched with, and what runs now -------------------------------------------------------
 */

static void with_second_svn(void)
{
    forge_dcap_default(&kind, 5, FORGE_TDX15, FORGE_NOW);
    td.tee_tcb_svn2 = slice_of(kind.body + FORGE_TD_TCB_SVN2, 16);
    accepted();
}

Test(dcap_tcb_info, the_second_svn_is_judged_like_the_first)
{
    with_second_svn();
    cr_expect(judged() == REASON_OK && verdict.has_current && verdict.has_current_module);
    cr_expect(verdict.current_platform.status == TCB_UP_TO_DATE && verdict.current_module.status == TCB_UP_TO_DATE);
    kind.body[2] = 2;
    cr_expect(judged() == REASON_OK && verdict.platform.status == TCB_OUT_OF_DATE);
    cr_expect(verdict.current_platform.status == TCB_UP_TO_DATE);
    kind.body[2] = 3;
    kind.body[FORGE_TD_TCB_SVN2 + 1] = 0;
    cr_expect(judged() == REASON_OK && verdict.has_module && !verdict.has_current_module);
}

Test(dcap_tcb_info, a_second_svn_that_nothing_matches_is_refused)
{
    with_second_svn();
    kind.body[FORGE_TD_TCB_SVN2 + 1] = 77;
    cr_expect(judged() == DCAP_TDX_MODULE);
    kind.body[FORGE_TD_TCB_SVN2 + 1] = 3;
    kind.body[FORGE_TD_TCB_SVN2] = 0;
    cr_expect(judged() == DCAP_TDX_MODULE_NO_LEVEL);
    kind.tcb_info.levels.count = 1;
    accepted();
    kind.body[FORGE_TD_TCB_SVN2 + 2] = 0;
    cr_expect(judged() == DCAP_TCB_NO_LEVEL);
}

/* --- memory ---------------------------------------------------------------------------------------------------------
 */

Test(dcap_tcb_info, too_little_scratch_memory_is_said)
{
    world_make();
    for (size_t size = 0; size < 40 << 10; size += 512) {
        struct arena small = {.base = scratch.base, .size = size};
        struct tcb_info *t;
        result r = tcb_info_new(trust, out.tcb_answer, out.tcb_chain, &small, &t);
        cr_expect(!FAILED(r) || r.reason == NO_MEMORY, "%zu: %s", size, reason_id((enum reason)r.reason));
        tcb_info_free(t);
    }
    struct arena promised = {.base = scratch.base, .size = 9 * out.tcb_answer.len + (64 << 10)};
    struct tcb_info *t;
    cr_expect(!FAILED(tcb_info_new(trust, out.tcb_answer, out.tcb_chain, &promised, &t)));
    tcb_info_free(t);
}
