/* SPDX-License-Identifier: Apache-2.0
 *
 * What is told of an event log, and what is not. Letters in comments are the rows of the list of bad inputs that a test
 * is for.
 */
#include "lib/tcg/eventlog.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/support/fake_host.h"
#include "tests/support/forge_eventlog.h"

#define EV_POST_CODE 1
#define EV_NO_ACTION 3
#define EV_SEPARATOR 4
#define EV_ACTION 5
#define EV_EVENT_TAG 6
#define EV_PLATFORM_CONFIG_FLAGS 10
#define EV_COMPACT_HASH 12
#define EV_IPL 13
#define DRIVER_CONFIG 0x80000001
#define VARIABLE_BOOT 0x80000002
#define APPLICATION 0x80000003
#define EFI_ACTION 0x80000007
#define FIRMWARE_BLOB2 0x8000000a
#define HANDOFF_TABLES2 0x8000000b
#define VARIABLE_BOOT2 0x8000000c
#define VARIABLE_AUTHORITY 0x800000e0

#define RTMRS 0x1e
#define ARENA_SIZE (512u << 20)

static struct forge_log l;
static struct fake_host host;
static tree claims;

static void begin(void)
{
    forge_log_begin(&l, (const uint16_t[]){TPM_ALG_SHA384}, 1);
    fake_host_begin(&host);
    arena_unmap(&host.arena);
    cr_assert(!FAILED(arena_map(&host.arena, ARENA_SIZE, ARENA_PLAIN)));
    fake_request(&host);
}

static void end(void)
{
    cr_expect(!l.failed);
    forge_log_end(&l);
    fake_host_end(&host);
}

TestSuite(eventlog_claims, .init = begin, .fini = end, .timeout = 300);

static enum reason claims_of(slice log, uint16_t algorithm, uint32_t registers)
{
    struct eventlog_proof proof = {log, algorithm, registers};
    struct trustee_writer w;
    fake_request(&host);
    cr_assert(!FAILED(claims_begin(&w, &host.arena, 4u << 20)));
    result r = eventlog_claims(&host.table, fake_handle(&host), &w, S("log"), &proof);
    result ended = claims_end(&w, &claims);
    cr_expect(FAILED(r) || !FAILED(ended), "the claims are not well-formed");
    return (enum reason)r.reason;
}

static void reads(void)
{
    enum reason r = claims_of(forge_log_bytes(&l), TPM_ALG_SHA384, RTMRS);
    cr_assert(r == REASON_OK, "%s", reason_id(r));
}

static void refuses(enum reason why)
{
    enum reason r = claims_of(forge_log_bytes(&l), TPM_ALG_SHA384, RTMRS);
    cr_expect(r == why, "%s, expected %s", reason_id(r), reason_id(why));
}

/* Compact JSON with sorted members; "(none)" where there is nothing. */
static const char *claim(const char *pointer)
{
    const node *n = tree_at(claims, slice_text(pointer));
    struct text t = text_begin(&host.arena);
    if (!n)
        return "(none)";
    tree_json(&t, claims, n, true);
    text_add(&t, S("\0"));
    return (const char *)text_end(&t).ptr;
}

#define is(pointer, expected) cr_expect_str_eq(claim(pointer), expected)

static size_t count(void)
{
    const node *log = tree_at(claims, S("/log"));
    return log ? (size_t)log->integer : 0;
}

/* The details of the last event. */
static const char *told(void)
{
    char pointer[64];
    reads();
    (void)snprintf(pointer, sizeof pointer, "/log/%zu/details", count() - 1);
    return claim(pointer);
}

#define tells(expected) cr_expect_str_eq(told(), expected)
#define NOTHING "{}"

static void again(void)
{
    forge_log_end(&l);
    forge_log_begin(&l, (const uint16_t[]){TPM_ALG_SHA384}, 1);
}

/* --- the form --- */

/* The digest is Python's hashlib's. */
Test(eventlog_claims, an_event_has_the_members_that_policies_know)
{
    forge_plain(&l, 2, EFI_ACTION, S("abc"));
    reads();
    is("/log", "[{\"details\":{\"string\":\"abc\"},\"digest_matches_event\":true,\"digests\":[{\"alg\":\"SHA-384\","
               "\"digest\":\"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
               "8086072ba1e7cc2358baeca134c825a7\"}],\"event\":\"YWJj\",\"index\":2,\"type_name\":\"EV_EFI_ACTION\"}]");
}

Test(eventlog_claims, a_log_without_events_is_an_empty_array)
{
    reads();
    is("/log", "[]");
}

Test(eventlog_claims, algorithms_have_the_names_of_the_claims)
{
    static const struct {
        uint16_t id;
        const char *name;
    } names[] = {{TPM_ALG_SHA1, "\"SHA-1\""},
                 {TPM_ALG_SHA256, "\"SHA-256\""},
                 {TPM_ALG_SHA512, "\"SHA-512\""},
                 {TPM_ALG_SM3_256, "\"SM3\""}};
    for (size_t i = 0; i < 4; i++) {
        forge_log_end(&l);
        forge_log_begin(&l, &names[i].id, 1);
        forge_plain(&l, 1, EFI_ACTION, S("abc"));
        cr_assert(claims_of(forge_log_bytes(&l), names[i].id, RTMRS) == REASON_OK);
        is("/log/0/digests/0/alg", names[i].name);
        is("/log/0/digest_matches_event", "true");
    }
}

