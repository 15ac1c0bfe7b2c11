/* SPDX-License-Identifier: Apache-2.0
 *
 * Other people's formats of collateral, and our export file: what is found in them, and what breaks nothing.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/collateral/item.h"
#include "lib/base/bytes.h"

#define TCB_INFO \
    "{\"id\":\"TDX\",\"version\":3,\"issueDate\":\"2025-01-01T00:00:00Z\",\"fmspc\":\"50806F000000\",\"n\":[1,2]}"
#define TCB_ANSWER "{\"tcbInfo\":" TCB_INFO ",\"signature\":\"aabb\"}"
#define QE_IDENTITY "{\"id\":\"TD_QE\",\"version\":2}"
#define QE_ANSWER "{\"enclaveIdentity\":" QE_IDENTITY ",\"signature\":\"ccdd\"}"
#define QUOTED_TCB                                                                                              \
    "\"{\\\"id\\\":\\\"TDX\\\",\\\"version\\\":3,\\\"issueDate\\\":\\\"2025-01-01T00:00:00Z\\\",\\\"fmspc\\\":" \
    "\\\"50806F000000\\\",\\\"n\\\":[1,2]}\""
#define QEID "0123456789abcdef0123456789abcdef"
#define CHIP                                                           \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static char root[64];
static struct arena arena;
static struct collateral_offline *source;
static char error[256];

static void setup(void)
{
    snprintf(root, sizeof root, "/tmp/collateral-offline-XXXXXX");
    cr_assert(mkdtemp(root));
    cr_assert(!FAILED(arena_map(&arena, 64u << 20, ARENA_PLAIN)));
    source = NULL;
}

static void teardown(void)
{
    char command[160];
    collateral_offline_close(source);
    arena_unmap(&arena);
    snprintf(command, sizeof command, "rm -rf %s", root);
    cr_assert(system(command) == 0);
}

TestSuite(collateral_offline, .init = setup, .fini = teardown);

static const char *in_root(const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", root, name);
    return path;
}

static const char *file(const char *name, const char *content, size_t size)
{
    const char *path = in_root(name);
    FILE *f = fopen(path, "w");
    cr_assert(f && fwrite(content, 1, size, f) == size && fclose(f) == 0, "%s", path);
    return path;
}

static const char *text_file(const char *name, const char *content)
{
    return file(name, content, strlen(content));
}

static void open_source(const char *path)
{
    collateral_offline_close(source);
    cr_assert(!FAILED(collateral_offline_open(path, &source, error, sizeof error)), "%s: %s", path, error);
}

static enum reason refused(const char *path)
{
    struct collateral_offline *o = NULL;
    *error = 0;
    result r = collateral_offline_open(path, &o, error, sizeof error);
    cr_assert_null(o);
    cr_assert_str_not_empty(error);
    return (enum reason)r.reason;
}

static struct collateral_item got(const char *kind, const char *key)
{
    struct collateral_item item = {0};
    result r = collateral_offline_get(source, slice_text(kind), slice_text(key), &arena, &item);
    cr_assert(!FAILED(r), "%s %s: %s", kind, key, reason_id((enum reason)r.reason));
    cr_assert(slice_equal(item.kind, slice_text(kind)) && slice_equal(item.key, slice_text(key)));
    return item;
}

static enum reason missing(const char *kind, const char *key)
{
    struct collateral_item item;
    size_t used = arena.used;
    result r = collateral_offline_get(source, slice_text(kind), slice_text(key), &arena, &item);
    cr_assert(FAILED(r) && arena.used == used);
    return (enum reason)r.reason;
}

static bool is(slice s, const char *text)
{
    return slice_equal(s, slice_text(text));
}

/* A revocation list as far as its issuer's name, which is all that is read here; filled up to a usual length. */
static size_t list_of(const char *issuer, uint8_t out[256])
{
    size_t n = strlen(issuer);
    uint8_t head[] = {0x30, 0x81, (uint8_t)(n + 145), 0x30, 0x81, (uint8_t)(n + 142), 2, 1, 1, 0x30, 2, 5, 0};
    uint8_t name[] = {0x30, (uint8_t)(n + 11), 0x31, (uint8_t)(n + 9), 0x30, (uint8_t)(n + 7), 6, 3, 0x55, 4, 3,
                      0x0c, (uint8_t)n};
    memset(out, 0, 256);
    memcpy(out, head, sizeof head);
    memcpy(out + 13, name, sizeof name);
    memcpy(out + 26, issuer, n);
    out[26 + n] = 4;
    out[27 + n] = 120;
    return n + 148;
}

