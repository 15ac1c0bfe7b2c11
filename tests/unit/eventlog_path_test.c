/* SPDX-License-Identifier: Apache-2.0
 *
 * Device paths in claims. Letters in comments are the rows of the list of bad inputs that a test is for.
 */
#include "tests/unit/eventlog_fixture.h"

TestSuite(eventlog_path, .init = begin, .fini = end, .timeout = 300);

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

Test(eventlog_path, an_application_is_told_with_the_path_it_came_from)
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
Test(eventlog_path, nodes_have_the_texts_that_policies_know)
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

Test(eventlog_path, nodes_without_a_text_of_their_own_are_written_in_hex)
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
Test(eventlog_path, a_node_that_is_shorter_than_its_header_or_longer_than_the_path_is_refused)
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
Test(eventlog_path, an_end_inside_a_path_is_refused)
{
    path_with(12, S(END_OF_PATH "\1\1\4\0" END_OF_PATH));
    refuses(EVENTLOG_DATA);
    path_with(8, S(END_OF_PATH END_OF_PATH));
    refuses(EVENTLOG_DATA);
    path_with(8, S("\x7f\1\4\0" END_OF_PATH));
    refuses(EVENTLOG_DATA);
}

/* L07 */
Test(eventlog_path, a_path_of_a_hundred_thousand_nodes_is_refused)
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

Test(eventlog_path, the_length_of_a_path_is_what_is_left_of_the_event)
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