Test(eventlog_claims, every_type_that_tcg_has_defined_has_its_name)
{
    static const struct {
        uint32_t type;
        const char *name;
    } types[] = {
        {1, "EV_POST_CODE"},
        {2, "EV_UNUSED"},
        {3, "EV_NO_ACTION"},
        {4, "EV_SEPARATOR"},
        {5, "EV_ACTION"},
        {7, "EV_S_CRTM_CONTENTS"},
        {8, "EV_S_CRTM_VERSION"},
        {9, "EV_CPU_MICROCODE"},
        {10, "EV_PLATFORM_CONFIG_FLAGS"},
        {11, "EV_TABLE_OF_DEVICES"},
        {12, "EV_COMPACT_HASH"},
        {14, "EV_IPL_PARTITION_DATA"},
        {15, "EV_NONHOST_CODE"},
        {16, "EV_NONHOST_CONFIG"},
        {17, "EV_NONHOST_INFO"},
        {18, "EV_OMIT_BOOT_DEVICE_EVENTS"},
        {0x80000000, "EV_EFI_EVENT_BASE"},
        {0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER"},
        {0x80000005, "EV_EFI_RUNTIME_SERVICES_DRIVER"},
        {0x80000006, "EV_EFI_GPT_EVENT"},
        {0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
        {0x80000009, "EV_EFI_HANDOFF_TABLES"},
        {0x80000010, "EV_EFI_HCRTM_EVENT"},
        {0x800000e1, "EV_EFI_SPDM_FIRMWARE_BLOB"},
        {0x800000e2, "EV_EFI_SPDM_FIRMWARE_CONFIG"},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char quoted[64];
        again();
        forge_plain(&l, 1, types[i].type, S("\1\2\3"));
        reads();
        (void)snprintf(quoted, sizeof quoted, "\"%s\"", types[i].name);
        is("/log/0/type_name", quoted);
    }
}

Test(eventlog_claims, a_type_that_nobody_has_defined_is_refused)
{
    const uint32_t types[] = {0x13, 0x7fffffff, 0x8000000d, 0x800000df, 0xffffffff};
    for (size_t i = 0; i < 5; i++) {
        again();
        forge_plain(&l, 1, types[i], S("abc"));
        refuses(EVENTLOG_TYPE);
    }
}

/* --- what the proof does not reach --- */

Test(eventlog_claims, an_event_of_a_register_that_is_not_proved_is_left_out)
{
    forge_plain(&l, 0, EFI_ACTION, S("of the launch measurement"));
    forge_plain(&l, 5, EFI_ACTION, S("of no register of a TD"));
    forge_plain(&l, 24, EFI_ACTION, S("of no register at all"));
    forge_plain(&l, 33, EFI_ACTION, S("of register 1, modulo 32"));
    reads();
    cr_expect(count() == 0);
    forge_plain(&l, 1, EFI_ACTION, S("proved"));
    tells("{\"string\":\"proved\"}");
    cr_expect(count() == 1);
    cr_expect(claims_of(forge_log_bytes(&l), TPM_ALG_SHA384, 0) == REASON_OK && count() == 0);
}

Test(eventlog_claims, a_digest_that_the_registers_do_not_prove_is_left_out)
{
    forge_log_end(&l);
    forge_log_begin(&l, (const uint16_t[]){TPM_ALG_SHA256, TPM_ALG_SHA384}, 2);
    forge_plain(&l, 1, EFI_ACTION, S("abc"));
    reads();
    is("/log/0/digests/0/alg", "\"SHA-384\"");
    is("/log/0/digests/1", "(none)");
}

Test(eventlog_claims, an_event_without_a_digest_of_the_algorithm_is_left_out)
{
    forge_log_end(&l);
    forge_log_begin(&l, (const uint16_t[]){TPM_ALG_SHA256, TPM_ALG_SHA384}, 2);
    forge_number(&l, 1, 4);
    forge_number(&l, EFI_ACTION, 4);
    forge_number(&l, 0, 4);
    forge_number(&l, 3, 4);
    forge_bytes(&l, S("abc"));
    reads();
    cr_expect(count() == 0);
}

Test(eventlog_claims, an_event_for_information_is_no_measurement)
{
    static const uint8_t ZEROS[48];
    forge_plain(&l, 0, EV_NO_ACTION, S("SP800-155 Event3 and so on"));
    forge_plain(&l, 2, EV_NO_ACTION, S("with the digest of a kernel"));
    reads();
    is("/log/0/digests", "[]");
    is("/log/0/digest_matches_event", "false");
    is("/log/1/digests", "[]");
    is("/log/1/digest_matches_event", "false");
    memcpy(l.bytes + l.last + 14, ZEROS, 48);
    reads();
    is("/log/1/digests/0/digest", "\"000000000000000000000000000000000000000000000000"
                                  "000000000000000000000000000000000000000000000000\"");
    is("/log/1/details", NOTHING);
}

Test(eventlog_claims, an_algorithm_that_nobody_knows_is_refused)
{
    cr_expect(claims_of(forge_log_bytes(&l), 0, RTMRS) == EVENTLOG_ALGORITHM);
}

/* --- texts --- */

Test(eventlog_claims, actions_are_texts_covered_by_their_digests)
{
    forge_plain(&l, 2, EFI_ACTION, S("Calling EFI Application from Boot Option"));
    tells("{\"string\":\"Calling EFI Application from Boot Option\"}");
    forge_plain(&l, 2, EV_ACTION, S(""));
    tells("{\"string\":\"\"}");
    forge_plain(&l, 2, 18, S("BOOT ATTEMPTS OMITTED"));
    tells("{\"string\":\"BOOT ATTEMPTS OMITTED\"}");
}

/* L04 */
Test(eventlog_claims, an_action_whose_text_was_edited_is_not_told)
{
    forge_event(&l, 2, EFI_ACTION, S("Exit Boot Services Returned with Failure"),
                S("Exit Boot Services Returned with Success"));
    tells(NOTHING);
    is("/log/0/digest_matches_event", "false");
}

Test(eventlog_claims, a_text_that_is_not_utf_8_is_refused)
{
    const uint32_t types[] = {EV_POST_CODE, EV_ACTION, EV_COMPACT_HASH, EFI_ACTION};
    for (size_t i = 0; i < 4; i++) {
        again();
        forge_plain(&l, 2, types[i], S("\xff"));
        refuses(EVENTLOG_DATA);
    }
}

Test(eventlog_claims, labels_name_what_the_digest_is_of)
{
    forge_event(&l, 1, EV_POST_CODE, S("tables"), S("ACPI DATA"));
    tells("{\"string\":\"ACPI DATA\"}");
    is("/log/0/digest_matches_event", "false");
    forge_event(&l, 1, EV_COMPACT_HASH, S("code"), S("BIOS"));
    tells("{\"string\":\"BIOS\"}");
}

Test(eventlog_claims, blobs_and_tables_have_a_counted_name)
{
    forge_event(&l, 1, FIRMWARE_BLOB2, S("firmware"), S("\3Fv\0\0\0\xc0\xff\0\0\0\0\0\0\4\0\0\0\0\0"));
    tells("{\"string\":\"Fv\"}");
    forge_event(&l, 1, HANDOFF_TABLES2, S("tables"), S("\3TDX"));
    tells("{\"string\":\"TDX\"}");
    forge_event(&l, 1, HANDOFF_TABLES2, S("tables"), S("\0"));
    tells("{\"string\":\"\"}");
    again();
    forge_event(&l, 1, FIRMWARE_BLOB2, S("firmware"), S("\4Fv\0"));
    refuses(EVENTLOG_DATA);
    again();
    forge_event(&l, 1, FIRMWARE_BLOB2, S("firmware"), S(""));
    refuses(EVENTLOG_DATA);
    again();
    forge_event(&l, 1, FIRMWARE_BLOB2, S("firmware"), S("\2\xc3\x28"));
    refuses(EVENTLOG_DATA);
}

Test(eventlog_claims, types_without_a_form_of_their_own_have_no_details)
{
    const uint32_t types[] = {2, 7, 8, 9, 11, 14, 15, 16, 17, 0x80000000, 0x80000004, 0x80000006, 0x80000008};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        again();
        forge_plain(&l, 1, types[i], S("\xff\0\1"));
        tells(NOTHING);
        is("/log/0/digest_matches_event", "true");
    }
}

/* --- platform configuration --- */

Test(eventlog_claims, configuration_flags_lose_their_control_characters)
{
    forge_event(&l, 1, EV_PLATFORM_CONFIG_FLAGS, S("table"), S("etc/acpi/rsdp\0\0\0\0"));
    tells("{\"string\":\"etc/acpi/rsdp\"}");
    forge_plain(&l, 1, EV_PLATFORM_CONFIG_FLAGS,
                S("a\1b\x7f\xc2\x80\xc2\xa0\x10"
                  "c\0d"));
    tells("{\"string\":\"ab\xc2\xa0 cd\"}");
    forge_plain(&l, 1, EV_PLATFORM_CONFIG_FLAGS, S("\xff\xfe"));
    tells("{\"string\":\"\"}");
}

#define TD_INFO "td_payload_info\0\x04\0\0\0"

Test(eventlog_claims, what_td_shim_measures_is_told_where_the_digest_is_over_it)
{
    forge_event(&l, 2, EV_PLATFORM_CONFIG_FLAGS, S("root"), S(TD_INFO "root"));
    tells("{\"string\":\"td_payload_inforoot\"}");
    is("/log/0/digest_matches_event", "false");
}

/* L04 */
Test(eventlog_claims, what_td_shim_measures_is_not_told_where_it_was_edited)
{
    forge_event(&l, 2, EV_PLATFORM_CONFIG_FLAGS, S("root"), S(TD_INFO "roots"));
    tells(NOTHING);
    forge_event(&l, 2, EV_PLATFORM_CONFIG_FLAGS, S("root"), S(TD_INFO "evil"));
    tells(NOTHING);
    forge_event(&l, 2, EV_PLATFORM_CONFIG_FLAGS, S("root"), S("td_payload_info\0evil"));
    tells(NOTHING);
}

/* --- boot loaders --- */

Test(eventlog_claims, lines_of_grub_are_told_where_the_digest_is_over_them)
{
    static const struct {
        slice measured, data;
        const char *told;
    } lines[] = {
        {TRUSTEE_TEXT("set pager=1\0"), TRUSTEE_TEXT("grub_cmd set pager=1\0\0"), "grub_cmd set pager=1"},
        {TRUSTEE_TEXT("set pager=1"), TRUSTEE_TEXT("grub_cmd: set pager=1"), "grub_cmd: set pager=1"},
        {TRUSTEE_TEXT("set pager=1"), TRUSTEE_TEXT("grub_cmd: set pager=1\0"), "grub_cmd: set pager=1"},
        {TRUSTEE_TEXT("/vmlinuz quiet"), TRUSTEE_TEXT("grub_kernel_cmdline /vmlinuz quiet\0\0"),
         "grub_kernel_cmdline /vmlinuz quiet"},
        {TRUSTEE_TEXT("/vmlinuz quiet"), TRUSTEE_TEXT("kernel_cmdline: /vmlinuz quiet\0"),
         "kernel_cmdline: /vmlinuz quiet"},
        {TRUSTEE_TEXT("a b"), TRUSTEE_TEXT("module_cmdline: a b\0"), "module_cmdline: a b"},
        {TRUSTEE_TEXT("kernel_cmdline: all of it"), TRUSTEE_TEXT("kernel_cmdline: all of it"),
         "kernel_cmdline: all of it"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char expected[96];
        forge_event(&l, 3, EV_IPL, lines[i].measured, lines[i].data);
        (void)snprintf(expected, sizeof expected, "{\"string\":\"%s\"}", lines[i].told);
        tells(expected);
    }
}

/* L04 */
Test(eventlog_claims, an_edited_line_of_grub_is_not_told)
{
    forge_event(&l, 3, EV_IPL, S("/vmlinuz init=/evil"), S("kernel_cmdline: /vmlinuz quiet\0"));
    tells(NOTHING);
    forge_event(&l, 3, EV_IPL, S("set pager=1\0"), S("grub_cmd set pager=0\0\0"));
    tells(NOTHING);
    forge_event(&l, 3, EV_IPL, S("quiet\0\0"), S("grub_cmd quiet\0\0"));
    tells(NOTHING);
}

Test(eventlog_claims, other_boot_loaders_write_names)
{
    forge_event(&l, 3, EV_IPL, S("image"), S("grub_linuxefi Kernel\0"));
    tells("{\"string\":\"grub_linuxefi Kernel\"}");
    forge_event(&l, 3, EV_IPL, S("list"), S("MokList\0"));
    tells("{\"string\":\"MokList\"}");
    forge_event(&l, 3, EV_IPL, S("command line"), S(".\0c\0m\0d\0l\0i\0n\0e\0\0\0"));
    tells("{\"string\":\"cmdline\"}");
    forge_plain(&l, 3, EV_IPL, S("\xfa\xfb\0"));
    tells("{\"string\":\"fafb00\"}");
    forge_event(&l, 3, EV_IPL, S("code"), S("\xfa\xfb\0"));
    tells(NOTHING);
}

Test(eventlog_claims, a_boot_loaders_event_that_is_too_short_is_refused)
{
    const slice bad[] = {S(""), S("a"), S(".\0"), S(".\0a")};
    for (size_t i = 0; i < 4; i++) {
        again();
        forge_plain(&l, 3, EV_IPL, bad[i]);
        refuses(EVENTLOG_DATA);
    }
}

/* --- tags and the attestation agent --- */

Test(eventlog_claims, tags_name_what_the_kernels_stub_measures)
{
    forge_tag(&l, 3, 0x8f3b22ed, S("LOADED_IMAGE::LoadOptions\0"), S("console=hvc0"));
    tells("{\"string\":\"LOADED_IMAGE::LoadOptions\"}");
    is("/log/0/digest_matches_event", "false");
    forge_tag(&l, 3, 0x8f3b22ec, S("Linux\0 initrd\0"), S("initrd"));
    tells("{\"string\":\"Linux initrd\"}");
    forge_tag(&l, 3, 1, S("\xff"), S("binary"));
    tells(NOTHING);
}

Test(eventlog_claims, a_tag_whose_size_is_beyond_its_data_is_refused)
{
    const slice bad[] = {S(""), S("\1\0\0"), S("\1\0\0\0\1\0\0"), S("\1\0\0\0\1\0\0\0"),
                         S("\1\0\0\0\xff\xff\xff\xff.")};
    for (size_t i = 0; i < 5; i++) {
        again();
        forge_plain(&l, 3, EV_EVENT_TAG, bad[i]);
        refuses(EVENTLOG_DATA);
    }
}

Test(eventlog_claims, a_line_of_the_agent_is_taken_apart)
{
    forge_agent_line(&l, 4, "example.org start some content");
    tells("{\"data\":{\"content\":\"some content\",\"domain\":\"example.org\",\"operation\":\"start\"},"
          "\"string\":\"example.org start some content\",\"unicode_name\":\"AAEL\"}");
    forge_agent_line(&l, 4, "example.org stop ");
    tells("{\"data\":{\"content\":\"\",\"domain\":\"example.org\",\"operation\":\"stop\"},"
          "\"string\":\"example.org stop \",\"unicode_name\":\"AAEL\"}");
}

Test(eventlog_claims, content_of_a_line_that_is_json_is_a_value)
{
    forge_agent_line(&l, 4, "a b {\"list\":[1,-2.5,true,null,\"x\"],\"o\":{\"\":{}}}");
    reads();
    is("/log/0/details/data/content", "{\"list\":[1,-2.5,true,null,\"x\"],\"o\":{\"\":{}}}");
    forge_agent_line(&l, 4, "a b 18446744073709551616");
    reads();
    is("/log/1/details/data/content", "18446744073709551616");
}

Test(eventlog_claims, content_that_is_ambiguous_or_deep_json_stays_a_text)
{
    char deep[128] = "a b ";
    forge_agent_line(&l, 4, "a b {\"x\":1,\"x\":2}");
    reads();
    is("/log/0/details/data/content", "\"{\\\"x\\\":1,\\\"x\\\":2}\"");
    for (size_t i = 0; i < 20; i++)
        deep[4 + i] = '[', deep[24 + i] = ']';
    forge_agent_line(&l, 4, deep);
    reads();
    is("/log/1/details/data/content", "\"[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]\"");
}

/* L10 */
Test(eventlog_claims, a_line_of_the_agent_that_has_no_three_parts_is_refused)
{
    const char *const bad[] = {"", " ", "a", "a b", "a ", " a b", "a  b", "  "};
    for (size_t i = 0; i < 8; i++) {
        again();
        forge_agent_line(&l, 4, bad[i]);
        refuses(EVENTLOG_DATA);
    }
}

/* L10 */
Test(eventlog_claims, a_line_of_the_agent_that_is_not_utf_8_or_too_long_is_refused)
{
    static char line[1u << 20];
    forge_agent_line(&l, 4, "a b \xff");
    refuses(EVENTLOG_DATA);
    memset(line, 'x', sizeof line - 1);
    memcpy(line, "a b ", 4);
    again();
    forge_agent_line(&l, 4, line);
    refuses(EVENTLOG_DATA);
    line[64u << 10] = 0;
    again();
    forge_agent_line(&l, 4, line);
    reads();
    cr_expect(count() == 1);
}

Test(eventlog_claims, a_line_of_the_agent_with_something_behind_it_is_refused)
{
    forge_plain(&l, 4, EV_EVENT_TAG, S("LEAA\5\0\0\0a b c."));
    refuses(EVENTLOG_DATA);
    again();
    forge_plain(&l, 4, EV_EVENT_TAG, S("LEAA\5\0\0\0a b c"));
    reads();
    is("/log/0/details/data/content", "\"c\"");
}

/* L04 */
Test(eventlog_claims, an_edited_line_of_the_agent_is_not_told)
{
    forge_tag(&l, 4, 0x4141454c, S("a b good"), S("a b evil"));
    tells(NOTHING);
    forge_tag(&l, 4, 0x4141454c, S("a b same"), S("a b same"));
    reads();
    is("/log/1/details/data/content", "\"same\"");
}

/* --- variables --- */

#define SECURE_BOOT(data, length)                                                           \
    "{\"unicode_name\":\"SecureBoot\",\"unicode_name_length\":10,\"variable_data\":\"" data \
    "\",\"variable_data_length\":" length ",\"variable_name\":\"61dfe48b-ca93-d211-aa0d-00e098032b8c\"}"

Test(eventlog_claims, a_variable_is_told_with_name_and_value)
{
    const uint32_t types[] = {DRIVER_CONFIG, VARIABLE_BOOT, VARIABLE_BOOT2, VARIABLE_AUTHORITY};
    for (size_t i = 0; i < 4; i++) {
        again();
        forge_variable(&l, 1, types[i], "SecureBoot", S("\1"), false);
        tells(SECURE_BOOT("AQ==", "1"));
        is("/log/0/digest_matches_event", "true");
    }
    again();
    forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoot", S(""), false);
    tells(SECURE_BOOT("", "0"));
}

Test(eventlog_claims, of_a_boot_variable_the_value_alone_may_be_measured)
{
    forge_variable(&l, 1, VARIABLE_BOOT, "SecureBoot", S("\1"), true);
    tells(SECURE_BOOT("AQ==", "1"));
    is("/log/0/digest_matches_event", "false");
    forge_variable(&l, 1, VARIABLE_BOOT2, "SecureBoot", S("\1"), true);
    tells(NOTHING);
}

/* L04 */
Test(eventlog_claims, a_variable_whose_value_was_edited_is_not_told)
{
    const uint32_t types[] = {DRIVER_CONFIG, VARIABLE_BOOT, VARIABLE_BOOT2, VARIABLE_AUTHORITY};
    for (size_t i = 0; i < 4; i++) {
        again();
        forge_variable(&l, 1, types[i], "SecureBoot", S("\0"), types[i] == VARIABLE_BOOT);
        l.bytes[l.size - 1] = 1;
        tells(NOTHING);
        is("/log/0/digest_matches_event", "false");
    }
}

/* L08 */
Test(eventlog_claims, a_second_value_of_a_variable_is_not_told)
{
    forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoot", S("\0"), false);
    tells(SECURE_BOOT("AA==", "1"));
    forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoot", S("\1"), false);
    tells(NOTHING);
    is("/log/0/details", SECURE_BOOT("AA==", "1"));
    is("/log/1/digest_matches_event", "true");
}

Test(eventlog_claims, a_second_copy_of_a_variable_another_register_or_another_name_is_told)
{
    forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoot", S("\1"), false);
    forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoot", S("\1"), false);
    tells(SECURE_BOOT("AQ==", "1"));
    forge_variable(&l, 2, DRIVER_CONFIG, "SecureBoot", S("\0"), false);
    tells(SECURE_BOOT("AA==", "1"));
    forge_variable(&l, 1, VARIABLE_AUTHORITY, "SecureBoot", S("\0"), false);
    tells(SECURE_BOOT("AA==", "1"));
    forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoo", S("\2"), false);
    reads();
    is("/log/4/details/variable_data", "\"Ag==\"");
}

Test(eventlog_claims, more_variables_than_can_be_remembered_are_not_told)
{
    char name[16];
    for (unsigned i = 0; i < 130; i++) {
        (void)snprintf(name, sizeof name, "Boot%04X", i);
        forge_variable(&l, 1, VARIABLE_BOOT2, name, S("\1"), false);
    }
    reads();
    is("/log/127/details/unicode_name", "\"Boot007F\"");
    is("/log/128/details", NOTHING);
    is("/log/129/details", NOTHING);
}

/* L05: lists of signatures are handed on as they are; nobody here takes them apart and steps over a header wrongly */
Test(eventlog_claims, a_signature_list_stays_the_bytes_that_it_is)
{
    slice list = S("\xa1\x59\xc0\xa5\xe4\x94\xa7\x4a\x87\xb5\xab\x15\x5c\x2b\xf0\x72\x2d\0\0\0\1\0\0\0\x10\0\0\0"
                   "V0123456789abcdef");
    char expected[128] = "\"";
    base64_encode((uint8_t *)expected + 1, list);
    forge_variable(&l, 1, DRIVER_CONFIG, "db", list, false);
    reads();
    expected[1 + BASE64_SIZE(list.len)] = '"';
    is("/log/0/details/variable_data", expected);
}

static void variable_with(uint64_t units, uint64_t size, slice rest)
{
    struct forge_log data = {0};
    forge_bytes(&data, S("0123456789abcdef"));
    forge_number(&data, units, 8);
    forge_number(&data, size, 8);
    forge_bytes(&data, rest);
    again();
    forge_plain(&l, 1, DRIVER_CONFIG, forge_log_bytes(&data));
    forge_log_end(&data);
}

/* L06 */
Test(eventlog_claims, a_variable_whose_lengths_are_not_its_size_is_refused)
{
    static const struct {
        uint64_t units, size;
    } bad[] = {
        {UINT64_C(1) << 63, 0},
        {(UINT64_C(1) << 63) + 1, 1},
        {UINT64_MAX, 3},
        {3, UINT64_MAX},
        {2, 1},
        {1, 2},
        {1, 4},
        {0, 2},
        {UINT64_MAX / 2, 5},
        {UINT64_MAX / 2 + 2, 0},
    };
    variable_with(1, 1, S("a\0b"));
    reads();
    cr_expect(count() == 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        variable_with(bad[i].units, bad[i].size, S("a\0b"));
        refuses(EVENTLOG_DATA);
    }
    again();
    forge_plain(&l, 1, DRIVER_CONFIG, S("0123456789abcdef\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
    refuses(EVENTLOG_DATA);
}

/* L06 */
Test(eventlog_claims, a_variable_whose_name_is_not_utf_16_is_refused)
{
    const slice bad[] = {S("\0\xd8"), S("\0\xdc"), S("\0\xd8\0\xd8"), S("a\0\xff\xdb"), S("\0\xdc\0\xd8")};
    for (size_t i = 0; i < 5; i++) {
        variable_with(bad[i].len / 2, 0, bad[i]);
        refuses(EVENTLOG_DATA);
    }
    variable_with(5, 0, S("\x3d\xd8\0\xde\xe9\0\xac\x20\xfd\xff"));
    reads();
    is("/log/0/details/unicode_name", "\"\xf0\x9f\x98\x80\xc3\xa9\xe2\x82\xac\xef\xbf\xbd\"");
}

/* --- device paths --- */

static void path_with(uint64_t length, slice path)
{
    struct forge_log data = {0};
    forge_number(&data, 0, 8);
    forge_number(&data, 0, 8);
    forge_number(&data, 0, 8);
    forge_number(&data, length, 8);
    forge_bytes(&data, path);
    again();
    forge_event(&l, 2, APPLICATION, S("image"), forge_log_bytes(&data));
    forge_log_end(&data);
}

#define END_OF_PATH "\x7f\xff\4\0"

static void node_is(slice bytes, const char *expected)
{
    struct forge_log path = {0};
    char list[512];
    forge_bytes(&path, bytes);
    forge_bytes(&path, S(END_OF_PATH));
    path_with(path.size, forge_log_bytes(&path));
    reads();
    (void)snprintf(list, sizeof list, "{\"device_paths\":[\"%s\"]}", expected);
    cr_expect_str_eq(claim("/log/0/details"), list);
    forge_log_end(&path);
}

Test(eventlog_claims, an_application_is_told_with_the_path_it_came_from)
{
    forge_application(&l, 2, "\\EFI\\BOOT\\BOOTX64.EFI", S("image"));
    tells("{\"device_paths\":[\"File(\\\\EFI\\\\BOOT\\\\BOOTX64.EFI)\"]}");
    is("/log/0/digest_matches_event", "false");
    path_with(0, S(""));
    tells(NOTHING);
    path_with(4, S(END_OF_PATH));
    tells(NOTHING);
    path_with(16, S("\1\1\6\0\1\2\1\1\6\0\3\4" END_OF_PATH));
    tells("{\"device_paths\":[\"Pci(1,2)\",\"Pci(3,4)\"]}");
}

/* The texts are those of recorded logs and of upstream's documentation of its claims. */
Test(eventlog_claims, nodes_have_the_texts_that_policies_know)
{
    node_is(S("\1\1\6\0\0\x1f"), "Pci(0,31)");
    node_is(S("\2\1\x0c\0\xd0\x41\x03\x0a\2\0\0\0"), "ACPI(PNP0A03,2)");
    node_is(S("\3\5\6\0\1\2"), "USB(1,2)");
    node_is(S("\3\x0b\x25\0\0\x13\x20\xf5\xfa\x70\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"),
            "Mac(001320F5FA70,0x01)");
    node_is(S("\3\x0c\x1b\0\1\0\xa8\xc0\x64\0\xa8\xc0\0\0\xbc\x0c\6\0\1\0\0\0\0\0\0\0\0"),
            "IPv4(192.168.0.100,TCP,Static,192.168.0.1)");
    node_is(S("\3\x0c\x1b\0\1\0\xa8\xc0\x64\0\xa8\xc0\0\0\xbc\x0c\x11\0\0\1\0\0\0\2\0\0\0"),
            "IPv4(192.168.0.100,UDP,DHCP,192.168.0.1,1,2)");
    node_is(S("\3\x0c\x1b\0\1\0\xa8\xc0\x64\0\xa8\xc0\0\0\xbc\x0c\1\0\2\0\0\0\0\0\0\0\0"),
            "IPv4(192.168.0.100,,,192.168.0.1)");
    node_is(S("\3\x15\x14\0\0\1\2\3\4\5\6\7\0\1\2\3\4\5\6\7"), "FibreEx(0x0001020304050607,0x0001020304050607)");
    node_is(S("\4\1\x2a\0\x0f\0\0\0\0\x28\0\0\0\0\0\0\0\x50\3\0\0\0\0\0\x5e\x27\xf1\0\x75\x53\xd5\x43\x9e\xb5\xde\x2a"
              "\xdd\x4c\x99\x32\2\2"),
            "HD(15,GPT,00F1275E-5375-43D5-9EB5-DE2ADD4C9932,0x2800,0x35000)");
    node_is(S("\4\1\x2a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x43\x12\2\xa0\0\0\0\0\0\0\0\0\0\0\0\0\1\1"),
            "HD(0,MBR,0xa0021243)");
    node_is(S("\4\3\x16\0\x72\xf7\x28\x14\x4a\xb6\x1e\x44\xb8\xc3\x9e\xbd\xd7\xf8\x93\xc7\1\2"),
            "VenMedia(1428F772-B64A-441E-B8C3-9EBDD7F893C7,0102)");
    node_is(S("\4\4\x08\0k\0\0\0"), "File(k)");
    node_is(S("\4\4\x08\0\0\xd8\0\0"), "File(\xef\xbf\xbd)");
    node_is(S("\5\1\x09\0\5\0\0\0\0"), "BBS(USB,,0)");
    node_is(S("\5\1\x0c\0\x80\0\1\0ABC\0"), "BBS(DEV,ABC,1)");
    node_is(S("\5\1\x08\0\xf0\xff\0\0"), "BBS(65520,,0)");
    node_is(S("\5\1\x08\0\xff\0\0\0"), "BBS(UNKNOWN,,0)");
}

Test(eventlog_claims, nodes_without_a_text_of_their_own_are_written_in_hex)
{
    node_is(S("\3\x17\x10\0\1\0\0\0\0\0\0\0\0\0\0\0"), "Path(3,23,010000000000000000000000)");
    node_is(S("\6\1\4\0"), "Path(6,1,)");
    node_is(S("\1\1\5\0\1"), "Path(1,1,01)");
    node_is(S("\2\1\x0b\0\xd0\x41\x03\x0a\2\0\0"), "Path(2,1,d041030a020000)");
    node_is(S("\3\5\5\0\1"), "Path(3,5,01)");
    node_is(S("\3\x0b\6\0\1\2"), "Path(3,11,0102)");
    node_is(S("\3\x0c\6\0\1\2"), "Path(3,12,0102)");
    node_is(S("\3\x15\6\0\1\2"), "Path(3,21,0102)");
    node_is(S("\4\1\6\0\1\2"), "Path(4,1,0102)");
    node_is(S("\4\3\6\0\1\2"), "Path(4,3,0102)");
    node_is(S("\4\4\4\0"), "Path(4,4,)");
    node_is(S("\4\4\7\0a\0b"), "Path(4,4,610062)");
    node_is(S("\5\1\6\0\1\0"), "Path(5,1,0100)");
    node_is(S("\5\1\x09\0\1\0\0\0\xff"), "Path(5,1,01000000ff)");
}

/* L07 */
Test(eventlog_claims, a_node_that_is_shorter_than_its_header_or_longer_than_the_path_is_refused)
{
    const slice bad[] = {
        S("\1\1\0\0" END_OF_PATH),
        S("\1\1\1\0" END_OF_PATH),
        S("\1\1\3\0" END_OF_PATH),
        S("\1\1\x09\0" END_OF_PATH),
        S("\1\1\xff\xff" END_OF_PATH),
        S("\1\1\4\0\x7f\xff\0\0"),
        S("\1\1\4\0\x7f\xff\5\0\0"),
        S("\1\1\4\0"),
        S("\1\1\4"),
        S("\1"),
        S("\1\1\4\0" END_OF_PATH "\0"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        path_with(bad[i].len, bad[i]);
        refuses(EVENTLOG_DATA);
    }
}

/* L07 */
Test(eventlog_claims, an_end_inside_a_path_is_refused)
{
    path_with(12, S(END_OF_PATH "\1\1\4\0" END_OF_PATH));
    refuses(EVENTLOG_DATA);
    path_with(8, S(END_OF_PATH END_OF_PATH));
    refuses(EVENTLOG_DATA);
    path_with(8, S("\x7f\1\4\0" END_OF_PATH));
    refuses(EVENTLOG_DATA);
}

/* L07 */
Test(eventlog_claims, a_path_of_a_hundred_thousand_nodes_is_refused)
{
    struct forge_log path = {0};
    for (size_t i = 0; i < 256; i++)
        forge_bytes(&path, S("\6\1\4\0"));
    forge_bytes(&path, S(END_OF_PATH));
    path_with(path.size, forge_log_bytes(&path));
    reads();
    is("/log/0/details/device_paths/255", "\"Path(6,1,)\"");
    path.size -= 4;
    for (size_t i = 256; i < 100000; i++)
        forge_bytes(&path, S("\6\1\4\0"));
    forge_bytes(&path, S(END_OF_PATH));
    path_with(path.size, forge_log_bytes(&path));
    refuses(EVENTLOG_DATA);
    forge_log_end(&path);
}

Test(eventlog_claims, the_length_of_a_path_is_what_is_left_of_the_event)
{
    const uint64_t bad[] = {1, 3, 9, 11, 12, UINT64_MAX, UINT64_MAX - 3, UINT64_C(1) << 63};
    path_with(10, S("\1\1\6\0\1\2" END_OF_PATH));
    reads();
    for (size_t i = 0; i < 8; i++) {
        path_with(bad[i], S("\1\1\6\0\1\2" END_OF_PATH));
        refuses(EVENTLOG_DATA);
    }
    again();
    forge_plain(&l, 2, APPLICATION, S("0123456789012345678901234567890"));
    refuses(EVENTLOG_DATA);
}

/* --- who wrote it --- */

/* L03 */
Test(eventlog_claims, a_separator_under_another_type_spoils_its_register)
{
    forge_variable(&l, 1, DRIVER_CONFIG, "PK", S(""), false);
    forge_plain(&l, 1, EV_SEPARATOR, S("\0\0\0\0"));
    l.bytes[l.last + 4] = EV_IPL;
    forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoot", S("\1"), false);
    forge_variable(&l, 1, VARIABLE_AUTHORITY, "db", S("\1"), false);
    forge_plain(&l, 2, EFI_ACTION, S("of another register"));
    reads();
    is("/log/0/details/unicode_name", "\"PK\"");
    is("/log/1/details", NOTHING);
    is("/log/2/details", NOTHING);
    is("/log/3/details", NOTHING);
    is("/log/4/details/string", "\"of another register\"");
    is("/log/2/digest_matches_event", "true");
}

/* L03 */
Test(eventlog_claims, something_else_under_the_type_of_a_separator_spoils_its_register)
{
    const slice strange[] = {S("\0\0\0\1"), S("\0\0\0"), S("\0\0\0\0\0"), S(""), S("SecureBoot")};
    for (size_t i = 0; i < 5; i++) {
        again();
        forge_plain(&l, 1, EV_SEPARATOR, strange[i]);
        forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoot", S("\1"), false);
        tells(NOTHING);
    }
    again();
    forge_event(&l, 1, EV_SEPARATOR, S("an image"), S("\0\0\0\0"));
    forge_variable(&l, 1, VARIABLE_AUTHORITY, "db", S("\1"), false);
    tells(NOTHING);
}

Test(eventlog_claims, both_values_of_a_separator_are_separators)
{
    forge_plain(&l, 1, EV_SEPARATOR, S("\0\0\0\0"));
    forge_plain(&l, 1, EV_SEPARATOR, S("\xff\xff\xff\xff"));
    tells(NOTHING);
    forge_variable(&l, 1, VARIABLE_AUTHORITY, "SecureBoot", S("\1"), false);
    tells(SECURE_BOOT("AQ==", "1"));
}

/* The firmware measures its secure boot variables before the separator; a guest can do so later. */
Test(eventlog_claims, a_variable_of_secure_boot_behind_a_separator_is_not_told)
{
    forge_plain(&l, 1, EV_SEPARATOR, S("\0\0\0\0"));
    forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoot", S("\1"), false);
    tells(NOTHING);
    forge_variable(&l, 1, VARIABLE_BOOT, "BootOrder", S("\0\0"), true);
    reads();
    is("/log/2/details/unicode_name", "\"BootOrder\"");
}

Test(eventlog_claims, what_firmware_does_is_not_told_behind_the_end_of_its_services)
{
    forge_plain(&l, 2, EFI_ACTION, S("Exit Boot Services Invocation"));
    forge_application(&l, 2, "kernel", S("kernel"));
    tells(NOTHING);
    forge_variable(&l, 2, VARIABLE_BOOT2, "SecureBoot", S("\1"), false);
    tells(NOTHING);
    forge_event(&l, 2, EV_PLATFORM_CONFIG_FLAGS, S("table"), S("ACPI DATA"));
    tells(NOTHING);
    forge_event(&l, 2, FIRMWARE_BLOB2, S("firmware"), S("\2Fv"));
    tells(NOTHING);
    forge_event(&l, 2, EV_POST_CODE, S("code"), S("code"));
    tells(NOTHING);
    forge_plain(&l, 2, EFI_ACTION, S("Exit Boot Services Returned with Success"));
    tells("{\"string\":\"Exit Boot Services Returned with Success\"}");
    forge_agent_line(&l, 2, "a b c");
    reads();
    is("/log/7/details/unicode_name", "\"AAEL\"");
    forge_application(&l, 3, "kernel", S("kernel"));
    tells("{\"device_paths\":[\"File(kernel)\"]}");
}

/* L03 */
Test(eventlog_claims, the_end_of_the_boot_services_is_known_by_its_digest)
{
    forge_event(&l, 2, EV_IPL, S("Exit Boot Services Invocation"), S("MokList\0"));
    forge_application(&l, 2, "kernel", S("kernel"));
    tells(NOTHING);
}

static const struct forge_boot BOOT = {
    TRUSTEE_TEXT("firmware"), TRUSTEE_TEXT("kernel"), TRUSTEE_TEXT("console=hvc0"), TRUSTEE_TEXT("initrd"), true,
};

Test(eventlog_claims, a_whole_boot_is_told)
{
    forge_guest(&l, &BOOT);
    reads();
    cr_expect(count() == 13);
    is("/log/0/details/string", "\"Fv(00000000-0000-0000-0000-000000000000)\"");
    is("/log/1/details/unicode_name", "\"SecureBoot\"");
    is("/log/5/details/unicode_name", "\"BootOrder\"");
    is("/log/8/details/device_paths", "[\"File(kernel)\"]");
    is("/log/9/details/string", "\"LOADED_IMAGE::LoadOptions\"");
}

/* L03, L04: whatever one flips of types and data, nothing is told that was not told before, save of labels */
Test(eventlog_claims, a_flipped_bit_of_covered_data_is_never_told)
{
    forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoot", S("\1"), false);
    forge_plain(&l, 1, EFI_ACTION, S("abc"));
    forge_agent_line(&l, 1, "a b c");
    size_t events[] = {0, 0, 0}, sizes[] = {53, 3, 13}, at = l.size;
    for (size_t i = 3; i-- > 0; at -= sizes[i] + 66)
        events[i] = at - sizes[i];
    for (size_t i = 0; i < 3; i++) {
        for (size_t bit = 0; bit < 8 * sizes[i]; bit++) {
            char pointer[32];
            l.bytes[events[i] + bit / 8] ^= (uint8_t)(1 << bit % 8);
            (void)snprintf(pointer, sizeof pointer, "/log/%zu/details", i);
            enum reason r = claims_of(forge_log_bytes(&l), TPM_ALG_SHA384, RTMRS);
            /* A tag under another id is a label. */
            bool label = i == 2 && bit < 32;
            cr_expect(r == EVENTLOG_DATA || label || strcmp(claim(pointer), NOTHING) == 0, "%zu.%zu", i, bit);
            l.bytes[events[i] + bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

/* --- limits --- */

static double milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* L11 */
Test(eventlog_claims, a_hundred_thousand_events_take_linear_time)
{
#if defined(__SANITIZE_ADDRESS__)
    cr_skip_test("times mean nothing under a sanitiser");
#endif
    double best[2] = {1e9, 1e9};
    forge_log_end(&l);
    forge_log_begin(&l, (const uint16_t[]){TPM_ALG_SHA1}, 1);
    for (size_t n = 0; n < 2; n++) {
        for (size_t i = n * 10000; i < 10000 + n * 90000; i++)
            forge_plain(&l, 1 + (uint32_t)(i & 3), EFI_ACTION, S("abc"));
        for (int i = 0; i < 3; i++) {
            double start = milliseconds();
            cr_assert(claims_of(forge_log_bytes(&l), TPM_ALG_SHA1, RTMRS) == REASON_OK);
            double taken = milliseconds() - start;
            best[n] = taken < best[n] ? taken : best[n];
        }
    }
    cr_expect(count() == 100000);
    fprintf(stderr, "eventlog: claims of 10^4 events in %.1f ms, of 10^5 in %.1f ms\n", best[0], best[1]);
    cr_expect(best[1] < 30 * best[0] + 10);
}

Test(eventlog_claims, a_full_arena_is_said)
{
    struct eventlog_proof proof = {0};
    forge_guest(&l, &BOOT);
    proof = (struct eventlog_proof){forge_log_bytes(&l), TPM_ALG_SHA384, RTMRS};
    for (size_t room = 64; room < 40000; room += 512) {
        struct trustee_writer w;
        tree out;
        fake_request(&host);
        host.arena.size = room;
        result r = claims_begin(&w, &host.arena, 65536);
        if (!FAILED(r))
            r = eventlog_claims(&host.table, fake_handle(&host), &w, S("log"), &proof);
        if (!FAILED(r))
            r = claims_end(&w, &out);
        host.arena.size = ARENA_SIZE;
        cr_expect(r.reason == NO_MEMORY, "%zu: %s", room, reason_id((enum reason)r.reason));
    }
}

Test(eventlog_claims, what_is_no_log_is_refused)
{
    cr_expect(claims_of(S(""), TPM_ALG_SHA384, RTMRS) == EVENTLOG_HEADER);
    forge_plain(&l, 1, EFI_ACTION, S("abc"));
    l.size--;
    refuses(EVENTLOG_TRUNCATED);
}

/* --- recorded logs --- */

static slice read_vector(const char *name)
{
    static uint8_t room[4u << 20];
    static size_t used;
    char path[1024];
    const char *folder = getenv("TRUSTEE_VECTORS");
    (void)snprintf(path, sizeof path, "%s/eventlog/%s", folder ? folder : "../shared/vectors", name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return NO_SLICE;
    slice bytes = slice_of(room + used, fread(room + used, 1, sizeof room - used, file));
    used += bytes.len;
    fclose(file);
    return bytes;
}

static tree expected_claims(slice text)
{
    struct trustee_writer w;
    const json *v;
    tree out;
    cr_assert(!FAILED(json_parse(&host.arena, text, &v)));
    cr_assert(!FAILED(claims_begin(&w, &host.arena, 1u << 20)));
    claims_json(&w, S("log"), json_get(v, S("uefi_event_logs")));
    cr_assert(!FAILED(claims_end(&w, &out)));
    return out;
}

static void claims_equal(const char *name, uint16_t algorithm)
{
    char out_name[64];
    (void)snprintf(out_name, sizeof out_name, "%s_out.json", name);
    slice log = read_vector(name), out = read_vector(out_name);
    if (!log.ptr || !out.ptr)
        cr_skip_test("no recorded logs: set TRUSTEE_VECTORS");
    cr_assert(claims_of(log, algorithm, RTMRS) == REASON_OK);
    tree expected = expected_claims(out);
    size_t n = (size_t)tree_at(expected, S("/log"))->integer;
    cr_expect(count() == n);
    for (size_t i = 0; i < n; i++) {
        char at[32];
        (void)snprintf(at, sizeof at, "/log/%zu", i);
        slice pointer = slice_text(at);
        cr_expect(tree_equal(claims, tree_at(claims, pointer), expected, tree_at(expected, pointer)), "%s%s: %s", name,
                  at, claim(at));
    }
}

Test(eventlog_claims, recorded_logs_have_upstreams_claims)
{
    claims_equal("CCEL_data", TPM_ALG_SHA384);
    claims_equal("CCEL_data_ovmf", TPM_ALG_SHA384);
    claims_equal("CCEL_data_grub", TPM_ALG_SHA384);
    claims_equal("CCEL_AAEL_alibabacloud", TPM_ALG_SHA384);
    claims_equal("CCEL_data_csv", TPM_ALG_SM3_256);
}

Test(eventlog_claims, a_recorded_log_without_recorded_claims_is_read)
{
    slice log = read_vector("CCEL_data_gcp");
    if (!log.ptr)
        cr_skip_test("no recorded logs: set TRUSTEE_VECTORS");
    cr_assert(claims_of(log, TPM_ALG_SHA384, RTMRS) == REASON_OK);
    cr_expect(count() == 21);
}