static const char *hex_list(const char *issuer)
{
    static char texts[8][600];
    static unsigned next;
    char *hex = texts[next++ % 8];
    uint8_t der[256];
    hex[hex_encode((uint8_t *)hex, slice_of(der, list_of(issuer, der)))] = 0;
    return hex;
}

/* --- answers as they came --- */

Test(collateral_offline, an_answer_is_given_verbatim_under_its_own_name)
{
    open_source(text_file("tcb", TCB_ANSWER "\n"));
    cr_assert(is(got("intel/tcb-info", "tdx/50806f000000").bytes, TCB_ANSWER "\n"));
    cr_assert_eq(missing("intel/qe-identity", "tdx"), COLLATERAL_ABSENT);
}

Test(collateral_offline, tcb_info_without_an_id_is_of_sgx)
{
    (void)text_file("a", "{\"tcbInfo\":{\"version\":2,\"fmspc\":\"00606a000000\"},\"signature\":\"00\"}");
    open_source(root);
    (void)got("intel/tcb-info", "sgx/00606a000000");
}

Test(collateral_offline, a_folder_has_what_its_files_have)
{
    uint8_t der[256];
    (void)text_file("sample_tcbInfo_response", TCB_ANSWER);
    (void)text_file("sample_qeIdentity_response", QE_ANSWER);
    (void)file("pckcrl", (char *)der, list_of("Intel SGX PCK Platform CA", der));
    (void)file("rootcrl.der", (char *)der, list_of("Intel SGX Root CA", der));
    (void)file("amd.crl", (char *)der, list_of("ARK-Milan", der));
    (void)text_file("README", "nothing that is known");
    open_source(root);
    cr_assert(is(got("intel/tcb-info", "tdx/50806f000000").bytes, TCB_ANSWER));
    cr_assert(is(got("intel/qe-identity", "tdx").bytes, QE_ANSWER));
    (void)got("intel/pck-crl", "platform");
    (void)got("intel/root-crl", "root");
    (void)got("amd/crl", "Milan/vcek");
    (void)got("amd/crl", "Milan/vlek");
    cr_assert_eq(missing("intel/pck-crl", "processor"), COLLATERAL_ABSENT);
    cr_assert_eq(missing("intel/tcb-info", "sgx/50806f000000"), COLLATERAL_ABSENT);
}

Test(collateral_offline, in_a_folder_nothing_is_given_for_another_key)
{
    (void)text_file("tcb", TCB_ANSWER);
    open_source(root);
    cr_assert_eq(missing("intel/tcb-info", "tdx/000000000000"), COLLATERAL_ABSENT);
}

Test(collateral_offline, a_single_file_is_given_for_any_key_of_its_kind)
{
    open_source(text_file("tcb", TCB_ANSWER));
    cr_assert(is(got("intel/tcb-info", "sgx/000000000000").bytes, TCB_ANSWER));
}

Test(collateral_offline, broken_files_in_a_folder_hide_no_others)
{
    (void)text_file("a.json", "{\"tcbInfo\":");
    (void)text_file("b.json", TCB_ANSWER);
    (void)text_file("c.json", "{\"trustee_collateral\":1,\"items\":[{\"kind\":\"x\"}]}");
    (void)text_file(".hidden", QE_ANSWER);
    open_source(root);
    (void)got("intel/tcb-info", "tdx/50806f000000");
    cr_assert_eq(missing("intel/qe-identity", "tdx"), COLLATERAL_ABSENT);
}

Test(collateral_offline, a_file_that_has_changed_is_read_again)
{
    const char *path = text_file("tcb", TCB_ANSWER);
    open_source(root);
    (void)got("intel/tcb-info", "tdx/50806f000000");
    (void)text_file("qe", QE_ANSWER);
    (void)got("intel/qe-identity", "tdx");
    cr_assert(unlink(path) == 0);
    cr_assert_eq(missing("intel/tcb-info", "tdx/50806f000000"), COLLATERAL_ABSENT);
    (void)text_file("qe", "{\"enclaveIdentity\":{\"id\":\"QE\"},\"signature\":\"ccdd\"}");
    (void)got("intel/qe-identity", "sgx");
    cr_assert_eq(missing("intel/qe-identity", "tdx"), COLLATERAL_ABSENT);
}

