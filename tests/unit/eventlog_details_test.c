/* SPDX-License-Identifier: Apache-2.0
 *
 * What is told of the data of events, type by type. Letters in comments are the rows of the list of bad inputs that a
 * test is for.
 */
#include "tests/unit/eventlog_fixture.h"

TestSuite(eventlog_details, .init = begin, .fini = end, .timeout = 300);

/* --- texts --- */

Test(eventlog_details, actions_are_texts_covered_by_their_digests)
{
    forge_plain(&l, 2, EFI_ACTION, S("Calling EFI Application from Boot Option"));
    tells("{\"string\":\"Calling EFI Application from Boot Option\"}");
    forge_plain(&l, 2, EV_ACTION, S(""));
    tells("{\"string\":\"\"}");
    forge_plain(&l, 2, 18, S("BOOT ATTEMPTS OMITTED"));
    tells("{\"string\":\"BOOT ATTEMPTS OMITTED\"}");
}

/* L04 */
Test(eventlog_details, an_action_whose_text_was_edited_is_not_told)
{
    forge_event(&l, 2, EFI_ACTION, S("Exit Boot Services Returned with Failure"),
                S("Exit Boot Services Returned with Success"));
    tells(NOTHING);
    is("/log/0/digest_matches_event", "false");
}

Test(eventlog_details, a_text_that_is_not_utf_8_is_refused)
{
    const uint32_t types[] = {EV_POST_CODE, EV_ACTION, EV_COMPACT_HASH, EFI_ACTION};
    for (size_t i = 0; i < 4; i++) {
        again();
        forge_plain(&l, 2, types[i], S("\xff"));
        refuses(EVENTLOG_DATA);
    }
}

Test(eventlog_details, labels_name_what_the_digest_is_of)
{
    forge_event(&l, 1, EV_POST_CODE, S("tables"), S("ACPI DATA"));
    tells("{\"string\":\"ACPI DATA\"}");
    is("/log/0/digest_matches_event", "false");
    forge_event(&l, 1, EV_COMPACT_HASH, S("code"), S("BIOS"));
    tells("{\"string\":\"BIOS\"}");
}

Test(eventlog_details, blobs_and_tables_have_a_counted_name)
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

Test(eventlog_details, types_without_a_form_of_their_own_have_no_details)
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

Test(eventlog_details, configuration_flags_lose_their_control_characters)
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

Test(eventlog_details, what_td_shim_measures_is_told_where_the_digest_is_over_it)
{
    forge_event(&l, 2, EV_PLATFORM_CONFIG_FLAGS, S("root"), S(TD_INFO "root"));
    tells("{\"string\":\"td_payload_inforoot\"}");
    is("/log/0/digest_matches_event", "false");
}

/* L04 */
Test(eventlog_details, what_td_shim_measures_is_not_told_where_it_was_edited)
{
    forge_event(&l, 2, EV_PLATFORM_CONFIG_FLAGS, S("root"), S(TD_INFO "roots"));
    tells(NOTHING);
    forge_event(&l, 2, EV_PLATFORM_CONFIG_FLAGS, S("root"), S(TD_INFO "evil"));
    tells(NOTHING);
    forge_event(&l, 2, EV_PLATFORM_CONFIG_FLAGS, S("root"), S("td_payload_info\0evil"));
    tells(NOTHING);
}

/* --- boot loaders --- */

Test(eventlog_details, lines_of_grub_are_told_where_the_digest_is_over_them)
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
Test(eventlog_details, an_edited_line_of_grub_is_not_told)
{
    forge_event(&l, 3, EV_IPL, S("/vmlinuz init=/evil"), S("kernel_cmdline: /vmlinuz quiet\0"));
    tells(NOTHING);
    forge_event(&l, 3, EV_IPL, S("set pager=1\0"), S("grub_cmd set pager=0\0\0"));
    tells(NOTHING);
    forge_event(&l, 3, EV_IPL, S("quiet\0\0"), S("grub_cmd quiet\0\0"));
    tells(NOTHING);
}

Test(eventlog_details, other_boot_loaders_write_names)
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

Test(eventlog_details, a_boot_loaders_event_that_is_too_short_is_refused)
{
    const slice bad[] = {S(""), S("a"), S(".\0"), S(".\0a")};
    for (size_t i = 0; i < 4; i++) {
        again();
        forge_plain(&l, 3, EV_IPL, bad[i]);
        refuses(EVENTLOG_DATA);
    }
}

/* --- tags and the attestation agent --- */

Test(eventlog_details, tags_name_what_the_kernels_stub_measures)
{
    forge_tag(&l, 3, 0x8f3b22ed, S("LOADED_IMAGE::LoadOptions\0"), S("console=hvc0"));
    tells("{\"string\":\"LOADED_IMAGE::LoadOptions\"}");
    is("/log/0/digest_matches_event", "false");
    forge_tag(&l, 3, 0x8f3b22ec, S("Linux\0 initrd\0"), S("initrd"));
    tells("{\"string\":\"Linux initrd\"}");
    forge_tag(&l, 3, 1, S("\xff"), S("binary"));
    tells(NOTHING);
}