Test(collateral_offline, files_mounted_as_links_are_read)
{
    cr_assert(mkdir(in_root("..data"), 0700) == 0 && mkdir(in_root("mounted"), 0700) == 0);
    (void)text_file("..data/tcb", TCB_ANSWER);
    cr_assert(symlink("../..data/tcb", in_root("mounted/tcb")) == 0);
    open_source(in_root("mounted"));
    (void)got("intel/tcb-info", "tdx/50806f000000");
}

/* --- the collateral of one quote --- */

Test(collateral_offline, the_text_of_a_statement_survives_verbatim)
{
    open_source(text_file("c.json", "{\"tcb_info\":" QUOTED_TCB ",\"tcb_info_signature\":\"aabb\","
                                    "\"tcb_info_issuer_chain\":\"the chain\"}"));
    struct collateral_item item = got("intel/tcb-info", "tdx/50806f000000");
    cr_assert(is(item.bytes, TCB_ANSWER), "%.*s", SLICE_ARG(item.bytes));
    cr_assert(is(item.chain, "the chain"));
}

Test(collateral_offline, a_malformed_statement_is_handed_on_for_the_verifier_to_refuse)
{
    open_source(text_file("c.json", "{\"qe_identity\":\"not valid json {{{\",\"qe_identity_signature\":\"00\"}"));
    cr_assert(
        is(got("intel/qe-identity", "tdx").bytes, "{\"enclaveIdentity\":not valid json {{{,\"signature\":\"00\"}"));
}

Test(collateral_offline, revocation_lists_come_in_hex_under_the_name_of_their_issuer)
{
    char text[2048];
    snprintf(text, sizeof text, "{\"pck_crl\":\"%s\",\"pck_crl_issuer_chain\":\"x\",\"root_ca_crl\":\"%s\"}",
             hex_list("Intel SGX PCK Processor CA"), hex_list("Intel SGX Root CA"));
    open_source(text_file("c.json", text));
    cr_assert(is(got("intel/pck-crl", "processor").chain, "x"));
    cr_assert(*got("intel/root-crl", "root").bytes.ptr == 0x30);
}

Test(collateral_offline, a_list_of_a_test_authority_is_given_for_any_key)
{
    char text[2048];
    snprintf(text, sizeof text, "{\"pck_crl\":\"%s\",\"root_ca_crl\":\"%s\"}", hex_list("Test CA"),
             hex_list("Test Root"));
    open_source(text_file("c.json", text));
    (void)got("intel/pck-crl", "platform");
    (void)got("intel/pck-crl", "processor");
    (void)got("intel/root-crl", "root");
}

Test(collateral_offline, members_of_another_type_are_refused)
{
    cr_assert_eq(refused(text_file("a", "{\"tcb_info\":" QUOTED_TCB ",\"tcb_info_signature\":7}")), COLLATERAL_CORRUPT);
    cr_assert(strstr(error, "tcb_info_signature"), "%s", error);
    cr_assert_eq(refused(text_file("b", "{\"pck_crl\":\"zz\"}")), COLLATERAL_CORRUPT);
    cr_assert_eq(refused(text_file("c", "{\"root_ca_crl\":[1]}")), COLLATERAL_CORRUPT);
    cr_assert_eq(refused(text_file("d", "{\"tcb_info\":1,\"tcb_info\":2}")), COLLATERAL_CORRUPT);
    cr_assert_eq(refused(text_file("e", "{\"pck_certificate_chain\":\"none\",\"root_ca_crl\":\"30\"}")),
                 COLLATERAL_CORRUPT);
}

Test(collateral_offline, a_path_that_is_not_there_is_absent)
{
    cr_assert_eq(refused(in_root("nothing")), COLLATERAL_ABSENT);
}

/* --- PcsClientTool --- */

static void write_pcs_tool(void)
{
    char text[8192];
    snprintf(text, sizeof text,
             "{\"platforms\": [], \"collaterals\": {\"version\": 4, "
             "\"tcbinfos\": [{\"fmspc\": \"50806F000000\", \"sgx_tcbinfo\": {\"tcbInfo\": {\"id\": \"SGX\", "
             "\"fmspc\": \"50806F000000\"}, \"signature\": \"11\"}, "
             "\"tdx_tcbinfo\": {\"tcbInfo\": {\"id\": \"TDX\", \"fmspc\": \"50806F000000\", \"n\": [1, 2]}, "
             "\"signature\": \"22\"}, "
             "\"tdx_tcbinfo_early\": {\"tcbInfo\": {\"id\": \"TDX\", \"fmspc\": \"50806F000000\", \"n\": [3, 4]}, "
             "\"signature\": \"33\"}}], "
             "\"pckcacrl\": {\"processorCrl\": \"%s\", \"platformCrl\": \"%s\"}, "
             "\"qeidentity\": \"{\\\"enclaveIdentity\\\":{\\\"id\\\":\\\"QE\\\"},\\\"signature\\\":\\\"44\\\"}\", "
             "\"tdqeidentity\": {\"enclaveIdentity\": {\"id\": \"TD_QE\"}, \"signature\": \"55\"}, "
             "\"tdqeidentity_early\": \"\", "
             "\"certificates\": {\"TCB-Info-Issuer-Chain\": \"-----BEGIN%%20CERTIFICATE-----%%0Atcb\", "
             "\"SGX-Enclave-Identity-Issuer-Chain\": \"qe%%2Bchain\", "
             "\"SGX-PCK-Certificate-Issuer-Chain\": {\"PLATFORM\": \"platform%%20chain\", "
             "\"PROCESSOR\": \"processor\"}}, "
             "\"rootcacrl\": \"%s\", "
             "\"pck_certs\": [{\"qe_id\": \"" QEID "\", \"pce_id\": \"0000\", \"enc_ppid\": \"\", \"certs\": ["
             "{\"tcbm\": \"0b0b0000000000000000000000000000"
             "0d00\", \"cert\": \"high\"}, "
             "{\"tcbm\": \"0a0a0000000000000000000000000000"
             "0d00\", \"cert\": \"middle\"}, "
             "{\"tcbm\": \"01010000000000000000000000000000"
             "0500\", \"cert\": \"low\"}, "
             "{\"tcbm\": \"\", \"cert\": \"Not available\"}]}]}}",
             hex_list("Intel SGX PCK Processor CA"), hex_list("Intel SGX PCK Platform CA"),
             hex_list("Intel SGX Root CA"));
    (void)text_file("platform_collaterals.json", text);
}

Test(collateral_offline, pcs_client_tool_gives_statements_compact_as_they_were_signed)
{
    write_pcs_tool();
    open_source(in_root("platform_collaterals.json"));
    struct collateral_item item = got("intel/tcb-info", "sgx/50806f000000");
    cr_assert(is(item.bytes, "{\"tcbInfo\":{\"id\":\"SGX\",\"fmspc\":\"50806F000000\"},\"signature\":\"11\"}"));
    cr_assert(is(item.chain, "-----BEGIN CERTIFICATE-----\ntcb"));
    cr_assert(is(got("intel/qe-identity", "sgx").bytes, "{\"enclaveIdentity\":{\"id\":\"QE\"},\"signature\":\"44\"}"));
    cr_assert(is(got("intel/qe-identity", "sgx").chain, "qe+chain"));
    cr_assert(
        is(got("intel/qe-identity", "tdx").bytes, "{\"enclaveIdentity\":{\"id\":\"TD_QE\"},\"signature\":\"55\"}"));
    cr_assert(is(got("intel/pck-crl", "platform").chain, "platform chain"));
    cr_assert(is(got("intel/pck-crl", "processor").chain, "processor"));
    cr_assert(got("intel/root-crl", "root").chain.len == 0);
}

Test(collateral_offline, of_early_and_standard_the_early_one_is_taken)
{
    write_pcs_tool();
    open_source(root);
    cr_assert(is(got("intel/tcb-info", "tdx/50806f000000").bytes,
                 "{\"tcbInfo\":{\"id\":\"TDX\",\"fmspc\":\"50806F000000\",\"n\":[3,4]},\"signature\":\"33\"}"));
}