Test(eventlog_details, a_tag_whose_size_is_beyond_its_data_is_refused)
{
    const slice bad[] = {S(""), S("\1\0\0"), S("\1\0\0\0\1\0\0"), S("\1\0\0\0\1\0\0\0"),
                         S("\1\0\0\0\xff\xff\xff\xff.")};
    for (size_t i = 0; i < 5; i++) {
        again();
        forge_plain(&l, 3, EV_EVENT_TAG, bad[i]);
        refuses(EVENTLOG_DATA);
    }
}

Test(eventlog_details, a_line_of_the_agent_is_taken_apart)
{
    forge_agent_line(&l, 4, "example.org start some content");
    tells("{\"data\":{\"content\":\"some content\",\"domain\":\"example.org\",\"operation\":\"start\"},"
          "\"string\":\"example.org start some content\",\"unicode_name\":\"AAEL\"}");
    forge_agent_line(&l, 4, "example.org stop ");
    tells("{\"data\":{\"content\":\"\",\"domain\":\"example.org\",\"operation\":\"stop\"},"
          "\"string\":\"example.org stop \",\"unicode_name\":\"AAEL\"}");
}

Test(eventlog_details, content_of_a_line_that_is_json_is_a_value)
{
    forge_agent_line(&l, 4, "a b {\"list\":[1,-2.5,true,null,\"x\"],\"o\":{\"\":{}}}");
    reads();
    is("/log/0/details/data/content", "{\"list\":[1,-2.5,true,null,\"x\"],\"o\":{\"\":{}}}");
    forge_agent_line(&l, 4, "a b 18446744073709551616");
    reads();
    is("/log/1/details/data/content", "18446744073709551616");
}

Test(eventlog_details, content_that_is_ambiguous_or_deep_json_stays_a_text)
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
Test(eventlog_details, a_line_of_the_agent_that_has_no_three_parts_is_refused)
{
    const char *const bad[] = {"", " ", "a", "a b", "a ", " a b", "a  b", "  "};
    for (size_t i = 0; i < 8; i++) {
        again();
        forge_agent_line(&l, 4, bad[i]);
        refuses(EVENTLOG_DATA);
    }
}

/* L10 */
Test(eventlog_details, a_line_of_the_agent_that_is_not_utf_8_or_too_long_is_refused)
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

Test(eventlog_details, a_line_of_the_agent_with_something_behind_it_is_refused)
{
    forge_plain(&l, 4, EV_EVENT_TAG, S("LEAA\5\0\0\0a b c."));
    refuses(EVENTLOG_DATA);
    again();
    forge_plain(&l, 4, EV_EVENT_TAG, S("LEAA\5\0\0\0a b c"));
    reads();
    is("/log/0/details/data/content", "\"c\"");
}

/* L04 */
Test(eventlog_details, an_edited_line_of_the_agent_is_not_told)
{
    forge_tag(&l, 4, 0x4141454c, S("a b good"), S("a b evil"));
    tells(NOTHING);
    forge_tag(&l, 4, 0x4141454c, S("a b same"), S("a b same"));
    reads();
    is("/log/1/details/data/content", "\"same\"");
}

/* --- variables --- */

Test(eventlog_details, a_variable_is_told_with_name_and_value)
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

Test(eventlog_details, of_a_boot_variable_the_value_alone_may_be_measured)
{
    forge_variable(&l, 1, VARIABLE_BOOT, "SecureBoot", S("\1"), true);
    tells(SECURE_BOOT("AQ==", "1"));
    is("/log/0/digest_matches_event", "false");
    forge_variable(&l, 1, VARIABLE_BOOT2, "SecureBoot", S("\1"), true);
    tells(NOTHING);
}

/* L04 */
Test(eventlog_details, a_variable_whose_value_was_edited_is_not_told)
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
Test(eventlog_details, a_second_value_of_a_variable_is_not_told)
{
    forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoot", S("\0"), false);
    tells(SECURE_BOOT("AA==", "1"));
    forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoot", S("\1"), false);
    tells(NOTHING);
    is("/log/0/details", SECURE_BOOT("AA==", "1"));
    is("/log/1/digest_matches_event", "true");
}

Test(eventlog_details, a_second_copy_of_a_variable_another_register_or_another_name_is_told)
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

Test(eventlog_details, more_variables_than_can_be_remembered_are_not_told)
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
Test(eventlog_details, a_signature_list_stays_the_bytes_that_it_is)
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
Test(eventlog_details, a_variable_whose_lengths_are_not_its_size_is_refused)
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
Test(eventlog_details, a_variable_whose_name_is_not_utf_16_is_refused)
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