Test(collateral_offline, the_pck_certificate_is_that_of_the_highest_level_at_or_below_the_platform)
{
    write_pcs_tool();
    open_source(root);
    cr_assert(is(got("intel/pck", QEID "/0b0b0000000000000000000000000000/0d00/0000/-").bytes, "high"));
    cr_assert(is(got("intel/pck", QEID "/0b0b0000000000000000000000000000/0d00/0000/-").chain, "platform chain"));
    cr_assert(is(got("intel/pck", QEID "/0a0c0000000000000000000000000000/0d00/0000/-").bytes, "middle"));
    cr_assert(is(got("intel/pck", QEID "/0b0b0000000000000000000000000000/0c00/0000/-").bytes, "low"));
    cr_assert_eq(missing("intel/pck", QEID "/00010000000000000000000000000000/0d00/0000/-"), COLLATERAL_ABSENT);
    cr_assert_eq(missing("intel/pck", QEID "/0b0b0000000000000000000000000000/0d00/0100/-"), COLLATERAL_ABSENT);
    cr_assert_eq(missing("intel/pck", "ff" QEID "/0b0b0000000000000000000000000000/0d00/0000/-"), COLLATERAL_ABSENT);
}

/* --- kds-store --- */

Test(collateral_offline, a_kds_store_prefers_the_file_named_by_the_tcb)
{
    cr_assert(mkdir(in_root("vcek"), 0700) == 0 && mkdir(in_root("vcek/" CHIP), 0700) == 0);
    (void)text_file("vcek/" CHIP "/bl03_tee00_snp08_ucode115_vcek.der", "by tcb");
    (void)text_file("vcek/" CHIP "/vcek.der", "flat");
    open_source(root);
    cr_assert(is(got("amd/vcek", "Milan/" CHIP "/3-0-8-115").bytes, "by tcb"));
    cr_assert(is(got("amd/vcek", "Milan/" CHIP "/3-0-8-116").bytes, "flat"));
    open_source(in_root("vcek"));
    cr_assert(is(got("amd/vcek", "Milan/" CHIP "/3-0-8-115").bytes, "by tcb"));
}

Test(collateral_offline, turin_has_a_short_id_and_fmc)
{
    cr_assert(mkdir(in_root("vcek"), 0700) == 0 && mkdir(in_root("vcek/0011223344556677"), 0700) == 0);
    (void)text_file("vcek/0011223344556677/bl01_tee00_snp04_ucode82_fmc02_vcek.der", "turin");
    open_source(root);
    cr_assert(is(got("amd/vcek", "Turin/0011223344556677/1-0-4-82-2").bytes, "turin"));
    cr_assert_eq(missing("amd/vcek", "Turin/0011223344556677/1-0-4-82-3"), COLLATERAL_ABSENT);
    cr_assert_eq(missing("amd/vcek", "Turin/0011223344556678/1-0-4-82-2"), COLLATERAL_ABSENT);
}

Test(collateral_offline, a_huge_file_in_a_kds_store_is_corrupt)
{
    cr_assert(mkdir(in_root("vcek"), 0700) == 0 && mkdir(in_root("vcek/0011223344556677"), 0700) == 0);
    (void)text_file("vcek/0011223344556677/vcek.der", "");
    open_source(root);
    cr_assert(truncate(in_root("vcek/0011223344556677/vcek.der"), 1 << 20) == 0);
    cr_assert_eq(missing("amd/vcek", "Turin/0011223344556677/1-0-4-82-3"), COLLATERAL_CORRUPT);
}

/* --- our own --- */

static const char *export_two(void)
{
    static const uint8_t der[] = {0x30, 0, 0xff, 1};
    struct collateral_item tcb = {S("intel/tcb-info"), S("tdx/50806f000000"), S(TCB_ANSWER), S("chain\n\"x\"")};
    struct collateral_item crl = {S("intel/root-crl"), S("root"), {der, sizeof der}, NO_SLICE};
    struct collateral_facts facts = {1, 2, 3};
    const char *path = in_root("export.json");
    FILE *f = fopen(path, "w");
    cr_assert(f && !FAILED(collateral_export(f, &tcb, &facts, true, false)) &&
              !FAILED(collateral_export(f, &crl, &facts, false, false)) &&
              !FAILED(collateral_export(f, NULL, NULL, false, true)) && fclose(f) == 0);
    return path;
}

Test(collateral_offline, what_was_exported_is_read_back)
{
    open_source(export_two());
    cr_assert(is(got("intel/tcb-info", "tdx/50806f000000").bytes, TCB_ANSWER));
    cr_assert(is(got("intel/tcb-info", "tdx/50806f000000").chain, "chain\n\"x\""));
    cr_assert(got("intel/root-crl", "root").bytes.len == 4);
    cr_assert_eq(missing("intel/tcb-info", "tdx/000000000000"), COLLATERAL_ABSENT, "never for another key");
}

Test(collateral_offline, a_chain_that_is_no_text_breaks_no_export)
{
    static const uint8_t chain[] = {'a', 0xff, 0, '"', '\n'};
    struct collateral_item crl = {S("intel/root-crl"), S("root"), S("x"), {chain, sizeof chain}};
    struct collateral_facts facts = {1, 2, 3};
    FILE *f = fopen(in_root("odd"), "w");
    cr_assert(f && !FAILED(collateral_export(f, &crl, &facts, true, true)) && fclose(f) == 0);
    open_source(in_root("odd"));
    cr_assert(slice_equal(got("intel/root-crl", "root").chain, crl.chain));
}

Test(collateral_offline, an_empty_export_is_read_back)
{
    FILE *f = fopen(in_root("empty"), "w");
    cr_assert(f && !FAILED(collateral_export(f, NULL, NULL, true, true)) && fclose(f) == 0);
    open_source(in_root("empty"));
    cr_assert_eq(missing("intel/root-crl", "root"), COLLATERAL_ABSENT);
}

Test(collateral_offline, a_damaged_export_is_refused_and_the_item_named)
{
    char text[4096] = "";
    FILE *f = fopen(export_two(), "r");
    size_t size = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    char *at = strstr(text, "\"bytes\":\"");
    cr_assert(at);
    at[12] = at[12] == 'A' ? 'B' : 'A';
    cr_assert_eq(refused(file("damaged", text, size)), COLLATERAL_CORRUPT);
    cr_assert(strstr(error, "item 1, intel/tcb-info tdx/50806f000000"), "%s", error);
    cr_assert_eq(refused(file("cut", text, size / 2)), COLLATERAL_CORRUPT);
    cr_assert_eq(refused(text_file("newer", "{\"trustee_collateral\":2,\"items\":[]}")), COLLATERAL_CORRUPT);
    cr_assert_eq(refused(text_file("odd", "{\"trustee_collateral\":1,\"items\":{}}")), COLLATERAL_CORRUPT);
    cr_assert_eq(refused(text_file("name", "{\"trustee_collateral\":1,\"items\":[{\"kind\":\"intel/root-crl\","
                                           "\"key\":\"../x\",\"bytes\":\"AAAA\"}]}")),
                 COLLATERAL_CORRUPT);
}

static void count(void *user, const struct collateral_item *item)
{
    cr_assert(collateral_is_name(item->kind, item->key) && item->bytes.len);
    ++*(size_t *)user;
}

Test(collateral_offline, a_folder_of_ours_is_read_and_listed_and_not_written_to)
{
    struct collateral_folder own;
    struct collateral_item item = {S("intel/root-crl"), S("root"), S("crl"), NO_SLICE};
    struct collateral_facts facts = {1, 2, 3};
    size_t n = 0;
    cr_assert(!FAILED(collateral_folder_open(&own, in_root("store"), error, sizeof error)));
    cr_assert(!FAILED(collateral_folder_put(&own, &item, &facts)));
    collateral_folder_close(&own);
    cr_assert(chmod(in_root("store"), 0500) == 0);
    open_source(in_root("store"));
    cr_assert(is(got("intel/root-crl", "root").bytes, "crl"));
    cr_assert(!FAILED(collateral_offline_list(source, &arena, count, &n)));
    cr_assert_eq(n, 1);
    cr_assert(chmod(in_root("store"), 0700) == 0);
}

Test(collateral_offline, a_list_has_what_can_be_named)
{
    size_t n = 0;
    (void)text_file("tcb", TCB_ANSWER);
    write_pcs_tool();
    open_source(root);
    cr_assert(!FAILED(collateral_offline_list(source, &arena, count, &n)));
    cr_assert_eq(n, 1 + 2 + 2 + 3 + 3);
}

Test(collateral_offline, a_name_of_no_known_form_is_absent)
{
    open_source(text_file("tcb", TCB_ANSWER));
    cr_assert_eq(missing("intel/tcb-info", "tdx/../../x"), COLLATERAL_ABSENT);
    cr_assert_eq(missing("acme/thing", "x"), COLLATERAL_ABSENT);
}
